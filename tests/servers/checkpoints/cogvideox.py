"""Tiny random weights of the CogVideoX engine, in its publisher's layout."""

from pathlib import Path

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from torch import nn

from tests.servers.checkpoints import ltx

FRAMES, ROWS, COLUMNS = 9, 96, 160
"""The least grid whose tiles (half of it, overlapping by a sixth and a fifth) lie on whole latents."""


def i2v(folder: Path, seed: int = 0) -> None:
    """zai-org/CogVideoX-5b-I2V."""
    ltx.text_encoder(folder, positions=226)
    torch.manual_seed(seed)
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=ltx.WIDTH,
        num_layers=2,
        sample_width=COLUMNS // 8,
        sample_height=ROWS // 8,
        sample_frames=FRAMES,
        patch_size=2,
        temporal_compression_ratio=4,
        max_text_seq_length=226,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=True,
    )
    vae = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
        sample_height=ROWS,
        sample_width=COLUMNS,
        scaling_factor=0.7,
        invert_scale_latents=True,
    )
    _certain(vae)
    transformer.save_pretrained(folder / "transformer")
    vae.save_pretrained(folder / "vae")


def _certain(vae: AutoencoderKLCogVideoX) -> None:
    """A posterior that leaves nothing to chance."""
    last = vae.encoder.conv_out.conv
    nn.init.zeros_(last.weight.data[4:])
    last.bias.data[4:] = -30.0
