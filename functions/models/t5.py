"""T5 and UMT5 text encoders: alone on the device while they work, their output kept by (encoder, text).

They run in bf16 on a GPU and fp32 on a CPU, never in fp16, in which their activations overflow.
"""

import functools
import hashlib
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer

from functions.models import prompts

KEPT = 256
"""Embeddings kept in a cache folder; the oldest go first. One is 4 MB at 512 tokens of 4096."""


@dataclass(frozen=True)
class Text:
    """An encoded text: `states` (1, tokens, width), `mask` (1, tokens), 1 where a token is no padding."""

    states: Tensor
    mask: Tensor

    def on(self, device: torch.device | str, dtype: torch.dtype) -> "Text":
        """The same on a device."""
        return Text(self.states.to(device, dtype), self.mask.to(device))


@functools.cache
def _tokenizer(folder: Path) -> Any:
    """Read once a process: half a second of each job."""
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@dataclass(frozen=True)
class Tokens:
    """The tokenizer of a weight set, how many tokens its model takes, and whether its encoder is told of padding."""

    tokenizer: Any
    limit: int
    masked: bool = True

    @classmethod
    def of(cls, folder: Path, limit: int, masked: bool = True) -> "Tokens":
        """The tokenizer that lies in `folder`."""
        return cls(_tokenizer(folder), limit, masked)

    def check(self, text: str, what: str) -> None:
        """Raises `InputError` for a text that has more tokens than the model takes; nothing is cut off."""
        prompts.check(self.tokenizer, clean(text), self.limit, what)

    def __call__(self, text: str) -> tuple[Tensor, Tensor]:
        """Ids and mask, each (1, limit)."""
        made = self.tokenizer(
            clean(text),
            padding="max_length",
            max_length=self.limit,
            truncation=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        return made.input_ids, made.attention_mask


def clean(text: str) -> str:
    """Mended Unicode, no HTML entities, single spaces: as the models' own training text was prepared."""
    return prompts.clean(html.unescape(html.unescape(text)))


class Texts:
    """Encoded texts, each made once: `digest` names encoder and precision, `folder` keeps what was made."""

    def __init__(self, folder: Path, digest: str, tokens: Tokens) -> None:
        self._folder, self._digest, self._tokens = folder / "texts", digest, tokens

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts that are not kept yet."""
        return [text for text in dict.fromkeys(texts) if not self._path(text).is_file()]

    @torch.no_grad()
    def encode(self, texts: Sequence[str], encoder: nn.Module) -> None:
        """Encode texts and keep them."""
        device = next(encoder.parameters()).device
        for text in texts:
            ids, mask = self._tokens(text)
            told = mask.to(device) if self._tokens.masked else None
            states = encoder(ids.to(device), told).last_hidden_state
            self._keep(text, Text(states.cpu(), mask))

    def get(self, text: str) -> Text:
        """A text that is kept."""
        held = load_file(self._path(text))
        return Text(held["states"], held["mask"])

    def _path(self, text: str) -> Path:
        named = f"{self._digest}/{self._tokens.limit}/{text}"
        return self._folder / f"{hashlib.sha256(named.encode()).hexdigest()}.safetensors"

    def _keep(self, text: str, made: Text) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(text)
        part = path.with_suffix(f".{os.getpid()}")
        save_file({"states": made.states.contiguous(), "mask": made.mask.contiguous()}, part)
        part.replace(path)
        for old in sorted(self._folder.glob("*.safetensors"), key=_modified)[:-KEPT]:
            old.unlink(missing_ok=True)


def _modified(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0
