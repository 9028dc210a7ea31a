"""Faces: two planes of light and shade, sockets, brow, nose and cheek. No mouth is drawn."""

from typing import TYPE_CHECKING, Final

import numpy as np

from functions.animatic.canvas import Mask, Sheet, spline

if TYPE_CHECKING:
    from functions.animatic.figure import Figure

Outline = list[list[float]]
_DETAIL_FROM: Final = 0.22
"""Height of a head from which the face is drawn; below it a tone must do."""


def features(figure: "Figure", sheet: Sheet, head: Mask) -> None:
    """Paint the face that this view shows onto the head."""
    view = figure.stand.view
    if figure.stand.head < 0.045:
        return
    if figure.stand.head < _DETAIL_FROM:
        _small(figure, sheet)
        return
    {"front": _front, "three-quarter": _three_quarter, "profile": _profile}[view](figure, sheet)


def _tone(figure: "Figure", sheet: Sheet, outline: Outline, amount: float, soft: float = 1.0, lit: float = 0.0) -> None:
    """A plane of the face: `amount` L*, and `lit` more while the lamp burns. `soft` is its edge in hundredths of a head."""
    points = figure.world(spline(outline, steps=12), body=False)
    feather = soft * 0.02 * figure.stand.head * 720
    mask = figure.pen.fill(points, 0.3, max(feather, 0.8))
    inside = Mask(mask.roi, mask.cover * sheet.alpha[mask.roi.slices])
    if amount:
        sheet.lift(inside, amount)
    if lit:
        sheet.lift(inside, lit, lit=True)


def _line(figure: "Figure", sheet: Sheet, points: Outline, amount: float, width: float) -> None:
    curve = figure.world(spline(points, closed=False, steps=10), body=False)
    w = width * figure.stand.head
    sheet.lift(figure.pen.stroke(curve, [w * 0.25, w, w * 0.9, w * 0.2], 0.3, 1.0), amount)


def _small(figure: "Figure", sheet: Sheet) -> None:
    """At a distance: brow shadow, the side of the nose, nothing more."""
    view = figure.stand.view
    x = {"front": 0.0, "three-quarter": 0.12, "profile": 0.24}[view]
    wide = {"front": 0.27, "three-quarter": 0.22, "profile": 0.11}[view]
    _tone(
        figure,
        sheet,
        [[x - wide, 0.42], [x, 0.4], [x + wide, 0.42], [x + wide * 0.9, 0.52], [x, 0.5], [x - wide * 0.9, 0.52]],
        -9,
        1.5,
    )
    _tone(figure, sheet, [[x - 0.03, 0.5], [x + 0.04, 0.5], [x + 0.07, 0.66], [x - 0.05, 0.67]], -5, 1.5)


def _toward_lamp(figure: "Figure") -> bool:
    return figure.key[0] * figure.stand.facing > 0


def _three_quarter(figure: "Figure", sheet: Sheet) -> None:
    front: Outline = [
        [-0.1, 0.1],
        [0.2, 0.06],
        [0.34, 0.16],
        [0.37, 0.4],
        [0.33, 0.48],
        [0.36, 0.56],
        [0.33, 0.7],
        [0.29, 0.8],
        [0.25, 0.95],
        [0.13, 1.02],
        [0.06, 0.93],
        [0.04, 0.84],
        [-0.04, 0.72],
        [-0.1, 0.6],
        [-0.11, 0.48],
        [-0.07, 0.4],
        [-0.11, 0.28],
    ]
    side: Outline = [
        [-0.14, 0.08],
        [-0.06, 0.3],
        [-0.07, 0.4],
        [-0.12, 0.5],
        [-0.1, 0.62],
        [0.0, 0.78],
        [0.05, 0.92],
        [0.06, 1.04],
        [-0.15, 0.95],
        [-0.3, 0.75],
        [-0.42, 0.4],
        [-0.34, 0.12],
    ]
    _planes(figure, sheet, front, side)
    _socket(figure, sheet, 0.035, 1.0)
    _socket(figure, sheet, 0.262, 0.72)
    _nose(figure, sheet)
    _lower(figure, sheet, 0.16)
    _eye(figure, sheet, 0.035, 1.0)
    _eye(figure, sheet, 0.268, 0.66)
    _brow(figure, sheet, [[-0.09, 0.425], [0.0, 0.375], [0.12, 0.395]])
    _brow(figure, sheet, [[0.22, 0.395], [0.285, 0.372], [0.34, 0.405]])
    _age(figure, sheet, 0.0)
    _glasses(figure, sheet, (0.035, 0.265))


def _planes(figure: "Figure", sheet: Sheet, front: Outline, side: Outline) -> None:
    """Two planes: the one that faces the lamp takes its light, the other sinks."""
    lamp = 26.0 if figure.scene.lamp else 12.0
    if _toward_lamp(figure):
        _tone(figure, sheet, front, 5, 1.4, lamp)
        _tone(figure, sheet, side, -10, 1.2)
    else:
        _tone(figure, sheet, front, -9, 1.4)
        _tone(figure, sheet, side, 3, 1.2, lamp)


def _socket(figure: "Figure", sheet: Sheet, x: float, k: float) -> None:
    """The hollow under the brow, darkest beside the nose."""
    _tone(
        figure,
        sheet,
        [
            [x - 0.125 * k, 0.45],
            [x - 0.02, 0.415],
            [x + 0.11 * k, 0.425],
            [x + 0.115 * k, 0.49],
            [x + 0.03, 0.535],
            [x - 0.09 * k, 0.52],
        ],
        -10,
        1.4,
        -6,
    )
    _tone(
        figure,
        sheet,
        [[x - 0.08 * k, 0.535], [x, 0.56], [x + 0.1 * k, 0.53], [x + 0.05, 0.585], [x - 0.06 * k, 0.58]],
        -3.5,
        1.6,
    )


def _eye(figure: "Figure", sheet: Sheet, x: float, k: float) -> None:
    """Lid, the glint of the white and a dark iris, looking ahead."""
    coat = figure.coat
    white = figure.world(
        spline(
            [
                [x - 0.07 * k, 0.487],
                [x - 0.01, 0.463],
                [x + 0.06 * k, 0.472],
                [x + 0.078 * k, 0.489],
                [x + 0.02, 0.503],
                [x - 0.04 * k, 0.5],
            ],
            steps=8,
        ),
        False,
    )
    mask = figure.pen.fill(white, 0.0, 0.8)
    sheet.paint(mask.times(0.85), coat.skin + 7, lit=8.0)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    iris = figure.world(np.stack([x + 0.022 * k + 0.026 * k * np.cos(turn), 0.482 + 0.026 * np.sin(turn)], 1), False)
    dark = figure.pen.fill(iris, 0.0, 0.8)
    sheet.paint(Mask(dark.roi, dark.cover * _within(dark, mask)), max(figure.scene.tones["dark"] - 3, 4))
    glint = figure.world(np.stack([x + 0.03 * k + 0.006 * np.cos(turn), 0.474 + 0.006 * np.sin(turn)], 1), False)
    sheet.paint(figure.pen.fill(glint, 0.0, 0.8), min(coat.skin + 38, 88.0))
    _line(
        figure,
        sheet,
        [[x - 0.085 * k, 0.49], [x - 0.02, 0.459], [x + 0.05 * k, 0.462], [x + 0.09 * k, 0.487]],
        -17,
        0.017,
    )
    _line(figure, sheet, [[x - 0.08 * k, 0.463], [x, 0.437], [x + 0.075 * k, 0.449]], -6, 0.012)
    _line(figure, sheet, [[x - 0.04 * k, 0.505], [x + 0.02, 0.511], [x + 0.07 * k, 0.497]], -6, 0.009)


def _within(inner: Mask, outer: Mask) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """The outer mask's cover over the inner one's rectangle."""
    a, b = inner.roi, outer.roi
    out = np.zeros(inner.cover.shape, np.float32)
    top, bottom, left, right = max(a.top, b.top), min(a.bottom, b.bottom), max(a.left, b.left), min(a.right, b.right)
    if top < bottom and left < right:
        out[top - a.top : bottom - a.top, left - a.left : right - a.left] = outer.cover[
            top - b.top : bottom - b.top, left - b.left : right - b.left
        ]
    return out


def _brow(figure: "Figure", sheet: Sheet, points: Outline) -> None:
    """An eyebrow takes the hair's value."""
    ink = min(figure.coat.hair - figure.coat.skin, 18.0)
    _line(figure, sheet, points, ink if abs(ink) > 8 else -10, 0.034)


def _nose(figure: "Figure", sheet: Sheet) -> None:
    """Wedge: lit ridge, shaded flank, dark beneath."""
    away = -1.0 if _toward_lamp(figure) else 1.0
    flank: Outline = [[0.155, 0.43], [0.19, 0.5], [0.2, 0.6], [0.18, 0.668], [0.1, 0.66], [0.115, 0.6], [0.15, 0.52]]
    ridge: Outline = [[0.19, 0.43], [0.225, 0.44], [0.255, 0.55], [0.295, 0.63], [0.26, 0.655], [0.215, 0.6]]
    _tone(figure, sheet, flank, -8 if away < 0 else 3, 1.0)
    _tone(figure, sheet, ridge, 5 if away < 0 else -5, 1.0, 6 if away < 0 else 0)
    _tone(
        figure, sheet, [[0.11, 0.66], [0.2, 0.668], [0.285, 0.655], [0.26, 0.695], [0.18, 0.71], [0.12, 0.69]], -11, 1.2
    )
    _line(figure, sheet, [[0.2, 0.665], [0.26, 0.672], [0.298, 0.64], [0.288, 0.605]], -9, 0.016)
    _line(figure, sheet, [[0.115, 0.61], [0.098, 0.645], [0.125, 0.672]], -7, 0.014)


def _lower(figure: "Figure", sheet: Sheet, x: float) -> None:
    """The mouth's place, as tone only: philtrum, the shade under the lower lip, the chin's roundness."""
    _tone(
        figure,
        sheet,
        [[x - 0.11, 0.755], [x, 0.742], [x + 0.115, 0.752], [x + 0.06, 0.782], [x - 0.06, 0.785]],
        -8,
        1.6,
    )
    _tone(
        figure,
        sheet,
        [[x - 0.075, 0.83], [x + 0.01, 0.82], [x + 0.09, 0.828], [x + 0.05, 0.872], [x - 0.04, 0.875]],
        -8,
        1.8,
    )
    _tone(
        figure,
        sheet,
        [[x - 0.03, 0.895], [x + 0.04, 0.885], [x + 0.09, 0.915], [x + 0.04, 0.96], [x - 0.02, 0.955]],
        3,
        2.0,
        4,
    )
    _tone(
        figure, sheet, [[x - 0.3, 0.93], [x - 0.1, 0.97], [x + 0.06, 0.985], [x + 0.02, 1.05], [x - 0.2, 1.02]], -8, 2.0
    )


def _age(figure: "Figure", sheet: Sheet, shift: float) -> None:
    """Years: hollow cheeks, folds beside the nose, lines on the brow."""
    cheek: Outline = [[-0.06, 0.66], [0.02, 0.7], [0.07, 0.8], [0.03, 0.86], [-0.05, 0.8]]
    if figure.traits.age == "old":
        _tone(figure, sheet, [[p[0] + shift, p[1]] for p in cheek], -8, 1.6)
        folds: list[tuple[Outline, float]] = [
            ([[0.1, 0.655], [0.055, 0.72], [0.05, 0.79]], -8),
            ([[0.295, 0.68], [0.305, 0.72], [0.29, 0.77]], -6),
            ([[-0.03, 0.28], [0.1, 0.262], [0.26, 0.275]], -4),
            ([[0.0, 0.225], [0.12, 0.21], [0.25, 0.222]], -3.5),
            ([[-0.06, 0.545], [0.01, 0.575], [0.08, 0.56]], -6),
            ([[-0.1, 0.5], [-0.13, 0.53], [-0.14, 0.555]], -5),
            ([[-0.105, 0.485], [-0.14, 0.49], [-0.165, 0.505]], -5),
            ([[0.19, 0.335], [0.185, 0.375], [0.192, 0.41]], -4),
        ]
        for points, amount in folds:
            _line(figure, sheet, [[p[0] + shift, p[1]] for p in points], amount, 0.016)
    elif figure.traits.age != "young" and not figure.traits.woman:
        _tone(figure, sheet, [[p[0] + shift, p[1]] for p in cheek], -4, 2.0)


def _glasses(figure: "Figure", sheet: Sheet, eyes: tuple[float, ...]) -> None:
    if not figure.traits.glasses:
        return
    turn = np.linspace(0, 2 * np.pi, 30)
    for x in eyes:
        ring = [[x + 0.11 * np.cos(a), 0.49 + 0.085 * np.sin(a)] for a in turn]
        _line(figure, sheet, ring, -22, 0.014)
    _line(figure, sheet, [[eyes[0] + 0.1, 0.48], [sum(eyes) / len(eyes), 0.47], [eyes[-1] - 0.1, 0.48]], -22, 0.014)


def _profile(figure: "Figure", sheet: Sheet) -> None:
    front: Outline = [
        [0.08, 0.12],
        [0.3, 0.1],
        [0.37, 0.26],
        [0.38, 0.4],
        [0.34, 0.46],
        [0.4, 0.56],
        [0.47, 0.63],
        [0.4, 0.7],
        [0.4, 0.8],
        [0.36, 0.9],
        [0.3, 1.0],
        [0.18, 0.93],
        [0.14, 0.8],
        [0.13, 0.68],
        [0.17, 0.58],
        [0.16, 0.46],
        [0.1, 0.36],
    ]
    side: Outline = [
        [0.04, 0.1],
        [0.1, 0.34],
        [0.15, 0.46],
        [0.16, 0.58],
        [0.12, 0.68],
        [0.12, 0.8],
        [0.17, 0.95],
        [0.0, 0.9],
        [-0.1, 0.72],
        [-0.4, 0.6],
        [-0.46, 0.3],
        [-0.2, 0.02],
    ]
    _planes(figure, sheet, front, side)
    _tone(
        figure,
        sheet,
        [[0.19, 0.43], [0.29, 0.425], [0.335, 0.455], [0.315, 0.52], [0.22, 0.535], [0.17, 0.49]],
        -10,
        1.3,
        -6,
    )
    _tone(figure, sheet, [[0.345, 0.655], [0.4, 0.665], [0.42, 0.672], [0.37, 0.7], [0.34, 0.69]], -10, 1.0)
    _line(figure, sheet, [[0.34, 0.6], [0.322, 0.64], [0.345, 0.668]], -8, 0.014)
    _tone(figure, sheet, [[0.25, 0.76], [0.33, 0.755], [0.365, 0.764], [0.33, 0.785], [0.27, 0.785]], -8, 1.4)
    _tone(figure, sheet, [[0.26, 0.83], [0.34, 0.835], [0.34, 0.865], [0.28, 0.88]], -7, 1.6)
    white = figure.world(
        spline([[0.225, 0.488], [0.27, 0.466], [0.312, 0.474], [0.3, 0.5], [0.25, 0.503]], steps=8), False
    )
    mask = figure.pen.fill(white, 0.0, 0.8)
    sheet.paint(mask.times(0.8), figure.coat.skin + 6, lit=8.0)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    iris = figure.world(np.stack([0.297 + 0.016 * np.cos(turn), 0.484 + 0.026 * np.sin(turn)], 1), False)
    dark = figure.pen.fill(iris, 0.0, 0.8)
    sheet.paint(Mask(dark.roi, dark.cover * _within(dark, mask)), max(figure.scene.tones["dark"] - 3, 4))
    _line(figure, sheet, [[0.205, 0.495], [0.26, 0.461], [0.325, 0.472]], -17, 0.017)
    _line(figure, sheet, [[0.2, 0.47], [0.26, 0.44], [0.32, 0.45]], -6, 0.012)
    _brow(figure, sheet, [[0.18, 0.4], [0.26, 0.37], [0.355, 0.395]])
    _line(figure, sheet, [[-0.06, 0.74], [0.0, 0.87], [0.14, 0.955], [0.27, 0.985]], -6, 0.02)
    _age(figure, sheet, 0.1)
    _glasses(figure, sheet, (0.29,))


def _front(figure: "Figure", sheet: Sheet) -> None:
    near: Outline = [
        [0.0, 0.08],
        [0.3, 0.14],
        [0.37, 0.4],
        [0.34, 0.64],
        [0.26, 0.84],
        [0.12, 0.99],
        [0.0, 1.02],
        [0.02, 0.7],
        [0.03, 0.5],
    ]
    far: Outline = [[-p[0], p[1]] for p in near]
    lit_side = near if _toward_lamp(figure) else far
    dark_side = far if _toward_lamp(figure) else near
    lamp = 22.0 if figure.scene.lamp else 10.0
    _tone(figure, sheet, lit_side, 4, 2.0, lamp)
    _tone(figure, sheet, dark_side, -9, 2.0)
    for x in (-0.15, 0.15):
        _socket(figure, sheet, x, 0.95)
        _eye(figure, sheet, x, 0.95)
    away = -1.0 if _toward_lamp(figure) else 1.0
    _tone(
        figure, sheet, [[away * 0.03, 0.42], [away * 0.06, 0.55], [away * 0.1, 0.66], [0.0, 0.67], [0.01, 0.5]], -8, 1.0
    )
    _tone(figure, sheet, [[-0.09, 0.665], [0, 0.675], [0.09, 0.665], [0.05, 0.705], [-0.05, 0.705]], -10, 1.2)
    _line(figure, sheet, [[-0.095, 0.63], [-0.08, 0.672], [-0.03, 0.68]], -7, 0.014)
    _line(figure, sheet, [[0.095, 0.63], [0.08, 0.672], [0.03, 0.68]], -7, 0.014)
    _lower(figure, sheet, 0.0)
    _brow(figure, sheet, [[-0.26, 0.42], [-0.16, 0.375], [-0.055, 0.405]])
    _brow(figure, sheet, [[0.055, 0.405], [0.16, 0.375], [0.26, 0.42]])
    _age(figure, sheet, -0.12)
    _glasses(figure, sheet, (-0.15, 0.15))
