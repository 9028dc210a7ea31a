"""Tiny tokenizers in the published on-disk layout."""

import io
import json
from pathlib import Path

TEXTS = (
    "a lone rider crosses the salt flat at dawn",
    "close up of Mira, rain on her face, 35mm film",
    "slow dolly in, shallow depth of field, warm light",
    "bright tones, overexposed, static, blurred details",
    "the detective opens the door and looks back",
    "worst quality, low quality, jpeg compression, ugly",
)
MERGES = ("t h", "th e</w>", "i n", "a n", "e r</w>")
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_characters() -> list[str]:
    """The 256 characters that byte-level BPE writes bytes as (GPT-2's table, in order of its vocabulary)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]


def clip(folder: Path, *, pad: str = END, positions: int = 77) -> int:
    """`vocab.json`, `merges.txt` and configurations of a CLIP tokenizer; the size of its vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = byte_characters()
    merged = ["".join(merge.split()) for merge in MERGES]
    vocabulary = [*letters, *(f"{c}</w>" for c in letters), *merged, START, END]
    _write(folder / "vocab.json", {token: number for number, token in enumerate(vocabulary)})
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
    _write(folder / "special_tokens_map.json", special)
    rest = {"tokenizer_class": "CLIPTokenizer", "model_max_length": positions, "do_lower_case": True}
    _write(folder / "tokenizer_config.json", {**special, **rest, "add_prefix_space": False})
    return len(vocabulary)


def t5(folder: Path, *, positions: int = 512, size: int = 120) -> int:
    """`spiece.model` and configuration of a T5 tokenizer trained on a few sentences; at least its vocabulary's size."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 4),
        model_writer=model,
        vocab_size=size,
        model_type="unigram",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    _write(folder / "special_tokens_map.json", special)
    rest = {"tokenizer_class": "T5Tokenizer", "model_max_length": positions, "extra_ids": 0}
    _write(folder / "tokenizer_config.json", {**special, **rest})
    return size


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
