"""LTX-Video on this machine's GPU: `python -m tests.benchmarks.gpu.ltx [--tiny] [--tier draft] [--repeat 5]`.

704x512, 121 frames, 2B; the draft in 8 steps at one size, the standard tier in 7 + 3 steps at two.
"""

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from diffusers.pipelines.ltx.modeling_latent_upsampler import LTXLatentUpsamplerModel
from torch import Tensor
from transformers import T5Config, T5EncoderModel

from functions.contract.base import Rate, Size, Tier
from functions.contract.params import Motion
from functions.models.staging import Model
from functions.motion_ltx import latents as lat
from functions.motion_ltx import recipes
from functions.motion_ltx.engine import MotionLtx, Work, drawn
from functions.motion_ltx.models import Networks
from tests.benchmarks.gpu import motion
from tests.servers.checkpoints import lock, ltx
from tests.servers.motion import small

ENCODER = {"vocab_size": 32128, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
FULL, TINY = Size(width=704, height=512), Size(width=96, height=64)


class RandomNetworks(Networks):
    """The 2B models of full size, without files."""

    def encoder(self, tokens: int) -> Model:
        config: Any = T5Config(**ENCODER, feed_forward_proj="gated-gelu", is_encoder_decoder=False)
        return motion.randomised(super().encoder(tokens), T5EncoderModel, config, self.dtype)

    def transformer(self, size: Size, frames: int) -> Model:
        config = recipes.data().transformers["2b"]
        return motion.randomised(super().transformer(size, frames), LTXVideoTransformer3DModel, config, self.dtype)

    def vae(self, size: Size, frames: int) -> Model:
        return motion.randomised(super().vae(size, frames), AutoencoderKLLTXVideo, recipes.data().vae, self.dtype)

    def upsampler(self, size: Size, frames: int) -> Model:
        model, config = super().upsampler(size, frames), recipes.data().upsampler
        return motion.randomised(model, LTXLatentUpsamplerModel, config, self.dtype)


class Benchmark(MotionLtx):
    """The engine, with random networks unless the tiny ones are asked for."""

    tiny = False
    last: Work

    def networks(self, recipe: recipes.Recipe) -> Networks:
        kind = Networks if self.tiny else RandomNetworks
        return kind(recipe, self.snapshots, self.device, self.dtype)

    def prepare(self, job: Any, params: Motion) -> Work:
        self.last = super().prepare(job, params)
        return self.last

    def decoded(
        self, vae: AutoencoderKLLTXVideo, clean: Tensor, recipe: recipes.Recipe, draw: lat.Noise
    ) -> Iterator[Tensor]:
        return motion.footage(super().decoded(vae, clean, recipe, draw))

    def bare(self) -> dict[str, float]:
        """Seconds of every forward pass of a job, each network alone at each size."""
        work = self.last
        with self.stages.use(work.encoder) as encoder:
            ids = torch.ones(1, 256, dtype=torch.long, device=self.where)
            found = {"texts": motion.repeated(lambda: encoder(ids, ids))}
        for number, size in enumerate(work.sizes):
            shape = lat.grid(work.made.frames, size.height, size.width)
            steps = len(work.recipe.second if number else work.recipe.first)
            found[f"forwards{number + 1}"] = self._forward(work, shape) * steps
        with self.stages.use(work.vae) as vae:
            channels = vae.config.latent_channels
            latents = torch.randn(1, channels, *shape, device=self.where)
            found["vae_decode"] = motion.repeated(
                lambda: list(lat.decode(vae, latents, 0.05, 0.025, partial(drawn, 0))), 3
            )
            picture = torch.zeros(1, 3, size.height, size.width, device=self.where)
            found["vae_encode"] = motion.repeated(lambda: lat.encode(vae, picture), 3)
        return found

    def _forward(self, work: Work, shape: lat.Grid) -> float:
        with self.stages.use(work.transformer) as model:
            channels, width = model.config.in_channels, model.config.caption_channels
            count = shape[0] * shape[1] * shape[2]
            tokens = torch.randn(1, count, channels, device=self.where, dtype=self.dtype)
            text = torch.randn(1, 256, width, device=self.where, dtype=self.dtype)
            values = {
                "hidden_states": tokens,
                "encoder_hidden_states": text,
                "timestep": torch.full((1, count), 500.0, device=self.where),
                "encoder_attention_mask": torch.ones(1, 256, dtype=torch.bool, device=self.where),
                "video_coords": lat.places(shape).to(self.where),
                "return_dict": False,
            }
            return motion.repeated(lambda: model(**values))


def full(weights: Path) -> None:
    """Say of tiny networks that they are of full size."""
    known = recipes.data()
    folder = weights / known.draft.weights
    motion.configure(folder / "transformer", known.transformers["2b"])
    motion.configure(folder / "vae", known.vae)
    motion.configure(weights / recipes.TEXT_ENCODER / "text_encoder", ENCODER)


def case(engine: Benchmark, folder: Path, tier: Tier, options: argparse.Namespace) -> dict[str, Any]:
    """One tier."""
    size, frames = (TINY, 17) if options.tiny else (FULL, 121)
    params = Motion(prompt="a lone rider crosses the salt flat", size=size, frames=frames, rate=Rate(num=24), tier=tier)
    return motion.measured(
        engine, lambda n: motion.job(folder / f"{tier}{n}", engine.manifest, params), options.repeat, engine.bare
    )


def main() -> None:
    """Measure the tiers that are asked for."""
    options = motion.arguments("LTX-Video 2B, 704x512, 121 frames")
    with motion.workplace() as folder:
        weights = folder / "weights"
        weights.mkdir()
        ltx.single_file(weights / "ltxv-2b-0.9.8-distilled")
        ltx.upsampler(weights / recipes.UPSAMPLER)
        ltx.text_encoder(weights / recipes.TEXT_ENCODER)
        if not options.tiny:
            full(weights)
        os.environ.update(lock.environment(weights))
        Benchmark.tiny = options.tiny
        engine = Benchmark(small("motion-ltx", TINY if options.tiny else FULL))
        tiers: list[Tier] = options.tier or ["draft", "standard"]
        motion.report("ltx", options.out, {tier: case(engine, folder, tier, options) for tier in tiers})


if __name__ == "__main__":
    main()
