"""What `done` may refuse: an output proven wrong. All that is merely odd becomes a note.

Proof is: a file that is missing, a link, empty, over its size or undecodable; a wrong frame count, size, rate, sample
count or channel count; a video that is not yuv420p, BT.709 and of constant rate; samples that are not finite; words
that are digital silence; a finish step that lost, moved or changed its clip's sound; a clip whose
content is proven wrong (`functions.media.truth`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from functions.contract import params as p
from functions.contract.base import Rate, Size
from functions.contract.errors import InputError, OutputRefused
from functions.contract.job import Note
from functions.contract.media import MediaFacts
from functions.media import probe, truth
from functions.media.probe import BT709, Measured
from functions.media.sound_track import check_carried
from functions.media.source import describe, input_clip
from functions.runtime.engine import Job, Outcome

AAC_FRAME = 1024
"""Samples by which the length of an AAC track may miss what was asked (one frame)."""
DARK = 8
"""Luma in full range up to which every pixel of a black keyframe lies."""


@dataclass(frozen=True)
class Expect:
    """What an output must measure; None where it is free."""

    size: Size | None = None
    frames: int | None = None
    rate: Rate | None = None
    audio: bool | None = None
    channels: int | None = None
    samples: int | None = None
    slack: int = 0
    at_most: int | None = None
    words: bool = False

    def but(self, *, frames: int, rate: Rate) -> "Expect":
        """The same with another length."""
        return replace(self, frames=frames, rate=rate)


def check_outputs(job: Job, outcome: Outcome, limits: Mapping[str, int]) -> tuple[dict[str, MediaFacts], list[Note]]:
    """Measure every output; (facts by name, notes). `limits` bounds the bytes of each. Raises `OutputRefused`."""
    found: dict[str, MediaFacts] = {}
    notes: list[Note] = []
    for name in sorted(job.output_names):
        path = job.output(name)
        _check_file(path, limits[name])
        measured = _measure(path)
        _check_measures(name, measured, expected(job, name))
        if isinstance(job.params, p.Interpolate | p.Upscale | p.Lipsync | p.FaceRestore):
            check_carried(input_clip(job), describe(path, name))
        notes += _content(job, name, path, measured, random=outcome.random)
        found[name] = merged(measured.facts, outcome.facts.get(name))
    return found, notes


def merged(measured: MediaFacts, told: MediaFacts | None) -> MediaFacts:
    """What was measured, and beyond it what the engine says (words, loudness)."""
    if told is None:
        return measured
    known = measured.model_dump(exclude_none=True, exclude_defaults=True)
    return MediaFacts(**{**told.model_dump(exclude_none=True), **known})


def expected(job: Job, name: str) -> Expect:
    """What this output of this job must measure."""
    params, suffix = job.params, Path(name).suffix
    match params:
        case p.Keyframe() if name == "image.png":
            return Expect(size=params.size)
        case p.Motion() if suffix == ".mp4":
            return Expect(size=params.size, frames=params.frames, rate=params.rate)
        case p.Interpolate():
            return _like_clip(job, None).but(frames=params.frames, rate=params.rate)
        case p.Conform() if suffix == ".mp4":
            return Expect(size=params.size, frames=params.frames, rate=params.rate, audio=False)
        case p.Assemble() if suffix == ".mp4":
            sound = "mix.m4a" in job.inputs
            return Expect(size=params.size, frames=params.frames, rate=params.rate, audio=sound)
        case p.Upscale() | p.Lipsync() | p.FaceRestore():
            return _like_clip(job, params.size if isinstance(params, p.Upscale) else None)
        case _:
            return _expected_sound(job, name)


def _like_clip(job: Job, size: Size | None) -> Expect:
    clip = input_clip(job)
    return Expect(size=size or clip.size, frames=clip.frames, rate=clip.rate)


def _expected_sound(job: Job, name: str) -> Expect:
    match job.params:
        case p.Dialogue():
            return Expect(channels=1, words=True)
        case p.SpeechEnhance():
            line = probe.measure(job.inputs["line.wav"])
            return Expect(samples=line.facts.samples, words=line.level is None or line.level.peak > 0)
        case p.Sound(role="bed") | p.Score():
            return Expect(channels=2, samples=job.params.samples)
        case p.Sound():
            return Expect(channels=2, at_most=job.params.samples)
        case p.Mix():
            slack = AAC_FRAME if name.endswith(".m4a") else 0
            return Expect(channels=2, samples=job.params.samples, slack=slack)
        case _:
            return Expect()


def _check_file(path: Path, limit: int) -> None:
    if path.is_symlink() or not path.is_file():
        raise OutputRefused(f"the engine made no file {path.name}")
    size = path.stat().st_size
    if not 0 < size <= limit:
        raise OutputRefused(f"{path.name} has {size} bytes, allowed are 1 to {limit}")


def _measure(path: Path) -> Measured:
    try:
        return probe.measure(path)
    except InputError as error:
        raise OutputRefused(str(error)) from error


def _check_measures(name: str, measured: Measured, want: Expect) -> None:
    facts = measured.facts
    if want.size is not None:
        _same(name, "pixels", (facts.width, facts.height), (want.size.width, want.size.height))
    if want.rate is not None:
        _same(name, "frames a second", (facts.rate_num, facts.rate_den), _lowest(want.rate))
    for what, got, wanted in (
        ("frames", facts.frames, want.frames),
        ("channels", facts.channels, want.channels),
        ("sound", facts.audio, want.audio),
    ):
        if wanted is not None:
            _same(name, what, got, wanted)
    _check_length(name, facts.samples or 0, want)
    _check_picture(name, measured)
    _check_level(name, measured, want)


def _same(name: str, what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise OutputRefused(f"{name} has {what} {got}, asked were {wanted}")


def _lowest(rate: Rate) -> tuple[int, int]:
    whole = Fraction(rate.num, rate.den)
    return whole.numerator, whole.denominator


def _check_length(name: str, samples: int, want: Expect) -> None:
    if want.samples is not None and abs(samples - want.samples) > want.slack:
        raise OutputRefused(f"{name} has {samples} samples, asked were {want.samples}")
    if want.at_most is not None and samples > want.at_most:
        raise OutputRefused(f"{name} has {samples} samples, asked were {want.at_most} at most")


def _check_picture(name: str, measured: Measured) -> None:
    picture = measured.picture
    if picture is None:
        return
    if picture.pixels != "yuv420p" or picture.colour != BT709:
        raise OutputRefused(f"{name} is {picture.pixels} with colour {picture.colour}, not yuv420p tagged BT.709")
    if not picture.constant_rate:
        raise OutputRefused(f"{name} has no constant frame rate")


def _check_level(name: str, measured: Measured, want: Expect) -> None:
    if measured.level is None:
        return
    if not measured.level.finite:
        raise OutputRefused(f"{name} holds samples that are not numbers")
    if not measured.facts.samples or (want.words and measured.level.peak == 0):
        raise OutputRefused(f"{name} is silent where words were asked for")


def _content(job: Job, name: str, path: Path, measured: Measured, *, random: bool) -> list[Note]:
    try:
        return _check_content(job, name, path, measured)
    except OutputRefused as error:
        if not random:
            raise
        return [Note(code="not_enforced", detail=f"random weights made it: {error}")]


def _check_content(job: Job, name: str, path: Path, measured: Measured) -> list[Note]:
    if measured.level is not None and measured.level.peak == 0 and not _stem(job, name):
        return [Note(code="silent", detail=f"{name} is digital silence")]
    if isinstance(job.params, p.Keyframe) and measured.facts.type == "image" and probe.image_luma(path).max() <= DARK:
        return [Note(code="black", detail=f"{name} is black")]
    if isinstance(job.params, p.Motion) and measured.picture is not None:
        return truth.check_clip(job, job.params, path, measured.picture)
    return []


def _stem(job: Job, name: str) -> bool:
    """Whether this is one part of a mix: where a film has no music, its music is silent."""
    return isinstance(job.params, p.Mix) and not name.startswith("mix.")
