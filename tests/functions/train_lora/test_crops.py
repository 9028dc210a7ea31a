from hypothesis import given
from hypothesis import strategies as st

from functions.models.faces import Face
from functions.train_lora.crops import AREA, GRID, HEAD, buckets, crops

SIDES = st.integers(256, 3072)


@given(st.sampled_from([256, 512, 768, 1024, 1536]))
def test_buckets_have_the_resolutions_area_on_the_models_grid(resolution: int) -> None:
    found = buckets(resolution)
    assert (resolution, resolution) == found[0]
    assert len(found) >= 3
    for width, height in found:
        assert (width % GRID, height % GRID) == (0, 0)
        assert abs(width * height / resolution**2 - 1) <= AREA


@given(SIDES, SIDES, st.floats(0.05, 0.6), st.floats(0, 1), st.floats(0, 1))
def test_every_crop_lies_in_the_picture_with_its_buckets_shape(
    width: int, height: int, share: float, across: float, down: float
) -> None:
    side = share * min(width, height)
    face = Face(across * (width - side), down * (height - side), side, side, 0.9, ())
    for crop in crops(width, height, face, 1024):
        assert crop.x >= 0 <= crop.y
        assert crop.x + crop.width <= width
        assert crop.y + crop.height <= height
        assert abs(crop.width / crop.height / (crop.to_width / crop.to_height) - 1) < 0.02
        x, y = face.centre
        assert crop.x <= x <= crop.x + crop.width
        assert crop.y <= y <= crop.y + crop.height


def test_a_small_head_gets_a_close_up_and_a_large_one_does_not() -> None:
    small, large = Face(480, 200, 90, 90, 0.9, ()), Face(200, 200, 500, 500, 0.9, ())
    whole, close = crops(1024, 1536, small, 1024)
    assert (whole.width, whole.height) > (close.width, close.height)
    assert 0.15 < small.height * HEAD / close.height < 0.62
    assert len(list(crops(1024, 1536, large, 1024))) == 1
    assert len(list(crops(1024, 1536, None, 1024))) == 1
