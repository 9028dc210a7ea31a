"""Staging: a composition's words become painted planes, with people standing clear of what is behind them."""

from dataclasses import dataclass

import cv2
import numpy as np

from functions.animatic import framing
from functions.animatic.canvas import Mask, Sheet, View
from functions.animatic.figure import Figure
from functions.animatic.places import room, sea, sky
from functions.animatic.places.setting import Setting
from functions.animatic.planes import Plane
from functions.animatic.scene import Scene
from functions.animatic.values import APART, Floats


@dataclass(frozen=True)
class Staged:
    """What was painted: planes back to front, the light sources in it, and the point the eye goes to."""

    planes: list[Plane]
    lamps: list[tuple[float, float, float]]
    target: tuple[float, float]


def stage(scene: Scene, view: View) -> Staged:
    """Paint every plane of a scene."""
    s = Setting(scene, view, framing.horizon(scene), framing.backdrop_metres(scene))
    if scene.interior:
        room.lamp_room(s)
    else:
        sky.sky(s)
        sea.water(s)
        sea.lighthouse(s)
    backdrop = sorted(s.planes, key=lambda p: p.parallax)
    people = _people(scene, view)
    for plane in people:
        separate(backdrop, plane.sheet)
    return Staged([*backdrop, *people], s.lamps, _target(scene, s))


def _people(scene: Scene, view: View) -> list[Plane]:
    planes = []
    for stand in framing.stands(scene):
        sheet = Sheet(view)
        Figure(stand, scene, view).paint(sheet)
        low = (stand.x, stand.eyes + 7 * stand.head)
        planes.append(
            Plane(
                f"figure-{stand.figure.id}",
                1.35 if stand.over else 1.0,
                sheet,
                subject=not stand.over,
                life="breath",
                pivot=low,
            )
        )
    return planes


def _target(scene: Scene, s: Setting) -> tuple[float, float]:
    """A face that is seen, else the light, else the middle."""
    seen = [p for p in framing.stands(scene) if not p.over]
    if seen:
        return float(np.mean([p.x for p in seen])), float(np.mean([p.eyes for p in seen]))
    return s.lamps[0][:2] if s.lamps else (0.0, 0.0)


def separate(backdrop: list[Plane], subject: Sheet) -> None:
    """Lighten or darken what lies behind a subject until they are 25 L* apart, softly, as a wash would."""
    view = subject.view
    small = (view.shape[1] // 8, view.shape[0] // 8)
    alpha = np.asarray(cv2.resize(subject.alpha, small, interpolation=cv2.INTER_AREA), np.float32)
    if alpha.max() < 0.3:
        return
    value = np.asarray(cv2.resize(subject.value + 0.7 * subject.lit, small, interpolation=cv2.INTER_AREA), np.float32)
    behind = _behind(backdrop, small)
    weight = np.maximum(alpha - 0.5, 0) * 2
    own = float(np.average(value, weights=weight))
    halo = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 9), np.float32)
    ring = float(np.average(behind, weights=halo + 1e-6))
    goal = own + APART + 5 if (ring >= own - 4 and own + APART + 5 <= 84) or own < 34 else own - APART - 5
    change = goal - ring
    if (goal > own and ring >= goal) or (goal < own and ring <= goal):
        return
    wide = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 16), np.float32)
    wash = np.clip((0.55 * halo + 0.75 * wide) * 1.25, 0, 1)
    full = np.asarray(cv2.resize(wash, (view.shape[1], view.shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)
    for plane in backdrop:
        plane.sheet.value += full * change * (0.35 + 0.65 * plane.sheet.alpha) * (1.0 if change > 0 else 1.0)
        np.clip(plane.sheet.value, 3, 92, out=plane.sheet.value)


def _behind(backdrop: list[Plane], small: tuple[int, int]) -> Floats:
    """Values of the backdrop's planes over each other, at small size, lamp at work."""
    total = np.zeros((small[1], small[0]), np.float32)
    for plane in backdrop:
        sheet = plane.sheet
        alpha = np.asarray(cv2.resize(sheet.alpha, small, interpolation=cv2.INTER_AREA), np.float32)
        value = np.asarray(cv2.resize(sheet.value + 0.7 * sheet.lit, small, interpolation=cv2.INTER_AREA), np.float32)
        total += (value - total) * alpha
    return total


__all__ = ["Mask", "Staged", "separate", "stage"]
