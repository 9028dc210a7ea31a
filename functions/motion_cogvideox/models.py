"""The networks: found in their weight set, sized for the plan."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from torch import nn
from transformers import T5EncoderModel

from functions.contract.base import Size
from functions.models.device import Device
from functions.models.kernels import channels_last, eight_bit, ready_transformer
from functions.models.plan import ModelSize
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, config_of, files_of, published, stored_bytes, t5_encoder
from functions.motion_cogvideox.recipes import WEIGHTS

DECODED = 175
"""Maps of a tile and the decoder's narrowest width that lie in memory at once, for the frames of one batch, measured
on an H100."""


class Networks:
    """The models, their weights in `dtype`."""

    def __init__(self, snapshots: Snapshots, device: Device, dtype: torch.dtype) -> None:
        self._snapshots, self._device, self.dtype = snapshots, device, dtype

    @property
    def folder(self) -> Path:
        """The folder of the weights, checked. Raises `EngineError`."""
        return self._snapshots.folder(WEIGHTS)

    @property
    def digest(self) -> str:
        """sha256 that names the weights."""
        return self._snapshots.digest(WEIGHTS)

    @property
    def generated(self) -> float:
        """What a keyframe's latent as a condition is multiplied with, to be as those that are generated."""
        config = config_of(self.folder / "vae")
        return float(config["scaling_factor"]) ** 2 if config.get("invert_scale_latents") else 1.0

    def encoder(self, tokens: int) -> Model:
        """T5-XXL."""
        folder = self.folder / "text_encoder"
        return t5_encoder(T5EncoderModel, folder, self.dtype, (self.digest, "text_encoder"), tokens)

    def transformer(self, size: Size, frames: int) -> Model:
        """The denoiser."""
        folder = self.folder / "transformer"
        config = config_of(folder)
        inner = config["num_attention_heads"] * config["attention_head_dim"]
        tokens = ((frames - 1) // 4 + 1) * (size.height // 16) * (size.width // 16) + config["max_text_seq_length"]
        sizes = ModelSize(
            "transformer",
            stored_bytes(files_of(folder), self.dtype.itemsize),
            tokens * inner * 20 * self.dtype.itemsize,
            quantisable=True,
        )
        put = eight_bit(self._device, "transformer_blocks")
        load = published(CogVideoXTransformer3DModel, folder, self.dtype)
        return Model(
            (self.digest, "transformer"), sizes, load, put, ready_transformer(self._device, "transformer_blocks")
        )

    def vae(self, size: Size, frames: int) -> Model:
        """The autoencoder, which always works in tiles of half the rows and columns."""
        folder = self.folder / "vae"
        config = config_of(folder)
        tile = size.width * size.height // 4
        wide = config["block_out_channels"][0] * DECODED * self.dtype.itemsize
        whole = frames * size.width * size.height * 3 * 3 * self.dtype.itemsize
        sizes = ModelSize("vae", stored_bytes(files_of(folder), self.dtype.itemsize), tile * wide + whole)
        load = published(AutoencoderKLCogVideoX, folder, self.dtype)

        def tiled(where: torch.device) -> nn.Module:
            module: Any = load(where)
            module.enable_tiling()
            made: nn.Module = module
            return made

        return Model((self.digest, "vae"), sizes, tiled, ready=channels_last)
