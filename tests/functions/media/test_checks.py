"""Outputs proven wrong are refused; what is merely hard passes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.catalog import parse
from functions.contract import params as p
from functions.contract.base import Rate, Size
from functions.contract.errors import OutputRefused
from functions.contract.job import Note
from functions.contract.media import MediaFacts, Word
from functions.contract.params import Params
from functions.media.checks import check_outputs
from functions.runtime.engine import Outcome
from tests.servers.engines import MANIFEST
from tests.servers.job import LocalJob
from tests.servers.media import SIZE, TAGS, Frame, black, clip, ffmpeg, image, noise, scene, tone

SIZED = Size(width=SIZE[0], height=SIZE[1])
RATE = Rate(num=24)
MOTION = p.Motion(size=SIZED, frames=12, rate=RATE)
PUSH = p.Motion(size=SIZED, frames=12, rate=RATE, camera=p.Camera(move="push"))


def job(folder: Path, params: Params, output: str, inputs: dict[str, Path] | None = None) -> LocalJob:
    """A job whose output a test writes."""
    return LocalJob(folder, parse(MANIFEST), params, [output], inputs)


def verdict(made: LocalJob, outcome: Outcome | None = None, limit: int = 10**8) -> tuple[MediaFacts, list[Note]]:
    """Facts of the one output, and the notes."""
    (name,) = made.output_names
    facts, notes = check_outputs(made, outcome or Outcome(), {name: limit})
    return facts[name], notes


def moving(n: int) -> Frame:
    """A camera move."""
    return scene(n * 6)


def test_good_clip_passes(tmp_path: Path) -> None:
    made = job(tmp_path, PUSH, "clip.mp4", {"image": image(tmp_path / "key.png", scene())})
    clip(made.output("clip.mp4"), moving)
    facts, notes = verdict(made)
    assert (facts.frames, facts.width, notes) == (12, SIZE[0], [])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "short": ({"frames": 11}, "11"),
    "long": ({"frames": 13}, "13"),
    "fast": ({"rate": "25"}, "frames a second"),
    "444": ({"pixels": "yuv444p"}, "yuv444p"),
    "untagged": ({"tags": False}, "BT.709"),
    "small": ({"paint": lambda n: scene(n, (160, 90))}, "pixels"),
}


@pytest.mark.parametrize("case", WRONG)
def test_clip_of_wrong_measure_is_refused(tmp_path: Path, case: str) -> None:
    made = job(tmp_path, MOTION, "clip.mp4")
    options, says = WRONG[case]
    clip(made.output("clip.mp4"), **{"paint": moving, **options})
    with pytest.raises(OutputRefused, match=says):
        verdict(made)


def test_clip_of_uneven_rate_is_refused(tmp_path: Path) -> None:
    """One frame comes 10 ms late; on average the rate is right."""
    made = job(tmp_path, MOTION, "clip.mp4")
    clip(tmp_path / "a.mp4", moving)
    late = f"settb=1/24000,setpts=N*1000+eq(N\\,5)*240{TAGS}"
    coded = ("-fps_mode", "passthrough", "-enc_time_base", "1:24000", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    ffmpeg("-i", tmp_path / "a.mp4", "-vf", late, *coded, made.output("clip.mp4"))
    with pytest.raises(OutputRefused, match="constant"):
        verdict(made)


@pytest.mark.parametrize(
    ("paint", "says"),
    [(lambda n: black(), "black"), (noise, "noise"), (lambda n: noise(1), "noise")],
)
def test_clip_that_lost_its_keyframe_is_refused(tmp_path: Path, paint: Any, says: str) -> None:
    made = job(tmp_path, MOTION, "clip.mp4", {"image": image(tmp_path / "key.png", scene())})
    clip(made.output("clip.mp4"), paint)
    with pytest.raises(OutputRefused, match=says):
        verdict(made)


def rain(n: int) -> Frame:
    """A picture under heavy grain."""
    grain = np.random.default_rng(n).normal(0, 40, (SIZE[1], SIZE[0]))
    return np.clip(scene() + grain, 0, 255).astype(np.uint8)


HARD: dict[str, tuple[Frame, Any]] = {
    "dark": (black(), lambda n: black()),
    "fade": (scene(), lambda n: (scene() * (1 - n / 11)).astype(np.uint8)),
    "grain": (scene(), rain),
    "static": (noise(99), noise),
    "held": (scene(), lambda n: scene()),
    "cut away": (scene(), lambda n: scene(n * 60)),
    "flat": (np.full((SIZE[1], SIZE[0]), 128, dtype=np.uint8), noise),
    "night": (
        np.where(scene() > 220, 60, 2).astype(np.uint8),
        lambda n: np.where(scene() > 220, 60, 2).astype(np.uint8),
    ),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_but_honest_clip_passes(tmp_path: Path, case: str) -> None:
    key, paint = HARD[case]
    made = job(tmp_path, MOTION, "clip.mp4", {"image": image(tmp_path / "key.png", key)})
    clip(made.output("clip.mp4"), paint)
    verdict(made)


def test_clip_that_stands_still_is_refused_where_a_move_was_asked(tmp_path: Path) -> None:
    made = job(tmp_path, PUSH, "clip.mp4")
    clip(made.output("clip.mp4"), lambda n: scene(), extra=("-qp", "0"))
    with pytest.raises(OutputRefused, match="stands still"):
        verdict(made)
    late = job(tmp_path / "late", PUSH, "clip.mp4")
    clip(late.output("clip.mp4"), lambda n: scene(40 if n == 11 else 0), extra=("-qp", "0"))
    verdict(late)


def test_missing_link_empty_and_large_outputs_are_refused(tmp_path: Path) -> None:
    made = job(tmp_path, p.TrainLora(trigger="x"), "lora.safetensors")
    path = made.output("lora.safetensors")
    with pytest.raises(OutputRefused, match="made no file"):
        verdict(made)
    path.symlink_to("/etc/passwd")
    with pytest.raises(OutputRefused, match="made no file"):
        verdict(made)
    path.unlink()
    path.write_bytes(b"")
    with pytest.raises(OutputRefused, match="0 bytes"):
        verdict(made)
    path.write_bytes(b"1234")
    verdict(made, limit=4)
    with pytest.raises(OutputRefused, match="4 bytes"):
        verdict(made, limit=3)


def test_keyframe_has_the_size_asked_for(tmp_path: Path) -> None:
    made = job(tmp_path, p.Keyframe(size=SIZED), "image.png")
    image(made.output("image.png"), scene())
    assert verdict(made)[1] == []
    image(made.output("image.png"), scene(size=(64, 64)))
    with pytest.raises(OutputRefused, match="pixels"):
        verdict(made)


def test_black_keyframe_is_noted(tmp_path: Path) -> None:
    made = job(tmp_path, p.Keyframe(size=SIZED), "image.png")
    image(made.output("image.png"), black())
    assert [note.code for note in verdict(made)[1]] == ["black"]


def test_html_is_no_picture(tmp_path: Path) -> None:
    made = job(tmp_path, p.Keyframe(size=SIZED), "image.png")
    made.output("image.png").write_text("<html></html>")
    with pytest.raises(OutputRefused, match="cannot be decoded"):
        verdict(made)


SOUNDS: dict[str, tuple[Params, str, dict[str, Any], str]] = {
    "line": (p.Dialogue(text="Yes."), "line.wav", {"samples": 9_600}, ""),
    "silent line": (p.Dialogue(text="Yes."), "line.wav", {"samples": 9_600, "level": 0}, "silent"),
    "stereo line": (p.Dialogue(text="Yes."), "line.wav", {"samples": 9_600, "channels": 2}, "channels"),
    "empty line": (p.Dialogue(text="Yes."), "line.wav", {"samples": 0}, "line.wav"),
    "hit": (p.Sound(prompt="door", samples=9_600), "sound.wav", {"samples": 4_000, "channels": 2}, ""),
    "long hit": (p.Sound(prompt="door", samples=9_600), "sound.wav", {"samples": 9_601, "channels": 2}, "at most"),
    "bed": (p.Sound(prompt="sea", role="bed", samples=9_600), "sound.wav", {"samples": 9_600, "channels": 2}, ""),
    "short bed": (
        p.Sound(prompt="sea", role="bed", samples=9_600), "sound.wav", {"samples": 9_599, "channels": 2}, "9599",
    ),
    "cue": (p.Score(prompt="drone", samples=9_600), "music.wav", {"samples": 9_600, "channels": 2}, ""),
    "mono cue": (p.Score(prompt="drone", samples=9_600), "music.wav", {"samples": 9_600}, "channels"),
    "stem": (p.Mix(samples=9_600), "dx.wav", {"samples": 9_600, "channels": 2}, ""),
    "short stem": (p.Mix(samples=9_600), "dx.wav", {"samples": 9_599, "channels": 2}, "9599"),
}  # fmt: skip


@pytest.mark.parametrize("case", SOUNDS)
def test_sound_has_the_length_and_channels_asked_for(tmp_path: Path, case: str) -> None:
    params, name, options, says = SOUNDS[case]
    made = job(tmp_path, params, name)
    tone(made.output(name), **options)
    if not says:
        verdict(made)
        return
    with pytest.raises(OutputRefused, match=says):
        verdict(made)


def test_silent_mix_is_noted_and_a_silent_stem_is_not(tmp_path: Path) -> None:
    for name, codes in (("nat.wav", []), ("mix.wav", ["silent"])):
        made = job(tmp_path / name, p.Mix(samples=9_600), name)
        tone(made.output(name), 9_600, channels=2, level=0)
        assert [note.code for note in verdict(made)[1]] == codes


def test_clip_that_turns_to_noise_is_refused(tmp_path: Path) -> None:
    made = job(tmp_path, MOTION, "clip.mp4", {"image": image(tmp_path / "key.png", scene())})
    clip(made.output("clip.mp4"), lambda n: scene(n) if n < 4 else noise(n), extra=("-g", "4"))
    with pytest.raises(OutputRefused, match="noise"):
        verdict(made)


def test_noise_of_random_weights_is_only_noted_and_its_length_still_held(tmp_path: Path) -> None:
    made = job(tmp_path, MOTION, "clip.mp4", {"image": image(tmp_path / "key.png", scene())})
    clip(made.output("clip.mp4"), noise)
    _, notes = verdict(made, Outcome(random=True))
    assert [note.code for note in notes] == ["not_enforced"]
    clip(made.output("clip.mp4"), noise, frames=11)
    with pytest.raises(OutputRefused, match="11"):
        verdict(made, Outcome(random=True))


def test_samples_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    made = job(tmp_path, p.Dialogue(text="Yes."), "line.wav")
    values = np.full(4_800, np.nan, dtype="<f4").tobytes()
    raw = ("-f", "f32le", "-ar", "48000", "-ac", "1", "-i", "-")
    ffmpeg(*raw, "-c:a", "pcm_f32le", made.output("line.wav"), stdin=values)
    with pytest.raises(OutputRefused, match="not numbers"):
        verdict(made)


def test_enhanced_speech_keeps_its_length(tmp_path: Path) -> None:
    source = tone(tmp_path / "source.wav", 9_600)
    made = job(tmp_path, p.SpeechEnhance(), "line.wav", {"line.wav": source})
    tone(made.output("line.wav"), 9_600)
    verdict(made)
    tone(made.output("line.wav"), 9_601)
    with pytest.raises(OutputRefused, match="9601"):
        verdict(made)


def test_finish_keeps_the_clip(tmp_path: Path) -> None:
    source = clip(tmp_path / "source.mp4", moving)
    restored = job(tmp_path / "a", p.FaceRestore(), "clip.mp4", {"clip.mp4": source})
    clip(restored.output("clip.mp4"), moving)
    verdict(restored)
    clip(restored.output("clip.mp4"), moving, frames=11)
    with pytest.raises(OutputRefused, match="11"):
        verdict(restored)
    larger = job(tmp_path / "b", p.Upscale(size=Size(width=640, height=360)), "clip.mp4", {"clip.mp4": source})
    clip(larger.output("clip.mp4"), lambda n: scene(n * 6, (640, 360)))
    verdict(larger)
    clip(larger.output("clip.mp4"), moving)
    with pytest.raises(OutputRefused, match="pixels"):
        verdict(larger)


def test_interpolated_clip_has_rate_and_frames(tmp_path: Path) -> None:
    clip(tmp_path / "in.mp4", moving, rate="12")
    made = job(tmp_path, p.Interpolate(rate=RATE, frames=12), "clip.mp4", {"clip.mp4": tmp_path / "in.mp4"})
    clip(made.output("clip.mp4"), moving)
    verdict(made)
    clip(made.output("clip.mp4"), moving, rate="12")
    with pytest.raises(OutputRefused):
        verdict(made)


def test_segment_may_be_black_but_has_no_sound(tmp_path: Path) -> None:
    made = job(tmp_path, p.Conform(size=SIZED, rate=RATE, frames=12), "segment.mp4")
    clip(made.output("segment.mp4"), lambda n: black())
    verdict(made)
    clip(made.output("segment.mp4"), lambda n: black(), extra=("-i", tone(tmp_path / "a.wav", 24_000)))
    with pytest.raises(OutputRefused, match="sound"):
        verdict(made)


def test_film_has_its_sound(tmp_path: Path) -> None:
    params = p.Assemble(size=SIZED, rate=RATE, segments=("seg0001",), frames=12)
    sound = tone(tmp_path / "mix.wav", 24_000, channels=2)
    made = job(tmp_path, params, "film.mp4", {"mix.m4a": sound})
    clip(made.output("film.mp4"), moving, extra=("-i", sound, "-c:a", "aac"))
    assert verdict(made)[0].samples == 24_000
    clip(made.output("film.mp4"), moving)
    with pytest.raises(OutputRefused, match="sound"):
        verdict(made)


def test_what_the_engine_says_is_kept_beside_what_was_measured(tmp_path: Path) -> None:
    made = job(tmp_path, p.Dialogue(text="Yes."), "line.wav")
    tone(made.output("line.wav"), 9_600)
    words = (Word(text="Yes", start=0, end=4_800),)
    told = MediaFacts(type="audio", samples=1, words=words, loudness=-23.0)
    facts, _ = verdict(made, Outcome(facts={"line.wav": told}))
    assert (facts.samples, facts.words, facts.loudness) == (9_600, words, -23.0)
