"""Streamed decoding: pictures by their time, sound in blocks at 48 kHz stereo."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE, Rate
from functions.contract.errors import InputError
from functions.media.fir import BLOCK

SEEK_MARGIN = Fraction(1, 2)
"""Seconds before a moment at which a seek aims: an index may hold decode times, which lie before the shown ones."""
Block = NDArray[np.float32]
"""Sound of shape (samples, 2), nominally -1..1."""


@contextmanager
def reading(path: Path, what: str) -> Iterator[InputContainer]:
    """Open a media file. Raises `InputError` for all that the demuxer or decoder says of it."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except (av.FFmpegError, EOFError) as error:
        raise InputError(f"{what} cannot be decoded ({error}): give a whole, playable file") from error


@dataclass(frozen=True)
class Shown:
    """The picture at one moment. `held` says that the source has none there and an edge frame stands in."""

    frame: av.VideoFrame
    held: bool


def frames_at(path: Path, rate: Rate, start: int, count: int, what: str = "the clip") -> Iterator[Shown]:
    """Pictures of frames `start`, `start + 1`, ... at `rate`: what the source shows half a frame into each, whatever
    its own frame rate; its first and last frame are held beyond its ends. A still image is one frame, held.
    Raises `InputError`.
    """
    with reading(path, what) as container:
        if not container.streams.video:
            raise InputError(f"{what} holds no picture: give a clip or an image")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 2
        still = container.format.name.endswith("_pipe") or container.format.name == "image2"
        step = Fraction(rate.den, rate.num)
        yield from _shown(_from(container, start * step), step, start, count, still, what)


def _from(container: InputContainer, moment: Fraction) -> Iterator[tuple[Fraction, av.VideoFrame]]:
    """Decoded frames with seconds since the track's first: from a key frame before `moment` where that spares much."""
    if moment > 2 * SEEK_MARGIN:
        first = next(container.decode(container.streams.video[0]), None)
        stamp = None if first is None else _stamp(first)
        if stamp is not None:
            container.seek(int((stamp + moment - SEEK_MARGIN) * av.time_base))
            frames = _timed(container, stamp)
            head = next(frames, None)
            if head is not None and head[0] <= moment:
                yield head
                yield from frames
                return
        container.seek(0)
    yield from _timed(container, None)


def _stamp(frame: av.VideoFrame) -> Fraction | None:
    return None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


def _timed(container: InputContainer, first: Fraction | None) -> Iterator[tuple[Fraction, av.VideoFrame]]:
    """Decoded frames with seconds since `first`, the first frame where None; frames without a time stamp follow at the
    average rate.
    """
    stream = container.streams.video[0]
    step = 1 / Fraction(stream.average_rate or stream.guessed_rate or 25)
    time = -step
    for frame in container.decode(stream):
        stamp = _stamp(frame)
        first = stamp if first is None else first
        time = time + step if stamp is None or first is None else stamp - first
        yield time, frame


def _shown(
    source: Iterator[tuple[Fraction, av.VideoFrame]], step: Fraction, start: int, count: int, still: bool, what: str
) -> Iterator[Shown]:
    current = next(source, None)
    if current is None:
        raise InputError(f"{what} holds no frame that can be decoded: give a whole, playable file")
    coming = next(source, None)
    length = step
    for index in range(start, start + count):
        moment = (index + Fraction(1, 2)) * step
        while coming is not None and coming[0] <= moment:
            length, current, coming = coming[0] - current[0], coming, next(source, None)
        held = not still and (index < 0 or (coming is None and moment > current[0] + length))
        yield Shown(current[1], held)


def sound_blocks(path: Path, what: str = "the sound") -> Iterator[Block]:
    """The first sound stream as stereo blocks at 48 kHz, resampled and mixed down by libswresample.

    Raises `InputError`.
    """
    with reading(path, what) as container:
        if not container.streams.audio:
            raise InputError(f"{what} holds no sound: give an audio file")
        for frame in _resampled(container):
            yield cast(Block, frame.to_ndarray().reshape(-1, 2))


def gathered(frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """The same sound in frames of `BLOCK` samples, since codecs give as little as 20 ms; the last is shorter."""
    waiting = av.AudioFifo()
    for frame in frames:
        frame.pts = None
        waiting.write(frame)
        if waiting.samples >= BLOCK and (block := waiting.read(BLOCK)) is not None:
            yield block
    if (rest := waiting.read()) is not None:
        yield rest


def _resampled(container: InputContainer) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE)
    for frame in gathered(container.decode(container.streams.audio[0])):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
