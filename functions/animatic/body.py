"""A body: legs, arms, hands, neck and head, from the joints of the pose."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.animatic import faces, garment
from functions.animatic.canvas import Sheet
from functions.animatic.outlines import outline_of
from functions.animatic.scene import says, table
from functions.animatic.shading import INNER_TONE

if TYPE_CHECKING:
    from functions.animatic.figure import Figure


def foot_shadow(figure: "Figure", sheet: Sheet) -> None:
    """A soft oval where the feet stand."""
    turn = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    feet = figure.world([[0.05, 7.42]])[0]
    r = figure.stand.head
    oval = np.stack([feet[0] + 1.5 * r * np.cos(turn), feet[1] + 0.2 * r * np.sin(turn)], axis=1)
    sheet.paint(figure.pen.fill(oval, 0.5, 10 * r / 0.06).times(0.6), max(figure.scene.tones["dark"] - 4, 3))


def legs(figure: "Figure", sheet: Sheet) -> None:
    """Legs and shoes, and the chair of one who sits."""
    if figure.stand.figure.pose == "sit":
        _seat(figure, sheet)
    if figure.traits.garment == "gown":
        return
    trousers = min(figure.coat.cloth, figure.scene.tones["dark"] + 8)
    for name, shift in (("far_leg", -2.0), ("near_leg", 0.0)):
        joints = figure.pose[name]
        figure.form(sheet, figure.limb(joints, [0.72, 0.62, 0.46, 0.36, 0.3]), trousers + shift, 6, 0.7)
        x, y = joints[-1]
        toe = 0.42 if figure.side == "profile" else (0.14 if figure.stand.view != "back" else 0.04)
        shoe = [
            [x - 0.2, y + 0.1],
            [x, y - 0.12],
            [x + 0.16, y],
            [x + toe + 0.08, y + 0.2],
            [x + toe, y + 0.3],
            [x - 0.2, y + 0.3],
        ]
        figure.form(sheet, figure.fill(shoe), trousers - 4 + shift, 4, 0.6)


def striding(pose: dict[str, Any], share: float, side: str) -> dict[str, Any]:
    """The pose at a share (0..1) of a stride: limbs swing across each other, the foot that goes forward is lifted."""
    swing, made = 0.5 + 0.5 * math.cos(2 * math.pi * share), dict(pose)
    rise = math.sin(2 * math.pi * share)
    for limb in ("leg", "arm"):
        near, far = np.array(pose[f"near_{limb}"]), np.array(pose[f"far_{limb}"])
        if side == "profile":
            made[f"near_{limb}"] = (far + (near - far) * swing).tolist()
            made[f"far_{limb}"] = (near + (far - near) * swing).tolist()
    for name, lifted in (("near_leg", max(-rise, 0.0)), ("far_leg", max(rise, 0.0))):
        hip, knee, foot = made[name]
        made[name] = [hip, [knee[0], knee[1] - 0.12 * lifted], [foot[0], foot[1] - 0.42 * lifted]]
    return made


def _seat(figure: "Figure", sheet: Sheet) -> None:
    """A plain chair, so that nobody sits on air."""
    wood = figure.scene.tones["wood"] + 3
    reach = (-0.75, 0.55) if figure.side == "profile" else (-0.8, 0.8)
    for x in reach:
        leg = [[x - 0.07, 4.0], [x + 0.07, 4.0], [x + 0.06, 5.85], [x - 0.06, 5.85]]
        sheet.paint(figure.pen.fill(figure.world(leg), 0.6), wood - 4)
    seat = [[reach[0] - 0.1, 3.92], [reach[1] + 0.1, 3.92], [reach[1] + 0.1, 4.12], [reach[0] - 0.1, 4.12]]
    sheet.paint(figure.pen.fill(figure.world(seat), 0.6), wood + 5)
    back = [[reach[0] - 0.12, 2.0], [reach[0] + 0.02, 2.0], [reach[0] + 0.06, 4.0], [reach[0] - 0.1, 4.0]]
    if figure.side == "profile":
        sheet.paint(figure.pen.fill(figure.world(back), 0.6), wood)


def arms(figure: "Figure", sheet: Sheet) -> None:
    """The arms that this view shows before the body."""
    if figure.traits.garment == "cloak":
        return
    names = ("near_arm",) if figure.stand.view == "profile" else ("far_arm", "near_arm")
    for name in names:
        arm(figure, sheet, name, 1.5 if name == "near_arm" else 0.0)


def arm(figure: "Figure", sheet: Sheet, name: str, shift: float) -> None:
    """A sleeve and its hand; `shift` in L*."""
    joints = [list(j) for j in figure.pose[name]]
    gesture = _gesture(figure)
    if gesture is not None and name == "near_arm":
        joints[1:] = gesture[figure.side]
    sleeve = figure.limb(joints, [0.4, 0.52, 0.48, 0.42, 0.34])
    figure.form(sheet, sleeve, np.asarray(garment.wash(figure, sleeve) + shift, np.float32), INNER_TONE, 0.9, near=0.5)
    ink = -6 if figure.coat.cloth > 20 else -4
    if figure.side == "front" and gesture is None:
        sign = 1 if name == "near_arm" else -1
        figure.line(sheet, [[sign * 0.74, 1.95], [sign * 0.8, 2.5], [sign * 0.8, 3.3]], ink, 0.06)
    _hand(figure, sheet, joints)


def _hand(figure: "Figure", sheet: Sheet, joints: list[list[float]]) -> None:
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
    figure.form(sheet, figure.fill(outline, rough=0.5), figure.coat.skin - 4, 8, 0.5, accent=0.12 * figure.scene.warmth)


def _gesture(figure: "Figure") -> dict[str, Any] | None:
    """What the action has this person's hand do."""
    action = figure.scene.composition.action.lower()
    name = figure.stand.figure.id
    mine = [part for part in action.split(".") if says(part, [name])] if says(action, [name]) else []
    if not mine and len(figure.scene.composition.figures) == 1:
        mine = [action]
    for gesture in table("outlines.toml")["gesture"].values():
        if any(says(part, gesture["words"]) for part in mine):
            found: dict[str, Any] = gesture
            return found
    return None


def neck(figure: "Figure", sheet: Sheet) -> None:
    """The neck and the jaw's shadow on it."""
    mask = figure.fill(outline_of("neck", figure.stand.view), body=False, rough=0.6)
    figure.form(sheet, mask, figure.coat.skin - 7, 7, 0.4, accent=0.1 * figure.scene.warmth)
    jaw = figure.fill([[-0.32, 0.7], [0.2, 0.9], [0.28, 1.02], [0.05, 1.2], [-0.3, 1.08]], body=False, rough=0.6)
    if figure.stand.view != "back":
        sheet.lift(jaw, -7)


def head(figure: "Figure", sheet: Sheet) -> None:
    """Head, face and ear."""
    view = figure.stand.view
    mask = figure.fill(outline_of("head", view), body=False, rough=0.5)
    large = figure.stand.head > 0.22 and view != "back"
    figure.form(sheet, mask, figure.coat.skin, 4.0 if large else 11, 0.8, accent=0.1 * figure.scene.warmth)
    if view == "back":
        return
    faces.features(figure, sheet, mask)
    if view in ("three-quarter", "profile") and figure.traits.hair not in ("long", "bob"):
        figure.form(
            sheet,
            figure.fill(outline_of("ear", view), body=False, rough=0.4),
            figure.coat.skin + 1,
            5,
            0.5,
            accent=0.12 * figure.scene.warmth,
        )
