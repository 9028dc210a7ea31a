"""The engine's own loop against the library's pipeline, on the same weights, noise, prompt and picture."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDPMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
)
from PIL import Image
from transformers import AutoTokenizer, T5EncoderModel

from functions.models.t5 import Texts, Tokens
from functions.models.video import to_model
from functions.motion_cogvideox import latents as lat
from functions.motion_cogvideox.denoise import Prompts, denoise, scheduler
from functions.motion_cogvideox.recipes import WEIGHTS, Recipe, recipe
from tests.servers.checkpoints.cogvideox import COLUMNS, FRAMES, ROWS
from tests.servers.motion import picture

TOLERANCE = 1e-4
PROMPT, NEGATIVE = "a lone rider crosses the salt flat", "static"


def test_steps_with_dynamic_guidance_equal_the_pipeline(weights: Path, tmp_path: Path) -> None:
    folder = weights / WEIGHTS
    pipe = CogVideoXImageToVideoPipeline(
        tokenizer=AutoTokenizer.from_pretrained(folder / "tokenizer"),
        text_encoder=T5EncoderModel.from_pretrained(folder / "text_encoder"),
        vae=AutoencoderKLCogVideoX.from_pretrained(folder / "vae"),
        transformer=CogVideoXTransformer3DModel.from_pretrained(folder / "transformer"),
        scheduler=CogVideoXDPMScheduler(
            snr_shift_scale=1.0,
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
            clip_sample=False,
        ),
    )
    pipe.vae.enable_tiling()
    pipe.set_progress_bar_config(disable=True)
    still = Image.open(io.BytesIO(picture(0, (COLUMNS, ROWS)))).convert("RGB")
    shape = lat.shape(4, FRAMES, ROWS, COLUMNS)
    start = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    steps = Recipe(steps=6, guidance=6.0)
    generator = torch.Generator().manual_seed(2)
    wanted = pipe(
        image=still,
        prompt=PROMPT,
        negative_prompt=NEGATIVE,
        height=ROWS,
        width=COLUMNS,
        num_frames=FRAMES,
        num_inference_steps=steps.steps,
        guidance_scale=steps.guidance,
        use_dynamic_cfg=True,
        latents=start,
        generator=generator,
        output_type="latent",
    ).frames
    kept = Texts(tmp_path, "encoder", Tokens(pipe.tokenizer, 226, masked=False))
    kept.encode((PROMPT, NEGATIVE), pipe.text_encoder)
    texts = [kept.get(text).states for text in (PROMPT, NEGATIVE)]
    with torch.no_grad():
        first = lat.encode(pipe.vae, to_model(np.asarray(still)), shape[1])
    same = torch.Generator().manual_seed(2)
    torch.randn((1, 4, 1, ROWS // 8, COLUMNS // 8), generator=same)  # the pipeline samples the posterior
    found = denoise(pipe.transformer, steps, start, first, Prompts(*texts), lambda _: same, lambda *_: None)
    assert float((found - wanted).abs().max()) < TOLERANCE


@pytest.mark.parametrize(("tier", "steps", "second"), [("draft", 30, 966), ("standard", 40, 974), ("final", 50, 979)])
def test_timesteps_of_every_tier_trail(tier: str, steps: int, second: int) -> None:
    timesteps = scheduler(recipe(tier), torch.device("cpu")).timesteps.tolist()  # type: ignore[arg-type]
    assert (len(timesteps), timesteps[0], timesteps[1]) == (steps, 999, second)
