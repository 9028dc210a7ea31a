"""Engine `sound-synth`: effects, ambiences and simple cues from words, seeded."""

from dataclasses import dataclass, replace
from importlib import metadata

import numpy as np

from functions.contract import params
from functions.contract.errors import ContractError, EngineError, InputError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.media.pcm import SAMPLE_RATE, facts, write_wav24
from functions.runtime.engine import Job, Outcome
from functions.sound import make, score
from functions.sound.dsp import Array
from functions.sound.prompt import near, understand

SOUND, MUSIC = "sound.wav", "music.wav"
NOTE = 4 * SAMPLE_RATE
"""Longest single sound that an instrument makes as an effect."""


class SoundSynth:
    """Synthesises; keeps nothing between jobs."""

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest

    def run(self, job: Job) -> Outcome:
        """Write `sound.wav` or `music.wav`: 48 kHz, 24 bit, stereo. Raises `EngineError` where no word is known."""
        wanted = job.params
        if not isinstance(wanted, params.Sound | params.Score):
            raise ContractError(f"{self.manifest.name} makes sounds and cues; it was asked for {wanted.kind}")
        if wanted.samples == 0:
            raise InputError(f"{wanted.prompt!r} is asked for with no length: ask for at least one sample")
        job.progress("synthesising", 0, 1)
        name = SOUND if isinstance(wanted, params.Sound) else MUSIC
        made = _sound(wanted) if isinstance(wanted, params.Sound) else _music(wanted)
        samples = made.sound.astype(np.float32)
        write_wav24(job.output(name), samples)
        job.progress("synthesising", 1, 1)
        return Outcome({name: facts(samples)}, _notes(made.unknown), list(made.degraded), _provenance())


@dataclass(frozen=True)
class Made:
    """A finished sound, the words that had no part in it, and what the person must know of it."""

    sound: Array
    unknown: tuple[str, ...]
    degraded: tuple[Note, ...] = ()


def _sound(wanted: params.Sound) -> Made:
    draw = np.random.default_rng(wanted.seed)
    understood = understand(wanted.prompt)
    if understood.layers:
        builder = make.bed if wanted.role == "bed" else make.hits_together
        return Made(builder(understood.layers, wanted.samples, draw), understood.unknown)
    cue = score.read(wanted.prompt)
    if cue.instruments:
        length = wanted.samples if wanted.role == "bed" else min(wanted.samples, NOTE)
        return Made(score.compose(replace(cue, forms={"held"}), length, draw), cue.unknown)
    close = ", ".join(near(understood.unknown))
    raise EngineError(f"no word of {wanted.prompt!r} is a sound that can be synthesised; near words: {close}")


def _music(wanted: params.Score) -> Made:
    cue = score.read(wanted.prompt)
    sound = score.compose(cue, wanted.samples, np.random.default_rng(wanted.seed))
    if score.understood(cue):
        return Made(sound, cue.unknown)
    known = ", ".join((*score.WORDS.instruments, *score.WORDS.moods))
    detail = f"No word of {wanted.prompt!r} says what to play, so a plain cue was made. Words that do: {known}."
    return Made(sound, cue.unknown, (Note(code="cue_plain", detail=detail),))


def _notes(unknown: tuple[str, ...]) -> list[Note]:
    if not unknown:
        return []
    return [Note(code="words_not_understood", detail=f"Not synthesised: {', '.join(unknown)}.")]


def _provenance() -> Provenance:
    return Provenance(engine_version=metadata.version("vivijure"), libraries={"numpy": metadata.version("numpy")})
