"""Fitting pictures and colour."""

import av
import numpy as np
import pytest

from functions.contract.base import Size
from functions.media.picture import Rectangle, active, blank, copied, fitted, planes, rgb

SIZE = Size(width=320, height=180)
WHOLE = Rectangle(0, 0, 320, 180)


def test_a_frame_that_fits_passes_untouched() -> None:
    frame = blank(SIZE, (90, 100, 150))
    assert fitted(frame, SIZE, WHOLE) is frame


@pytest.mark.parametrize(
    ("colour", "codes"),
    [
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
        ((255,) * 3, (235, 128, 128)),
    ],
)
def test_colours_become_bt709_codes(colour: tuple[int, int, int], codes: tuple[int, int, int]) -> None:
    picture = np.tile(np.array(colour, np.uint8), (180, 320, 1))
    frame = fitted(av.VideoFrame.from_ndarray(picture, "rgb24"), SIZE, WHOLE)
    assert [int(np.median(p)) for p in planes(frame)] == pytest.approx(codes, abs=1)
    assert np.abs(rgb(frame).astype(int) - picture).max() <= 3


def test_bt601_is_converted() -> None:
    red = np.tile(np.array((255, 0, 0), np.uint8), (180, 320, 1))
    old = av.VideoFrame.from_ndarray(red, "rgb24").reformat(format="yuv420p", dst_colorspace="ITU601")
    old.colorspace = 5
    frame = fitted(old, SIZE, WHOLE)
    assert int(np.median(planes(frame)[0])) == pytest.approx(63, abs=2)


def test_a_copy_is_its_own() -> None:
    frame = blank(SIZE, (90, 100, 150))
    other = copied(frame)
    planes(other)[0][:] = 20
    assert int(planes(frame)[0][0, 0]) == 90


def test_the_active_picture_is_centred_on_even_pixels() -> None:
    assert active(Size(width=1280, height=720), Size(width=1280, height=534)) == Rectangle(0, 92, 1280, 534)
    assert active(SIZE, None) == WHOLE


@pytest.mark.parametrize("odd", [(319, 181), (33, 400), (2000, 20)])
def test_any_source_size_fits(odd: tuple[int, int]) -> None:
    picture = np.full((odd[1], odd[0], 3), 200, np.uint8)
    frame = fitted(av.VideoFrame.from_ndarray(picture, "rgb24"), SIZE, WHOLE)
    assert (frame.width, frame.height) == (320, 180)
    assert np.abs(planes(frame)[0][90, 160].astype(int) - 188) <= 2
