"""Prompts through SDXL's two text encoders."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from functions.models import prompts


@dataclass(frozen=True)
class Words:
    """Encoded texts: `states` (texts, 77 a chunk, channels of both encoders), `pooled` (texts, channels)."""

    states: Tensor
    pooled: Tensor

    def __getitem__(self, rows: Sequence[int]) -> "Words":
        return Words(self.states[list(rows)], self.pooled[list(rows)])


@dataclass(frozen=True)
class Tokens:
    """Ids (texts, chunks, 77) for each encoder."""

    first: Tensor
    second: Tensor

    def __getitem__(self, rows: Sequence[int]) -> "Tokens":
        return Tokens(self.first[list(rows)], self.second[list(rows)])

    @property
    def chunks(self) -> int:
        """Chunks of each text."""
        return self.first.shape[1]


@functools.cache
def tokenizers(folder: Path) -> tuple[CLIPTokenizer, CLIPTokenizer]:
    """The tokenizers of both encoders: they share a vocabulary and differ in how they pad."""
    first, second = (
        CLIPTokenizer.from_pretrained(folder / n, local_files_only=True) for n in ("tokenizer", "tokenizer_2")
    )
    return first, second


def tokens(both: tuple[CLIPTokenizer, CLIPTokenizer], texts: Sequence[str]) -> Tokens:
    """All texts of a job, chunked alike. Raises `InputError` for one beyond the limit."""
    first, second = prompts.clip_chunks(both, texts)
    return Tokens(torch.tensor(first), torch.tensor(second))


def encode(given: Tokens, first: CLIPTextModel, second: CLIPTextModelWithProjection) -> Words:
    """The last hidden states but one of both encoders, and the second's pooled output of each text's first chunk."""
    texts, chunks, _ = given.first.shape
    one = first(given.first.flatten(0, 1).to(first.device), output_hidden_states=True).hidden_states[-2]
    two = second(given.second.flatten(0, 1).to(second.device), output_hidden_states=True)
    states = torch.cat([one, two.hidden_states[-2]], dim=-1)
    return Words(states.reshape(texts, -1, states.shape[-1]), two.text_embeds.reshape(texts, chunks, -1)[:, 0])


def joined(parts: Sequence[Words]) -> Words:
    """Texts that were encoded apart, one after another."""
    return Words(torch.cat([part.states for part in parts]), torch.cat([part.pooled for part in parts]))
