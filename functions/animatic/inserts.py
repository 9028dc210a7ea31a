"""Inserts: one thing seen large, and the hand at it."""

import re
from typing import Any, Final

import numpy as np

from functions.animatic.canvas import Mask, Points, Sheet, grown, spline
from functions.animatic.noise import bristle
from functions.animatic.places.setting import Setting
from functions.animatic.planes import Plane
from functions.animatic.scene import says, table
from functions.animatic.shading import edge_facing, towards
from functions.animatic.traits import read
from functions.animatic.values import smooth
from functions.contract.params import Figure

_VALUE: Final = re.compile(r"^([a-z_]+)([+-]\d+)?$")


def insert(s: Setting) -> list[Plane]:
    """Planes of an insert: the ground, the thing, and the hand where the words have one."""
    thing = _chosen(s)
    ground = s.plane("ground", 0.75, s.tones["wall"] - 12)
    roi = s.view.everything
    ground.value += 3.0 * s.clouds(roi, (1.4, 1.4), 0.3) + 1.2 * s.bristle(roi, (0.7, 0.7))
    far = np.hypot(s.view.columns() * 0.6 - 0.25 * s.scene.key_side, s.view.rows() + 0.15)
    ground.value -= 8.0 * smooth(0.2, 0.9, np.asarray(far, np.float32))
    if s.scene.lamp:
        ground.lit += 26.0 * (1 - smooth(0.1, 0.9, np.asarray(far, np.float32)))
    sheet = s.plane("thing", 0.95)
    held = Sheet(s.view)
    for value, outline, *rest in thing["parts"]:
        options = rest[0] if rest else {}
        target = held if options.get("held") else sheet
        _part(s, target, ground, _tone(s, value), np.array(outline, np.float64), options)
    if s.scene.lamp and thing["name"] == "candle":
        s.glow(ground, (0.0, -0.2 + thing["at"][1]), 0.9, 34)
    hands: list[Plane] = []
    if thing["hand"] != "none" and (
        thing["name"] == "thing" or s.scene.says("hand", "hands", "finger", "fingers", "thumb")
    ):
        hands = [_hand(s, thing, held)]
    elif not held.roi.empty:
        hands = [Plane("held", 0.95, held)]
    return hands


def _chosen(s: Setting) -> dict[str, Any]:
    """The first thing that the action names, else that any words name, else something plain."""
    things: list[dict[str, Any]] = table("inserts.toml")["thing"]
    for text in (s.scene.composition.action.lower(), s.scene.text):
        found = [
            (min(text.find(w) for w in t["words"] if says(text, [w])), t) for t in things if says(text, t["words"])
        ]
        if found:
            return min(found, key=lambda pair: pair[0])[1]
    return things[-1]


def _tone(s: Setting, said: str) -> float:
    match = _VALUE.match(said)
    if match is None:
        raise ValueError(f"'{said}' is no value of inserts.toml")
    return s.tones[match[1]] + float(match[2] or 0)


def _part(s: Setting, sheet: Sheet, ground: Sheet, value: float, points: Points, options: dict[str, Any]) -> None:
    """One piece, shaded as a low relief; large flat pieces belong to the ground."""
    outline = points if options.get("corner") else spline(points, steps=12)
    mask = s.pen.fill(outline, 1.0, options.get("soft", 1.2))
    if mask.roi.empty:
        return
    key = (s.scene.key_side * 0.8, -0.6)
    scale = s.view.scale
    relief = towards(mask.cover, key, 0.02 * scale)
    rim = edge_facing(mask.cover, key, 0.0035 * scale)
    tooth = 1.3 * s.bristle(mask.roi, (0.6, 0.25)) + 1.6 * s.clouds(mask.roi, (0.8, 0.8), 0.4)
    lit = float(options.get("lit", 0)) * (1.0 if s.scene.lamp else 0.15)
    hues = {k: options[k] for k in ("accent", "near") if k in options}
    flat = float(np.ptp(points[:, 0])) > 2
    body = value + tooth + 5 * smooth(0.05, 0.7, relief) - 6 * smooth(0.05, 0.8, -relief) + 12 * rim
    light = lit * (0.7 + 0.3 * smooth(0, 0.6, relief) + 0.8 * rim)
    if not flat and not options.get("soft"):
        _shadow(s, sheet, mask)
    (ground if flat else sheet).paint(mask, np.asarray(body, np.float32), lit=np.asarray(light, np.float32), **hues)


def _shadow(s: Setting, sheet: Sheet, mask: Mask) -> None:
    """A soft shade away from the light, on what lies below."""
    import cv2

    mask = grown(mask, int(0.045 * s.view.scale), s.view)
    shift = np.array([[1, 0, s.scene.key_side * 0.012 * s.view.scale], [0, 1, -0.014 * s.view.scale]], np.float32)
    rows, columns = mask.cover.shape
    moved = cv2.warpAffine(mask.cover, shift, (columns, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    soft = np.asarray(cv2.GaussianBlur(moved, (0, 0), 0.008 * s.view.scale), np.float32)
    where = mask.roi.slices
    sheet.lift(Mask(mask.roi, soft * sheet.alpha[where]), -7.0)


def _hand(s: Setting, thing: dict[str, Any], sheet: Sheet) -> Plane:
    """The hand, sleeve included, on the plane of what it holds; it throws a switch where the action says so."""
    hand = table("inserts.toml")["hand"][thing["hand"]]
    people = s.scene.composition.figures
    traits = read(people[0]) if people else read(Figure(id="hand", look="dark coat"))
    side = -1.0 if thing["hand"] == "grip" else 1.0
    angle = np.radians(hand["angle"])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * hand["size"]
    flip = np.array([1.0, 1.0 if side < 0 else -1.0])
    anchor = np.array(hand["anchor"])

    def placed(points: list[list[float]]) -> Points:
        return np.asarray((np.array(points) - anchor) * flip @ turn.T + thing["at"], np.float64)

    skin = {"night": 36.0, "dusk": 44.0, "overcast": 56.0, "day": 62.0}.get(s.scene.key, 66.0)
    for shift, outline in hand["parts"]:
        _flesh(s, sheet, placed(outline), skin + shift)
    for points in hand["lines"]:
        curve = spline(placed(points), closed=False, steps=8)
        sheet.lift(s.pen.stroke(curve, [0.001, 0.005, 0.001], 0.3, 1.0), -10)
    for nail in hand["nails"]:
        mask = s.pen.fill(spline(placed(nail)), 0.2, 1.0)
        sheet.paint(mask.times(0.8), skin + 11, accent=0.12 * s.scene.warmth, lit=14.0)
    cuff = [[-1.8, -0.5], [-0.9, -0.46], [-0.5, -0.38], [-0.42, 0.0], [-0.48, 0.4], [-0.9, 0.5], [-1.8, 0.6]]
    cloth = float(np.clip(s.tones["dark"] + 5 + max(traits.cloth, 0) * 1.1, 6, 80))
    _flesh(s, sheet, placed(cuff), cloth, 0.0)
    throws = thing["name"] == "switch" and s.scene.says("throws", "pulls", "flips", "switches", "turns")
    return Plane("hand", 1.0, sheet, subject=True, life="throw" if throws else "breath", pivot=(side * 0.8, 0.3))


def _flesh(s: Setting, sheet: Sheet, outline: Points, value: float, warm: float = 0.3) -> None:
    """A rounded form under the key light, with a dark accent where it overlaps the last."""
    mask = s.pen.fill(spline(outline, steps=12), 0.8, 1.2)
    if mask.roi.empty:
        return
    key = (s.scene.key_side * 0.7, -0.7)
    normal = towards(mask.cover, key, 0.035 * s.view.scale)
    rim = edge_facing(mask.cover, key, 0.003 * s.view.scale)
    _shadow(s, sheet, mask)
    lamp = 1.0 if s.scene.lamp else 0.35
    tooth = 1.0 * s.view.noise(bristle(s.scene.place_seed), mask.roi, (0.4, 0.4))
    body = value + tooth + 5 * smooth(0.0, 0.7, normal) - 9 * smooth(0.05, 0.8, -normal) + 5 * rim
    light = lamp * (15 * smooth(-0.1, 0.7, normal) + 12 * rim)
    sheet.paint(mask, np.asarray(body, np.float32), accent=warm * s.scene.warmth, lit=np.asarray(light, np.float32))
