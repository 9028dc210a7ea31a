"""Supplied art: one flat plane under the camera, cropped to cover the frame wherever the move looks."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from functions.animatic.camera import Path, State
from functions.animatic.canvas import View
from functions.animatic.planes import Tile, yuv_of
from functions.animatic.raster import Picture
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


_SLACK: Final = 26
"""Pixels beyond what the camera sees, from which a stretch may begin and end."""


def art(picture: Floats, end: Floats | None, size: Size, path: Path) -> Art:
    """The layer of a picture (rows, columns, 3; sRGB codes 0..1) scaled so that it covers all that `path` sees."""
    aspect = size.width / size.height
    reach_x, reach_y = path.reach([1.0])
    slack = 0.004 + _SLACK / size.height
    margins = max(reach_x - aspect / 2, 0.0) + slack, max(reach_y - 0.5, 0.0) + slack
    view = View(aspect, size.height, *margins, path.closest)
    other = _covering(end, view) if end is not None else None
    rows, _ = view.shape
    return Art(Tile(view, view.everything, _covering(picture, view), other, opaque=True, solid=(0, rows)), path)


def _covering(picture: Floats, view: View) -> Picture:
    """The middle of the picture at the view's size."""
    rows, columns = view.shape
    scale = max(rows / picture.shape[0], columns / picture.shape[1])
    keep_y, keep_x = min(round(rows / scale), picture.shape[0]), min(round(columns / scale), picture.shape[1])
    top, left = (picture.shape[0] - keep_y) // 2, (picture.shape[1] - keep_x) // 2
    part = picture[top : top + keep_y, left : left + keep_x]
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    fitted = np.clip(np.asarray(cv2.resize(part, (columns, rows), interpolation=how), np.float32), 0.0, 1.0)
    yuv = yuv_of(fitted) + 0.5
    half = np.asarray(cv2.resize(yuv, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA), np.float32)
    y, u, v = (np.asarray(np.clip(c, 0, 255), np.uint8) for c in (yuv[..., 0], half[..., 1], half[..., 2]))
    return Picture(y, u, v)
