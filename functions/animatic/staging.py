"""Staging: a composition's words become painted planes, with people standing clear of what is behind them."""

from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from functions.animatic import framing, inserts
from functions.animatic.canvas import Sheet, View
from functions.animatic.figure import Figure
from functions.animatic.places import catalog
from functions.animatic.places.setting import Setting
from functions.animatic.planes import Plane
from functions.animatic.scene import Scene
from functions.animatic.traits import read
from functions.animatic.values import APART, Floats


@dataclass(frozen=True)
class Staged:
    """What was painted: planes back to front, the and the light sources in it."""

    planes: list[Plane]
    lamps: list[tuple[float, float, float]]


def stage(scene: Scene, view: View) -> Staged:
    """Paint every plane of a scene."""
    soft = _softness(scene) >= 3.0
    behind = replace(view, height=view.height // 2) if soft else view
    s = Setting(scene, behind, framing.horizon(scene), framing.backdrop_metres(scene))
    if scene.composition.size == "insert":
        hands = inserts.insert(s)
        grade(s.planes, scene.tones["median"], False)
        return Staged([*s.planes, *hands], s.lamps)
    catalog.draw(s)
    backdrop = sorted(s.planes, key=lambda p: p.parallax)
    people = _people(scene, view)
    _focus(scene, backdrop)
    for plane in [*people, *people]:
        plane.tags["shift"] += separate(backdrop, plane.sheet, plane.tags["pale"] > 0, moves=bool(plane.drift))
    grade(backdrop, scene.tones["median"], bool(people))
    return Staged([*backdrop, *people], s.lamps)


def _people(scene: Scene, view: View) -> list[Plane]:
    planes = []
    for stand in framing.stands(scene):
        sheet = Sheet(view)
        Figure(stand, scene, view).paint(sheet)
        low = (stand.x, stand.eyes + 7 * stand.head)
        drift = _entry(stand, view.aspect)
        walks = bool(drift) and stand.head < _LEGS_BELOW
        planes.append(
            Plane(
                f"figure-{stand.figure.id}",
                1.35 if stand.over else 1.0,
                sheet,
                subject=not stand.over,
                life="breath",
                pivot=low,
                drift=drift,
                tags={"pale": float(read(stand.figure).cloth > 15), "shift": 0.0},
                stride=partial(_striding, stand, scene, view) if walks else None,
            )
        )
    return planes


_LEGS_BELOW = 0.16
"""Height of a head from which no legs are seen."""


def _striding(stand: framing.Stand, scene: Scene, view: View, share: float) -> Sheet:
    """A person at a share of a stride."""
    sheet = Sheet(view)
    Figure(stand, scene, view, share).paint(sheet)
    return sheet


_ENTRIES = {
    "in-left": ((-0.23, 0.0), (0.0, 0.0)),
    "in-right": ((0.23, 0.0), (0.0, 0.0)),
    "out-left": ((0.0, 0.0), (-0.34, 0.0)),
    "out-right": ((0.0, 0.0), (0.34, 0.0)),
    "toward": ((0.0, 0.0), (0.0, 0.035)),
    "away": ((0.0, 0.0), (0.0, -0.03)),
}
"""Offsets from where the composition places a person, start and end, in frame widths and heights."""


def _entry(stand: framing.Stand, aspect: float) -> tuple[tuple[float, float], ...]:
    """How a person comes into the picture or leaves it."""
    path = _ENTRIES.get(stand.figure.moves)
    return tuple((x * aspect, y) for x, y in path) if path else ()


_SMALL = 160
"""Rows at which values are judged."""


def _reduced(sheet: Sheet, values: Floats) -> Floats:
    """Values of some of a sheet's pixels at the size at which they are judged."""
    rows, columns = sheet.view.shape
    while values.shape[0] >= 2 * _SMALL:
        values = np.asarray(
            cv2.resize(values, (values.shape[1] // 2, values.shape[0] // 2), interpolation=cv2.INTER_AREA), np.float32
        )
    return np.asarray(
        cv2.resize(values, (round(columns * _SMALL / rows), _SMALL), interpolation=cv2.INTER_LINEAR), np.float32
    )


def _some(values: Floats) -> Floats:
    """As many pixels, evenly spread, as it takes to judge by."""
    step = max(values.shape[0] // (2 * _SMALL), 1)
    return np.ascontiguousarray(values[step // 2 :: step, step // 2 :: step])


def _shown(sheet: Sheet) -> Floats:
    """Values with the lamp at work, small."""
    return _reduced(sheet, np.asarray(_some(sheet.value) + np.float32(0.7) * _some(sheet.lit), np.float32))


MOST_LIGHTER, MOST_DARKER = 22.0, -12.0
"""How far the backdrop may give way, in L*: what is left, the subject does itself."""


def separate(backdrop: list[Plane], subject: Sheet, pale: bool = False, moves: bool = False) -> float:
    """Set a subject and what lies behind it 25 L* apart: a soft wash behind, and the subject's own value for the rest,
    which is returned.

    Dark clothes stand against light, pale ones (`pale`) against dark.
    Behind someone who `moves` there is no wash: it would stay where they were.
    """
    alpha = _reduced(subject, _some(subject.alpha))
    if alpha.max() < 0.3:
        return 0.0
    value = _shown(subject)
    own = float(np.average(value, weights=np.maximum(alpha - 0.5, 0) * 2))
    size = float(np.sqrt(alpha.sum() / np.pi))
    ring = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 3.0 + 0.2 * size), np.float32) * (alpha < 0.1) + 1e-6
    seen = cv2.resize(_behind(backdrop), ring.shape[::-1], interpolation=cv2.INTER_LINEAR)
    behind = float(np.average(seen, weights=ring))
    goal = own - APART - 5 if pale and own - APART > behind - 45 else own + APART + 5
    if not pale and goal > 84:
        goal = own - APART - 5
    if (goal > own and behind >= goal) or (goal < own and behind <= goal):
        return 0.0
    given = 0.0 if moves else float(np.clip(goal - behind, MOST_DARKER, MOST_LIGHTER))
    if given:
        near = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 6.0 + 0.8 * size), np.float32)
        wide = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 8.0 + 1.3 * size), np.float32)
        wash = np.minimum(near, 0.45) + 0.8 * wide
        _wash_over(backdrop, wash * (given / float(np.average(wash, weights=ring))))
    shift = -float(np.clip(goal - behind - given, -22, 10))
    where = subject.roi.slices
    subject.value[where] = np.clip(subject.value[where] + np.float32(shift), 4, 90)
    return shift


def _wash_over(backdrop: list[Plane], wash: Floats) -> None:
    """Add a small picture of L* to all planes of the backdrop."""
    full: dict[tuple[int, int], Floats] = {}
    for plane in backdrop:
        sheet, where = plane.sheet, plane.sheet.roi.slices
        if sheet.view.shape not in full:
            size = sheet.view.shape[::-1]
            full[sheet.view.shape] = np.asarray(cv2.resize(wash, size, interpolation=cv2.INTER_LINEAR), np.float32)
        part, share = sheet.value[where], 0.35 + 0.65 * sheet.alpha[where]
        share *= full[sheet.view.shape][where]
        part += share
        np.clip(part, 3, 92, out=part)


def _behind(backdrop: list[Plane]) -> Floats:
    """Values of the backdrop's planes over each other, at small size, lamp at work."""
    total: Floats = np.zeros((1, 1), np.float32)
    for plane in backdrop:
        sheet = plane.sheet
        alpha = _reduced(sheet, _some(sheet.alpha))
        total = np.asarray(total + (_shown(sheet) - total) * alpha, np.float32)
    return total


def _softness(scene: Scene) -> float:
    """Defocus behind people in delivery pixels at 720 lines: more the closer they are and the longer the lens."""
    c = scene.composition
    base = {"medium-full": 0.8, "medium": 1.6, "medium-close": 4.0, "close": 7.0, "extreme-close": 11.0}.get(
        c.size, 0.0
    )
    base *= {"long": 2.0, "macro": 2.5, "wide": 0.5, "normal": 1.0}[c.lens]
    return base * {"deep": 0.15, "shallow": 1.7, "normal": 1.0}[c.focus]


def _focus(scene: Scene, backdrop: list[Plane]) -> None:
    """Defocus, and aerial perspective: each plane further back is softer."""
    base = _softness(scene)
    for plane in backdrop:
        steps = {0.15: 2.0, 0.3: 1.5}.get(plane.parallax, 1.0)
        plane.blur = max(plane.blur, base * (0.8 + 0.2 * steps) if base else 0.6 * (steps - 1.0))


HIGHLIGHT: float = 77.0
"""L* from which a value belongs to the brightest step."""
HIGHLIGHT_SHARE: float = 0.08


def grade(backdrop: list[Plane], median: float, people: bool) -> None:
    """Bring the picture to its key: the middle value towards `median`, the brightest step to its small share."""
    behind = _behind(backdrop)
    shift = float(np.clip((median - np.median(behind)) * (0.3 if people else 0.7), -9, 9))
    high = float(np.quantile(behind, 1 - 0.75 * HIGHLIGHT_SHARE)) + shift
    knee = median + 0.45 * (HIGHLIGHT - median)
    slope = min(1.0, (HIGHLIGHT - 3 - knee) / max(high - knee, 1e-3))
    for plane in backdrop:
        sheet, where = plane.sheet, plane.sheet.roi.slices
        value, lit = sheet.value[where], sheet.lit[where]
        value += shift
        if slope == 1.0:
            continue
        burning = cv2.minMaxLoc(lit)[:2] != (0.0, 0.0)
        whole = _kneed(value + lit, knee, slope) if burning else value
        value[:] = _kneed(value, knee, slope)
        if burning:
            np.subtract(whole, value, out=lit)


def _kneed(value: Floats, knee: float, slope: float) -> Floats:
    """Values above the knee rise at `slope`."""
    above = value - np.float32(knee)
    np.maximum(above, 0.0, out=above)
    above *= 1.0 - slope
    return np.asarray(value - above, np.float32)
