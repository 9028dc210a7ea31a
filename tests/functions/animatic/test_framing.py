"""Sizes, lines and gazes of people in the frame."""

import pytest

from functions.animatic import framing
from functions.animatic.scene import Scene
from functions.contract.params import Composition, Figure, ShotSize

WIDE = 16 / 9


def scene(aspect: float = WIDE, **fields: object) -> Scene:
    return Scene(Composition.model_validate(fields, strict=False), aspect, 1)


@pytest.mark.parametrize(
    ("size", "head", "eyes"),
    [
        ("wide", 0.45 / 7.5, 0.40),
        ("full", 0.85 / 7.5, 0.18),
        ("medium-full", 0.15, 0.30),
        ("medium", 0.20, 0.35),
        ("medium-close", 0.32, 0.36),
        ("close", 0.64, 0.34),
    ],
)
def test_a_person_has_the_size_of_the_shot(size: ShotSize, head: float, eyes: float) -> None:
    stand = framing.stands(scene(size=size, figures=(Figure(id="a"),)))[0]
    assert stand.head == pytest.approx(head)
    assert stand.eyes + 0.5 == pytest.approx(eyes)


JOINTS = {"neck": 1.15, "elbow": 2.9, "knee": 5.5, "ankle": 7.2}


@pytest.mark.parametrize("size", ["medium-full", "medium", "medium-close", "close"])
def test_no_joint_lies_on_the_lower_edge(size: ShotSize) -> None:
    stand = framing.stands(scene(size=size, figures=(Figure(id="a"),)))[0]
    cut = (0.5 - stand.eyes) / stand.head + framing.EYES
    assert all(abs(cut - joint) > 0.12 for joint in JOINTS.values()), cut


def test_a_full_figure_has_its_feet_in_the_frame() -> None:
    for size in ("wide", "full"):
        stand = framing.stands(scene(size=size, figures=(Figure(id="a"),)))[0]
        assert stand.eyes + (7.5 - framing.EYES) * stand.head < 0.5


@pytest.mark.parametrize("facing", ["left", "right"])
def test_room_is_left_on_the_side_of_the_gaze(facing: str) -> None:
    stand = framing.stands(scene(size="close", figures=(Figure(id="a", facing=facing),)))[0]
    assert stand.x * stand.facing < 0
    assert 0.08 <= abs(stand.x) / WIDE <= 0.13


def test_two_people_face_each_other() -> None:
    pair = (Figure(id="a", at="left", facing="b"), Figure(id="b", at="right", facing="a"))
    left, right = sorted(framing.stands(scene(figures=pair)), key=lambda s: s.x)
    assert left.facing == 1.0
    assert right.facing == -1.0


def test_the_shoulder_in_front_is_larger_and_last() -> None:
    pair = (Figure(id="a", at="left"), Figure(id="b", at="right", facing="a"))
    back, front = framing.stands(scene(size="medium-close", over="a", figures=pair))
    assert front.over
    assert front.figure.id == "a"
    assert front.head > 1.3 * back.head


def test_people_further_back_are_smaller_and_share_the_horizon() -> None:
    pair = (Figure(id="a", at="left"), Figure(id="b", at="right", depth="back"))
    shot = scene(size="wide", figures=pair)
    far, near = framing.stands(shot)
    assert far.head < near.head
    horizon = framing.horizon(shot)
    assert (far.eyes - horizon) == pytest.approx((near.eyes - horizon) * far.head / near.head)
