"""Tiles: they cover a picture, each fades into the next, and together they are what one pass makes."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from functions.upscale.tiles import OVERLAP, spans, tiled

STEP = 0.1
"""By how much each tile comes out brighter than the one before."""


@pytest.mark.parametrize(("side", "tile"), [(64, 72), (72, 72), (73, 72), (500, 72), (1080, 256)])
def test_tiles_cover_a_side_and_share_enough(side: int, tile: int) -> None:
    found = spans(side, tile)
    assert (found[0].start, found[-1].stop) == (0, side)
    assert all(s.stop - s.start == min(side, tile) for s in found)
    assert all(a.stop - b.start >= OVERLAP for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_tiles_of_what_looks_at_single_pixels_are_the_whole(scale: int) -> None:
    picture = torch.rand(2, 3, 90, 150, generator=torch.Generator().manual_seed(1))
    whole = functional.interpolate(picture, scale_factor=scale, mode="nearest")
    parts = tiled(picture, 72, scale, lambda rgb: functional.interpolate(rgb, scale_factor=scale, mode="nearest"))
    assert torch.allclose(whole, parts, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_tile_that_comes_out_brighter_fades_into_its_neighbour(scale: int) -> None:
    numbers = itertools.count()

    def brighter(rgb: Tensor) -> Tensor:
        return torch.full((1, 3, rgb.shape[2] * scale, rgb.shape[3] * scale), next(numbers) * STEP)

    made = tiled(torch.zeros(1, 3, 72, 200), 72, scale, brighter)[0, 0, 0]
    steps = made.diff()
    assert float(made[0]) == 0.0
    assert float(made[-1]) == pytest.approx((next(numbers) - 1) * STEP)
    assert float(steps.min()) >= -1e-6
    assert float(steps.max()) < 2 * STEP / (OVERLAP * scale)
