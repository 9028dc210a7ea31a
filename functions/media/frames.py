"""A clip's pictures as a stream: upright, at its size and constant rate, in the delivery colours, whatever it was.

A picture is `(rows * 3 / 2, columns)` uint8: Y, then Cb, then Cr, 4:2:0 of BT.709 in limited range, chroma at the left.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from numpy.typing import NDArray

from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.media.decode import reading
from functions.media.picture import Rectangle, fitted
from functions.media.source import Clip, decoded, packets, pictures

Packed = NDArray[np.uint8]
DEINTERLACE = "bwdif"


@dataclass
class Damage:
    """What was wrong with a clip while it was read, counted in frames."""

    broken: int = 0
    resized: int = 0
    missing: int = 0

    def notes(self, what: str) -> list[Note]:
        """What a person should know of it."""
        told = (
            (
                "frames_damaged",
                self.broken,
                f"{self.broken} packets of {what} were broken; what they left was shown on",
            ),
            ("size_changed", self.resized, f"{self.resized} frames of {what} had another size and were scaled"),
            ("frames_missing", self.missing, f"{what} ended {self.missing} frames early; its last picture was held"),
        )
        return [Note(code=code, detail=detail, value=float(count)) for code, count, detail in told if count]


@dataclass
class Frames:
    """The stream of one clip. `damage` is whole when the stream has ended."""

    clip: Clip
    damage: Damage = field(default_factory=Damage)

    def __iter__(self) -> Generator[Packed, None, None]:
        """Exactly `clip.frames` pictures: each what the clip shows half a frame into it. A picture that is shown twice
        is the same array. Raises `InputError`.
        """
        clip = self.clip
        shown: tuple[Fraction, av.VideoFrame] | None = None
        made: Packed | None = None
        source = self._timed()
        coming = next(source, None)
        if coming is None:
            raise InputError(f"{clip.what} holds no frame that can be decoded: give a whole, playable file")
        for index in range(clip.frames):
            moment = (index + Fraction(1, 2)) * clip.step
            while coming is not None and (coming[0] <= moment or shown is None):
                shown, made, coming = coming, None, next(source, None)
            if shown is not None and coming is None and moment - shown[0] > clip.step:
                self.damage.missing += 1
            if made is None and shown is not None:
                made = self._picture(shown[1])
            if made is not None:
                yield made

    def _timed(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """Frames with the seconds since the clip's first; one without a time follows a frame after the last."""
        time = -self.clip.step
        with reading(self.clip.path, self.clip.what) as container:
            for frame in self._whole(container):
                stamp = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
                time = time + self.clip.step if stamp is None else stamp - self.clip.first
                yield time, frame

    def _whole(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        weave: _Weave | None = None
        for frame in self._decoded(container):
            if not (self.clip.interlaced or frame.width % 2 or frame.height % 2):
                yield frame
                continue
            if weave is None or not weave.takes(frame):
                yield from weave.rest() if weave else ()
                weave = _Weave(frame, self.clip.interlaced)
            yield from weave.pull(frame)
        yield from weave.rest() if weave else ()

    def _decoded(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        for packet in packets(container, pictures(container, self.clip.what)):
            found = decoded(packet)
            self.damage.broken += found is None or packet.is_corrupt
            yield from found or ()

    def _picture(self, frame: av.VideoFrame) -> Packed:
        size = self.clip.size
        upright = (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)
        self.damage.resized += upright != (size.width, size.height)
        return packed(fitted(frame, size, Rectangle(0, 0, size.width, size.height)))


class _Weave:
    """Filters that make fields into frames and leave odd rows and columns out."""

    def __init__(self, frame: av.VideoFrame, interlaced: bool) -> None:
        self._key = _key(frame)
        self._graph = graph = Graph()
        self._source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
        )
        steps = [graph.add(DEINTERLACE, "mode=send_frame:deint=interlaced")] if interlaced else []
        area = f"{frame.width - frame.width % 2}:{frame.height - frame.height % 2}:0:0"
        graph.link_nodes(self._source, *steps, graph.add("crop", area), graph.add("buffersink")).configure()

    def takes(self, frame: av.VideoFrame) -> bool:
        return self._key == _key(frame)

    def pull(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        self._graph.vpush(frame)
        yield from self._ready()

    def rest(self) -> Iterator[av.VideoFrame]:
        self._graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, EOFError):
                return


def _key(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def packed(frame: av.VideoFrame) -> Packed:
    """A yuv420p frame's planes in one array."""
    return frame.to_ndarray(format="yuv420p").view(np.uint8)
