"""How good a still is, for ranking takes of one shot: how sharp, and whether the faces that belong in it are there.

Sharpness is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000)
of luma at one width, so that takes of different sizes compare. It ranks takes of one shot and says nothing of others.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.contract.job import Note
from functions.models.faces import FaceDetector

WIDTH = 1024
"""Pixels across at which sharpness is measured."""
SHARP = 150.0
"""Variance at which sharpness counts half."""


@dataclass(frozen=True)
class Score:
    """`value` 0 to 1, of `sharpness` (variance of the Laplacian) and of `faces` found of `expected`."""

    value: float
    sharpness: float
    faces: int
    expected: int

    @property
    def note(self) -> Note:
        """As the result tells it."""
        detail = f"Sharpness {self.sharpness:.0f}, {self.faces} of {self.expected} faces."
        return Note(code="score", detail=detail, value=round(self.value, 4))


def score(picture: NDArray[np.uint8], expected: int, finder: FaceDetector) -> Score:
    """The score of an R'G'B' picture (rows, columns, 3) in which `expected` faces should be seen."""
    found = len(finder.find(picture))
    there = min(found, expected) / expected if expected else 1.0
    sharp = sharpness(picture)
    return Score(sharp / (sharp + SHARP) * (1 + there) / 2, sharp, found, expected)


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of luma (BT.601 weights, codes 0 to 255) at `WIDTH` pixels across."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    size = WIDTH, max(1, round(WIDTH * grey.shape[0] / grey.shape[1]))
    return float(cv2.Laplacian(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), cv2.CV_64F).var())
