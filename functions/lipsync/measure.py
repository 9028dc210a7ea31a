"""How well a mouth follows its line: audio energy against lip aperture, and how sharp the mouth is.

The offset is that of the best correlation of the two. It is no SyncNet score.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.contract.job import Note
from functions.models.mesh import MOUTH, Mesh, Picture

MOST = 500
"""Frames of a figure that are looked at, at most."""
FURTHEST_S = 0.32
ENOUGH = 10
"""Frames below which nothing is said."""
CERTAIN = 0.3
"""Least correlation that an offset is read from."""
STILL = 0.004
"""Deviation of the aperture, in heights of the face, below which a mouth does not move."""
LATE_S = 0.08


@dataclass
class Sync:
    """One figure's frames: energy of the sound and aperture of the lips, and sharpness after and before."""

    energy: list[float] = field(default_factory=list)
    aperture: list[float] = field(default_factory=list)
    sharpness: list[tuple[float, float]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether enough was looked at."""
        return len(self.energy) >= MOST

    def add(self, energy: float, mesh: Mesh | None) -> None:
        """One frame; None where the mesh saw no face in what was made."""
        self.energy.append(energy)
        self.aperture.append(mesh.aperture if mesh else np.nan)

    def notes(self, figure: str, step: Fraction) -> list[Note]:
        """What a person should know."""
        seen = np.isfinite(self.aperture)
        found = []
        if self.sharpness:
            made, given = np.median(np.array(self.sharpness), axis=0)
            share = round(float(made / max(given, 1e-6)), 3)
            detail = f"The mouth of {figure} has {100 * share:.0f} % of the sharpness it had."
            found.append(Note(code="mouth_sharpness", detail=detail, value=share))
        if seen.sum() < max(ENOUGH, len(seen) // 2):
            detail = f"Too little was seen of the mouth of {figure} to measure how it follows the sound."
            return [*found, Note(code="av_offset_unknown", detail=detail)]
        aperture = np.interp(np.arange(len(seen)), np.flatnonzero(seen), np.array(self.aperture)[seen])
        if float(aperture.std()) < STILL:
            return [*found, Note(code="mouth_still", detail=f"The mouth of {figure} hardly moves while it speaks.")]
        late, certain = offset(np.array(self.energy), aperture, float(step))
        if certain < CERTAIN:
            detail = f"The mouth of {figure} moves, but not with the loudness of its line ({certain:.2f})."
            return [*found, Note(code="av_offset_unknown", detail=detail, value=round(certain, 3))]
        detail = (
            f"The mouth of {figure} moves {1000 * late:+.0f} ms after the sound (audio energy against lip aperture)."
        )
        found.append(Note(code="av_offset", detail=detail, value=round(late, 4)))
        if abs(late) > LATE_S:
            found.append(Note(code="out_of_sync", detail=f"The mouth of {figure} is out of step with its line."))
        return found


def offset(energy: NDArray[np.float64], aperture: NDArray[np.float64], step: float) -> tuple[float, float]:
    """(seconds by which the lips lie behind the sound, correlation there), to a part of a frame by a parabola."""
    most = min(round(FURTHEST_S / step), len(energy) // 3)
    lags = range(-most, most + 1)
    found = np.array([_correlation(energy, aperture, lag) for lag in lags])
    best = int(np.argmax(found))
    part = 0.0
    if 0 < best < len(found) - 1:
        a, b, c = found[best - 1 : best + 2]
        part = float((a - c) / (2 * (a - 2 * b + c))) if a - 2 * b + c < 0 else 0.0
    return (float(lags[best]) + part) * step, float(found[best])


def _correlation(energy: NDArray[np.float64], aperture: NDArray[np.float64], lag: int) -> float:
    one = energy[max(0, -lag) : len(energy) - max(0, lag)]
    other = aperture[max(0, lag) : len(aperture) - max(0, -lag)]
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-12 else 0.0


def sharpness(picture: Picture, mesh: Mesh) -> float:
    """Variance of the Laplacian of luma around the mouth."""
    points = mesh.points[list(MOUTH), :2]
    left, top = np.maximum(points.min(axis=0).astype(int) - 2, 0)
    right, bottom = points.max(axis=0).astype(int) + 3
    part = picture[top:bottom, left:right]
    if min(part.shape[:2]) < 3:
        return 0.0
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
