"""Texts as encoders take them: cleaned, counted, chunked alike or refused, never cut off silently."""

import html
import re
from collections.abc import Sequence
from typing import Protocol

import ftfy

from functions.contract.errors import InputError

CLIP = 75
"""Tokens of one chunk of a CLIP encoder: 77 positions, two of them markers."""


class Tokenizer(Protocol):
    """What is used of a `transformers` tokenizer."""

    bos_token_id: int
    eos_token_id: int
    pad_token_id: int

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


def clean(text: str) -> str:
    """The text with mended encoding (ftfy), without HTML entities, with single spaces: as the models' training text
    was prepared.
    """
    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", mended).strip()


def count(tokenizer: Tokenizer, text: str) -> int:
    """Tokens that the encoder reads of this text, its markers included."""
    return len(tokenizer.encode(text, add_special_tokens=True))


def check(tokenizer: Tokenizer, text: str, limit: int, what: str = "the prompt") -> int:
    """The token count of a cleaned text. Raises `InputError` beyond `limit` (markers included)."""
    tokens = count(tokenizer, text)
    if tokens > limit:
        raise InputError(f"{what} has {tokens} tokens and this engine's encoder reads {limit}: shorten it")
    return tokens


def clip_chunks(
    tokenizers: Sequence[Tokenizer], texts: Sequence[str], limit: int = 8
) -> tuple[tuple[tuple[tuple[int, ...], ...], ...], ...]:
    """Token ids as [tokenizer][text][chunk], each chunk of 77: as many chunks for every encoder and every text (prompt
    and negative), the shorter ones filled with empty chunks. Raises `InputError` beyond `limit` chunks.
    """
    ids = [[tokenizer.encode(text, add_special_tokens=False) for text in texts] for tokenizer in tokenizers]
    most = max(len(tokens) for row in ids for tokens in row)
    chunks = max(1, -(-most // CLIP))
    if chunks > limit:
        raise InputError(f"the prompt has {most} tokens and this engine reads {limit * CLIP}: shorten it")
    return tuple(
        tuple(tuple(_chunk(tokenizer, tokens[at * CLIP : (at + 1) * CLIP]) for at in range(chunks)) for tokens in row)
        for tokenizer, row in zip(tokenizers, ids, strict=True)
    )


def _chunk(tokenizer: Tokenizer, tokens: Sequence[int]) -> tuple[int, ...]:
    padding = (tokenizer.pad_token_id,) * (CLIP - len(tokens))
    return (tokenizer.bos_token_id, *tokens, tokenizer.eos_token_id, *padding)
