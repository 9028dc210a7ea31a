"""The packaged configurations are those of the published files: as many numbers as these have bytes."""

from pathlib import Path

import pytest
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, ControlNetUnionModel
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from functions.models.sdxl import weights

NOWHERE = Path("/nowhere")
HEADER = 400_000
"""Most bytes of a safetensors header."""
PUBLISHED = {
    "unet": 5_135_149_760,
    "text_encoder": 246_144_152,
    "text_encoder_2": 1_389_382_176,
    "control": 2_513_342_408,
    "vae": 334_643_268,
}
"""Bytes of SDXL base 1.0's parts in fp16, of ControlNet Union ProMax in fp16, of the VAE in fp32."""


@pytest.fixture(scope="module")
def parts() -> dict[str, nn.Module]:
    with init_empty_weights():
        control = ControlNetUnionModel.from_config(weights.config(NOWHERE, "control"))
        vae = AutoencoderKL.from_config(weights.config(NOWHERE, "vae"))
    return {**weights.outlines(NOWHERE), "control": control, "vae": vae}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_part_has_the_size_of_its_published_file(parts: dict[str, nn.Module], name: str) -> None:
    size = sum(parameter.numel() for parameter in parts[name].parameters()) * (4 if name == "vae" else 2)
    assert 0 <= PUBLISHED[name] - size < HEADER


def test_the_encoder_of_references_is_vit_h() -> None:
    values = CLIPVisionConfig.from_dict(weights.config(NOWHERE, "image_encoder"))
    with init_empty_weights():
        encoder = CLIPVisionModelWithProjection(values)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 632_076_800
