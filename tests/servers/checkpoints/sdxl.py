"""Tiny random weights of the SDXL keyframe engine and its LoRA training, in the layout that each publisher has.

The base model is one file in the original (LDM) naming, as RealVisXL is published; the configurations lie beside it as
in its repository, small.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ControlNetUnionModel, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
)

from tests.servers.checkpoints.tokenizers import clip

State = dict[str, Tensor]
LEVELS = (16, 32, 32)
FIRST, SECOND = 8, 24
"""Channels of the text encoders; the UNet reads both side by side."""
TOKENS = 2
"""Image tokens of a reference."""
_BLOCKS = {
    "block_out_channels": LEVELS,
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "transformer_layers_per_block": (1, 1, 2),
    "attention_head_dim": (1, 2, 2),
    "norm_num_groups": 8,
    "cross_attention_dim": FIRST + SECOND,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + SECOND,
}
_RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
)
KOHYA = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}
_UNET = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("mid_block.resnets.0", "middle_block.0"),
    ("mid_block.attentions.0", "middle_block.1"),
    ("mid_block.resnets.1", "middle_block.2"),
)


def build(root: Path, seed: int = 0) -> tuple[str, ...]:
    """Write every weight set below `root`; their names. The same seed gives the same bytes."""
    torch.manual_seed(seed)
    _tokenizers(root / "sdxl-tokenizers")
    unet = _base(root / "realvisxl-v5")
    _vae(root / "sdxl-vae-fp16-fix")
    _references(root / "sdxl-references", unet)
    _control(root / "sdxl-control")
    _depth(root / "depth-anything-v2-small")
    distilled = kohya(lora(unet, rank=2, scale=0.3))
    _save(distilled, root / "sdxl-lightning-4step/sdxl_lightning_4step_lora.safetensors")
    _save(distilled, root / "hyper-sdxl-8step-cfg/Hyper-SDXL-8steps-CFG-lora.safetensors")
    return tuple(sorted(folder.name for folder in root.iterdir() if folder.is_dir()))


def tiny_unet() -> UNet2DConditionModel:
    """A random UNet of the tiny architecture."""
    ups = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
    return UNet2DConditionModel(sample_size=8, up_block_types=ups, **_BLOCKS)


def lora(unet: UNet2DConditionModel, rank: int = 2, scale: float = 0.1, seed: int = 1) -> State:
    """A random LoRA of every attention projection, as diffusers saves it: `unet.*.lora_A.weight`, `lora_B`."""
    noise = torch.Generator().manual_seed(seed)
    state: State = {}
    for name, weight in unet.state_dict().items():
        if re.search(r"\.to_(q|k|v|out\.0)\.weight$", name):
            out, inner = weight.shape
            stem = f"unet.{name.removesuffix('.weight')}"
            state[f"{stem}.lora_A.weight"] = scale * torch.randn(rank, inner, generator=noise)
            state[f"{stem}.lora_B.weight"] = scale * torch.randn(out, rank, generator=noise)
    return state


def spoken(rank: int = 2, scale: float = 0.5, seed: int = 5) -> State:
    """A random LoRA of both text encoders' queries, as diffusers saves it."""
    noise = torch.Generator().manual_seed(seed)
    state: State = {}
    for name, width in (("text_encoder", FIRST), ("text_encoder_2", SECOND)):
        stem = f"{name}.text_model.encoder.layers.0.self_attn.q_proj"
        state[f"{stem}.lora_A.weight"] = scale * torch.randn(rank, width, generator=noise)
        state[f"{stem}.lora_B.weight"] = scale * torch.randn(width, rank, generator=noise)
    return state


def kohya(state: Mapping[str, Tensor], alpha: float | None = None) -> State:
    """The same LoRA as kohya's scripts save it."""
    out: State = {}
    for name, weight in state.items():
        stem, _, kind = name.removesuffix(".weight").rpartition(".")
        model, _, module = stem.partition(".")
        flat = f"{KOHYA[model]}_{module.replace('.', '_')}"
        out[f"{flat}.{'lora_down' if kind == 'lora_A' else 'lora_up'}.weight"] = weight.clone()
        out[f"{flat}.alpha"] = torch.tensor(float(alpha or min(weight.shape)))
    return out


def original(unet: Mapping[str, Tensor]) -> State:
    """Parameters of a diffusers UNet (one resnet a level) under the names of the original SDXL code."""
    return {_original(name): value for name, value in unet.items()}


def _original(name: str) -> str:
    for ours, theirs in _UNET:
        if name.startswith(f"{ours}."):
            moved = name.replace(ours, theirs, 1)
            return _resnet(moved) if "resnets" in ours else moved
    found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name)
    assert found, name
    way, kind, rest = found[1], found[3], found[5]
    level, layer = int(found[2]), int(found[4])
    if way == "down":
        at = 2 * level + 1
        place = f"input_blocks.{at + 1}.0.op" if kind == "downsamplers" else f"input_blocks.{at}"
    else:
        last = 2 * level + 1
        attended = level < 2
        place = (
            f"output_blocks.{last}.{1 + attended}.conv"
            if kind == "upsamplers"
            else f"output_blocks.{2 * level + layer}"
        )
    if kind in ("downsamplers", "upsamplers"):
        return f"{place}.{rest.removeprefix('conv.')}"
    return f"{place}.1.{rest}" if kind == "attentions" else _resnet(f"{place}.0.{rest}")


def _resnet(name: str) -> str:
    for ours, theirs in _RESNET:
        name = re.sub(rf"\.{ours}\.(weight|bias)$", rf".{theirs}.\1", name)
    return name


def _base(folder: Path) -> UNet2DConditionModel:
    unet = tiny_unet()
    tokens = len(json.loads((folder.parent / "sdxl-tokenizers/tokenizer/vocab.json").read_text("utf-8")))
    first = CLIPTextModel(_text(tokens, FIRST, "quick_gelu"))
    second = CLIPTextModelWithProjection(_text(tokens, SECOND, "gelu"))
    for part, name in ((unet, "unet"), (first, "text_encoder"), (second, "text_encoder_2")):
        _config(part.config.to_json_string() if name != "unet" else part.to_json_string(), folder / name)
    state = {f"model.diffusion_model.{name}": value for name, value in original(unet.state_dict()).items()}
    for name, value in first.state_dict().items():
        inner = name if name.startswith("text_model.") else f"text_model.{name}"
        state[f"conditioner.embedders.0.transformer.{inner}"] = value
    state |= {f"conditioner.embedders.1.model.{name}": value for name, value in _open_clip(second.state_dict()).items()}
    _save({name: value.half() for name, value in state.items()}, folder / "RealVisXL_V5.0_fp16.safetensors")
    return unet


def _text(tokens: int, width: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_act=activation,
        vocab_size=tokens,
        hidden_size=width,
        projection_dim=width,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=tokens - 2,
        eos_token_id=tokens - 1,
        pad_token_id=tokens - 1,
    )


def _open_clip(state: Mapping[str, Tensor]) -> State:
    out: State = {}
    for name, value in state.items():
        if (
            found := re.match(r"text_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)", name)
        ) is not None:
            stem = name.replace("q_proj", "{}_proj")
            joined = torch.cat([state[stem.format(part)] for part in "qkv"])
            out[f"transformer.resblocks.{found[1]}.attn.in_proj_{found[2]}"] = joined
        elif not re.search(r"\.(k|v)_proj\.", name):
            out[_open_clip_name(name)] = value.T.contiguous() if name == "text_projection.weight" else value
    return out


def _open_clip_name(name: str) -> str:
    for ours, theirs in (
        ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
        ("text_model.embeddings.", ""),
        ("text_model.final_layer_norm", "ln_final"),
        ("text_projection.weight", "text_projection"),
        ("text_model.encoder.layers", "transformer.resblocks"),
        ("self_attn", "attn"),
        ("layer_norm", "ln_"),
        ("mlp.fc1", "mlp.c_fc"),
        ("mlp.fc2", "mlp.c_proj"),
    ):
        name = name.replace(ours, theirs)
    return name


def _vae(folder: Path) -> None:
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        sample_size=64,
        scaling_factor=0.13025,
        force_upcast=False,
    )
    _config(vae.to_json_string(), folder)
    _save(vae.state_dict(), folder / "diffusion_pytorch_model.safetensors")


def _references(folder: Path, unet: UNet2DConditionModel) -> None:
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
            projection_dim=16,
            hidden_act="gelu",
        )
    )
    _config(encoder.config.to_json_string(), folder / "models/image_encoder")
    _save(encoder.state_dict(), folder / "models/image_encoder/model.safetensors")
    for name in ("ip-adapter-plus_sdxl_vit-h", "ip-adapter-plus-face_sdxl_vit-h"):
        _save(_adapter(unet), folder / f"sdxl_models/{name}.safetensors")


def _adapter(unet: UNet2DConditionModel) -> State:
    projection = IPAdapterPlusImageProjection(
        embed_dims=16, output_dims=FIRST + SECOND, hidden_dims=16, depth=4, heads=1, num_queries=TOKENS
    )
    state = {f"image_proj.{name}": value for name, value in _resampler(projection.state_dict()).items()}
    key = 1
    for name in unet.attn_processors:
        if name.endswith("attn2.processor"):
            inner = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
            state[f"ip_adapter.{key}.to_k_ip.weight"] = 0.3 * torch.randn(inner, FIRST + SECOND)
            state[f"ip_adapter.{key}.to_v_ip.weight"] = 0.3 * torch.randn(inner, FIRST + SECOND)
            key += 2
    return state


def _resampler(state: Mapping[str, Tensor]) -> State:
    out: State = {}
    for ours_all, value in state.items():
        name = ours_all
        for ours, theirs in (
            (".ln0.", ".0.norm1."),
            (".ln1.", ".0.norm2."),
            (".attn.to_out.0.", ".0.to_out."),
            (".attn.", ".0."),
            (".ff.1.net.0.proj.", ".1.1."),
            (".ff.1.net.2.", ".1.3."),
            (".ff.0.", ".1.0."),
        ):
            name = name.replace(ours, theirs)
        out[name] = value
    for name in [name for name in out if ".to_k." in name]:
        joined = torch.cat([out.pop(name), out.pop(name.replace("to_k", "to_v"))])
        out[name.replace("to_k", "to_kv")] = joined
    return out


def _control(folder: Path) -> None:
    net = ControlNetUnionModel(
        conditioning_embedding_out_channels=(16, 16, 16, 16),
        num_control_type=8,
        num_trans_channel=LEVELS[0],
        num_trans_head=2,
        num_proj_channel=LEVELS[0],
        **_BLOCKS,
    )
    with torch.no_grad():
        for value in net.parameters():
            if not value.any():
                value.normal_(std=0.2)
    _config(net.to_json_string(), folder)
    _save(net.state_dict(), folder / "diffusion_pytorch_model_promax.safetensors")


def _depth(folder: Path) -> None:
    backbone = Dinov2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=28,
        patch_size=14,
        out_indices=[1, 2],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    model = DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            backbone_config=backbone,
            reassemble_hidden_size=16,
            reassemble_factors=[2, 1],
            neck_hidden_sizes=[8, 8],
            fusion_hidden_size=8,
            head_hidden_size=8,
        )
    )
    model.save_pretrained(folder)
    values = {"do_resize": True, "do_rescale": True, "do_normalize": True, "size": {"height": 28, "width": 28}}
    values |= {"ensure_multiple_of": 14, "keep_aspect_ratio": True, "image_processor_type": "DPTImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(values), "utf-8")


def _tokenizers(folder: Path) -> None:
    clip(folder / "tokenizer")
    clip(folder / "tokenizer_2", pad="!")


def _config(text: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(text, "utf-8")


def _save(state: Mapping[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in state.items()}, path)
