"""A Piper voice as a repeatable function of text and seed. Format: VITS (Kim et al. 2021) as Piper exports it."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from piper.phonemize_espeak import EspeakPhonemizer

from functions.contract.errors import InputError
from functions.dialogue.network import noises, session
from functions.dialogue.pronunciation import Phoneme
from functions.media.pcm import Samples
from functions.runtime.engine import Job

BOS, EOS, PAD = "^", "$", "_"
PUNCTUATION = frozenset(".,:;?!")
FRAMES_A_PHONEME = 40
"""Noise drawn for each phoneme id, in hops; longer speech repeats it."""
FREED = ("memory.enable_memory_arena_shrinkage", "cpu:0")
"""Memory of a sentence goes back to the system behind it."""


@dataclass(frozen=True)
class Spoken:
    """Mono sound at the voice's own rate; `spans` are sample ranges of the phonemes given."""

    samples: Samples
    spans: tuple[tuple[int, int], ...]


class PiperVoice:
    """One voice file, loaded. Single-speaker or the default speaker of a larger model."""

    def __init__(self, path: Path, job: Job) -> None:
        """Load `path`, by way of the job's cache, and `path`.json. Raises `InputError` if either is missing or is no
        Piper voice.
        """
        config = path.with_name(path.name + ".json")
        if not path.is_file() or not config.is_file():
            raise InputError(f"no Piper voice at {path}: both {path.name} and {config.name} are needed")
        self.config: dict[str, Any] = json.loads(config.read_text("utf-8"))
        if "phoneme_id_map" not in self.config or self.config.get("phoneme_type", "espeak") != "espeak":
            raise InputError(f"{config.name} is not a Piper voice with eSpeak phonemes: choose another voice")
        self.session = session(path, job)
        self.noises = noises(self.session)
        self.options = onnxruntime.RunOptions()
        self.options.add_run_config_entry(*FREED)
        self.rate = int(self.config["audio"]["sample_rate"])
        self.hop = int(self.config.get("hop_length", 256))
        self.ids: dict[str, list[int]] = self.config["phoneme_id_map"]

    def phonemize(self, text: str) -> str:
        """Phonemes of the words by eSpeak NG's rules for this voice's language, punctuation left out."""
        sentences = _espeak().phonemize(self.config["espeak"]["voice"], text)
        symbols = "".join(symbol for sentence in sentences for symbol in sentence if symbol not in PUNCTUATION)
        return " ".join(symbols.split())

    def say(self, phonemes: Sequence[Phoneme], stretch: float, spread: float, seed: int) -> Spoken:
        """Speak one sentence. `stretch` scales durations, `spread` the melody's liveliness around its default."""
        known = [self.ids.get(p.symbol, []) for p in phonemes]
        ids, owner = [*self.ids[BOS], *self.ids[PAD]], [-1, -1]
        for index, codes in enumerate(known):
            ids += [*codes, *self.ids[PAD]] if codes else []
            owner += [index] * (len(codes) + 1) if codes else []
        ids, owner = [*ids, *self.ids[EOS]], [*owner, -1]
        sound, widths = self.session.run(None, self._inputs(ids, stretch, spread, seed), self.options)
        edges = np.concatenate([[0], np.cumsum(widths.reshape(-1))]).astype(np.int64) * self.hop
        spans: list[tuple[int, int]] = []
        for index in range(len(phonemes)):
            places = [place for place, who in enumerate(owner) if who == index]
            at = spans[-1][1] if spans else 0
            spans.append((int(edges[places[0]]), int(edges[places[-1] + 1])) if places else (at, at))
        return Spoken(sound.reshape(-1).astype(np.float32), tuple(spans))

    def _inputs(self, ids: list[int], stretch: float, spread: float, seed: int) -> dict[str, Any]:
        inference = self.config["inference"]
        melody = min(inference["noise_scale"] * spread, 0.85)
        scales = [melody, inference["length_scale"] * stretch, inference["noise_w"] * spread]
        draw = np.random.default_rng(seed)
        shapes = [(1, 2, len(ids)), (1, 192, int(len(ids) * FRAMES_A_PHONEME * max(1.0, stretch)))]
        feed: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        feed |= {n: draw.standard_normal(s, dtype=np.float32) for n, s in zip(self.noises, shapes, strict=True)}
        if self.config.get("num_speakers", 1) > 1:
            feed["sid"] = np.array([0], np.int64)
        return feed


@functools.cache
def _espeak() -> EspeakPhonemizer:
    return EspeakPhonemizer()
