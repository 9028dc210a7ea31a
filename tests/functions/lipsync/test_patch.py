"""The mouth's part of a picture: cut, blended in light, laid back."""

import numpy as np
import pytest
import torch

from functions.lipsync.patch import Framed, blended, framed, shown
from functions.models.colour import to_packed, to_rgb
from functions.models.mesh import Mesh
from functions.models.patches import DISPLAY, cut, laid
from tests.servers.talking import face_in, portrait


def packed() -> np.ndarray:
    rgb = torch.from_numpy(portrait().transpose(2, 0, 1).copy())[None].float() / 255
    return to_packed(rgb)[0].numpy()


@pytest.fixture(scope="module")
def face() -> Framed:
    found = framed(face_in(portrait()), 288, 224)
    assert isinstance(found, Framed)
    return found


def test_a_part_laid_back_changes_nothing(face: Framed) -> None:
    picture = packed()
    again = picture.copy()
    laid(again, face.box, cut(picture, face.box))
    assert np.array_equal(picture, again)


def test_outside_of_the_mask_no_code_value_changes(face: Framed) -> None:
    part = torch.from_numpy(cut(packed(), face.box))
    made = blended(part, torch.zeros(3, 256, 256), torch.from_numpy(face.mask))
    rows = face.box.height
    assert torch.equal(made[:rows][torch.from_numpy(face.mask == 0)], part[:rows][torch.from_numpy(face.mask == 0)])
    assert float((made[:rows].float() - part[:rows].float()).abs().max()) > 30


def test_the_same_face_laid_on_leaves_no_seam(face: Framed) -> None:
    part = torch.from_numpy(cut(packed(), face.box))
    made = blended(part, shown(part), torch.from_numpy(face.mask))
    rows = face.box.height
    difference = (made[:rows].float() - part[:rows].float()).abs()
    border = torch.from_numpy((face.mask > 0) & (face.mask < 0.2))
    assert float(difference[border].mean()) < 1.0


def test_the_seam_is_mixed_as_light(face: Framed) -> None:
    """Half of black and half of white is half of the light, not half of the code value."""
    height, width = face.mask.shape
    white = torch.full((height * 3 // 2, width), 128, dtype=torch.uint8)
    white[:height] = 235
    mask = torch.full((height, width), 0.5)
    mixed = to_rgb(blended(white, torch.zeros(3, 256, 256), mask)[None])
    assert float(mixed.mean()) == pytest.approx(0.5 ** (1 / DISPLAY), abs=0.01)


def test_the_box_is_musetalks(face: Framed) -> None:
    """As far above the bridge of the nose as the chin lies below it, and the margin."""
    mesh = face_in(portrait())
    assert face.box.left == pytest.approx(mesh.points[:, 0].min(), abs=4)
    assert face.box.bottom > mesh.points[152, 1]
    middle = float(mesh.points[5, 1])
    assert middle - face.box.top == pytest.approx(float(mesh.points[152, 1]) - middle, abs=4)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p * np.float32(0.5), "face_small"),
        (lambda p: p + np.array([150, 0, 0], np.float32), "face_cut"),
        (lambda p: p * np.array([0.75, 1, 1], np.float32) + _turned(p), "face_turned"),
    ],
)
def test_faces_that_cannot_be_used_are_named(change: object, code: str) -> None:
    points = face_in(portrait()).points
    made = Mesh(change(points))  # type: ignore[operator]
    assert framed(made, 288, 224) == code


def _turned(points: np.ndarray) -> np.ndarray:
    """Depth as of a head turned by about 70 degrees."""
    turned = np.zeros_like(points)
    turned[:, 2] = (points[:, 0] - points[:, 0].mean()) * 2.2
    return turned
