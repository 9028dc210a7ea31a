"""People: 7.5-head figures from splines, told apart by hair, hat, garment and build, with one key light on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from functions.animatic import body, garment, hair, likeness
from functions.animatic.canvas import Mask, Pen, Points, Sheet, View, spline
from functions.animatic.framing import EYES, Stand
from functions.animatic.portrait import Portrait
from functions.animatic.scene import Scene, table
from functions.animatic.shading import INNER_TONE, RIM_SHARE, RIM_WIDTH, edge_facing, towards
from functions.animatic.traits import Traits, read
from functions.animatic.values import Floats, smooth

_FORESHORTENED: Final = {"overhead": 0.5, "high": 0.84}
"""Height of a body below its eyes against a level view's, seen from above."""
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
    stride: float | None = None
    """Share (0..1) of a stride of two steps, of one who walks."""

    @cached_property
    def traits(self) -> Traits:
        """Outline from words."""
        return read(self.stand.figure)

    @cached_property
    def coat(self) -> Coat:
        """Values."""
        return coat_of(self.traits, self.scene)

    @cached_property
    def portrait(self) -> Portrait | None:
        """The person's own picture, where the face is seen and large enough to be known."""
        seen = self.stand.view != "back" and self.stand.head >= likeness.SMALLEST
        return self.scene.portraits.get(self.stand.figure.id) if seen else None

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

    @cached_property
    def pose(self) -> dict[str, Any]:
        """Joints of the pose in this view."""
        name = self.stand.figure.pose if self.stand.figure.moves in ("none",) else "walk"
        poses = table("outlines.toml")["pose"]
        chosen: dict[str, Any] = poses.get(name, poses["stand"])[self.side]
        return chosen if self.stride is None else body.striding(chosen, self.stride, self.side)

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
        if body and self.scene.composition.angle == "overhead":
            wide *= 0.84
        x, y = p[:, 0] * wide, p[:, 1] - EYES
        lean = float(self.pose.get("lean", 0.0)) + traits.bow
        ahead = lean * np.clip((3.8 - p[:, 1]) / 3.0, 0, 1) ** 1.3 if stand.view != "back" else 0.0 * y
        contra = 0.055 * np.clip((p[:, 1] - 1.2) / 2.6, 0, 1) * np.clip((7.5 - p[:, 1]) / 3.7, 0, 1)
        tilt = 0.035 * p[:, 0] * np.clip((3.4 - p[:, 1]) / 2.0, 0, 1) if body and self.side == "front" else 0.0 * y
        y = np.where(y > 0, y * _FORESHORTENED.get(self.scene.composition.angle, 1.0), y)
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

    def paint(self, sheet: Sheet) -> None:
        """All of it, back to front."""
        if self.stand.head * 7.5 > 0.2 and self.scene.composition.size in ("wide", "full", "extreme-wide"):
            body.foot_shadow(self, sheet)
        if self.stand.view != "back" and self.portrait is None:
            hair.behind(self, sheet)
        body.legs(self, sheet)
        if self.stand.view == "profile":
            body.arm(self, sheet, "far_arm", -2.0)
        if self.stand.view == "back":
            body.neck(self, sheet)
        garment.paint(self, sheet)
        body.arms(self, sheet)
        if self.stand.view != "back":
            body.neck(self, sheet)
        garment.neckline(self, sheet)
        if self.stand.view != "back":
            garment.collar_behind(self, sheet)
        if self.portrait is not None:
            likeness.paint(self, self.portrait, sheet)
            garment.collar(self, sheet)
            return
        body.head(self, sheet)
        hair.paint(self, sheet)
        garment.collar(self, sheet)
        hair.tail(self, sheet)
        garment.hat(self, sheet)
