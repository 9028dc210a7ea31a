"""Skies: gradient washes, cloud, stars, moon, sun."""

import numpy as np

from functions.animatic.canvas import Mask, Sheet
from functions.animatic.places.setting import Setting
from functions.animatic.values import Floats, smooth


def gradient(s: Setting, top: float, low: float) -> Floats:
    """Values from the frame's top to the horizon, lightest at the horizon."""
    u = np.clip((s.view.rows() + 0.5) / max(s.horizon + 0.5, 0.2), -0.4, 1.2)
    return np.asarray(top + (low - top) * np.clip(u, 0, 1.1) ** 1.6, np.float32)


def sky(s: Setting) -> Sheet:
    """The whole backdrop: every exterior starts with one."""
    sheet = s.plane("sky", 0.15, s.tones["sky_top"])
    roi = s.view.everything
    streak = 0.65 if s.scene.says("storm", "stormy", "wind", "heavy sea") else 0.4
    banks = s.clouds(roi, (2.6, 2.6 * streak), 0.13)
    fine = s.clouds(roi, (0.9, 0.5), 0.41)
    sheet.value[:] = gradient(s, s.tones["sky_top"], s.tones["sky_low"])
    depth = 3.2 if s.scene.key in ("night", "pale") else 5.0
    sheet.value += depth * (banks * 0.8 + fine * 0.35)
    sheet.near[:] = smooth(-0.4, 0.5, s.view.rows() - s.horizon + 0.35) * 0.5 + 0.15 * smooth(0.3, 1.4, banks)
    if s.scene.key == "night" and s.scene.says("star", "stars", "clear", "starlight"):
        stars(s, sheet)
    if s.scene.key == "night" and s.scene.says("moon", "moonlight", "moonlit") and not s.scene.says("no moon"):
        moon(s, sheet)
    if s.scene.says("sun", "sunset", "sunrise") and not s.scene.weather:
        sheet.value -= 9.0 if s.scene.key == "day" else 0.0
        sun(s, sheet)
    return sheet


def stars(s: Setting, sheet: Sheet) -> None:
    """A few, uneven in size."""
    rng = s.rng(31)
    for across, up, size in rng.random((160, 3)):
        x, y = (across - 0.5) * 3.2, s.horizon - 0.1 - 0.9 * up
        dot = s.pen.fill(_disc(x, y, (0.5 + 1.2 * size**4) * s.unit), 0, 0.9)
        sheet.lift(dot, 30 + 30 * size)


def _disc(x: float, y: float, radius: float) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def moon(s: Setting, sheet: Sheet) -> None:
    """A disc behind thin cloud, with its halo."""
    x = s.scene.side_of(["moon"], 0.22 * s.scene.key_side) * s.view.aspect
    y = -0.30
    s.glow(sheet, (x, y), 0.5, 16, lit=False)
    disc = s.pen.fill(_disc(x, y, 0.042), 0.6, 1.2)
    sheet.paint(disc, 84 - 5 * s.clouds(disc.roi, (0.15, 0.15)))


def sun(s: Setting, sheet: Sheet) -> None:
    """Low sun: a disc and a long glow."""
    x = s.scene.side_of(["sun"], 0.2 * s.scene.key_side) * s.view.aspect
    y = s.horizon - (0.06 if s.scene.says("sunset", "sunrise", "dawn", "dusk") else 0.26)
    s.glow(sheet, (x, y), 0.8, 18, lit=False)
    sheet.paint(s.pen.fill(_disc(x, y, 0.055), 0.5, 2.0), 92, accent=0.6 * s.scene.warmth)


def veil(s: Setting, y: float, height: float, amount: float, parallax: float) -> None:
    """A bank of mist lying along a level."""
    sheet = s.plane("veil", parallax, life="drift")
    rows = np.exp(-(((s.view.rows() - y) / height) ** 2)).astype(np.float32)
    cover = rows * np.clip(0.55 + 0.35 * s.clouds(s.view.everything, (1.8, 0.5), 0.77), 0, 1)
    mask = s.cut(Mask(s.view.everything, np.asarray(np.where(cover > 0.02, cover * amount, 0), np.float32)))
    sheet.paint(mask, s.tones["sky_low"] + 4)
