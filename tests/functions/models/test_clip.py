"""Clips written while they are decoded: exactly as long and as large as asked, the same whatever comes at a time."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from functions.contract.base import Size
from functions.contract.errors import JobError, OutputRefused
from functions.contract.params import Camera, Motion
from functions.media.frames import packed
from functions.media.probe import video_luma
from functions.models.clip import frame_of, write_clip
from functions.models.colour import to_packed
from tests.benchmarks.gpu.motion import moving
from tests.servers.job import LocalJob
from tests.servers.motion import motion, small

SIZE, LARGER = Size(width=64, height=48), Size(width=384, height=256)
COLOURS = 3.0
"""Code values that a pixel may be off by on average, behind the encoder."""


def clip(count: int, size: Size = SIZE) -> Tensor:
    """Frames of a picture that moves."""
    return torch.stack([moving(n, size.height, size.width, torch.device("cpu")) for n in range(count)])


def job(folder: Path, params: Motion) -> LocalJob:
    """A job that wants the clip and its last frame."""
    return LocalJob(folder, small("motion-wan"), params, ["clip.mp4", "last.png"])


def test_a_clip_is_the_same_whatever_comes_at_a_time(tmp_path: Path) -> None:
    params, frames = motion(16, 41, SIZE), clip(41)
    made = []
    for number, step in enumerate((41, 4, 1)):
        todo = job(tmp_path / str(number), params)
        write_clip(todo, params, torch.split(frames, step), -(-41 // step))
        made.append((todo.output("clip.mp4").read_bytes(), todo.output("last.png").read_bytes()))
    assert made[0] == made[1] == made[2]
    assert sum(1 for _ in video_luma(todo.output("clip.mp4"))) == 41
    assert np.array_equal(np.asarray(Image.open(todo.output("last.png"))), frames[-1].numpy())


@pytest.mark.parametrize("given", [9, 17, 5])
def test_a_clip_is_as_long_as_asked(tmp_path: Path, given: int) -> None:
    params, frames = motion(16, 9, SIZE), clip(given)
    todo = job(tmp_path, params)
    write_clip(todo, params, [frames], 1)
    assert sum(1 for _ in video_luma(todo.output("clip.mp4"))) == 9
    assert np.array_equal(np.asarray(Image.open(todo.output("last.png"))), frames[min(given, 9) - 1].numpy())


def test_a_clip_of_another_size_is_scaled(tmp_path: Path) -> None:
    params = motion(16, 5, Size(width=96, height=54))
    todo = job(tmp_path, params)
    write_clip(todo, params, [clip(5)], 1)
    assert {frame.shape for frame in video_luma(todo.output("clip.mp4"))} == {(54, 96)}
    with Image.open(todo.output("last.png")) as last:
        assert last.size == (96, 54)


def test_colours_are_those_of_the_scaler() -> None:
    wide = Size(width=704, height=512)
    frame = clip(1, wide)[0]
    ours = to_packed(frame.permute(2, 0, 1)[None] / 255)[0].numpy().astype(int)
    theirs = packed(frame_of(frame.numpy(), wide)).astype(int)
    assert np.abs(ours - theirs).max() <= 2


@pytest.mark.parametrize("step", [1, 2], ids=["as large as asked", "scaled"])
def test_a_clip_has_the_colours_that_it_was_given(tmp_path: Path, step: int) -> None:
    params, frames = motion(16, 9, LARGER), clip(9, Size(width=LARGER.width * step, height=LARGER.height * step))
    todo = job(tmp_path, params)
    write_clip(todo, params, [frames], 1)
    with av.open(str(todo.output("clip.mp4"))) as written:
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in written.decode(video=0)])
    given = frames[:, ::step, ::step].numpy().astype(float)
    assert np.abs(shown - given).mean() < COLOURS
    for fault in (shown[..., ::-1], shown.astype(float) * 219 / 255 + 16):
        assert np.abs(fault - given).mean() > 2 * COLOURS


def test_a_failure_while_decoding_ends_the_writer(tmp_path: Path) -> None:
    params = motion(16, 9, SIZE)

    def fails() -> Iterator[Tensor]:
        yield clip(4)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_clip(job(tmp_path, params), params, fails(), 3)


def test_a_clip_that_cannot_be_written_is_an_error_of_the_job(tmp_path: Path) -> None:
    params = motion(16, 9, SIZE)
    todo = job(tmp_path, params)
    todo.outputs.rmdir()
    with pytest.raises((JobError, OSError)):
        write_clip(todo, params, [clip(9)], 1)


@pytest.mark.parametrize("changed", [False, True])
def test_frames_that_are_all_the_same_are_refused_where_a_move_was_asked_for(tmp_path: Path, changed: bool) -> None:
    frames = clip(1).repeat(9, 1, 1, 1)
    if changed:
        frames[-1, 0, 0] = 255 - frames[-1, 0, 0]
    held, asked = motion(16, 9, SIZE, camera=Camera()), motion(16, 9, SIZE, camera=Camera(move="push"))
    write_clip(job(tmp_path / "held", held), held, [frames], 1)
    if changed:
        write_clip(job(tmp_path / "moved", asked), asked, [frames[:5], frames[5:]], 2)
        return
    with pytest.raises(OutputRefused, match=r"clip\.mp4 stands still"):
        write_clip(job(tmp_path / "still", asked), asked, [frames[:5], frames[5:]], 2)


def test_one_frame_that_is_held_is_no_proof_of_stillness(tmp_path: Path) -> None:
    asked = motion(16, 9, SIZE, camera=Camera(move="push"))
    write_clip(job(tmp_path, asked), asked, [clip(1)], 1)
