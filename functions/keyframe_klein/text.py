"""The prompt through Qwen3, as FLUX.2 klein reads it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import Qwen2Tokenizer, Qwen3Model

from functions.contract.errors import InputError


def tokenizer(folder: Path) -> Qwen2Tokenizer:
    """The tokenizer with its chat template."""
    return Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)


def tokens(reader: Qwen2Tokenizer, prompt: str, most: int) -> tuple[Tensor, Tensor]:
    """Ids and mask (1, most) of a prompt in the chat template. Raises `InputError` where it is longer."""
    asked = [{"role": "user", "content": prompt}]
    text = reader.apply_chat_template(asked, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    row = reader(text, return_tensors="pt", padding="max_length", max_length=most, truncation=False)
    if (length := row["input_ids"].shape[1]) > most:
        raise InputError(f"The prompt has {length} tokens and FLUX.2 klein reads {most}: shorten it.")
    return row["input_ids"], row["attention_mask"]


def encode(encoder: Qwen3Model, ids: Tensor, mask: Tensor, layers: Sequence[int]) -> Tensor:
    """The states of some layers side by side, (1, tokens, layers * channels)."""
    seen = encoder(
        input_ids=ids.to(encoder.device),
        attention_mask=mask.to(encoder.device),
        output_hidden_states=True,
        use_cache=False,
    ).hidden_states
    return torch.cat([seen[layer] for layer in layers], dim=-1)
