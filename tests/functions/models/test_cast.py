"""Reference pictures by whom they show."""

import numpy as np
import pytest
from PIL import Image

from functions.contract.params import Composition, Figure
from functions.models import cast
from functions.models.faces import FaceDetector
from tests.servers.faces import astronaut, cat, detector_weights


@pytest.fixture(scope="module")
def finder() -> FaceDetector:
    return FaceDetector(detector_weights())


@pytest.mark.parametrize(
    ("name", "figure"),
    [("ref_ada_00", "ada"), ("ref_old_man_12", "old_man"), ("shot_ref_01", ""), ("previous", None), ("lora_ada", None)],
)
def test_inputs_are_references_of_whom_their_name_says(name: str, figure: str | None) -> None:
    assert cast.figure_of(name) == figure


def test_references_with_no_face_and_with_five_are_said(finder: FaceDetector) -> None:
    one = Image.fromarray(astronaut())
    five = Image.fromarray(np.concatenate([astronaut()] * 5, axis=1))
    notes = cast.told({"ada": [one, Image.fromarray(cat()), five]}, finder)
    assert [(note.code, note.value) for note in notes] == [("reference_faces", 0), ("reference_faces", 5)]


def test_a_head_is_cut_out_around_its_face(finder: FaceDetector) -> None:
    picture = Image.fromarray(astronaut())
    cut = cast.head(picture, finder)
    assert cut.width == cut.height < picture.width
    assert len(finder.find(np.asarray(cut))) == 1
    assert cast.head(Image.fromarray(cat()), finder).size == (451, 300)


def test_faces_are_expected_of_who_looks_into_the_picture() -> None:
    people = (Figure(id="a"), Figure(id="b", facing="away"), Figure(id="c"), Figure(id="d"))
    assert cast.faces(Composition(figures=people)) == 3
    assert cast.faces(Composition(figures=people, pov="a", over="c")) == 1
    assert cast.faces(Composition(figures=people, size="insert")) == 0
