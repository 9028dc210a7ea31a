"""How much of a clip is worked on at once: found by trying, smaller after out-of-memory, and remembered."""

from dataclasses import dataclass

from functions.contract.base import Size
from functions.models.device import Device
from functions.upscale.tiles import SMALLEST

PER_PIXEL = 8192
"""Bytes, computed, that a pixel of the source takes inside RealESRGAN_x4plus in 16 bits: the most of those known."""
SHARE = 0.6
"""Of the memory that the first try may take."""
MOST = 16
"""Frames in a batch beyond which no network gets quicker."""


@dataclass(frozen=True)
class Fit:
    """Frames at once, and the side of tiles in pixels of the source (None: whole frames)."""

    batch: int
    tile: int | None = None

    def smaller(self, size: Size) -> "Fit | None":
        """Half the frames; for one frame, tiles of half its longer side; None where tiles would be too small."""
        if self.batch > 1:
            return Fit(self.batch // 2, self.tile)
        half = (self.tile or max(size.width, size.height)) // 2
        half -= half % 8
        return Fit(1, half) if half >= SMALLEST else None

    def __str__(self) -> str:
        whole = f"{self.batch} frames at once"
        return whole if self.tile is None else f"{whole} in tiles of {self.tile}"


def first(device: Device, size: Size) -> Fit:
    """What is tried first on a device."""
    free = device.vram_bytes * SHARE or device.ram_bytes * SHARE / 8
    return Fit(max(1, min(MOST, int(free / (PER_PIXEL * size.width * size.height)))))
