"""Portraits: who is found in a picture, and how a drawn figure wears the head."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from functions.animatic import portrait
from functions.contract.base import Rate
from functions.contract.errors import InputError
from functions.contract.params import Camera, Composition, Figure, Keyframe, Motion
from tests.functions.animatic.conftest import SMALL, FolderJob, Run

ADA = Figure(id="ada", look="short hair, long dark coat")
BEN = Figure(id="ben", look="cropped hair, pale jacket", at="right")
ROOM = Composition(size="medium-close", heading="INT. ROOM - DAY", place="a room with a tall window", figures=(ADA,))
SKIN, HAIR, COAT = (150, 96, 70), (24, 18, 20), (40, 90, 60)
CROWN, CHIN, MIDDLE = 110, 470, 300


def drawn(ground: tuple[int, int, int, int]) -> Image.Image:
    """A bust whose head is known, before a ground."""
    picture = Image.new("RGBA", (600, 800), ground)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((60, 580, 540, 1100), fill=COAT)
    pen.rectangle((262, 440, 338, 620), fill=COAT)
    pen.ellipse((190, 150, 410, CHIN), fill=SKIN)
    pen.pieslice((170, CROWN, 430, 420), 180, 360, fill=HAIR)
    for x in (255, 345):
        pen.ellipse((x - 10, 302, x + 10, 320), fill=HAIR)
    return picture


def striped() -> Image.Image:
    """The same before a ground of two colours."""
    ground = Image.new("RGBA", (600, 800), (200, 205, 215, 255))
    pen = ImageDraw.Draw(ground)
    for x in range(0, 600, 80):
        pen.rectangle((x, 0, x + 40, 800), fill=(120, 140, 170, 255))
    ground.alpha_composite(drawn((0, 0, 0, 0)))
    return ground


def saved(picture: Image.Image, folder: Path, name: str = "ada.png", **options: Any) -> Path:
    path = folder / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    "picture",
    [drawn((0, 0, 0, 0)), drawn((225, 222, 210, 255)), drawn((225, 222, 210, 255)).convert("L"), striped()],
    ids=["transparent", "plain", "grey", "striped"],
)
def test_the_head_is_found(picture: Image.Image, tmp_path: Path) -> None:
    found = portrait.load(saved(picture, tmp_path), "portrait_ada")
    assert found is not None
    assert abs(found.middle - MIDDLE) < 20
    assert abs(found.crown - CROWN) < 25
    assert abs(found.chin - CHIN) < 75
    assert found.cover[300, 300] > 0.95
    assert found.cover[60, 60] < 0.05
    assert found.cover[300, 540] < 0.05


def test_where_no_head_can_be_told_from_the_ground_nobody_is_found(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (300, 300, 3), np.uint8)
    plain = Image.new("RGB", (300, 300), (90, 90, 90))
    assert portrait.load(saved(Image.fromarray(noise), tmp_path), "portrait_ada") is None
    assert portrait.load(saved(plain, tmp_path), "portrait_ada") is None
    assert portrait.load(saved(Image.new("RGBA", (40, 40)), tmp_path), "portrait_ada") is None
    assert portrait.load(saved(Image.new("RGB", (1, 1)), tmp_path), "portrait_ada") is None


def test_a_picture_on_its_side_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(drawn((225, 222, 210, 255)).convert("RGB").rotate(90, expand=True), tmp_path, "a.jpg", exif=exif)
    found = portrait.load(path, "portrait_ada")
    assert found is not None
    assert found.codes.shape == (800, 600, 3)
    assert abs(found.crown - CROWN) < 25


def test_cmyk_and_moving_pictures_are_read(tmp_path: Path) -> None:
    plain = drawn((225, 222, 210, 255)).convert("RGB")
    printed = saved(plain.convert("CMYK"), tmp_path, "a.jpg")
    moving = saved(plain, tmp_path, "a.webp", save_all=True, append_images=[plain.rotate(90)], lossless=True)
    for path in (printed, moving):
        found = portrait.load(path, "portrait_ada")
        assert found is not None
        assert abs(found.crown - CROWN) < 25


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    page, huge, cut = (tmp_path / n for n in ("page.png", "huge.png", "cut.png"))
    page.write_text("<html>no</html>")
    Image.new("1", (30_000, 1)).save(huge)
    cut.write_bytes(saved(drawn((0, 0, 0, 0)), tmp_path).read_bytes()[:900])
    for path, said in ((page, "neither a PNG"), (huge, "too large"), (cut, "a damaged")):
        with pytest.raises(InputError, match=f"Input 'portrait_ada' is {said}"):
            portrait.load(path, "portrait_ada")


def image(job: FolderJob) -> np.ndarray:
    return np.asarray(Image.open(job.output("image.png")).convert("RGB"), np.int16)


Drawing = Callable[..., np.ndarray]


@pytest.fixture
def painted(run: Run) -> Drawing:
    """Draw a composition, with portraits or without."""

    def paint(composition: Composition, inputs: Mapping[str, Path] | None = None) -> np.ndarray:
        return image(run(Keyframe(size=SMALL, seed=7, composition=composition), ("image.png",), inputs))

    return paint


def test_a_portrait_changes_the_head_and_little_else(painted: Drawing, tmp_path: Path) -> None:
    path = saved(drawn((0, 0, 0, 0)), tmp_path)
    without, worn = painted(ROOM), painted(ROOM, {"portrait_ada": path})
    apart = np.abs(worn - without).max(axis=2) > 24
    rows, columns = np.nonzero(apart)
    assert len(rows) > 300
    assert np.percentile(rows, 95) < 0.75 * SMALL.height
    assert np.ptp(np.percentile(columns, (2, 98))) < 0.35 * SMALL.width


def test_a_portrait_keeps_part_of_its_colour(painted: Drawing, tmp_path: Path) -> None:
    """Two portraits that differ in hue alone."""
    green = np.asarray(drawn((0, 0, 0, 0)))[..., [1, 0, 2, 3]]
    own = painted(ROOM, {"portrait_ada": saved(drawn((0, 0, 0, 0)), tmp_path)})
    other = painted(ROOM, {"portrait_ada": saved(Image.fromarray(np.ascontiguousarray(green)), tmp_path, "b.png")})
    assert 12 < np.abs((own[..., 0] - own[..., 1]) - (other[..., 0] - other[..., 1])).max() < 90


@pytest.mark.parametrize(
    "composition",
    [
        ROOM.model_copy(update={"figures": (ADA.model_copy(update={"facing": "away"}),)}),
        ROOM.model_copy(update={"size": "extreme-wide"}),
    ],
    ids=["from behind", "too small"],
)
def test_a_face_that_is_not_seen_needs_no_portrait(composition: Composition, painted: Drawing, tmp_path: Path) -> None:
    path = saved(drawn((0, 0, 0, 0)), tmp_path)
    assert np.array_equal(painted(composition), painted(composition, {"portrait_ada": path}))


def test_each_wears_their_own(painted: Drawing, tmp_path: Path) -> None:
    both = ROOM.model_copy(update={"size": "medium", "figures": (ADA.model_copy(update={"at": "left"}), BEN)})
    path = saved(drawn((0, 0, 0, 0)), tmp_path)
    apart = np.abs(painted(both) - painted(both, {"portrait_ben": path})).max(axis=2) > 24
    assert apart[:, SMALL.width // 2 :].sum() > 100
    assert apart[:, : SMALL.width // 2].sum() < 20


@pytest.mark.parametrize("pose", ["stand", "sit", "kneel", "lie", "walk", "run"])
@pytest.mark.parametrize("facing", ["camera", "left", "right"])
def test_every_pose_and_side_can_wear_one(pose: str, facing: str, painted: Drawing, tmp_path: Path) -> None:
    figure = Figure.model_validate({**ADA.model_dump(), "pose": pose, "facing": facing})
    wide = ROOM.model_copy(update={"size": "full", "figures": (figure,)})
    path = saved(drawn((0, 0, 0, 0)), tmp_path)
    assert not np.array_equal(painted(wide), painted(wide, {"portrait_ada": path}))


def test_motion_paints_the_same_head(run: Run, tmp_path: Path) -> None:
    path = saved(drawn((0, 0, 0, 0)), tmp_path)
    key = run(Keyframe(size=SMALL, seed=7, composition=ROOM), ("image.png", "layers.bin"), {"portrait_ada": path}, "k")
    params = Motion(
        size=SMALL, frames=12, rate=Rate(num=24), seed=7, composition=ROOM, camera=Camera(move="push"), tier="draft"
    )
    inputs = {"image": key.output("image.png"), "layers": key.output("layers.bin")}
    worn = run(params, ("clip.mp4",), {**inputs, "portrait_ada": path}, "worn").output("clip.mp4").read_bytes()
    again = run(params, ("clip.mp4",), {**inputs, "portrait_ada": path}, "again").output("clip.mp4").read_bytes()
    without = run(params, ("clip.mp4",), inputs, "without").output("clip.mp4").read_bytes()
    assert worn == again != without
