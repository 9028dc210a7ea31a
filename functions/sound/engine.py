"""Engine `sound-synth`: effects, ambiences and simple cues from words, seeded."""

from importlib import metadata

import numpy as np

from functions.contract import params
from functions.contract.errors import ContractError, EngineError, InputError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts
from functions.media.pcm import SAMPLE_RATE, write_wav24
from functions.runtime.engine import Job, Outcome
from functions.sound import make, score
from functions.sound.dsp import Array
from functions.sound.prompt import near, understand

SOUND, MUSIC = "sound.wav", "music.wav"


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
        made, unknown = _sound(wanted) if isinstance(wanted, params.Sound) else _music(wanted)
        write_wav24(job.output(name), made.astype(np.float32))
        job.progress("synthesising", 1, 1)
        facts = MediaFacts(type="audio", samples=len(made), sample_rate=SAMPLE_RATE, channels=2, audio=True)
        return Outcome(facts={name: facts}, notes=_notes(unknown), provenance=_provenance())


def _sound(wanted: params.Sound) -> tuple[Array, tuple[str, ...]]:
    understood = understand(wanted.prompt)
    if not understood.layers:
        close = ", ".join(near(understood.unknown))
        raise EngineError(f"no word of {wanted.prompt!r} is a sound that can be synthesised; near words: {close}")
    draw = np.random.default_rng(wanted.seed)
    builder = make.bed if wanted.role == "bed" else make.hits_together
    return builder(understood.layers, wanted.samples, draw), understood.unknown


def _music(wanted: params.Score) -> tuple[Array, tuple[str, ...]]:
    cue = score.read(wanted.prompt)
    if not score.understood(cue):
        known = ", ".join((*score.WORDS.instruments, *score.WORDS.moods))
        raise EngineError(f"no word of {wanted.prompt!r} says what to play; words that do: {known}")
    return score.compose(cue, wanted.samples, np.random.default_rng(wanted.seed)), cue.unknown


def _notes(unknown: tuple[str, ...]) -> list[Note]:
    if not unknown:
        return []
    return [Note(code="words_not_understood", detail=f"Not synthesised: {', '.join(unknown)}.")]


def _provenance() -> Provenance:
    return Provenance(engine_version=metadata.version("vivijure"), libraries={"numpy": metadata.version("numpy")})
