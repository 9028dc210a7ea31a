"""Both engines end to end through the real runtime."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress, JobResult
from functions.contract.params import SpeechEnhance
from functions.runtime.children import Stop
from functions.speech_enhance.engine import SpeechRestore
from functions.speech_enhance.hearing import Span
from functions.speech_enhance.likeness import compared
from functions.speech_enhance.sound import Scratch
from tests.functions.runtime.test_storage import file_size_limit
from tests.functions.speech_enhance.conftest import Make
from tests.servers.bench import Worker
from tests.servers.checkpoints import resemble
from tests.servers.checkpoints.lock import environment
from tests.servers.footage import Sound, measured, noise, run, sound_of, tone, write_sound
from tests.servers.memory import OutOfMemoryAt
from tests.servers.wav import read_wav24

QUICK = SpeechEnhance(steps=4, strength=900, seed=3)


def notes(result: JobResult) -> dict[str, float | str | None]:
    assert result.error is None, result.error
    return {note.code: note.value for note in result.notes}


def test_speech_is_restored_to_the_sample_and_to_its_loudness(restore: Make, noisy: Path) -> None:
    worker = restore()
    result = worker.run(QUICK, {"line.wav": noisy})
    told = notes(result)
    made, given = read_wav24(worker.output(result, "line.wav")), given_sound(noisy)
    assert len(made) == len(given)
    assert made.shape[1] == 1
    assert {"peak", "noise_floor", "speech", "likeness", "not_enforced"} <= set(told)
    assert isinstance(told["speech"], float)
    assert 1 < told["speech"] < len(made) / 48_000
    loud = measured(worker.output(result, "line.wav"))
    assert loud["I"] == pytest.approx(measured(noisy)["I"], abs=0.6) or loud["Peak"] == pytest.approx(-1.0, abs=0.3)
    assert not np.allclose(made[48_000:96_000, 0], given[48_000:96_000])


def given_sound(path: Path) -> Sound:
    return sound_of(path)[:, 0] / 32768


def test_the_same_job_makes_the_same_bytes(restore: Make, noisy: Path) -> None:
    worker = restore()
    first, second = (worker.run(QUICK, {"line.wav": noisy}).outputs["line.wav"].sha256 for _ in range(2))
    other = worker.run(QUICK.model_copy(update={"seed": 4}), {"line.wav": noisy}).outputs["line.wav"].sha256
    assert first == second != other


def test_denoising_keeps_the_phase(restore: Make, noisy: Path) -> None:
    worker = restore()
    result = worker.run(SpeechEnhance(mode="denoise", strength=0), {"line.wav": noisy})
    made, given = read_wav24(worker.output(result, "line.wav"))[:, 0], given_sound(noisy)
    inside = slice(52_800, -52_800)
    assert np.corrcoef(made[inside], given[inside])[0, 1] > 0.99


@pytest.mark.parametrize("kind", ["music", "effect"])
def test_what_is_no_voice_takes_no_network(restore: Make, weights: Path, tmp_path: Path, kind: str) -> None:
    sound = tone(3, 440) + tone(3, 660) if kind == "music" else noise(3, 0.1, channels=1)[:, 0]
    path = write_sound(tmp_path / "line.wav", sound)
    (tmp_path / "empty").mkdir()
    shutil.copy(weights / "weights.toml", tmp_path / "empty")
    worker = restore(tmp_path / "empty")
    result = worker.run(QUICK, {"line.wav": path})
    assert "no_speech" in notes(result)
    made, given = read_wav24(worker.output(result, "line.wav"))[:, 0], given_sound(path)
    inside = slice(24_000, -24_000)
    assert np.abs(made[inside] - given[inside]).max() < 0.02


def test_filters_lower_a_noise_and_rumble_and_keep_words(filters: Worker, voice: Sound, tmp_path: Path) -> None:
    rumble = tone(len(voice) / 48_000, 30, 0.05)[: len(voice)]
    heard = voice + noise(len(voice) / 48_000, 0.004, channels=1)[: len(voice), 0] + rumble
    path = write_sound(tmp_path / "line.wav", heard)
    result = filters.run(SpeechEnhance(strength=1000), {"line.wav": path})
    notes(result)
    made = read_wav24(filters.output(result, "line.wav"))[:, 0]
    quiet, words = slice(9_600, 38_400), slice(48_000, len(voice) - 48_000)
    assert np.std(made[quiet]) < 0.25 * np.std(heard[quiet] - rumble[quiet])
    assert np.corrcoef(made[words], voice[words])[0, 1] > 0.95
    assert len(made) == len(voice)


def test_a_mutant_that_comes_late_or_says_something_else_is_found(voice: Sound, tmp_path: Path) -> None:
    sounds = {"given": voice, "same": voice * 0.5, "late": np.roll(voice, 4_800), "reverse": voice[::-1]}
    spans, found = [Span(24_000, len(voice) - 24_000)], {}
    with contextlib.ExitStack() as stack:
        kept = {name: stack.enter_context(contextlib.closing(Scratch(tmp_path / name, 1))) for name in sounds}
        for name, sound in sounds.items():
            kept[name].write(sound.astype(np.float32)[:, None])
            found[name] = compared(kept["given"], kept[name], spans, 1.0)
    assert found["given"].fault == found["same"].fault == ""
    assert found["late"].late_s == pytest.approx(0.1, abs=0.006)
    assert found["late"].fault
    assert "correlate" in found["reverse"].fault


BAD = {
    "silence": (np.zeros(48_000), 48_000, "silent_input"),
    "clipped": (None, 48_000, "clipped_input"),
    "telephone": (None, 8_000, "narrow_band"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("engine", ["filters", "restore"])
def test_poor_recordings_are_taken_and_named(
    restore: Make, filters: Worker, voice: Sound, tmp_path: Path, kind: str, engine: str
) -> None:
    sound, rate, code = BAD[kind]
    if sound is None:
        sound = (
            np.clip(voice * 20, -1, 1) if kind == "clipped" else voice.reshape(-1, 6)[: len(voice) // 6].mean(axis=1)
        )
    path = write_sound(tmp_path / "line.wav", sound, rate)
    worker = filters if engine == "filters" else restore()
    result = worker.run(QUICK, {"line.wav": path})
    assert code in notes(result)
    made = read_wav24(worker.output(result, "line.wav"))
    assert len(made) == round(len(sound) * 48_000 / rate)
    assert np.abs(made).max() <= 1.0


def test_eight_channels_become_two(filters: Worker, voice: Sound, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "line.wav", np.repeat(voice[:, None] * 0.5, 8, axis=1))
    result = filters.run(QUICK, {"line.wav": path})
    assert notes(result)["mixed_down"] == 8
    assert result.outputs["line.wav"].media.channels == 2


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac"])
def test_other_files_keep_their_length(filters: Worker, noisy: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"line.{suffix}"
    run("-i", str(noisy), str(path))
    result = filters.run(QUICK, {"line.wav": path})
    assert result.error is None, result.error


def test_samples_that_are_not_numbers_are_refused(filters: Worker, tmp_path: Path) -> None:
    sound = np.zeros(48_000, "<f4")
    sound[100] = np.nan
    raw, path = tmp_path / "raw", tmp_path / "line.wav"
    raw.write_bytes(sound.tobytes())
    run("-f", "f32le", "-ar", "48000", "-ac", "1", "-i", str(raw), "-c:a", "pcm_f32le", str(path))
    result = filters.run(QUICK, {"line.wav": path})
    assert result.error is not None
    assert (result.error.code, "not numbers" in result.error.message) == ("bad_input", True)


@pytest.mark.parametrize("values", [{"strength": 1001}, {"strength": 10_000}])
def test_knobs_are_bounded(filters: Worker, noisy: Path, values: dict[str, int]) -> None:
    result = filters.run(SpeechEnhance(**values), {"line.wav": noisy})  # type: ignore[arg-type]
    assert result.error is not None
    assert result.error.code == "bad_input"


def test_output_that_is_not_numbers_is_refused(restore: Make, noisy: Path, tmp_path: Path) -> None:
    root = tmp_path / "bad"
    root.mkdir()
    resemble.weights(root, bad="vocoder.conv_post.1.bias")
    environment(root)
    result = restore(root).run(QUICK, {"line.wav": noisy})
    assert result.error is not None
    assert result.error.code == "output_refused"


def test_out_of_memory_is_made_again_in_shorter_pieces(restore: Make, noisy: Path) -> None:
    worker, memory = restore(), OutOfMemoryAt("restore")
    with memory:
        result = worker.run(QUICK, {"line.wav": noisy}, report=memory.report)
    assert "replanned" in notes(result)


def test_a_cancelled_job_stops_within_a_step_and_the_next_equals_a_fresh_one(restore: Make, noisy: Path) -> None:
    worker, stop, told = restore(), Stop(), []
    fresh = worker.run(QUICK, {"line.wav": noisy})

    def report(progress: JobProgress) -> None:
        if progress.stage == "restore":
            told.append(progress.done)
            stop.set(Cancelled("enough"))

    stopped = worker.run(QUICK, {"line.wav": noisy}, stop=stop, report=report)
    assert stopped.error is not None
    assert (stopped.error.code, len(told)) == ("cancelled", 1)
    assert worker.run(QUICK, {"line.wav": noisy}).outputs["line.wav"].sha256 == fresh.outputs["line.wav"].sha256


def test_altered_weights_end_the_job_with_their_name(restore: Make, weights: Path, noisy: Path, tmp_path: Path) -> None:
    shutil.copytree(weights, tmp_path / "altered")
    file = next((tmp_path / "altered").rglob("hparams.yaml"))
    file.write_text(file.read_text("utf-8").replace("lcfm_z_scale: 6", "lcfm_z_scale: 5"), "utf-8")
    result = restore(tmp_path / "altered").run(QUICK, {"line.wav": noisy})
    assert result.error is not None
    assert "hparams.yaml is not the file" in result.error.message


def test_the_network_stays_loaded(restore: Make, noisy: Path) -> None:
    worker = restore()
    worker.run(QUICK, {"line.wav": noisy})
    engine = worker.engine
    assert isinstance(engine, SpeechRestore)
    held = engine.stages.onboard.used_bytes
    worker.run(QUICK, {"line.wav": noisy})
    assert engine.stages.onboard.used_bytes == held > 0
    assert torch.get_num_threads() == 1


def test_a_full_disk_is_told(filters: Worker, noisy: Path) -> None:
    with file_size_limit(400_000):
        result = filters.run(QUICK, {"line.wav": noisy})
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == ("disk_full", True)
    assert filters.run(QUICK, {"line.wav": noisy}).status == "done"
