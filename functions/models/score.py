"""How good a still is, for ranking takes of one shot: how sharp, and whether the faces that belong in it are there.

Sharpness is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000)
of luma at one width, so that takes of different sizes compare. It ranks takes of one shot and says nothing of others.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.contract.errors import EngineError
from functions.contract.job import Note
from functions.models.faces import FaceDetector
from functions.models.snapshots import Snapshots

FACES = "mediapipe-faces"
WIDTH = 1024
"""Pixels across at which sharpness is measured."""
SHARP = 150.0
"""Variance at which sharpness counts half."""


@dataclass(frozen=True)
class Score:
    """`value` 0 to 1, of `sharpness` (variance of the Laplacian) and of `faces` found of `expected`; `faces` is None
    where no detector looked.
    """

    value: float
    sharpness: float
    faces: int | None
    expected: int

    @property
    def note(self) -> Note:
        """As the result tells it."""
        looked = "" if self.faces is None else f", {self.faces} of {self.expected} faces"
        return Note(code="score", detail=f"Sharpness {self.sharpness:.0f}{looked}.", value=round(self.value, 4))


def score(picture: NDArray[np.uint8], expected: int = 0, finder: FaceDetector | None = None) -> Score:
    """The score of an R'G'B' picture (rows, columns, 3) in which `expected` faces should be seen."""
    found = len(finder.find(picture)) if finder is not None else None
    there = 1.0 if found is None or not expected else min(found, expected) / expected
    sharp = sharpness(picture)
    return Score(sharp / (sharp + SHARP) * (1 + there) / 2, sharp, found, expected)


def detector(snapshots: Snapshots) -> FaceDetector | None:
    """What finds faces, where its weights are here: a ranking is no reason to refuse a picture."""
    try:
        return FaceDetector(snapshots.folder(FACES) / "face_detection_full_range.tflite")
    except EngineError:
        return None


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of luma (BT.601 weights, codes 0 to 255) at `WIDTH` pixels across."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    size = WIDTH, max(1, round(WIDTH * grey.shape[0] / grey.shape[1]))
    return float(cv2.Laplacian(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), cv2.CV_64F).var())
