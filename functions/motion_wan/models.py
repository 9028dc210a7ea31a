"""The networks of an engine: found in their weight sets, sized for the plan, and loaded as variants."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.models.autoencoders.autoencoder_kl_wan import CACHE_T
from torch import nn
from transformers import UMT5EncoderModel

from functions.contract.base import Size
from functions.models.adapters import Lora
from functions.models.device import Device
from functions.models.kernels import channels_last, compile_when, compiling, eight_bit, ready_transformer
from functions.models.load import load_module
from functions.models.names import wan_native
from functions.models.plan import ModelSize
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, config_of, files_of, shapes, stored_bytes, t5_encoder
from functions.models.variants import summed
from functions.motion_wan.adapters import Variant
from functions.motion_wan.latents import Cache
from functions.motion_wan.recipes import Distilled, Expert, Family, Native

FOLDERS: Mapping[Expert, str] = {"high": "transformer", "low": "transformer_2"}
DECODED = 64
"""Full-size maps of the decoder's narrowest width that lie in memory at once, measured on an H100, encoding too."""
TILE = 256 * 256
"""Pixels of a tile."""
Rename = Callable[[str], str | None]


class Networks:
    """The models of one engine, their weights in `dtype`."""

    def __init__(self, family: Family, snapshots: Snapshots, device: Device, dtype: torch.dtype) -> None:
        self._family, self._snapshots, self._device, self.dtype = family, snapshots, device, dtype
        self.single = family.experts == 1

    @property
    def folder(self) -> Path:
        """The folder of the engine's weights, checked. Raises `EngineError`."""
        return self._snapshots.folder(self._family.weights)

    @property
    def digest(self) -> str:
        """sha256 that names the weights."""
        return self._snapshots.digest(self._family.weights)

    def encoder(self, tokens: int) -> Model:
        """UMT5."""
        folder = self.folder / "text_encoder"
        return t5_encoder(UMT5EncoderModel, folder, self.dtype, (self.digest, "text_encoder"), tokens)

    @property
    def sets(self) -> tuple[str, ...]:
        """The weight sets of the engine itself."""
        native = self._native
        return (self._family.weights, *([native.weights] if native else []))

    def vae(self, size: Size, frames: int, precision: Literal["bf16", "fp32"]) -> Model:
        """The autoencoder, with what it takes to decode a clip of this size."""
        folder = self.folder / "vae"
        dtype = torch.float32 if precision == "fp32" else self.dtype
        config = self._config(folder, {})
        files = files_of(folder)
        pixels, patch = size.width * size.height, (config.get("patch_size") or 1) ** 2
        wide = (config.get("decoder_base_dim") or config.get("base_dim", 96)) * DECODED * dtype.itemsize
        whole = frames * pixels * 3 * 3 * dtype.itemsize
        stored = stored_bytes(files, dtype.itemsize)
        sizes = ModelSize("vae", stored, pixels // patch * wide, tiled_bytes=TILE // patch * wide + whole)

        def load(where: torch.device) -> nn.Module:
            module: nn.Module = load_module(lambda: AutoencoderKLWan.from_config(config), files, where, dtype)
            return module

        return Model((self.digest, "vae", precision), sizes, load, ready=ready)

    def expert(self, expert: Expert, size: Size, frames: int, variant: Variant, distilled: Distilled | None) -> Model:
        """An expert as the recipe has it: the published one, or the distilled one in its place, with the adapters."""
        config, files, rename = self._published(expert)
        if distilled and distilled.form == "experts":
            files, rename = [self.whole(distilled, expert)], self._from_native(config)
        inner = config["num_attention_heads"] * config["attention_head_dim"]
        tokens = _tokens(size, frames, 16 if self.single else 8)
        working = tokens * (inner * 11 + config["ffn_dim"] * 3) * self.dtype.itemsize

        def load(where: torch.device) -> nn.Module:
            module: nn.Module = load_module(
                lambda: WanTransformer3DModel.from_config(config), files, where, self.dtype, rename=rename
            )
            lay(module, variant.adapters, torch.device(self._device.torch_device))
            return module

        stored = stored_bytes(files, self.dtype.itemsize)
        sizes = ModelSize(self._part(expert), stored, working, quantisable=True)
        key = (self._expert_digest, self._part(expert), files[0].name, variant.name)
        return Model(key, sizes, load, eight_bit(self._device, "blocks"), ready_transformer(self._device, "blocks"))

    def shapes(self, expert: Expert) -> dict[str, tuple[int, ...]]:
        """Names and shapes of an expert's weights, for adapters to match."""
        _, files, rename = self._published(expert)
        return {new: shape for name, shape in shapes(files).items() if (new := rename(name)) is not None}

    def whole(self, distilled: Distilled, expert: Expert) -> Path:
        """The file of a distilled recipe for an expert."""
        return self._snapshots.folder(distilled.weights) / (distilled.high if expert == "high" else distilled.low)

    @property
    def _native(self) -> Native | None:
        """Where the experts lie, if not in folders of the engine's own set."""
        return None if files_of(self.folder / self._part("high")) else self._family.native

    @property
    def _expert_digest(self) -> str:
        return self._snapshots.digest(self.sets[-1])

    def _published(self, expert: Expert) -> tuple[dict[str, Any], list[Path], Rename]:
        """Configuration and files of a published expert, and what its names become. Raises `EngineError`."""
        if (native := self._native) is None:
            folder = self.folder / self._part(expert)
            return config_of(folder), files_of(folder), _same
        config = self._config(self.folder / self._part(expert), native.transformer)
        file = self._snapshots.folder(native.weights) / (native.high if expert == "high" else native.low)
        return config, [file], self._from_native(config)

    @staticmethod
    def _config(folder: Path, known: dict[str, Any]) -> dict[str, Any]:
        return config_of(folder) if (folder / "config.json").is_file() else known

    @staticmethod
    def _from_native(config: dict[str, Any]) -> Rename:
        """Names in Wan's own files -> names in the library's module."""
        with torch.device("meta"):
            module = WanTransformer3DModel.from_config(config)
        return {native: name for name in module.state_dict() if (native := wan_native(name)) is not None}.get

    def _part(self, expert: Expert) -> str:
        return "transformer" if self.single else FOLDERS[expert]


def ready(vae: nn.Module) -> None:
    """Readies the autoencoder for a GPU: channels last, and its decoder compiled for all latent frames but the first
    two, before which it has not yet kept as much as it looks back on.
    """
    channels_last(vae)
    if compiling():
        compile_when(vae.get_submodule("decoder"), looks_back)


def looks_back(_: torch.Tensor, feat_cache: Cache, **__: object) -> bool:
    """Whether every convolution of the decoder that keeps anything has two frames of the past."""
    return any(torch.is_tensor(kept) for kept in feat_cache) and all(
        kept is None or (torch.is_tensor(kept) and kept.shape[2] == CACHE_T) for kept in feat_cache
    )


def _same(name: str) -> str:
    return name


def _tokens(size: Size, frames: int, scale: int) -> int:
    return ((frames - 1) // 4 + 1) * (size.height // scale // 2) * (size.width // scale // 2)


@torch.no_grad()
def lay(module: nn.Module, adapters: Sequence[tuple[Lora, float]], where: torch.device) -> None:
    """Add each adapter's delta to the weights it names, summed in fp32 on a device, wherever they lie."""
    weights = dict(module.named_parameters())
    for name in sorted({name for lora, _ in adapters for name in lora.factors}):
        weights[name].copy_(summed(name, weights[name], adapters, where))
