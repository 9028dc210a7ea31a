"""What a job loads, how large it is, and when it is needed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2Transformer2DModel
from torch import nn
from transformers import Qwen3Config, Qwen3Model

from functions.contract.base import Size
from functions.models import load, tensors
from functions.models.plan import ModelSize
from functions.models.snapshots import Snapshots
from functions.models.staging import Model

SET = "flux2-klein-4b"
TOKEN_BYTES, VAE_PER_PIXEL, TILED = 400_000, 4_000, 1_200_000_000
"""Bytes of activations: a token of the transformer, a pixel of decoding, decoding a tile. Estimates."""
TEXT_BYTES = 600_000_000
"""Activations of the text encoder. An estimate."""


@dataclass(frozen=True)
class Models:
    """The models of one worker; files are checked when they are first asked for."""

    snapshots: Snapshots
    dtype: torch.dtype

    @property
    def folder(self) -> Path:
        """Where the weights lie. Raises `EngineError` where a file is missing or altered."""
        return self.snapshots.folder(SET)

    def scheduler(self) -> FlowMatchEulerDiscreteScheduler:
        """The solver as published: flow matching, shifted by the number of tokens."""
        return FlowMatchEulerDiscreteScheduler.from_config(_json(self.folder / "scheduler/scheduler_config.json"))

    def text_encoder(self, deepest: int) -> Model:
        """Qwen3 up to one layer above the deepest that is read: its last layer's states would come normalised."""
        values = _json(self.folder / "text_encoder/config.json")
        values["num_hidden_layers"] = kept = min(deepest + 1, values["num_hidden_layers"])
        values.pop("layer_types", None)
        config = Qwen3Config.from_dict(values)

        def rename(name: str) -> str | None:
            own = name.removeprefix("model.")
            above = own.startswith("layers.") and int(own.split(".")[1]) >= kept
            return None if above or name == "lm_head.weight" else own

        return self._model("text_encoder", lambda: Qwen3Model(config), TEXT_BYTES, rename)

    def transformer(self, seen: int) -> Model:
        """The denoiser, for `seen` tokens of text and pictures together."""
        values = _json(self.folder / "transformer/config.json")
        return self._model("transformer", lambda: Flux2Transformer2DModel.from_config(values), TOKEN_BYTES * seen)

    def vae(self, size: Size) -> Model:
        """The VAE."""
        values = _json(self.folder / "vae/config.json")
        working = VAE_PER_PIXEL * size.width * size.height
        tiled = min(working, TILED)
        return self._model("vae", lambda: AutoencoderKLFlux2.from_config(values), working, tiled=tiled)

    def _model(self, name: str, build: Any, working: int, rename: Any = lambda name: name, tiled: int = 0) -> Model:
        files = sorted((self.folder / name).glob("*.safetensors"))
        numbers = sum(
            torch.Size(t.shape).numel() for f in files for n, t in tensors.index(f).items() if rename(n) is not None
        )
        size = ModelSize(name, numbers * self.dtype.itemsize, working, tiled_bytes=tiled)

        def loaded(device: torch.device) -> nn.Module:
            module: nn.Module = load.load_module(build, files, device, self.dtype, rename=rename)
            return module

        return Model((name, self.snapshots.digest(SET)), size, loaded)


def _json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return values
