"""What both engines of speech do around what they differ in: hear the input, pass it through plain filters, give it its
loudness back, say what changed. Loads no library of models.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from functions.contract.errors import ContractError, InputError
from functions.contract.job import Note
from functions.contract.media import MediaFacts
from functions.contract.params import SpeechEnhance
from functions.media.loudness import ratio
from functions.media.wav import WavWriter, quantise
from functions.runtime.engine import Job, Outcome
from functions.speech_enhance import plain
from functions.speech_enhance.hearing import Span, spoken
from functions.speech_enhance.sound import SILENT, Gauge, Levels, Recording, Scratch, decoded

INPUT, OUTPUT = "line.wav", "line.wav"
CEILING_DB = -1.0
"""Highest true peak that filters and networks may leave, unless the input lay higher itself."""
LARGEST_GAIN_DB = 12.0
FLOOR_NOTED_DB = 1.0


@dataclass(frozen=True)
class Work:
    """A job that was heard: where its words are, and the sound that is being made of it."""

    params: SpeechEnhance
    recording: Recording
    probability: NDArray[np.float32]
    spans: tuple[Span, ...]
    made: Scratch

    @property
    def strength(self) -> float:
        """0..1."""
        return self.params.strength / 1000


@contextmanager
def heard(job: Job, title: str) -> Iterator[Work]:
    """Decode the input and find its words. Raises `ContractError`, `InputError`, `DiskFull`."""
    params = job.params
    if not isinstance(params, SpeechEnhance):
        raise ContractError(f"{title} cleans speech, not '{params.kind}'; choose another engine")
    if params.strength > 1000:
        raise InputError(f"strength is {params.strength} thousandths, at most 1000 are possible; choose less")
    job.progress("listen", 0, 2)
    recording = decoded(job.inputs[INPUT], job.scratch / "heard.f32")
    job.progress("listen", 1, 2)
    probability = recording.sound.speech(recording.levels.peak)
    silent = recording.levels.peak <= SILENT
    spans = () if silent else tuple(spoken(probability, recording.sound.samples))
    made = Scratch(job.scratch / "made.f32", recording.sound.channels)
    try:
        yield Work(params, recording, probability, spans, made)
    finally:
        made.close()
        recording.sound.close()


def filtered(job: Job, work: Work, depth: float) -> list[Note]:
    """Write all of the sound through the plain filters; `depth` (0..1) says how far noise is lowered."""
    sound = work.recording.sound
    work.made.clear()
    noise = plain.learned(sound, work.probability) if work.spans and depth > 0 else None
    source = plain.Equalised(sound, plain.equaliser(speech=bool(work.spans)))
    for block in plain.cleaned(source, sound.samples, noise, plain.DEEPEST_DB * depth):
        work.made.write(block)
        job.progress("filter", work.made.samples, sound.samples)
    if work.spans and depth > 0 and noise is None:
        detail = "The pauses are too short to learn a noise from; it was left as it is where no network works."
        return [Note(code="noise_unknown", detail=detail)]
    return []


def finished(job: Job, work: Work) -> Outcome:
    """Write `line.wav` at the input's loudness; what changed stands in the notes."""
    before, after = work.recording.levels, measured(work.made)
    gain_db = _gain(before, after)
    gain, channels = ratio(gain_db), work.made.channels
    with WavWriter(job.output(OUTPUT), channels) as file:
        for block in work.made.blocks():
            file.write(quantise(block * np.float32(gain)))
            job.progress("write", file.samples, work.made.samples)
    after = replace(
        after,
        loudness=after.loudness + gain_db,
        peak_db=after.peak_db + gain_db,
        floor_db=after.floor_db + gain_db,
    )
    return Outcome(notes=_notes(work, before, after), facts={OUTPUT: _facts(work.made, after)})


def measured(sound: Scratch) -> Levels:
    """The levels of a sound."""
    gauge = Gauge(sound.channels)
    for block in sound.blocks():
        gauge.feed(block)
    return gauge.read()


def _gain(before: Levels, after: Levels) -> float:
    """dB that give the loudness back, within what peaks allow."""
    if not np.isfinite(before.loudness) or not np.isfinite(after.loudness):
        return 0.0
    room = max(CEILING_DB, min(before.peak_db, 0.0)) - after.peak_db
    wanted = before.loudness - after.loudness
    return float(min(max(wanted, -LARGEST_GAIN_DB), LARGEST_GAIN_DB, room))


def _facts(sound: Scratch, levels: Levels) -> MediaFacts:
    told = {"loudness": round(levels.loudness, 2)} if np.isfinite(levels.loudness) else {}
    if np.isfinite(levels.peak_db):
        told["peak"] = round(levels.peak_db, 2)
    return MediaFacts(type="audio", samples=sound.samples, sample_rate=48_000, channels=sound.channels, **told)


def _notes(work: Work, before: Levels, after: Levels) -> list[Note]:
    recording = work.recording
    if before.peak <= SILENT:
        return [Note(code="silent_input", detail="The input is silent, and so is the result.")]
    notes = [
        _change("peak", "True peak", "dBTP", before.peak_db, after.peak_db),
        _change("noise_floor", "Noise floor", "dBFS", before.floor_db, after.floor_db),
    ]
    seconds = sum(span.end - span.start for span in work.spans) / 48_000
    notes.append(Note(code="speech", detail=f"{seconds:.2f} s of speech were found.", value=round(seconds, 3)))
    if before.clipped:
        detail = (
            f"The input clips in {before.clipped} places; what was cut off there is lost unless a network guesses it."
        )
        notes.append(Note(code="clipped_input", detail=detail, value=before.clipped))
    if recording.rate < 16_000:
        detail = (
            f"The input has {recording.rate} samples a second, as a telephone: nothing above {recording.rate // 2} Hz."
        )
        notes.append(Note(code="narrow_band", detail=detail, value=recording.rate))
    if recording.channels > 2:
        detail = f"{recording.channels} channels were mixed down to two."
        notes.append(Note(code="mixed_down", detail=detail, value=recording.channels))
    return notes


def _change(code: str, what: str, unit: str, before: float, after: float) -> Note:
    value = round(after, 2) if np.isfinite(after) else None
    return Note(code=code, detail=f"{what} {after:.1f} {unit}, before {before:.1f}.", value=value)
