"""What an enlarged clip is compared with its source: whether it shows the same, and how much of it flickers."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from functions.contract.job import Note

STILL = 1
"""Codes by which a pixel of the source may change and still count as standing still."""
ENOUGH = 0.01
"""Share of pixels that must stand still for a flicker to be told."""
ALIKE = 28.0
"""PSNR in dB, of the luma made small again beside the source's, below which a note is left."""


class Comparison:
    """Sums over a clip, on the device: nothing waits for them before the end."""

    def __init__(self, where: torch.device) -> None:
        self._sums = torch.zeros(5, dtype=torch.float64, device=where)
        self._last: tuple[Tensor, Tensor] | None = None

    def feed(self, source: Tensor, made: Tensor) -> None:
        """Luma codes (uint8) of the next frames: (n, h, w) and (n, h', w')."""
        small = functional.interpolate(made[:, None].float(), source.shape[1:], mode="bilinear", antialias=True)[:, 0]
        wrong = (small - source.float()).square()
        if self._last is not None:
            source, made = torch.cat([self._last[0], source]), torch.cat([self._last[1], made])
        self._last = source[-1:].clone(), made[-1:].clone()
        still = ((source[1:].short() - source[:-1].short()).abs() <= STILL).half()
        wide = functional.interpolate(still[:, None], made.shape[1:], mode="nearest")[:, 0]
        change = (made[1:].short() - made[:-1].short()).abs().half() * wide
        parts = (wrong.sum(dtype=torch.float64), change.sum(dtype=torch.float64), wide.sum(dtype=torch.float64))
        counts = torch.tensor([wrong.numel(), wide.numel()], dtype=torch.float64)
        self._sums += torch.cat([torch.stack(parts), counts.to(self._sums.device)])

    def notes(self) -> list[Note]:
        """`flicker`: mean change of luma, in codes from frame to frame, where the source stands still; and `unlike`
        where the clip shows something else than its source.
        """
        wrong, change, still, pixels, pairs = self._sums.tolist()
        found = []
        if pairs and still / pairs >= ENOUGH:
            value = round(change / still, 3)
            detail = f"where the source stands still, luma changes by {value} codes a frame"
            found.append(Note(code="flicker", detail=detail, value=value))
        psnr = 10 * math.log10(255**2 * pixels / wrong) if wrong else math.inf
        if psnr < ALIKE:
            detail = f"made small again, the clip is only {psnr:.1f} dB like its source"
            found.append(Note(code="unlike_source", detail=detail, value=round(psnr, 2)))
        return found
