"""Names of weights in the published single files, and what the library's modules call them.

The rules are those of the autoencoder from version 0.9.5 on. The library's own converter tells versions apart by the
number of channels, so it holds for the full size only.
"""

import re

PREFIX = "model.diffusion_model."
_TRANSFORMER = (
    ("patchify_proj", "proj_in"),
    ("adaln_single", "time_embed"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
)
_VAE = (
    ("res_blocks", "resnets"),
    ("conv_shortcut", "conv_shortcut.conv"),
    ("norm3.norm", "norm3"),
    ("last_time_embedder", "time_embedder"),
    ("last_scale_shift_table", "scale_shift_table"),
)
_STATISTICS = {"mean-of-means": "latents_mean", "std-of-means": "latents_std"}
_DEEPEST = 8
"""The encoder's last block."""


def transformer_name(name: str) -> str | None:
    """The module's name of a weight, None for one of another part."""
    return _replaced(name.removeprefix(PREFIX), _TRANSFORMER) if name.startswith(PREFIX) else None


def vae_name(name: str) -> str | None:
    """The module's name of a weight, None for one of another part or of no use."""
    if not name.startswith("vae."):
        return None
    name = name.removeprefix("vae.")
    if name.startswith("per_channel_statistics."):
        return _STATISTICS.get(name.removeprefix("per_channel_statistics."))
    name = re.sub(r"^decoder\.up_blocks\.(\d+)", lambda m: f"decoder.{_up(int(m[1]))}", name)
    name = re.sub(r"^encoder\.down_blocks\.(\d+)", lambda m: f"encoder.{_down(int(m[1]))}", name)
    return _replaced(name, _VAE)


def _up(number: int) -> str:
    if number == 0:
        return "mid_block"
    return f"up_blocks.{number // 2}.upsamplers.0" if number % 2 else f"up_blocks.{number // 2 - 1}"


def _down(number: int) -> str:
    if number == _DEEPEST:
        return "mid_block"
    return f"down_blocks.{number // 2}.downsamplers.0" if number % 2 else f"down_blocks.{number // 2}"


def _replaced(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name
