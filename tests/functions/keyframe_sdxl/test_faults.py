"""What comes from outside and cannot be used, memory that runs out, and jobs that are stopped."""

import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from functions.catalog import builtin
from functions.contract.errors import Cancelled, EngineError
from functions.contract.job import JobProgress
from functions.keyframe_sdxl.engine import KeyframeSdxl
from functions.models.device import Device
from functions.runtime.children import Stop
from tests.servers.checkpoints import sdxl
from tests.servers.job import LocalJob
from tests.servers.keyframes import Desk, adapter_file, keyframe, worn
from tests.servers.memory import OutOfMemoryAt
from tests.servers.motion import picture

Inputs = Mapping[str, bytes]


def only(inputs: Inputs, name: str) -> Inputs:
    """The inputs of one person."""
    return {key: data for key, data in inputs.items() if name in key}


def photograph(kind: str = "JPEG", mode: str = "RGB", **values: Any) -> bytes:
    """A small picture in another form."""
    out = io.BytesIO()
    Image.open(io.BytesIO(picture(3, (60, 80)))).convert(mode).save(out, kind, **values)
    return out.getvalue()


def turned() -> bytes:
    """A photograph whose camera lay on its side, and says so."""
    said = Image.Exif()
    said[0x0112] = 6
    return photograph(exif=said)


def moving() -> bytes:
    """An animated WebP."""
    frames = [Image.open(io.BytesIO(picture(seed, (60, 80)))) for seed in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def wide() -> bytes:
    """30,000 pixels across."""
    out = io.BytesIO()
    Image.new("L", (30_000, 8)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("make", [lambda: photograph(mode="CMYK"), turned, moving], ids=["cmyk", "turned", "moving"])
def test_odd_pictures_are_used(desk: Desk, make: Callable[[], bytes]) -> None:
    result = desk.run(keyframe("ada"), {"ref_ada_00": make()})
    assert result.status == "done", result.error
    assert ("moving_reference" in {note.code for note in result.notes}) == (make is moving)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"no picture at all", "neither a PNG nor a JPEG"),
        (wide, "too large"),
        (lambda: photograph()[:300], "damaged"),
        (lambda: photograph("GIF", "P"), "neither a PNG nor a JPEG"),
    ],
    ids=["text", "wide", "cut off", "gif"],
)
def test_what_is_no_picture_is_refused(desk: Desk, make: Callable[[], bytes], said: str) -> None:
    error = desk.run(keyframe("ada"), {"ref_ada_00": make()}).error
    assert error is not None
    assert (error.code, said in error.message) == ("bad_input", True)


def other_base() -> bytes:
    """A LoRA with the names of this base and other widths."""
    state = sdxl.lora(sdxl.tiny_unet())
    return adapter_file({n: torch.cat([v, v], dim=int(n.endswith("lora_A.weight"))) for n, v in state.items()})


def strangers() -> bytes:
    """A LoRA of another model altogether."""
    return adapter_file({f"transformer.blocks.0.q.lora_{k}.weight": torch.ones(2, 2) for k in "AB"})


def endless() -> bytes:
    """A LoRA whose delta is beyond all numbers, though each of its factors is not."""
    return adapter_file({name: value * 1e30 for name, value in sdxl.lora(sdxl.tiny_unet()).items()})


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (other_base, "bad_input"),
        (strangers, "bad_input"),
        (lambda: b"x" * 100, "bad_input"),
        (endless, "output_refused"),
    ],
    ids=["another base", "matches nothing", "no safetensors", "overflows"],
)
def test_an_adapter_that_does_not_fit_is_an_error(desk: Desk, make: Callable[[], bytes], code: str) -> None:
    error = desk.run(keyframe("ada", adapters=worn("ada")), {"lora_ada": make()}).error
    assert error is not None
    assert error.code == code
    assert desk.run(keyframe()).status == "done"


@pytest.mark.parametrize(
    ("params", "inputs", "said"),
    [
        ({"adapters": worn("bo")}, {"lora_bo": b"x"}, "not in the composition"),
        ({"adapters": worn("ada")}, {}, "not among the inputs"),
        ({}, {"ref_bo_00": b"x"}, "not in the composition"),
        ({"control": "pose"}, {"previous": b"x"}, "by pose"),
        ({"control": "depth"}, {}, "'previous'"),
        ({"prompt": "word " * 700}, {}, "shorten"),
        ({"steps": 5}, {}, "runs 4 steps"),
        ({"guidance": 5000}, {}, "guidance 0"),
        ({"tier": "standard", "guidance": 2000}, {}, "guidance 5 to 8"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_with_what_to_do(
    desk: Desk, params: dict[str, Any], inputs: dict[str, bytes], said: str
) -> None:
    error = desk.run(keyframe("ada", **params), inputs).error
    assert error is not None
    assert (error.code, said in error.message) == ("bad_input", True), error


def test_references_with_no_face_are_used_and_said(desk: Desk) -> None:
    result = desk.run(keyframe("ada"), {"ref_ada_00": picture(1, (64, 64))})
    assert result.status == "done"
    assert [n.value for n in result.notes if n.code == "reference_faces"] == [0]


def test_a_long_prompt_is_read_whole_and_said_so(desk: Desk) -> None:
    long = "a rider crosses the flat " * 6
    result = desk.run(keyframe(prompt=long + "at dawn"))
    assert [n.value for n in result.notes if n.code == "prompt_chunked"] == [2]
    assert not np.array_equal(desk.picture(result), desk.make(keyframe(prompt=long + "at dusk")))


def test_a_previous_picture_of_another_aspect_is_cropped_and_said(desk: Desk) -> None:
    result = desk.run(keyframe(control="canny"), {"previous": picture(1, (64, 64))})
    assert result.status == "done"
    assert "previous_cropped" in {note.code for note in result.notes}


@pytest.mark.parametrize("stage", ["read", "look", "control", "denoise", "decode"])
def test_memory_that_runs_out_once_is_answered_by_a_smaller_plan(desk: Desk, inputs: Inputs, stage: str) -> None:
    asked = keyframe("ada", adapters=worn("ada"), control="depth")
    given = {**only(inputs, "ada"), "previous": picture(1, (128, 64))}
    with OutOfMemoryAt(stage) as memory:
        result = desk.run(asked, given, report=memory.report)
    assert result.status == "done", result.error
    assert "replanned" in {note.code for note in result.notes}


def test_memory_that_runs_out_twice_is_an_error_and_harms_no_later_job(desk: Desk) -> None:
    with OutOfMemoryAt("denoise", times=10**9) as memory:
        error = desk.run(keyframe(), report=memory.report).error
    assert error is not None
    assert error.code == "out_of_memory"
    assert desk.run(keyframe()).status == "done"


def test_a_cancel_ends_it_within_a_step_and_leaves_nothing_behind(desk: Desk, inputs: Inputs) -> None:
    stop, seen = Stop(), []

    def report(at: JobProgress) -> None:
        if at.stage == "denoise" and at.done:
            seen.append(at.done)
            stop.set(Cancelled("enough"))

    asked = keyframe("ada", tier="final", steps=30, adapters=worn("ada"))
    given = only(inputs, "ada")
    before = desk.make(asked, given)
    assert desk.run(asked, given, stop=stop, report=report).status == "cancelled"
    assert len(seen) == 1
    assert seen[0] < 30, "the last step is always told of"
    assert np.array_equal(before, desk.make(asked, given))


@pytest.mark.parametrize("ram", [10**10, 0], ids=["offloaded", "loaded again"])
def test_a_smaller_card_makes_the_same_picture(desk: Desk, inputs: Inputs, tmp_path: Path, ram: int) -> None:
    """Planned for a card on which not all weights fit beside the largest activations."""
    asked = keyframe("ada", "bo", adapters=worn("ada", "bo"))
    card = Device("cpu", int(201_000_000 / 0.97), ram, ram, (0, 0), "a small card", False, "native")
    paths = {}
    for name, data in inputs.items():
        paths[name] = tmp_path / name
        paths[name].write_bytes(data)
    engine = KeyframeSdxl(builtin()["keyframe-sdxl"], card)
    for _ in range(2):
        job = LocalJob(tmp_path, builtin()["keyframe-sdxl"], asked, ["image.png"], paths)
        engine.run(job)
        made = np.asarray(Image.open(job.output("image.png")))
        assert np.array_equal(made, desk.make(asked, inputs))


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_weights_that_are_not_what_they_should_be_are_named(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    root = tmp_path / "weights"
    shutil.copytree(weights, root)
    file = root / "sdxl-vae-fp16-fix/diffusion_pytorch_model.safetensors"
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / "weights.toml"))
    manifest = builtin()["keyframe-sdxl"]
    job = LocalJob(tmp_path, manifest, keyframe(), ["image.png"])
    with pytest.raises(EngineError, match="diffusion_pytorch_model"):
        KeyframeSdxl(manifest).run(job)
