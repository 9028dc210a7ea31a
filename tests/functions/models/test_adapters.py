"""LoRA files of every published form, and those that must not pass silently."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from functions.contract.errors import InputError
from functions.models.adapters import Lora, read_lora
from functions.models.names import aliases, wan_native

RANK = 2
UNET = {
    "conv_in.weight": (8, 4, 3, 3),
    "down_blocks.0.resnets.0.conv1.weight": (8, 8, 3, 3),
    "down_blocks.0.resnets.1.conv1.weight": (8, 8, 3, 3),
    "down_blocks.0.downsamplers.0.conv.weight": (8, 8, 3, 3),
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight": (8, 8),
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.weight": (8, 8),
    "down_blocks.1.attentions.0.proj_in.weight": (8, 8),
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight": (8, 6),
    "up_blocks.0.attentions.2.transformer_blocks.0.attn2.to_v.weight": (8, 6),
    "up_blocks.0.upsamplers.0.conv.weight": (8, 8, 3, 3),
    "up_blocks.2.upsamplers.0.conv.weight": (8, 8, 3, 3),
    "time_embedding.linear_1.weight": (8, 4),
    "time_embedding.linear_1.bias": (8,),
}
QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"
TEXT = {"text_encoder.text_model.encoder.layers.0.self_attn.q_proj.weight": (6, 6)}
WAN = {
    "blocks.0.attn1.to_q.weight": (8, 8),
    "blocks.0.attn1.to_out.0.weight": (8, 8),
    "blocks.0.attn1.to_out.0.bias": (8,),
    "blocks.0.attn1.norm_q.weight": (8,),
    "blocks.0.attn2.to_k.weight": (8, 8),
    "blocks.0.attn2.add_k_proj.weight": (8, 8),
    "blocks.0.ffn.net.0.proj.weight": (16, 8),
    "blocks.0.ffn.net.2.weight": (8, 16),
    "blocks.0.norm2.weight": (8,),
    "blocks.0.scale_shift_table": (1, 6, 8),
    "condition_embedder.time_proj.weight": (48, 8),
    "proj_out.weight": (4, 8),
    "patch_embedding.weight": (8, 4, 1, 2, 2),
}


def pair(shape: tuple[int, ...], seed: int = 0) -> tuple[Tensor, Tensor]:
    """(down, up) for a weight of this shape, in the shapes that trainers save."""
    generator = torch.Generator().manual_seed(seed)
    down = torch.randn(RANK, *shape[1:], generator=generator)
    return down, torch.randn(shape[0], RANK, *(1 for _ in shape[2:]), generator=generator)


def saved(folder: Path, held: Mapping[str, Tensor], **metadata: str) -> Path:
    path = folder / "lora.safetensors"
    save_file({key: tensor.clone() for key, tensor in held.items()}, path, metadata)
    return path


def expected(shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    down, up = pair(shape)
    return scale * (up.flatten(1) @ down.flatten(1)).reshape(shape)


FORMS = {
    "peft": ("unet.{}", ".lora_A.weight", ".lora_B.weight"),
    "peft-saved": ("base_model.model.{}", ".lora_A.weight", ".lora_B.weight"),
    "peft-adapter-name": ("base_model.model.{}", ".lora_A.default.weight", ".lora_B.default.weight"),
    "diffusers-old": ("unet.{}", ".lora.down.weight", ".lora.up.weight"),
    "bare": ("{}", ".lora_A.weight", ".lora_B.weight"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weight", [name for name in UNET if name.endswith("weight")])
def test_every_dotted_form_gives_the_same_delta(tmp_path: Path, form: str, weight: str) -> None:
    named, down_name, up_name = FORMS[form]
    module = named.format(weight.removesuffix(".weight"))
    down, up = pair(UNET[weight])
    lora = read_lora(saved(tmp_path, {f"{module}{down_name}": down, f"{module}{up_name}": up}), UNET)
    assert lora.report.matched == (weight,)
    assert lora.delta(weight).dtype == torch.float32
    torch.testing.assert_close(lora.delta(weight), expected(UNET[weight]))


KOHYA = {
    "down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q": QUERY,
    "input_blocks_0_0": "conv_in.weight",
    "input_blocks_1_0_in_layers_2": "down_blocks.0.resnets.0.conv1.weight",
    "input_blocks_2_0_in_layers_2": "down_blocks.0.resnets.1.conv1.weight",
    "input_blocks_3_0_op": "down_blocks.0.downsamplers.0.conv.weight",
    "input_blocks_4_1_transformer_blocks_0_attn1_to_q": QUERY,
    "input_blocks_4_1_transformer_blocks_0_attn1_to_out_0": QUERY.replace("to_q", "to_out.0"),
    "input_blocks_4_1_proj_in": "down_blocks.1.attentions.0.proj_in.weight",
    "middle_block_1_transformer_blocks_0_attn2_to_k": "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
    "output_blocks_2_1_transformer_blocks_0_attn2_to_v": (
        "up_blocks.0.attentions.2.transformer_blocks.0.attn2.to_v.weight"
    ),
    "output_blocks_2_2_conv": "up_blocks.0.upsamplers.0.conv.weight",
    "output_blocks_8_1_conv": "up_blocks.2.upsamplers.0.conv.weight",
    "time_embed_0": "time_embedding.linear_1.weight",
}


@pytest.mark.parametrize("module", KOHYA)
def test_kohya_names_modules_as_diffusers_or_ldm_with_underscores_and_has_an_alpha(tmp_path: Path, module: str) -> None:
    weight = KOHYA[module]
    down, up = pair(UNET[weight])
    held = {
        f"lora_unet_{module}.lora_down.weight": down,
        f"lora_unet_{module}.lora_up.weight": up,
        f"lora_unet_{module}.alpha": torch.tensor(1.0),
    }
    lora = read_lora(saved(tmp_path, held), UNET)
    torch.testing.assert_close(lora.delta(weight), expected(UNET[weight], 1.0 / RANK))


def test_the_oldest_diffusers_form_names_attention_processors(tmp_path: Path) -> None:
    query, out = QUERY.removesuffix(".to_q.weight"), QUERY.replace("to_q", "to_out.0")
    down, up = pair(UNET[QUERY])
    held = {
        f"unet.{query}.processor.{n}_lora.{s}.weight": t
        for n in ("to_q", "to_out")
        for s, t in (("down", down), ("up", up))
    }
    lora = read_lora(saved(tmp_path, held), UNET)
    assert lora.report.matched == tuple(sorted((QUERY, out)))


@pytest.mark.parametrize(("alpha", "rslora", "scale"), [(4.0, False, 2.0), (1.0, False, 0.5), (2.0, True, 2.0**0.5)])
def test_peft_keeps_alpha_in_the_header(tmp_path: Path, alpha: float, rslora: bool, scale: float) -> None:
    down, up = pair(UNET[QUERY])
    module = QUERY.removesuffix(".weight")
    told = {"unet.r": RANK, "unet.lora_alpha": alpha, "unet.use_rslora": rslora}
    path = saved(
        tmp_path,
        {f"unet.{module}.lora_A.weight": down, f"unet.{module}.lora_B.weight": up},
        lora_adapter_metadata=json.dumps(told),
    )
    torch.testing.assert_close(read_lora(path, UNET).delta(QUERY), expected(UNET[QUERY], scale))


def test_an_alpha_of_its_own_goes_before_the_general_one(tmp_path: Path) -> None:
    down, up = pair(UNET[QUERY])
    module = QUERY.removesuffix(".weight")
    told = {"lora_alpha": 2, "alpha_pattern": {"attn1.to_q": 6}}
    path = saved(
        tmp_path,
        {f"unet.{module}.lora_A.weight": down, f"unet.{module}.lora_B.weight": up},
        lora_adapter_metadata=json.dumps(told),
    )
    torch.testing.assert_close(read_lora(path, UNET).delta(QUERY), expected(UNET[QUERY], 3.0))


@pytest.mark.parametrize("told", ["no JSON", "[1]", '{"lora_alpha": "much"}', '{"alpha_pattern": 3}'])
def test_a_configuration_that_cannot_be_read_leaves_the_scale_at_one(tmp_path: Path, told: str) -> None:
    down, up = pair(UNET[QUERY])
    module = QUERY.removesuffix(".weight")
    held = {f"unet.{module}.lora_A.weight": down, f"unet.{module}.lora_B.weight": up}
    lora = read_lora(saved(tmp_path, held, lora_adapter_metadata=told), UNET)
    torch.testing.assert_close(lora.delta(QUERY), expected(UNET[QUERY]))


@pytest.mark.parametrize("weight", [name for name in WAN if len(WAN[name]) > 1 and name.endswith("weight")])
@pytest.mark.parametrize("form", ["native", "native-comfy", "musubi", "diffusers"])
def test_wan_adapters_come_in_the_models_own_names_too(tmp_path: Path, weight: str, form: str) -> None:
    native = (wan_native(weight) or "").removesuffix(".weight")
    down, up = pair(WAN[weight])
    module, down_name, up_name = {
        "native": (native, ".lora_down.weight", ".lora_up.weight"),
        "native-comfy": (f"diffusion_model.{native}", ".lora_A.weight", ".lora_B.weight"),
        "musubi": (f"lora_unet_{native.replace('.', '_')}", ".lora_down.weight", ".lora_up.weight"),
        "diffusers": (f"transformer.{weight.removesuffix('.weight')}", ".lora_A.weight", ".lora_B.weight"),
    }[form]
    lora = read_lora(saved(tmp_path, {f"{module}{down_name}": down, f"{module}{up_name}": up}), WAN)
    torch.testing.assert_close(lora.delta(weight), expected(WAN[weight]))


def test_whole_differences_of_weights_biases_and_tables_are_taken(tmp_path: Path) -> None:
    held = {
        "diffusion_model.blocks.0.self_attn.o.diff_b": torch.arange(8.0),
        "diffusion_model.blocks.0.self_attn.norm_q.diff": torch.ones(8),
        "diffusion_model.blocks.0.norm3.diff": torch.ones(8) * 2,
        "diffusion_model.blocks.0.modulation.diff": torch.ones(1, 6, 8),
    }
    lora = read_lora(saved(tmp_path, held), WAN)
    assert lora.report.matched == (
        "blocks.0.attn1.norm_q.weight",
        "blocks.0.attn1.to_out.0.bias",
        "blocks.0.norm2.weight",
        "blocks.0.scale_shift_table",
    )
    torch.testing.assert_close(lora.delta("blocks.0.attn1.to_out.0.bias"), torch.arange(8.0))


def test_native_names_are_told_apart() -> None:
    spelled = [wan_native(name) for name in WAN]
    assert None not in spelled
    assert len(set(spelled)) == len(WAN)
    assert len(set(aliases(name.removesuffix(".weight") for name in UNET).values())) == len(UNET)


def text_keys(tmp_path: Path, module: str) -> Path:
    down, up = pair(UNET[QUERY])
    text_down, text_up = pair((6, 6))
    held = {
        f"lora_unet_{QUERY.removesuffix('.weight').replace('.', '_')}.lora_down.weight": down,
        f"lora_unet_{QUERY.removesuffix('.weight').replace('.', '_')}.lora_up.weight": up,
        f"{module}.lora_down.weight": text_down,
        f"{module}.lora_up.weight": text_up,
    }
    return saved(tmp_path, held)


@pytest.mark.parametrize(
    "module",
    [
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
    ],
)
def test_keys_of_a_text_encoder_are_kept_where_the_base_has_one_and_said_where_not(tmp_path: Path, module: str) -> None:
    path = text_keys(tmp_path, module)
    both = read_lora(path, UNET | TEXT)
    assert both.report.matched == tuple(sorted((QUERY, *TEXT)))
    assert both.report.dropped == ()
    alone = read_lora(path, UNET)
    assert alone.report.matched == (QUERY,)
    assert alone.report.dropped == (f"{module}.lora_down.weight", f"{module}.lora_up.weight")


def test_the_trigger_word_is_kept(tmp_path: Path) -> None:
    down, up = pair(UNET[QUERY])
    module = QUERY.removesuffix(".weight")
    path = saved(tmp_path, {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}, trigger="maren woman")
    assert read_lora(path, UNET).trigger == "maren woman"


def test_the_sum_is_kept_to_fp32_of_half_precision_factors(tmp_path: Path) -> None:
    down, up = (tensor.to(torch.bfloat16) for tensor in pair(UNET[QUERY]))
    module = QUERY.removesuffix(".weight")
    lora = read_lora(saved(tmp_path, {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}), UNET)
    torch.testing.assert_close(lora.delta(QUERY), up.float() @ down.float())


def refused(path: Path, base: Mapping[str, tuple[int, ...]], match: str) -> Lora | None:
    with pytest.raises(InputError, match=match):
        return read_lora(path, base)
    return None


def test_keys_that_match_nothing_are_refused_by_name(tmp_path: Path) -> None:
    down, up = pair(UNET[QUERY])
    module = QUERY.removesuffix(".weight")
    held = {
        f"unet.{module}.lora_A.weight": down,
        f"unet.{module}.lora_B.weight": up,
        "unet.nowhere.lora_A.weight": down,
    }
    refused(saved(tmp_path, held), UNET, r"1 of its keys match nothing \(unet\.nowhere\.lora_A\.weight\)")


def test_a_lora_of_another_base_is_refused_and_says_what_it_is_for(tmp_path: Path) -> None:
    down, up = pair(WAN["blocks.0.attn1.to_q.weight"])
    held = {"blocks.0.self_attn.q.lora_down.weight": down, "blocks.0.self_attn.q.lora_up.weight": up}
    refused(saved(tmp_path, held, ss_base_model_version="wan"), UNET, "says it is for wan")


def test_a_lora_of_the_same_names_in_another_width_is_refused(tmp_path: Path) -> None:
    down, up = pair((10, 10))
    module = QUERY.removesuffix(".weight")
    held = {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    refused(saved(tmp_path, held), UNET, r"has shape \(10, 2, 10\), the model's is \(8, 2, 8\)")


def test_factors_of_different_rank_are_refused(tmp_path: Path) -> None:
    module = QUERY.removesuffix(".weight")
    held = {f"{module}.lora_A.weight": torch.zeros(3, 8), f"{module}.lora_B.weight": torch.zeros(8, 2)}
    refused(saved(tmp_path, held), UNET, "the model's is")


@pytest.mark.parametrize("suffix", ["hada_w1_a", "lokr_w1", "dora_scale", "lora_mid.weight", "lora_magnitude_vector"])
def test_other_kinds_of_adapters_are_refused(tmp_path: Path, suffix: str) -> None:
    module = QUERY.removesuffix(".weight")
    down, up = pair(UNET[QUERY])
    held = {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up, f"{module}.{suffix}": torch.zeros(8)}
    refused(saved(tmp_path, held), UNET, "match nothing")


@pytest.mark.parametrize(
    "parts", [("lora_A.weight",), ("lora_B.weight",), ("alpha",), ("lora_A.weight", "lora_B.weight", "diff")]
)
def test_what_is_no_pair_is_refused(tmp_path: Path, parts: tuple[str, ...]) -> None:
    module = QUERY.removesuffix(".weight")
    refused(saved(tmp_path, {f"{module}.{part}": torch.ones(8, 8) for part in parts}), UNET, "give the whole file")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    down, up = pair(UNET[QUERY])
    module = QUERY.removesuffix(".weight")
    down[0, 0] = bad
    refused(saved(tmp_path, {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}), UNET, "no finite number")


def test_a_file_of_text_keys_alone_matches_nothing(tmp_path: Path) -> None:
    down, up = pair((6, 6))
    held = {"lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": down}
    held["lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight"] = up
    refused(saved(tmp_path, held), UNET, "no key of it matches")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a pickle of torch", b"\xff" * 64, b"\x08\0\0\0\0\0\0\0not json"])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "lora.safetensors"
    path.write_bytes(data)
    refused(path, UNET, "give a LoRA in safetensors")
