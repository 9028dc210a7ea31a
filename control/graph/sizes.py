"""At which size a clip is made that is enlarged afterwards."""

from functions.contract.base import Size
from functions.contract.manifest import EngineManifest

LARGEST = 4
"""How many times upscalers enlarge at most."""
ALIKE = 1.02
"""Ratio of two aspect ratios up to which they count as equally near."""


def before_upscale(delivered: Size, manifest: EngineManifest) -> Size | None:
    """The size to ask a motion engine for where an upscaler makes `delivered` of it; None where it makes that itself.

    It has the delivered aspect ratio, inside the largest of the engine's own sizes that is smaller and of the nearest
    aspect ratio; half of the delivered one for an engine that makes any size.
    """
    if not manifest.sizes:
        return _within(delivered, Size(width=_even(delivered.width / 2), height=_even(delivered.height / 2)))
    fitting = {size: made for size in manifest.sizes if (made := _within(delivered, size)) is not None}
    nearest = min((_distance(size, delivered) for size in fitting), default=1.0)
    alike = [made for size, made in fitting.items() if _distance(size, delivered) <= nearest * ALIKE]
    return max(alike, key=lambda size: size.width * size.height, default=None)


def _within(delivered: Size, own: Size) -> Size | None:
    scale = min(own.width / delivered.width, own.height / delivered.height)
    if not 1 / LARGEST <= scale < 1:
        return None
    return Size(width=_even(delivered.width * scale), height=_even(delivered.height * scale))


def _distance(one: Size, other: Size) -> float:
    ratio = one.width * other.height / (one.height * other.width)
    return max(ratio, 1 / ratio)


def _even(side: float) -> int:
    return max(16, int(side / 2) * 2)
