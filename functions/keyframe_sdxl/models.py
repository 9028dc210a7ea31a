"""What a job loads, how large it is, and when it is needed."""

import functools
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.attention import BasicTransformerBlock
from torch import nn
from transformers import DPTImageProcessor

from functions.contract.base import Size
from functions.keyframe_sdxl import attention
from functions.models import tensors
from functions.models.device import Device
from functions.models.kernels import compile_forward, compiling
from functions.models.plan import ModelSize
from functions.models.sdxl import weights
from functions.models.snapshots import Snapshots
from functions.models.staging import Model

UNET_PER_PIXEL, VAE_PER_PIXEL, TILED = 2_000, 4_000, 1_200_000_000
"""Bytes of activations: a pixel of the picture, of a guided step and of decoding; of decoding a tile. Estimates."""


@dataclass(frozen=True)
class Precision:
    """Number formats. The VAE is the one that holds in fp16, which keeps finer steps of tone than bf16."""

    main: torch.dtype
    vae: torch.dtype

    def __str__(self) -> str:
        return str(self.main).removeprefix("torch.")

    @classmethod
    def of(cls, device: Device) -> "Precision":
        """Half precision on a GPU, single on a CPU."""
        gpu = device.torch_device != "cpu"
        return cls(torch.bfloat16, torch.float16) if gpu else cls(torch.float32, torch.float32)


def channels_last(module: nn.Module) -> None:
    """Put convolutions into the memory format that GPUs compute them in."""
    module.to(memory_format=torch.channels_last)


def ready(network: nn.Module) -> None:
    """Ready a UNet or ControlNet for a GPU: channels last, transformer blocks compiled; those of one width share it."""
    channels_last(network)
    if compiling():
        for block in network.modules():
            if isinstance(block, BasicTransformerBlock):
                compile_forward(block)


@dataclass(frozen=True)
class Models:
    """The models of one worker by name. Files are checked when their set is first asked for."""

    snapshots: Snapshots
    precision: Precision

    @property
    def native(self) -> int:
        """Side of the square picture that the UNet was trained for, in pixels."""
        side: int = weights.config(self.snapshots.folder(weights.BASE) / "unet", "unet")["sample_size"]
        return 8 * side

    def text(self) -> tuple[Model, Model]:
        """Both text encoders."""
        first = self._model("text_encoder", weights.BASE, weights.text_encoder, self._part(weights.FIRST), "text")
        second = self._model("text_encoder_2", weights.BASE, weights.text_encoder_2, self._part(weights.SECOND), "text")
        return first, second

    def unet(self, reference_file: str, size: Size) -> Model:
        """The UNet with the layers of an IP-Adapter."""
        path = self._adapter(reference_file)

        def load(device: torch.device) -> nn.Module:
            made: Any = weights.unet(self.snapshots.folder(weights.BASE), str(device), self.precision.main)
            attention.install(made, weights.adapter(path, str(device), self.precision.main)[1])
            return cast(nn.Module, made)

        stored = self._part(weights.UNET) + _numbers(path, "ip_adapter.")
        key = ("unet", self.snapshots.digest(weights.BASE), reference_file)
        model = self._sized(key, "unet", stored, load, "denoise", UNET_PER_PIXEL * size.width * size.height)
        return replace(model, ready=ready, graphs=True)

    def control(self) -> Model:
        """ControlNet Union."""
        path = self.snapshots.folder(weights.CONTROL) / "diffusion_pytorch_model_promax.safetensors"
        model = self._model("control", weights.CONTROL, weights.control, _numbers(path), "denoise")
        return replace(model, ready=ready, graphs=True)

    def image_encoder(self) -> Model:
        """The encoder of references."""
        path = self.snapshots.folder(weights.REFERENCES) / "models/image_encoder/model.safetensors"
        return self._model("image_encoder", weights.REFERENCES, weights.image_encoder, _numbers(path), "look")

    def projection(self, reference_file: str) -> Model:
        """What makes tokens of an encoded reference."""
        path = self._adapter(reference_file)

        def load(device: torch.device) -> nn.Module:
            made: nn.Module = weights.adapter(path, str(device), self.precision.main)[0]
            return made

        key = ("projection", self.snapshots.digest(weights.REFERENCES), reference_file)
        return self._sized(key, "projection", _numbers(path, "image_proj."), load, "look")

    def depth(self) -> Model:
        """The estimator of depth, in fp32."""
        folder = self.snapshots.folder(weights.DEPTH)
        stored = _numbers(folder / "model.safetensors")
        key = ("depth", self.snapshots.digest(weights.DEPTH))
        size = ModelSize("depth", 4 * stored, 500_000_000, "depth")
        return Model(key, size, lambda device: weights.depth(folder, str(device)))

    @property
    def depth_reader(self) -> DPTImageProcessor:
        """What makes a picture ready for the estimator of depth."""
        return DPTImageProcessor.from_pretrained(self.snapshots.folder(weights.DEPTH), local_files_only=True)

    def vae(self, size: Size) -> Model:
        """The VAE."""
        folder = self.snapshots.folder(weights.VAE)
        stored = _numbers(folder / "diffusion_pytorch_model.safetensors") * self.precision.vae.itemsize
        working = VAE_PER_PIXEL * size.width * size.height
        whole = ModelSize("vae", stored, working, "vae", tiled_bytes=min(working, TILED))
        key = ("vae", self.snapshots.digest(weights.VAE))
        load = weights.vae
        return Model(key, whole, lambda device: load(folder, str(device), self.precision.vae), ready=channels_last)

    def _adapter(self, file: str) -> Path:
        return self.snapshots.folder(weights.REFERENCES) / "sdxl_models" / file

    def _part(self, prefix: str) -> int:
        return _numbers(self.snapshots.folder(weights.BASE) / weights.SINGLE, prefix)

    def _model(self, name: str, of: str, load: Any, numbers: int, group: str) -> Model:
        folder = self.snapshots.folder(of)
        key = (name, self.snapshots.digest(of))
        return self._sized(key, name, numbers, lambda d: load(folder, str(d), self.precision.main), group)

    def _sized(
        self, key: Hashable, name: str, numbers: int, load: Any, group: str, working: int = 200_000_000
    ) -> Model:
        return Model(key, ModelSize(name, numbers * self.precision.main.itemsize, working, group), load)


@functools.cache
def _numbers(path: Path, prefix: str = "") -> int:
    """Numbers that a file holds under a prefix."""
    return sum(torch.Size(t.shape).numel() for name, t in tensors.index(path).items() if name.startswith(prefix))
