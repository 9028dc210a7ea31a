"""The engine's own loop against the library's whole pipeline, on the same weights, noise, prompt and pictures."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler, WanImageToVideoPipeline
from PIL import Image
from torch import Tensor

from functions.contract.base import Size, Tier
from functions.models.kernels import channels_last
from functions.models.noise import noise
from functions.motion_wan import latents as lat
from functions.motion_wan.engine import MotionWan, Work
from tests.functions.motion_wan.conftest import Worker
from tests.servers.checkpoints import wan
from tests.servers.job import LocalJob
from tests.servers.motion import SMALL, motion, picture, small

TOLERANCE = 1e-4
"""Largest difference of a latent, fp32 on a CPU."""
FRAMES = 9
SQUARE = Size(width=64, height=64)
"""TI2V-5B wants multiples of 32."""


class Seen(MotionWan):
    """Without the cache, which the pipeline has not; keeps what it worked on and what came of it."""

    work: Work
    clean: Tensor

    def prepare(self, job: Any, params: Any) -> Work:
        work = super().prepare(job, params)
        self.work = replace(work, recipe=work.recipe.model_copy(update={"cache": 0.0}))
        return self.work

    def decoded(self, vae: Any, clean: Tensor) -> Iterator[Tensor]:
        self.clean = clean
        return super().decoded(vae, clean)


class FourSteps(FlowMatchEulerDiscreteScheduler):  # type: ignore[misc] # the library is not typed
    """What the distillation asks for; the pipeline takes no sigmas."""

    def set_timesteps(self, *_: Any, device: Any = None, **__: Any) -> None:
        super().set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25], device=device)


def ours(folder: Path, engine: str, tier: Tier, *, last: bool = False, steps: int | None = None) -> Seen:
    """The engine after one job."""
    inputs = {"image": folder / "key.png", **({"end_image": folder / "end.png"} if last else {})}
    for number, path in enumerate(inputs.values()):
        path.write_bytes(picture(number))
    size = SMALL if engine == "motion-wan" else SQUARE
    made = Seen(small(engine, size))
    rate = 16 if engine == "motion-wan" else 24
    params = motion(rate, FRAMES, size, tier=tier, seed=5, steps=steps, prompt="a lone rider crosses the salt flat")
    made.run(LocalJob(folder / "job", made.manifest, params, ["clip.mp4"], inputs))
    return made


def theirs(made: Seen, pipe: Any, guidance: float) -> Tensor:
    """The pipeline's latents for the same job."""
    work = made.work
    assert work.made.frames == FRAMES
    vae = pipe.vae
    shape = lat.shape(vae, FRAMES, work.made.size.height, work.made.size.width)
    last = work.pictures.last
    found: Tensor = pipe(
        image=Image.fromarray(work.pictures.first),
        last_image=None if last is None else Image.fromarray(last),
        prompt=work.params.prompt,
        negative_prompt=work.negative,
        height=work.made.size.height,
        width=work.made.size.width,
        num_frames=FRAMES,
        num_inference_steps=work.recipe.steps,
        guidance_scale=guidance,
        latents=noise(shape, work.params.seed, "initial"),
        output_type="latent",
    ).frames
    return found


def pipeline(folder: Path, scheduler: Any) -> Any:
    """The library's pipeline over a weight set."""
    pipe = WanImageToVideoPipeline.from_pretrained(folder, local_files_only=True)
    pipe.scheduler = scheduler
    pipe.set_progress_bar_config(disable=True)
    return pipe


def unipc() -> Any:
    """The solver of the guided tiers."""
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)


@pytest.fixture
def place(weights: Path, tmp_path: Path, worker: Worker) -> Path:
    """The folder of a test, with the environment of a worker."""
    worker()
    assert os.environ["VIVIJURE_WEIGHTS"] == str(weights)
    return tmp_path


@pytest.mark.parametrize("last", [False, True], ids=["first", "first-and-last"])
def test_guided_steps_on_both_experts_equal_the_pipeline(place: Path, weights: Path, last: bool) -> None:
    made = ours(place, "motion-wan", "standard", last=last, steps=6)
    wanted = theirs(made, pipeline(weights / "wan2.2-i2v-a14b", unipc()), 3.5)
    assert float((made.clean - wanted).abs().max()) < TOLERANCE


def test_the_distilled_draft_equals_the_pipeline_with_the_adapters_loaded(place: Path, weights: Path) -> None:
    made = ours(place, "motion-wan", "draft")
    pipe = pipeline(weights / "wan2.2-i2v-a14b", FourSteps(shift=5.0))
    pipe.load_lora_weights(weights / "wan2.2-distill-loras", weight_name=wan.HIGH, adapter_name="high")
    pipe.load_lora_weights(
        weights / "wan2.2-distill-loras", weight_name=wan.LOW, adapter_name="low", load_into_transformer_2=True
    )
    wanted = theirs(made, pipe, 1.0)
    assert float((made.clean - wanted).abs().max()) < TOLERANCE


def test_the_small_engine_equals_the_pipeline(place: Path, weights: Path) -> None:
    made = ours(place, "motion-wan-small", "draft", steps=4)
    wanted = theirs(made, pipeline(weights / "wan2.2-ti2v-5b", unipc()), 5.0)
    assert float((made.clean - wanted).abs().max()) < TOLERANCE


@pytest.mark.parametrize("name", ["wan2.2-i2v-a14b", "wan2.2-ti2v-5b"])
def test_chunks_are_what_the_autoencoder_makes_of_the_whole_clip(weights: Path, name: str) -> None:
    from diffusers import AutoencoderKLWan

    vae = AutoencoderKLWan.from_pretrained(weights / name, subfolder="vae", local_files_only=True)
    latents = noise(lat.shape(vae, 13, 48, 64), 1, "decode")
    with torch.no_grad():
        chunks = list(lat.decode(vae, latents))
        mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1, 1)
        deviation = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1)
        whole = vae.decode(latents * deviation + mean, return_dict=False)[0]
        channels_last(vae)
        quick = list(lat.decode(vae, latents))
    assert [len(chunk) for chunk in chunks] == [1, 4, 4, 4]
    assert float((torch.cat(quick).float() - torch.cat(chunks).float()).abs().max()) <= 1
    codes = (whole[0].permute(1, 2, 3, 0) + 1) * 127.5
    assert float((torch.cat(chunks).float() - codes).abs().max()) <= 0.51
