"""Memory that runs out, weights that are not what they should be, numbers that are none."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.servers.checkpoints.lock import NAME, environment
from tests.servers.keyframes import Desk, keyframe
from tests.servers.memory import OutOfMemoryAt
from tests.servers.motion import picture


@pytest.mark.parametrize("stage", ["read", "look", "denoise", "decode"])
def test_memory_that_runs_out_once_is_answered_by_a_smaller_plan(desk: Desk, stage: str) -> None:
    with OutOfMemoryAt(stage) as memory:
        result = desk.run(keyframe("ada"), {"ref_ada_00": picture(1, (64, 80))}, report=memory.report)
    assert result.status == "done", result.error
    assert "replanned" in {note.code for note in result.notes}


def test_memory_that_runs_out_twice_is_an_error_and_harms_no_later_job(desk: Desk) -> None:
    with OutOfMemoryAt("denoise", times=10**9) as memory:
        error = desk.run(keyframe(), report=memory.report).error
    assert error is not None
    assert error.code == "out_of_memory"
    assert desk.run(keyframe()).status == "done"


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_weights_that_are_not_what_they_should_be_are_named(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    root = tmp_path / "weights"
    shutil.copytree(weights, root)
    file = root / "flux2-klein-4b/vae/diffusion_pytorch_model.safetensors"
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / NAME))
    error = Desk(tmp_path, "keyframe-klein").run(keyframe()).error
    assert error is not None
    assert (error.code, file.name in error.message) == ("engine_failed", True)


def test_latents_that_are_not_numbers_are_refused(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "weights"
    shutil.copytree(weights, root)
    file = root / "flux2-klein-4b/transformer/diffusion_pytorch_model.safetensors"
    state = load_file(file)
    save_file({**state, "proj_out.weight": state["proj_out.weight"] * float("nan")}, file)
    for name, value in environment(root).items():
        monkeypatch.setenv(name, value)
    error = Desk(tmp_path, "keyframe-klein").run(keyframe()).error
    assert error is not None
    assert (error.code, "not numbers" in error.message) == ("output_refused", True), error
