"""Faces: two planes of light and shade, sockets, brow, nose and cheek, from a table. No mouth is drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from functions.animatic.canvas import Mask, Sheet, spline
from functions.animatic.scene import table
from functions.animatic.values import Floats

if TYPE_CHECKING:
    from functions.animatic.figure import Figure

Outline = Sequence[Sequence[float]]
_DETAIL_FROM: Final = 0.13
"""Height of a head from which the face is drawn; below it a tone must do."""


def features(figure: "Figure", sheet: Sheet, head: Mask) -> None:
    """Paint the face that this view shows onto the head."""
    if figure.stand.head < 0.045:
        return
    if figure.stand.head < _DETAIL_FROM:
        _small(figure, sheet, head)
        return
    face = table("faces.toml")[figure.stand.view]
    _planes(figure, sheet, head, face)
    for x, k in face["eyes"]:
        _socket(figure, sheet, head, x, k)
    flip = 1.0 if _toward_lamp(figure) else -0.6
    for amount, soft, lit, outline in face["flank"]:
        _tone(figure, sheet, head, outline, amount * flip, soft, lit * max(flip, 0.0))
    for amount, soft, lit, outline in face["tones"]:
        _tone(figure, sheet, head, outline, amount, soft, lit)
    for x, k in face["eyes"]:
        _eye(figure, sheet, x, k)
    if figure.stand.view == "profile":
        _profile_eye(figure, sheet)
    for amount, width, points in face["lines"]:
        _line(figure, sheet, points, amount, width)
    for brow in face["brows"]:
        _brow(figure, sheet, brow)
    _age(figure, sheet, head, face["old"])
    _glasses(figure, sheet, [x for x, _ in face["eyes"]] or [0.29])


def ear(figure: "Figure", sheet: Sheet) -> None:
    """The shell's two folds."""
    if figure.stand.head >= _DETAIL_FROM:
        for points in table("faces.toml")["ear"][figure.stand.view]:
            _line(figure, sheet, points, -9, 0.02)


def within(inner: Mask, outer: Mask) -> Floats:
    """The outer mask's cover over the inner one's rectangle."""
    a, b = inner.roi, outer.roi
    out = np.zeros(inner.cover.shape, np.float32)
    top, bottom, left, right = max(a.top, b.top), min(a.bottom, b.bottom), max(a.left, b.left), min(a.right, b.right)
    if top < bottom and left < right:
        part = outer.cover[top - b.top : bottom - b.top, left - b.left : right - b.left]
        out[top - a.top : bottom - a.top, left - a.left : right - a.left] = part
    return out


def _tone(
    figure: "Figure", sheet: Sheet, head: Mask, outline: Outline, amount: float, soft: float, lit: float = 0.0
) -> None:
    """A plane of the face: `amount` L*, and `lit` more while the lamp burns; `soft` in hundredths of a head."""
    points = figure.world(spline(outline, steps=12), body=False)
    mask = figure.pen.fill(points, 0.3, max(soft * 0.02 * figure.stand.head * 720, 0.8))
    if mask.roi.empty:
        return
    inside = Mask(mask.roi, mask.cover * within(mask, head))
    if amount:
        sheet.lift(inside, amount)
    if lit:
        sheet.lift(inside, lit, lit=True)


def _line(figure: "Figure", sheet: Sheet, points: Outline, amount: float, width: float) -> None:
    curve = figure.world(spline(points, closed=False, steps=10), body=False)
    w = width * figure.stand.head
    sheet.lift(figure.pen.stroke(curve, [w * 0.25, w, w * 0.9, w * 0.2], 0.3, 1.0), amount)


def _moved(outline: Outline, x: float, k: float = 1.0) -> list[list[float]]:
    """A shared piece about `x`, narrowed by `k` where it turns away."""
    return [[p[0] * k + x, p[1]] for p in outline]


def _small(figure: "Figure", sheet: Sheet, head: Mask) -> None:
    """At a distance: brow shadow, the side of the nose, nothing more."""
    view = figure.stand.view
    x = {"front": 0.0, "three-quarter": 0.12, "profile": 0.24}[view]
    w = {"front": 0.27, "three-quarter": 0.22, "profile": 0.11}[view]
    brow = [[x - w, 0.42], [x, 0.4], [x + w, 0.42], [x + w * 0.9, 0.52], [x, 0.5], [x - w * 0.9, 0.52]]
    _tone(figure, sheet, head, brow, -9, 1.5)
    _tone(figure, sheet, head, [[x - 0.03, 0.5], [x + 0.04, 0.5], [x + 0.07, 0.66], [x - 0.05, 0.67]], -5, 1.5)


def _toward_lamp(figure: "Figure") -> bool:
    return figure.key[0] * figure.stand.facing > 0


def _planes(figure: "Figure", sheet: Sheet, head: Mask, face: dict[str, Any]) -> None:
    """Two planes: the one that faces the lamp takes its light, the other sinks."""
    lamp = 24.0 if figure.scene.lamp else 10.0
    lit, dark = ("front", "side") if _toward_lamp(figure) else ("side", "front")
    _tone(figure, sheet, head, face[lit], 4, 1.6 if lit == "front" else 2.6, lamp)
    _tone(figure, sheet, head, face[dark], -7, 1.6)


def _socket(figure: "Figure", sheet: Sheet, head: Mask, x: float, k: float) -> None:
    """The hollow under the brow."""
    piece = table("faces.toml")["piece"]
    _tone(figure, sheet, head, _moved(piece["socket"], x, k), -9, 1.5, -5)
    _tone(figure, sheet, head, _moved(piece["pouch"], x, k), -3.5, 1.6)


def _eye(figure: "Figure", sheet: Sheet, x: float, k: float) -> None:
    """Lid, the glint of the white and a dark iris, looking ahead."""
    piece = table("faces.toml")["piece"]
    white = figure.pen.fill(figure.world(spline(_moved(piece["white"], x, k), steps=8), False), 0.0, 0.8)
    _ball(figure, sheet, white, (x + 0.024 * k, 0.482), (0.03 * k, 0.029))
    _line(figure, sheet, _moved(piece["lid"], x, k), -17, 0.018)
    _line(figure, sheet, _moved(piece["crease"], x, k), -6, 0.012)
    _line(figure, sheet, _moved(piece["lash"], x, k), -6, 0.009)


def _profile_eye(figure: "Figure", sheet: Sheet) -> None:
    outline = table("faces.toml")["piece"]["profile_white"]
    white = figure.pen.fill(figure.world(spline(outline, steps=8), False), 0.0, 0.8)
    _ball(figure, sheet, white, (0.302, 0.483), (0.014, 0.026))


def _ball(figure: "Figure", sheet: Sheet, white: Mask, at: tuple[float, float], radius: tuple[float, float]) -> None:
    """White, iris and glint within the lids."""
    sheet.paint(white.times(0.7), figure.coat.skin + 3, lit=8.0)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    round_ = np.stack([np.cos(turn), np.sin(turn)], 1)
    iris = figure.pen.fill(figure.world(round_ * radius + at, False), 0.0, 0.8)
    sheet.paint(Mask(iris.roi, iris.cover * within(iris, white)), max(figure.scene.tones["dark"] - 3, 4))
    glint = figure.pen.fill(figure.world(round_ * 0.0055 + (at[0] + 0.008, at[1] - 0.009), False), 0.0, 0.8)
    sheet.paint(glint, min(figure.coat.skin + 36, 86.0))


def _brow(figure: "Figure", sheet: Sheet, points: Outline) -> None:
    """An eyebrow takes the hair's value."""
    ink = min(figure.coat.hair - figure.coat.skin, 14.0)
    _line(figure, sheet, points, ink if abs(ink) > 8 else -10, 0.032)


def _age(figure: "Figure", sheet: Sheet, head: Mask, shift: float) -> None:
    """Years: hollow cheeks, folds beside the nose, lines on the brow."""
    cheek = _moved(table("faces.toml")["piece"]["cheek"], shift)
    if figure.traits.age == "old":
        _tone(figure, sheet, head, cheek, -7, 1.8)
        for amount, width, points in table("faces.toml")["years"]["lines"]:
            _line(figure, sheet, _moved(points, shift), amount, width)
    elif figure.traits.age != "young" and not figure.traits.woman:
        _tone(figure, sheet, head, cheek, -4, 2.0)


def _glasses(figure: "Figure", sheet: Sheet, eyes: list[float]) -> None:
    if not figure.traits.glasses:
        return
    turn = np.linspace(0, 2 * np.pi, 30)
    for x in eyes:
        _line(figure, sheet, [[x + 0.11 * np.cos(a), 0.49 + 0.085 * np.sin(a)] for a in turn], -22, 0.014)
    middle = sum(eyes) / len(eyes)
    _line(figure, sheet, [[eyes[0] + 0.1, 0.48], [middle, 0.47], [eyes[-1] - 0.1, 0.48]], -22, 0.014)
