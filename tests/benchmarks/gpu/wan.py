"""Wan 2.2 on this machine's GPU: `python -m tests.benchmarks.gpu.wan [--tiny] [--tier draft] [--repeat 5] [--out DIR]`.

832x480, 81 frames. The draft is timed whole; of the guided tiers, whose steps are all alike, a few steps are done.
Environment: VIVIJURE_ATTENTION names an attention kernel, VIVIJURE_COMPILE=0 leaves compilation out.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import Tensor
from transformers import UMT5Config, UMT5EncoderModel

from functions.contract.base import Rate, Size, Tier
from functions.contract.params import Motion
from functions.models.staging import Model
from functions.models.video import canvas
from functions.motion_wan import latents as lat
from functions.motion_wan.adapters import Variant
from functions.motion_wan.engine import MotionWan, Work
from functions.motion_wan.models import Networks
from functions.motion_wan.recipes import Distilled, Expert
from tests.benchmarks.gpu import motion
from tests.servers.checkpoints import lock, wan
from tests.servers.motion import small

TRANSFORMER: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 40,
    "attention_head_dim": 128,
    "in_channels": 36,
    "out_channels": 16,
    "text_dim": 4096,
    "freq_dim": 256,
    "ffn_dim": 13824,
    "num_layers": 40,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "eps": 1e-6,
}
VAE: dict[str, Any] = {"base_dim": 96, "z_dim": 16}
ENCODER = {"vocab_size": 256384, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
FULL, TINY = Size(width=832, height=480), Size(width=64, height=48)
STEPS = 6
"""Guided steps that are timed."""


class RandomNetworks(Networks):
    """The models of full size, without files."""

    def encoder(self, tokens: int) -> Model:
        config: Any = UMT5Config(**ENCODER, feed_forward_proj="gated-gelu", is_encoder_decoder=False)
        return motion.randomised(super().encoder(tokens), UMT5EncoderModel, config, self.dtype)

    def vae(self, size: Size, frames: int, precision: Literal["bf16", "fp32"]) -> Model:
        dtype = torch.float32 if precision == "fp32" else self.dtype
        return motion.randomised(super().vae(size, frames, precision), AutoencoderKLWan, VAE, dtype)

    def expert(self, expert: Expert, size: Size, frames: int, variant: Variant, distilled: Distilled | None) -> Model:
        model = super().expert(expert, size, frames, Variant("random"), None)
        return motion.randomised(model, WanTransformer3DModel, TRANSFORMER, self.dtype)


class Benchmark(MotionWan):
    """The engine, with random networks unless the tiny ones are asked for."""

    tiny = False
    last: Work

    def networks(self) -> Networks:
        kind = Networks if self.tiny else RandomNetworks
        return kind(self._family, self.snapshots, self.device, self.dtype)

    def prepare(self, job: Any, params: Motion) -> Work:
        work = super().prepare(job, params)
        # Whether the cache is hit depends on the weights' values.
        self.last = replace(work, recipe=work.recipe.model_copy(update={"cache": 0.0}))
        return self.last

    def decoded(self, vae: AutoencoderKLWan, clean: Tensor) -> Iterator[Tensor]:
        return motion.footage(super().decoded(vae, clean))

    def bare(self, forwards: int) -> dict[str, float]:
        """Seconds of `forwards` forward passes, of both texts or one, and of the autoencoder both ways, each alone."""
        work, size = self.last, self.last.made.size
        with self.stages.use(work.encoder) as encoder:
            ids = torch.ones(1, 512, dtype=torch.long, device=self.where)
            texts = motion.repeated(lambda: encoder(ids, ids)) * (2 if work.recipe.guided else 1)
        with self.stages.use(work.vae) as vae:
            shape = lat.shape(vae, work.made.frames, size.height, size.width)
            noise = torch.randn(shape, device=self.where)
            decode = motion.repeated(lambda: list(lat.decode(vae, noise)), 3)
            picture = torch.zeros(1, 3, size.height, size.width, device=self.where)
            encode = motion.repeated(lambda: lat.joined_condition(vae, picture, None, work.made.frames), 3)
        with self.stages.use(work.experts["high"]) as model:
            channels, width = model.config.in_channels, model.config.text_dim
            hidden = torch.randn(1, channels, *shape[2:], device=self.where, dtype=self.dtype)
            text = torch.randn(1, 512, width, device=self.where, dtype=self.dtype)
            when = torch.tensor([500.0], device=self.where)
            one = motion.repeated(
                lambda: model(hidden_states=hidden, timestep=when, encoder_hidden_states=text, return_dict=False)
            )
        return {"texts": texts, "forwards": one * forwards, "vae_encode": encode, "vae_decode": decode}


def full(folder: Path) -> None:
    """Say of tiny networks that they are of full size."""
    for part, config in (("transformer", TRANSFORMER), ("transformer_2", TRANSFORMER), ("vae", VAE)):
        motion.configure(folder / part, config)
    motion.configure(folder / "text_encoder", ENCODER)


def case(engine: Benchmark, folder: Path, tier: Tier, options: argparse.Namespace) -> dict[str, Any]:
    """One tier."""
    size, frames = (TINY, 9) if options.tiny else (FULL, 81)
    steps = None if tier == "draft" else STEPS
    params = Motion(
        prompt="a lone rider crosses the salt flat", size=size, frames=frames, rate=Rate(num=16), tier=tier, steps=steps
    )
    assert canvas(params, engine.manifest).size == size
    forwards = 4 if tier == "draft" else 2 * STEPS
    found = motion.measured(
        engine,
        lambda n: motion.job(folder / f"{tier}{n}", engine.manifest, params),
        options.repeat,
        lambda: engine.bare(forwards),
    )
    return {**found, "forwards": forwards, "step_s": round(found["stages_s"]["denoise"] / (steps or 4), 4)}


def main() -> None:
    """Measure the tiers that are asked for."""
    options = motion.arguments("Wan 2.2 A14B, 832x480, 81 frames")
    with motion.workplace() as folder:
        weights = folder / "weights"
        weights.mkdir()
        wan.a14b(weights / "wan2.2-i2v-a14b")
        wan.distilled(weights / "wan2.2-distill-loras")
        if not options.tiny:
            full(weights / "wan2.2-i2v-a14b")
        os.environ.update(lock.environment(weights))
        Benchmark.tiny = options.tiny
        engine = Benchmark(small("motion-wan", TINY if options.tiny else FULL))
        tiers: list[Tier] = options.tier or ["draft", "standard"]
        motion.report("wan", options.out, {tier: case(engine, folder, tier, options) for tier in tiers})


if __name__ == "__main__":
    main()
