"""Clothes: the garment with its front, folds and collars, and the hat."""

from typing import TYPE_CHECKING

import numpy as np

from functions.animatic.canvas import Mask, Sheet
from functions.animatic.noise import bristle
from functions.animatic.scene import table
from functions.animatic.shading import INNER_TONE
from functions.animatic.values import Floats

if TYPE_CHECKING:
    from functions.animatic.figure import Figure


def paint(figure: "Figure", sheet: Sheet) -> None:
    """The garment's body with its front and folds."""
    garment = figure.traits.garment
    outline = table("outlines.toml")["body"][figure.side][garment]
    mask = figure.fill(outline)
    cloth = wash(figure, mask)
    figure.form(sheet, mask, cloth, INNER_TONE + (4 if figure.coat.cloth > 30 else 0), near=0.5)
    if figure.stand.view in ("front", "three-quarter"):
        _front(figure, sheet)
    if figure.side == "front":
        _folds(figure, sheet)


def wash(figure: "Figure", mask: Mask) -> Floats:
    """The garment's value: a wash that darkens downwards, as light falls off."""
    if mask.roi.empty:
        return np.zeros_like(mask.cover)
    y = (figure.view.rows(mask.roi) - figure.stand.eyes) / figure.stand.head
    fall = np.clip((y - 1.2) / 6.0, 0, 1) * min(6.0, figure.coat.cloth * 0.25)
    tooth = figure.view.noise(
        bristle(figure.scene.place_seed), mask.roi, (figure.stand.head * 6, figure.stand.head * 6)
    )
    return np.asarray(figure.coat.cloth - fall + 1.1 * tooth, np.float32)


def _front(figure: "Figure", sheet: Sheet) -> None:
    """What a garment shows from before: shirt, lapels, closing."""
    if figure.traits.garment in ("gown", "cloak", "armour"):
        return
    off = 0.1 if figure.stand.view == "three-quarter" else 0.0
    low = 2.3 if figure.traits.garment != "coat" else 1.75
    shirt = [[off - 0.17, 1.2], [off + 0.17, 1.2], [off + 0.1, 1.7], [off + 0.02, low], [off - 0.08, 1.7]]
    figure.form(sheet, figure.fill(shirt, rough=0.6), figure.coat.linen * 0.8, 5, 0.0)
    ink = -7 if figure.coat.cloth > 20 else 7
    for side in (-1, 1):
        figure.line(sheet, [[off + side * 0.2, 1.2], [off + side * 0.3, 1.62], [off, low + 0.05]], ink, 0.05)
    figure.line(sheet, [[off, low], [off + 0.04, 2.9], [off + 0.02, 3.6], [off + 0.05, 5.6]], ink * 0.8, 0.04)


def _folds(figure: "Figure", sheet: Sheet) -> None:
    """A few folds where cloth hangs."""
    deep = {"coat": 5.9, "gown": 7.2, "cloak": 6.2, "armour": 3.2}.get(figure.traits.garment, 3.5)
    ink = -5 if figure.coat.cloth > 20 else 5
    for x, top in ((-0.62, 2.6), (-0.25, 3.2), (0.3, 3.0), (0.66, 2.5)):
        figure.line(sheet, [[x * 0.8, top], [x, top + (deep - top) * 0.5], [x * 1.25, deep]], ink, 0.06)
    if figure.stand.view == "back":
        figure.line(sheet, [[0.0, 1.75], [0.03, 2.8], [0.0, min(deep, 5.6)]], ink, 0.05)


def neckline(figure: "Figure", sheet: Sheet) -> None:
    """The garment's own collar, low, around the neck."""
    if figure.traits.collar_up or figure.traits.garment == "gown":
        return
    back = figure.stand.view == "back"
    outline = (
        [[-0.3, 1.08], [0, 1.14], [0.3, 1.08], [0.46, 1.32], [0.2, 1.41], [0, 1.43], [-0.2, 1.41], [-0.46, 1.32]]
        if back
        else [[-0.36, 1.06], [-0.26, 1.18], [-0.05, 1.42], [0.06, 1.62], [-0.2, 1.7], [-0.56, 1.42], [-0.46, 1.18]]
    )
    figure.form(sheet, figure.fill(outline, rough=0.8), figure.coat.cloth + 3, 7, 0.8, near=0.5)
    if not back and figure.stand.view != "profile":
        other = [[0.22, 1.16], [0.3, 1.22], [0.5, 1.38], [0.3, 1.66], [0.14, 1.62], [0.12, 1.4]]
        figure.form(sheet, figure.fill(other, rough=0.8), figure.coat.cloth + 2, 7, 0.8, near=0.5)


def collar_behind(figure: "Figure", sheet: Sheet) -> None:
    """The far half of a turned-up collar."""
    if figure.traits.collar_up:
        outline = [[-0.5, 0.72], [-0.2, 0.82], [0.1, 0.95], [0.3, 1.4], [-0.1, 1.6], [-0.6, 1.4]]
        figure.form(sheet, figure.fill(outline, rough=1.0), figure.coat.cloth - 2, 5, 0.5, near=0.5)


def collar(figure: "Figure", sheet: Sheet) -> None:
    """A turned-up collar stands against the jaw, in front of hair and neck."""
    if not figure.traits.collar_up:
        return
    if figure.stand.view == "back":
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
        figure.form(sheet, figure.fill(shape), figure.coat.cloth + 2, 7, near=0.5)
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
    if figure.stand.view == "front":
        far = [[-p[0], p[1]] for p in near]
    figure.form(sheet, figure.fill(far), figure.coat.cloth, 6, near=0.5)
    figure.form(sheet, figure.fill(near), figure.coat.cloth + 3, 8, near=0.5)


def hat(figure: "Figure", sheet: Sheet) -> None:
    """The hat, where one is worn."""
    if not figure.traits.hat:
        return
    shapes = table("outlines.toml")["hat"][figure.traits.hat]
    outline = shapes.get(figure.stand.view, shapes["front"])
    value = figure.coat.cloth - 2 if figure.traits.hat not in ("helmet", "crown") else figure.coat.cloth + 14
    lively = {"accent": 0.6} if figure.traits.hat == "crown" else {"near": 0.5}
    figure.form(sheet, figure.fill(outline, body=False), value, 9, 1.0, **lively)
