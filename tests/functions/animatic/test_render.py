"""The frame loop: what is held from one frame to the next, and that holding changes nothing."""

import itertools

import numpy as np
import pytest

from functions.animatic.layers import Drawing
from functions.animatic.panel import Panel
from functions.animatic.raster import Axis
from functions.animatic.render import Stage
from functions.contract.base import Rate, Tier
from functions.contract.params import Camera, Composition, Motion
from tests.functions.animatic.conftest import ROCK, ROOM, SMALL

RAIN = ROCK.model_copy(update={"light": "rain, no lamp", "place": "a narrow street in rain", "size": "wide"})
Frames = list[tuple[bytes, bool]]


def stage(composition: Composition, camera: Camera, tier: Tier = "final") -> Stage:
    drawing = Drawing(size=SMALL, seed=7, composition=composition)
    params = Motion(size=SMALL, frames=24, rate=Rate(num=24), seed=7, composition=composition, camera=camera, tier=tier)
    return Panel.of_motion(drawing, params).stage()


def rendered(made: Stage, disturbed: bool = False) -> Frames:
    """All frames; `disturbed` by another moment's planes before each, so that nothing can be held."""
    found = []
    frames = made.frames()
    for _ in range(24):
        if disturbed:
            made.composed(17.5)
        canvas, changed = next(frames)
        found.append((b"".join(p.tobytes() for p in canvas.planes), changed))
    return found


@pytest.mark.parametrize(
    ("composition", "camera"),
    [
        (ROOM, Camera()),
        (ROOM, Camera(rig="handheld")),
        (ROOM, Camera(move="pan-right", speed="whip")),
        (ROOM, Camera(move="rack")),
        (RAIN, Camera()),
        (ROCK, Camera(move="push")),
    ],
    ids=["static", "handheld", "whip", "rack", "rain", "push"],
)
def test_what_is_held_is_what_would_be_drawn(composition: Composition, camera: Camera) -> None:
    held, drawn = rendered(stage(composition, camera)), rendered(stage(composition, camera), disturbed=True)
    assert [f for f, _ in held] == [f for f, _ in drawn]
    for (before, _), (after, changed) in itertools.pairwise(held):
        assert changed or before == after


def test_a_held_camera_holds_every_other_frame() -> None:
    assert [changed for _, changed in rendered(stage(ROOM, Camera()))] == [True, False] * 12


@pytest.mark.parametrize(
    ("camera", "every"), [(Camera(move="push"), 2), (Camera(move="pan-right", speed="fast"), 1)], ids=["push", "pan"]
)
def test_a_draft_draws_slow_moves_on_twos_and_quick_ones_in_each_frame(camera: Camera, every: int) -> None:
    draft, final = rendered(stage(ROOM, camera, "draft")), rendered(stage(ROOM, camera))
    assert [changed for _, changed in draft[10:16]] == [n % every == 0 for n in range(6)]
    assert [f for f, _ in draft[::2]] == [f for f, _ in final[::2]]
    assert all(changed for _, changed in final[10:16])


def test_two_places_are_as_far_apart_as_the_canvas_shows() -> None:
    assert Axis(1.0, 4.0).apart(Axis(1.0, 3.25), 100) == 0.75
    assert Axis(1.0, 0.0).apart(Axis(1.01, -0.5), 100) == pytest.approx(0.5)
    assert Axis(2.0, 0.0).apart(Axis(2.0, 1.0), 100) == 0.5


def test_each_drawing_has_a_grain_of_its_own() -> None:
    frames = [np.frombuffer(f, np.uint8) for f, changed in rendered(stage(ROOM, Camera())) if changed]
    assert all((a != b).mean() > 0.1 for a, b in itertools.pairwise(frames))
