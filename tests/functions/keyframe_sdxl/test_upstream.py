"""Our denoising loop against diffusers' own pipelines over the same files and noise; the exact steps of each tier."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetUnionModel,
    StableDiffusionXLControlNetUnionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.image_processor import VaeImageProcessor
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from functions.contract.base import Tier
from functions.keyframe_sdxl.pixels import edges, encode
from functions.keyframe_sdxl.recipes import Recipe, builtin, recipe_of, scheduler_of
from functions.models.noise import noise
from tests.servers.checkpoints import sdxl
from tests.servers.keyframes import Desk, keyframe, worn
from tests.servers.motion import picture

KARRAS = "999 975 949 923 894 863 830 795 757 716 672 624 572 517 458 397 334 273 214 162 117 80 53 33 20 11 6 3 1 0"
STEPS: Mapping[Tier, tuple[str, list[int]]] = {
    "draft": ("EulerDiscreteScheduler", [999, 749, 499, 249]),
    "standard": ("DDIMScheduler", [999, 874, 749, 624, 499, 374, 249, 124]),
    "final": (
        "DPMSolverMultistepScheduler",
        list(map(int, KARRAS.split())),
    ),
}
ROUNDED = 0.6
"""Code values: both sides round the same number, ours to a byte."""


@pytest.mark.parametrize("tier", STEPS)
def test_each_tier_runs_its_own_solver_at_exactly_these_timesteps(tier: Tier) -> None:
    recipe = recipe_of(keyframe(tier=tier))
    name, timesteps = STEPS[tier]
    solver: Any = scheduler_of(recipe)
    solver.set_timesteps(recipe.steps)
    assert type(solver).__name__ == name
    assert [int(t) for t in solver.timesteps] == timesteps
    trained = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    assert {key: solver.config[key] for key in trained} == trained
    assert solver.config.timestep_spacing == ("leading" if tier == "final" else "trailing")
    assert solver.config.get("use_karras_sigmas", False) is (tier == "final")


def test_each_tier_has_its_own_guidance_and_adapter() -> None:
    tiers = builtin().tiers
    assert {tier: (r.guidance, r.guided, r.adapter and r.adapter.weights) for tier, r in tiers.items()} == {
        "draft": (0.0, False, "sdxl-lightning-4step"),
        "standard": (5.0, True, "hyper-sdxl-8step-cfg"),
        "final": (6.5, True, None),
    }


@pytest.fixture(scope="module")
def parts(weights: Path) -> dict[str, Any]:
    """The modules as diffusers itself reads the published files."""
    base = weights / "realvisxl-v5"
    single = base / "RealVisXL_V5.0_fp16.safetensors"
    stored = load_file(single)
    text = {
        name: create_diffusers_clip_model_from_ldm(
            kind, stored, subfolder=name, config=str(base), torch_dtype=torch.float32, local_files_only=True
        )
        for name, kind in (("text_encoder", CLIPTextModel), ("text_encoder_2", CLIPTextModelWithProjection))
    }
    folders = {name: weights / "sdxl-tokenizers" / name for name in ("tokenizer", "tokenizer_2")}
    readers = {name: CLIPTokenizer.from_pretrained(path, local_files_only=True) for name, path in folders.items()}
    unet = UNet2DConditionModel.from_single_file(
        str(single), config=str(base), subfolder="unet", local_files_only=True, torch_dtype=torch.float32
    )
    return {"vae": AutoencoderKL.from_pretrained(weights / "sdxl-vae-fp16-fix"), "unet": unet, **text, **readers}


def theirs(pipeline: StableDiffusionXLPipeline, recipe: Recipe, **values: Any) -> np.ndarray:
    """What a pipeline makes of the tests' keyframe, as code values."""
    pipeline.set_progress_bar_config(disable=True)
    asked = keyframe()
    made = pipeline(
        prompt=values.pop("prompt", asked.prompt),
        negative_prompt=asked.negative,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        height=64,
        width=128,
        latents=noise((1, 4, 8, 16), asked.seed, "initial"),
        output_type="np",
        **values,
    )
    return np.asarray(made.images[0]) * 255


@pytest.mark.parametrize(("tier", "steps"), [("draft", None), ("standard", None), ("final", 10)])
def test_a_plain_keyframe_is_what_the_published_pipeline_makes(
    desk: Desk, weights: Path, parts: dict[str, Any], tier: Tier, steps: int | None
) -> None:
    asked = keyframe(tier=tier, steps=steps)
    recipe = recipe_of(asked)
    pipeline = StableDiffusionXLPipeline(**parts, scheduler=scheduler_of(recipe), add_watermarker=False)
    if recipe.adapter is not None:
        pipeline.load_lora_weights(weights / recipe.adapter.weights, weight_name=recipe.adapter.file)
    made = theirs(pipeline, recipe)
    pipeline.unload_lora_weights()
    assert np.abs(desk.make(asked) - made).max() < ROUNDED


def test_an_adapter_and_a_reference_act_as_in_the_published_pipeline(
    desk: Desk, weights: Path, parts: dict[str, Any], inputs: Mapping[str, bytes], tmp_path: Path
) -> None:
    asked = keyframe("ada", tier="final", steps=10, adapters=worn("ada", scale=800))
    shown = picture(4, (64, 64))
    ours = desk.make(asked, {"lora_ada": inputs["lora_ada"], "ref_ada_00": shown})
    (tmp_path / "a.safetensors").write_bytes(inputs["lora_ada"])
    recipe = recipe_of(asked)
    pipeline = StableDiffusionXLPipeline(**parts, scheduler=scheduler_of(recipe), add_watermarker=False)
    pipeline.load_ip_adapter(
        str(weights / "sdxl-references"),
        subfolder="sdxl_models",
        weight_name=builtin().references.file,
        image_encoder_folder="models/image_encoder",
        local_files_only=True,
    )
    pipeline.set_ip_adapter_scale(builtin().references.scale)
    pipeline.load_lora_weights(tmp_path, weight_name="a.safetensors", adapter_name="ada")
    pipeline.set_adapters(["ada"], [0.8])
    image = Image.open(io.BytesIO(shown)).convert("RGB")
    made = theirs(pipeline, recipe, prompt=f"vjada, {asked.prompt}", ip_adapter_image=image)
    pipeline.unload_lora_weights()
    pipeline.unload_ip_adapter()
    assert np.abs(ours - made).max() < ROUNDED


def test_control_by_edges_acts_as_in_the_published_pipeline(desk: Desk, weights: Path, parts: dict[str, Any]) -> None:
    asked = keyframe(tier="final", steps=10, control="canny")
    previous = picture(5, (128, 64))
    recipe, how = recipe_of(asked), builtin().control["canny"]
    drawn = edges(np.asarray(Image.open(io.BytesIO(previous)).convert("RGB")))
    folder = weights / "sdxl-control"
    net = ControlNetUnionModel.from_config(ControlNetUnionModel.load_config(folder))
    net.load_state_dict(load_file(folder / "diffusion_pytorch_model_promax.safetensors"))
    pipeline = StableDiffusionXLControlNetUnionPipeline(
        **parts, controlnet=net.eval(), scheduler=scheduler_of(recipe), add_watermarker=False
    )
    made = theirs(
        pipeline,
        recipe,
        control_image=[Image.fromarray(drawn)],
        control_mode=[how.index],
        controlnet_conditioning_scale=how.scale,
        control_guidance_end=how.until,
    )
    ours = desk.make(asked, {"previous": previous}).astype(float)
    assert np.abs(ours - made).max() < ROUNDED
    assert np.abs(ours - desk.make(keyframe(tier="final", steps=10))).max() > 3


def test_the_tiny_unet_survives_the_published_naming(weights: Path, parts: dict[str, Any]) -> None:
    torch.manual_seed(0)
    names = sdxl.original(parts["unet"].state_dict())
    stored = load_file(weights / "realvisxl-v5/RealVisXL_V5.0_fp16.safetensors")
    assert all(torch.equal(stored[f"model.diffusion_model.{n}"].float(), value) for n, value in names.items())


def test_a_picture_is_shown_to_the_autoencoder_as_the_published_pipeline_shows_it(parts: dict[str, Any]) -> None:
    vae, shown = parts["vae"], Image.open(io.BytesIO(picture(6, (128, 64)))).convert("RGB")
    with torch.inference_mode():
        theirs = vae.encode(VaeImageProcessor(vae_scale_factor=8).preprocess(shown)).latent_dist.mode()
        ours = encode(np.asarray(shown), vae)
    assert torch.allclose(ours, theirs * vae.config.scaling_factor, atol=1e-5)
