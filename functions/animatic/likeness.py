"""A portrait's head on a drawn body: its values brought to the scene's key, its colour mostly the palette's."""

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from functions.animatic.canvas import Mask, Roi, Sheet
from functions.animatic.planes import yuv_of
from functions.animatic.portrait import Portrait
from functions.animatic.shading import INNER_TONE
from functions.animatic.values import Floats, decode, encode, linear_of, lstar_of, smooth

if TYPE_CHECKING:
    from functions.animatic.figure import Figure

OWN_COLOUR: Final = 0.35
"""Share of its own hue that a portrait keeps; the rest is the palette's."""
SMALLEST: Final = 0.035
"""Height of a head below which no portrait can be told from a drawn head."""
_HAIR: Final = 0.05
"""Heads by which hair rises above the skull."""
_ACROSS, _ABOVE, _BELOW = 0.95, 0.35, 1.45
"""Heads around the crown's middle that may be taken of the picture."""
_NECK: Final = (1.03, 1.34)
"""Heads below the crown between which the picture gives way to the drawn neck."""
_THROAT: Final = (0.22, 0.33)
"""Heads aside of the middle beyond which nothing below the cheeks is taken: collars and shoulders."""
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


def paint(figure: "Figure", portrait: Portrait, sheet: Sheet) -> None:
    """Lay the portrait's head over the neck, lit by the scene's key."""
    placed = _placed(figure, portrait)
    if placed is None:
        return
    codes, mask = placed
    value = _keyed(figure, codes, mask)
    figure.form(sheet, mask, value, 0.5 * INNER_TONE, 1.0, accent=0.1 * figure.scene.warmth)
    sheet.colour(mask.times(OWN_COLOUR), _own(codes, value))


def _placed(figure: "Figure", portrait: Portrait) -> tuple[Floats, Mask] | None:
    """The picture on the figure's view, sRGB codes (rows, columns, 3) and coverage; None where none of it is seen."""
    view, height = figure.view, portrait.chin - portrait.crown
    top, chin = view.pixels(figure.world([[0.0, -_HAIR], [0.0, 1.0]], body=False))
    down = (chin - top) / height
    across = np.array([down[1], -down[0]])
    turn = np.stack([across, down], axis=1)
    corners = np.array([[x, y] for x in (-_ACROSS, _ACROSS) for y in (-_ABOVE, _BELOW)]) * height
    reach = corners @ turn.T + top
    (left, upper), (right, lower) = np.floor(reach.min(axis=0)), np.ceil(reach.max(axis=0))
    rows, columns = view.shape
    low, high = np.clip([upper, lower], 0, rows).astype(int), np.clip([left, right], 0, columns).astype(int)
    roi = Roi(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    if roi.empty:
        return None
    start = top - turn @ (portrait.middle, portrait.crown) - (roi.left, roi.top)
    layers = np.dstack([portrait.codes, portrait.cover * _neck(portrait)])
    made = _warped(layers, np.hstack([turn, start[:, None]]), (roi.right - roi.left, roi.bottom - roi.top))
    return made[..., :3], Mask(roi, np.ascontiguousarray(np.clip(made[..., 3], 0, 1)))


def _neck(portrait: Portrait) -> Floats:
    """1 on the head, 0 on what the drawn body replaces."""
    rows, columns = portrait.cover.shape
    height = portrait.chin - portrait.crown
    y = (np.arange(rows, dtype=np.float32)[:, None] - portrait.crown) / height
    x = np.abs(np.arange(columns, dtype=np.float32)[None, :] - portrait.middle) / height
    shoulders = smooth(*_THROAT, x) * smooth(0.74, 0.9, y)
    return np.asarray((1.0 - smooth(*_NECK, y)) * (1.0 - shoulders) * (x < _ACROSS), np.float32)


def _warped(layers: Floats, matrix: np.ndarray, size: tuple[int, int]) -> Floats:
    """Resampled without aliasing: reduced by area first where the picture is larger than it is shown."""
    shown = float(np.hypot(*matrix[:, 0]))
    if shown < 0.9:
        rows, columns = layers.shape[:2]
        small = max(round(columns * shown), 1), max(round(rows * shown), 1)
        layers = np.asarray(cv2.resize(layers, small, interpolation=cv2.INTER_AREA), np.float32)
        matrix = np.hstack([matrix[:, :2] @ np.diag([columns / small[0], rows / small[1]]), matrix[:, 2:]])
    made = cv2.warpAffine(layers, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(made, np.float32)


def _keyed(figure: "Figure", codes: Floats, mask: Mask) -> Floats:
    """L* of the picture, its shadows, skin and lights brought to those of the scene; fine texture washed out."""
    flat = np.asarray(np.clip(codes * 255, 0, 255), np.uint8)
    size = figure.stand.head * figure.view.scale
    for _ in range(2):
        flat = np.asarray(cv2.bilateralFilter(flat, 5, 26, max(size / 90, 1.0)), np.uint8)
    lightness = lstar_of(decode(flat.astype(np.float32) / np.float32(255)) @ _LUMA)
    seen = lightness[mask.cover > 0.8]
    if seen.size < 16:
        return np.full_like(lightness, figure.coat.skin)
    dark, light = np.percentile(seen, (2, 98))
    skin = _skin(figure, lightness, mask)
    tones, top = figure.scene.tones, min(figure.coat.skin + 20, 88.0)
    knots = [min(dark, skin - 6), skin, max(light, skin + 6)]
    return np.interp(lightness, knots, [tones["dark"] + 2, figure.coat.skin + 2, top]).astype(np.float32)


def _skin(figure: "Figure", lightness: Floats, mask: Mask) -> float:
    """The middle L* of the face itself."""
    x, y = figure.view.columns(mask.roi), figure.view.rows(mask.roi)
    middle = figure.world([[0.0, 0.58]], body=False)[0]
    face = np.hypot((x - middle[0]) / 0.24, (y - middle[1]) / 0.3) < figure.stand.head
    inside = lightness[face & (mask.cover > 0.8)]
    return float(np.median(inside)) if inside.size else float(np.median(lightness))


def _own(codes: Floats, value: Floats) -> Floats:
    """Cb and Cr codes (rows, columns, 2) of the picture's own colour at the values it has been brought to."""
    shown = encode(linear_of(value)) / np.maximum(codes @ _LUMA, 0.06)
    chroma = yuv_of(codes)[..., 1:] - np.float32(128)
    return np.asarray(128 + chroma * np.clip(shown, 0.15, 1.25)[..., None], np.float32)
