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
from functions.media.fir import Stereo
from functions.media.loudness import ratio

CREST = 9.5
"""dB that the true peaks of a line may stand above its loudness."""
PASSES = 2
"""The second makes good the loudness that the first took."""


def held(laid: Laid, scratch: Path) -> Laid:
    """The same line with its peaks held, at the same loudness. Lines that loop are left as they are."""
    p, space = laid.placement, laid.treatment
    if p.loop:
        return laid
    placement, treatment = p.model_copy(update={"offset": 0}), replace(space, tone=None)
    level, raised = p.level / 10, 20 * math.log10(laid.amplitude) - p.gain / 10 - space.level
    lost = 0.0
    for _ in range(PASSES):
        raised += lost
        kept, most = _limited(laid, raised, level + CREST, scratch)
        if not most:
            return laid
        lost = level - loudness_used(placement, kept, treatment)
    return Laid(placement, kept, treatment, ratio(lost + p.gain / 10 + space.level))


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
