"""Interiors: walls, floor and ceiling, and what stands against the wall."""

from dataclasses import dataclass

import numpy as np

from functions.animatic.canvas import Mask, Sheet
from functions.animatic.places.setting import Setting
from functions.animatic.values import smooth

EYE: float = 1.55
"""Metres of the camera above the floor."""


@dataclass(frozen=True)
class Room:
    """The shell of a room on its sheet; positions in metres from the frame's middle and above the floor."""

    setting: Setting
    sheet: Sheet
    height: float = 2.9

    def x(self, metres: float) -> float:
        """World x."""
        return metres / self.setting.metres

    def y(self, metres: float) -> float:
        """World y of a height above the floor, on the wall."""
        return self.setting.horizon + (EYE - metres) / self.setting.metres

    def box(self, left: float, low: float, right: float, high: float, rough: float = 0.8) -> Mask:
        """A rectangle on the wall, in metres."""
        return self.setting.box(self.x(left), self.y(high), self.x(right), self.y(low), rough)

    def poly(self, points: list[tuple[float, float]], rough: float = 0.8) -> Mask:
        """A polygon on the wall, in metres."""
        return self.setting.pen.fill(np.array([[self.x(a), self.y(b)] for a, b in points]), rough, 0.9)

    def line(self, points: list[tuple[float, float]], width: float) -> Mask:
        """A stroke, width in metres."""
        return self.setting.pen.stroke(
            np.array([[self.x(a), self.y(b)] for a, b in points]), [width / self.setting.metres] * 2, 0.5
        )


def shell(s: Setting, value: float | None = None, height: float = 2.9) -> Room:
    """Wall, floor and ceiling as washes; the wall is lightest where the lamp stands."""
    t = s.tones
    sheet = s.plane("room", 0.55, value if value is not None else t["wall"])
    room = Room(s, sheet, height)
    roi = s.view.everything
    across = s.view.columns() / (s.view.aspect / 2) * s.scene.key_side
    fall = 5.0 * smooth(-1.1, 1.0, across) - 3.0
    sheet.value += fall + 1.6 * s.clouds(roi, (1.6, 1.6), 0.2) + 0.9 * s.bristle(roi, (0.9, 0.9), 0.6)
    sheet.value -= 5.0 * smooth(0.1, 0.75, np.abs(s.view.rows() - s.horizon))
    if s.scene.lamp:
        sheet.lit += 9.0 * np.exp(-(((across - 0.5) / 0.9) ** 2)) * np.exp(-(((s.view.rows() + 0.12) / 0.55) ** 2))
    floor = s.below(room.y(0.0))
    if not floor.roi.empty:
        depth = np.clip((s.view.rows(floor.roi) - room.y(0.0)) / 0.45, 0, 1)
        tone = t["floor"] + 7 * (1 - depth) - 3 * depth + 1.2 * s.bristle(floor.roi, (1.6, 0.12))
        sheet.paint(floor, np.asarray(tone, np.float32), near=0.6)
        sheet.paint(room.box(-30, 0.0, 30, 0.14), t["wall"] - 9, near=0.4)
    top = room.y(height)
    above = s.view.rows() < top
    if above.any():
        cover = np.repeat(1 - smooth(top - 0.002, top + 0.002, s.view.rows()), s.view.shape[1], axis=1)
        sheet.paint(s.cut(Mask(roi, np.asarray(cover, np.float32))), t["ceiling"], near=0.3)
    return room


def night_beyond(s: Setting, sheet: Sheet, mask: Mask, near: float = 0.35) -> None:
    """What is seen through glass: the sky's wash, lighter towards the horizon."""
    rows = np.clip((s.view.rows(mask.roi) - s.horizon + 0.5) / 0.6, 0, 1)
    value = s.tones["pane"] * (0.72 + 0.42 * rows) + 1.8 * s.clouds(mask.roi, (1.1, 0.7), 0.9)
    sheet.paint(mask, np.asarray(value, np.float32), near=near)


def lamp_room(s: Setting) -> None:
    """A round room of glass: mullions that crowd towards the sides, an iron sill, and the great lens."""
    t = s.tones
    room = shell(s, t["dark"], 4.2)
    sheet = room.sheet
    glass = s.box(-9, room.y(3.6), 9, room.y(0.85), 0.0)
    night_beyond(s, sheet, glass)
    radius = 5.6
    for angle in np.radians(np.arange(-84, 85, 8.0) + 4.0):
        x, slope = radius * np.sin(angle), np.cos(angle)
        wide = 0.035 + 0.05 * slope
        for number in range(1, 3):
            _reflection(s, room, x, slope, number)
        sheet.paint(room.box(x - wide / 2, 0.85, x + wide / 2, 3.6), t["dark"], lit=5.0)
        sheet.paint(room.box(x - wide / 2, 0.85, x - wide / 2 + 0.015, 3.6, 0.3), t["mid"] - 2, lit=14.0)
    for height in (1.75, 2.65):
        bar = 0.045
        sheet.paint(room.box(-9, height - bar / 2, 9, height + bar / 2), t["dark"] + 1, lit=5.0)
    s.wash(room.box(-9, 3.6, 9, 6.0), t["dark"] - 2, 2).on(sheet)
    s.wash(room.box(-9, -0.1, 9, 0.85), t["dark"] + 2, 2).on(sheet)
    sheet.paint(room.box(-9, 0.82, 9, 0.9), t["mid"], lit=12.0)
    for x in np.arange(-8, 8, 0.8):
        sheet.paint(room.box(x, 0.1, x + 0.02, 0.8), t["dark"] - 3)
    floor = s.below(room.y(0.0))
    if not floor.roi.empty:
        sheet.paint(floor, t["floor"], near=0.6, lit=8.0)
        _plates(s, room, floor)
    lens(s, room)


def _plates(s: Setting, room: Room, floor: Mask) -> None:
    """Iron plates that run out from the lens, the light that falls on them, and the rail of the stair well."""
    top, low = room.y(0.0), s.half[1] + 0.02
    for x in np.arange(-7, 7.1, 0.7):
        out = x * (low - s.horizon) / max(top - s.horizon, 0.02)
        seam = s.pen.stroke(np.array([[room.x(x), top], [room.x(out), low]]), [0.0012, 0.005], 0.6)
        room.sheet.lift(seam, -4.5)
    for k in range(4):
        y = top + (0.035 + 0.05 * k) * (1 + 0.45 * k)
        room.sheet.lift(s.pen.stroke(np.array([[-3, y], [3, y]]), [0.0015 + 0.001 * k] * 2, 0.8), -4.5)
    dx, dy = s.view.columns(floor.roi) / 0.55, (s.view.rows(floor.roi) - top - 0.05) / 0.13
    pool = np.asarray(floor.cover * np.exp(-dx * dx - dy * dy), np.float32)
    room.sheet.lift(Mask(floor.roi, pool), 6.0 if s.scene.dark else 15.0, lit=not s.scene.dark)
    if not s.scene.says("stair", "stairs", "stair well", "steps") or s.scene.composition.size not in ("wide", "full"):
        return
    rail = s.plane("rail", 1.6, blur=1.4)
    edge = s.view.aspect / 2
    for k in range(5):
        x = edge * (0.62 + 0.11 * k)
        rail.paint(s.box(x - 0.006, 0.30 - 0.035 * k, x + 0.006, low), s.tones["fore"])
    curve = np.array([[edge * 0.56, 0.34], [edge * 0.75, 0.262], [edge * 1.0, 0.17], [edge * 1.4, 0.05]])
    rail.paint(s.pen.stroke(curve, [0.022, 0.026], 0.6), s.tones["fore"] + 2, lit=6.0)
    rail.paint(s.pen.stroke(curve + np.array([0.0, 0.1]), [0.010, 0.012], 0.6), s.tones["fore"])


def _reflection(s: Setting, room: Room, x: float, slope: float, number: int) -> None:
    """A diagonal gleam on a pane."""
    if (int(x * 10) + number) % 3:
        return
    width = 0.10 * slope
    at = x + 0.1 * number
    shine = room.poly([(at, 1.0), (at + width, 1.0), (at + width + 0.3 * slope, 2.6), (at + 0.3 * slope, 2.6)])
    room.sheet.lift(shine.times(0.6), 4.0)


def lens(s: Setting, room: Room) -> None:
    """The lens: a brass beehive of prisms about a bull's eye. Dead, it is dark glass; alive, it is the light itself."""
    t = s.tones
    middle = s.scene.side_of(["lens", "lamp"], 0.0) * s.view.aspect * s.metres
    sheet = s.plane("lens", 0.62)
    local = Room(s, sheet)
    low, high, wide = 0.75, 2.55, 0.52
    burns = 0.0 if s.scene.dark else 1.0
    body = [
        (middle + wide * a, b)
        for a, b in (
            (-0.62, low),
            (-0.92, 1.15),
            (-1.0, 1.65),
            (-0.92, 2.1),
            (-0.55, 2.42),
            (-0.2, high),
            (0.2, high),
            (0.55, 2.42),
            (0.92, 2.1),
            (1.0, 1.65),
            (0.92, 1.15),
            (0.62, low),
        )
    ]
    shape = local.poly(body)
    s.wash(shape, t["mid"] + 2, 5, 1.0, near=0.3, lit=30.0 * burns, accent=0.25).on(sheet)
    for k, height in enumerate(np.linspace(low + 0.08, high - 0.08, 15)):
        half = wide * (0.97 - 0.42 * abs((height - 1.65) / 0.9) ** 2.4)
        arc = [(middle - half, height), (middle, height - 0.05 * np.sign(height - 1.65)), (middle + half, height)]
        value = t["mid"] + (13 if k % 2 else -7)
        sheet.paint(local.line(arc, 0.02 if k % 2 else 0.03), value, accent=0.35, lit=(34.0 if k % 2 else 14.0) * burns)
    _eye(s, local, middle, burns)
    sheet.paint(
        local.poly(
            [
                (middle - 0.5, low),
                (middle + 0.5, low),
                (middle + 0.34, 0.55),
                (middle + 0.26, -0.1),
                (middle - 0.26, -0.1),
                (middle - 0.34, 0.55),
            ]
        ),
        t["dark"] + 2,
        accent=0.3,
        lit=10.0 * burns,
    )
    for side in (-1, 1):
        post = local.line([(middle + side * 0.56, low), (middle + side * 0.6, 1.65), (middle + side * 0.5, 2.5)], 0.035)
        sheet.paint(post, t["mid"] + 4, accent=0.7, lit=22.0 * burns)
    sheet.paint(local.box(middle - 0.34, 2.5, middle + 0.34, 2.58), t["mid"] + 2, accent=0.6, lit=20.0 * burns)
    if burns:
        s.glow(room.sheet, (room.x(middle), room.y(1.65)), 1.5 / s.metres * 1.6, 34)
        s.lamps.append((room.x(middle), room.y(1.65), 0.6))


def _eye(s: Setting, room: Room, middle: float, burns: float) -> None:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    for radius, lift, light in (
        (0.3, -4, 18.0),
        (0.24, 8, 36.0),
        (0.2, -5, 26.0),
        (0.15, 10, 46.0),
        (0.11, 2, 48.0),
        (0.08, 16, 52.0),
    ):
        ring = room.poly([(middle + radius * np.cos(a), 1.65 + radius * np.sin(a)) for a in turn], 0.3)
        room.sheet.paint(ring, s.tones["mid"] + lift, accent=0.45, lit=light * burns)
