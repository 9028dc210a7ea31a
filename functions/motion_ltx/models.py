"""The networks of a recipe: found in their weight sets, sized for the plan."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from diffusers.pipelines.ltx.modeling_latent_upsampler import LTXLatentUpsamplerModel
from torch import nn
from transformers import T5EncoderModel

from functions.contract.base import Size
from functions.models.device import Device
from functions.models.kernels import eight_bit, ready_autoencoder, ready_transformer
from functions.models.load import load_module
from functions.models.plan import ModelSize
from functions.models.snapshots import Snapshots
from functions.models.staging import Load, Model, config_of, files_of, published, shapes, stored_bytes, t5_encoder
from functions.motion_ltx.latents import grid
from functions.motion_ltx.names import transformer_name, vae_name
from functions.motion_ltx.recipes import TEXT_ENCODER, UPSAMPLER, UPSAMPLER_FILE, Recipe, data

DECODED = 7
"""Maps of the decoder's narrowest width, at a patch's resolution, that lie in memory at once."""
TILE = 512 * 512
"""Pixels of a tile."""
TILE_FRAMES = 25
"""Frames of a tile, at most."""
Rename = Callable[[str], str | None]
Config = dict[str, Any]
Part = tuple[Config, Load, int]


class Networks:
    """The models of one recipe, their weights in `dtype`."""

    def __init__(self, recipe: Recipe, snapshots: Snapshots, device: Device, dtype: torch.dtype) -> None:
        self._recipe, self._snapshots, self._device, self.dtype = recipe, snapshots, device, dtype

    @property
    def text_digest(self) -> str:
        """sha256 that names the text encoder's weights."""
        return self._snapshots.digest(TEXT_ENCODER)

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's folder."""
        return self._snapshots.folder(TEXT_ENCODER) / "tokenizer"

    def encoder(self, tokens: int) -> Model:
        """T5-XXL."""
        folder = self._snapshots.folder(TEXT_ENCODER) / "text_encoder"
        return t5_encoder(T5EncoderModel, folder, self.dtype, (self.text_digest, "text_encoder"), tokens)

    def transformer(self, size: Size, frames: int) -> Model:
        """The denoiser."""
        config, load, stored = self._part("transformer", LTXVideoTransformer3DModel, transformer_name)
        count, rows, columns = grid(frames, size.height, size.width)
        inner = config["num_attention_heads"] * config["attention_head_dim"]
        working = count * rows * columns * inner * 30 * self.dtype.itemsize
        sizes = ModelSize("transformer", stored, working, quantisable=True)
        put = eight_bit(self._device, "transformer_blocks")
        ready = ready_transformer(self._device, "transformer_blocks")
        return Model((self._digest, "transformer"), sizes, load, put, ready, graphs=True)

    def vae(self, size: Size, frames: int) -> Model:
        """The autoencoder, with what it takes to decode a clip of this size."""
        config, load, stored = self._part("vae", AutoencoderKLLTXVideo, vae_name)
        narrow = config["decoder_block_out_channels"][0] // 2
        wide = -(-narrow * DECODED // config["patch_size"] ** 2) * self.dtype.itemsize
        whole = frames * size.width * size.height * 3 * 3 * self.dtype.itemsize
        sizes = ModelSize(
            "vae",
            stored,
            frames * size.width * size.height * wide,
            tiled_bytes=min(frames, TILE_FRAMES) * TILE * wide + whole,
        )
        return Model((self._digest, "vae"), sizes, load, ready=ready_autoencoder)

    def upsampler(self, size: Size, frames: int) -> Model:
        """The network that doubles rows and columns of latents."""
        folder, known = self._snapshots.folder(UPSAMPLER), data().upsampler
        config, load, stored = self._laid(
            folder, "latent_upsampler", UPSAMPLER_FILE, LTXLatentUpsamplerModel, known, lambda name: name
        )
        count, rows, columns = grid(frames, size.height, size.width)
        working = count * rows * columns * config["mid_channels"] * 12 * self.dtype.itemsize
        key = (self._snapshots.digest(UPSAMPLER), "upsampler")
        return Model(key, ModelSize("upsampler", stored, working), load)

    @property
    def _digest(self) -> str:
        return self._snapshots.digest(self._recipe.weights)

    def _part(self, name: str, kind: Any, renamed: Rename) -> Part:
        known = data().transformers[self._recipe.size] if name == "transformer" else data().vae
        return self._laid(self._snapshots.folder(self._recipe.weights), name, self._recipe.file, kind, known, renamed)

    def _laid(self, folder: Path, name: str, file: str, kind: Any, known: Config, renamed: Rename) -> Part:
        """Configuration, loader and bytes of a part that lies in a folder of its own, or in a file with others."""
        own, itemsize = folder / name, self.dtype.itemsize
        if files_of(own):
            return config_of(own), published(kind, own, self.dtype), stored_bytes(files_of(own), itemsize)
        path, config = folder / file, config_of(own) if own.is_dir() else known
        count = sum(torch.Size(shape).numel() for key, shape in shapes([path]).items() if renamed(key))

        def load(where: torch.device) -> nn.Module:
            module: nn.Module = load_module(lambda: kind.from_config(config), [path], where, self.dtype, rename=renamed)
            return module

        return config, load, count * itemsize
