"""Supplied art: one flat plane under the camera, cropped to cover the frame wherever the move looks."""

from dataclasses import dataclass

import cv2
import numpy as np

from functions.animatic.camera import Path, State
from functions.animatic.canvas import OVERSAMPLE, Roi, View
from functions.animatic.planes import Bytes, Tile, yuv_of
from functions.animatic.render import Matrix
from functions.animatic.values import Floats
from functions.contract.base import Size


@dataclass(frozen=True)
class Art:
    """A layer of one picture, or of two where the shot ends on another."""

    pixels: Tile
    path: Path

    def tile(self, moment: float) -> Tile:
        """Always the same pixels."""
        return self.pixels

    def weight(self, moment: float) -> float:
        """How far the end picture has taken over."""
        return self.path.progress(moment * self.path.fps) if self.pixels.other is not None else 0.0

    def place(self, path: Path, state: State, moment: float) -> Matrix:
        """The camera's matrix on the subject's plane."""
        return path.matrix(state, 1.0)


def art(picture: Floats, end: Floats | None, size: Size, path: Path) -> Art:
    """The layer of a picture (rows, columns, 3; sRGB codes 0..1) scaled so that it covers all that `path` sees."""
    aspect = size.width / size.height
    reach_x, reach_y = path.reach([1.0])
    view = View(aspect, size.height, max(reach_x - aspect / 2, 0.0) + 0.004, max(reach_y - 0.5, 0.0) + 0.004)
    codes = _covering(picture, view)
    other = _covering(end, view) if end is not None else None
    rows, columns = view.shape
    return Art(Tile(view, Roi(0, rows, 0, columns), codes, other, opaque=True), path)


def _covering(picture: Floats, view: View) -> Bytes:
    """The middle of the picture at the view's size, as YUV with full coverage."""
    rows, columns = view.shape
    scale = max(rows / picture.shape[0], columns / picture.shape[1])
    keep_y, keep_x = min(round(rows / scale), picture.shape[0]), min(round(columns / scale), picture.shape[1])
    top, left = (picture.shape[0] - keep_y) // 2, (picture.shape[1] - keep_x) // 2
    part = picture[top : top + keep_y, left : left + keep_x]
    smaller = scale < 1.0 / OVERSAMPLE
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    fitted = np.clip(np.asarray(cv2.resize(part, (columns, rows), interpolation=how), np.float32), 0.0, 1.0)
    yuv = np.clip(yuv_of(fitted) + 0.5, 0, 255).astype(np.uint8)
    return np.dstack([yuv, np.full((rows, columns), 255, np.uint8)])
