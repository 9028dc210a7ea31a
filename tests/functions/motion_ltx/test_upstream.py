"""The engine's own loops against the library's pipelines, on the same weights, noise, prompt and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXLatentUpsamplePipeline,
    LTXVideoTransformer3DModel,
)
from diffusers.loaders.single_file_utils import (
    convert_ltx_transformer_checkpoint_to_diffusers,
    convert_ltx_vae_checkpoint_to_diffusers,
)
from diffusers.pipelines.ltx.modeling_latent_upsampler import LTXLatentUpsamplerModel
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, T5EncoderModel

from functions.catalog.weights import builtin
from functions.models.t5 import Text, Texts, Tokens
from functions.models.video import to_model
from functions.motion_ltx import latents as lat
from functions.motion_ltx import recipes
from functions.motion_ltx.denoise import Pass, denoise
from functions.motion_ltx.names import transformer_name, vae_name
from tests.servers.motion import picture

HEADER = 300_000
"""Bytes of a file that are no tensors, at most."""
TOLERANCE = 1e-4
FRAMES, ROWS, COLUMNS, RATE = 17, 64, 96, 24
FIRST = recipes.recipe("standard").first
PROMPT = "a lone rider crosses the salt flat"


class Drawn:
    """Noise from one generator, in the order in which the pipeline draws it."""

    def __init__(self) -> None:
        self.generator = torch.Generator("cpu").manual_seed(11)

    def __call__(self, shape: Sequence[int], purpose: str = "", number: int = 0) -> Tensor:
        del purpose, number
        return torch.randn(tuple(shape), generator=self.generator)


def still(seed: int) -> Image.Image:
    """A keyframe at the clip's size."""
    import io

    return Image.open(io.BytesIO(picture(seed, (COLUMNS, ROWS)))).convert("RGB")


@pytest.fixture(scope="module")
def pipe(weights: Path) -> Any:
    """The library's pipeline over the 13B layout."""
    folder, text = weights / "ltxv-13b-0.9.8-distilled", weights / recipes.TEXT_ENCODER
    made = LTXConditionPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=AutoencoderKLLTXVideo.from_pretrained(folder, subfolder="vae"),
        text_encoder=T5EncoderModel.from_pretrained(text / "text_encoder"),
        tokenizer=AutoTokenizer.from_pretrained(text / "tokenizer"),
        transformer=LTXVideoTransformer3DModel.from_pretrained(folder, subfolder="transformer"),
    )
    made.set_progress_bar_config(disable=True)
    return made


def encoded(pipe: Any, folder: Path) -> Text:
    """The prompt as the engine encodes it."""
    kept = Texts(folder, "encoder", Tokens(pipe.tokenizer, 256))
    kept.encode([PROMPT], pipe.text_encoder)
    return kept.get(PROMPT)


@pytest.mark.parametrize("last", [False, True], ids=["first", "first-and-last"])
@pytest.mark.parametrize("condition_noise", [0.0, 0.025])
def test_the_first_pass_equals_the_pipeline(pipe: Any, tmp_path: Path, last: bool, condition_noise: float) -> None:
    stills = [still(0), *([still(3)] if last else [])]
    generator = torch.Generator("cpu").manual_seed(11)
    conditions = [LTXVideoCondition(image=s, frame_index=n * (FRAMES - 1)) for n, s in enumerate(stills)]
    wanted = pipe(
        conditions=conditions,
        prompt=PROMPT,
        height=ROWS,
        width=COLUMNS,
        num_frames=FRAMES,
        frame_rate=RATE,
        timesteps=[sigma * 1000 for sigma in FIRST],
        guidance_scale=1.0,
        image_cond_noise_scale=condition_noise,
        generator=generator,
        output_type="latent",
    ).frames
    draw, size = Drawn(), lat.grid(FRAMES, ROWS, COLUMNS)
    begin = draw((1, 16, *size))
    with torch.no_grad():
        pictures = []
        for number, s in enumerate(stills):
            pictures.append(lat.encode(pipe.vae, to_model(_array(s))))
            draw((1, 16, 1, *size[1:]))  # the pipeline samples the posterior
            if number:
                draw((1, 16, 1, *size[1:]))  # and the noise that strength 1 leaves nothing of
    start = lat.start(begin, pictures[0], pictures[1] if last else None, FRAMES, RATE)
    found = denoise(
        pipe.transformer, Pass(FIRST, size), start, encoded(pipe, tmp_path), condition_noise, draw, lambda *_: None
    )
    assert float((found - wanted).abs().max()) < TOLERANCE


def _array(picture: Image.Image) -> Any:
    import numpy as np

    return np.asarray(picture)


def test_the_second_size_equals_the_upsampling_pipeline(pipe: Any, weights: Path) -> None:
    upsampler = LTXLatentUpsamplerModel.from_pretrained(weights / recipes.UPSAMPLER, subfolder="latent_upsampler")
    latents = Drawn()((1, 16, 3, 2, 3))
    wanted = LTXLatentUpsamplePipeline(pipe.vae, upsampler)(
        latents=latents,
        height=ROWS,
        width=COLUMNS,
        adain_factor=1.0,
        tone_map_compression_ratio=0.6,
        output_type="latent",
    ).frames
    with torch.no_grad():
        found = lat.enlarged(upsampler, pipe.vae, latents, 1.0, 0.6)
    assert found.shape == (1, 16, 3, 4, 6)
    assert float((found - wanted).abs().max()) < TOLERANCE


@pytest.mark.parametrize("size", ["2b", "13b"])
def test_names_in_the_single_file_are_those_of_the_librarys_converter(size: recipes.Network) -> None:
    with torch.device("meta"):
        vae = AutoencoderKLLTXVideo.from_config(recipes.data().vae)
        transformer = LTXVideoTransformer3DModel.from_config(recipes.data().transformers[size])
    from tests.servers.checkpoints import ltx

    original = {f"vae.{ltx._original_vae(name)}": tensor for name, tensor in vae.state_dict().items()}
    original |= {f"model.diffusion_model.{ltx._original(n)}": t for n, t in transformer.state_dict().items()}
    ours = {name: (vae_name(name), transformer_name(name)) for name in original}
    empty = {name: torch.empty(t.shape, device="meta") for name, t in original.items()}
    known = {id(tensor): name for name, tensor in empty.items()}
    for convert, which in (
        (convert_ltx_vae_checkpoint_to_diffusers, 0),
        (convert_ltx_transformer_checkpoint_to_diffusers, 1),
    ):
        theirs = {known[id(tensor)]: name for name, tensor in convert(dict(empty)).items()}
        assert theirs
        assert {name: ours[name][which] for name in theirs} == theirs
    assert {name for name, _ in ours.values() if name} == set(vae.state_dict())
    assert {name for _, name in ours.values() if name} == set(transformer.state_dict())


@pytest.mark.parametrize(
    ("tier", "itemsize"),
    [("draft", 2), ("final", 2), ("upsampler", 4)],
)
def test_the_packaged_configurations_take_the_bytes_of_the_published_files(tier: str, itemsize: int) -> None:
    data, lock = recipes.data(), builtin()
    with torch.device("meta"):
        if tier == "upsampler":
            modules: list[torch.nn.Module] = [LTXLatentUpsamplerModel.from_config(data.upsampler)]
            found = lock.sets[recipes.UPSAMPLER].files[recipes.UPSAMPLER_FILE]
        else:
            recipe = data.draft if tier == "draft" else data.final
            network = LTXVideoTransformer3DModel.from_config(data.transformers[recipe.size])
            modules = [AutoencoderKLLTXVideo.from_config(data.vae), network]
            found = lock.sets[recipe.weights].files[recipe.file]
    computed = sum(t.numel() for m in modules for t in m.state_dict().values()) * itemsize
    assert found.size is not None
    assert 0 < found.size - computed < HEADER
