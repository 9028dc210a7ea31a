"""Engine `sound-synth`: effects, ambiences and simple cues from words, seeded."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata

import numpy as np

from functions.contract import params
from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import ContractError, EngineError, InputError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.media.loudness import Loudness
from functions.runtime.engine import Job, Outcome
from functions.sound import make, score
from functions.sound.dsp import Array
from functions.sound.prompt import near, understand
from functions.sound.track import Track

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
        track = Track.kept(_told(job, made.sound, wanted.samples), job.scratch / "track.f32")
        written = track.write(job.output(name), made.gain(track.heard))
        return Outcome({name: written}, _notes(made.unknown), list(made.degraded), _provenance())


@dataclass(frozen=True)
class Made:
    """A sound in the making, the dB that bring what was heard of it to its level, the words that had no part in it, and
    what the person must know of it.
    """

    sound: Iterable[Array]
    gain: Callable[[Loudness], float]
    unknown: tuple[str, ...]
    degraded: tuple[Note, ...] = ()


def _sound(wanted: params.Sound) -> Made:
    draw = np.random.default_rng(wanted.seed)
    understood = understand(wanted.prompt)
    if understood.layers:
        if wanted.role == "bed":
            return Made(make.bed(understood.layers, wanted.samples, draw), make.bed_gain, understood.unknown)
        return Made([make.hits_together(understood.layers, wanted.samples, draw)], lambda _: 0.0, understood.unknown)
    cue = score.read(wanted.prompt)
    if cue.instruments:
        length = wanted.samples if wanted.role == "bed" else min(wanted.samples, NOTE)
        return Made(score.compose(replace(cue, forms={"held"}), length, draw), score.gain, cue.unknown)
    close = ", ".join(near(understood.unknown))
    raise EngineError(f"no word of {wanted.prompt!r} is a sound that can be synthesised; near words: {close}")


def _told(job: Job, sound: Iterable[Array], samples: int) -> Iterator[Array]:
    """The blocks of a sound, each told to the job."""
    done = 0
    for block in sound:
        done += len(block)
        job.progress("synthesising", done, max(done, samples))
        yield block


def _music(wanted: params.Score) -> Made:
    cue = score.read(wanted.prompt)
    sound = score.compose(cue, wanted.samples, np.random.default_rng(wanted.seed))
    if score.understood(cue):
        return Made(sound, score.gain, cue.unknown)
    known = ", ".join((*score.WORDS.instruments, *score.WORDS.moods))
    detail = f"No word of {wanted.prompt!r} says what to play, so a plain cue was made. Words that do: {known}."
    return Made(sound, score.gain, cue.unknown, (Note(code="cue_plain", detail=detail),))


def _notes(unknown: tuple[str, ...]) -> list[Note]:
    if not unknown:
        return []
    return [Note(code="words_not_understood", detail=f"Not synthesised: {', '.join(unknown)}.")]


def _provenance() -> Provenance:
    return Provenance(engine_version=metadata.version("vivijure"), libraries={"numpy": metadata.version("numpy")})
