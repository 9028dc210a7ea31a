"""Tiny random weights of the LTX-Video engine, in the layout that each publisher has."""

import re
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from diffusers.pipelines.ltx.modeling_latent_upsampler import LTXLatentUpsamplerModel
from safetensors.torch import save_file
from torch import nn
from transformers import T5Config, T5EncoderModel

from tests.servers.checkpoints import tokenizers

WIDTH = 32
"""Channels of the text encoder."""
TRANSFORMER: dict[str, Any] = {
    "in_channels": 16,
    "out_channels": 16,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "cross_attention_dim": 32,
    "num_layers": 2,
    "caption_channels": WIDTH,
}
VAE: dict[str, Any] = {
    "latent_channels": 16,
    "block_out_channels": (8, 8, 16, 16, 16),
    "down_block_types": ("LTXVideo095DownBlock3D",) * 4,
    "decoder_block_out_channels": (8, 16, 32),
    "layers_per_block": (1, 1, 1, 1, 1),
    "decoder_layers_per_block": (1, 1, 1, 1),
    "spatio_temporal_scaling": (True,) * 4,
    "decoder_spatio_temporal_scaling": (True,) * 3,
    "decoder_inject_noise": (False,) * 4,
    "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
    "upsample_residual": (True,) * 3,
    "upsample_factor": (2, 2, 2),
    "timestep_conditioning": True,
    "patch_size": 4,
    "patch_size_t": 1,
    "encoder_causal": True,
    "decoder_causal": False,
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
SINGLE = "ltxv-2b-0.9.8-distilled.safetensors"


def single_file(folder: Path, seed: int = 0) -> None:
    """Lightricks/LTX-Video: transformer and autoencoder in one file, in the original names. Beside it lie the tiny
    configurations, since the published file's are the engine's own.
    """
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    transformer, vae = _transformer(), _vae()
    state = {f"model.diffusion_model.{_original(k)}": v for k, v in transformer.state_dict().items()}
    state |= {f"vae.{_original_vae(k)}": v for k, v in vae.state_dict().items()}
    state["vae.per_channel_statistics.channel"] = torch.zeros(16)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / SINGLE)
    for name, model in (("transformer", transformer), ("vae", vae)):
        model.save_config(folder / name)


def diffusers_folder(folder: Path, seed: int = 1) -> None:
    """Lightricks/LTX-Video-0.9.8-13B-distilled."""
    torch.manual_seed(seed)
    _transformer().save_pretrained(folder / "transformer")
    _vae().save_pretrained(folder / "vae")


def upsampler(folder: Path, seed: int = 2) -> None:
    """The spatial latent upsampler."""
    torch.manual_seed(seed)
    model = LTXLatentUpsamplerModel(in_channels=16, mid_channels=32, num_blocks_per_stage=1)
    model.save_pretrained(folder / "latent_upsampler")


def text_encoder(folder: Path, positions: int = 256, seed: int = 3) -> None:
    """T5 v1.1 XXL's encoder and tokenizer."""
    torch.manual_seed(seed)
    tokenizers.t5(folder / "tokenizer", positions=positions)
    config = T5Config(
        vocab_size=128,
        d_model=WIDTH,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
        is_encoder_decoder=False,
        use_cache=False,
        pad_token_id=0,
        eos_token_id=1,
    )
    T5EncoderModel(config).save_pretrained(folder / "text_encoder")


def _transformer() -> Any:
    model = LTXVideoTransformer3DModel(**TRANSFORMER)
    nn.init.normal_(model.scale_shift_table, std=0.2)
    return model


def _vae() -> Any:
    """With latents of some mean and deviation, and a posterior that leaves nothing to chance."""
    model = AutoencoderKLLTXVideo(**VAE)
    model.latents_mean.fill_(0.1)
    model.latents_std.fill_(0.9)
    last = model.encoder.conv_out.conv
    nn.init.zeros_(last.weight[-1:].data)
    last.bias.data[-1] = -30.0
    return model


def _original(name: str) -> str:
    for new, old in (
        ("proj_in", "patchify_proj"),
        ("time_embed", "adaln_single"),
        ("norm_q", "q_norm"),
        ("norm_k", "k_norm"),
    ):
        name = name.replace(new, old)
    return name


def _original_vae(name: str) -> str:
    statistics = {"latents_mean": "mean-of-means", "latents_std": "std-of-means"}
    if name in statistics:
        return f"per_channel_statistics.{statistics[name]}"
    rules = (
        (r"^decoder\.(time_embedder|scale_shift_table)", lambda m: f"decoder.last_{m[1]}"),
        (r"^decoder\.mid_block", lambda _: "decoder.up_blocks.0"),
        (r"^decoder\.up_blocks\.(\d)\.upsamplers\.0", lambda m: f"decoder.up_blocks.{2 * int(m[1]) + 1}"),
        (r"^decoder\.up_blocks\.(\d)", lambda m: f"decoder.up_blocks.{2 * int(m[1]) + 2}"),
        (r"^encoder\.mid_block", lambda _: "encoder.down_blocks.8"),
        (r"^encoder\.down_blocks\.(\d)\.downsamplers\.0", lambda m: f"encoder.down_blocks.{2 * int(m[1]) + 1}"),
        (r"^encoder\.down_blocks\.(\d)", lambda m: f"encoder.down_blocks.{2 * int(m[1])}"),
    )
    for pattern, old in rules:
        if re.search(pattern, name):
            name = re.sub(pattern, old, name)
            break
    return (
        name.replace("resnets", "res_blocks")
        .replace("conv_shortcut.conv", "conv_shortcut")
        .replace("norm3", "norm3.norm")
    )
