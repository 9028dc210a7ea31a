"""Tiny random weights of the FLUX.2 klein keyframe engine, in the layout of its repository."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2Transformer2DModel
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

from tests.servers.checkpoints.tokenizers import MERGES, byte_characters

WIDTH = 16
"""Channels of the text encoder; the transformer reads three of its layers side by side."""
LATENTS = 4
LAYERS = 30
"""As many as are read (27) and a few above, as the published encoder has 36."""
TEMPLATE = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{%- endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n"
    "{%- if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{%- endif %}{%- endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def build(root: Path, seed: int = 0) -> None:
    """Write the set `flux2-klein-4b` below `root`. The same seed gives the same bytes."""
    torch.manual_seed(seed)
    folder = root / "flux2-klein-4b"
    words = _tokenizer(folder / "tokenizer")
    _text_encoder(folder / "text_encoder", words)
    transformer = Flux2Transformer2DModel(
        in_channels=4 * LATENTS,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    with torch.no_grad():
        for value in transformer.parameters():
            if value.ndim == 2:
                value.normal_(std=value.shape[1] ** -0.5)
    _save(transformer, folder / "transformer")
    _save(_vae(), folder / "vae")
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    (folder / "scheduler").mkdir(parents=True)
    (folder / "scheduler/scheduler_config.json").write_text(scheduler.to_json_string(), "utf-8")
    index = {"_class_name": "Flux2KleinPipeline", "is_distilled": True}
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")


def _vae() -> AutoencoderKLFlux2:
    vae = AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=LATENTS, norm_num_groups=4, sample_size=64
    )
    with torch.no_grad():
        vae.bn.running_mean.normal_(std=0.1)
        vae.bn.running_var.uniform_(0.5, 1.5)
    return vae


def _text_encoder(folder: Path, words: int) -> None:
    config = Qwen3Config(
        vocab_size=words,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        tie_word_embeddings=True,
    )
    state = {n: v for n, v in Qwen3ForCausalLM(config).state_dict().items() if n != "lm_head.weight"}
    names = sorted(state)
    where: dict[str, str] = {}
    folder.mkdir(parents=True)
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({n: state[n].contiguous() for n in part}, folder / file)
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": sum(v.nbytes for v in state.values())}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    (folder / "config.json").write_text(config.to_json_string(), "utf-8")


def _tokenizer(folder: Path) -> int:
    folder.mkdir(parents=True)
    merges = [merge for merge in MERGES if "</w>" not in merge]
    vocabulary = [*byte_characters(), *("".join(m.split()) for m in merges), *SPECIAL]
    numbers = {token: number for number, token in enumerate(vocabulary)}
    added = {str(numbers[t]): {"content": t, "special": True} for t in SPECIAL}
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "model_max_length": 131072,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "added_tokens_decoder": added,
    }
    for name, value in (("vocab.json", numbers), ("tokenizer_config.json", settings)):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    return len(vocabulary)


def _save(module: Flux2Transformer2DModel | AutoencoderKLFlux2, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(module.to_json_string(), "utf-8")
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    save_file(state, folder / "diffusion_pytorch_model.safetensors")
