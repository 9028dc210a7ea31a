"""Rooms and what belongs to their walls: windows, doors, hearths, shelves, stairs, columns."""

import numpy as np

from functions.animatic.canvas import Mask
from functions.animatic.places.room import Room, night_beyond, shell
from functions.animatic.places.setting import Setting
from functions.animatic.values import smooth


def plain(s: Setting) -> Room:
    """Four walls with a dado and a cornice; wallpaper stripes where the words are of a finer house."""
    room = shell(s)
    t, sheet = s.tones, room.sheet
    if s.scene.says(
        "drawing-room",
        "drawing room",
        "morning-room",
        "parlour",
        "parlor",
        "salon",
        "palace",
        "hotel",
        "ballroom",
        "bedroom",
    ):
        for x in np.arange(-12, 12, 0.34):
            sheet.lift(room.box(x, 0.9, x + 0.13, room.height, 0.4), -2.6)
        sheet.paint(room.box(-30, 0.86, 30, 0.93), t["wall"] + 7, near=0.4)
        sheet.lift(room.box(-30, 0.14, 30, 0.86), -5)
        for x in np.arange(-12, 12, 0.85):
            sheet.lift(room.box(x, 0.24, x + 0.66, 0.26), 5)
            sheet.lift(room.box(x, 0.74, x + 0.66, 0.76), -4)
    sheet.paint(room.box(-30, room.height - 0.1, 30, room.height), t["wall"] + 6, near=0.4)
    boards(s, room)
    return room


def boards(s: Setting, room: Room) -> None:
    """Floorboards that run to the vanishing point, and light upon them."""
    floor_y = room.y(0.0)
    if floor_y > 0.5 + s.view.margin_y:
        return
    low = s.half[1] + 0.02
    floor = s.below(floor_y + 0.002)
    for x in np.arange(-9, 9.1, 0.42):
        far, near = x * 0.22, x * 0.22 * (low - s.horizon) / max(floor_y - s.horizon, 0.02)
        line = s.pen.stroke(np.array([[far, floor_y], [near, low]]), [0.001, 0.004], 0.6)
        room.sheet.lift(Mask(line.roi, line.cover), -4.5)
    if s.scene.key in ("day", "overcast", "pale"):
        side = -s.scene.key_side
        patch = np.array(
            [[side * 0.1, floor_y + 0.05], [side * 0.5, floor_y + 0.05], [side * 0.85, low], [side * 0.2, low]]
        )
        room.sheet.lift(s.pen.fill(patch, 1.0, 8.0), 9)
    elif s.scene.lamp and not floor.roi.empty:
        pool = np.exp(
            -(((s.view.columns(floor.roi) - 0.12) / 0.6) ** 2) - ((s.view.rows(floor.roi) - floor_y - 0.12) / 0.16) ** 2
        )
        room.sheet.lift(Mask(floor.roi, np.asarray(floor.cover * pool, np.float32)), 12, lit=True)


def corridor(s: Setting) -> Room:
    """A passage to a far door, in perspective."""
    t = s.tones
    room = shell(s, t["wall"] - 2)
    sheet, v = room.sheet, (0.0, s.horizon)
    far = 0.09
    w, up, down = 1.25 * far / 0.55, 1.35 * far / 0.55, 1.55 * far / 0.55

    def corner(k: float, x: float, y: float) -> list[float]:
        return [v[0] + x * k, v[1] + y * k]

    big = 14.0
    faces = (
        ([[-w, -up], [-w, down]], t["wall"] - 6),
        ([[w, -up], [w, down]], t["wall"] + 3),
        ([[-w, down], [w, down]], t["floor"]),
        ([[-w, -up], [w, -up]], t["ceiling"]),
    )
    for edge, value in faces:
        quad = np.array([corner(1, *edge[0]), corner(1, *edge[1]), corner(big, *edge[1]), corner(big, *edge[0])])
        mask = s.pen.fill(quad, 0.4)
        near = np.hypot(s.view.columns(mask.roi) - v[0], s.view.rows(mask.roi) - v[1])
        tone = value - 7 * smooth(0.1, 0.8, np.asarray(near, np.float32)) + 1.4 * s.clouds(mask.roi, (0.9, 0.9))
        sheet.paint(mask, np.asarray(tone, np.float32), near=0.3)
    end = s.box(-w, v[1] - up, w, v[1] + down, 0.4)
    sheet.paint(end, t["wall"] + 10)
    sheet.paint(s.box(-w * 0.42, v[1] - up * 0.45, w * 0.42, v[1] + down, 0.4), t["light"] - 6, lit=10)
    for k in (1.5, 2.3, 3.7, 6.0):
        for side in (-1.0, 1.0):
            a, b = k, k * 1.28
            door = np.array(
                [
                    corner(a, side * w, -up * 0.45),
                    corner(b, side * w, -up * 0.45),
                    corner(b, side * w, down),
                    corner(a, side * w, down),
                ]
            )
            sheet.paint(s.pen.fill(door, 0.4), t["wood"] + (4 if side > 0 else 0))
        light = np.array(
            [
                corner(k, -w * 0.3, -up),
                corner(k, w * 0.3, -up),
                corner(k * 1.12, w * 0.3, -up),
                corner(k * 1.12, -w * 0.3, -up),
            ]
        )
        on = not s.scene.dark
        sheet.paint(s.pen.fill(light, 0.3), t["light"] if on else t["ceiling"] + 4, accent=0.4 * on)
    return room


def stage(s: Setting) -> Room:
    """A stage: boards, drapes at the sides, a pool of light."""
    t = s.tones
    room = shell(s, t["dark"] + 4, 6.0)
    sheet = room.sheet
    x = s.view.columns()
    for side in (-1.0, 1.0):
        inner = side * 0.33 * s.view.aspect
        cover = smooth(-0.01, 0.03, np.asarray((x - inner) * side, np.float32))
        mask = Mask(s.view.everything, np.repeat(cover, s.view.shape[0], 0))
        folds = 7 * np.sin(x * 60 + 2.2 * np.sin(x * 13)) + 0 * s.view.rows()
        sheet.paint(mask, np.asarray(t["mid"] - 2 + folds, np.float32), accent=0.55)
    pelmet = s.pen.fill(
        np.array([[k * 0.12, -0.34 + 0.025 * (k % 2)] for k in range(-16, 17)] + [[2.2, -1.0], [-2.2, -1.0]]), 1.0
    )
    sheet.paint(pelmet, t["mid"] - 6, accent=0.55)
    boards(s, room)
    pool = np.exp(-((x / 0.42) ** 2) - ((s.view.rows() - room.y(0.0) - 0.08) / 0.12) ** 2)
    sheet.lift(Mask(s.view.everything, np.asarray(pool, np.float32)), 22)
    cone = s.pen.fill(
        np.array([[-0.03, -0.6], [0.05, -0.6], [0.42, room.y(0.0) + 0.1], [-0.40, room.y(0.0) + 0.1]]), 0, 14
    )
    sheet.lift(cone, 8)
    return room


def nave(s: Setting) -> Room:
    """Pillars and pointed windows."""
    t = s.tones
    room = shell(s, t["wall"] - 4, 7.0)
    for x in (-2.4, 0.0, 2.4):
        outline = [
            (x - 0.45, 1.4),
            (x - 0.45, 3.4),
            (x - 0.25, 4.1),
            (x, 4.5),
            (x + 0.25, 4.1),
            (x + 0.45, 3.4),
            (x + 0.45, 1.4),
        ]
        glass = room.poly(outline)
        room.sheet.paint(
            glass, np.asarray(t["pane"] + 4 + 4 * s.clouds(glass.roi, (0.2, 0.2)), np.float32), accent=0.25, near=0.3
        )
        room.sheet.paint(room.line([(x, 1.4), (x, 4.5)], 0.05), t["dark"])
        for y in (2.0, 2.7, 3.4):
            room.sheet.paint(room.line([(x - 0.45, y), (x + 0.45, y)], 0.035), t["dark"])
    columns(s, room)
    boards(s, room)
    return room


def cell(s: Setting) -> Room:
    """Stone courses and a barred opening high up."""
    t = s.tones
    room = shell(s, t["wall"] - 5)
    for row in range(12):
        y = row * 0.28
        room.sheet.lift(room.line([(-9, y), (9, y)], 0.02), -5)
        for k in range(-12, 12):
            x = k * 0.62 + 0.31 * (row % 2) + 0.1 * s.scene.luck(240, row, k + 20)
            room.sheet.lift(room.line([(x, y), (x, y + 0.28)], 0.018), -5)
    x = -s.scene.key_side * -1.1
    opening = room.box(x - 0.35, 1.75, x + 0.35, 2.5)
    room.sheet.paint(opening, t["pane"] + 8, near=0.3)
    for k in range(5):
        room.sheet.paint(room.line([(x - 0.28 + 0.14 * k, 1.7), (x - 0.28 + 0.14 * k, 2.55)], 0.035), t["dark"])
    shaft = room.poly([(x - 0.3, 2.4), (x + 0.3, 2.4), (x - 0.6 * np.sign(x), 0.0), (x - 1.8 * np.sign(x), 0.0)])
    room.sheet.lift(shaft, 4.5)
    return room


def windows(s: Setting, room: Room) -> None:
    """Tall sashes with curtains; by day they are the light."""
    t = s.tones
    fine = s.scene.says(
        "drawing-room", "drawing room", "morning-room", "parlour", "parlor", "salon", "bedroom", "curtain", "curtains"
    )
    side = s.scene.side_of(["window", "windows"], -0.30)
    middle = side * s.view.aspect * s.metres
    for x in (
        (middle, middle + (2.4 if side < 0.1 else -2.4))
        if s.scene.composition.size in ("wide", "full", "extreme-wide")
        else (middle,)
    ):
        night_beyond(s, room.sheet, room.box(x - 0.62, 0.75, x + 0.62, 2.55, 0.3))
        for k in (-0.62, 0.0, 0.62):
            room.sheet.paint(room.box(x + k - 0.035, 0.72, x + k + 0.035, 2.58, 0.4), t["wall"] + 9, near=0.4)
        for y in (0.72, 1.62, 2.55):
            room.sheet.paint(room.box(x - 0.66, y - 0.035, x + 0.66, y + 0.035, 0.4), t["wall"] + 9, near=0.4)
        if s.scene.key in ("day", "overcast", "pale") or s.scene.says("moon", "moonlight"):
            s.glow(room.sheet, (room.x(x), room.y(1.6)), 0.9, 8, lit=False)
        if fine:
            _curtains(s, room, x)


def _curtains(s: Setting, room: Room, x: float) -> None:
    for side in (-1.0, 1.0):
        outline = [
            (x + side * 0.45, 2.75),
            (x + side * 0.95, 2.75),
            (x + side * 1.02, 0.1),
            (x + side * 0.72, 0.1),
            (x + side * 0.66, 1.3),
        ]
        mask = room.poly(outline)
        folds = 5 * np.sin(s.view.columns(mask.roi) * s.metres * 42) + 0 * s.view.rows(mask.roi)
        room.sheet.paint(mask, np.asarray(s.tones["wood"] + 9 + folds, np.float32), accent=0.5, near=0.2)
    room.sheet.paint(room.box(x - 1.05, 2.7, x + 1.05, 2.86), s.tones["wood"] + 4, accent=0.4)


def door(s: Setting, room: Room) -> None:
    """A panelled door in its frame."""
    x = s.scene.side_of(["door", "doorway"], 0.34) * s.view.aspect * s.metres
    t = s.tones
    room.sheet.paint(room.box(x - 0.58, 0.0, x + 0.58, 2.22), t["wall"] + 7, near=0.4)
    s.wash(room.box(x - 0.47, 0.0, x + 0.47, 2.1), t["wood"] + 4, 2, 1.2, near=0.5).on(room.sheet)
    for left in (-0.37, 0.06):
        for low, high in ((0.2, 0.85), (1.0, 1.95)):
            room.sheet.lift(room.box(x + left, low, x + left + 0.31, high), -4)
            room.sheet.lift(room.box(x + left, low, x + left + 0.31, low + 0.02), 8)
    room.sheet.paint(room.box(x + 0.36, 0.98, x + 0.42, 1.05), t["light"] - 10, accent=0.8)


def bookshelf(s: Setting, room: Room) -> None:
    """Shelves of books, no two alike."""
    x0, rng, t = (
        s.scene.side_of(["bookshelf", "books", "shelves"], 0.20) * s.view.aspect * s.metres,
        s.rng(250),
        s.tones,
    )
    s.wash(room.box(x0 - 0.95, 0.0, x0 + 0.95, 2.35), t["wood"] - 1, 2, 1).on(room.sheet)
    for y in (0.15, 0.58, 1.01, 1.44, 1.87):
        x = x0 - 0.88
        while x < x0 + 0.82:
            w, h = 0.03 + 0.045 * rng.random(), 0.25 + 0.11 * rng.random()
            tone = t["wood"] + 4 + 17 * rng.random()
            room.sheet.paint(
                room.box(x, y, x + w * 0.9, y + h, 0.3),
                tone,
                accent=0.6 * (rng.random() < 0.25),
                near=0.6 * rng.random(),
            )
            x += w
        room.sheet.paint(room.box(x0 - 0.95, y - 0.04, x0 + 0.95, y), t["wood"] + 6)


def pictures(s: Setting, room: Room) -> None:
    """Frames on the wall."""
    t = s.tones
    for x, y, w, h in ((-0.9, 1.7, 0.28, 0.36), (0.75, 1.85, 0.36, 0.27), (2.2, 1.75, 0.24, 0.3)):
        room.sheet.paint(room.box(x - w, y - h, x + w, y + h), t["mid"] + 8, accent=0.7)
        inner = room.box(x - w * 0.8, y - h * 0.84, x + w * 0.8, y + h * 0.84)
        room.sheet.paint(inner, np.asarray(t["wood"] + 8 + 5 * s.clouds(inner.roi, (0.12, 0.12)), np.float32), near=0.6)
        room.sheet.lift(room.box(x - w, y - h - 0.05, x + w, y - h), -5)


def fireplace(s: Setting, room: Room) -> None:
    """A mantel over a fire, or over ash."""
    x, t = s.scene.side_of(["fireplace", "fire", "hearth"], 0.12) * s.view.aspect * s.metres, s.tones
    s.wash(room.box(x - 0.85, 0.0, x + 0.85, 1.25), t["wall"] + 9, 2, 1.5, near=0.4).on(room.sheet)
    room.sheet.paint(room.box(x - 0.98, 1.2, x + 0.98, 1.31), t["wall"] + 14, near=0.4)
    room.sheet.paint(
        room.poly([(x - 0.5, 0.0), (x - 0.5, 0.72), (x - 0.3, 0.88), (x + 0.3, 0.88), (x + 0.5, 0.72), (x + 0.5, 0.0)]),
        t["dark"] - 4,
    )
    room.sheet.paint(room.box(x - 0.3, 1.31, x - 0.12, 1.62), t["mid"], accent=0.7)
    if s.scene.dark or not s.scene.says("fire", "firelight", "flames", "hearth"):
        return
    for k, (dx, h) in enumerate(((-0.2, 0.3), (-0.05, 0.5), (0.12, 0.38), (0.24, 0.24))):
        flame = s.blob(
            [
                [room.x(x + dx - 0.1), room.y(0.05)],
                [room.x(x + dx - 0.05), room.y(h * 0.6)],
                [room.x(x + dx + 0.02), room.y(h)],
                [room.x(x + dx + 0.07), room.y(h * 0.5)],
                [room.x(x + dx + 0.1), room.y(0.05)],
            ],
            1.5,
        )
        room.sheet.paint(flame, t["lamp"] - 12 + 5 * (k % 2), accent=1.0)
    s.glow(room.sheet, (room.x(x), room.y(0.35)), 1.9 / s.metres, 26)
    s.lamps.append((room.x(x), room.y(0.35), 0.5))


def staircase(s: Setting, room: Room) -> None:
    """A flight against the wall, with a banister."""
    t, side = s.tones, 1.0 if s.scene.side_of(["stairs", "staircase", "steps"], 0.3) > 0 else -1.0
    base = 0.25 * s.view.aspect * s.metres
    steps = [(side * (base + 0.28 * k), 0.19 * k) for k in range(12)]
    outline = [(side * base, 0.0)]
    for x, y in steps:
        outline += [(x, y + 0.19), (x + side * 0.28, y + 0.19)]
    outline += [(side * (base + 3.6), 0.0)]
    s.wash(room.poly(outline), t["wood"] + 3, 2, 1.5, near=0.4).on(room.sheet)
    for x, y in steps:
        room.sheet.paint(
            room.box(min(x, x + side * 0.3), y + 0.17, max(x, x + side * 0.3), y + 0.2, 0.3), t["wood"] + 13
        )
        room.sheet.paint(room.line([(x + side * 0.14, y + 0.19), (x + side * 0.14, y + 1.05)], 0.03), t["wood"] - 2)
    room.sheet.paint(room.line([(steps[0][0], 1.1), (steps[-1][0], 1.1 + steps[-1][1])], 0.07), t["wood"] + 6)


def columns(s: Setting, room: Room) -> None:
    """Pillars from floor to ceiling."""
    t = s.tones
    for x in (-3.4, -1.3, 1.3, 3.4):
        mask = room.box(x - 0.22, 0.0, x + 0.22, 9.0)
        u = (s.view.columns(mask.roi) - room.x(x)) / (0.22 / s.metres) * s.scene.key_side
        tone = (
            t["wall"]
            - 3
            + 11 * smooth(-0.6, 0.8, np.asarray(u, np.float32))
            - 7 * smooth(0.2, 1.0, np.asarray(-u, np.float32))
        )
        room.sheet.paint(mask, np.repeat(tone, mask.cover.shape[0], 0), near=0.3)
        room.sheet.paint(room.box(x - 0.3, 0.0, x + 0.3, 0.22), t["wall"] + 2)


def counter(s: Setting, room: Room) -> None:
    """A worktop with shelves of bottles and jars above it."""
    t, rng = s.tones, s.rng(260)
    s.wash(room.box(-2.6, 0.0, 2.6, 0.92), t["wood"] + 5, 2, 1.4, near=0.5).on(room.sheet)
    room.sheet.paint(room.box(-2.7, 0.9, 2.7, 0.97), t["wood"] + 15)
    for y in (1.55, 1.95):
        room.sheet.paint(room.box(-1.8, y - 0.04, 1.8, y), t["wood"] + 8)
        x = -1.7
        while x < 1.7:
            w, h = 0.05 + 0.06 * rng.random(), 0.14 + 0.16 * rng.random()
            if rng.random() < 0.8:
                room.sheet.paint(
                    room.box(x, y, x + w, y + h),
                    t["wood"] + 6 + 20 * rng.random(),
                    accent=0.5 * (rng.random() < 0.3),
                    near=0.5,
                )
            x += w * 1.25
