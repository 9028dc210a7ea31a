"""Trainings from end to end, on a tiny SDXL and real photographs."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from functions.catalog import builtin
from functions.contract.errors import Cancelled, EngineError, InputError, OutOfMemory
from functions.contract.params import TrainLora
from functions.train_lora.engine import TrainLoraEngine
from tests.servers.faces import astronaut
from tests.servers.job import LocalJob

OUTPUTS = ("lora.safetensors", "samples.png")
MANIFEST = builtin()["train-lora-sdxl"]


class Killed(BaseException):
    """The end of a worker."""


class MortalJob(LocalJob):
    """Ends its process when a training reaches a step."""

    dies_at = 0

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        if stage == "train" and done == self.dies_at:
            raise Killed


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Five different views of one face."""
    folder, found = tmp_path_factory.mktemp("refs"), {}
    face = astronaut()
    views = (face, face[:400], face[20:300, 60:400], cv2.flip(face, 1), face[:320, 100:420])
    for i, view in enumerate(views):
        found[f"ref{i:02d}"] = folder / f"ref{i:02d}.png"
        Image.fromarray(np.ascontiguousarray(view)).save(found[f"ref{i:02d}"])
    return found


@pytest.fixture
def engine(snapshots: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> TrainLoraEngine:
    for name, value in snapshots.items():
        monkeypatch.setenv(name, value)
    torch.set_num_threads(1)
    return TrainLoraEngine(MANIFEST)


def params(**changes: object) -> TrainLora:
    values: dict[str, object] = {"trigger": "vjmira", "steps": 27, "rank": 4, "resolution": 256, "seed": 7, **changes}
    return TrainLora(**values)  # type: ignore[arg-type]


def tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_a_lora_is_trained_and_says_what_it_is(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    job = LocalJob(tmp_path, MANIFEST, params(captions={"ref01": "vjmira in an orange suit"}), OUTPUTS, photographs)
    outcome = engine.run(job)
    pairs = tensors(job.output("lora.safetensors"))
    ups = [value for name, value in pairs.items() if ".lora_B." in name]
    assert all(name.startswith("unet.") for name in pairs)
    assert any(float(value.abs().max()) > 0 for value in ups)
    with safe_open(job.output("lora.safetensors"), framework="pt") as file:
        assert json.loads(file.metadata()["vivijure"])["trigger"] == "vjmira"
    with Image.open(job.output("samples.png")) as sheet:
        assert sheet.size == (1024, 1024)
    assert (job.scratch / "preview.jpg").stat().st_size > 1000
    codes = {note.code: note.value for note in outcome.notes}
    assert codes["steps_kept"] in (25, 27)
    trained = [done for stage, done, total in job.stages if (stage, total) == ("train", 27)]
    assert trained == list(range(27))


def test_each_picture_is_learned_with_its_own_words(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    made = []
    for number, captions in enumerate(({}, {max(photographs): "vjmira in an orange suit"})):
        job = LocalJob(tmp_path / str(number), MANIFEST, params(steps=10, captions=captions), OUTPUTS, photographs)
        engine.run(job)
        made.append(job.output("lora.safetensors").read_bytes())
    assert made[0] != made[1]


def test_a_killed_training_goes_on_and_ends_as_one_that_was_not(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    whole = LocalJob(tmp_path / "whole", MANIFEST, params(), OUTPUTS, photographs)
    engine.run(whole)
    mortal = MortalJob(tmp_path / "cut", MANIFEST, params(), OUTPUTS, photographs)
    mortal.dies_at = 26
    with pytest.raises(Killed):
        engine.run(mortal)
    again = LocalJob(tmp_path / "cut", MANIFEST, params(), OUTPUTS, photographs)
    outcome = engine.run(again)
    assert {note.code: note.value for note in outcome.notes}["resumed"] == 25
    assert [done for stage, done, _ in again.stages if stage == "train"] == list(range(25, 27))
    assert again.output("lora.safetensors").read_bytes() == whole.output("lora.safetensors").read_bytes()


def test_a_checkpoint_of_another_training_is_not_taken_up(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    mortal = MortalJob(tmp_path, MANIFEST, params(steps=27), OUTPUTS, photographs)
    mortal.dies_at = 26
    with pytest.raises(Killed):
        engine.run(mortal)
    other = LocalJob(tmp_path, MANIFEST, params(steps=27, seed=8), OUTPUTS, photographs)
    assert "resumed" not in {note.code for note in engine.run(other).notes}


def test_prior_preservation_learns_beside_pictures_of_the_class(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    alone = LocalJob(tmp_path / "a", MANIFEST, params(steps=2), OUTPUTS, photographs)
    beside = LocalJob(tmp_path / "b", MANIFEST, params(steps=2, prior_preservation=True), OUTPUTS, photographs)
    for job in (alone, beside):
        engine.run(job)
    assert ("prior", 0, 8) in beside.stages
    assert ("prior", 0, 8) not in alone.stages
    assert alone.output("lora.safetensors").read_bytes() != beside.output("lora.safetensors").read_bytes()


def test_a_cancel_ends_within_a_step(engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path) -> None:
    class Cancelling(LocalJob):
        def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
            super().progress(stage, done, total)
            if (stage, done) == ("train", 3):
                raise Cancelled("the person stopped it")

    job = Cancelling(tmp_path, MANIFEST, params(), OUTPUTS, photographs)
    with pytest.raises(Cancelled):
        engine.run(job)
    assert job.stages[-1] == ("train", 3, 27)


class Crowded(LocalJob):
    """Its device runs out of memory at a step, so many times."""

    times = 1

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        if (stage, done) == ("train", 1) and self.times:
            self.times -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_memory_that_runs_out_once_is_answered_by_less_of_it_and_the_same_lora(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    plain = LocalJob(tmp_path / "plain", MANIFEST, params(steps=2), OUTPUTS, photographs)
    crowded = Crowded(tmp_path / "crowded", MANIFEST, params(steps=2), OUTPUTS, photographs)
    engine.run(plain)
    assert "replanned" in {note.code for note in engine.run(crowded).notes}
    assert crowded.output("lora.safetensors").read_bytes() == plain.output("lora.safetensors").read_bytes()


def test_memory_that_runs_out_twice_is_an_error(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    crowded = Crowded(tmp_path, MANIFEST, params(steps=2), OUTPUTS, photographs)
    crowded.times = 2
    with pytest.raises(OutOfMemory, match="a larger device"):
        engine.run(crowded)


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_weights_that_are_not_what_they_should_be_are_named(
    snapshots: dict[str, str],
    photographs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: str,
) -> None:
    root = tmp_path / "weights"
    shutil.copytree(snapshots["VIVIJURE_WEIGHTS"], root)
    (file,) = (root / "sdxl-vae-fp16-fix").glob("*.safetensors")
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", snapshots["VIVIJURE_WEIGHTS_LOCK"])
    job = LocalJob(tmp_path, MANIFEST, params(steps=2), OUTPUTS, photographs)
    with pytest.raises(EngineError, match=file.name):
        TrainLoraEngine(MANIFEST).run(job)


def test_too_few_pictures_are_refused_before_weights_are_loaded(
    engine: TrainLoraEngine, photographs: dict[str, Path], tmp_path: Path
) -> None:
    three = {name: photographs[name] for name in list(photographs)[:3]}
    job = LocalJob(tmp_path, MANIFEST, params(), OUTPUTS, three)
    with pytest.raises(InputError, match="4 to 100"):
        engine.run(job)
    assert ("load", 0, 0) not in job.stages
