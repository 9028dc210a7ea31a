"""The face that comes back is the one that went in: alignment, colours, place and seam, and faults that must show."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from functions.contract.base import Size
from functions.contract.params import FaceRestore
from functions.face_restore.align import TEMPLATE, five, joined, moved, scale, similarity
from functions.face_restore.network import load
from functions.face_restore.region import LIMITS, Region, region
from functions.face_restore.restorer import pasted, upright
from functions.face_restore.stages import Face, Preparation
from functions.media.frames import Frames, Packed
from functions.media.source import describe
from functions.models.colour import to_packed, to_rgb
from functions.models.faces import FaceDetector
from functions.models.mesh import Mesh
from functions.models.tracks import Tracker
from tests.functions.face_restore.conftest import Make
from tests.servers.checkpoints import gfpgan
from tests.servers.faces import detector_weights
from tests.servers.talking import Picture, clip, face_in, mesh, portrait

CPU = torch.device("cpu")
ALIKE = 1.5
"""Codes by which a face that nothing was done to comes back changed at most, on average; 0.9 was seen."""


def packed(rgb: Picture) -> Packed:
    codes = torch.from_numpy(rgb.transpose(2, 0, 1).copy())[None].float() / 255
    return np.asarray(to_packed(codes)[0].numpy(), np.uint8)


def shown(picture: Packed) -> Tensor:
    """R'G'B' (3, rows, columns) in codes."""
    return to_rgb(torch.from_numpy(picture)[None])[0] * 255


def face_of(rgb: Picture) -> Face:
    """The only face, as the engine takes it."""
    tracker = Tracker(FaceDetector(detector_weights()), mesh())
    size = Size(width=rgb.shape[1], height=rgb.shape[0])
    ((face,),) = (todo.faces for todo in Preparation(size, 1, tracker).of([packed(rgb)]))
    return face


@pytest.fixture(scope="module")
def face() -> Face:
    return face_of(portrait())


def test_eyes_nose_and_mouth_come_to_lie_on_the_template() -> None:
    points = five(face_in(portrait()))
    matrix = similarity(points)
    errors = np.hypot(*(points - TEMPLATE @ matrix[:, :2].T - matrix[:, 2]).T) / scale(matrix)
    assert errors.max() < 25


def test_a_turned_face_is_shown_upright(face: Face) -> None:
    turn = cv2.getRotationMatrix2D((144, 112), 25, 1)
    tilted = np.asarray(cv2.warpAffine(portrait(), turn, (288, 224), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    one, other = (upright(f, CPU)[:, 150:400, 150:360] for f in (face, face_of(tilted)))
    assert float((one - other).abs().mean()) < 0.05
    assert float((one - other.flip(1)).abs().mean()) > 0.1


Paste = Callable[[Region, Tensor], tuple[Region, Tensor]]


def whole(where: Region) -> Region:
    return replace(where, mask=np.ones_like(where.mask))


FAULTS: dict[str, Paste] = {
    "red for blue": lambda where, made: (where, made.flip(0)),
    "two pixels aside": lambda where, made: (replace(where, matrix=moved(where.matrix, 2, 0)), made),
    "5 % too large": lambda where, made: (
        replace(where, matrix=joined(where.matrix[:, :2] * 1.05, where.matrix[:, 2])),
        made,
    ),
    "mirrored": lambda where, made: (where, made.flip(2)),
    "too bright": lambda where, made: (where, made * 219 / 255 + 16 / 255),
}


def changed(face: Face, paste: Paste) -> tuple[float, float]:
    """Mean change (over the face, outside of it) in codes, of a picture whose face comes back as it was."""
    picture = packed(portrait())
    given, where, box = shown(picture.copy()), face.region, face.region.box
    pasted(picture, *paste(where, upright(face, CPU)))
    wrong = (shown(picture) - given).abs().mean(dim=0)
    weight = torch.zeros_like(wrong)
    weight[box.top : box.bottom, box.left : box.right] = torch.from_numpy(where.mask)
    outside = cv2.dilate(weight.numpy(), np.ones((5, 5), np.uint8)) == 0
    return float((wrong * weight).sum() / weight.sum()), float(wrong[torch.from_numpy(outside)].max())


def test_a_face_comes_back_where_it_was(face: Face) -> None:
    over, outside = changed(face, lambda where, made: (where, made))
    assert over < ALIKE
    assert outside == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_pasting_shows(face: Face, fault: str) -> None:
    assert changed(face, FAULTS[fault])[0] > 2 * ALIKE


def test_a_change_outside_of_the_face_shows(face: Face) -> None:
    assert changed(face, lambda where, made: (whole(where), made))[1] > 10


def test_the_seam_is_soft(face: Face) -> None:
    steps = [np.abs(np.diff(face.region.mask, axis=axis)).max() for axis in (0, 1)]
    assert max(steps) < 0.2
    border = np.concatenate([face.region.mask[0], face.region.mask[:, 0], face.region.mask[:, -1]])
    assert border.max() == 0


def grown(points: np.ndarray, by: float) -> np.ndarray:
    return np.asarray(points * np.float32(by), np.float32)


@pytest.mark.parametrize("code", ["face_small", "face_large"])
def test_a_face_goes_out_of_reach_by_degrees(code: str) -> None:
    """Between its limits a face counts in part, beyond them not at all."""
    points = face_in(portrait()).points
    unit = scale(similarity(five(Mesh(points)))) if code == "face_large" else Mesh(points).width
    none, full = LIMITS[code]
    weights = []
    for share in (-0.1, 0.25, 0.75, 1.1):
        size = grown(points, (none + share * (full - none)) / unit)
        made = region(Mesh(size), 4000, 4000)
        weights.append(made if isinstance(made, str) else float(made.mask.max()))
    assert weights[0] == code
    assert weights[1:] == pytest.approx([0.25, 0.75, 1], abs=0.03)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GFPGAN of published size and keys, with weights that show the face and tint it."""
    root = tmp_path_factory.mktemp("published")
    gfpgan.build(root, gfpgan.full())
    return root


def test_gfpgan_of_published_size_shows_the_face_with_the_grain_of_its_file(published: Path, face: Face) -> None:
    network = load(published / "gfpgan-1.4", CPU)
    assert network.architecture == "GFPGAN"
    given = upright(face, CPU)
    with torch.inference_mode():
        made = network(given[None])[0]
    wanted = (given + torch.tensor(gfpgan.TINT).view(3, 1, 1) / 2).clamp(0, 1)
    inner = slice(100, 412)
    assert float((made - wanted)[:, inner, inner].abs().mean()) < 0.01
    assert float((made - wanted.flip(0))[:, inner, inner].abs().mean()) > 0.1
    grain = ((made - wanted) * (given - 0.5).sign())[1, inner, inner].flatten()
    noise = gfpgan.full()[gfpgan.NOISE][0, 0, inner, inner].flatten()
    assert float(torch.corrcoef(torch.stack([grain, noise]))[0, 1]) > 0.5, "the noise is not that of the file"


def test_gfpgan_restores_a_clip(published: Path, worker: Make, tmp_path: Path) -> None:
    source, bench = clip(tmp_path / "clip.mp4", lambda _: portrait(), 1), worker(published)
    result = bench.finish(FaceRestore(strength=1000), source)
    assert result.error is None
    assert "GFPGAN in fp32" in (result.provenance.plan or "")
    before, after = (shown(next(iter(Frames(describe(path))))) for path in (source, bench.output(result)))
    box = face_of(portrait()).region.box
    middle = slice(box.top + 80, box.top + 100), slice(box.left + 70, box.left + 110)
    red, green, blue = (after - before)[:, *middle].mean(dim=(1, 2)).tolist()
    assert (red > 20, abs(green) < 6, blue < -20) == (True, True, True)
