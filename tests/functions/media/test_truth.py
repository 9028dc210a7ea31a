"""Clips of models that are hard but honest pass without a refusal; clips proven wrong do not."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from functions.catalog import parse
from functions.contract import params as p
from functions.contract.base import Rate, Size
from functions.contract.errors import OutputRefused
from functions.contract.job import Note
from functions.media.checks import check_outputs
from functions.media.encode import CLIP_GROUP_SECONDS, VideoEncoder
from functions.media.picture import Rectangle, fitted
from functions.media.truth import movement, similarity
from functions.runtime.engine import Outcome
from tests.servers.engines import MANIFEST
from tests.servers.job import LocalJob
from tests.servers.media import clip as grey_clip

WIDE, HIGH, FRAMES, RATE = 320, 192, 25, Rate(num=16)
SIZE = Size(width=WIDE, height=HIGH)
MODEL = parse(MANIFEST + '\n[prompting]\nstyle = "image-to-video"\n')
PUSH = p.Motion(size=SIZE, frames=FRAMES, rate=RATE, camera=p.Camera(move="push"))
HELD = p.Motion(size=SIZE, frames=FRAMES, rate=RATE)
Frame = NDArray[np.uint8]
Paint = Callable[[int], Frame]


def smooth(seed: int, cells: int = 7) -> NDArray[np.float64]:
    """Soft light and shade in 0..1, (rows, columns)."""
    small = np.random.default_rng(seed).random((cells, cells)) * 255
    picture = Image.fromarray(small.astype(np.uint8)).resize((WIDE, HIGH), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float64) / 255


def coloured(light: NDArray[np.float64], tint: tuple[int, int, int]) -> Frame:
    """Light of one tint."""
    made: Frame = np.clip(light[..., None] * np.array(tint), 0, 255).astype(np.uint8)
    return made


def drawn(paint: Callable[[ImageDraw.ImageDraw, int], None], back: tuple[int, int, int] = (12, 14, 30)) -> Paint:
    """Frames painted on an even ground."""

    def frame(n: int) -> Frame:
        picture = Image.new("RGB", (WIDE, HIGH), back)
        paint(ImageDraw.Draw(picture), n)
        return np.asarray(picture)

    return frame


def grained(of: Paint, strength: float, seed: int = 0) -> Paint:
    """The same under grain of its own in each frame."""

    def frame(n: int) -> Frame:
        grain = np.random.default_rng((seed, n)).normal(0, strength, (HIGH, WIDE, 1))
        return np.clip(of(n) + grain, 0, 255).astype(np.uint8)

    return frame


def flakes(of: Paint, count: int, size: int, light: int, fall: int, seed: int = 1) -> Paint:
    """The same behind falling flakes or drops."""
    places = np.random.default_rng(seed).random((count, 2)) * (WIDE, HIGH)

    def frame(n: int) -> Frame:
        picture = Image.fromarray(of(n))
        draw = ImageDraw.Draw(picture)
        for x, y in places:
            top = (y + n * fall) % HIGH
            draw.ellipse((x, top, x + size, top + size), fill=(light, light, light))
        return np.asarray(picture)

    return frame


def street(n: int) -> Frame:
    """A scene by day that a camera slowly pushes into."""
    base = coloured(smooth(3), (200, 150, 110))
    edge = n
    crop = Image.fromarray(base).crop((edge, edge * HIGH // WIDE, WIDE - edge, HIGH - edge * HIGH // WIDE))
    return np.asarray(crop.resize((WIDE, HIGH), Image.Resampling.BICUBIC))


def lamp(draw: ImageDraw.ImageDraw, n: int) -> None:
    draw.ellipse((150 + n, 60, 170 + n, 80), fill=(120, 100, 50))


def candle(n: int) -> Frame:
    y, x = np.mgrid[0:HIGH, 0:WIDE]
    glow = np.exp(-((x - 160 - 3 * np.sin(n)) ** 2 + (y - 120) ** 2) / (2 * (40 + 4 * np.cos(n * 2)) ** 2))
    return coloured(glow, (90, 50, 20))


def fading(n: int) -> Frame:
    return (street(n) * max(0.0, 1 - n / 20)).astype(np.uint8)


def waking(n: int) -> Frame:
    return (street(n) * min(1.0, n / 15)).astype(np.uint8)


def silhouette(draw: ImageDraw.ImageDraw, n: int) -> None:
    draw.rectangle((0, 0, WIDE, 70), fill=(40, 34, 60))
    draw.rectangle((100 + 2 * n, 40, 130 + 2 * n, 150), fill=(0, 0, 0))


def noir(n: int) -> Frame:
    light = (smooth(8) > 0.8).astype(np.float64) * 0.35
    return grained(lambda _: coloured(np.roll(light, n, axis=1), (110, 110, 115)), 3, 4)(n)


def title(draw: ImageDraw.ImageDraw, n: int) -> None:
    del n
    draw.text((90, 80), "THE LIGHTHOUSE", fill=(240, 240, 235), font_size=20)


def blink(n: int) -> Frame:
    picture = Image.fromarray(coloured(smooth(5) * 0.3 + 0.6, (210, 170, 150)))
    draw = ImageDraw.Draw(picture)
    for x in (120, 180):
        high = 1 if n in (11, 12) else 9
        draw.ellipse((x, 80 - high, x + 24, 80 + high), fill=(250, 250, 250))
        draw.ellipse((x + 8, 80 - min(high, 6), x + 16, 80 + min(high, 6)), fill=(40, 30, 30))
    return np.asarray(picture)


def sea(n: int) -> Frame:
    y, x = np.mgrid[0:HIGH, 0:WIDE]
    swell = 0.5 + 0.2 * np.sin(x / 9 + y / 5 + n / 2) * np.sin(y / 7 - n / 3)
    glitter = (np.random.default_rng(n).random((HIGH, WIDE)) > 0.97) * 0.6
    return coloured(np.clip(swell * (0.4 + y / HIGH) + glitter, 0, 1), (120, 160, 200))


def leaves(n: int) -> Frame:
    texture = np.random.default_rng(2).random((HIGH, WIDE))
    return coloured(np.clip(0.2 + 0.6 * smooth(6) + 0.35 * (np.roll(texture, n, axis=1) - 0.5), 0, 1), (120, 180, 90))


def panel(threes: int, *, ink: int = 2, colours: int = 4) -> Paint:
    """A cel: flat colours under ink lines, held for so many frames."""

    def paint(draw: ImageDraw.ImageDraw, n: int) -> None:
        step = n // threes
        for number in range(colours):
            left = 30 + number * 70 + step * 3
            draw.rectangle((left, 60, left + 50, 150), fill=(60 + 45 * number, 200 - 40 * number, 90), outline=0)
            draw.line((left, 60, left + 25, 30, left + 50, 60), fill=(10, 10, 10), width=ink)

    return drawn(paint, (235, 225, 200))


def sketch(draw: ImageDraw.ImageDraw, n: int) -> None:
    for number in range(40):
        x = (number * 37 + (n // 2) * 3) % WIDE
        draw.line((x, 20, (x * 7) % WIDE, 170), fill=(30, 30, 30), width=1)


def halftone(n: int) -> Frame:
    y, x = np.mgrid[0:HIGH, 0:WIDE]
    dots = (np.sin((x + n) * 1.1) * np.sin(y * 1.1)) < (smooth(9) * 2 - 1)
    return coloured(dots.astype(np.float64), (250, 240, 220))


def bars(draw: ImageDraw.ImageDraw, n: int) -> None:
    for number in range(8):
        draw.rectangle((number * 40, 0, number * 40 + 39, HIGH), fill=((number * 83) % 256, (number * 151) % 256, 120))
    draw.ellipse((n * 8, 80, n * 8 + 30, 110), fill=(255, 255, 255))


HARD: dict[str, dict[str, Paint]] = {
    "dark": {
        "a lamp at night": drawn(lamp, (4, 5, 9)),
        "a candle": candle,
        "a fade to black": fading,
        "out of black": waking,
        "a silhouette": drawn(silhouette, (16, 14, 26)),
        "noir under grain": noir,
        "a lamp at night under grain": grained(drawn(lamp, (8, 8, 12)), 6),
    },
    "still": {
        "a title card": drawn(title),
        "a face that blinks": blink,
        "a landscape under film grain": grained(lambda n: street(0), 4),
        "nothing but breathing": lambda n: np.roll(street(0), n // 12, axis=0),
        "an even wall": grained(lambda n: coloured(np.full((HIGH, WIDE), 0.5), (180, 180, 175)), 1.5),
        "one light that flickers": grained(lambda n: (street(0) * (0.97 + 0.03 * (n % 2))).astype(np.uint8), 1),
    },
    "snowy": {
        "snow": flakes(street, 300, 4, 245, 6),
        "a snowstorm": grained(flakes(street, 1500, 5, 250, 14), 25),
        "rain": flakes(street, 900, 1, 220, 40),
        "heavy grain": grained(street, 40),
        "a glittering sea": sea,
        "leaves in the wind": leaves,
        "fog": grained(lambda n: (street(n) * 0.15 + 190).astype(np.uint8), 12),
    },
    "drawn": {
        "on threes": panel(3),
        "on fours, thick ink": panel(4, ink=6),
        "two colours": panel(2, colours=2),
        "a pencil sketch": drawn(sketch, (245, 243, 235)),
        "halftone": halftone,
        "flat bars": drawn(bars),
    },
}
CASES = [(kind, name) for kind, clips in HARD.items() for name in clips]


def clip(path: Path, frames: list[Frame]) -> None:
    """Encoded as engines encode."""
    with VideoEncoder(path, SIZE, RATE, "standard", group=CLIP_GROUP_SECONDS) as encoder:
        for frame in frames:
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
            encoder.write(fitted(shown, SIZE, Rectangle(0, 0, WIDE, HIGH)))


def judged(folder: Path, key: Frame, frames: list[Frame], params: p.Motion) -> list[Note]:
    """The notes on a clip of these frames made from this keyframe. Raises `OutputRefused`."""
    Image.fromarray(key).save(folder / "key.png")
    job = LocalJob(folder, MODEL, params, ["clip.mp4"], {"image": folder / "key.png"})
    clip(job.output("clip.mp4"), frames)
    return check_outputs(job, Outcome(), {"clip.mp4": 10**8})[1]


def test_there_are_enough_hard_clips_of_each_kind() -> None:
    assert {kind: len(clips) >= 5 for kind, clips in HARD.items()} == dict.fromkeys(HARD, True)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_hard_clip_passes(tmp_path: Path, kind: str, name: str) -> None:
    paint = HARD[kind][name]
    frames = [paint(n) for n in range(FRAMES)]
    params = HELD if kind == "still" else PUSH
    notes = judged(tmp_path, frames[0], frames, params)
    assert [note for note in notes if note.code != "low_motion"] == []


@pytest.mark.parametrize(("kind", "name"), [("snowy", "heavy grain"), ("drawn", "on threes"), ("dark", "a candle")])
def test_a_clip_whose_keyframe_was_softer_passes_too(tmp_path: Path, kind: str, name: str) -> None:
    """A model gets the keyframe re-compressed, and makes its own grain."""
    frames = [HARD[kind][name](n) for n in range(FRAMES)]
    soft = np.asarray(Image.fromarray(frames[0]).filter(ImageFilter.GaussianBlur(1.5)))
    notes = judged(tmp_path, soft, frames, PUSH)
    assert {note.code for note in notes} <= {"first_frame", "low_motion"}


def test_a_move_that_hardly_moves_is_noted_with_its_value(tmp_path: Path) -> None:
    frames = [grained(lambda n: street(0), 0.5)(n) for n in range(FRAMES)]
    (note,) = judged(tmp_path, frames[0], frames, PUSH)
    assert note.code == "low_motion"
    assert isinstance(note.value, float)
    assert judged(tmp_path, frames[0], frames, HELD) == []


def noise(n: int) -> Frame:
    return np.random.default_rng(n).integers(0, 256, (HIGH, WIDE, 3), dtype=np.uint8)


STREET = [street(n) for n in range(FRAMES)]
WRONG: dict[str, tuple[list[Frame], str]] = {
    "noise after frame 2": ([*STREET[:2], *map(noise, range(FRAMES - 2))], "noise"),
    "noise after frame 12": ([*STREET[:12], *map(noise, range(FRAMES - 12))], "noise"),
    "grey noise throughout": (
        [np.repeat(noise(n)[..., :1], 3, axis=2) for n in range(FRAMES)],
        "noise|another picture",
    ),
    "red and blue swapped": ([frame[..., ::-1] for frame in STREET], "another order"),
    "channels turned": ([np.roll(frame, 1, axis=2) for frame in STREET], "another order"),
    "black": ([np.zeros_like(STREET[0])] * FRAMES, "black"),
    "another picture": ([coloured(1 - smooth(3), (200, 150, 110)), *STREET[1:]], "another picture"),
    "one frame short": (STREET[:-1], "frames 24, asked were 25"),
    "one frame over": ([*STREET, STREET[-1]], "frames 26, asked were 25"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_clip_proven_wrong_is_refused(tmp_path: Path, what: str) -> None:
    frames, says = WRONG[what]
    with pytest.raises(OutputRefused, match=says):
        judged(tmp_path, STREET[0], frames, PUSH)


def test_a_clip_of_one_picture_is_refused_where_its_bytes_are_the_same_and_noted_where_the_encoder_stirred_them(
    tmp_path: Path,
) -> None:
    assert [note.code for note in judged(tmp_path, STREET[0], [STREET[0]] * FRAMES, PUSH)] == ["low_motion"]
    job = LocalJob(tmp_path, MODEL, PUSH, ["clip.mp4"], {"image": tmp_path / "key.png"})
    grey = STREET[0][..., 1]
    grey_clip(job.output("clip.mp4"), lambda n: grey, frames=FRAMES, rate="16", extra=("-qp", "0"))
    Image.fromarray(grey).convert("RGB").save(tmp_path / "key.png")
    with pytest.raises(OutputRefused, match="stands still"):
        check_outputs(job, Outcome(), {"clip.mp4": 10**8})


def test_grey_pictures_prove_no_order_of_channels(tmp_path: Path) -> None:
    grey = [np.repeat(frame[..., :1], 3, axis=2) for frame in STREET]
    assert judged(tmp_path, grey[0], grey, HELD) == []


def test_similarity_and_movement_are_what_they_are_called() -> None:
    one = STREET[0][..., 0]
    assert similarity(one, one) == pytest.approx(1)
    assert similarity(one, 255 - one) < 0.3
    texture = (np.kron(np.random.default_rng(0).random((24, 40)), np.ones((8, 8))) * 255).astype(np.uint8)
    moved = [np.roll(texture, 8 * n, axis=1) for n in range(4)]
    assert movement(moved) == pytest.approx(2, rel=0.25)
    assert movement([texture] * 3) < 0.01
