"""What `done` may refuse: an output proven wrong. All that is merely odd becomes a note.

Proof is: a file that is missing, a link, empty, over its size or undecodable; a wrong frame count, size, rate, sample
count or channel count; a video that is not yuv420p, BT.709 and of constant rate; samples that are not finite; words
that are digital silence; a clip that is black though its keyframe is not, that stands still byte for byte
though a move was asked for, or whose frames have lost the keyframe entirely.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from functions.contract import params as p
from functions.contract.base import Rate, Size
from functions.contract.errors import InputError, OutputRefused
from functions.contract.job import Note
from functions.contract.media import MediaFacts
from functions.media import probe
from functions.media.probe import BT709, Luma, Measured, Picture
from functions.runtime.engine import Job, Outcome

AAC_FRAME = 1024
"""Samples by which the length of an AAC track may miss what was asked (one frame)."""
BLACK = 20
"""Luma in studio range (black is 16) up to which a frame counts as black."""
NOISE = 0.5
"""Correlation of neighbouring pixels below which a frame may be noise."""
KEYS = 8
"""Most frames that are sampled beyond the first."""
GRID = (32, 18)
"""Columns and rows at which frames are compared for what they show."""


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


def check_outputs(job: Job, outcome: Outcome, limits: Mapping[str, int]) -> tuple[dict[str, MediaFacts], list[Note]]:
    """Measure every output; (facts by name, notes). `limits` bounds the bytes of each. Raises `OutputRefused`."""
    found: dict[str, MediaFacts] = {}
    notes: list[Note] = []
    for name in sorted(job.output_names):
        path = job.output(name)
        _check_file(path, limits[name])
        measured = _measure(path)
        _check_measures(name, measured, expected(job, name))
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
            return Expect(frames=params.frames, rate=params.rate)
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
    clip = probe.measure(job.inputs["clip.mp4"]).facts
    own = Size(width=clip.width or 0, height=clip.height or 0)
    return Expect(size=size or own, frames=clip.frames, rate=Rate(num=clip.rate_num or 0, den=clip.rate_den or 1))


def _expected_sound(job: Job, name: str) -> Expect:
    match job.params:
        case p.Dialogue():
            return Expect(channels=1, words=True)
        case p.SpeechEnhance():
            return Expect(samples=probe.measure(job.inputs["line.wav"]).facts.samples, words=True)
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
    if isinstance(job.params, p.Keyframe) and measured.facts.type == "image" and _dark(probe.image_luma(path), 8):
        return [Note(code="black", detail=f"{name} is black")]
    if isinstance(job.params, p.Motion) and measured.picture is not None:
        _check_clip(job, job.params, path, measured.picture)
    return []


def _stem(job: Job, name: str) -> bool:
    """Whether this is one part of a mix: where a film has no music, its music is silent."""
    return isinstance(job.params, p.Mix) and not name.startswith("mix.")


def _check_clip(job: Job, params: p.Motion, path: Path, picture: Picture) -> None:
    """Frames that look right at first sight prove the clip good; only for others the keyframe is read."""
    doubtful = [f for f in _sampled(path, picture) if _dark(f, BLACK) or neighbours(f) < NOISE]
    if doubtful and "image" in job.inputs:
        key = probe.image_luma(job.inputs["image"], (params.size.width, params.size.height))
        if not _dark(key, BLACK - 16) and all(_dark(frame, BLACK) for frame in probe.video_luma(path)):
            raise OutputRefused(f"{path.name} is black, its keyframe is not")
        if sum(lost(frame, key) for frame in doubtful) >= 2:
            raise OutputRefused(f"{path.name} is noise: it shows nothing of its keyframe")
    moving = params.camera.move != "static" or any(f.moves != "none" for f in params.composition.figures)
    if moving and params.frames > 1 and _same_frames(picture.opening) and _same_frames(probe.video_luma(path)):
        raise OutputRefused(f"{path.name} stands still, a move was asked for")


def _sampled(path: Path, picture: Picture) -> Iterator[Luma]:
    """The first frames, then some of those coded by themselves."""
    yield from picture.opening
    if picture.keys > 1:
        yield from itertools.islice(probe.video_luma(path, keys_only=True), 1, KEYS)


def _same_frames(frames: Iterable[Luma]) -> bool:
    """Whether every frame equals the first, byte for byte."""
    first: Luma | None = None
    for frame in frames:
        first = frame.copy() if first is None else first
        if not np.array_equal(first, frame):
            return False
    return True


def _dark(luma: Luma, limit: int) -> bool:
    return bool(luma.max() <= limit)


def lost(frame: Luma, key: Luma) -> bool:
    """Whether a frame shows nothing of the keyframe: correlation of coarse luma below 0.2 and correlation of
    neighbouring pixels at quarter size below 0.5, where the keyframe has more than 0.8.
    """
    if neighbours(frame) >= NOISE or neighbours(key) <= 0.8:
        return False
    return correlation(_coarse(frame), _coarse(key)) < 0.2


def neighbours(luma: Luma) -> float:
    """Correlation of horizontally neighbouring pixels at quarter size, -1 to 1 (1 for an even picture)."""
    quarter = _blocks(luma, luma.shape[1] // 4, luma.shape[0] // 4)
    return correlation(quarter[:, :-1], quarter[:, 1:])


def _coarse(luma: Luma) -> np.ndarray:
    return _blocks(luma, *GRID)


def _blocks(luma: Luma, columns: int, rows: int) -> np.ndarray:
    """Means over equal blocks; what does not fill a block at the right and the bottom is left out."""
    columns, rows = max(2, min(columns, luma.shape[1])), max(2, min(rows, luma.shape[0]))
    high, wide = luma.shape[0] // rows, luma.shape[1] // columns
    cut = luma[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    means: np.ndarray = cut.mean(axis=(1, 3))
    return means


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two arrays of one shape; 1 where one of them is even."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-9 else 1.0
