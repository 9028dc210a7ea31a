"""The edge of a denoising step: reports, checks, previews."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from functions.contract.base import Size
from functions.contract.errors import Cancelled, OutputRefused
from functions.contract.params import Keyframe
from functions.models import steps
from functions.models.preview import LinearPreview
from functions.models.steps import Denoising, Limits, check_latents
from tests.servers.job import LocalJob
from tests.servers.jobs import ECHO


def job(folder: Path) -> LocalJob:
    return LocalJob(folder, ECHO, Keyframe(size=Size(width=64, height=64)), ["image.png"])


def latents(seed: int = 0, *shape: int) -> Tensor:
    return torch.randn(shape or (1, 4, 8, 8), generator=torch.Generator().manual_seed(seed))


def test_each_step_is_reported_from_none_to_all(tmp_path: Path) -> None:
    done = job(tmp_path)
    loop = Denoising(done, 3)
    loop.begin()
    for index in range(3):
        loop.done(index, latents())
    assert done.stages == [("denoise", 0, 3), ("denoise", 1, 3), ("denoise", 2, 3), ("denoise", 3, 3)]


class CancelledJob(LocalJob):
    """Cancelled once two steps are done."""

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        if done == 2:
            raise Cancelled("asked to stop")


def test_a_cancel_takes_effect_at_the_edge_of_the_step(tmp_path: Path) -> None:
    loop = Denoising(CancelledJob(tmp_path, ECHO, Keyframe(size=Size(width=64, height=64)), ["image.png"]), 50)
    loop.done(0, latents())
    with pytest.raises(Cancelled):
        loop.done(1, latents())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_one_number_that_is_none_is_refused_with_its_step(tmp_path: Path, value: float) -> None:
    bad = latents()
    bad[0, 2, 3, 4] = value
    with pytest.raises(OutputRefused, match="not numbers after step 2 of 4"):
        Denoising(job(tmp_path), 4).done(1, bad)


@pytest.mark.parametrize(("scale", "refused"), [(1.0, False), (1e-5, True), (1e4, True)])
def test_the_last_latents_lie_within_the_models_range(tmp_path: Path, scale: float, refused: bool) -> None:
    loop = Denoising(job(tmp_path), 2, limits=Limits(0.1, 10.0))
    loop.done(0, latents() * 1e4)
    if refused:
        with pytest.raises(OutputRefused, match=r"standard deviation of .* after step 2 of 2, outside 0\.1 to 10"):
            loop.done(1, latents() * scale)
    else:
        loop.done(1, latents() * scale)


def test_half_precision_that_would_overflow_its_own_sum_is_measured_in_fp32() -> None:
    assert check_latents((latents(0, 1, 4, 64, 64) * 60).half(), "a step", Limits(1, 100)) == pytest.approx(
        60, rel=0.02
    )


def encoder(channels: int, seed: int = 3) -> Tensor:
    """What a linear autoencoder would be: (channels, 3)."""
    return torch.randn(channels, 3, generator=torch.Generator().manual_seed(seed))


def picture(seed: int = 1, size: int = 64) -> Tensor:
    """Soft colours, (3, size, size) in 0..1."""
    small = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (size, size), mode="bicubic").clamp(0, 1)[0]


def encoded(of: Tensor, channels: int) -> Tensor:
    """Its latents at an eighth of the size, with some noise."""
    coarse = torch.nn.functional.adaptive_avg_pool2d(of, (8, 8))
    found = torch.einsum("cr,rhw->chw", encoder(channels), coarse - 0.5)
    return found + 0.01 * latents(5, channels, 8, 8)


@pytest.mark.parametrize("channels", [4, 16, 48, 128])
def test_a_preview_fitted_to_one_picture_shows_another(channels: int) -> None:
    fitted = LinearPreview.fit(encoded(picture(1), channels), picture(1))
    shown = fitted.decode(encoded(picture(2), channels)[None])
    wanted = torch.nn.functional.adaptive_avg_pool2d(picture(2), (8, 8)).permute(1, 2, 0).numpy()
    assert shown.shape == (8, 8, 3)
    assert float(np.abs(shown / 255 - wanted).mean()) < 0.05


def test_a_clip_shows_some_of_its_frames_side_by_side() -> None:
    fitted = LinearPreview.fit(encoded(picture(1), 16), picture(1))
    clip = torch.stack([encoded(picture(seed), 16) for seed in range(9)], dim=1)[None]
    shown = fitted.decode(clip)
    assert shown.shape == (8, 32, 3)
    assert np.array_equal(shown[:, :8], fitted.decode(clip[:, :, 0]))
    assert np.array_equal(shown[:, 24:], fitted.decode(clip[:, :, 8]))


def test_the_preview_is_whole_at_once_and_comes_no_more_often_than_it_is_wanted(tmp_path: Path) -> None:
    fitted, done = LinearPreview.fit(encoded(picture(1), 4), picture(1)), job(tmp_path)
    loop = Denoising(done, 3, preview=fitted)
    loop.done(0, latents())
    assert not (done.scratch / "preview.jpg").exists()
    loop = Denoising(done, 3, preview=fitted, every_s=0.0)
    loop.done(1, latents(), clean=encoded(picture(2), 4)[None])
    with Image.open(done.scratch / "preview.jpg") as shown:
        assert shown.format == "JPEG"
        assert shown.size == (512, 512)
    assert [path.name for path in done.scratch.iterdir()] == ["preview.jpg"]
    assert steps.PREVIEW_EVERY_S >= 1
