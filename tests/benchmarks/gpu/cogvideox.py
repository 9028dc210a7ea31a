"""CogVideoX 5B on this machine's GPU: `python -m tests.benchmarks.gpu.cogvideox [--tiny] [--repeat 2] [--out DIR]`.

720x480, 49 frames, 50 steps with guidance.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from torch import Tensor
from transformers import T5Config, T5EncoderModel

from functions.contract.base import Rate, Size, Tier
from functions.contract.manifest import DurationGrid
from functions.contract.params import Motion
from functions.models.staging import Load, Model
from functions.motion_cogvideox import latents as lat
from functions.motion_cogvideox.denoise import rotary
from functions.motion_cogvideox.engine import MotionCogVideoX, Work
from functions.motion_cogvideox.models import Networks
from functions.motion_cogvideox.recipes import WEIGHTS
from tests.benchmarks.gpu import ltx, motion
from tests.servers.checkpoints import cogvideox, lock
from tests.servers.motion import small

TRANSFORMER: dict[str, Any] = {
    "num_attention_heads": 48,
    "attention_head_dim": 64,
    "in_channels": 32,
    "out_channels": 16,
    "num_layers": 42,
    "text_embed_dim": 4096,
    "time_embed_dim": 512,
    "sample_width": 90,
    "sample_height": 60,
    "sample_frames": 49,
    "use_rotary_positional_embeddings": True,
    "use_learned_positional_embeddings": True,
}
VAE: dict[str, Any] = {
    "latent_channels": 16,
    "block_out_channels": (128, 256, 256, 512),
    "layers_per_block": 3,
    "down_block_types": ("CogVideoXDownBlock3D",) * 4,
    "up_block_types": ("CogVideoXUpBlock3D",) * 4,
}
FULL, TINY = Size(width=720, height=480), Size(width=cogvideox.COLUMNS, height=cogvideox.ROWS)
TINY_STEPS = 4


def tiled(load: Load) -> Load:
    """As the engine loads its autoencoder."""

    def loaded(where: torch.device) -> Any:
        module: Any = load(where)
        module.enable_tiling()
        return module

    return loaded


class RandomNetworks(Networks):
    """The models of full size, without files."""

    def encoder(self, tokens: int) -> Model:
        config: Any = T5Config(**ltx.ENCODER, feed_forward_proj="gated-gelu", is_encoder_decoder=False)
        return motion.randomised(super().encoder(tokens), T5EncoderModel, config, self.dtype)

    def transformer(self, size: Size, frames: int) -> Model:
        return motion.randomised(
            super().transformer(size, frames), CogVideoXTransformer3DModel, TRANSFORMER, self.dtype
        )

    def vae(self, size: Size, frames: int) -> Model:
        made = motion.randomised(super().vae(size, frames), AutoencoderKLCogVideoX, VAE, self.dtype)
        return replace(made, load=tiled(made.load))


class Benchmark(MotionCogVideoX):
    """The engine, with random networks unless the tiny ones are asked for."""

    tiny = False
    last: Work

    def networks(self) -> Networks:
        kind = Networks if self.tiny else RandomNetworks
        return kind(self.snapshots, self.device, self.dtype)

    def prepare(self, job: Any, params: Motion) -> Work:
        self.last = super().prepare(job, params)
        return self.last

    def decoded(self, vae: AutoencoderKLCogVideoX, clean: Tensor) -> Iterator[Tensor]:
        return motion.footage(super().decoded(vae, clean))

    def bare(self) -> dict[str, float]:
        """Seconds of every forward pass of a job, each network alone."""
        work, size, frames = self.last, self.last.made.size, self.last.made.frames
        with self.stages.use(work.encoder) as encoder:
            ids = torch.ones(1, 226, dtype=torch.long, device=self.where)
            found = {"texts": 2 * motion.repeated(lambda: encoder(ids))}
        with self.stages.use(work.transformer) as model:
            shape = lat.shape(model.config.in_channels, frames, size.height, size.width)
            values = {
                "hidden_states": torch.randn(shape, device=self.where, dtype=self.dtype),
                "encoder_hidden_states": torch.randn(
                    1, 226, model.config.text_embed_dim, device=self.where, dtype=self.dtype
                ),
                "timestep": torch.tensor([500], device=self.where),
                "image_rotary_emb": rotary(model.config, shape[1], shape[3], shape[4], self.where),
                "return_dict": False,
            }
            found["forwards"] = 2 * work.recipe.steps * motion.repeated(lambda: model(**values))
        with self.stages.use(work.vae) as vae:
            latents = torch.randn(1, shape[1], vae.config.latent_channels, *shape[3:], device=self.where)
            found["vae_decode"] = motion.repeated(lambda: list(lat.decode(vae, latents)), 3)
            picture = torch.zeros(1, 3, size.height, size.width, device=self.where)
            found["vae_encode"] = motion.repeated(lambda: lat.encode(vae, picture, shape[1]), 3)
        return found


def full(folder: Path) -> None:
    """Say of tiny networks that they are of full size."""
    motion.configure(folder / "transformer", {**TRANSFORMER, "max_text_seq_length": 226, "patch_size": 2})
    motion.configure(folder / "vae", VAE)
    motion.configure(folder / "text_encoder", ltx.ENCODER)


def case(engine: Benchmark, folder: Path, tier: Tier, options: argparse.Namespace) -> dict[str, Any]:
    """One tier."""
    size, frames = (TINY, cogvideox.FRAMES) if options.tiny else (FULL, 49)
    steps = TINY_STEPS if options.tiny else None
    params = Motion(
        prompt="a lone rider crosses the salt flat", size=size, frames=frames, rate=Rate(num=8), tier=tier, steps=steps
    )
    return motion.measured(
        engine, lambda n: motion.job(folder / f"{tier}{n}", engine.manifest, params), options.repeat, engine.bare
    )


def main() -> None:
    """Measure the tiers that are asked for."""
    options = motion.arguments("CogVideoX 5B I2V, 720x480, 49 frames")
    with motion.workplace() as folder:
        weights = folder / "weights"
        weights.mkdir()
        cogvideox.i2v(weights / WEIGHTS)
        if not options.tiny:
            full(weights / WEIGHTS)
        os.environ.update(lock.environment(weights))
        Benchmark.tiny = options.tiny
        grid = DurationGrid(base=cogvideox.FRAMES, shortest=cogvideox.FRAMES, longest=cogvideox.FRAMES)
        manifest = small("motion-cogvideox", TINY, durations=grid) if options.tiny else small("motion-cogvideox", FULL)
        engine = Benchmark(manifest)
        tiers: list[Tier] = options.tier or ["final"]
        motion.report("cogvideox", options.out, {tier: case(engine, folder, tier, options) for tier in tiers})


if __name__ == "__main__":
    main()
