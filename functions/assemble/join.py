"""The picture track of a film: segments joined packet by packet, nothing encoded again."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer

from functions.contract.base import Rate, Size
from functions.contract.errors import InputError
from functions.media.decode import reading
from functions.media.disk import writing
from functions.media.encode import REORDER, timescale


@dataclass(frozen=True)
class Segment:
    """One conformed shot, or a part of a clip: its name, its file, and which of its packets, all by default. These are
    whole groups of pictures.
    """

    name: str
    path: Path
    packets: range = range(sys.maxsize)


def join(
    segments: Sequence[Segment], path: Path, size: Size, rate: Rate, tick: Callable[[int], None] | None = None
) -> list[int]:
    """Write all segments to `path` one after another; `tick` is told how many are done. Gives their lengths in frames.

    Decode times are numbered anew, so they rise by one frame throughout; presentation keeps each segment's order.
    Raises `InputError` naming the segment that is not encoded like the first, `DiskFull`.
    """
    options = {"movflags": "+faststart", "fflags": "+bitexact", "video_track_timescale": str(timescale(rate))}
    lengths: list[int] = []
    with writing(path), av.open(str(path), "w", format="mp4", options=options) as film:
        first = b""
        track = None
        for done, segment in enumerate(segments, 1):
            with reading(segment.path, f"segment {segment.name}") as source:
                header = _checked(source, segment.name, size, first)
                if track is None:
                    first, track = header, film.add_stream_from_template(source.streams.video[0])
                    track.time_base = Fraction(1, timescale(rate))
                count = 0
                for packet in _renumbered(source, segment, rate, sum(lengths)):
                    packet.stream = track
                    with writing(path):
                        film.mux_one(packet)
                    count += 1
            lengths.append(count)
            if tick is not None:
                tick(done)
    return lengths


def _checked(source: InputContainer, name: str, size: Size, first: bytes) -> bytes:
    if not source.streams.video:
        raise InputError(f"segment {name} holds no picture: conform it again")
    context = source.streams.video[0].codec_context
    if context.name != "h264" or (context.width, context.height) != (size.width, size.height):
        found = f"{context.name} of {context.width}x{context.height}"
        raise InputError(f"segment {name} is {found}, not h264 of {size.width}x{size.height}: conform it again")
    header = bytes(context.extradata or b"")
    if first and header != first:
        raise InputError(f"segment {name} is encoded with other settings than the first: conform it again")
    return header


def _renumbered(
    source: InputContainer, segment: Segment, rate: Rate, before: int
) -> Iterator["av.Packet[av.VideoStream]"]:
    stream, name, first = source.streams.video[0], segment.name, segment.packets.start
    frame = Fraction(rate.den, rate.num)
    ticks = timescale(rate) * rate.den // rate.num
    for index, packet in enumerate(islice((p for p in source.demux(stream) if p.size), first, segment.packets.stop)):
        if packet.pts is None:
            raise InputError(f"segment {name} has a frame without a time stamp: conform it again")
        shown = packet.pts * packet.time_base / frame - first
        if shown.denominator != 1 or shown + REORDER < index:
            raise InputError(f"segment {name} is not at {rate.num}/{rate.den} frames a second: conform it again")
        packet.pts, packet.dts = (before + int(shown)) * ticks, (before + index - REORDER) * ticks
        packet.duration, packet.time_base = ticks, Fraction(1, timescale(rate))
        yield packet
