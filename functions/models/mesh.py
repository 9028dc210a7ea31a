"""MediaPipe's face mesh, run by OpenCV: 468 points of a face, followed from frame to frame.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs" (2019). Licence of its
weights: Apache-2.0.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.contract.errors import EngineError
from functions.models.faces import Face

SIDE = 192
POINTS = 468
AROUND = 1.5
"""Side of what the network looks at, in sides of the face."""
SURE = 0.5
"""Least probability that the network still looks at a face."""
JAW = (
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454),
)
"""From ear to ear below the chin."""
MASK = (*JAW[1:-1], 425, 2, 205)
"""Jaw, cheeks and the foot of the nose: what surrounds the mouth and moves with it."""
BRIDGE, CHIN, UPPER_LIP, LOWER_LIP = 5, 152, 13, 14
RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR, MOUTH = 33, 263, 234, 454, (61, 291, 0, 17)
Picture = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """A square of a picture that holds a face: its centre, its side in pixels, and its turn in radians."""

    x: float
    y: float
    side: float
    turn: float

    @classmethod
    def of(cls, face: Face) -> "Look":
        """Around a detected face, upright by its eyes."""
        (rx, ry), (lx, ly) = face.points[:2]
        return cls(*face.centre, AROUND * max(face.width, face.height), math.atan2(ly - ry, lx - rx))

    def matrix(self) -> NDArray[np.float64]:
        """From the network's pixels to the picture's (2, 3)."""
        scale = self.side / SIDE
        c, s = math.cos(self.turn) * scale, math.sin(self.turn) * scale
        half = SIDE / 2
        return np.array([[c, -s, self.x - half * (c - s)], [s, c, self.y - half * (s + c)]])


@dataclass(frozen=True)
class Mesh:
    """Points (468, 3) of a face: pixels of the picture, and depth in the same unit, smaller is nearer."""

    points: Points

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle of its bounds."""
        low, high = self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)
        return float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2

    @property
    def width(self) -> float:
        """Pixels from side to side."""
        return float(np.ptp(self.points[:, 0]))

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return float(np.ptp(self.points[:, 1]))

    @property
    def yaw(self) -> float:
        """Degrees by which the head is turned to a side."""
        across = self.points[LEFT_EAR] - self.points[RIGHT_EAR]
        return math.degrees(math.atan2(abs(float(across[2])), float(np.hypot(across[0], across[1]))))

    @property
    def aperture(self) -> float:
        """How far the lips are apart, in heights of the face."""
        apart = self.points[LOWER_LIP, :2] - self.points[UPPER_LIP, :2]
        return float(np.hypot(*apart)) / max(self.height, 1e-6)

    @property
    def look(self) -> Look:
        """Where to look for it in the next picture."""
        across = self.points[LEFT_EYE] - self.points[RIGHT_EYE]
        turn = math.atan2(float(across[1]), float(across[0]))
        return Look(*self.centre, AROUND * max(self.width, self.height), turn)

    def moved(self, x: float, y: float) -> "Mesh":
        """The same face elsewhere."""
        return Mesh(self.points + np.array([x, y, 0], np.float32))

    def toward(self, other: "Mesh", share: float) -> "Mesh":
        """Between this face and another."""
        return Mesh(self.points + np.float32(share) * (other.points - self.points))


class FaceMesh:
    """Built once from `face_landmark.tflite`. Raises `EngineError` where it cannot be read."""

    def __init__(self, weights: Path) -> None:
        try:
            self._net = cv2.dnn.readNetFromTFLite(str(weights), cv2.dnn.ENGINE_CLASSIC)
        except cv2.error as error:
            raise EngineError(f"the face mesh {weights} cannot be read: {error}") from error
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def find(self, picture: Picture, look: Look) -> Mesh | None:
        """The face in this part of an R'G'B' picture (height, width, 3); None where there is none."""
        matrix = look.matrix()
        seen = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        self._net.setInput(np.ascontiguousarray(seen.transpose(2, 0, 1), np.float32)[None] / np.float32(255))
        found = [np.asarray(out, np.float32).ravel() for out in self._net.forward(self._outputs)]
        flag = next(out for out in found if out.size == 1)
        if 1 / (1 + math.exp(-max(-60.0, min(60.0, float(flag[0]))))) < SURE:
            return None
        raw = next(out for out in found if out.size == POINTS * 3).reshape(POINTS, 3)
        flat = np.c_[raw[:, :2], np.ones(POINTS)] @ matrix.T
        return Mesh(np.c_[flat, raw[:, 2] * look.side / SIDE].astype(np.float32))
