"""Hair: its fall and strands, what is tied, and beards."""

from typing import TYPE_CHECKING

import numpy as np

from functions.animatic.canvas import Mask, Points, Sheet, spline
from functions.animatic.noise import bristle
from functions.animatic.outlines import outline_of
from functions.animatic.scene import table
from functions.animatic.shading import clipped
from functions.animatic.values import Floats

if TYPE_CHECKING:
    from functions.animatic.figure import Figure


def behind(figure: "Figure", sheet: Sheet) -> None:
    """Long hair that falls behind the shoulders."""
    if figure.traits.hair == "long" and figure.stand.view == "front":
        figure.form(sheet, figure.fill(outline_of("hair", "long", "back"), body=False), figure.coat.hair - 6, 5)


def paint(figure: "Figure", sheet: Sheet) -> None:
    """Hair, beard and bun."""
    style = {"plait": "drawn-back", "bun": "drawn-back", "ponytail": "drawn-back"}.get(
        figure.traits.hair, figure.traits.hair
    )
    if style != "bald":
        mask = figure.fill(
            outline_of("hair", style, figure.stand.view), body=False, rough=2.0 if style == "curly" else 1.0
        )
        figure.form(sheet, mask, _strands(figure, mask), 9, 0.9, **_hues(figure))
        _combed(figure, sheet, mask)
    if figure.traits.beard == "full" and figure.stand.view != "back":
        mask = figure.fill(outline_of("beard", figure.stand.view), body=False, rough=1.6)
        figure.form(sheet, mask, _strands(figure, mask) - 2, 7, 0.5, **_hues(figure))
    if figure.traits.hair == "bun":
        (x, y), r = table("outlines.toml")["bun"][figure.stand.view]
        turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        figure.form(
            sheet,
            figure.fill(np.stack([x + r * np.cos(turn), y + r * 0.85 * np.sin(turn)], 1), False),
            figure.coat.hair,
            9,
        )


def _hues(figure: "Figure") -> dict[str, float]:
    """White and grey hair takes the calmer hue beside the main one, fair hair some of the accent."""
    fair = 15 < figure.traits.hair_value <= 24
    return {"near": 0.9 if figure.traits.hair_value > 15 else 0.2, "accent": 0.3 * fair * figure.scene.warmth}


def _combed(figure: "Figure", sheet: Sheet, hair: Mask) -> None:
    """Drawn-back hair runs in strands to where it is tied."""
    if figure.traits.hair not in ("plait", "bun", "ponytail") or figure.stand.head < 0.12:
        return
    knot = np.array(table("outlines.toml")["tail"][figure.stand.view][0])
    rim = np.array(outline_of("hair", "drawn-back", figure.stand.view))
    for k, start in enumerate(spline(rim, steps=3)):
        if np.hypot(*(start - knot)) < 0.25:
            continue
        bulge = (start + knot) / 2 + (np.array([0.0, 0.33]) - (start + knot) / 2) * -0.22
        curve = figure.world(
            spline(np.array([start * 0.97 + knot * 0.03, bulge, knot]), closed=False, steps=10), body=False
        )
        w = 0.011 * figure.stand.head
        stroke = figure.pen.stroke(curve, [w * 0.3, w * 1.3, w], 0.8, 1.2)
        sheet.lift(clipped(stroke, hair), -7.0 if k % 3 else 5.0)


def _strands(figure: "Figure", mask: Mask) -> Floats:
    """Hair is never one value: fine strands along its fall."""
    head = figure.stand.head
    if mask.roi.empty:
        return np.zeros_like(mask.cover)
    fine = figure.view.noise(bristle(figure.scene.place_seed), mask.roi, (head * 0.35, head * 1.6), 0.3)
    return np.asarray(figure.coat.hair + (3.2 if head > 0.1 else 1.5) * fine, np.float32)


def tail(figure: "Figure", sheet: Sheet) -> None:
    """A plait or a ponytail."""
    if figure.traits.hair not in ("plait", "ponytail"):
        return
    curve = spline(table("outlines.toml")["tail"][figure.stand.view], closed=False, steps=12)
    curve = curve + np.array([figure.traits.bow * 0.4, 0.0])
    if figure.traits.hair == "ponytail":
        mask = figure.pen.stroke(
            figure.world(curve[: len(curve) * 2 // 3], False),
            [0.16 * figure.stand.head, 0.3 * figure.stand.head, 0.24 * figure.stand.head, 0.05 * figure.stand.head],
        )
        figure.form(sheet, mask, figure.coat.hair, 9)
        return
    _plait(figure, sheet, curve)


def _plait(figure: "Figure", sheet: Sheet, curve: Points) -> None:
    """Lobes that cross, left over right, down to the tie."""
    count = 11
    at = np.linspace(0, len(curve) - 2, count).astype(int)
    for k, place in enumerate(at[:-1]):
        middle, ahead = curve[place], curve[min(place + 4, len(curve) - 1)] - curve[place]
        ahead = ahead / max(float(np.hypot(*ahead)), 1e-6)
        aside = np.array([-ahead[1], ahead[0]]) * (1 if k % 2 else -1)
        wide = 0.15 * (1 - 0.45 * k / count)
        lobe = [
            middle + aside * wide * 0.95 - ahead * 0.02,
            middle + aside * wide * 0.7 + ahead * 0.15,
            middle - aside * wide * 0.55 + ahead * 0.24,
            middle - aside * wide * 0.8 + ahead * 0.08,
            middle - aside * wide * 0.1 - ahead * 0.1,
        ]
        figure.form(
            sheet,
            figure.fill(np.array(lobe), body=False, rough=0.5),
            figure.coat.hair - 1 + 3 * (k % 2),
            9,
            0.6,
            **_hues(figure),
        )
    tuft = figure.pen.stroke(
        figure.world(curve[-9:], False), [0.12 * figure.stand.head, 0.14 * figure.stand.head, 0.02 * figure.stand.head]
    )
    figure.form(sheet, tuft, figure.coat.hair - 3, 6, 0.4, **_hues(figure))
