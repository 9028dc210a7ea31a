"""People: 7.5-head figures from splines, told apart by hair, hat, garment and build, with one key light on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np

from functions.animatic import faces
from functions.animatic.canvas import Mask, Pen, Points, Sheet, View, spline
from functions.animatic.framing import EYES, Stand
from functions.animatic.noise import bristle
from functions.animatic.scene import Scene, says, table
from functions.animatic.traits import Traits, read
from functions.animatic.values import Floats, smooth

INNER_TONE: Final = 8.0
RIM_WIDTH: Final = 0.0025
RIM_SHARE: Final = 0.6
_SQUASH: Final = {"front": 1.0, "back": 1.0, "three-quarter": 0.9, "profile": 1.0}


@dataclass(frozen=True)
class Coat:
    """Values of a figure's parts in L*, before light."""

    cloth: float
    skin: float
    hair: float
    linen: float
    light: float


def coat_of(traits: Traits, scene: Scene) -> Coat:
    """The figure's own values under this key: dark cloth near the darkest step, pale cloth far above it."""
    t = scene.tones
    dark = t["dark"]
    gain = 1.2 if traits.cloth > 0 else 0.22
    cloth = float(np.clip(dark + 4 + traits.cloth * gain, 6, 84))
    skin = {"night": 31.0 if scene.lamp else 37.0, "dusk": 40.0, "overcast": 55.0, "day": 62.0}.get(scene.key, 66.0)
    hair = float(np.clip(dark + 12 + traits.hair_value * (1.05 if traits.hair_value > 0 else 0.6), 6, 86))
    return Coat(cloth, skin, hair, min(cloth + 26, t["light"]), t["light"])


@dataclass(frozen=True)
class Figure:
    """One person about to be painted on a sheet of its own."""

    stand: Stand
    scene: Scene
    view: View

    @cached_property
    def traits(self) -> Traits:
        """Outline from words."""
        return read(self.stand.figure)

    @cached_property
    def coat(self) -> Coat:
        """Values."""
        return coat_of(self.traits, self.scene)

    @cached_property
    def pen(self) -> Pen:
        """Draws with this person's edge."""
        return Pen(self.view, sum(map(ord, self.stand.figure.id)))

    @cached_property
    def key(self) -> tuple[float, float]:
        """Direction to the key light; towards the face where the person looks at the lamp."""
        side = self.scene.key_side
        if self.stand.view in ("three-quarter", "profile") and self.scene.says("face", "faces", "looks", "glass"):
            side = self.stand.facing
        return side * 0.82, -0.57

    @property
    def pose(self) -> dict[str, Any]:
        """Joints of the pose in this view."""
        name = self.stand.figure.pose if self.stand.figure.moves in ("none",) else "walk"
        poses = table("outlines.toml")["pose"]
        chosen: dict[str, Any] = poses.get(name, poses["stand"])[self.side]
        return chosen

    @property
    def side(self) -> str:
        """Which body outlines: front (also from behind) or profile."""
        return "profile" if self.stand.view == "profile" else "front"

    @property
    def drop(self) -> float:
        """Heads by which the pose lowers the body; the whole figure sinks with it in wide framings."""
        return float(self.pose.get("drop", 0.0))

    def world(self, points: Sequence[Sequence[float]] | Points, body: bool = True) -> Points:
        """World positions of points in heads. Bodies lean and carry the weight on one leg; heads bow with age."""
        p = np.array(points, np.float64)
        stand, traits = self.stand, self.traits
        wide = traits.wide * _SQUASH[stand.view] if body else 1.0
        x, y = p[:, 0] * wide, p[:, 1] - EYES
        lean = float(self.pose.get("lean", 0.0)) + traits.bow
        ahead = lean * np.clip((3.8 - p[:, 1]) / 3.0, 0, 1) ** 1.3 if stand.view != "back" else 0.0 * y
        contra = 0.055 * np.clip((p[:, 1] - 1.2) / 2.6, 0, 1) * np.clip((7.5 - p[:, 1]) / 3.7, 0, 1)
        tilt = 0.035 * p[:, 0] * np.clip((3.4 - p[:, 1]) / 2.0, 0, 1) if body and self.side == "front" else 0.0 * y
        sink = self.drop if self.stand.head < 0.13 else 0.0
        world = np.stack([x + ahead + contra, y + tilt + sink + traits.bow * 0.35], axis=1)
        placed = world * self.stand.head * (stand.facing, 1.0) + (stand.x, stand.eyes)
        return placed if stand.figure.pose != "lie" else self._lying(placed)

    def _lying(self, placed: Points) -> Points:
        """Turned on the back: feet where the gaze was."""
        down, along = (6.4, 3.0) if self.stand.head < 0.13 else (0.4, 0.0)
        low = self.stand.eyes + down * self.stand.head
        d = placed - (self.stand.x, low)
        return np.stack([self.stand.x - d[:, 1] - along * self.stand.head, low + d[:, 0] * 0.8], axis=1)

    # -- brushes --------------------------------------------------------------------------------------------------

    def fill(self, outline: Sequence[Sequence[float]] | Points, body: bool = True, rough: float = 1.0) -> Mask:
        """A closed spline in heads as a mask."""
        steps = 14 if self.stand.head > 0.2 else 8
        return self.pen.fill(self.world(spline(outline, steps=steps), body), rough, 1.2)

    def limb(self, joints: Sequence[Sequence[float]], widths: Sequence[float]) -> Mask:
        """A limb through its joints, `widths` in heads."""
        curve = self.world(spline(joints, closed=False, steps=10))
        return self.pen.stroke(curve, [w * self.stand.head * self.traits.wide for w in widths], 0.8, 1.0)

    def form(
        self, sheet: Sheet, mask: Mask, value: Floats | float, tone: float = INNER_TONE, rim: float = 1.0, **hues: float
    ) -> None:
        """Lay a part: lighter on its key side, darker on the other, with a rim. Light goes where the lamp acts."""
        if mask.roi.empty:
            return
        normal = towards(mask.cover, self.key, 0.16 * self.stand.head * self.view.scale)
        light = tone * smooth(0.02, 0.75, normal)
        shade = 0.55 * tone * smooth(0.1, 0.9, -normal)
        width = max(RIM_WIDTH * self.view.scale * min(1.0, 0.35 + self.stand.head * 2.2), 1.0)
        edge = edge_facing(mask.cover, self.key, width)
        reach = RIM_SHARE * rim * np.maximum(self.coat.light - 6 - value, 4.0)
        kept = 0.4 if self.scene.lamp else 0.75
        glow = light + reach * edge
        body = np.asarray(value - shade + kept * glow, np.float32)
        sheet.paint(mask, body, lit=np.asarray((1 - kept) * 1.35 * glow, np.float32), **hues)

    def line(self, sheet: Sheet, points: Sequence[Sequence[float]], amount: float, width: float = 0.035) -> None:
        """A drawn line over a part: a fold, a seam. `amount` in L*."""
        if self.stand.head * self.view.scale < 16:
            return
        curve = self.world(spline(points, closed=False, steps=8))
        w = width * self.stand.head
        sheet.lift(self.pen.stroke(curve, [w * 0.3, w, w * 0.8, w * 0.2], 0.5, 1.0).times(self._inside(sheet)), amount)

    @staticmethod
    def _inside(sheet: Sheet) -> float:
        return 1.0 if sheet.alpha.any() else 0.0

    # -- the figure -------------------------------------------------------------------------------------------------

    def paint(self, sheet: Sheet) -> None:
        """All of it, back to front."""
        if self.stand.head * 7.5 > 0.2 and self.scene.composition.size in ("wide", "full", "extreme-wide"):
            self._foot_shadow(sheet)
        if self.stand.view != "back":
            self._behind(sheet)
        self._legs(sheet)
        if self.stand.view == "profile":
            self._arm(sheet, "far_arm", -2.0)
        if self.stand.view == "back":
            self._neck(sheet)
        self._garment(sheet)
        self._arms(sheet)
        if self.stand.view != "back":
            self._neck(sheet)
        self._neckline(sheet)
        if self.stand.view != "back":
            self._collar_behind(sheet)
        self._head(sheet)
        self._hair(sheet)
        self._collar(sheet)
        self._tail(sheet)
        self._hat(sheet)

    def _foot_shadow(self, sheet: Sheet) -> None:
        turn = np.linspace(0, 2 * np.pi, 30, endpoint=False)
        feet = self.world([[0.05, 7.42]])[0]
        r = self.stand.head
        oval = np.stack([feet[0] + 1.5 * r * np.cos(turn), feet[1] + 0.2 * r * np.sin(turn)], axis=1)
        sheet.paint(self.pen.fill(oval, 0.5, 10 * r / 0.06).times(0.6), max(self.scene.tones["dark"] - 4, 3))

    def _behind(self, sheet: Sheet) -> None:
        if self.traits.hair == "long" and self.stand.view == "front":
            self.form(sheet, self.fill(_outline("hair", "long", "back"), body=False), self.coat.hair - 6, 5)

    def _legs(self, sheet: Sheet) -> None:
        if self.stand.figure.pose == "sit":
            self._seat(sheet)
        if self.traits.garment == "gown":
            return
        trousers = min(self.coat.cloth, self.scene.tones["dark"] + 8)
        for name, shift in (("far_leg", -2.0), ("near_leg", 0.0)):
            joints = self.pose[name]
            self.form(sheet, self.limb(joints, [0.72, 0.62, 0.46, 0.36, 0.3]), trousers + shift, 6, 0.7)
            x, y = joints[-1]
            toe = 0.42 if self.side == "profile" else (0.14 if self.stand.view != "back" else 0.04)
            shoe = [
                [x - 0.2, y + 0.1],
                [x, y - 0.12],
                [x + 0.16, y],
                [x + toe + 0.08, y + 0.2],
                [x + toe, y + 0.3],
                [x - 0.2, y + 0.3],
            ]
            self.form(sheet, self.fill(shoe), trousers - 4 + shift, 4, 0.6)

    def _seat(self, sheet: Sheet) -> None:
        """A plain chair, so that nobody sits on air."""
        wood = self.scene.tones["wood"] + 3
        reach = (-0.75, 0.55) if self.side == "profile" else (-0.8, 0.8)
        for x in reach:
            leg = [[x - 0.07, 4.0], [x + 0.07, 4.0], [x + 0.06, 5.85], [x - 0.06, 5.85]]
            sheet.paint(self.pen.fill(self.world(leg), 0.6), wood - 4)
        seat = [[reach[0] - 0.1, 3.92], [reach[1] + 0.1, 3.92], [reach[1] + 0.1, 4.12], [reach[0] - 0.1, 4.12]]
        sheet.paint(self.pen.fill(self.world(seat), 0.6), wood + 5)
        back = [[reach[0] - 0.12, 2.0], [reach[0] + 0.02, 2.0], [reach[0] + 0.06, 4.0], [reach[0] - 0.1, 4.0]]
        if self.side == "profile":
            sheet.paint(self.pen.fill(self.world(back), 0.6), wood)

    def _garment(self, sheet: Sheet) -> None:
        garment = self.traits.garment
        outline = table("outlines.toml")["body"][self.side][garment]
        mask = self.fill(outline)
        cloth = self._cloth(mask)
        self.form(sheet, mask, cloth, INNER_TONE + (4 if self.coat.cloth > 30 else 0), near=0.5)
        if self.stand.view in ("front", "three-quarter"):
            self._front(sheet)
        if self.side == "front":
            self._folds(sheet)

    def _cloth(self, mask: Mask) -> Floats:
        """The garment's value: a wash that darkens downwards, as light falls off."""
        if mask.roi.empty:
            return np.zeros_like(mask.cover)
        y = (self.view.rows(mask.roi) - self.stand.eyes) / self.stand.head
        fall = np.clip((y - 1.2) / 6.0, 0, 1) * min(6.0, self.coat.cloth * 0.25)
        tooth = self.view.noise(bristle(self.scene.place_seed), mask.roi, (self.stand.head * 6, self.stand.head * 6))
        return np.asarray(self.coat.cloth - fall + 1.1 * tooth, np.float32)

    def _front(self, sheet: Sheet) -> None:
        """What a garment shows from before: shirt, lapels, closing."""
        if self.traits.garment in ("gown", "cloak", "armour"):
            return
        off = 0.1 if self.stand.view == "three-quarter" else 0.0
        low = 2.3 if self.traits.garment != "coat" else 1.75
        shirt = [[off - 0.17, 1.2], [off + 0.17, 1.2], [off + 0.1, 1.7], [off + 0.02, low], [off - 0.08, 1.7]]
        self.form(sheet, self.fill(shirt, rough=0.6), self.coat.linen * 0.8, 5, 0.0)
        ink = -7 if self.coat.cloth > 20 else 7
        for side in (-1, 1):
            self.line(sheet, [[off + side * 0.2, 1.2], [off + side * 0.3, 1.62], [off, low + 0.05]], ink, 0.05)
        self.line(sheet, [[off, low], [off + 0.04, 2.9], [off + 0.02, 3.6], [off + 0.05, 5.6]], ink * 0.8, 0.04)

    def _folds(self, sheet: Sheet) -> None:
        """A few folds where cloth hangs."""
        deep = {"coat": 5.9, "gown": 7.2, "cloak": 6.2, "armour": 3.2}.get(self.traits.garment, 3.5)
        ink = -5 if self.coat.cloth > 20 else 5
        for x, top in ((-0.62, 2.6), (-0.25, 3.2), (0.3, 3.0), (0.66, 2.5)):
            self.line(sheet, [[x * 0.8, top], [x, top + (deep - top) * 0.5], [x * 1.25, deep]], ink, 0.06)
        if self.stand.view == "back":
            self.line(sheet, [[0.0, 1.75], [0.03, 2.8], [0.0, min(deep, 5.6)]], ink, 0.05)

    def _arms(self, sheet: Sheet) -> None:
        if self.traits.garment == "cloak":
            return
        names = ("near_arm",) if self.stand.view == "profile" else ("far_arm", "near_arm")
        for name in names:
            self._arm(sheet, name, 1.5 if name == "near_arm" else 0.0)

    def _arm(self, sheet: Sheet, name: str, shift: float) -> None:
        joints = [list(j) for j in self.pose[name]]
        gesture = self._gesture()
        if gesture is not None and name == "near_arm":
            joints[1:] = gesture[self.side]
        sleeve = self.limb(joints, [0.4, 0.52, 0.48, 0.42, 0.34])
        self.form(sheet, sleeve, np.asarray(self._cloth(sleeve) + shift, np.float32), INNER_TONE, 0.9, near=0.5)
        ink = -6 if self.coat.cloth > 20 else -4
        if self.side == "front" and gesture is None:
            sign = 1 if name == "near_arm" else -1
            self.line(sheet, [[sign * 0.74, 1.95], [sign * 0.8, 2.5], [sign * 0.8, 3.3]], ink, 0.06)
        self._hand(sheet, joints)

    def _hand(self, sheet: Sheet, joints: list[list[float]]) -> None:
        wrist, elbow = np.array(joints[2]), np.array(joints[1])
        along = (wrist - elbow) / max(float(np.hypot(*(wrist - elbow))), 1e-6)
        across = np.array([-along[1], along[0]])
        shape = [
            (-0.02, -0.14),
            (0.16, -0.17),
            (0.42, -0.13),
            (0.56, -0.03),
            (0.5, 0.1),
            (0.28, 0.12),
            (0.26, 0.24),
            (0.14, 0.2),
            (-0.02, 0.14),
        ]
        outline = np.array([wrist + along * a * 0.8 + across * b * 0.8 for a, b in shape])
        self.form(sheet, self.fill(outline, rough=0.5), self.coat.skin - 4, 8, 0.5, accent=0.12 * self.scene.warmth)

    def _gesture(self) -> dict[str, Any] | None:
        """What the action has this person's hand do."""
        action = self.scene.composition.action.lower()
        name = self.stand.figure.id
        mine = [part for part in action.split(".") if says(part, [name])] if says(action, [name]) else []
        if not mine and len(self.scene.composition.figures) == 1:
            mine = [action]
        for gesture in table("outlines.toml")["gesture"].values():
            if any(says(part, gesture["words"]) for part in mine):
                found: dict[str, Any] = gesture
                return found
        return None

    def _neck(self, sheet: Sheet) -> None:
        mask = self.fill(_outline("neck", self.stand.view), body=False, rough=0.6)
        self.form(sheet, mask, self.coat.skin - 7, 7, 0.4, accent=0.1 * self.scene.warmth)
        jaw = self.fill([[-0.32, 0.7], [0.2, 0.9], [0.28, 1.02], [0.05, 1.2], [-0.3, 1.08]], body=False, rough=0.6)
        if self.stand.view != "back":
            sheet.lift(jaw, -7)

    def _neckline(self, sheet: Sheet) -> None:
        """The garment's own collar, low, around the neck."""
        if self.traits.collar_up or self.traits.garment == "gown":
            return
        back = self.stand.view == "back"
        outline = (
            [[-0.3, 1.08], [0, 1.14], [0.3, 1.08], [0.46, 1.32], [0.2, 1.41], [0, 1.43], [-0.2, 1.41], [-0.46, 1.32]]
            if back
            else [[-0.36, 1.06], [-0.26, 1.18], [-0.05, 1.42], [0.06, 1.62], [-0.2, 1.7], [-0.56, 1.42], [-0.46, 1.18]]
        )
        self.form(sheet, self.fill(outline, rough=0.8), self.coat.cloth + 3, 7, 0.8, near=0.5)
        if not back and self.stand.view != "profile":
            other = [[0.22, 1.16], [0.3, 1.22], [0.5, 1.38], [0.3, 1.66], [0.14, 1.62], [0.12, 1.4]]
            self.form(sheet, self.fill(other, rough=0.8), self.coat.cloth + 2, 7, 0.8, near=0.5)

    def _collar_behind(self, sheet: Sheet) -> None:
        if self.traits.collar_up:
            outline = [[-0.5, 0.72], [-0.2, 0.82], [0.1, 0.95], [0.3, 1.4], [-0.1, 1.6], [-0.6, 1.4]]
            self.form(sheet, self.fill(outline, rough=1.0), self.coat.cloth - 2, 5, 0.5, near=0.5)

    def _collar(self, sheet: Sheet) -> None:
        """A turned-up collar stands against the jaw, in front of hair and neck."""
        if not self.traits.collar_up:
            return
        if self.stand.view == "back":
            shape = [
                [-0.46, 0.7],
                [-0.2, 0.77],
                [0, 0.79],
                [0.2, 0.77],
                [0.46, 0.7],
                [0.5, 1.0],
                [0.62, 1.32],
                [0.2, 1.5],
                [-0.2, 1.5],
                [-0.62, 1.32],
                [-0.5, 1.0],
            ]
            self.form(sheet, self.fill(shape), self.coat.cloth + 2, 7, near=0.5)
            return
        near = [
            [-0.5, 0.7],
            [-0.36, 0.78],
            [-0.16, 1.0],
            [0.02, 1.2],
            [0.1, 1.55],
            [-0.1, 1.76],
            [-0.6, 1.5],
            [-0.58, 1.05],
        ]
        far = [[0.27, 0.98], [0.38, 1.0], [0.46, 1.25], [0.42, 1.6], [0.16, 1.7], [0.16, 1.35]]
        if self.stand.view == "front":
            far = [[-p[0], p[1]] for p in near]
        self.form(sheet, self.fill(far), self.coat.cloth, 6, near=0.5)
        self.form(sheet, self.fill(near), self.coat.cloth + 3, 8, near=0.5)

    def _head(self, sheet: Sheet) -> None:
        view = self.stand.view
        mask = self.fill(_outline("head", view), body=False, rough=0.5)
        large = self.stand.head > 0.22 and view != "back"
        self.form(sheet, mask, self.coat.skin, 4.0 if large else 11, 0.8, accent=0.1 * self.scene.warmth)
        if view == "back":
            return
        faces.features(self, sheet, mask)
        if view in ("three-quarter", "profile") and self.traits.hair not in ("long", "bob"):
            self.form(
                sheet,
                self.fill(_outline("ear", view), body=False, rough=0.4),
                self.coat.skin + 1,
                5,
                0.5,
                accent=0.12 * self.scene.warmth,
            )

    def _hair(self, sheet: Sheet) -> None:
        style = {"plait": "drawn-back", "bun": "drawn-back", "ponytail": "drawn-back"}.get(
            self.traits.hair, self.traits.hair
        )
        if style != "bald":
            mask = self.fill(
                _outline("hair", style, self.stand.view), body=False, rough=2.0 if style == "curly" else 1.0
            )
            self.form(sheet, mask, self._strands(mask), 9, 0.9, **self._hair_hues)
            self._combed(sheet, mask)
        if self.traits.beard == "full" and self.stand.view != "back":
            mask = self.fill(_outline("beard", self.stand.view), body=False, rough=1.6)
            self.form(sheet, mask, self._strands(mask) - 2, 7, 0.5, **self._hair_hues)
        if self.traits.hair == "bun":
            (x, y), r = table("outlines.toml")["bun"][self.stand.view]
            turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
            self.form(
                sheet,
                self.fill(np.stack([x + r * np.cos(turn), y + r * 0.85 * np.sin(turn)], 1), False),
                self.coat.hair,
                9,
            )

    @property
    def _hair_hues(self) -> dict[str, float]:
        """White and grey hair takes the calmer hue beside the main one, fair hair some of the accent."""
        fair = 15 < self.traits.hair_value <= 24
        return {"near": 0.9 if self.traits.hair_value > 15 else 0.2, "accent": 0.3 * fair * self.scene.warmth}

    def _combed(self, sheet: Sheet, hair: Mask) -> None:
        """Drawn-back hair runs in strands to where it is tied."""
        if self.traits.hair not in ("plait", "bun", "ponytail") or self.stand.head < 0.12:
            return
        knot = np.array(table("outlines.toml")["tail"][self.stand.view][0])
        rim = np.array(_outline("hair", "drawn-back", self.stand.view))
        for k, start in enumerate(spline(rim, steps=3)):
            if np.hypot(*(start - knot)) < 0.25:
                continue
            bulge = (start + knot) / 2 + (np.array([0.0, 0.33]) - (start + knot) / 2) * -0.22
            curve = self.world(
                spline(np.array([start * 0.97 + knot * 0.03, bulge, knot]), closed=False, steps=10), body=False
            )
            w = 0.011 * self.stand.head
            stroke = self.pen.stroke(curve, [w * 0.3, w * 1.3, w], 0.8, 1.2)
            sheet.lift(clipped(stroke, hair), -7.0 if k % 3 else 5.0)

    def _strands(self, mask: Mask) -> Floats:
        """Hair is never one value: fine strands along its fall."""
        head = self.stand.head
        if mask.roi.empty:
            return np.zeros_like(mask.cover)
        fine = self.view.noise(bristle(self.scene.place_seed), mask.roi, (head * 0.35, head * 1.6), 0.3)
        return np.asarray(self.coat.hair + (3.2 if head > 0.1 else 1.5) * fine, np.float32)

    def _tail(self, sheet: Sheet) -> None:
        if self.traits.hair not in ("plait", "ponytail"):
            return
        curve = spline(table("outlines.toml")["tail"][self.stand.view], closed=False, steps=12)
        curve = curve + np.array([self.traits.bow * 0.4, 0.0])
        if self.traits.hair == "ponytail":
            mask = self.pen.stroke(
                self.world(curve[: len(curve) * 2 // 3], False),
                [0.16 * self.stand.head, 0.3 * self.stand.head, 0.24 * self.stand.head, 0.05 * self.stand.head],
            )
            self.form(sheet, mask, self.coat.hair, 9)
            return
        self._plait(sheet, curve)

    def _plait(self, sheet: Sheet, curve: Points) -> None:
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
            self.form(
                sheet,
                self.fill(np.array(lobe), body=False, rough=0.5),
                self.coat.hair - 1 + 3 * (k % 2),
                9,
                0.6,
                **self._hair_hues,
            )
        tuft = self.pen.stroke(
            self.world(curve[-9:], False), [0.12 * self.stand.head, 0.14 * self.stand.head, 0.02 * self.stand.head]
        )
        self.form(sheet, tuft, self.coat.hair - 3, 6, 0.4, **self._hair_hues)

    def _hat(self, sheet: Sheet) -> None:
        if not self.traits.hat:
            return
        shapes = table("outlines.toml")["hat"][self.traits.hat]
        outline = shapes.get(self.stand.view, shapes["front"])
        value = self.coat.cloth - 2 if self.traits.hat not in ("helmet", "crown") else self.coat.cloth + 14
        lively = {"accent": 0.6} if self.traits.hat == "crown" else {"near": 0.5}
        self.form(sheet, self.fill(outline, body=False), value, 9, 1.0, **lively)


def _outline(*path: str) -> list[list[float]]:
    """An outline of outlines.toml; a view that is not drawn falls back on the short cut or the front."""
    found: Any = table("outlines.toml")
    for name in path[:-1]:
        found = found[name]
    if path[-1] not in found:
        found = table("outlines.toml")["hair"]["short"] if path[0] == "hair" else found
    outline: list[list[float]] = found.get(path[-1], found.get("front"))
    return outline


def clipped(mask: Mask, within: Mask) -> Mask:
    """The part of a mask that lies inside another."""
    return Mask(mask.roi, mask.cover * faces.within(mask, within))


def towards(cover: Floats, key: tuple[float, float], sigma: float) -> Floats:
    """How much a shape, taken for a rounded form, turns to the light (-1..1). `sigma` is its roundness in pixels."""
    shrink = min(1.0, 4.0 / max(sigma, 1e-3))
    rows, columns = cover.shape
    small = (max(int(columns * shrink), 2), max(int(rows * shrink), 2))
    inner = np.asarray(cv2.resize(cover, small, interpolation=cv2.INTER_AREA), np.float32)
    pad = 12
    soft = cv2.GaussianBlur(
        cv2.copyMakeBorder(inner, pad, pad, pad, pad, cv2.BORDER_REPLICATE), (0, 0), max(sigma * shrink, 0.6)
    )
    smoothed = np.asarray(soft, np.float32)
    dy = np.asarray(np.gradient(smoothed, axis=0), np.float32)
    dx = np.asarray(np.gradient(smoothed, axis=1), np.float32)
    facing = -(dx * key[0] + dy * key[1])[pad:-pad, pad:-pad] * max(sigma * shrink, 0.6) * 2.5
    return np.asarray(cv2.resize(facing, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def edge_facing(cover: Floats, key: tuple[float, float], width: float) -> Floats:
    """The band along a shape's edge that faces the light, `width` pixels."""
    shift = np.array([[1.0, 0.0, key[0] * width * 1.5], [0.0, 1.0, key[1] * width * 1.5]], np.float32)
    rows, columns = cover.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    beside = cv2.warpAffine(cover, shift, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cover * np.clip(1.0 - np.asarray(beside, np.float32), 0, 1), np.float32)
