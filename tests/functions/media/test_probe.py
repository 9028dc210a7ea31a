"""What is measured on real files."""

from pathlib import Path

import numpy as np
import pytest

from functions.contract.errors import InputError
from functions.media.probe import BT709, image_luma, measure, video_luma
from tests.servers.media import SIZE, clip, ffmpeg, image, scene, tone


def test_picture(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        facts = measure(image(tmp_path / name, scene())).facts
        assert (facts.type, facts.width, facts.height) == ("image", *SIZE)


@pytest.mark.parametrize(("rate", "pair"), [("24", (24, 1)), ("24000/1001", (24000, 1001)), ("16", (16, 1))])
def test_video(tmp_path: Path, rate: str, pair: tuple[int, int]) -> None:
    found = measure(clip(tmp_path / "a.mp4", lambda n: scene(n * 4), frames=31, rate=rate))
    facts, picture = found.facts, found.picture
    assert (facts.type, facts.width, facts.height, facts.frames) == ("video", *SIZE, 31)
    assert (facts.rate_num, facts.rate_den) == pair
    assert facts.audio is False
    assert picture is not None
    assert (picture.pixels, picture.colour, picture.constant_rate) == ("yuv420p", BT709, True)


def test_video_of_one_frame(tmp_path: Path) -> None:
    facts = measure(clip(tmp_path / "a.mp4", lambda n: scene(), frames=1)).facts
    assert (facts.frames, facts.rate_num, facts.rate_den) == (1, 24, 1)


def test_video_with_sound(tmp_path: Path) -> None:
    sound = tone(tmp_path / "a.wav", 24_000, channels=2)
    facts = measure(clip(tmp_path / "a.mp4", scene, extra=("-i", sound, "-c:a", "aac"))).facts
    assert (facts.audio, facts.channels, facts.sample_rate) == (True, 2, 48_000)
    assert facts.samples == 24_000


def test_video_of_uneven_rate(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", scene)
    ffmpeg(
        "-i", tmp_path / "a.mp4", "-vf", "setpts=PTS+if(gt(N\\,5)\\,0.5/TB\\,0)", "-fps_mode", "vfr", tmp_path / "b.mp4"
    )
    picture = measure(tmp_path / "b.mp4").picture
    assert picture is not None
    assert not picture.constant_rate


def test_tags_and_pixels_are_told(tmp_path: Path) -> None:
    picture = measure(clip(tmp_path / "a.mp4", scene, pixels="yuv444p", tags=False)).picture
    assert picture is not None
    assert picture.pixels == "yuv444p"
    assert picture.colour != BT709


@pytest.mark.parametrize(("rate", "wanted"), [(48_000, 12_345), (24_000, 24_690)])
def test_sound(tmp_path: Path, rate: int, wanted: int) -> None:
    found = measure(tone(tmp_path / "a.wav", 12_345, rate=rate))
    assert (found.facts.samples, found.facts.channels, found.facts.sample_rate) == (wanted, 1, rate)
    assert found.level is not None
    assert found.level.finite
    assert found.level.peak == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le"])
def test_sound_of_every_depth(tmp_path: Path, codec: str) -> None:
    tone(tmp_path / "a.wav", 9_600)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", codec, tmp_path / "b.wav")
    found = measure(tmp_path / "b.wav")
    assert found.facts.samples == 9_600
    assert found.level is not None
    assert found.level.peak == pytest.approx(0.5, abs=0.02)


def test_coded_sound_has_the_length_of_its_source(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", 50_000, channels=2)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "aac", tmp_path / "a.m4a")
    facts = measure(tmp_path / "a.m4a").facts
    assert (facts.samples, facts.channels) == (50_000, 2)


def test_sound_that_is_not_a_number(tmp_path: Path) -> None:
    values = np.full(4_800, np.nan, dtype="<f4")
    ffmpeg(
        "-f",
        "f32le",
        "-ar",
        "48000",
        "-ac",
        "1",
        "-i",
        "-",
        "-c:a",
        "pcm_f32le",
        tmp_path / "a.wav",
        stdin=values.tobytes(),
    )
    level = measure(tmp_path / "a.wav").level
    assert level is not None
    assert not level.finite


def test_other_files_are_data(tmp_path: Path) -> None:
    (tmp_path / "layers.bin").write_bytes(b"anything")
    assert measure(tmp_path / "layers.bin").facts.type == "data"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.mp4", "a.wav", "a.m4a"])
@pytest.mark.parametrize("content", [b"", b"<html><body>no</body></html>", bytes(5000)])
def test_what_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        measure(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.mp4"])
def test_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    whole = clip(tmp_path / name, lambda n: scene(n * 9)) if name == "a.mp4" else image(tmp_path / name, scene())
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(InputError):
        measure(whole)


def test_sound_under_a_video_name_is_refused(tmp_path: Path) -> None:
    ffmpeg("-i", tone(tmp_path / "a.wav", 9_600), "-c:a", "aac", tmp_path / "a.mp4")
    with pytest.raises(InputError, match="no pictures"):
        measure(tmp_path / "a.mp4")


def test_luma_of_pictures_and_frames_agree(tmp_path: Path) -> None:
    still = image_luma(image(tmp_path / "a.png", scene()))
    frames = list(video_luma(clip(tmp_path / "a.mp4", lambda n: scene(), frames=3)))
    assert len(frames) == 3
    assert frames[0].shape == still.shape
    assert np.corrcoef(frames[0].ravel(), still.ravel())[0, 1] > 0.99
    assert image_luma(tmp_path / "a.png", (90, 90)).shape == (90, 90)
