"""Keyframes of FLUX.2 klein through the real runtime, on tiny weights, against diffusers' own pipeline."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel
from PIL import Image
from transformers import Qwen2Tokenizer, Qwen3ForCausalLM

from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress
from functions.models.noise import noise
from functions.runtime.children import Stop
from tests.servers.keyframes import Desk, keyframe, worn
from tests.servers.motion import picture

SEEN = {"ref_ada_00": picture(1, (64, 80)), "ref_bo_00": picture(2, (64, 80)), "previous": picture(3, (128, 64))}
TOLD = "A woman in a red coat is in image 1. A man with a beard is in image 2. The shot before is image 3. "


@pytest.fixture(scope="module")
def upstream(weights: Path) -> Flux2KleinPipeline:
    """The published pipeline over the same files."""
    folder = weights / "flux2-klein-4b"
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        vae=AutoencoderKLFlux2.from_pretrained(folder / "vae"),
        text_encoder=Qwen3ForCausalLM.from_pretrained(folder / "text_encoder", local_files_only=True),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        transformer=Flux2Transformer2DModel.from_pretrained(folder / "transformer"),
        is_distilled=True,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def theirs(upstream: Flux2KleinPipeline, prompt: str, pictures: list[bytes]) -> np.ndarray:
    """What the pipeline makes of the same noise, as code values."""
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in pictures]
    made = upstream(
        image=images or None,
        prompt=prompt,
        height=64,
        width=128,
        num_inference_steps=4,
        guidance_scale=1.0,
        latents=noise((1, 16, 4, 8), 7, "initial"),
        output_type="np",
    )
    return np.asarray(made.images[0]) * 255


def test_a_keyframe_is_what_the_published_pipeline_makes(desk: Desk, upstream: Flux2KleinPipeline) -> None:
    ours = desk.make(keyframe(negative=""))
    assert np.abs(ours - theirs(upstream, keyframe().prompt, [])).max() < 0.6


def test_references_are_what_the_published_pipeline_is_shown(desk: Desk, upstream: Flux2KleinPipeline) -> None:
    result = desk.run(keyframe("ada", "bo", control="depth"), SEEN)
    ours = desk.picture(result)
    assert np.abs(ours - theirs(upstream, TOLD + keyframe().prompt, list(SEEN.values()))).max() < 1.1
    assert {note.code for note in result.notes} >= {"negative_ignored", "control_as_reference", "score"}
    assert not np.array_equal(ours, desk.make(keyframe("ada", "bo"), {"ref_ada_00": SEEN["ref_ada_00"]}))


def test_every_tier_runs_four_steps_at_the_published_timesteps(desk: Desk, weights: Path) -> None:
    from functions.keyframe_klein.denoise import Run, timesteps
    from functions.keyframe_klein.recipes import builtin

    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(weights / "flux2-klein-4b/scheduler")
    transformer = Flux2Transformer2DModel.from_pretrained(weights / "flux2-klein-4b/transformer")
    steps = {recipe.steps for recipe in builtin().tiers.values()}
    assert steps == {4}
    run = Run(transformer, scheduler, 4, torch.zeros(1, 1, 48), torch.zeros(1, 16, 64, 64), ())
    assert [round(float(t), 2) for t in timesteps(run)] == [1000.0, 967.38, 908.14, 767.2]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"adapters": worn("ada")}, "no adapters"),
        ({"steps": 8}, "4 steps"),
        ({"guidance": 4000}, "no guidance"),
        ({"prompt": "word " * 400}, "shorten it"),
        ({"numerics": "8bit"}, "16 bit"),
        ({"control": "depth"}, "'previous'"),
    ],
    ids=str,
)
def test_what_the_model_has_not_is_refused_with_what_to_do(desk: Desk, params: dict[str, Any], said: str) -> None:
    inputs = {"lora_ada": b"x"} if "adapters" in params else {}
    error = desk.run(keyframe("ada", **params), inputs).error
    assert error is not None
    assert said in error.message


@pytest.mark.parametrize("size", [(40, 200), (64, 640)])
def test_a_reference_that_the_model_cannot_see_is_refused(desk: Desk, size: tuple[int, int]) -> None:
    error = desk.run(keyframe("ada"), {"ref_ada_00": picture(1, size)}).error
    assert error is not None
    assert error.code == "bad_input"


def test_more_than_four_pictures_are_said(desk: Desk) -> None:
    many = {f"ref_ada_0{i}": picture(i, (64, 64)) for i in range(4)} | {"ref_bo_00": picture(9, (64, 64))}
    result = desk.run(keyframe("ada", "bo"), many)
    assert [n.value for n in result.notes if n.code == "references_left_out"] == [5]


def test_a_cancel_ends_it_within_a_step_and_leaves_nothing_behind(desk: Desk) -> None:
    stop, seen = Stop(), []

    def report(at: JobProgress) -> None:
        seen.append((at.stage, at.done))
        if at.stage == "denoise":
            stop.set(Cancelled("enough"))

    before = desk.make(keyframe(seed=3))
    assert desk.run(keyframe(seed=3), stop=stop, report=report).status == "cancelled"
    assert max(done for stage, done in seen if stage == "denoise") <= 1
    assert np.array_equal(before, desk.make(keyframe(seed=3)))
