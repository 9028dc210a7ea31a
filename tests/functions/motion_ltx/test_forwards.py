"""Teacher-forced forwards and decoded frames of the tiny LTX-Video, and faults that must show in them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from functions.models.noise import noise
from functions.motion_ltx import latents as lat
from functions.motion_ltx import recipes
from tests.servers.checkpoints.ltx import WIDTH
from tests.servers.golden import MUTANT, TOLERANCE, distance

GOLDEN = Path(__file__).with_name("forwards.json")
SIZE = 3, 2, 3
TIMESTEPS = (1000.0, 993.7, 975.0, 725.0, 421.9)


def forwards(model: LTXVideoTransformer3DModel, swapped: bool = False) -> dict[str, Tensor]:
    """What the transformer says of given tokens at five of the published timesteps."""
    tokens, words = noise((1, 18, 16), 1, "golden"), noise((1, 8, WIDTH), 2, "golden")
    tokens = tokens[..., [1, 0, *range(2, 16)]] if swapped else tokens
    found = {}
    for timestep in TIMESTEPS:
        with torch.no_grad():
            found[f"{timestep:g}"] = model(
                hidden_states=tokens,
                encoder_hidden_states=words,
                timestep=torch.full((1, 18), timestep),
                encoder_attention_mask=torch.ones(1, 8, dtype=torch.bool),
                video_coords=lat.places(SIZE).float(),
                return_dict=False,
            )[0]
    return found


@pytest.fixture(scope="module")
def folder(weights: Path) -> Path:
    return weights / "ltxv-13b-0.9.8-distilled"


@pytest.fixture(scope="module")
def model(folder: Path) -> LTXVideoTransformer3DModel:
    found: LTXVideoTransformer3DModel = LTXVideoTransformer3DModel.from_pretrained(
        folder, subfolder="transformer", local_files_only=True
    )
    return found.eval()


def test_single_forwards_on_given_tokens_are_golden(model: LTXVideoTransformer3DModel) -> None:
    assert max(distance(GOLDEN, name, made) for name, made in forwards(model).items()) < TOLERANCE


def test_swapped_channels_show_in_every_forward(model: LTXVideoTransformer3DModel) -> None:
    assert min(distance(GOLDEN, name, made) for name, made in forwards(model, swapped=True).items()) > MUTANT


@pytest.fixture(scope="module")
def frames(folder: Path) -> Tensor:
    """A decoded clip, one row a frame."""
    vae = AutoencoderKLLTXVideo.from_pretrained(folder, subfolder="vae", local_files_only=True).eval()

    def draw(shape: Sequence[int], purpose: str, number: int) -> Tensor:
        return noise(tuple(shape), number, purpose)

    with torch.no_grad():
        made = torch.cat(list(lat.decode(vae, noise((1, 16, *SIZE), 3, "golden"), 0.05, 0.025, draw)))
    return made.flatten(1).float()


def test_decoded_frames_are_golden(frames: Tensor) -> None:
    assert len(frames) == 17
    assert distance(GOLDEN, "frames", frames[:, :1]) < TOLERANCE


def test_frames_one_late_would_show(frames: Tensor) -> None:
    assert distance(GOLDEN, "frames", torch.cat([frames[1:], frames[-1:]])[:, :1]) > MUTANT


def test_every_tier_has_the_published_sigmas() -> None:
    one = (1.0, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725)
    wanted = {
        "draft": ((*one, 0.4219), ()),
        "standard": (one, (*one[-2:], 0.4219)),
        "final": (one, (*one[-2:], 0.4219)),
    }
    tiers = recipes.data()
    assert {name: (getattr(tiers, name).first, getattr(tiers, name).second) for name in wanted} == wanted
