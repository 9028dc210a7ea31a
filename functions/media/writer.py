"""A clip written as it is made: groups of pictures encoded beside each other, sound carried along, memory bounded.

Each group is encoded by an encoder of its own, on one thread: the file does not depend on how many work at once, and
many cores are used without the losses of slices. Groups are written in order.
"""

import math
import os
import queue
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.frame import PictureType

from functions.contract.base import HANDLE_SECONDS, Rate, Size
from functions.contract.errors import EngineError
from functions.media.disk import writing
from functions.media.encode import CLIP_GROUP_SECONDS, REORDER, timescale
from functions.media.encoders import Encoder, shaped
from functions.media.frames import Packed
from functions.media.picture import tagged
from functions.media.sound_track import Silence, SoundTrack
from functions.media.source import Clip

MEMORY = 8 << 30
"""Bytes that all frames of all groups may take, in the queue and inside the encoders."""
WORKING = 4
"""Copies of a frame that its encoder holds, and the frame that waits, about."""


@dataclass
class _Group:
    """A group on its way: frames in, packets out."""

    first: int
    frames: "queue.SimpleQueue[Packed | None]" = field(default_factory=queue.SimpleQueue)
    packets: "queue.SimpleQueue[av.Packet[av.VideoStream]]" = field(default_factory=queue.SimpleQueue)
    encoding: "Future[None] | None" = None


class ClipWriter:
    """Writes packed pictures of exactly `size` to an MP4 of the clip's sound (None: silent); a context manager.

    `total` is how many frames will come, `lanes` how many groups are encoded at once (0: as many as suit). A group
    begins at the clip's handle, so that a cut may lie there. `waited` is how many seconds `write` was held up. Raises
    `DiskFull`, `StorageError`, and `InputError` for sound that MP4 cannot hold.
    """

    def __init__(
        self, path: Path, size: Size, rate: Rate, total: int, encoder: Encoder, sound: Clip | None, *, lanes: int = 0
    ) -> None:
        self.path, self.size, self.total, self.encoder = path, size, total, encoder
        self._step = Fraction(rate.den, rate.num)
        self._length = math.ceil(CLIP_GROUP_SECONDS / self._step)
        self._handle = total - round(HANDLE_SECONDS / self._step)
        self._rate, self.frames, self.waited = rate, 0, 0.0
        lanes = lanes or (workers(size, self._length) if encoder.codec == "libx264" else 1)
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix="encode")
        self._free = threading.Semaphore(lanes * self._length + 1)
        self._groups: deque[_Group] = deque()
        self._stopped = threading.Event()
        self._muxed = 0
        options = {"movflags": "+faststart", "fflags": "+bitexact", "video_track_timescale": str(timescale(rate))}
        with writing(path):
            self._container = av.open(str(path), "w", format="mp4", options=options)
        self._track = self._template()
        self._sound = SoundTrack(sound, self._container) if sound else Silence(self._container)

    def __enter__(self) -> Self:
        self._sound.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        begun = time.monotonic()
        try:
            if kind is None:
                self._finish()
        finally:
            self._stopped.set()
            for group in self._groups:
                group.frames.put(None)
            self._pool.shutdown(wait=True)
            with self._sound, writing(self.path):
                self._container.close()
            self.waited += time.monotonic() - begun

    def write(self, picture: Packed) -> None:
        """Append a picture; waits while encoders are behind. Raises what encoding earlier ones raised."""
        begun = time.monotonic()
        while not self._free.acquire(timeout=0.2):
            self._mux()
        if self.frames % self._length == 0 or self.frames == self._handle:
            self._begin()
        self._groups[-1].frames.put(picture)
        self.frames += 1
        self._mux()
        self.waited += time.monotonic() - begun

    def _begin(self) -> None:
        if self._groups:
            self._groups[-1].frames.put(None)
        group = _Group(self.frames)
        self._groups.append(group)
        group.encoding = self._pool.submit(self._encode, group)

    def _encode(self, group: _Group) -> None:
        context, number = self.encoder.context(self.size, self._rate, self._length), group.first
        while (picture := group.frames.get()) is not None and not self._stopped.is_set():
            frame = tagged(av.VideoFrame.from_ndarray(picture, "yuv420p"))
            frame.pts, frame.time_base = number, self._step
            frame.pict_type = PictureType.I if number == group.first else PictureType.NONE
            for packet in context.encode(frame):
                group.packets.put(packet)
            number += 1
            self._free.release()
        for packet in context.encode(None) if number > group.first else ():
            group.packets.put(packet)

    def _mux(self, *, wait: bool = False) -> None:
        """Write what is encoded, in order; `wait` for all of it."""
        while self._groups:
            group = self._groups[0]
            over = group.encoding is not None and (wait or group.encoding.done())
            if over and group.encoding is not None:
                group.encoding.result()
            while not group.packets.empty():
                self._put(group.packets.get())
            if not over or (len(self._groups) == 1 and not wait):
                return
            self._groups.popleft()

    def _put(self, packet: "av.Packet[av.VideoStream]") -> None:
        packet.stream, packet.time_base = self._track, self._step
        packet.dts, packet.duration = self._muxed - REORDER, 1
        with writing(self.path):
            self._sound.until(self._muxed * self._step)
            self._container.mux_one(packet)
        self._muxed += 1

    def _finish(self) -> None:
        if self._groups:
            self._groups[-1].frames.put(None)
        self._mux(wait=True)
        if self._muxed != self.total:
            raise EngineError(f"{self._muxed} frames were encoded of {self.total}; this is a fault of the engine")
        with writing(self.path):
            self._sound.until(None)

    def _template(self) -> av.VideoStream:
        """The track, whose header is that of every group's encoder."""
        options = self.encoder.options(self.size, self._length)
        stream = self._container.add_stream(self.encoder.codec, rate=1 / self._step, options=options)
        shaped(stream.codec_context, self.size, self._rate)
        return stream


def workers(size: Size, length: int) -> int:
    """How many groups are encoded at once: one a core, as far as `MEMORY` lets."""
    group = size.width * size.height * 3 // 2 * length * WORKING
    return max(
        1, min(os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count() or 1, MEMORY // group)
    )
