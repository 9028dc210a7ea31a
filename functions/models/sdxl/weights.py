"""The weights of SDXL as modules: configurations from beside the weights, or the published ones in `configs/`.

The base model is one file in the original naming, as RealVisXL is published. Missing and unknown keys are refused.
"""

import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, ControlNetUnionModel, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_open_clip_checkpoint
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DepthAnythingForDepthEstimation,
)

from functions.contract.errors import EngineError
from functions.models import load, tensors

M = TypeVar("M", bound=nn.Module)
BASE, VAE, REFERENCES, CONTROL = "realvisxl-v5", "sdxl-vae-fp16-fix", "sdxl-references", "sdxl-control"
TOKENIZERS, DEPTH = "sdxl-tokenizers", "depth-anything-v2-small"
SINGLE = "RealVisXL_V5.0_fp16.safetensors"
UNET, FIRST, SECOND = "model.diffusion_model.", "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
"""Prefixes of the base model's parts in its file."""
ATTENTION = ((".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0."))
"""Names of a VAE's attention in older files, and now."""

RESAMPLER = (
    ("0.norm1", "ln0"),
    ("0.norm2", "ln1"),
    ("0.to_q", "attn.to_q"),
    ("0.to_kv", "attn.to_kv"),
    ("0.to_out", "attn.to_out.0"),
    ("1.0", "ff.0"),
    ("1.1", "ff.1.net.0.proj"),
    ("1.3", "ff.1.net.2"),
)
"""Names in a layer of an IP-Adapter's resampler as published, and in diffusers."""


def config(folder: Path, packaged: str) -> dict[str, Any]:
    """The configuration beside the weights, or the published one of this architecture."""
    beside = folder / "config.json"
    own = resources.files("functions.models.sdxl").joinpath(f"configs/{packaged}.json")
    values: dict[str, Any] = json.loads((beside if beside.is_file() else own).read_text("utf-8"))
    return values


def schedule() -> dict[str, Any]:
    """The noise schedule that SDXL was trained with (`scheduler_config.json` of SDXL base 1.0)."""
    text = resources.files("functions.models.sdxl").joinpath("configs/scheduler.json").read_text("utf-8")
    values: dict[str, Any] = json.loads(text)
    return values


def outlines(folder: Path) -> dict[str, nn.Module]:
    """The parts of the base model that adapters may change, without weights."""
    texts = {name: CLIPTextConfig.from_dict(config(folder / name, name)) for name in ("text_encoder", "text_encoder_2")}
    with init_empty_weights():
        return {
            "unet": UNet2DConditionModel.from_config(config(folder / "unet", "unet")),
            "text_encoder": CLIPTextModel(texts["text_encoder"]),
            "text_encoder_2": CLIPTextModelWithProjection(texts["text_encoder_2"]),
        }


def unet(folder: Path, device: str, dtype: torch.dtype) -> UNet2DConditionModel:
    """The base model's UNet. Raises `EngineError` as do all here."""
    values = config(folder / "unet", "unet")
    names = convert_ldm_unet_checkpoint({n: n for n in tensors.index(folder / SINGLE)}, values)
    renamed = {f"{UNET}{old.removeprefix(UNET)}": new for new, old in names.items()}
    return load.load_module(
        lambda: UNet2DConditionModel.from_config(values), [folder / SINGLE], device, dtype, rename=renamed.get
    )


def text_encoder(folder: Path, device: str, dtype: torch.dtype) -> CLIPTextModel:
    """CLIP ViT-L."""
    values = CLIPTextConfig.from_dict(config(folder / "text_encoder", "text_encoder"))

    def build() -> CLIPTextModel:
        return CLIPTextModel(values)

    with init_empty_weights(include_buffers=False):
        wrapped = any(name.startswith("text_model.") for name in build().state_dict())

    def rename(name: str) -> str | None:
        if not name.startswith(FIRST) or name.endswith("position_ids"):
            return None
        own = name.removeprefix(FIRST)
        return own if wrapped else own.removeprefix("text_model.")

    return load.load_module(build, [folder / SINGLE], device, dtype, rename=rename)


def text_encoder_2(folder: Path, device: str, dtype: torch.dtype) -> CLIPTextModelWithProjection:
    """OpenCLIP ViT-bigG, whose joined projections are taken apart."""
    values = CLIPTextConfig.from_dict(config(folder / "text_encoder_2", "text_encoder_2"))
    with init_empty_weights(include_buffers=False):
        module = CLIPTextModelWithProjection(values)
    stored = {n: t for n, t in tensors.index(folder / SINGLE).items() if n.startswith(SECOND)}
    state = load.read(stored, torch.device(device))
    return _filled(module, convert_open_clip_checkpoint(module, state, prefix=SECOND), dtype, folder)


def vae(folder: Path, device: str, dtype: torch.dtype) -> AutoencoderKL:
    """The VAE that holds in half precision."""
    values = config(folder, "vae")

    def rename(name: str) -> str:
        for old, new in ATTENTION:
            name = name.replace(old, new)
        return name

    files = [folder / "diffusion_pytorch_model.safetensors"]
    return load.load_module(lambda: AutoencoderKL.from_config(values), files, device, dtype, rename=rename)


def control(folder: Path, device: str, dtype: torch.dtype) -> ControlNetUnionModel:
    """ControlNet Union ProMax."""
    values = config(folder, "control")
    files = [folder / "diffusion_pytorch_model_promax.safetensors"]
    return load.load_module(lambda: ControlNetUnionModel.from_config(values), files, device, dtype)


def image_encoder(folder: Path, device: str, dtype: torch.dtype) -> CLIPVisionModelWithProjection:
    """The ViT-H that every `*_vit-h` adapter was trained with."""
    place = folder / "models/image_encoder"
    values = CLIPVisionConfig.from_dict(config(place, "image_encoder"))

    def rename(name: str) -> str | None:
        return None if name.endswith("position_ids") else name

    build = CLIPVisionModelWithProjection
    return load.load_module(lambda: build(values), [place / "model.safetensors"], device, dtype, rename=rename)


def depth(folder: Path, device: str) -> DepthAnythingForDepthEstimation:
    """Depth Anything V2 Small, in fp32; its file has names that transformers itself brings up to date."""
    build = DepthAnythingForDepthEstimation
    module, found = build.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
    )
    if odd := [*found["missing_keys"], *found["unexpected_keys"], *found["mismatched_keys"]]:
        raise EngineError(f"{folder}: {len(odd)} keys do not fit ({odd[0]}, ...): these weights are not this model's")
    return module.to(device).eval().requires_grad_(False)


def adapter(path: Path, device: str, dtype: torch.dtype) -> tuple[IPAdapterPlusImageProjection, dict[str, Tensor]]:
    """An IP-Adapter file: what makes tokens of an encoded picture, and the projections of each attention layer."""
    state = load.read(tensors.index(path), torch.device(device))
    layers = {n.removeprefix("ip_adapter."): v.to(dtype) for n, v in state.items() if n.startswith("ip_adapter.")}
    own = {n.removeprefix("image_proj."): v for n, v in state.items() if n.startswith("image_proj.")}
    renamed = _resampler(own)
    tokens, width = own["latents"].shape[1:]
    with init_empty_weights(include_buffers=False):
        module = IPAdapterPlusImageProjection(
            embed_dims=own["proj_in.weight"].shape[1],
            output_dims=own["proj_out.weight"].shape[0],
            hidden_dims=width,
            depth=len({name.split(".")[1] for name in own if name.startswith("layers.")}),
            heads=own["layers.0.0.to_q.weight"].shape[0] // 64,
            num_queries=tokens,
        )
    return _filled(module, renamed, dtype, path), layers


def _resampler(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published names of the resampler as diffusers has them; joined keys and values taken apart."""
    out: dict[str, Tensor] = {}
    for published, value in state.items():
        name = published
        for old, new in RESAMPLER:
            name = re.sub(rf"^(layers\.\d+)\.{re.escape(old)}\.", rf"\1.{new}.", name)
        if ".to_kv." in name:
            out[name.replace("to_kv", "to_k")], out[name.replace("to_kv", "to_v")] = value.chunk(2)
        else:
            out[name] = value
    return out


def _filled(module: M, state: Mapping[str, Tensor], dtype: torch.dtype, where: Path) -> M:
    wanted = module.state_dict()
    odd = sorted(state.keys() ^ wanted.keys()) or sorted(n for n, v in wanted.items() if state[n].shape != v.shape)
    if odd:
        raise EngineError(f"{where}: {len(odd)} keys do not fit ({odd[0]}, ...): these weights are not this model's")
    module.load_state_dict({name: value.to(dtype) for name, value in state.items()}, assign=True)
    device = next(iter(state.values())).device
    return module.to(device).eval().requires_grad_(False)
