"""What people build: skylines, streets, roofs, castles, bridges, piers."""

from collections.abc import Callable

import numpy as np

from functions.animatic.canvas import Sheet, spline
from functions.animatic.places.setting import Setting
from functions.animatic.values import smooth


def skyline(s: Setting) -> None:
    """Blocks against the sky in two depths, some windows lit."""
    for number, (parallax, mix, height) in enumerate(((0.25, 0.6, 0.42), (0.4, 0.2, 0.3))):
        sheet, rng = s.plane(f"skyline{number}", parallax), s.rng(200, number)
        value = s.tones["mid"] + (s.tones["sky_low"] - s.tones["mid"]) * mix
        x = -s.half[0] - 0.2
        while x < s.half[0] + 0.2:
            w, h = 0.05 + 0.10 * rng.random(), height * (0.25 + 0.75 * rng.random() ** 1.5)
            _block(s, sheet, (x, s.horizon + 0.05 - h, x + w, s.horizon + 0.08), value, number, rng)
            x += w * (0.85 + 0.3 * rng.random())


def _block(
    s: Setting,
    sheet: Sheet,
    box: tuple[float, float, float, float],
    value: float,
    number: int,
    rng: np.random.Generator,
) -> None:
    left, top, right, bottom = box
    mask = s.box(left, top, right, bottom)
    s.wash(mask, value + 3 * (rng.random() - 0.5), 2, 1.4, near=0.3).on(sheet)
    if rng.random() < 0.3:
        sheet.paint(s.box((left + right) / 2 - 0.001, top - 0.05, (left + right) / 2 + 0.001, top, 0.2), value)
    night = s.scene.key in ("night", "dusk")
    step = 0.017
    for y in np.arange(top + 0.012, bottom - 0.06, step * 1.35):
        for x in np.arange(left + 0.008, right - 0.010, step):
            if rng.random() < (0.16 if night else 0.5) + 0.02 * number:
                pane = s.box(x, y, x + 0.006, y + 0.009, 0.0)
                tone = s.tones["light"] - 14 * rng.random() if night else value - 7
                sheet.paint(pane.times(0.85), tone, accent=0.9 if night and rng.random() < 0.8 else 0.0)


def street(s: Setting) -> None:
    """A street in perspective: facades that run to a vanishing point, wet or dry ground."""
    t, vanish = s.tones, (s.scene.side_of(["street", "road"], 0.04) * 0.3, s.horizon)
    ground = s.plane("street", 0.3)
    mask = s.below(s.horizon)
    depth = np.clip((s.view.rows(mask.roi) - s.horizon) / 0.5, 0, 1)
    wet = 2.5 if "rain" in s.scene.weather or s.scene.says("wet") else 1.0
    shine = wet * (1.6 * s.bristle(mask.roi, (1.2, 0.16)) * (0.3 + depth) + 1.5 * s.clouds(mask.roi, (0.5, 1.4)))
    ground.paint(mask, np.asarray(t["ground"] + 8 * (1 - depth) + shine, np.float32), near=0.5)
    for side in (-1.0, 1.0):
        kerb = np.array([[vanish[0], vanish[1]], [side * 1.5, 0.62], [side * 1.62, 0.62]])
        ground.lift(s.pen.fill(kerb, 0.8), 7)
        _facades(s, side, vanish)
    if s.scene.key in ("night", "dusk"):
        s.glow(s.planes[0].sheet, (vanish[0], s.horizon - 0.08), 0.5, 16, lit=False)


def _facades(s: Setting, side: float, vanish: tuple[float, float]) -> None:
    """One side of the street as a row of fronts, each nearer one taller on the picture and darker."""
    rng = s.rng(210, int(side) + 1)
    far, night = 0.07, s.scene.key in ("night", "dusk")
    fronts: list[tuple[float, float, float]] = []
    while far < 3.5:
        wide = far * (0.5 + 0.4 * rng.random())
        fronts.append((far, far + wide, 0.8 + 0.55 * rng.random()))
        far += wide
    for number, (near_in, near_out, tall) in enumerate(fronts):
        parallax = float(np.clip(0.45 + 0.22 * near_in, 0.45, 0.95))
        sheet = (
            s.planes[-1].sheet
            if number and abs(s.planes[-1].parallax - parallax) < 0.25
            else s.plane(f"front{number}", parallax)
        )

        def at(d: float, up: float) -> list[float]:
            return [vanish[0] + side * d * 0.62, vanish[1] + d * (0.26 - up)]

        corners = np.array([at(near_in, 0), at(near_in, tall), at(near_out, tall), at(near_out, 0)])
        value = s.tones["far"] + (s.tones["dark"] - s.tones["far"]) * min(near_in / 1.6, 1.0) + 4 * (rng.random() - 0.5)
        value += 7 if side * s.scene.key_side < 0 else 0
        s.wash(s.pen.fill(corners, 1.0), value, 2, 1.6, near=0.35 if number % 2 else 0.0).on(sheet)
        cornice = np.array([at(near_in, tall), at(near_in, tall + 0.03), at(near_out, tall + 0.03), at(near_out, tall)])
        sheet.paint(s.pen.fill(cornice, 0.6), value + 6)
        _windows(s, sheet, at, (near_in, near_out, tall), value, rng, night)


def _windows(
    s: Setting,
    sheet: Sheet,
    at: Callable[[float, float], list[float]],
    front: tuple[float, float, float],
    value: float,
    rng: np.random.Generator,
    night: bool,
) -> None:
    """Rows of panes and a door on one front; `at` gives the picture's point of a depth and a height."""
    near_in, near_out, tall = front
    for u in (0.22, 0.55, 0.82):
        a, b = near_in + (near_out - near_in) * (u - 0.09), near_in + (near_out - near_in) * (u + 0.09)
        for up in np.arange(0.30, tall - 0.12, 0.22):
            on = night and not s.scene.dark and rng.random() < 0.22
            pane = s.pen.fill(np.array([at(a, up), at(a, up + 0.13), at(b, up + 0.13), at(b, up)]), 0.5)
            sheet.paint(pane, s.tones["light"] - 6 if on else value - 7, accent=0.95 if on else 0.0)
        if u == 0.55:
            door = s.pen.fill(np.array([at(a, 0.0), at(a, 0.19), at(b, 0.19), at(b, 0.0)]), 0.5)
            sheet.paint(door, value - 8)


def lamp_post(s: Setting) -> None:
    """Street lamps, each with its pool of light."""
    sheet, t = s.plane("lamps", 0.9), s.tones
    burns = s.scene.key in ("night", "dusk") and not s.scene.dark
    for x, depth in ((-0.27, 0.55), (0.30, 0.9), (-0.08, 0.22)):
        at, foot, h = x * s.view.aspect, s.horizon + 0.06 + 0.24 * depth, 0.24 + 0.42 * depth
        sheet.paint(s.box(at - 0.006 * depth - 0.001, foot - h, at + 0.006 * depth + 0.001, foot), t["dark"])
        k = 0.03 * (0.4 + depth)
        head = np.array(
            [
                [at - k * 0.6, foot - h],
                [at - k * 0.85, foot - h - k * 1.5],
                [at + k * 0.85, foot - h - k * 1.5],
                [at + k * 0.6, foot - h],
            ]
        )
        sheet.paint(s.pen.fill(head, 0.5), t["lamp"] if burns else t["mid"], accent=1.0 if burns else 0.0)
        sheet.paint(
            s.pen.fill(
                np.array([[at - k, foot - h - k * 1.5], [at, foot - h - k * 2.2], [at + k, foot - h - k * 1.5]]), 0.5
            ),
            t["dark"],
        )
        if burns:
            for plane in s.planes[:3]:
                s.glow(plane.sheet, (at, foot - h - k * 0.7), 0.32, 14, lit=False)
            s.lamps.append((at, foot - h - k * 0.7, 0.3))


def rooftops(s: Setting) -> None:
    """Roofs at our feet: ridges, chimneys, a parapet."""
    for number, (y, parallax) in enumerate(((0.06, 0.5), (0.17, 0.75))):
        sheet, rng = s.plane(f"roofs{number}", parallax), s.rng(220, number)
        x = -s.half[0] - 0.2
        value = s.tones["mid"] + (s.tones["dark"] - s.tones["mid"]) * (0.3 + 0.6 * number)
        while x < s.half[0] + 0.2:
            w, h = 0.22 + 0.2 * rng.random(), 0.08 + 0.07 * rng.random()
            foot = s.horizon + y + h
            roof = np.array(
                [[x, foot], [x + w * 0.16, foot - h], [x + w * 0.84, foot - h], [x + w, foot], [x + w, 1.2], [x, 1.2]]
            )
            s.wash(s.pen.fill(roof, 1.2), value + 5 * (rng.random() - 0.5), 3, 1.8, near=0.3).on(sheet)
            sheet.paint(s.box(x + w * 0.6, foot - h * 1.55, x + w * 0.68, foot - h * 0.8), value - 4)
            x += w * 0.9


def castle(s: Setting) -> None:
    """Towers and walls on a height."""
    if s.scene.says("battlement", "battlements", "rampart", "ramparts"):
        x, k, value = s.scene.side_of(["castle", "tower"], 0.30) * s.view.aspect, 1.25, s.tones["mid"] + 2
    else:
        x, k, value = s.scene.side_of(["castle", "fortress", "palace"], 0.18) * s.view.aspect, 1.0, s.tones["mid"]
    sheet, foot = s.plane("castle", 0.4), s.horizon + 0.06
    for left, right, high in ((-0.26, 0.26, 0.14), (-0.10, 0.03, 0.30), (0.13, 0.21, 0.24), (-0.27, -0.20, 0.22)):
        box = (x + left * k, foot - high * k, x + right * k, foot + 0.3)
        tone = 5 * smooth(
            -1, 1, (s.view.columns() - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2) * s.scene.key_side
        )
        mask = s.box(*box)
        s.wash(mask, np.repeat(value + tone[:, mask.roi.left : mask.roi.right], mask.cover.shape[0], 0), 3, 2).on(sheet)
        _crenels(s, sheet, box, 0.016 * k, value + 2)
        if right - left < 0.2:
            middle = (box[0] + box[2]) / 2
            lit = s.scene.key in ("night", "dusk") and high > 0.26 and not s.scene.dark
            slit = s.box(middle - 0.004, box[1] + 0.05, middle + 0.004, box[1] + 0.085, 0.3)
            sheet.paint(slit, s.tones["light"] if lit else s.tones["dark"], accent=1.0 if lit else 0.0)


def _crenels(s: Setting, sheet: Sheet, box: tuple[float, float, float, float], size: float, value: float) -> None:
    for x in np.arange(box[0], box[2] - size * 0.6, size * 2):
        sheet.paint(s.box(x, box[1] - size * 1.1, min(x + size, box[2]), box[1] + 0.004, 0.5), value)


def battlement(s: Setting) -> None:
    """The walk on a castle's wall: flagstones, and a crenellated parapet against the night."""
    t = s.tones
    floor = s.plane("flags", 0.8)
    low = s.horizon + 0.12
    mask = s.below(low)
    depth = np.clip((s.view.rows(mask.roi) - low) / 0.4, 0, 1)
    floor.paint(
        mask, np.asarray(t["ground"] + 5 - 4 * depth + 1.6 * s.bristle(mask.roi, (0.9, 0.3)), np.float32), near=0.5
    )
    for k in range(6):
        y = low + 0.02 + 0.06 * k**1.3
        floor.lift(s.pen.stroke(np.array([[-3, y], [3, y + 0.004]]), [0.003 + 0.001 * k] * 2, 1.0), -7)
        for x in np.arange(-2.4, 2.4, 0.3 + 0.06 * k):
            shift = 0.15 * (k % 2) + x * 0.15 * k
            floor.lift(
                s.pen.stroke(np.array([[x + shift, y], [x * 1.06 + shift, y + 0.05 + 0.012 * k]]), [0.003] * 2, 0.8), -6
            )
    wall = s.plane("parapet", 0.7)
    size = 0.24
    for x in np.arange(-6 * size, 6 * size, size):
        merlon = s.box(x, s.horizon - 0.10, x + size * 0.6, low + 0.02)
        tone = t["mid"] + 4 + 3 * (s.scene.luck(230, int(x / size) + 50) - 0.5)
        s.wash(merlon, tone, 4, 2.4, near=0.35).on(wall)
        wall.lift(s.box(x, s.horizon - 0.10, x + size * 0.6, s.horizon - 0.088), 9)
        wall.lift(s.box(x + size * 0.27, s.horizon - 0.06, x + size * 0.31, s.horizon + 0.02, 0.4), -9)
    course = s.box(-3, s.horizon + 0.005, 3, low + 0.02)
    s.wash(course, t["mid"] + 2, 2, 2.4, near=0.35).on(wall)
    for k in range(3):
        y = s.horizon + 0.03 + 0.035 * k
        wall.lift(s.box(-3, y, 3, y + 0.003), -6)


def parapet(s: Setting) -> None:
    """A dark stone edge in front."""
    sheet = s.plane("edge", 1.6, blur=1.6)
    side = s.scene.key_side * -1
    x = side * s.view.aspect * 0.5
    stone = [
        [x - side * 0.16, 0.62],
        [x - side * 0.15, 0.24],
        [x - side * 0.02, 0.22],
        [x + side * 0.6, 0.2],
        [x + side * 0.6, 0.62],
    ]
    s.wash(s.pen.fill(np.array(stone), 2.0), s.tones["fore"] + 2, 2, 1.2).on(sheet)
    top = np.array([[x - side * 0.15, 0.243], [x - side * 0.02, 0.223], [x + side * 0.6, 0.203]])
    sheet.lift(s.pen.stroke(top, [0.012, 0.014], 1.2), 12)


def bridge(s: Setting) -> None:
    """Arches over water."""
    sheet, t = s.plane("bridge", 0.45), s.tones
    y = s.horizon - 0.06
    s.wash(s.box(-3, y, 3, s.horizon + 0.05), t["mid"], 2, 2).on(sheet)
    sheet.paint(s.box(-3, y - 0.012, 3, y + 0.004), t["mid"] + 8)
    for k in range(-4, 5):
        x = k * 0.38 + 0.1
        arch = spline(
            [
                [x - 0.15, s.horizon + 0.06],
                [x - 0.14, y + 0.07],
                [x, y + 0.022],
                [x + 0.14, y + 0.07],
                [x + 0.15, s.horizon + 0.06],
            ]
        )
        sheet.paint(s.pen.fill(arch, 0.8), t["dark"] + 2)


def pier(s: Setting) -> None:
    """Planks that run out over the water, on posts."""
    sheet, t = s.plane("pier", 0.85), s.tones
    x = s.scene.side_of(["pier", "jetty", "dock"], 0.16) * s.view.aspect
    deck = np.array([[x - 0.02, s.horizon + 0.03], [x + 0.03, s.horizon + 0.03], [x + 0.34, 0.6], [x - 0.5, 0.6]])
    s.wash(s.pen.fill(deck, 0.8), t["mid"] - 2, 3, 2, near=0.6).on(sheet)
    for k in range(16):
        u = (k / 16) ** 1.8
        y = s.horizon + 0.03 + (0.57 - s.horizon) * u
        sheet.lift(
            s.pen.stroke(np.array([[x - 0.02 - 0.48 * u, y], [x + 0.03 + 0.31 * u, y]]), [0.002 + 0.004 * u] * 2, 0.6),
            -8,
        )
        if k % 3 == 0:
            for edge in (x - 0.02 - 0.48 * u, x + 0.03 + 0.31 * u):
                h = 0.03 + 0.16 * u
                sheet.paint(s.box(edge - 0.004 - 0.012 * u, y - h, edge + 0.004 + 0.012 * u, y + h * 0.5), t["dark"])
