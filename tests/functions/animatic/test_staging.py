"""What a panel looks like, measured: values, silhouettes, hues."""

import cv2
import numpy as np
import pytest

from functions.animatic import framing
from functions.animatic.canvas import Sheet, View
from functions.animatic.figure import Figure as Drawn
from functions.animatic.layers import Drawing
from functions.animatic.panel import Panel
from functions.animatic.scene import Scene, table
from functions.animatic.staging import Staged, stage
from functions.animatic.traits import read
from functions.animatic.values import Floats, decode, lstar_of
from functions.contract.params import Composition, Figure
from tests.functions.animatic.conftest import IVO, MAREN, ROCK, ROOM, SMALL

VIEW = View(16 / 9, 180)
HALL = Composition(size="medium", heading="INT. HALL - DAY", place="a hall with a window and a door", place_id="hall")
CITY = Composition(size="wide", heading="EXT. STREET - NIGHT", place="a city street, street lamps", place_id="street")


def staged(composition: Composition) -> Staged:
    return stage(Scene(composition, 16 / 9, 7), VIEW)


def picture(composition: Composition) -> Floats:
    """L* of the keyframe."""
    rgb = Panel.of_keyframe(Drawing(size=SMALL, seed=7, composition=composition)).stage().clean()
    return lstar_of((decode(rgb) @ np.array([0.2126, 0.7152, 0.0722])).astype(np.float32))


def flat(sheets: list[Sheet]) -> tuple[Floats, Floats]:
    """Value and coverage of sheets over each other at the size of the view."""
    shape = (VIEW.shape[1], VIEW.shape[0])
    value = np.zeros(VIEW.shape, np.float32)
    cover = np.zeros(VIEW.shape, np.float32)
    for sheet in sheets:
        alpha = np.asarray(cv2.resize(sheet.alpha, shape), np.float32)
        lit = np.asarray(cv2.resize(sheet.value + 0.7 * sheet.lit, shape), np.float32)
        value += (lit - value) * alpha
        cover = np.maximum(cover, alpha)
    return value, cover


@pytest.mark.parametrize("size", ["wide", "medium", "medium-close", "close"])
@pytest.mark.parametrize("base", [ROOM, HALL, CITY], ids=["lamp-room", "hall", "street"])
@pytest.mark.parametrize("who", [MAREN, IVO], ids=["dark", "pale"])
def test_a_subject_stands_clear_of_what_is_behind(size: str, base: Composition, who: Figure) -> None:
    shot = Composition.model_validate(base.model_dump() | {"size": size, "figures": (who,)}, strict=False)
    made = staged(shot)
    behind, _ = flat([p.sheet for p in made.planes if not p.subject])
    value, cover = flat([p.sheet for p in made.planes if p.subject])
    ring = np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.06 * VIEW.scale)) * (cover < 0.05)
    own = float(np.average(value, weights=np.maximum(cover - 0.5, 0)))
    assert abs(own - float(np.average(behind, weights=ring + 1e-9))) >= 20


@pytest.mark.parametrize(
    "composition",
    [ROCK, ROOM, CITY, HALL.model_copy(update={"size": "wide"})],
    ids=["sea", "lamp-room", "street", "hall"],
)
def test_the_brightest_step_keeps_its_small_share(composition: Composition) -> None:
    assert (picture(composition) > 77).mean() <= 0.08


def test_night_is_dark_and_day_is_light() -> None:
    night, day = np.median(picture(ROCK)), np.median(picture(HALL))
    assert 16 <= night <= 32
    assert 50 <= day <= 74


def silhouette(figure: Figure, facing: str) -> Floats:
    scene = Scene(
        Composition(size="medium", figures=(figure.model_copy(update={"at": "centre", "facing": facing}),)), 16 / 9, 7
    )
    sheet = Sheet(VIEW)
    Drawn(framing.stands(scene)[0], scene, VIEW).paint(sheet)
    return sheet.alpha


@pytest.mark.parametrize("facing", ["camera", "away", "left"])
def test_two_people_differ_in_outline(facing: str) -> None:
    a, b = silhouette(MAREN, facing), silhouette(IVO, facing)
    either = np.maximum(a, b).sum()
    assert np.abs(a - b).sum() / either > 0.06


def test_looks_are_read() -> None:
    maren, ivo = read(MAREN), read(IVO)
    assert (maren.hair, maren.collar_up, maren.garment, maren.age) == ("plait", True, "coat", "old")
    assert (ivo.hair, ivo.collar_up, ivo.garment) == ("cropped", False, "jacket")
    assert ivo.cloth > 20 > maren.cloth


def test_people_without_a_look_still_differ() -> None:
    traits = {(t.hair, t.garment, t.cloth) for t in (read(Figure(id=i)) for i in ("ann", "bob", "cyd", "dov"))}
    assert len(traits) >= 3


def test_one_hue_family_rules_and_the_accent_is_sparing() -> None:
    rgb = Panel.of_keyframe(Drawing(size=SMALL, seed=7, composition=ROCK)).stage().clean()
    hsv = cv2.cvtColor((rgb * 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
    hue, strong = hsv[..., 0].astype(int) * 2, hsv[..., 1] > 30
    cool = (hue > 190) & (hue < 290)
    warm = (hue < 70) | (hue > 340)
    assert (cool | ~strong).mean() > 0.7
    assert (warm & strong).mean() < 0.08


@pytest.mark.parametrize(
    "word", [w for row in table("places/vocabulary.toml")["exterior"].values() for ws in row.values() for w in ws[:1]]
)
def test_every_word_of_the_open_paints_something(word: str) -> None:
    shot = Composition(size="wide", heading="EXT. PLACE - DAY", place=f"a {word}", place_id="p")
    assert len(stage(Scene(shot, 16 / 9, 7), View(16 / 9, 90)).planes) >= 2


@pytest.mark.parametrize(
    "word", [w for row in table("places/vocabulary.toml")["interior"].values() for ws in row.values() for w in ws[:1]]
)
def test_every_word_of_a_room_paints_something(word: str) -> None:
    shot = Composition(size="wide", heading="INT. PLACE - NIGHT", place=f"a {word}", place_id="p", light="one lamp")
    assert stage(Scene(shot, 16 / 9, 7), View(16 / 9, 90)).planes


@pytest.mark.parametrize("thing", [t["words"][0] for t in table("inserts.toml")["thing"] if t["words"]])
@pytest.mark.parametrize("aspect", [16 / 9, 9 / 16])
def test_every_thing_can_be_shown_large(thing: str, aspect: float) -> None:
    shot = Composition(size="insert", heading="INT. ROOM - NIGHT", action=f"A hand on a {thing}.")
    assert stage(Scene(shot, aspect, 7), View(aspect, 90)).planes


@pytest.mark.parametrize("pose", ["stand", "sit", "kneel", "lie", "walk", "run"])
def test_every_pose_and_gaze_is_drawn(pose: str) -> None:
    for facing in ("camera", "away", "left", "right"):
        figure = Figure.model_validate({"id": "a", "pose": pose, "facing": facing})
        assert silhouette(figure, facing).max() > 0.9


@pytest.mark.parametrize("size", ["wide", "full", "medium", "close"])
def test_a_lamp_in_a_room_whose_floor_is_not_seen_lights_nothing(size: str) -> None:
    shot = {"size": size, "heading": "INT. HALL - NIGHT", "place": "a hall, lamp", "figures": (MAREN,)}
    assert staged(Composition.model_validate(shot)).planes


def test_an_empty_composition_is_still_a_picture() -> None:
    value = picture(Composition())
    assert value.std() > 2
