"""Camera paths: ease, parallax, limits, shake."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.animatic.camera import PAN_CAP, RMS_ROLL, RMS_X, RMS_Y, Path, ease, handheld
from functions.contract.params import Camera, Move, Rig, Speed

WIDE = 16 / 9


def path(
    move: Move = "static",
    frames: int = 96,
    speed: Speed = "slow",
    rig: Rig = "sticks",
    anchor: tuple[float, float] = (0, 0),
) -> Path:
    return Path(Camera(move=move, speed=speed, rig=rig), "medium", "normal", WIDE, frames, 24.0, 5, anchor)


def test_ease_starts_and_ends_softly_and_has_no_single_speed() -> None:
    u = np.linspace(0, 1, 401)
    speed = np.diff(ease(u))
    assert ease(0.0) == 0
    assert ease(1.0) == pytest.approx(1.0, abs=1e-6)
    assert speed[0] < 0.02 * speed.max()
    assert speed[-1] < 0.02 * speed.max()
    assert np.ptp(speed[100:300]) < 0.01 * speed.max()


def test_a_long_move_holds_first_and_last() -> None:
    push = path("push")
    assert all(push.at(f).zoom == 1.0 for f in range(9))
    assert len({push.at(float(f)).zoom for f in range(86, 96)}) == 1


def test_a_short_move_has_no_hold() -> None:
    assert path("push", frames=40).at(6.0).zoom > 1.0


@pytest.mark.parametrize("move", ["pan-left", "track-right", "boom-up"])
def test_nearer_planes_move_further(move: Move) -> None:
    moving = path(move, speed="medium")
    end = moving.at(95.0)
    offsets = [np.hypot(*moving.matrix(end, f)[:, 2]) for f in (0.15, 0.3, 0.55, 1.0, 1.6)]
    assert offsets == sorted(offsets)
    assert offsets[0] < 0.2 * offsets[3]


def test_a_push_enlarges_nearer_planes_more() -> None:
    push = path("push", speed="medium")
    scales = [1 / push.matrix(push.at(95.0), f)[0, 0] for f in (0.15, 0.55, 1.0, 1.6)]
    assert scales == sorted(scales)
    assert scales[2] == pytest.approx(1.10, abs=0.001)


def test_a_zoom_enlarges_all_planes_alike() -> None:
    zoom = path("zoom-in")
    assert zoom.matrix(zoom.at(95.0), 0.15)[0, 0] == zoom.matrix(zoom.at(95.0), 1.6)[0, 0]


def test_moves_never_step_by_whole_pixels() -> None:
    pan = path("pan-right", frames=96)
    x = np.array([pan.matrix(pan.at(float(f)), 1.0)[0, 2] for f in range(20, 70)]) * 720
    phases = x % 1.0
    assert len(np.unique(np.round(phases, 2))) > 25


def test_a_push_stays_on_its_target() -> None:
    push = path("push", anchor=(0.4, -0.1))
    matrix = push.matrix(push.at(95.0), 1.0)
    assert matrix @ (0.4, -0.1, 1.0) == pytest.approx((0.4, -0.1))


@given(frames=st.integers(2, 2000), speed=st.sampled_from(["creep", "slow", "medium", "fast"]))
@settings(max_examples=40, deadline=None)
def test_caps_hold_for_any_length(frames: int, speed: Speed) -> None:
    assert path("track-left", frames, speed).travel <= PAN_CAP
    assert path("pull", frames, speed).scaling <= 1.12


def test_what_must_be_painted_holds_all_that_is_seen() -> None:
    pull = path("pull", speed="fast")
    reach = pull.reach([0.15, 1.0, 1.6])
    corner = pull.matrix(pull.at(95.0), 1.6) @ (WIDE / 2, 0.5, 1.0)
    assert reach[0] >= corner[0] - 1e-9
    assert reach[1] >= corner[1] - 1e-9


def test_shake_is_zero_above_nine_hertz() -> None:
    shake = handheld(24 * 60, 24.0, 3)
    spectrum = np.abs(np.fft.rfft(shake, axis=0)) ** 2
    f = np.fft.rfftfreq(len(shake), 1 / 24)
    assert spectrum[f > 9.1].sum() < 1e-6 * spectrum[(f > 0) & (f < 9)].sum()


def test_shake_has_its_strength_and_runs_from_the_first_frame() -> None:
    shake = handheld(24 * 120, 24.0, 3)
    x, y, roll = shake.std(axis=0)
    assert x == pytest.approx(RMS_X, rel=0.1)
    assert y == pytest.approx(RMS_Y, rel=0.15)
    assert roll == pytest.approx(RMS_ROLL, rel=0.1)
    assert np.abs(np.diff(shake[:3], axis=0)).min() > 0
    assert np.abs(np.diff(shake[:, 0])).max() * 1280 < 4


def test_shake_depends_on_the_seed_alone() -> None:
    assert np.array_equal(handheld(48, 24.0, 9), handheld(48, 24.0, 9))
    assert not np.array_equal(handheld(48, 24.0, 9), handheld(48, 24.0, 10))
