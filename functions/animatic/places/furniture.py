"""What stands on the floor of a room, on a plane nearer than its walls, and what hangs over it."""

import numpy as np

from functions.animatic.canvas import Sheet
from functions.animatic.places.room import Room
from functions.animatic.places.setting import Setting


def _near(s: Setting, name: str, scale: float = 0.8, parallax: float = 0.78) -> tuple[Sheet, Room]:
    """A plane whose metres are larger than the wall's, as what is nearer is."""
    sheet = s.plane(name, parallax)
    nearer = Setting(s.scene, s.view, s.horizon, s.metres * scale, s.planes, s.lamps)
    return sheet, Room(nearer, sheet)


def table_set(s: Setting) -> None:
    """A table with what the words put on it."""
    sheet, r = _near(s, "table")
    x, t = s.scene.side_of(["table", "desk"], 0.02) * s.view.aspect * r.setting.metres, s.tones
    for leg in (-0.72, -0.6, 0.6, 0.72):
        sheet.paint(r.box(x + leg - 0.03, -0.05 if abs(leg) > 0.7 else 0.05, x + leg + 0.03, 0.72), t["wood"] - 3)
    s.wash(
        r.poly([(x - 0.95, 0.69), (x - 0.8, 0.8), (x + 0.8, 0.8), (x + 0.95, 0.69)]),
        t["wood"] + 12,
        2,
        1,
        near=0.5,
        lit=8,
    ).on(sheet)
    sheet.paint(r.box(x - 0.95, 0.64, x + 0.95, 0.7), t["wood"] + 1)
    if s.scene.says("tea", "dinner", "breakfast", "kitchen", "cafe", "supper"):
        cup = [(x - 0.2, 0.76), (x - 0.22, 0.92), (x - 0.14, 0.97), (x + 0.02, 0.97), (x + 0.08, 0.9), (x + 0.05, 0.76)]
        sheet.paint(r.poly(cup), t["light"] - 8, lit=6)
        for at in (-0.5, 0.35):
            sheet.paint(
                r.poly([(x + at, 0.76), (x + at - 0.03, 0.85), (x + at + 0.13, 0.85), (x + at + 0.1, 0.76)]),
                t["light"] - 12,
            )
    if s.scene.says("desk", "office", "study", "write", "writes", "letter"):
        sheet.paint(r.poly([(x - 0.3, 0.735), (x - 0.2, 0.785), (x + 0.15, 0.785), (x + 0.1, 0.735)]), t["light"] - 6)
    for side in (-1, 1):
        _chair(s, r, x + side * 1.15, side)


def _chair(s: Setting, r: Room, x: float, side: float) -> None:
    t = s.tones
    for a, b in ((0.0, 0.95), (-0.38 * side, 0.45)):
        r.sheet.paint(r.box(x + a - 0.025, -0.05, x + a + 0.025, b), t["wood"] - 2)
    r.sheet.paint(r.box(min(x, x - 0.4 * side), 0.42, max(x, x - 0.4 * side), 0.48), t["wood"] + 5)
    for y in (0.62, 0.76, 0.9):
        r.sheet.paint(r.box(x - 0.03, y, x + 0.03, y + 0.05), t["wood"] + 4)


def bed(s: Setting) -> None:
    """A bed, its head to the wall's side."""
    sheet, r = _near(s, "bed")
    x, t = s.scene.side_of(["bed"], 0.18) * s.view.aspect * r.setting.metres, s.tones
    sheet.paint(r.box(x + 1.0, 0.0, x + 1.08, 1.15), t["wood"] + 2)
    sheet.paint(r.box(x - 1.05, 0.0, x - 0.98, 0.75), t["wood"] + 2)
    s.wash(
        r.poly([(x - 1.0, 0.3), (x - 1.0, 0.56), (x - 0.2, 0.64), (x + 0.6, 0.6), (x + 1.0, 0.62), (x + 1.0, 0.3)]),
        t["wall"] + 9,
        3,
        2,
    ).on(sheet)
    s.wash(r.poly([(x + 0.55, 0.6), (x + 0.58, 0.8), (x + 0.95, 0.84), (x + 1.0, 0.62)]), t["light"] - 8, 2, 1).on(
        sheet
    )
    s.wash(r.poly([(x - 1.02, 0.1), (x - 1.02, 0.5), (x + 0.3, 0.58), (x + 0.35, 0.12)]), t["mid"], 3, 2, near=0.8).on(
        sheet
    )


def sofa(s: Setting) -> None:
    """A sofa and a small table."""
    sheet, r = _near(s, "sofa")
    x, t = s.scene.side_of(["sofa", "couch", "armchair"], -0.06) * s.view.aspect * r.setting.metres, s.tones
    back = [
        (x - 0.98, 0.3),
        (x - 0.98, 0.85),
        (x - 0.7, 0.98),
        (x, 1.05),
        (x + 0.7, 0.98),
        (x + 0.98, 0.85),
        (x + 0.98, 0.3),
    ]
    s.wash(r.poly(back, 1.2), t["wood"] + 7, 3, 1.6, accent=0.45).on(sheet)
    for k in (-0.5, 0.0, 0.5):
        for y in (0.62, 0.8):
            sheet.lift(r.line([(x + k - 0.03, y), (x + k + 0.03, y)], 0.04), -7)
    s.wash(
        r.poly([(x - 1.0, 0.22), (x - 1.0, 0.48), (x + 1.0, 0.48), (x + 1.0, 0.22)], 1.2),
        t["wood"] + 12,
        3,
        1.2,
        accent=0.45,
    ).on(sheet)
    for side in (-1, 1):
        a, b = sorted((x + side * 0.92, x + side * 1.14))
        s.wash(
            r.poly([(a, 0.15), (a, 0.66), ((a + b) / 2, 0.74), (b, 0.66), (b, 0.15)], 1.0),
            t["wood"] + 9,
            3,
            1,
            accent=0.45,
        ).on(sheet)
        sheet.paint(r.box(x + side * 0.95 - 0.03, 0.0, x + side * 0.95 + 0.03, 0.16), t["wood"] - 4)


def piano(s: Setting) -> None:
    """A grand, lid up."""
    sheet, r = _near(s, "piano")
    x, t = s.scene.side_of(["piano"], 0.26) * s.view.aspect * r.setting.metres, s.tones
    sheet.paint(r.poly([(x - 0.85, 0.98), (x - 0.55, 1.75), (x + 0.75, 1.5), (x + 0.9, 1.0)]), t["dark"] + 3, lit=5)
    s.wash(
        r.poly([(x - 0.95, 0.66), (x - 0.95, 0.98), (x + 0.9, 1.02), (x + 1.0, 0.8), (x + 0.9, 0.68)]),
        t["dark"] - 1,
        2,
        1,
    ).on(sheet)
    sheet.paint(r.box(x - 1.06, 0.68, x - 0.88, 0.74), t["light"] - 6)
    for leg in (-0.85, 0.75):
        sheet.paint(r.box(x + leg - 0.05, 0.0, x + leg + 0.05, 0.7), t["dark"] - 2)


def plant(s: Setting) -> None:
    """A palm in a pot, at the edge."""
    sheet, r = _near(s, "plant", 0.7, 0.85)
    x, t = -s.scene.key_side * 0.43 * s.view.aspect * r.setting.metres, s.tones
    sheet.paint(r.poly([(x - 0.16, 0.45), (x - 0.11, 0.0), (x + 0.11, 0.0), (x + 0.16, 0.45)]), t["mid"], accent=0.5)
    for k, lean in enumerate(np.linspace(-1.3, 1.3, 11)):
        tip, high = x + 0.62 * np.sin(lean), 0.5 + 0.95 * np.cos(lean * 0.75)
        frond = np.array(
            [[r.x(x), r.y(0.42)], [r.x(x + 0.25 * np.sin(lean)), r.y(0.5 + high * 0.62)], [r.x(tip), r.y(high)]]
        )
        sheet.paint(
            s.pen.stroke(frond, [0.004, 0.05 / s.metres * 2, 0.002], 1.5), t["dark"] + 3 + 5 * (k % 2), near=0.9
        )


def standing_lamp(s: Setting) -> None:
    """A shaded lamp with its glow on the wall."""
    if any(p.name == "lens" for p in s.planes):
        return
    sheet, r = _near(s, "lamp", 0.85, 0.7)
    x, t = s.scene.side_of(["lamp"], 0.30 * s.scene.key_side) * s.view.aspect * r.setting.metres, s.tones
    on = not s.scene.dark
    sheet.paint(r.box(x - 0.018, 0.0, x + 0.018, 1.45), t["wood"], accent=0.5)
    sheet.paint(r.poly([(x - 0.2, 0.0), (x - 0.02, 0.06), (x + 0.02, 0.06), (x + 0.2, 0.0)]), t["wood"])
    shade = r.poly([(x - 0.27, 1.4), (x - 0.16, 1.78), (x + 0.16, 1.78), (x + 0.27, 1.4)])
    sheet.paint(shade, t["mid"] + 4, accent=0.8, lit=(t["lamp"] - t["mid"] - 12) * on)
    if on:
        s.glow(s.planes[0].sheet, (r.x(x), r.y(1.6)), 1.5 / s.metres, 30)
        s.lamps.append((r.x(x), r.y(1.6), 0.4))


def chandelier(s: Setting) -> None:
    """Candles on curved arms over everything."""
    sheet, r = _near(s, "chandelier", 0.9, 0.7)
    t, y = s.tones, 2.45
    sheet.paint(r.line([(0.0, y), (0.0, 4.5)], 0.03), t["dark"])
    for k in np.linspace(-0.6, 0.6, 7):
        arm = [(0.0, y - 0.1), (k * 0.5, y - 0.22), (k, y - 0.02)]
        sheet.paint(r.line(arm, 0.025), t["mid"], accent=0.8)
        sheet.paint(r.box(k - 0.02, y - 0.02, k + 0.02, y + 0.1), t["light"])
        if not s.scene.dark:
            sheet.paint(r.poly([(k - 0.025, y + 0.1), (k, y + 0.2), (k + 0.025, y + 0.1)]), t["lamp"], accent=1.0)
    if not s.scene.dark:
        s.glow(s.planes[0].sheet, (0.0, r.y(y)), 1.4 / s.metres, 24)


def candles(s: Setting) -> None:
    """Two candles on a stand."""
    sheet, r = _near(s, "candles", 0.8, 0.8)
    x, t = s.scene.key_side * 0.17 * s.view.aspect * r.setting.metres, s.tones
    sheet.paint(r.box(x - 0.3, 0.0, x + 0.3, 0.78), t["wood"])
    sheet.paint(r.box(x - 0.36, 0.76, x + 0.36, 0.81), t["wood"] + 10)
    for k in (-0.15, 0.1):
        sheet.paint(r.box(x + k - 0.025, 0.81, x + k + 0.025, 1.05), t["light"] - 8)
        if not s.scene.dark:
            sheet.paint(r.poly([(x + k - 0.025, 1.06), (x + k, 1.17), (x + k + 0.025, 1.06)]), t["lamp"], accent=1.0)
    if not s.scene.dark:
        s.glow(s.planes[0].sheet, (r.x(x), r.y(1.1)), 1.5 / s.metres, 32)
        s.lamps.append((r.x(x), r.y(1.1), 0.4))
