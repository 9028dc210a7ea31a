"""Open country: mountains, hills, woods, desert, snow, meadow, rock; trees and what people build in it."""

import numpy as np

from functions.animatic.canvas import Mask, Points, Sheet, spline
from functions.animatic.places.setting import Setting
from functions.animatic.values import smooth


def mountains(s: Setting) -> None:
    """Two ranges, the further paler, with light flanks."""
    for number, (height, tone, parallax) in enumerate(((0.34, 0.62, 0.2), (0.2, 0.25, 0.3))):
        sheet = s.plane(f"range{number}", parallax)
        peaks = _jagged(s, s.horizon + 0.03, height, 60 + number)
        mask = s.under(peaks, 1.0)
        value = s.tones["far"] + (s.tones["sky_low"] - s.tones["far"]) * tone
        faces = s.clouds(mask.roi, (0.35, 0.9), number * 0.3)
        crest = smooth(0.1, 0.9, faces) * smooth(0.0, 0.22, np.float32(s.horizon) - s.view.rows(mask.roi))
        s.wash(mask, np.asarray(value + 10 * crest, np.float32), 2, 1.5).on(sheet)


def _jagged(s: Setting, foot: float, height: float, seed: int) -> Points:
    """A ridge of peaks: broken lines between heights, finer breaks between those."""
    left, right = -s.half[0] - 0.1, s.half[0] + 0.1
    xs = np.arange(np.floor(left / 0.02) * 0.02, right, 0.02)
    total = np.zeros_like(xs)
    for octave, (wave, weight) in enumerate(((0.62, 0.55), (0.27, 0.28), (0.11, 0.13), (0.045, 0.06))):
        rng = s.rng(seed, octave)
        knots = np.arange(-40, 41) * wave
        total += weight * np.interp(xs, knots, rng.random(81))
    return np.stack([xs, foot - height * (0.15 + 0.95 * total)], axis=1)


def hills(s: Setting) -> None:
    """Three folds of rolling land, mist between them."""
    for number, (lift, height, mix, parallax) in enumerate(
        ((0.015, 0.10, 0.65, 0.25), (0.05, 0.08, 0.35, 0.35), (0.09, 0.07, 0.1, 0.45))
    ):
        sheet = s.plane(f"hill{number}", parallax)
        mask = s.under(s.ridge(s.horizon + lift, height, 70 + number, 3.2))
        value = s.tones["mid"] + (s.tones["sky_low"] - s.tones["mid"]) * mix
        depth = 6 * smooth(0.0, 0.18, s.view.rows(mask.roi) - np.float32(s.horizon + lift - height * 0.5))
        s.wash(mask, np.asarray(value + depth * (1 - mix), np.float32), 3, 1.8, near=0.3 * number).on(sheet)


def _ground(s: Setting, value: float, streak: float, near: float, name: str = "land", lift: float = 0.0) -> Sheet:
    """The plain that everything stands on, lighter far away, drawn with level strokes."""
    sheet = s.plane(name, 0.42)
    mask = s.under(s.ridge(s.horizon + 0.012 + lift, 0.012 + 0.5 * lift, 80, 2.5), 1.2)
    depth = np.clip((s.view.rows(mask.roi) - s.horizon) / 0.5, 0, 1)
    far = value + (s.tones["sky_low"] - value) * 0.35
    tone = far + (value - 5 - far) * depth**0.6
    marks = s.bristle(mask.roi, (1.1, 1.1 * streak), 0.2) * (0.8 + 2.4 * depth) + 2.0 * s.clouds(
        mask.roi, (1.8, 0.4), 0.5
    )
    s.wash(mask, np.asarray(tone + marks, np.float32), 2.5, 0.0, near=near).on(sheet)
    return sheet


def meadow(s: Setting) -> None:
    """Grassland with a path of light across it."""
    sheet = _ground(s, s.tones["ground"], 0.16, 0.6)
    for number in range(3):
        y = s.horizon + 0.05 + 0.10 * number**1.3
        band = s.pen.fill(
            spline(
                [[-2, y], [-0.4, y - 0.015], [0.5, y + 0.012], [2, y], [2, y + 0.03], [0, y + 0.022], [-2, y + 0.02]]
            ),
            2,
            6,
        )
        sheet.lift(band, 5.0 if number % 2 else -5.0)


def snowfield(s: Setting) -> None:
    """Snow: pale, with long blue shadows."""
    sheet = _ground(s, max(s.tones["ground"], s.tones["sky_low"] - 2), 0.5, 0.15)
    for number in range(4):
        y = s.horizon + 0.04 + 0.11 * number
        drift = s.pen.fill(
            spline(
                [
                    [-2, y + 0.02],
                    [-0.8, y - 0.012],
                    [0.1, y + 0.02],
                    [0.9, y - 0.006],
                    [2, y + 0.02],
                    [2, y + 0.05],
                    [0.2, y + 0.034],
                    [-2, y + 0.05],
                ]
            ),
            1.5,
            8,
        )
        sheet.lift(drift, -6.0)


def desert(s: Setting) -> None:
    """Dunes: a lit flank and a shaded one along each crest."""
    for number, (y, height, parallax) in enumerate(((0.03, 0.07, 0.4), (0.10, 0.10, 0.6), (0.24, 0.12, 0.85))):
        sheet = s.plane(f"dune{number}", parallax)
        crest = s.ridge(s.horizon + y, height, 90 + number, 4.5)
        mask = s.under(crest, 0.8)
        base = s.tones["ground"] + (s.tones["sky_low"] - s.tones["ground"]) * (0.5 - 0.22 * number)
        s.wash(mask, np.asarray(base + 2 * s.bristle(mask.roi, (1.4, 0.2)), np.float32), 1.5, 1.2, near=0.3).on(sheet)
        slope = np.gradient(crest[:, 1], crest[:, 0]) * s.scene.key_side
        shade = np.vstack([crest, (crest + np.array([-0.10 * s.scene.key_side, 0.16]))[::-1]])
        flank = s.pen.fill(shade, 0.6, 3.0)
        rows = np.interp(s.view.columns(flank.roi)[0], crest[:, 0], smooth(-0.02, 0.16, np.asarray(-slope, np.float32)))
        sheet.lift(flank.times(np.asarray(rows, np.float32)[None, :] * sheet.alpha[flank.roi.slices]), -22.0)


def barren(s: Setting) -> None:
    """Stony ground."""
    sheet = _ground(s, s.tones["ground"], 0.35, 0.3)
    _stones(s, sheet, 26, 101)


def _stones(s: Setting, sheet: Sheet, count: int, seed: int) -> None:
    rng = s.rng(seed)
    for x, depth, size in sorted(rng.random((count, 3)).tolist(), key=lambda r: r[1]):
        y = s.horizon + 0.03 + 0.5 * depth**1.6
        r = (0.008 + 0.05 * depth) * (0.4 + size)
        at = (x - 0.5) * 2.6 * s.view.aspect / 1.78
        stone = s.blob(
            [
                [at - r, y],
                [at - r * 0.7, y - r * 0.5],
                [at + r * 0.1, y - r * 0.7],
                [at + r * 0.9, y - r * 0.3],
                [at + r, y],
            ],
            1.6,
        )
        sheet.paint(stone, s.tones["mid"] - 4 * size, near=0.4)
        lit = s.blob(
            [
                [at - r * 0.6 * s.scene.key_side * -1, y - r * 0.55],
                [at, y - r * 0.64],
                [at + r * 0.2, y - r * 0.4],
                [at, y - r * 0.3],
            ],
            1.2,
        )
        sheet.lift(lit, 9.0)


def rocks(s: Setting) -> None:
    """Boulders in the middle distance."""
    if any(p.name == "tower" for p in s.planes):
        return
    sheet = s.plane("rocks", 0.8)
    _stones(s, sheet, 9, 111)


def woodland(s: Setting) -> None:
    """A wood: trunks behind trunks, each row darker, light between them."""
    t = s.tones
    floor = _ground(s, t["ground"] - 3, 0.3, 0.6)
    floor.lift(s.below(s.horizon + 0.3, 0.3), -6)
    reach = 1.55 / s.metres
    rows = ((0.5, 0.12, 30, 0.018), (0.6, 0.5, 15, 0.038), (0.8, 0.95, 8, 0.075))
    for number, (parallax, dark, count, width) in enumerate(rows):
        sheet = s.plane(f"trunks{number}", parallax)
        value = t["far"] + (t["dark"] - t["far"]) * dark
        rng = s.rng(120, number)
        span = s.half[0] * 1.2 + 0.6
        for k in range(count):
            x = ((k + 0.15 + 0.7 * rng.random()) / count - 0.5) * 2 * span
            if number == 2 and abs(x) < 0.30 * s.view.aspect:
                continue
            _trunk(
                s, sheet, x, width * (0.6 + 0.8 * rng.random()), s.horizon + reach * (0.3 + 0.42 * number), value, rng
            )
        _canopy(s, sheet, number, value - 2)


def _trunk(
    s: Setting, sheet: Sheet, x: float, width: float, foot: float, value: float, rng: np.random.Generator
) -> None:
    lean = (rng.random() - 0.5) * 0.08
    points = spline(
        [[x - width * 0.2, foot], [x, foot - 0.12], [x + lean * 0.5, foot - 0.5], [x + lean, -s.half[1] - 0.1]],
        closed=False,
    )
    trunk = s.pen.stroke(points, [width * 1.6, width, width * 0.85, width * 0.7], 2.0)
    key = 7 * smooth(0.0, 0.9, (s.view.columns(trunk.roi) - x) / width * s.scene.key_side)
    s.wash(trunk, np.asarray(value + key + 1.5 * s.bristle(trunk.roi, (0.08, 0.5)), np.float32), 2, 0, near=0.3).on(
        sheet
    )
    for _ in range(2 if width > 0.02 else 0):
        y, side, reach = foot - 0.25 - 0.45 * rng.random(), np.sign(rng.random() - 0.5), width * (3 + 3 * rng.random())
        branch = spline(
            [[x + lean * 0.4, y], [x + side * reach * 0.5, y - reach * 0.5], [x + side * reach, y - reach * 1.1]],
            closed=False,
        )
        sheet.paint(s.pen.stroke(branch, [width * 0.3, width * 0.16, width * 0.03], 1.0), value)


def _canopy(s: Setting, sheet: Sheet, number: int, value: float) -> None:
    """Leaves overhead, torn at their lower edge."""
    top = s.view.everything
    edge = s.horizon - 0.21 + 0.04 * number
    mass = s.clouds(top, (0.55, 0.4), 0.17 * number) * 0.09 + s.bristle(top, (0.35, 0.35), 0.3) * 0.035
    cover = smooth(-0.02, 0.05, np.asarray(edge + mass - s.view.rows(), np.float32))
    sheet.paint(Mask(top, cover), np.asarray(value + 3 * mass / 0.09, np.float32), near=0.5)


def treeline(s: Setting) -> None:
    """Woods along the horizon."""
    sheet = s.plane("treeline", 0.35)
    xs = np.arange(-s.half[0] - 0.05, s.half[0] + 0.05, 0.006)
    rng = s.rng(130)
    bumps = np.interp(xs, np.arange(-400, 401) * 0.021, rng.random(801)) * 0.05
    wide = np.interp(xs, np.arange(-60, 61) * 0.19, s.rng(131).random(121)) * 0.07
    mask = s.under(np.stack([xs, s.horizon + 0.02 - 0.02 - bumps - wide], axis=1), 3.0)
    s.wash(mask, s.tones["mid"] + (s.tones["far"] - s.tones["mid"]) * 0.4, 3, 2.5, near=0.7).on(sheet)


def tree(s: Setting) -> None:
    """One tree that stands for itself."""
    x = s.scene.side_of(["tree", "oak", "willow", "elm", "cypress"], 0.27) * s.view.aspect
    sheet = s.plane("tree", 0.7, life="leaves")
    foot, k, rng = s.horizon + 0.10, 0.55, s.rng(140)
    bare = s.scene.says("bare", "winter", "dead tree", "snow", "leafless")
    trunk = spline(
        [[x + 0.01, foot], [x - 0.01, foot - 0.2 * k], [x + 0.015, foot - 0.45 * k], [x, foot - 0.7 * k]], closed=False
    )
    sheet.paint(s.pen.stroke(trunk, [0.05, 0.032, 0.026, 0.014], 1.6), s.tones["dark"])
    for turn in np.linspace(-1.25, 1.25, 9):
        reach, y = (0.22 + 0.14 * rng.random()) * k, foot - (0.42 + 0.2 * rng.random()) * k
        tip = [x + np.sin(turn) * reach * 1.4, y - np.cos(turn) * reach]
        limb = spline([[x, y + 0.05], [x + (tip[0] - x) * 0.4, y - (y - tip[1]) * 0.3], tip], closed=False)
        sheet.paint(s.pen.stroke(limb, [0.016, 0.009, 0.002], 1.2), s.tones["dark"])
        if not bare:
            for _ in range(3):
                cx, cy = tip[0] + (rng.random() - 0.5) * 0.13, tip[1] + (rng.random() - 0.5) * 0.1
                _leaves(s, sheet, cx, cy, 0.06 + 0.05 * rng.random(), rng)


def _leaves(s: Setting, sheet: Sheet, x: float, y: float, r: float, rng: np.random.Generator) -> None:
    turns = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    radii = r * (0.75 + 0.4 * rng.random(11))
    clump = s.blob(np.stack([x + radii * np.cos(turns), y + radii * 0.75 * np.sin(turns)], 1).tolist(), 3.5)
    torn = clump.times(smooth(-2.2, -1.0, s.bristle(clump.roi, (0.25, 0.25))))
    lift = 8 * smooth(
        -0.2, 0.8, ((s.view.columns(clump.roi) - x) * s.scene.key_side - (s.view.rows(clump.roi) - y)) / r
    )
    sheet.paint(torn, np.asarray(s.tones["dark"] + 4 + lift, np.float32), near=0.9)


def houses(s: Setting) -> None:
    """A few gables with lit windows."""
    sheet = s.plane("houses", 0.5)
    rng, middle = (
        s.rng(150),
        s.scene.side_of(["house", "cottage", "village", "farmhouse", "inn"], -0.22) * s.view.aspect,
    )
    single = s.scene.says("house", "cottage", "farmhouse", "inn") and not s.scene.says("houses", "village")
    for k in range(1 if single else 6):
        x = middle + (0.0 if single else (k - 2.5) * 0.19 + 0.05 * rng.random())
        w, h = (0.15, 0.11) if single else (0.055 + 0.03 * rng.random(), 0.05 + 0.03 * rng.random())
        _house(s, sheet, x, s.horizon + 0.05, w, h, k)


def _house(s: Setting, sheet: Sheet, x: float, foot: float, w: float, h: float, number: int) -> None:
    t = s.tones
    wall = s.box(x - w, foot - h, x + w, foot + 0.004)
    s.wash(wall, t["mid"] + 5, 2, 1.5, near=0.5).on(sheet)
    roof = s.pen.fill(
        np.array(
            [
                [x - w * 1.14, foot - h * 0.96],
                [x - w * 0.55, foot - h * 1.8],
                [x + w * 0.55, foot - h * 1.8],
                [x + w * 1.14, foot - h * 0.96],
            ]
        ),
        1.0,
    )
    s.wash(roof, t["dark"] + 3, 2, 1.2).on(sheet)
    sheet.paint(s.box(x + w * 0.5, foot - h * 2.1, x + w * 0.68, foot - h * 1.6), t["dark"])
    burns = s.scene.key in ("night", "dusk") and not s.scene.dark
    for side in (-0.5, 0.5):
        pane = s.box(x + (side - 0.16) * w, foot - h * 0.72, x + (side + 0.16) * w, foot - h * 0.34, 0.4)
        on = burns and (number + (side > 0)) % 2 == 0
        sheet.paint(pane, t["light"] if on else t["dark"] + 2, accent=1.0 if on else 0.0)
    sheet.paint(s.box(x - w * 0.1, foot - h * 0.5, x + w * 0.1, foot), t["dark"] + 1)


def church(s: Setting) -> None:
    """Nave, tower and spire."""
    x = s.scene.side_of(["church", "chapel", "steeple"], 0.28) * s.view.aspect
    sheet, foot, t = s.plane("church", 0.45), s.horizon + 0.04, s.tones
    s.wash(s.box(x - 0.13, foot - 0.11, x + 0.10, foot), t["mid"], 2, 1.5).on(sheet)
    sheet.paint(
        s.pen.fill(
            np.array(
                [[x - 0.14, foot - 0.105], [x - 0.09, foot - 0.18], [x + 0.08, foot - 0.18], [x + 0.10, foot - 0.105]]
            ),
            1,
        ),
        t["dark"] + 4,
    )
    s.wash(s.box(x + 0.05, foot - 0.24, x + 0.13, foot), t["mid"] - 2, 2, 1.5).on(sheet)
    sheet.paint(
        s.pen.fill(np.array([[x + 0.043, foot - 0.235], [x + 0.09, foot - 0.44], [x + 0.137, foot - 0.235]]), 0.8),
        t["dark"] + 2,
    )
    sheet.paint(s.box(x + 0.0885, foot - 0.475, x + 0.0915, foot - 0.43, 0.2), t["dark"] + 2)
    for k in range(3):
        at = x - 0.1 + 0.055 * k
        sheet.paint(
            s.blob(
                [
                    [at, foot - 0.02],
                    [at, foot - 0.06],
                    [at + 0.009, foot - 0.078],
                    [at + 0.018, foot - 0.06],
                    [at + 0.018, foot - 0.02],
                ],
                0.4,
            ),
            t["dark"],
        )


def graves(s: Setting) -> None:
    """Leaning stones in the grass."""
    sheet, rng = s.plane("graves", 0.85), s.rng(160)
    for x, depth, lean in sorted(rng.random((15, 3)).tolist(), key=lambda r: r[1]):
        at, y = (x - 0.5) * 1.15 * s.view.aspect, s.horizon + 0.07 + 0.26 * depth
        h, tilt = 0.05 + 0.11 * depth, (lean - 0.5) * 0.3
        body = np.array([[-0.3, 0], [-0.3, -0.75], [-0.2, -0.95], [0, -1.03], [0.2, -0.95], [0.3, -0.75], [0.3, 0]]) * h
        stone = s.pen.fill(spline(body + np.stack([-body[:, 1] * tilt, 0 * body[:, 1]], 1) + (at, y)), 1.0)
        s.wash(stone, s.tones["mid"] + 5 - 9 * depth, 3, 2, near=0.4).on(sheet)


def fence(s: Setting) -> None:
    """Posts and two rails running off."""
    sheet, t = s.plane("fence", 0.8), s.tones
    for k in range(14):
        u = k / 13
        x, y, h = -1.1 + 2.3 * u**0.8, s.horizon + 0.26 - 0.19 * u**0.6, 0.12 - 0.085 * u**0.6
        sheet.paint(s.box(x - h * 0.05, y - h, x + h * 0.05, y), t["dark"] + 2 + 5 * u)
    for rail in (0.85, 0.5):
        run = np.linspace(0, 1, 30)
        line = np.stack(
            [-1.1 + 2.3 * run**0.8, s.horizon + 0.26 - 0.19 * run**0.6 - (0.12 - 0.085 * run**0.6) * rail], 1
        )
        sheet.paint(s.pen.stroke(line, [0.008, 0.003], 1.0), t["dark"] + 4)


def branches(s: Setting) -> None:
    """Leaves in front, at the frame's upper corner, out of focus."""
    side = -s.scene.key_side
    sheet = s.plane("branches", 1.6, life="leaves", blur=2.5)
    rng, edge = s.rng(170), side * s.view.aspect / 2
    for k in range(26):
        x, y = edge * (1.02 - 0.34 * rng.random() ** 1.6), -0.5 + 0.24 * rng.random() ** 1.4
        r = 0.035 + 0.03 * rng.random()
        leaf = s.blob(
            [[x, y - r], [x + r * 0.6, y], [x + side * r * 0.2, y + r * 1.3], [x - r * 0.5, y + r * 0.2]], 2.0
        )
        sheet.paint(leaf, s.tones["fore"] + 2 * (k % 2), near=0.5)


def grasses(s: Setting) -> None:
    """Blades along the lower edge."""
    sheet = s.plane("grasses", 1.6, life="leaves", blur=1.2)
    rng = s.rng(180)
    for x, lean, h in rng.random((120, 3)):
        at = (x - 0.5) * 2.4 * s.half[0]
        high = (0.04 + 0.12 * h) * (0.35 + 0.65 * abs(np.sin(at * 2.1 + 0.6)))
        curve = spline(
            [
                [at, s.half[1] + 0.02],
                [at + 0.3 * (lean - 0.5) * high, 0.5 - high * 0.5],
                [at + (lean - 0.35) * high, 0.5 - high],
            ],
            closed=False,
        )
        sheet.paint(s.pen.stroke(curve, [0.006, 0.005, 0.001], 0.3), s.tones["fore"] + 3 * lean, near=0.6)


def island(s: Setting) -> None:
    """A headland that falls to the water."""
    sheet = s.plane("headland", 0.35)
    side = -1.0 if s.scene.side_of(["cliff", "cliffs", "headland", "island"], -0.3) < 0 else 1.0
    edge = side * (s.half[0] + 0.1)
    inner = side * 0.12 * s.view.aspect
    profile = [
        [edge, s.horizon - 0.20],
        [edge * 0.75 + inner * 0.25, s.horizon - 0.18],
        [edge * 0.5 + inner * 0.5, s.horizon - 0.15],
        [edge * 0.28 + inner * 0.72, s.horizon - 0.11],
        [edge * 0.2 + inner * 0.8, s.horizon - 0.02],
        [inner, s.horizon + 0.012],
        [edge, s.horizon + 0.012],
    ]
    mask = s.pen.fill(np.array(profile), 3.5)
    strata = 4 * s.bristle(mask.roi, (0.16, 0.6)) + 5 * smooth(0.2, 1.0, s.clouds(mask.roi, (0.3, 0.5)))
    s.wash(mask, np.asarray(s.tones["mid"] + strata, np.float32), 3, 1.0).on(sheet)
