"""The engine end to end: real encodes, decoded again."""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import get_args

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from functions.animatic.layers import MAGIC, MOST_JSON, Drawing
from functions.animatic.panel import Panel
from functions.animatic.raster import Bytes
from functions.contract.base import Rate, Size
from functions.contract.errors import ContractError, InputError
from functions.contract.params import Camera, Composition, Figure, Keyframe, Motion, Sound
from functions.contract.params import Move as MoveName
from tests.functions.animatic.conftest import MAREN, ROCK, ROOM, SMALL, FolderJob, Run

Draw = Callable[..., FolderJob]
FILM = Rate(num=24)
UNLIT = ROCK.model_copy(update={"light": "no lamp at all, sea barely darker than sky"})


def move(run: Run, key: FolderJob, camera: Camera, frames: int = 24, name: str = "move", **more: object) -> FolderJob:
    inputs = {"image": key.folder / "image.png", "layers": key.folder / "layers.bin"}
    params = Motion(size=SMALL, frames=frames, rate=FILM, camera=camera, seed=7, composition=ROCK)
    return run(params, ("clip.mp4",), inputs, name)


def pictures(clip: Path) -> list[Bytes]:
    with av.open(str(clip)) as container:
        return [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in container.decode(video=0)]


def similarity(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Mean SSIM of luma, 7-pixel Gaussian windows."""
    x, y = (cv2.GaussianBlur(np.asarray(p, np.float32).mean(axis=2), (0, 0), 1.0) for p in (a, b))

    def blur(z: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(z, (7, 7), 1.5), np.float32)

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 6.5, 58.5
    ssim = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(ssim.mean())


def test_a_keyframe_is_a_png_of_the_size_asked_for(keyframe: Draw) -> None:
    job = keyframe(ROCK)
    with Image.open(job.output("image.png")) as picture:
        assert picture.format == "PNG"
        assert picture.size == (320, 180)
    assert job.output("layers.bin").stat().st_size < 4096


def test_a_clip_has_its_frames_rate_and_colour(run: Run, keyframe: Draw) -> None:
    job = move(run, keyframe(ROCK), Camera(move="push", speed="medium"), 31)
    with av.open(str(job.output("clip.mp4"))) as container:
        stream = container.streams.video[0]
        assert not container.streams.audio
        assert (stream.width, stream.height, stream.pix_fmt) == (320, 180, "yuv420p")
        assert stream.average_rate == 24
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
        assert len(list(container.decode(video=0))) == 31
    assert job.reports[-1] == ("render", 31, 31)


def test_ntsc_rates_are_exact(run: Run, keyframe: Draw) -> None:
    key = keyframe(ROCK)
    params = Motion(size=SMALL, frames=5, rate=Rate(num=24000, den=1001), composition=ROCK)
    job = run(params, ("clip.mp4",), {"image": key.folder / "image.png", "layers": key.folder / "layers.bin"})
    with av.open(str(job.output("clip.mp4"))) as container:
        assert container.streams.video[0].average_rate == Fraction(24000, 1001)


@pytest.mark.parametrize(
    ("composition", "shot"),
    [(ROCK, "pull"), (ROOM, "static"), (ROOM, "push"), (ROOM, "track-right")],
    ids=["pull", "static", "push", "track"],
)
def test_the_clip_begins_on_its_keyframe(run: Run, keyframe: Draw, composition: Composition, shot: str) -> None:
    key = keyframe(composition)
    camera = Camera.model_validate({"move": shot, "speed": "medium"})
    first = pictures(move(run, key, camera, 72).output("clip.mp4"))[0]
    with Image.open(key.output("image.png")) as still:
        assert similarity(first, np.asarray(still)) > 0.95


def test_the_same_work_gives_the_same_bytes(run: Run, keyframe: Draw) -> None:
    first, second = keyframe(ROOM, name="a"), keyframe(ROOM, name="b")
    assert first.output("image.png").read_bytes() == second.output("image.png").read_bytes()
    camera = Camera(move="pan-left", rig="handheld")
    clips = [move(run, first, camera, name=n).output("clip.mp4").read_bytes() for n in ("c", "d")]
    assert clips[0] == clips[1]


def test_a_static_shot_is_alive_but_its_frame_stands_still(run: Run, keyframe: Draw) -> None:
    frames = pictures(move(run, keyframe(UNLIT), Camera(), 48).output("clip.mp4"))
    sky = [cv2.GaussianBlur(f[10:60, 10:60].astype(np.float32), (0, 0), 3) for f in (frames[0], frames[-1])]
    sea = [cv2.GaussianBlur(f[150:176].astype(np.float32), (0, 0), 1) for f in (frames[0], frames[-1])]
    assert np.abs(sea[0] - sea[1]).mean() > 1.5 * np.abs(sky[0] - sky[1]).mean()


def test_supplied_art_is_cropped_and_moved(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    art = cv2.resize(rng.integers(0, 255, (12, 20, 3), dtype=np.uint8), (900, 600), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "art.jpg"), art)
    params = Motion(
        size=Size(width=180, height=320), frames=72, rate=FILM, camera=Camera(move="pan-right", speed="fast")
    )
    frames = pictures(run(params, ("clip.mp4",), {"image": tmp_path / "art.jpg"}).output("clip.mp4"))
    assert len(frames) == 72
    assert frames[0].shape == (320, 180, 3)
    assert np.abs(frames[0].astype(float) - frames[-1]).mean() > 10


def test_supplied_art_ends_on_its_end_image(run: Run, tmp_path: Path) -> None:
    for name, value in (("a", 40), ("b", 200)):
        Image.new("RGB", (320, 180), (value,) * 3).save(tmp_path / f"{name}.png")
    params = Motion(size=SMALL, frames=48, rate=FILM)
    inputs = {"image": tmp_path / "a.png", "end_image": tmp_path / "b.png"}
    frames = pictures(run(params, ("clip.mp4",), inputs).output("clip.mp4"))
    assert abs(float(frames[0][90, 160].mean()) - 40) < 8
    assert abs(float(frames[-1][90, 160].mean()) - 200) < 8


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def broken(path: Path, kind: str) -> Path:
    """A hostile picture."""
    if kind == "html":
        path.write_text("<html><body>not found</body></html>")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind in ("huge", "long"):
        shape = struct.pack(">IIBBBBB", 30_000, 30_000 if kind == "huge" else 100, 8, 2, 0, 0, 0)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", shape) + chunk(b"IDAT", zlib.compress(bytes(64))))
    else:
        Image.effect_noise((640, 360), 60).save(path, "PNG")
        path.write_bytes(path.read_bytes()[:9000])
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("html", "neither a PNG"),
        ("empty", "neither a PNG"),
        ("huge", "too large"),
        ("long", "too large"),
        ("truncated", "damaged"),
    ],
)
def test_a_hostile_picture_is_refused_in_words(run: Run, tmp_path: Path, kind: str, word: str) -> None:
    params = Motion(size=SMALL, frames=3, rate=FILM)
    with pytest.raises(InputError, match=f"Input 'image' is .*{word}"):
        run(params, ("clip.mp4",), {"image": broken(tmp_path / "x.png", kind)})


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x80\x04\x95pickle", "not a panel"),
        (MAGIC + b"rubbish", "damaged"),
        (MAGIC + zlib.compress(b" " * (MOST_JSON + 1)), "more than a panel"),
        (MAGIC + zlib.compress(b'{"version":1}')[:-6], "cut short"),
        (MAGIC + zlib.compress(b'{"version":1,"size":{"width":999999,"height":2},"seed":0}'), "no panel has"),
        (b"x" * 70_000, "larger than"),
    ],
)
def test_hostile_layers_are_refused_in_words(run: Run, tmp_path: Path, data: bytes, word: str) -> None:
    (tmp_path / "layers.bin").write_bytes(data)
    params = Motion(size=SMALL, frames=3, rate=FILM)
    with pytest.raises(InputError, match=word):
        run(params, ("clip.mp4",), {"layers": tmp_path / "layers.bin"})


def test_motion_without_a_picture_and_other_kinds_are_refused(run: Run) -> None:
    with pytest.raises(InputError, match="render the keyframe first"):
        run(Motion(size=SMALL, frames=3, rate=FILM), ("clip.mp4",))
    with pytest.raises(ContractError, match="choose another engine"):
        run(Sound(prompt="wind", samples=100), ("sound.wav",))


def test_the_camera_leaves_the_keyframe_alone(keyframe: Draw) -> None:
    wet = ROOM.model_copy(update={"figures": (MAREN,)})
    assert (
        keyframe(wet, name="a").output("layers.bin").read_bytes()
        == keyframe(wet, name="b").output("layers.bin").read_bytes()
    )


@pytest.mark.parametrize("shot", get_args(MoveName))
def test_every_move_renders(shot: str) -> None:
    small = Size(width=96, height=54)
    for speed, frames in (("whip", 12), ("slow", 1)):
        camera = Camera.model_validate({"move": shot, "speed": speed})
        params = Motion(size=small, frames=frames, rate=FILM, camera=camera, composition=ROOM)
        drawing = Drawing(size=small, seed=3, composition=ROOM)
        assert len(list(Panel.of_motion(drawing, params).stage().frames())) == frames


def test_a_dutch_angle_leans_the_picture(keyframe: Draw) -> None:
    upright, leaning = keyframe(UNLIT, name="a"), keyframe(UNLIT.model_copy(update={"angle": "dutch"}), name="b")
    assert upright.output("image.png").read_bytes() != leaning.output("image.png").read_bytes()


def test_a_rack_softens_the_subject() -> None:
    camera = Camera(move="rack")
    drawing = Drawing(size=SMALL, seed=3, composition=ROOM)
    params = Motion(size=SMALL, frames=48, rate=FILM, camera=camera, composition=ROOM)
    stage = Panel.of_motion(drawing, params).stage()
    first, last = (stage.clean(n)[60:150, 60:140].mean(axis=2) for n in (0, 47))
    assert np.abs(np.diff(last)).mean() < 0.95 * np.abs(np.diff(first)).mean()


@pytest.mark.parametrize("height", [90, 180, 358, 540])
def test_small_pictures_with_a_soft_backdrop_are_drawn(run: Run, height: int) -> None:
    params = Keyframe(
        size=Size(width=height * 16 // 9 // 2 * 2, height=height),
        seed=1,
        composition=Composition(size="medium-close", heading="INT. ROOM - NIGHT", figures=(Figure(id="ada"),)),
    )
    job = run(params, ("image.png", "layers.bin"), {}, f"h{height}")
    image = cv2.imread(str(job.folder / "image.png"))
    assert image is not None
    assert image.shape[0] == height
