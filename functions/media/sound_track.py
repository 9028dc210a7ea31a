"""The sound of a clip carried to another file bit for bit: the same packets at the same times beside the pictures."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from functions.contract.errors import InputError, OutputRefused
from functions.media.decode import reading
from functions.media.source import Clip, packets

LEAD = Fraction(1, 2)
"""Seconds of sound that are written before the pictures of their time, so that the muxer holds little."""
SLACK = Fraction(2, 1000)
"""Seconds by which a packet may be shown elsewhere: clocks of containers tick as coarsely as once in a millisecond."""
Heard = tuple[int, Fraction, bytes]
"""Track, seconds after the first picture, content of one packet."""


class SoundTrack:
    """Copies every track of sound of `clip` into `into`, piece by piece; a context manager."""

    def __init__(self, clip: Clip, into: OutputContainer) -> None:
        self._clip, self._into = clip, into
        self._source = av.open(str(clip.path), metadata_errors="replace")
        streams = self._source.streams.audio
        self._names = ", ".join(sorted({s.codec_context.name for s in streams}))
        try:
            self._tracks = {s.index: into.add_stream_from_template(s) for s in streams}
        except (av.FFmpegError, ValueError) as error:
            raise self._homeless() from error
        self._packets = (p for p in packets(self._source, *streams) if p.size) if streams else iter(())
        self._waiting: av.Packet[Stream] | None = next(self._packets, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def begin(self) -> None:
        """Write the file's header. Raises `InputError` for sound that an MP4 has no place for."""
        try:
            self._into.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            if not self._tracks:
                raise
            raise self._homeless() from error

    def _homeless(self) -> InputError:
        return InputError(f"the sound of {self._clip.what} ({self._names}) has no place in an MP4: make it AAC first")

    def until(self, moment: Fraction | None) -> None:
        """Copy what is heard up to so many seconds after the first picture and a little more; None: all."""
        while (packet := self._waiting) is not None:
            if moment is not None and _time(packet, self._clip.first) > moment + LEAD:
                return
            self._waiting = next(self._packets, None)
            self._copy(packet)

    def _copy(self, packet: "av.Packet[Stream]") -> None:
        shift = round(self._clip.first / packet.time_base)
        packet.stream, packet.pts, packet.dts = self._tracks[packet.stream.index], _less(packet.pts, shift), None
        packet.dts = packet.pts
        self._into.mux_one(packet)


class Silence:
    """Stands in for the sound of a clip that has none."""

    def __init__(self, into: OutputContainer) -> None:
        self._into = into

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def begin(self) -> None:
        """Write the file's header."""
        self._into.start_encoding()

    def until(self, moment: Fraction | None) -> None:
        """Nothing is heard."""


def check_carried(source: Clip, made: Clip) -> None:
    """Raises `OutputRefused` unless `made` has the same packets of sound as `source`, at the same times."""
    pairs = itertools.zip_longest(heard(source), heard(made))
    for number, (wanted, got) in enumerate(pairs):
        if wanted is None or got is None:
            raise OutputRefused(f"sound was {'added' if wanted is None else 'lost'} at packet {number}")
        if (wanted[0], wanted[2]) != (got[0], got[2]):
            raise OutputRefused(f"packet {number} of the sound is not the clip's own")
        if abs(wanted[1] - got[1]) > SLACK:
            raise OutputRefused(f"packet {number} of the sound is heard {float(got[1] - wanted[1]):+.3f} s off")


def heard(clip: Clip) -> Iterator[Heard]:
    """The packets of all tracks of sound, track by track as they come."""
    with reading(Path(clip.path), clip.what) as container:
        streams: tuple[AudioStream, ...] = container.streams.audio
        order = {stream.index: number for number, stream in enumerate(streams)}
        if not order:
            return
        for packet in packets(container, *streams):
            if packet.size:
                yield order[packet.stream.index], _time(packet, clip.first), bytes(packet)


def _time(packet: "av.Packet[Stream]", first: Fraction) -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return (stamp or 0) * Fraction(packet.time_base) - first


def _less(stamp: int | None, shift: int) -> int | None:
    return None if stamp is None else stamp - shift
