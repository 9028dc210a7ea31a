"""What goes into the network and what comes out of it, apart from the engine: the network alone on the same frames."""

import itertools

import numpy as np
import pytest
import torch
from skimage import data

from functions.contract.base import Size
from functions.media.frames import Packed
from functions.models.colour import to_packed, to_rgb
from functions.upscale.engine import UpscaleEsrgan
from functions.upscale.enlarger import Enlarger
from functions.upscale.fit import Fit
from functions.upscale.network import Network, resized
from tests.functions.upscale.conftest import Worker

PHOTOGRAPH = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
SOURCE, LARGE = Size(width=48, height=32), Size(width=96, height=64)
SET = "realesr-general-x4v3"
OFF, FAR = 1, 5
"""Codes by which a frame may differ, and by which every fault must differ."""


@pytest.fixture
def network(worker: Worker) -> Network:
    engine = worker().engine
    assert isinstance(engine, UpscaleEsrgan)
    return engine.network(SET)


def frames(count: int) -> list[Packed]:
    """Parts of a photograph (skimage.data.astronaut, NASA, public domain), packed; the first two are the same."""
    parts = [PHOTOGRAPH[40 + 9 * n : 72 + 9 * n, 100 + 7 * n : 148 + 7 * n] for n in [0, *range(count - 1)]]
    return [to_packed(torch.from_numpy(part.copy()).permute(2, 0, 1)[None] / 255)[0].numpy() for part in parts]


@torch.inference_mode()
def direct(network: Network, picture: Packed, *, flipped: bool = False) -> Packed:
    """One frame through the network alone; `flipped`: with blue for red, turned back behind it."""
    rgb = to_rgb(torch.from_numpy(picture)[None])
    made = network(rgb.flip(1)).flip(1) if flipped else network(rgb)
    return to_packed(resized(made, LARGE))[0].numpy()


def off(one: Packed, other: Packed) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("batch", [1, 3])
def test_every_frame_is_what_the_network_makes_of_it_in_its_place(network: Network, batch: int) -> None:
    given = frames(7)
    made = list(itertools.chain(*Enlarger(network, SOURCE, LARGE, Fit(batch), compiled=False).run(given)))
    wanted = [direct(network, picture) for picture in given]
    assert len(made) == len(given)
    assert max(off(a, b) for a, b in zip(wanted, made, strict=True)) <= OFF
    assert min(off(direct(network, a, flipped=True), b) for a, b in zip(given, made, strict=True)) > FAR
    assert min(off(a, b) for a, b in itertools.pairwise(wanted[1:])) > FAR
