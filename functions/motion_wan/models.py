"""The networks of an engine: found in their weight sets, sized for the plan, and loaded as variants."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import nn
from transformers import AutoConfig, UMT5EncoderModel

from functions.contract.base import Size
from functions.models.adapters import Lora
from functions.models.device import Device
from functions.models.load import load_module
from functions.models.plan import ModelSize
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, shapes, stored_bytes
from functions.motion_wan.recipes import Distilled, Expert, Family

FOLDERS: Mapping[Expert, str] = {"high": "transformer", "low": "transformer_2"}


@dataclass(frozen=True)
class Variant:
    """Adapters laid over an expert, with their strengths; `name` tells variants apart."""

    name: str
    adapters: tuple[tuple[Lora, float], ...] = ()


class Networks:
    """The models of one engine on one device."""

    def __init__(self, family: Family, snapshots: Snapshots, device: Device) -> None:
        self._family, self._snapshots = family, snapshots
        self._where = device
        self.dtype = torch.bfloat16 if device.vram_bytes else torch.float32
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
        files = parts(folder)
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        working = tokens * (config.d_ff * 3 + config.d_model * 8) * self.dtype.itemsize

        def load(where: torch.device) -> nn.Module:
            return load_module(lambda: UMT5EncoderModel(config), files, where, self.dtype)

        return Model((self.digest, "text_encoder"), self._size("text_encoder", files, working), load)

    def vae(self, size: Size, frames: int) -> Model:
        """The autoencoder, with what it takes to decode a clip of this size."""
        folder = self.folder / "vae"
        files, config = parts(folder), json.loads((folder / "config.json").read_text("utf-8"))
        pixels = size.width * size.height
        wide = (config.get("decoder_base_dim") or config.get("base_dim", 96)) * 40 * self.dtype.itemsize
        patch = (config.get("patch_size") or 1) ** 2
        whole = frames * pixels * 3 * 3 * self.dtype.itemsize
        sizes = self._size("vae", files, pixels // patch * wide, tiled=256 * 256 // patch * wide + whole)

        def load(where: torch.device) -> nn.Module:
            return load_module(lambda: AutoencoderKLWan.from_config(config), files, where, self.dtype)

        return Model((self.digest, "vae"), sizes, load)

    def expert(self, expert: Expert, size: Size, frames: int, variant: Variant, distilled: Distilled | None) -> Model:
        """An expert as the recipe has it: the published one, or the distilled one in its place, with the adapters."""
        folder = self.folder / self._part(expert)
        files = [self.whole(distilled, expert)] if distilled and distilled.form == "experts" else parts(folder)
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        inner = config["num_attention_heads"] * config["attention_head_dim"]
        tokens = _tokens(size, frames, 16 if self.single else 8)
        working = tokens * (inner * 16 + config["ffn_dim"] * 4) * self.dtype.itemsize // 2

        def load(where: torch.device) -> nn.Module:
            module = load_module(lambda: WanTransformer3DModel.from_config(config), files, where, self.dtype)
            lay(module, variant.adapters)
            return module

        key = (self.digest, self._part(expert), files[0].name, variant.name)
        return Model(key, self._size(self._part(expert), files, working, group="denoise", quantisable=True), load)

    def shapes(self, expert: Expert) -> dict[str, tuple[int, ...]]:
        """Names and shapes of an expert's weights, for adapters to match."""
        return shapes(parts(self.folder / self._part(expert)))

    def whole(self, distilled: Distilled, expert: Expert) -> Path:
        """The file of a distilled recipe for an expert."""
        return self._snapshots.folder(distilled.weights) / (distilled.high if expert == "high" else distilled.low)

    def _part(self, expert: Expert) -> str:
        return "transformer" if self.single else FOLDERS[expert]

    def _size(
        self,
        name: str,
        files: Sequence[Path],
        working: int,
        *,
        tiled: int = 0,
        group: str = "",
        quantisable: bool = False,
    ) -> ModelSize:
        return ModelSize(name, stored_bytes(files, self.dtype.itemsize), working, group, tiled, quantisable)


def parts(folder: Path) -> list[Path]:
    """The safetensors files of one model."""
    return sorted(folder.glob("*.safetensors"))


def _tokens(size: Size, frames: int, scale: int) -> int:
    return ((frames - 1) // 4 + 1) * (size.height // scale // 2) * (size.width // scale // 2)


@torch.no_grad()
def lay(module: nn.Module, adapters: Sequence[tuple[Lora, float]]) -> None:
    """Add each adapter's delta to the weights it names, summed in fp32."""
    weights = dict(module.named_parameters())
    for name in sorted({name for lora, _ in adapters for name in lora.factors}):
        weight = weights[name]
        total = weight.float()
        for lora, strength in adapters:
            if name in lora.factors:
                total = total + strength * lora.delta(name).to(weight.device).view_as(weight)
        weight.copy_(total)
