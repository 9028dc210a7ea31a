"""Spoken lines before they are mixed: their peaks held, so that the master need not bow for them.

A voice's peaks stand 15 dB and more above its loudness. Held by the master they would pull music and ambience down with
every stressed word; held here they move nothing but themselves.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.assemble.limiter import limited
from functions.assemble.sounds import Sound
from functions.assemble.stems import Laid, loudness_used, used
from functions.media.fir import BLOCK, Stereo
from functions.media.loudness import decibels, ratio

CREST = 9.5
"""dB that the true peaks of a line may stand above its loudness."""
MOST = 6.0
"""dB that a line's highest peak may be lowered, before what that takes from its loudness is made good. A deep voice
stands up to 19 dB above its loudness; held at the crest of others its stresses would be gone. The rest is the master's.
"""
PASSES = 2
"""The second makes good the loudness that the first took."""


def held(laid: Laid, scratch: Path) -> Laid:
    """The same line with its peaks held, at the same loudness. Lines that loop are left as they are."""
    p, space = laid.placement, laid.treatment
    if p.loop:
        return laid
    placement, treatment = p.model_copy(update={"offset": 0}), replace(space, tone=None)
    level, raised = p.level / 10, 20 * math.log10(laid.amplitude) - p.gain / 10 - space.level
    ceiling, lost = max(level + CREST, _peak(laid) + raised - MOST), 0.0
    for _ in range(PASSES):
        raised += lost
        kept, most = _limited(laid, raised, ceiling, scratch)
        if not most:
            return laid
        lost = level - loudness_used(placement, kept, treatment)
    return Laid(placement, kept, treatment, ratio(lost + p.gain / 10 + space.level))


def _peak(laid: Laid) -> float:
    """The highest sample of the used part in dBFS, at its own level."""
    p, highest = laid.placement, 0.0
    for at in range(0, p.length, BLOCK):
        block = used(p, laid.sound, laid.treatment, at, min(BLOCK, p.length - at))
        highest = max(highest, float(np.abs(block).max()))
    return decibels(highest**2)


def _limited(laid: Laid, gain: float, ceiling: float, scratch: Path) -> tuple[Sound, float]:
    """The used part raised and held, and the greatest reduction in dB."""
    p = laid.placement
    samples, most = min(p.length, laid.sound.samples - p.offset), 0.0

    def read(start: int, count: int) -> Stereo:
        return used(p, laid.sound, laid.treatment, start, count)

    def blocks() -> Iterator[NDArray[np.float32]]:
        nonlocal most
        for block in limited(read, samples, gain, ceiling):
            most = max(most, block.reduction)
            yield block.sound

    return Sound.kept(blocks(), scratch), most
