"""Where the camera stands, whom its move ends on, and legs that walk."""

import itertools

import numpy as np
import pytest

from functions.animatic import framing, life
from functions.animatic.canvas import View
from functions.animatic.layers import Drawing
from functions.animatic.panel import STRIDES, Moving, Panel
from functions.animatic.scene import Scene
from functions.animatic.staging import stage
from functions.contract.base import Rate
from functions.contract.params import Angle, Camera, Composition, Figure, Motion
from tests.functions.animatic.conftest import IVO, MAREN, ROOM, SMALL

HALL = Composition(
    size="full", heading="INT. HALL - DAY", place="a hall with a door", place_id="hall", figures=(MAREN, IVO)
)


def panel(composition: Composition, camera: Camera | None = None, frames: int = 96) -> Panel:
    motion = Motion(size=SMALL, frames=frames, rate=Rate(num=24, den=1), camera=camera or Camera(), seed=7)
    return Panel.of_motion(Drawing(size=SMALL, seed=7, composition=composition), motion)


def scene(composition: Composition) -> Scene:
    return Scene(composition, 16 / 9, 7)


def height(angle: Angle) -> int:
    """Rows that a standing person covers."""
    shot = HALL.model_copy(update={"angle": angle, "figures": (MAREN,)})
    person = next(p for p in stage(scene(shot), View(16 / 9, 180, 0.1, 0.3)).planes if p.subject)
    return int(np.count_nonzero(person.sheet.alpha.max(axis=1) > 0.5))


def test_whose_eyes_the_camera_is_cannot_be_seen() -> None:
    shot = ROOM.model_copy(update={"pov": "maren"})
    assert [p.figure.id for p in framing.stands(scene(shot))] == ["ivo"]
    eyes, sticks = panel(shot).path, panel(ROOM).path
    assert not np.any(sticks.at(30.0).shake)
    assert 0 < max(abs(eyes.at(float(n)).shake[0]) for n in range(96)) < 0.02


def test_from_above_bodies_are_foreshortened_and_the_floor_fills_the_frame() -> None:
    assert height("overhead") < 0.65 * height("eye")
    assert height("overhead") < height("high") < 0.95 * height("eye")
    assert framing.horizon(scene(HALL.model_copy(update={"angle": "overhead"}))) < -0.8


def test_angles_put_the_horizon_where_the_camera_looks() -> None:
    at = [framing.horizon(scene(HALL.model_copy(update={"angle": a}))) for a in ("overhead", "high", "eye", "low")]
    assert at == sorted(set(at))


@pytest.mark.parametrize("to", ["ivo", "the engineer at the door"])
def test_a_push_ends_on_whom_it_reveals(to: str) -> None:
    ivo = next(p for p in framing.stands(scene(HALL)) if p.figure.id == "ivo")
    assert panel(HALL, Camera(move="push", to=to)).path.anchor == (ivo.x, ivo.eyes)
    assert panel(HALL, Camera(move="push", to="the sea")).path.anchor != (ivo.x, ivo.eyes)


def test_a_pan_ends_on_whom_it_reveals() -> None:
    ivo = next(p for p in framing.stands(scene(HALL)) if p.figure.id == "ivo")
    path = panel(HALL, Camera(move="pan-right", to="Ivo")).path
    assert path.at(95.0).shift[0] == pytest.approx(ivo.x)
    assert panel(HALL, Camera(move="pan-left", to="Ivo")).path.at(95.0).shift[0] < 0


def test_steps_are_near_two_a_second_and_end() -> None:
    shares = [life.stride(n / 24, 8.0) for n in range(8 * 24)]
    walked = [s for s in shares if s is not None]
    steps = 2 * sum((b - a) % 1.0 for a, b in itertools.pairwise(walked)) / (len(walked) / 24)
    assert 1.5 < steps < 2.0
    assert shares[-1] is None


@pytest.mark.parametrize("facing", ["left", "camera"])
def test_who_walks_moves_the_legs_and_then_stands(facing: str) -> None:
    walker = Figure(id="ivo", look=IVO.look, moves="in-right", facing=facing)
    made = panel(HALL.model_copy(update={"figures": (walker,)}))
    person = next(p for p in made.layers if isinstance(p, Moving) and p.plane.subject)
    drawn = {id(person.tile(n / 24)) for n in range(96)}
    assert len(person.strides) == STRIDES
    assert len(drawn) > STRIDES / 2
    assert person.tile(95 / 24) is person.pixels
    whole = [np.asarray(s.pixels.cover, np.int64).sum() for s in person.strides]
    assert np.ptp(whole) > 0


def test_who_stands_and_who_is_seen_close_has_one_drawing() -> None:
    walker = IVO.model_copy(update={"moves": "in-right"})
    for shot in (HALL, HALL.model_copy(update={"size": "close", "figures": (walker,)})):
        layers = panel(shot, frames=48).layers
        assert not any(p.strides for p in layers if isinstance(p, Moving))
