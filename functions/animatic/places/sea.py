"""Coast: sea, rock, lighthouse, ships, beach."""

import numpy as np

from functions.animatic.canvas import Mask, Sheet, spline
from functions.animatic.places.setting import Setting
from functions.animatic.values import smooth


def water(s: Setting, swell: float = 1.0) -> None:
    """Water from the horizon to the viewer: a ground wash and three bands of swell that move by themselves."""
    t = s.tones
    far = s.plane("water", 0.3)
    base = s.below(s.horizon, 0.0015)
    depth = np.clip((s.view.rows(base.roi) - s.horizon) / (0.55 - s.horizon + 0.4), 0, 1)
    value = t["sky_low"] * 0.80 + (t["ground"] * 0.72 - t["sky_low"] * 0.80) * depth**0.55
    far.paint(base, (value + 0.7 * s.clouds(base.roi, (1.6, 0.06))).astype(np.float32), near=0.35)
    bands = ((0.012, 0.10, 0.34), (0.07, 0.24, 0.45), (0.19, 0.70, 0.6))
    for number, (top, bottom, parallax) in enumerate(bands):
        _swell(s, number, s.horizon + top, s.horizon + bottom, parallax, swell)


def _swell(s: Setting, number: int, top: float, bottom: float, parallax: float, swell: float) -> None:
    """One band of wave marks: long dry strokes, their crests lighter than the water, their troughs darker."""
    sheet = s.plane(f"swell{number}", parallax, life="swell")
    band = s.cut(_between(s, top, bottom))
    if band.roi.empty:
        return
    near = number / 2
    size = 0.5 + 1.4 * near
    marks = s.bristle(band.roi, (0.85 * size, 0.085 * size), 0.3 * number + 0.1)
    form = s.clouds(band.roi, (1.2 * size, 0.17 * size), 0.21 * number)
    crest = smooth(0.35, 1.25, marks * 0.75 + form * 0.75) * band.cover
    trough = smooth(0.2, 1.5, -marks * 0.5 - form * 0.9) * band.cover
    lum = s.tones["sky_low"] * 0.85
    sheet.paint(Mask(band.roi, trough * 0.75), s.tones["ground"] * 0.55, near=0.1)
    sheet.paint(Mask(band.roi, crest * (0.55 + 0.25 * swell)), lum + 7 * swell - 3 * near, near=0.5)


def _between(s: Setting, top: float, bottom: float) -> Mask:
    rows = s.view.rows()
    soft = (bottom - top) * 0.25
    cover = smooth(top, top + soft, rows) * (1 - smooth(bottom - soft, bottom, rows))
    return Mask(s.view.everything, np.repeat(cover, s.view.shape[1], axis=1))


def rock_at(s: Setting, sheet: Sheet, x: float, width: float, height: float, seed: int, foot: float) -> None:
    """A mass of rock standing in the water: planes of light and dark, surf at its foot."""
    rng = s.rng(41, seed)
    across = np.linspace(-1, 1, 15)
    bulk = (1 - np.abs(across) ** 1.8) * (0.72 + 0.28 * rng.random(15))
    bulk[[0, -1]] = -0.15
    crown = np.stack([x + across * width, foot - bulk * height], axis=1)
    base = np.array([[x + width * 0.9, foot + height * 0.12], [x - width * 0.9, foot + height * 0.12]])
    mass = s.pen.fill(np.vstack([crown, base]), 3.5, 0.9)
    facets = s.clouds(mass.roi, (0.10 + width * 0.6, 0.10 + width * 0.9), seed * 0.37)
    light = smooth(0.1, 0.7, facets + s.scene.key_side * (s.view.columns(mass.roi) - x) / width)
    s.wash(mass, (s.tones["dark"] + (s.tones["mid"] - s.tones["dark"]) * light * 0.9).astype(np.float32), 3, 1.6).on(
        sheet
    )
    surf = s.blob(
        [
            [x - width * 1.1, foot + 0.004],
            [x, foot - height * 0.05],
            [x + width * 1.1, foot + 0.004],
            [x + width, foot + height * 0.14],
            [x, foot + height * 0.10],
            [x - width, foot + height * 0.14],
        ]
    )
    torn = surf.times(smooth(-0.1, 0.9, s.bristle(surf.roi, (0.35, 0.06), seed * 0.1)))
    sheet.paint(torn, s.tones["light"] * 0.72, near=0.4)


def lighthouse(s: Setting) -> None:
    """A white tower on its rock, lantern at its head; the lamp is a light source."""
    x = s.scene.side_of(["tower", "lighthouse"], 1 / 6) * s.view.aspect
    foot, height = s.horizon + 0.05, 0.46
    sheet = s.plane("tower", 0.55)
    rock_at(s, sheet, x + 0.02, 0.26, 0.105, 3, foot + 0.015)
    rock_at(s, sheet, x - 0.27, 0.07, 0.03, 5, foot + 0.02)
    top = foot - 0.085 - height
    low = foot - 0.075
    wide, slim = 0.034, 0.0215
    tower = s.pen.fill(np.array([[x - slim, top], [x + slim, top], [x + wide, low], [x - wide, low]]), 0.5, 0.8)
    u = (s.view.columns(tower.roi) - x) / wide * s.scene.key_side
    body = s.tones["mid"] + (s.tones["light"] * 0.66 - s.tones["mid"]) * smooth(-0.5, 0.75, u)
    s.wash(tower, np.repeat(body, tower.cover.shape[0], axis=0), 2.5, 1.2).on(sheet)
    for k, y in enumerate((0.30, 0.62)):
        window = s.box(
            x - 0.004 + 0.004 * k, top + (low - top) * y, x + 0.003 + 0.004 * k, top + (low - top) * y + 0.016
        )
        sheet.paint(window, s.tones["dark"])
    _lantern(s, sheet, x, top, slim)


def _lantern(s: Setting, sheet: Sheet, x: float, top: float, slim: float) -> None:
    """Gallery, glass and dome at the tower's head."""
    dark = s.tones["dark"]
    sheet.paint(s.box(x - slim * 1.55, top - 0.006, x + slim * 1.55, top + 0.006), dark)
    for k in np.linspace(-1.45, 1.45, 7):
        sheet.paint(s.box(x + k * slim - 0.0009, top - 0.022, x + k * slim + 0.0009, top, 0.2), dark)
    sheet.paint(s.box(x - slim * 1.5, top - 0.0235, x + slim * 1.5, top - 0.0215, 0.2), dark)
    glass = s.box(x - slim * 0.72, top - 0.048, x + slim * 0.72, top - 0.004, 0.2)
    burns = not s.scene.dark
    sheet.paint(glass, s.tones["sky_low"] * 0.9, near=0.5, lit=(s.tones["lamp"] - s.tones["sky_low"] * 0.9) * burns)
    for k in (-0.72, -0.24, 0.24, 0.72):
        sheet.paint(s.box(x + k * slim - 0.0008, top - 0.048, x + k * slim + 0.0008, top - 0.004, 0.2), dark)
    dome = spline(
        [
            [x - slim * 0.95, top - 0.047],
            [x - slim * 0.6, top - 0.066],
            [x, top - 0.076],
            [x + slim * 0.6, top - 0.066],
            [x + slim * 0.95, top - 0.047],
        ],
        closed=False,
    )
    sheet.paint(s.pen.fill(dome, 0.5, 0.8), dark)
    sheet.paint(s.box(x - 0.001, top - 0.09, x + 0.001, top - 0.07, 0.2), dark)
    if burns:
        s.lamps.append((x, top - 0.026, 0.5))
        s.planes[-1].tags.update(beam=1.0, x=x, y=top - 0.026)


def ship(s: Setting) -> None:
    """A steamer or a sail, small, on the horizon."""
    x = s.scene.side_of(["ship", "boat", "sail", "schooner", "vessel"], -0.04) * s.view.aspect
    sheet = s.plane("ship", 0.3)
    y, k = s.horizon + 0.006, 0.05
    hull = [[x - k, y - k * 0.22], [x + k * 1.05, y - k * 0.28], [x + k * 0.85, y], [x - k * 0.85, y]]
    sheet.paint(s.pen.fill(np.array(hull), 0.6, 0.8), s.tones["dark"])
    if s.scene.says("sail", "sails", "schooner", "brig", "yacht"):
        for at, high in ((-0.35, 0.9), (0.3, 1.15)):
            sail = [[x + at * k, y - k * (0.3 + high)], [x + (at + 0.42) * k, y - k * 0.4], [x + at * k, y - k * 0.34]]
            sheet.paint(s.pen.fill(np.array(sail), 0.8, 0.8), s.tones["light"] * 0.8)
    else:
        sheet.paint(s.box(x - k * 0.3, y - k * 0.5, x + k * 0.35, y - k * 0.24), s.tones["mid"])
        sheet.paint(s.box(x - k * 0.05, y - k * 0.8, x + k * 0.08, y - k * 0.45), s.tones["dark"])


def distant_light(s: Setting) -> None:
    """A pinprick of light far out, and its thread on the water."""
    x = s.scene.side_of(["light", "pinprick"], -0.27) * s.view.aspect
    sheet = s.plane("answer", 0.3, life="twinkle")
    y = s.horizon - 0.004
    for radius, value, cover in ((0.012, 60.0, 0.25), (0.0042, 90.0, 1.0)):
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        dot = s.pen.fill(np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1), 0, 1.6)
        sheet.paint(dot.times(cover), value, accent=1.0)
    thread = s.box(x - 0.0016, y + 0.006, x + 0.0016, y + 0.05)
    sheet.paint(thread.times(0.5 * smooth(-0.3, 0.8, s.bristle(thread.roi, (0.05, 0.02)))), 66, accent=1.0)
