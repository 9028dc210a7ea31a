"""Tiny random weights of the Wan 2.2 engines, in the layout that each publisher has."""

import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanImageToVideoPipeline, WanTransformer3DModel
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, UMT5Config, UMT5EncoderModel

from functions.models.names import wan_native
from functions.motion_wan.recipes import families
from tests.servers.checkpoints import tokenizers

WIDTH = 32
"""Channels of the text encoder."""
_TRANSFORMER: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 36,
    "out_channels": 16,
    "text_dim": WIDTH,
    "freq_dim": 32,
    "ffn_dim": 32,
    "num_layers": 3,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "rope_max_seq_len": 64,
}
_VAE: dict[str, Any] = {
    "base_dim": 4,
    "dim_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "temperal_downsample": [False, True, True],
}
_LARGE_VAE: dict[str, Any] = {
    **_VAE,
    "decoder_base_dim": 8,
    "z_dim": 48,
    "in_channels": 12,
    "out_channels": 12,
    "is_residual": True,
    "patch_size": 2,
    "latents_mean": [0.1] * 48,
    "latents_std": [0.9] * 48,
    "scale_factor_spatial": 16,
    "scale_factor_temporal": 4,
}
RANK = 2
HIGH = "wan2.2_i2v_A14b_high_noise_lora_rank64_lightx2v_4step_1022.safetensors"
LOW = "wan2.2_i2v_A14b_low_noise_lora_rank64_lightx2v_4step_1022.safetensors"


def a14b(folder: Path, seed: int = 0) -> None:
    """Wan-AI/Wan2.2-I2V-A14B-Diffusers. Its published scheduler has flow shift 3, another than it was made with."""
    torch.manual_seed(seed)
    experts = {name: WanTransformer3DModel(**_TRANSFORMER) for name in ("transformer", "transformer_2")}
    _save(folder, vae=autoencoder(), boundary_ratio=0.9, shift=3.0, **experts)


def native(published: Path, folder: Path, experts: Path) -> None:
    """Of `a14b`: `folder` without its experts, whose configurations stay, and `experts` in the layout and names of
    Comfy-Org/Wan_2.2_ComfyUI_Repackaged, in fp16.
    """
    shutil.copytree(published, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.index.json"))
    for part in ("vae", "text_encoder"):
        for file in (published / part).glob("*.safetensors"):
            shutil.copy(file, folder / part)
    known = families()["motion-wan"].native
    assert known is not None
    for part, name in (("transformer", known.high), ("transformer_2", known.low)):
        (file,) = (published / part).glob("*.safetensors")
        state = {wan_native(name): tensor.half() for name, tensor in load_file(file).items()}
        (experts / name).parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor for name, tensor in state.items() if name is not None}, experts / name)


def autoencoder() -> AutoencoderKLWan:
    """The autoencoder of A14B."""
    return AutoencoderKLWan(z_dim=16, **_VAE)


def ti2v(folder: Path, seed: int = 0) -> None:
    """Wan-AI/Wan2.2-TI2V-5B-Diffusers."""
    torch.manual_seed(seed)
    one = WanTransformer3DModel(**{**_TRANSFORMER, "in_channels": 48, "out_channels": 48})
    vae = AutoencoderKLWan(**_LARGE_VAE)
    _save(folder, vae=vae, transformer=one, transformer_2=None, shift=5.0, expand_timesteps=True)


def _save(folder: Path, *, shift: float, **parts: Any) -> None:
    tokenizers.t5(folder / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    spiece = (folder / "tokenizer" / "spiece.model").read_bytes()
    config = UMT5Config(
        vocab_size=len(tokenizer),
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
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    pipeline = WanImageToVideoPipeline(
        tokenizer=tokenizer, text_encoder=UMT5EncoderModel(config).eval(), scheduler=scheduler, **parts
    )
    for module in pipeline.components.values():
        if isinstance(module, torch.nn.Module):
            _lively(module)
    pipeline.save_pretrained(folder)
    (folder / "tokenizer" / "spiece.model").write_bytes(spiece)


def _lively(module: torch.nn.Module) -> None:
    """Modulation and output layers begin near zero; with such weights a wrong step would hardly show."""
    for name, parameter in module.named_parameters():
        if "scale_shift_table" in name or name.startswith("proj_out"):
            torch.nn.init.normal_(parameter, std=0.2)


def distilled(folder: Path, seed: int = 1) -> None:
    """lightx2v/Wan2.2-Distill-Loras: one adapter an expert, in Wan's own key names."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (HIGH, LOW):
        save_file(adapter(), folder / name)


def adapter(rank: int = RANK, blocks: int = 3, seed: int | None = None) -> dict[str, torch.Tensor]:
    """An adapter of every attention and feed-forward layer of the tiny transformer; None: torch's own next numbers."""
    rng = None if seed is None else torch.Generator().manual_seed(seed)
    inner, wide = 24, 32
    shapes = {f"{a}.{p}": (inner, inner) for a in ("self_attn", "cross_attn") for p in "qkvo"}
    shapes |= {"ffn.0": (wide, inner), "ffn.2": (inner, wide)}
    found = {}
    for block in range(blocks):
        for layer, (out, into) in shapes.items():
            key = f"diffusion_model.blocks.{block}.{layer}"
            found[f"{key}.lora_down.weight"] = torch.randn(rank, into, generator=rng) * 0.3
            found[f"{key}.lora_up.weight"] = torch.randn(out, rank, generator=rng) * 0.3
    return found
