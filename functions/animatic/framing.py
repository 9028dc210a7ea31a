"""Framing: how large people stand in each shot size and where, so that nobody is cut at a joint.

Heights and lines are fractions of the frame's height; figures measure 7.5 heads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from functions.animatic.scene import Scene
from functions.contract.params import Angle, At, Depth, Figure, ShotSize

HEADS: Final = 7.5
EYES: Final = 0.48
"""Eye line below the crown, in heads."""
STATURE: Final = 1.72
"""Metres."""


@dataclass(frozen=True)
class Frame:
    """Of one shot size: height of a head and the eye line from the frame's top."""

    head: float
    eyes: float


FRAMES: Final[Mapping[ShotSize, Frame]] = MappingProxyType(
    {
        "extreme-wide": Frame(0.05 / HEADS, 0.58),
        "wide": Frame(0.45 / HEADS, 0.40),
        "full": Frame(0.85 / HEADS, 0.18),
        "medium-full": Frame(0.15, 0.30),
        "medium": Frame(0.20, 0.35),
        "medium-close": Frame(0.32, 0.36),
        "close": Frame(0.64, 0.34),
        "extreme-close": Frame(1.55, 0.45),
        "insert": Frame(0.58, 0.45),
    }
)
_AT: Final[Mapping[At, float]] = MappingProxyType(
    {"centre": 0.0, "left": -0.20, "right": 0.20, "far-left": -0.36, "far-right": 0.36}
)
_DEPTH: Final[Mapping[Depth, float]] = MappingProxyType({"mid": 1.0, "fore": 1.45, "back": 0.70})
_HORIZON: Final[Mapping[Angle, float]] = MappingProxyType(
    {"eye": 0.0, "low": 0.16, "ground": 0.24, "high": -0.22, "overhead": -1.1, "dutch": 0.0}
)
LOOK_ROOM: Final = 0.10
"""Off centre by this share of the width, away from the gaze."""


@dataclass(frozen=True)
class Stand:
    """Where a figure stands: world x, world y of the eyes, world height of a head, +-1 for the side it looks to."""

    figure: Figure
    x: float
    eyes: float
    head: float
    facing: float
    view: str
    over: bool = False


def _sides(scene: Scene) -> dict[str, float]:
    return {f.id: _AT[f.at] for f in scene.composition.figures}


def gaze(figure: Figure, scene: Scene) -> tuple[str, float]:
    """How a figure is turned: view (front, three-quarter, profile, back) and the side it looks to."""
    sides = _sides(scene)
    here = sides[figure.id]
    if figure.facing in sides and figure.facing != figure.id:
        there = sides[figure.facing]
        side = 1.0 if there > here or (there == here and here < 0) else -1.0
        return "three-quarter", side
    inward = -1.0 if here > 0 else 1.0
    if figure.facing == "away":
        return "back", inward
    if figure.facing in ("left", "right"):
        return "profile", -1.0 if figure.facing == "left" else 1.0
    return "front", inward


def horizon(scene: Scene) -> float:
    """World y of the horizon: people of average height have their eyes on it, seen from eye level."""
    c = scene.composition
    base = FRAMES[c.size].eyes - 0.5
    if c.size in ("extreme-wide", "wide"):
        base = {"low horizon": 0.24, "high horizon": -0.22}.get(
            next((p for p in ("low horizon", "high horizon") if p in c.compose.lower()), ""), base
        )
    if c.size in ("full", "medium-full"):
        base = max(base, -0.10)
    amount = {"extreme-wide": 0.5, "wide": 0.7}.get(c.size, 1.0) if c.angle != "overhead" else 1.0
    return float(min(base + _HORIZON[c.angle] * amount, 0.42))


def metres(scene: Scene) -> float:
    """Metres that the frame's height measures where the subject stands."""
    return STATURE / HEADS / FRAMES[scene.composition.size].head


def backdrop_metres(scene: Scene) -> float:
    """The same where the background stands: further off, less enlarged; long lenses bring it near."""
    here = metres(scene)
    away = {"wide": 3.2, "normal": 2.0, "long": 0.9, "macro": 0.6}[scene.composition.lens]
    return here + away * (1.0 if scene.interior else 2.5)


def stands(scene: Scene) -> list[Stand]:
    """Everyone visible, back to front. With `over`, that person is large at the frame's edge in front; with `pov` the
    camera is where that person's eyes are, who is not seen.
    """
    c = scene.composition
    made = [_stand(f, scene) for f in c.figures if f.id not in (c.over, c.pov)]
    made.sort(key=lambda s: s.head)
    return made + [_over(f, scene) for f in c.figures if f.id == c.over]


def _stand(figure: Figure, scene: Scene) -> Stand:
    c, frame = scene.composition, FRAMES[scene.composition.size]
    view, facing = gaze(figure, scene)
    depth = _DEPTH[figure.depth] if c.size not in ("close", "extreme-close") else 1.0
    alone = len([f for f in c.figures if f.id not in (c.over, c.pov)]) == 1
    x = _AT[figure.at]
    if alone and c.size in ("medium", "medium-close", "close", "extreme-close"):
        x = 0.6 * x if figure.at != "centre" else 0.0
        if view != "back":
            x = -facing * max(LOOK_ROOM, 0.6 * abs(x)) if x * facing >= 0 else x
    line = frame.eyes - 0.5
    if depth != 1.0:
        line = horizon(scene) + (line - horizon(scene)) * depth
    stature = 1.0 if "child" not in figure.look.lower() else 0.78
    head = frame.head * depth
    squeeze = min(1.0, scene.aspect / (16 / 9) * 1.25)
    width = max(scene.aspect, 1.0) if scene.aspect >= 1 else scene.aspect
    return Stand(figure, x * width, line + (1 - stature) * HEADS * head * 0.9, head * (squeeze**0.3), facing, view)


def _over(figure: Figure, scene: Scene) -> Stand:
    """The shoulder in front: back of the head at the edge, larger than the one who is looked at."""
    frame = FRAMES[scene.composition.size]
    side = -1.0 if _AT[figure.at] <= 0 else 1.0
    return Stand(figure, side * scene.aspect * 0.36, frame.eyes - 0.5 - 0.01, frame.head * 1.5, -side, "back", True)


def revealed(scene: Scene, to: str) -> Stand | None:
    """The person that a move ends on, by the words of `to`: an id or something of a look."""
    words = set(re.findall(r"[a-z0-9-]{3,}", to.lower()))
    seen = [p for p in stands(scene) if not p.over]
    named = [p for p in seen if p.figure.id in words]
    looks = [p for p in seen if words & set(re.findall(r"[a-z0-9-]{3,}", p.figure.look.lower()))]
    return next(iter([*named, *(looks if len(looks) == 1 else [])]), None)


def target(scene: Scene, to: str = "") -> tuple[float, float]:
    """The world point that a push closes in on: who `to` names, the faces that are seen, else what is named."""
    end = revealed(scene, to)
    if end is not None:
        return end.x, end.eyes
    seen = [p for p in stands(scene) if not p.over]
    if seen:
        return sum(p.x for p in seen) / len(seen), sum(p.eyes for p in seen) / len(seen)
    things = ["tower", "lighthouse", "house", "castle", "ship", "tree", "figure", "door", "window"]
    return scene.side_of(things, 0.0) * scene.aspect, 0.0
