"""A character's own picture, cut out of its ground: whose head a drawn figure may wear.

Heads are found by what is skin, else by the silhouette. No detector is bundled: what is found wrong is drawn wrong, so
a portrait with a plain or transparent ground, face to the camera, serves best.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from functions.animatic.raster import Bytes
from functions.animatic.values import Floats
from functions.media.stills import read_still

Flags = npt.NDArray[np.bool_]
LARGEST: Final = 1024
"""Pixels of the longer side beyond which a portrait is reduced."""
_CUT: Final = 160
"""Pixels of the longer side at which ground and person are told apart."""
_SOUGHT: Final = 240
"""Pixels of the longer side at which the head is looked for."""
_ROUNDS: Final = 4
_EVEN: Final = 9.0
"""Deviation in codes up to which a ground is of one colour."""
_LEAST: Final = 0.02
"""Share of the picture that a person fills."""
_SKIN: Final = ((0, 136, 82), (255, 178, 128))
"""Least and most Y, Cr, Cb of skin of any shade (Chai and Ngan, 1999, a little wider)."""
_FACE_WIDE: Final = 0.60
"""Breadth of a face without its hair against the height of the head, crown to chin."""
_HEAD_WIDE: Final = 0.74
"""The same of a head with its hair."""


@dataclass(frozen=True)
class Portrait:
    """sRGB codes (rows, columns, 3) in 0..1, coverage 0..1, and where the head is in pixels: the middle of its breadth
    and its height from crown to chin."""

    codes: Floats
    cover: Floats
    middle: float
    crown: float
    chin: float


def load(path: Path, name: str) -> Portrait | None:
    """The person of a supplied picture; None where no head can be told from the ground. Raises `InputError` for what is
    no picture.
    """
    still = read_still(path, name)
    picture, alpha = _reduced(still.picture), _reduced(still.alpha)
    return _found(picture.tobytes(), alpha.tobytes(), (picture.height, picture.width))


@lru_cache(maxsize=2)
def _found(picture: bytes, alpha: bytes, shape: tuple[int, int]) -> Portrait | None:
    """The person in so many rows and columns of RGB and coverage; the last ones are remembered, shot after shot."""
    codes = np.frombuffer(picture, np.uint8).reshape(*shape, 3)
    cover = np.frombuffer(alpha, np.uint8).reshape(shape)
    if cover.min() > 250:
        cover = _before_plain(codes) if _plain(codes) else _cut_out(codes)
    cover = _largest(cover)
    if np.count_nonzero(cover > 127) < _LEAST * cover.size:
        return None
    middle, crown, chin = _head(codes, cover)
    if not _plausible(cover, middle, crown, chin):
        return None
    floats = (np.asarray(a, np.float32) / np.float32(255) for a in (codes, cover))
    return Portrait(next(floats), next(floats), middle, crown, chin)


def _plausible(cover: Bytes, middle: float, crown: float, chin: float) -> bool:
    """Whether a head of this place is one: large, in the middle half, and filled."""
    rows, columns = cover.shape
    height = chin - crown
    face = np.zeros_like(cover)
    centre = round(middle), round(crown + 0.55 * height)
    cv2.ellipse(face, centre, (max(round(0.25 * height), 1), max(round(0.35 * height), 1)), 0, 0, 360, 255, -1)
    filled = float(np.mean(cover[face > 0] > 127)) if face.any() else 0.0
    return height > 0.1 * rows and abs(middle / columns - 0.5) < 0.25 and crown < 0.45 * rows and filled > 0.85


def _reduced(picture: Image.Image) -> Image.Image:
    scale = LARGEST / max(picture.size)
    if scale >= 1.0:
        return picture
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    return picture.resize(size, Image.Resampling.BOX)


def _edges(codes: Bytes) -> Bytes:
    """The pixels (n, 3) along the top and the upper sides, where the ground is."""
    rows, columns = codes.shape[:2]
    edge, half = max(min(rows, columns) // 50, 1), rows // 2
    parts = codes[:edge], codes[:half, :edge], codes[:half, -edge:]
    return np.concatenate([p.reshape(-1, 3) for p in parts])


def _plain(codes: Bytes) -> bool:
    """Whether the ground is of one colour."""
    return bool(_edges(codes).std(axis=0).max() < _EVEN)


def _before_plain(codes: Bytes) -> Bytes:
    """Coverage of all that differs from an even ground and is not joined to the picture's edge by it."""
    away = np.abs(codes.astype(np.int16) - np.median(_edges(codes), axis=0).astype(np.int16)).max(axis=2)
    ground = cv2.copyMakeBorder((away < 3 * _EVEN).astype(np.uint8), 1, 0, 1, 1, cv2.BORDER_CONSTANT, value=1)
    outside = np.zeros((ground.shape[0] + 2, ground.shape[1] + 2), np.uint8)
    cv2.floodFill(ground, outside, (0, 0), 2)
    person = np.where(ground[1:, 1:-1] == 2, 0, 255).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(person, (0, 0), 0.8), np.uint8)


def _cut_out(codes: Bytes) -> Bytes:
    """Coverage of the person before an unknown ground: GrabCut (Rother and others, 2004) on the picture at small size,
    begun with a bust in the middle, a face for certain and the upper edges as ground. Nobody where no face is seen.
    """
    rows, columns = codes.shape[:2]
    scale = min(_CUT / max(rows, columns), 1.0)
    size = max(round(columns * scale), 8), max(round(rows * scale), 8)
    small = np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_AREA), np.uint8)
    if not _skin(small).any():
        return np.zeros((rows, columns), np.uint8)
    marks = _marks(small)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(small[..., ::-1]), marks, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    person = np.where((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    person = np.asarray(cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    wide = cv2.resize(person.astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(wide, (0, 0), max(0.8 / scale, 0.8))
    return np.asarray(np.clip((soft - 110) * 3.0, 0, 255), np.uint8)


def _marks(small: Bytes) -> Bytes:
    """What GrabCut starts from."""
    rows, columns = small.shape[:2]
    marks = np.full((rows, columns), cv2.GC_PR_BGD, np.uint8)
    bust = [(0.5, 0.40, 0.27, 0.34), (0.5, 1.0, 0.46, 0.34)]
    for x, y, across, down in bust:
        axes = round(across * columns), round(down * rows)
        cv2.ellipse(marks, (round(x * columns), round(y * rows)), axes, 0, 0, 360, cv2.GC_PR_FGD, -1)
    skin = _skin(small)
    marks[skin > 0] = cv2.GC_FGD
    edge = max(rows // 60, 1)
    marks[:edge] = cv2.GC_BGD
    marks[: round(0.55 * rows), :edge] = cv2.GC_BGD
    marks[: round(0.55 * rows), -edge:] = cv2.GC_BGD
    return marks


def _skin(codes: Bytes) -> Bytes:
    """The patch of skin that is most likely a face: large, high and near the middle. Empty where there is none."""
    rows, columns = codes.shape[:2]
    found = cv2.inRange(cv2.cvtColor(codes, cv2.COLOR_RGB2YCrCb), *map(np.array, _SKIN))
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, names, stats, centres = cv2.connectedComponentsWithStats(np.asarray(opened, np.uint8))
    if count < 2:
        return np.zeros((rows, columns), np.uint8)
    near = 1.0 - np.abs(centres[1:, 0] / columns - 0.5) - 0.7 * np.abs(centres[1:, 1] / rows - 0.35)
    areas = stats[1:, cv2.CC_STAT_AREA]
    best = int(np.argmax(areas * np.clip(near, 0.05, 1.0) ** 2)) + 1
    share = areas[best - 1] / (rows * columns)
    likely = 0.012 < share < 0.45
    return np.where(names == best, 255, 0).astype(np.uint8) if likely else np.zeros((rows, columns), np.uint8)


def _largest(cover: Bytes) -> Bytes:
    """The coverage of the largest connected shape only."""
    count, names, stats, _ = cv2.connectedComponentsWithStats((cover > 96).astype(np.uint8))
    if count < 2:
        return np.zeros_like(cover)
    best = int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) + 1
    kept = cv2.dilate((names == best).astype(np.uint8), np.ones((7, 7), np.uint8))
    return np.where(kept > 0, cover, 0).astype(np.uint8)


def _head(codes: Bytes, cover: Bytes) -> tuple[float, float, float]:
    """(middle, crown, chin) of the head in pixels."""
    top = float(np.flatnonzero((cover > 127).any(axis=1))[0])
    scale = min(_SOUGHT / max(cover.shape), 1.0)
    size = max(round(cover.shape[1] * scale), 8), max(round(cover.shape[0] * scale), 8)
    small = np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_AREA), np.uint8)
    solid = np.asarray(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), np.uint8)
    face = _skin(small) & np.where(solid > 127, 255, 0).astype(np.uint8)
    if np.count_nonzero(face) > 40:
        middle, crown, chin = _by_face(face > 0, solid > 127)
        return middle / scale, crown / scale, chin / scale
    middle, chin = _by_outline(solid > 127)
    return middle / scale, top, max(chin / scale, top + 8)


def _by_face(face: Flags, solid: Flags) -> tuple[float, float, float]:
    """The head around a patch of skin: its breadth at the cheeks gives the size, its top the brow, and the top of the
    silhouette above it the crown. Fair hair passes for skin: then the patch is the whole head.
    """
    rows = np.flatnonzero(face.any(axis=1))
    wide = face.sum(axis=1)
    upper = wide[rows[0] : rows[0] + max(len(rows) * 2 // 3, 1)]
    breadth = float(np.percentile(upper[upper > 0], 85))
    cheeks = face[rows[0] : rows[0] + round(breadth) + 1]
    middle = float(np.median(np.nonzero(cheeks)[1]))
    brow = float(rows[0])
    above = solid[:, max(round(middle - 0.3 * breadth), 0) : round(middle + 0.3 * breadth) + 1].any(axis=1)
    hair = float(np.flatnonzero(above)[0])
    fair = brow - hair < 0.1 * breadth
    height = breadth / (_HEAD_WIDE if fair else _FACE_WIDE)
    left, right = max(round(middle - 0.35 * height), 0), round(middle + 0.35 * height) + 1
    ends = face[:, left:right].sum(axis=1) < 0.3 * breadth
    ends[: round(brow + 0.5 * height)] = False
    lowest = float(np.argmax(ends)) if ends.any() else float(rows[-1])
    crown = min(max(hair, brow - 0.5 * height), brow)
    chin = max(crown + height, brow + 0.72 * height)
    return middle, crown, min(chin, max(lowest, crown + 0.8 * height))


def _by_outline(solid: Flags) -> tuple[float, float]:
    """(middle, chin) of a silhouette: the head ends where it is narrowest above the shoulders."""
    wide = solid.sum(axis=1).astype(float)
    top = int(np.flatnonzero(wide)[0])
    rows = len(wide) - top
    broad = [float(wide[top : top + k].max(initial=1.0)) for k in range(1, rows + 1)]
    reach = next((k for k in range(4, rows) if k > 1.05 * broad[k] / _HEAD_WIDE), rows - 1)
    low = top + max(round(0.75 * reach), 1)
    neck = low + int(np.argmin(wide[low : top + max(round(1.35 * reach), 2)])) if low < len(wide) - 1 else low
    middle = float(np.median(np.nonzero(solid[top:neck])[1])) if neck > top else solid.shape[1] / 2
    return middle, top + 0.93 * (neck - top)
