"""Where the faces of a picture are: MediaPipe's BlazeFace (full range), run by OpenCV.

The network, its anchors and its encoding: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on
Mobile GPUs" (2019), in the full-range variant of MediaPipe (one layer of stride 4 over 192x192, one anchor a cell).
Licence of its weights: Apache-2.0.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.contract.errors import EngineError

SIDE = 192
CELLS = 48
OUTPUTS = ("reshaped_classifier_face_4", "reshaped_regressor_face_4")
SCORE = 0.6
"""Least probability of a face."""
OVERLAP = 0.3
"""Intersection over union from which two boxes are one face."""
LANES = 8
"""Networks at most that search one picture."""
NEAR = 900
"""Pixels of the longer side above which the picture is also searched in overlapping parts, for small faces."""

Picture = NDArray[np.uint8]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Face:
    """A face in pixels of the picture: `x`, `y` of its upper left corner, `width`, `height`, probability `score`.

    `points` are (x, y) of the right eye, the left eye, the tip of the nose, the middle of the mouth, the right and the
    left ear, as the person has them.
    """

    x: float
    y: float
    width: float
    height: float
    score: float
    points: tuple[tuple[float, float], ...]

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2


class FaceDetector:
    """Built once from `face_detection_full_range.tflite`. Raises `EngineError` where it cannot be read.

    The parts of a large picture are searched side by side, by as many networks as OpenCV has threads.
    """

    def __init__(self, weights: Path) -> None:
        lanes = max(1, min(LANES, cv2.getNumThreads()))
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix="detect")
        self._nets = SimpleQueue[Any]()
        for _ in range(lanes):
            self._nets.put(_read(weights))
        rows, columns = np.mgrid[:CELLS, :CELLS]
        self._anchors = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5).astype(np.float32) * (SIDE / CELLS)

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """The faces of an R'G'B' picture (height, width, 3), the largest first."""
        places = parts(picture.shape[1], picture.shape[0])
        found = [face for some in self._pool.map(partial(self._search, picture), places) for face in some]
        return tuple(sorted(distinct(found), key=lambda face: -face.area))

    def _search(self, picture: Picture, part: tuple[int, int, int, int]) -> list[Face]:
        x, y, width, height = part
        scale = SIDE / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        inner = cv2.resize(picture[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
        square = np.zeros((SIDE, SIDE, 3), np.float32)
        left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        square[top : top + size[1], left : left + size[0]] = inner / np.float32(127.5) - 1
        scores, boxes = self._outputs(np.ascontiguousarray(square.transpose(2, 0, 1))[None])
        origin = np.array([x - left / scale, y - top / scale], np.float32)
        return list(self._decoded(scores[:, 0], boxes, origin, scale))

    def _outputs(self, given: Array) -> tuple[Array, Array]:
        """What a free network says of (1, 3, 192, 192): scores (2304, 1) and boxes with points (2304, 16)."""
        net = self._nets.get()
        try:
            net.setInput(given)
            scores, boxes = (np.array(out[0], np.float32) for out in net.forward(OUTPUTS))
        finally:
            self._nets.put(net)
        return scores, boxes

    def _decoded(self, scores: Array, boxes: Array, origin: Array, scale: float) -> Iterator[Face]:
        certain = 1 / (1 + np.exp(-np.clip(scores, -80, 80)))
        for i in np.flatnonzero(certain >= SCORE):
            points = (boxes[i].reshape(-1, 2)[[0, *range(2, 8)]] + self._anchors[i]) / scale + origin
            width, height = boxes[i, 2:4] / scale
            corner = points[0] - np.array([width, height]) / 2
            around = tuple((float(px), float(py)) for px, py in points[1:])
            yield Face(float(corner[0]), float(corner[1]), float(width), float(height), float(certain[i]), around)


def _read(weights: Path) -> Any:
    try:
        return cv2.dnn.readNetFromTFLite(str(weights), cv2.dnn.ENGINE_CLASSIC)
    except cv2.error as error:
        raise EngineError(f"the face detector {weights} cannot be read: {error}") from error


def parts(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """(x, y, width, height) of where to look: the whole picture, and of a large one overlapping parts of it."""
    yield 0, 0, width, height
    if max(width, height) > NEAR:
        side = min(width, height, max(NEAR * 3 // 4, max(width, height) // 4))
        yield from ((x, y, side, side) for y in _starts(height, side) for x in _starts(width, side))


def _starts(length: int, side: int) -> Sequence[int]:
    step = side * 4 // 5
    count = 1 + -(-(length - side) // step)
    return [round(i * (length - side) / (count - 1)) for i in range(count)] if count > 1 else [0]


def distinct(faces: Sequence[Face]) -> list[Face]:
    """The most certain of each group of boxes that lie on one another."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(overlap(face, other) < OVERLAP for other in kept):
            kept.append(face)
    return kept


def overlap(a: Face, b: Face) -> float:
    """Intersection over union, or over the smaller one where that lies nearly all inside the other."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return max(shared / (a.area + b.area - shared), (shared / min(a.area, b.area) - 0.5))
