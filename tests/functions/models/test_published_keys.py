"""Keys as real adapter files have them, against the full-size models' own names.

Seen in public readers' tests of such files: kohya's SDXL trainings with both text encoders, musubi's and lightx2v's
Wan files (which carry whole differences of biases, norms and tables beside the pairs), diffusers' own.
"""

from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file
from torch import Tensor

from functions.contract.errors import InputError
from functions.models.adapters import read_lora
from functions.models.sdxl import weights
from functions.motion_wan.recipes import families

Base = dict[str, tuple[int, ...]]
SDXL = (
    (
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight",
    ),
    (
        "lora_unet_output_blocks_5_1_transformer_blocks_1_attn2_to_k",
        "up_blocks.1.attentions.2.transformer_blocks.1.attn2.to_k.weight",
    ),
    ("lora_unet_middle_block_1_proj_in", "mid_block.attentions.0.proj_in.weight"),
    (
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.weight",
    ),
    ("lora_te1_text_model_encoder_layers_0_mlp_fc1", "text_encoder.text_model.encoder.layers.0.mlp.fc1.weight"),
    (
        "lora_te2_text_model_encoder_layers_0_self_attn_out_proj",
        "text_encoder_2.text_model.encoder.layers.0.self_attn.out_proj.weight",
    ),
)
MUSUBI = (
    ("lora_unet_blocks_0_self_attn_q", "blocks.0.attn1.to_q.weight"),
    ("lora_unet_blocks_29_cross_attn_o", "blocks.29.attn2.to_out.0.weight"),
    ("lora_unet_blocks_5_ffn_0", "blocks.5.ffn.net.0.proj.weight"),
    ("lora_unet_blocks_5_ffn_2", "blocks.5.ffn.net.2.weight"),
    ("lora_unet__blocks_0_cross_attn_v", "blocks.0.attn2.to_v.weight"),
)
LIGHTX2V = (
    ("diffusion_model.blocks.0.cross_attn.k", "blocks.0.attn2.to_k.weight"),
    ("diffusion_model.blocks.0.self_attn.q", "blocks.0.attn1.to_q.weight"),
    ("diffusion_model.blocks.0.ffn.0", "blocks.0.ffn.net.0.proj.weight"),
)
DIFFERENCES = (
    ("diffusion_model.blocks.0.cross_attn.k.diff_b", "blocks.0.attn2.to_k.bias"),
    ("diffusion_model.blocks.0.cross_attn.norm_k.diff", "blocks.0.attn2.norm_k.weight"),
    ("diffusion_model.blocks.0.self_attn.q.diff_b", "blocks.0.attn1.to_q.bias"),
    ("diffusion_model.blocks.0.diff_m", "blocks.0.scale_shift_table"),
    ("diffusion_model.blocks.1.diff_m", "blocks.1.scale_shift_table"),
    ("diffusion_model.head.diff_m", "scale_shift_table"),
)
DIFFUSERS = (
    ("transformer.blocks.0.attn1.to_q", "blocks.0.attn1.to_q.weight"),
    ("transformer.blocks.0.ffn.net.0.proj", "blocks.0.ffn.net.0.proj.weight"),
)


@pytest.fixture(scope="module")
def wan() -> Base:
    """Wan 2.2 I2V A14B's expert."""
    native = families()["motion-wan"].native
    assert native is not None
    with torch.device("meta"):
        module = WanTransformer3DModel.from_config(native.transformer)
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


@pytest.fixture(scope="module")
def sdxl() -> Base:
    """SDXL's U-Net and both text encoders, named as their publishers do."""
    found: Base = {}
    for part, module in weights.outlines(Path("/nowhere")).items():
        for name, value in module.state_dict().items():
            own = f"{part}.text_model.{name.removeprefix('text_model.')}"
            found[name if part == "unet" else own] = tuple(value.shape)
    return found


def pairs(modules: tuple[tuple[str, str], ...], base: Base, down: str, up: str) -> dict[str, Tensor]:
    """A pair of rank 1 for each (module as the file has it, weight of the base)."""
    held = {}
    for module, weight in modules:
        shape = base[weight]
        held[f"{module}{down}"] = torch.ones(1, *shape[1:])
        held[f"{module}{up}"] = torch.ones(shape[0], 1, *(1 for _ in shape[2:]))
    return held


def read(folder: Path, held: dict[str, Tensor], base: Base) -> tuple[str, ...]:
    """Weights that a file of these tensors matches; all its keys do."""
    save_file(held, folder / "lora.safetensors")
    report = read_lora(folder / "lora.safetensors", base).report
    assert (report.unmatched, report.dropped) == ((), ())
    return report.matched


def test_kohyas_files_of_sdxl_with_both_text_encoders(tmp_path: Path, sdxl: Base) -> None:
    held = pairs(SDXL, sdxl, ".lora_down.weight", ".lora_up.weight")
    held |= {f"{module}.alpha": torch.tensor(1.0) for module, _ in SDXL}
    assert read(tmp_path, held, sdxl) == tuple(sorted(weight for _, weight in SDXL))


@pytest.mark.parametrize(
    ("modules", "down", "up"),
    [
        (MUSUBI, ".lora_down.weight", ".lora_up.weight"),
        (LIGHTX2V, ".lora_down.weight", ".lora_up.weight"),
        (DIFFUSERS, ".lora_A.weight", ".lora_B.weight"),
    ],
    ids=["musubi", "lightx2v", "diffusers"],
)
def test_files_of_wan(tmp_path: Path, wan: Base, modules: tuple[tuple[str, str], ...], down: str, up: str) -> None:
    assert read(tmp_path, pairs(modules, wan, down, up), wan) == tuple(sorted(weight for _, weight in modules))


def test_whole_differences_beside_the_pairs_of_lightx2v(tmp_path: Path, wan: Base) -> None:
    held = pairs(LIGHTX2V, wan, ".lora_down.weight", ".lora_up.weight")
    held |= {key: torch.full(wan[weight], 0.5) for key, weight in DIFFERENCES}
    matched = read(tmp_path, held, wan)
    assert matched == tuple(sorted(weight for _, weight in (*LIGHTX2V, *DIFFERENCES)))


def test_a_file_for_wan_with_an_image_encoder_is_none_of_this_model(tmp_path: Path, wan: Base) -> None:
    held = pairs(LIGHTX2V, wan, ".lora_down.weight", ".lora_up.weight")
    held |= {f"diffusion_model.img_emb.proj.1.lora_{part}.weight": torch.ones(4, 4) for part in ("down", "up")}
    save_file(held, tmp_path / "lora.safetensors")
    with pytest.raises(InputError, match=r"2 of its keys match nothing"):
        read_lora(tmp_path / "lora.safetensors", wan)
