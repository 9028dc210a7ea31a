"""Planes under the canvas: where a pixel comes to lie, and what shows through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.animatic.raster import Axis, Bytes, Canvas, Picture, cut

COLUMNS, ROWS = 160, 120
SLOPE = 1.5


def ramp(columns: int, rows: int, across: bool) -> Bytes:
    """Values that grow by SLOPE a pixel, rounded by chance so that their mean is exact."""
    x = np.arange(columns if across else rows) * SLOPE + 10
    chance = np.random.default_rng(1).random((rows, columns))
    return np.floor((x if across else x[:, None]) + chance).astype(np.uint8)


@given(
    step=st.one_of(st.floats(0.99, 1.25), st.floats(0.18, 0.55), st.just(1.0)),
    start=st.floats(24.0, 40.0),
    other=st.floats(0.995, 1.1),
    across=st.booleans(),
)
def test_a_cut_lies_where_the_axes_say(step: float, start: float, other: float, across: bool) -> None:
    """The mean of a ramp tells its place."""
    plane = ramp(COLUMNS, COLUMNS, across)
    axes = Axis(step, start), Axis(other, 30.0)
    width = int((COLUMNS - 24 - start) / step) // 2 * 2
    box = (0, 0, width, 40) if across else (0, 0, 40, width)
    made = cut(plane, *(axes if across else axes[::-1]), box).mean(axis=0 if across else 1)
    place = (np.arange(width) + 0.5) * step + start - 0.5
    off = (made - (place * SLOPE + 10)) / SLOPE / step
    assert abs(off.mean()) < 0.25 / min(step, 1.0)
    assert abs(off[: width // 4].mean() - off[-width // 4 :].mean()) < 0.4 / min(step, 1.0)


def test_whole_steps_copy_nothing() -> None:
    plane = ramp(COLUMNS, ROWS, True)
    part = cut(plane, Axis(1.0, 20.0), Axis(1.0, 10.0), (0, 0, 80, 50))
    assert np.shares_memory(part, plane)
    assert np.array_equal(part, plane[10:60, 20:100])


def flat(y: int, u: int, v: int, cover: int | None) -> Picture:
    """A picture of one premultiplied colour."""
    full, half = (np.ones((ROWS // k, COLUMNS // k), np.uint8) for k in (1, 2))
    if cover is None:
        return Picture(full * y, half * u, half * v)
    return Picture(full * y, half * u, half * v, full * cover, half * cover)


@pytest.mark.parametrize(("solid", "seen"), [(False, 120), (True, 20)])
def test_what_is_behind_shows_through_what_is_thin(solid: bool, seen: int) -> None:
    canvas, axes = Canvas.blank(ROWS, COLUMNS), (Axis(1.0, 0.0), Axis(1.0, 0.0))
    canvas.lay(flat(200, 128, 128, None), axes, (0, 0, COLUMNS, ROWS), True)
    canvas.lay(flat(20, 64, 64, 128), axes, (40, 40, 120, 110), solid)
    assert abs(int(canvas.y[80, 80]) - seen) <= 1
    assert canvas.y[10, 10] == 200
    assert canvas.u[10, 10] == 128


def test_coverage_reaches_whole_pixels_only() -> None:
    assert Axis(1.0, -10.5).reach(100, 480) == (12, 110)
    assert Axis(1.0, 10.0).reach(1000, 480) == (0, 480)
    assert Axis(2.0, -2000.0).reach(10, 480)[0] >= Axis(2.0, -2000.0).reach(10, 480)[1]
