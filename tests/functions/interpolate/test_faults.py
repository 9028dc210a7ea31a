"""Faults that must show in frames made between others: colours, range, brightness, order, moments and edges."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional

from functions.catalog import builtin
from functions.contract.base import Rate, Size
from functions.contract.params import Interpolate
from functions.interpolate.engine import InterpolationEngine, Item
from functions.interpolate.ifnet import MULTIPLE
from functions.interpolate.rife import InterpolateRife
from functions.interpolate.timing import Between, Whole
from functions.media.frames import Frames, Packed
from functions.models.colour import to_packed, to_rgb
from tests.functions.interpolate.conftest import Worker
from tests.servers import footage
from tests.servers.checkpoints import rife
from tests.servers.finish import Finisher

PHOTOGRAPH = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
STEP = 16
"""Pixels by which the view pans from picture to picture."""
WIDE, HIGH = 192, 128
INSIDE = 24
"""Columns at both edges into which the pan brings what no picture shows."""
ALIKE = 4.0
"""Codes by which a plane is off at most, mean of a frame; 1.9 was seen."""
FAR = 2 * ALIKE
Fault = Callable[[list[Packed]], list[Packed]]


def view(left: int) -> Packed:
    """A part of the photograph (skimage.data.astronaut, NASA, public domain), packed."""
    part = PHOTOGRAPH[100 : 100 + HIGH, left : left + WIDE]
    return to_packed(torch.from_numpy(part.copy()).permute(2, 0, 1)[None] / 255)[0].numpy()


def pan(path: Path, frames: int) -> Path:
    """A pan of so many pictures at 12 a second."""
    raw = path.with_suffix(".raw")
    raw.write_bytes(b"".join(view(20 + STEP * n).tobytes() for n in range(frames)))
    read = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDE}x{HIGH}", "-r", "12", "-i", str(raw))
    tags = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    footage.run(*read, *tags, "-pix_fmt", "yuv420p", "-crf", "4", str(path))
    return path


def planes(picture: Packed) -> list[Packed]:
    """Y, Cb, Cr without the edges of the pan."""
    rows, columns = len(picture) * 2 // 3, picture.shape[1]
    flat = picture.reshape(-1)[rows * columns :].reshape(2, rows // 2, columns // 2)
    half = INSIDE // 2
    return [picture[:rows, INSIDE:-INSIDE], flat[0][:, half:-half], flat[1][:, half:-half]]


def distance(wanted: list[Packed], made: list[Packed]) -> float:
    """Largest mean difference over frames and planes, in codes."""
    pairs = (
        (a, b) for one, other in zip(wanted, made, strict=True) for a, b in zip(planes(one), planes(other), strict=True)
    )
    return max(float(np.abs(a.astype(float) - b).mean()) for a, b in pairs)


def between(change: Callable[[Packed], Packed]) -> Fault:
    """Every frame that was made, changed."""
    return lambda made: [change(p) if n % 2 else p for n, p in enumerate(made)]


def swapped(picture: Packed) -> Packed:
    """Red for blue."""
    return to_packed(to_rgb(torch.from_numpy(picture)[None]).flip(1))[0].numpy()


def squeezed(picture: Packed) -> Packed:
    """Limited range within limited range."""
    return (picture.astype(float) * 219 / 255 + 16).round().astype(np.uint8)


def darker(picture: Packed) -> Packed:
    """Less light."""
    return to_packed(0.9 * to_rgb(torch.from_numpy(picture)[None]))[0].numpy()


FAULTS: dict[str, Fault] = {
    "swapped": between(swapped),
    "squeezed": between(squeezed),
    "darker": between(darker),
    "doubled": lambda made: [*made[:6], made[5], *made[7:]],
    "dropped": lambda made: [*made[:6], *made[7:], made[-1]],
    "late": lambda made: [made[0], *made[:-1]],
}


@pytest.fixture
def knowing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Finisher]:
    """A worker whose network knows by how much the view pans."""
    lock = rife.build(tmp_path / "knowing", rife.moving(-float(STEP)))
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(lock.parent))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(lock))
    return lambda engine: Finisher(tmp_path, builtin()[engine])


@pytest.mark.parametrize("engine", ["interpolate-flow", "interpolate-rife"])
def test_what_a_whole_job_makes_lies_half_way_and_faults_do_not(knowing: Worker, tmp_path: Path, engine: str) -> None:
    clip, made = pan(tmp_path / "in.mp4", 9), knowing(engine)
    result = made.finish(Interpolate(rate=Rate(num=24), frames=17, tier="final"), clip)
    assert result.error is None
    found = list(Frames(made.clip(result)))
    wanted = [view(20 + n * STEP // 2) for n in range(17)]
    assert distance(wanted, found) < ALIKE
    for name, fault in FAULTS.items():
        assert distance(wanted, fault(found)) > FAR, name


@pytest.fixture
def engine(worker: Worker) -> InterpolateRife:
    found = worker("interpolate-rife").engine
    assert isinstance(found, InterpolateRife)
    return found


def test_the_network_gets_these_pictures_at_these_moments_and_its_own_go_out(engine: InterpolateRife) -> None:
    """Sides that are no multiple of the network's: mirrored or black edges would show at the border."""
    pictures = [np.ascontiguousarray(shrunk(n)) for n in range(4)]
    moments = [0.1, 0.3, 0.9]
    items = [Between(a, b, t) for (a, b), t in zip(pairwise(pictures), moments, strict=True)]
    whole: list[Item] = [items[0], Whole(pictures[1]), items[1], items[2]]
    with torch.inference_mode():
        made = list(engine.filled(whole, Size(width=96, height=64)))
        wanted = [direct(engine, item) if isinstance(item, Between) else item.picture for item in whole]
    off = [float(np.abs(a.astype(int) - b).max()) for a, b in zip(made, wanted, strict=True)]
    assert max(off) <= 1, off
    for n, item in ((0, items[0]), (3, items[2])):
        others = (
            direct(engine, Between(item.right, item.left, item.t)),
            direct(engine, Between(item.left, item.right, 1 - item.t)),
            direct(engine, item, flipped=True),
        )
        assert min(np.abs(other.astype(int) - made[n]).max() for other in others) >= 8


def shrunk(number: int) -> Packed:
    """A view of 96x64."""
    part = PHOTOGRAPH[100:228, 20 + STEP * number : 212 + STEP * number]
    small = cv2.resize(part, (96, 64), interpolation=cv2.INTER_AREA)
    return to_packed(torch.from_numpy(small).permute(2, 0, 1)[None] / 255)[0].numpy()


def direct(engine: InterpolateRife, item: Between, *, flipped: bool = False) -> Packed:
    """What the network alone makes; `flipped`: of pictures whose red is blue."""
    network = engine.network()
    sides = [to_rgb(torch.from_numpy(p)[None]) for p in (item.left, item.right)]
    sides = [side.flip(1) for side in sides] if flipped else sides
    rows, columns = sides[0].shape[2:]
    wide = [functional.pad(s, (0, -columns % MULTIPLE, 0, -rows % MULTIPLE), mode="replicate") for s in sides]
    made = network(
        wide[0], wide[1], (network.encode(wide[0]), network.encode(wide[1])), torch.full((1, 1, 1, 1), item.t)
    )
    made = made[:, :, :rows, :columns]
    return to_packed(made.flip(1) if flipped else made)[0].numpy()


def test_flow_is_made_for_each_pair_at_its_moment(worker: Worker) -> None:
    engine = worker("interpolate-flow").engine
    assert isinstance(engine, InterpolationEngine)
    pictures = [view(20 + STEP * n) for n in range(4)]
    thirds = [(n, t) for n in range(3) for t in (0.25, 0.75)]
    items = [Between(pictures[n], pictures[n + 1], t) for n, t in thirds]
    made = list(engine.filled(items, Size(width=WIDE, height=HIGH)))
    wanted = [view(20 + round(STEP * (n + t))) for n, t in thirds]
    assert distance(wanted, made) < ALIKE
    assert distance(wanted, made[::-1]) > FAR
