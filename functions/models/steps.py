"""What every denoising loop does at the edge of a step: report (where a cancel stops it), check, preview."""

import math
import time
from dataclasses import dataclass

import torch

from functions.contract.errors import OutputRefused
from functions.models.preview import LinearPreview
from functions.runtime.engine import Job

PREVIEW_EVERY_S = 2.0
"""Least time between two previews; the runtime uploads no more often."""


@dataclass(frozen=True)
class Limits:
    """Standard deviation that latents of a model may have; wide, since only proof may refuse."""

    low: float = 1e-3
    high: float = 100.0


def check_latents(latents: torch.Tensor, stage: str, limits: Limits | None = None) -> float:
    """The standard deviation of these latents. Raises `OutputRefused` where they are not finite or it is out of range
    (`limits` None: only finite is asked for).
    """
    std = float(latents.detach().float().std(correction=0))
    # One value that is no number makes the deviation none: the device is asked once.
    if not math.isfinite(std) and not torch.isfinite(latents).all():
        raise OutputRefused(f"the latents hold values that are not numbers after {stage}: submit the step again")
    if limits is not None and not limits.low <= std <= limits.high:
        raise OutputRefused(
            f"the latents have a standard deviation of {std:.3g} after {stage}, "
            f"outside {limits.low:g} to {limits.high:g}: submit the step again"
        )
    return std


class Denoising:
    """One loop of `total` steps in the stage `stage`. Call `begin()` before the first and `done(i, ...)` after each."""

    def __init__(
        self,
        job: Job,
        total: int,
        *,
        stage: str = "denoise",
        preview: LinearPreview | None = None,
        limits: Limits | None = None,
        every_s: float = PREVIEW_EVERY_S,
    ) -> None:
        self._every_s = every_s
        self._job, self._total, self._stage = job, total, stage
        self._preview, self._limits = preview, limits
        self._previewed = time.monotonic()

    def begin(self) -> None:
        """Report that no step is done. Raises `Cancelled` or `DeadlineExceeded`."""
        self._job.progress(self._stage, 0, self._total)

    def done(self, index: int, latents: torch.Tensor, clean: torch.Tensor | None = None) -> None:
        """Step `index` (from 0) made these latents, (1, channels, [frames,] rows, columns); `clean` is the estimate of
        the picture without noise, for the preview. Raises `Cancelled`, `DeadlineExceeded` or `OutputRefused`.
        """
        last = index + 1 == self._total
        check_latents(latents, f"step {index + 1} of {self._total}", self._limits if last else None)
        if self._preview is not None and time.monotonic() - self._previewed >= self._every_s:
            self._preview.write(latents if clean is None else clean, self._job.scratch)
            self._previewed = time.monotonic()
        self._job.progress(self._stage, index + 1, self._total)
