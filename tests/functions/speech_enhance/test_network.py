"""Our networks against the published package: golden numbers are those of resemble-enhance 0.0.1 on the same weights
(tiny, rounded to fp16 as published ones are), sound and noise, fp32, one thread. Faults must show ten times beyond the
tolerance.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from functions.contract.errors import EngineError
from functions.models.noise import noise
from functions.speech_enhance import weights as stored
from functions.speech_enhance.latent import moments
from functions.speech_enhance.network import Asked, Enhancer, Settings
from functions.speech_enhance.spectrum import Resampler
from tests.servers.golden import MUTANT, TOLERANCE, distance

GOLDEN = Path(__file__).with_name("golden.json")
SEED = 3
Fault = Callable[[Enhancer], object]


def given() -> Tensor:
    """Half a second that grows louder: a buzz and noise."""
    time = torch.arange(22_050) / 44_100
    buzz = sum((torch.sin(2 * torch.pi * 130 * n * time) / n for n in range(1, 12)), start=torch.zeros(()))
    return ((0.2 * buzz + 0.05 * noise((22_050,), SEED, "given")) * torch.linspace(0.1, 1, 22_050))[None]


@pytest.fixture
def network(weights: Path) -> Enhancer:
    return stored.load(weights / "resemble-enhance", torch.device("cpu"))


def enhanced(network: Enhancer, strength: float = 0.7, evaluations: int = 8) -> Tensor:
    with torch.inference_mode():
        return network.enhanced(
            given(), Asked(strength, evaluations), lambda shape, purpose: noise(shape, SEED, purpose), lambda *_: None
        )


def test_the_denoiser_is_the_published_one(network: Enhancer) -> None:
    with torch.inference_mode():
        assert distance(GOLDEN, "denoise", network.denoised(given())) < TOLERANCE


def test_the_spectrogram_is_the_published_one(network: Enhancer) -> None:
    assert distance(GOLDEN, "mel", network.mel(given())) < TOLERANCE


def test_restoring_is_the_published_one(network: Enhancer) -> None:
    assert distance(GOLDEN, "enhance", enhanced(network)) < TOLERANCE
    assert distance(GOLDEN, "euler", enhanced(network, 0.0, 1)) < TOLERANCE


def other_scale(network: Enhancer) -> None:
    network.settings = Settings(z_scale=3.0)


def no_statistics(network: Enhancer) -> None:
    network.normalizer.running_mean_unsafe.zero_()


def unfolded(network: Enhancer) -> None:
    network.vocoder.state_dict()["conv_post.1.weight"].mul_(3)


def other_slope(network: Enhancer) -> None:
    for module in network.vocoder.modules():
        if isinstance(module, torch.nn.LeakyReLU):
            module.negative_slope = 0.1


@pytest.mark.parametrize("fault", [other_scale, no_statistics, unfolded, other_slope])
def test_a_fault_shows(network: Enhancer, fault: Fault) -> None:
    fault(network)
    assert distance(GOLDEN, "enhance", enhanced(network)) > MUTANT


def test_half_of_the_way_is_gone_after_a_quarter_of_the_steps() -> None:
    steps = list(moments(8))
    assert sum(dt for _, dt in steps) == pytest.approx(1)
    assert steps[2][0] == pytest.approx(0.5)


@pytest.mark.parametrize(("old", "new"), [(48_000, 44_100), (44_100, 48_000)])
def test_rate_conversion_keeps_time_and_level(old: int, new: int) -> None:
    seconds = torch.arange(old).double() / old
    wanted = torch.sin(2 * torch.pi * 997 * torch.arange(new).double() / new).float()
    made = Resampler(old, new)(torch.sin(2 * torch.pi * 997 * seconds).float()[None])[0]
    assert made.shape == wanted.shape
    inside = slice(new // 10, -new // 10)
    assert float((made - wanted)[inside].abs().max()) < 1e-4


def test_settings_of_another_network_are_refused(weights: Path, tmp_path: Path) -> None:
    text = (weights / "resemble-enhance" / stored.HPARAMS).read_text("utf-8")
    for old, new in (("hop_size: 420", "hop_size: 256"), ("_mode: cfm", "_mode: ae"), ("z_scale: 6", "z_scale: six")):
        path = tmp_path / "hparams.yaml"
        path.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(EngineError, match=r"hparams\.yaml"):
            stored.read_settings(path)
