"""What a clip from anywhere is, found from its packets and its first frame: what the streams of it will give.

Rates: a track whose frames are shown at the multiples of one rate, to within a tick of its clock, has that rate; any
other is given the usual rate nearest to its median step. Two hours of packets take about 1.5 MB of memory.
"""

import statistics
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.reformatter import ColorTrc
from av.video.stream import VideoStream

from functions.contract.base import Rate, Size
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.media.decode import reading
from functions.runtime.engine import Job

USUAL = tuple(Fraction(n) for n in (8, 10, 12, 15, 16, 20, 25, 48, 50, 100, 120)) + tuple(
    Fraction(n, d) for n in (24_000, 30_000, 60_000) for d in (1000, 1001)
)
"""Frame rates that a clip without one is given."""
SHORTEST, LONGEST = 16, 8192
"""Pixels of a side."""
HDR = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}
INPUT = "clip.mp4"
"""Name of the clip that finish steps take, and of the one they make."""
Ticks = tuple["array[int]", Fraction]
"""Presentation times in order of presentation, and the seconds of a tick."""


@dataclass(frozen=True)
class Clip:
    """A clip as its streams give it: upright, both sides even, `frames` at the constant `rate`.

    `first` is the time of its first picture in seconds, by its own clock. `interlaced` says that fields are woven.
    """

    path: Path
    what: str
    size: Size
    rate: Rate
    frames: int
    first: Fraction
    interlaced: bool
    audio: bool
    notes: tuple[Note, ...] = ()

    @property
    def step(self) -> Fraction:
        """Seconds of a frame."""
        return Fraction(self.rate.den, self.rate.num)


def describe(path: Path, what: str = "the clip") -> Clip:
    """Read a clip's packets, and its first frame. Raises `InputError` where it has no pictures, none that can be
    decoded, HDR's brightness or a size that nothing here makes.
    """
    with reading(path, what) as container:
        frame = _first_frame(container, pictures(container, what), what)
    with reading(path, what) as container:
        stream = pictures(container, what)
        transfer = frame.color_trc
        if transfer in HDR:
            raise InputError(f"{what} is HDR ({HDR[ColorTrc(transfer)]}): map it to BT.709 first")
        ticks = _ticks(container, stream)
        if not ticks[0]:
            raise InputError(f"{what} holds no frame with a time: give a whole, playable file")
        rate, constant = _rate(ticks, stream)
        count = len(ticks[0]) if constant else _count(ticks, rate)
        size, notes = _size(frame, what)
        if not constant:
            detail = f"{what} has no constant frame rate; it was read at {float(rate):.5g} frames a second"
            notes += (Note(code="variable_rate", detail=detail, value=round(float(rate), 3)),)
        if frame.interlaced_frame:
            notes += (Note(code="interlaced", detail=f"{what} is interlaced; its fields were made into whole frames"),)
        return Clip(
            path=path,
            what=what,
            size=size,
            rate=Rate(num=rate.numerator, den=rate.denominator),
            frames=count,
            first=ticks[0][0] * ticks[1],
            interlaced=bool(frame.interlaced_frame),
            audio=bool(container.streams.audio),
            notes=notes,
        )


def pictures(container: InputContainer, what: str) -> VideoStream:
    """The first track of moving pictures. Raises `InputError` where there is none (a cover is none)."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise InputError(f"{what} holds no pictures: give a video file")


def packets(container: InputContainer, *streams: Stream) -> "Iterator[av.Packet[Stream]]":
    """Packets up to where the file can be read."""
    source = container.demux(*streams)
    while True:
        try:
            packet = next(source, None)
        except (av.FFmpegError, EOFError):
            return
        if packet is None:
            return
        yield packet


def decoded(packet: "av.Packet[Stream]") -> list[av.VideoFrame] | None:
    """The pictures that a packet completes, None where it is broken."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
    except av.FFmpegError:
        return None


def _first_frame(container: InputContainer, stream: VideoStream, what: str) -> av.VideoFrame:
    for packet in packets(container, stream):
        for frame in decoded(packet) or ():
            return frame
    raise InputError(f"{what} holds no frame that can be decoded: give a whole, playable file")


def _ticks(container: InputContainer, stream: VideoStream) -> Ticks:
    base = Fraction(stream.time_base or Fraction(1, 90_000))
    found = array("q", (p.pts for p in packets(container, stream) if p.size and p.pts is not None and not p.is_discard))
    return array("q", sorted(set(found))), base


def _rate(ticks: Ticks, stream: VideoStream) -> tuple[Fraction, bool]:
    """(frames a second, whether all frames are shown at that rate)."""
    times, base = ticks
    told = [Fraction(r) for r in (stream.average_rate, stream.guessed_rate) if r]
    if len(times) == 1:
        return _usual(told[0] if told else Fraction(25)), True
    step = statistics.median(b - a for a, b in pairwise(times)) * base
    for rate in (1 / Fraction(step), *told, *USUAL):
        if _expressible(rate) and _constant(times, base, rate):
            return rate, True
    return _usual(1 / Fraction(step)), False


def _constant(times: "array[int]", base: Fraction, rate: Fraction) -> bool:
    per_frame = 1 / (rate * base)
    exact = per_frame.denominator == 1
    return all(abs(t - times[0] - i * per_frame) <= (0 if exact else 1) for i, t in enumerate(times))


def _usual(rate: Fraction) -> Fraction:
    return min(USUAL, key=lambda usual: max(usual / rate, rate / usual))


def _expressible(rate: Fraction) -> bool:
    return 1 <= rate.numerator <= 240_000 and rate.denominator <= 1001


def _count(ticks: Ticks, rate: Fraction) -> int:
    times, base = ticks
    last = statistics.median(b - a for a, b in pairwise(times))
    return max(1, round((times[-1] - times[0] + Fraction(last)) * base * rate))


def _size(frame: av.VideoFrame, what: str) -> tuple[Size, tuple[Note, ...]]:
    width, height = frame.width, frame.height
    if frame.rotation % 180:
        width, height = height, width
    if not all(SHORTEST <= side <= LONGEST for side in (width, height)):
        raise InputError(f"{what} is {width}x{height}: sides of {SHORTEST} to {LONGEST} pixels are taken; scale it")
    notes: tuple[Note, ...] = ()
    if width % 2 or height % 2:
        notes = (Note(code="odd_size", detail=f"{what} is {width}x{height}; its odd row or column was left out"),)
    return Size(width=width - width % 2, height=height - height % 2), notes


def input_clip(job: Job) -> Clip:
    """The clip that a finish step acts on. Raises `InputError`, also where the job has none."""
    if INPUT not in job.inputs:
        raise InputError(f"the step needs input '{INPUT}' and has none; give it the clip to work on")
    return describe(job.inputs[INPUT])
