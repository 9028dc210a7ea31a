"""Wan's autoencoder as the engine runs it, against the library's own on tiny weights."""

from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan
from torch._dynamo.utils import counters

from functions.models.kernels import compile_when
from functions.motion_wan import latents as lat
from functions.motion_wan.encode import encoded, layers
from functions.motion_wan.models import looks_back
from tests.servers.checkpoints import wan

CHUNKS = 21
"""Of a clip of 81 frames."""


@pytest.fixture
def vae() -> AutoencoderKLWan:
    """A tiny one."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    made: AutoencoderKLWan = wan.autoencoder().eval().requires_grad_(False)
    return made


@pytest.mark.parametrize("last", [False, True])
def test_grey_behind_a_keyframe_is_encoded_only_until_each_layer_has_settled(vae: Any, last: bool) -> None:
    video = torch.zeros(1, 3, 1 + 4 * (CHUNKS - 1), 32, 32)
    video[:, :, 0] = torch.rand(3, 32, 32)
    if last:
        video[:, :, -1] = torch.rand(3, 32, 32)
    through = layers(vae)
    made = encoded(vae, video, through)
    assert torch.equal(made, vae.encode(video).latent_dist.mode())
    assert through[0].runs <= 4 + last
    assert sum(layer.runs for layer in through) < 0.6 * CHUNKS * len(through)


def test_a_video_that_moves_is_encoded_whole(vae: Any) -> None:
    video = torch.rand(1, 3, 17, 32, 32)
    through = layers(vae)
    assert torch.equal(encoded(vae, video, through), vae.encode(video).latent_dist.mode())
    assert {layer.runs for layer in through} == {5}


def test_the_decoder_is_compiled_once_for_all_jobs_of_a_size(vae: Any) -> None:
    latents = torch.randn(1, 16, 5, 4, 4)
    want = torch.cat(list(lat.decode(vae, latents)))
    torch._dynamo.reset()
    counters.clear()
    compile_when(vae.decoder, looks_back, backend="eager")
    graphs = []
    for _ in range(3):
        made = torch.cat(list(lat.decode(vae, latents)))
        assert (made.int() - want.int()).abs().max() <= 1
        graphs.append(counters["stats"]["unique_graphs"])
    assert graphs == [1, 1, 1]
    assert not counters["graph_break"]
