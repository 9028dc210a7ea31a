"""Staging: a composition's words become painted planes, with people standing clear of what is behind them."""

from dataclasses import dataclass

import cv2
import numpy as np

from functions.animatic import framing, inserts
from functions.animatic.canvas import Mask, Sheet, View
from functions.animatic.figure import Figure
from functions.animatic.places import catalog
from functions.animatic.places.setting import Setting
from functions.animatic.planes import Plane
from functions.animatic.scene import Scene
from functions.animatic.values import APART, Floats


@dataclass(frozen=True)
class Staged:
    """What was painted: planes back to front, the and the light sources in it."""

    planes: list[Plane]
    lamps: list[tuple[float, float, float]]


def stage(scene: Scene, view: View) -> Staged:
    """Paint every plane of a scene."""
    s = Setting(scene, view, framing.horizon(scene), framing.backdrop_metres(scene))
    if scene.composition.size == "insert":
        hands = inserts.insert(s)
        grade(s.planes, scene.tones["median"], False)
        return Staged([*s.planes, *hands], s.lamps)
    catalog.draw(s)
    backdrop = sorted(s.planes, key=lambda p: p.parallax)
    people = _people(scene, view)
    _focus(scene, backdrop)
    for plane in people:
        separate(backdrop, plane.sheet)
    grade(backdrop, scene.tones["median"], bool(people))
    return Staged([*backdrop, *people], s.lamps)


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
    reach = view.scale / 8
    wide = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.17 * reach), np.float32)
    wider = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.42 * reach), np.float32)
    wash = np.clip(1.5 * wide + 1.1 * wider, 0, 1)
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


def _focus(scene: Scene, backdrop: list[Plane]) -> None:
    """Defocus behind people: more the closer they are and the longer the lens; and aerial perspective."""
    c = scene.composition
    base = {"medium-full": 0.8, "medium": 1.6, "medium-close": 4.0, "close": 7.0, "extreme-close": 11.0}.get(
        c.size, 0.0
    )
    base *= {"long": 2.0, "macro": 2.5, "wide": 0.5, "normal": 1.0}[c.lens]
    base *= {"deep": 0.15, "shallow": 1.7, "normal": 1.0}[c.focus]
    for plane in backdrop:
        steps = {0.15: 2.0, 0.3: 1.5}.get(plane.parallax, 1.0)
        plane.blur = max(plane.blur, base * (0.8 + 0.2 * steps) if base else 0.6 * (steps - 1.0))


HIGHLIGHT: float = 77.0
"""L* from which a value belongs to the brightest step."""
HIGHLIGHT_SHARE: float = 0.08


def grade(backdrop: list[Plane], median: float, people: bool) -> None:
    """Bring the picture to its key: the middle value towards `median`, the brightest step to its small share."""
    view = backdrop[0].sheet.view
    behind = _behind(backdrop, (view.shape[1] // 8, view.shape[0] // 8))
    shift = float(np.clip((median - np.median(behind)) * (0.3 if people else 0.7), -9, 9))
    high = float(np.quantile(behind, 1 - 0.75 * HIGHLIGHT_SHARE)) + shift
    knee = median + 0.45 * (HIGHLIGHT - median)
    slope = min(1.0, (HIGHLIGHT - 3 - knee) / max(high - knee, 1e-3))
    for plane in backdrop:
        sheet = plane.sheet
        lit = _kneed(sheet.value + sheet.lit + shift, knee, slope)
        sheet.value = _kneed(sheet.value + shift, knee, slope)
        sheet.lit = lit - sheet.value


def _kneed(value: Floats, knee: float, slope: float) -> Floats:
    """Values above the knee rise at `slope`."""
    return np.asarray(np.minimum(value, knee) + np.maximum(value - knee, 0.0) * slope, np.float32)
