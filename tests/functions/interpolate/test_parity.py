"""Frames of ours beside those of the published loop, before anything is encoded: the same weights, colours and
precision, and PSNR of at least 45 dB. Faults must fall below it.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from functions.catalog import builtin
from functions.contract.base import Rate, Size
from functions.interpolate.ifnet import IFNet
from functions.interpolate.rife import InterpolateRife
from functions.interpolate.timing import Count, schedule
from functions.media.cuts import is_cut
from functions.media.encoders import choose
from functions.media.frames import Packed
from functions.media.source import describe
from functions.media.writer import ClipWriter
from functions.models.colour import to_packed, to_rgb
from tests.servers.checkpoints import lock, rife
from tests.servers.upstream.parity import EQUAL_DB, psnr
from tests.servers.upstream.rife import Loop
from tests.servers.upstream.video import Frame

CPU = torch.device("cpu")
SIZE, STEP = Size(width=256, height=128), 8
PHOTOGRAPH, OTHER = (np.asarray(getattr(data, name)()) for name in ("astronaut", "coffee"))


def pictures(count: int = 4) -> list[Packed]:
    """A pan over a photograph, then another: sides are multiples of what either pads to."""
    views = [PHOTOGRAPH[100:228, STEP * n : STEP * n + SIZE.width] for n in range(count)]
    views.append(OTHER[100:228, 100 : 100 + SIZE.width])
    whole = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2) / 255
    return list(to_packed(whole).numpy())


def shown(packed: Packed) -> Frame:
    """What the published loop is given of it: the same colours as R'G'B' codes."""
    rgb = to_rgb(torch.from_numpy(packed)[None])[0].permute(1, 2, 0).numpy()
    return np.asarray((rgb * 255).round(), np.uint8)


def delivered(frames: list[Frame]) -> np.ndarray:
    """Frames of the loop as our encoder would be given them."""
    return to_packed(torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2) / 255).numpy()


@pytest.mark.parametrize("multi", [2, 3])
@pytest.mark.parametrize("state", [rife.moving(-STEP), rife.random()], ids=["moving", "random"])
def test_frames_are_those_of_the_published_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: rife.State, multi: int
) -> None:
    given, network = pictures(), IFNet()
    network.load_state_dict(state)
    rife.build(tmp_path, state)
    for name, value in lock.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    engine = InterpolateRife(builtin()["interpolate-rife"])
    count = multi * (len(given) - 1) + 1
    items = schedule(iter(given), Rate(num=24), Rate(num=24 * multi), count, is_cut, Count())
    until_cut = count - multi
    ours = np.stack(list(engine.filled(items, SIZE)))[:until_cut]
    theirs = list(Loop(network, CPU, half=False, multi=multi).frames(map(shown, given)))
    assert len(theirs) == count
    assert psnr(ours, delivered(theirs[:until_cut])) > EQUAL_DB
    for fault in (late, other_order, doubled):
        assert psnr(ours, delivered(fault(theirs)[:until_cut])) < EQUAL_DB, fault.__name__


def late(frames: list[Frame]) -> list[Frame]:
    """A frame late."""
    return [frames[0], *frames[:-1]]


def other_order(frames: list[Frame]) -> list[Frame]:
    """Red for blue."""
    return [np.ascontiguousarray(f[..., ::-1]) for f in frames]


def doubled(frames: list[Frame]) -> list[Frame]:
    """One picture between is the one before it."""
    return [frames[0], frames[0], *frames[2:]]


def test_the_published_loop_goes_from_file_to_file(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with ClipWriter(source, SIZE, Rate(num=24), 4, choose("draft", gpu=False), None) as out:
        for packed in pictures()[:4]:
            out.write(packed)
    assert Loop(IFNet(), CPU, half=False).clip(source, tmp_path / "out.mp4") == 7
    assert describe(tmp_path / "out.mp4").rate == Rate(num=48)
