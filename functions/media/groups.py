"""Where a track may be cut without decoding it."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from av.container import InputContainer

from functions.contract.base import Rate
from functions.media.decode import reading


def groups(path: Path, header: bytes, rate: Rate) -> list[range]:
    """The groups of pictures of a clip, as frame numbers in the order shown. Empty where the track's header is another
    than `header`, it lies on its side, or frame n is not shown at exactly n frames of `rate`. Raises `InputError`.
    """
    with reading(path, "the clip") as container:
        if not container.streams.video:
            return []
        stream = container.streams.video[0]
        if bytes(stream.codec_context.extradata or b"") != header or next(container.decode(stream)).rotation:
            return []
        container.seek(0)
        return _groups(container, Fraction(rate.den, rate.num))


def _groups(container: InputContainer, frame: Fraction) -> list[range]:
    heads: list[int] = []
    shown: list[Fraction] = []
    for packet in container.demux(container.streams.video[0]):
        if packet.size and packet.pts is not None:
            if packet.is_keyframe:
                heads.append(len(shown))
            shown.append(packet.pts * packet.time_base / frame)
    found = [range(a, b) for a, b in pairwise([*heads, len(shown)])]
    whole = heads[:1] == [0] and all(sorted(shown[g.start : g.stop]) == list(g) for g in found)
    return found if whole else []
