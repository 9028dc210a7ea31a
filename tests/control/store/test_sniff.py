"""What a file is by its own bytes, tried on real files of every kind that is taken."""

import contextlib
import struct
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from control.errors import Invalid, StudioError, UnsupportedMedia
from control.store.sniff import sniff

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PICTURES: dict[str, dict[str, Any]] = {
    "png": {},
    "jpg": {"quality": 80},
    "webp": {"quality": 80},
    "webp-lossless": {"lossless": True},
}
SOUNDS = {"wav": "wav", "flac": "flac", "mp3": "mp3", "ogg": "ogg", "m4a": "m4a"}


def picture(folder: Path, kind: str) -> Path:
    suffix = kind.split("-", maxsplit=1)[0]
    path = folder / f"{kind}.{suffix}"
    Image.effect_noise((62, 40), 50).convert("RGB").save(path, **PICTURES[kind])
    return path


def media(folder: Path, name: str, *options: str) -> Path:
    path = folder / name
    argv = [FFMPEG, "-v", "error", "-y", *options, str(path)]
    subprocess.run(argv, check=True)
    return path


def clip(folder: Path, name: str = "clip.mp4", *, sound: bool = True, flags: str = "") -> Path:
    inputs = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=24:duration=1"]
    if sound:
        inputs += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1", "-c:a", "aac"]
    return media(folder, name, *inputs, *(["-movflags", flags] if flags else []))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_pictures(folder: Path, kind: str) -> None:
    found = sniff(picture(folder, kind))
    suffix = kind.split("-", maxsplit=1)[0]
    assert (found.suffix, found.media.type) == (suffix, "image")
    assert (found.media.width, found.media.height) == (62, 40)
    assert found.content_type.startswith("image/")


def test_an_extended_webp(folder: Path) -> None:
    path = folder / "alpha.webp"
    Image.new("RGBA", (30, 20), (1, 2, 3, 100)).save(path, lossless=False)
    assert (sniff(path).media.width, sniff(path).media.height) == (30, 20)


@pytest.mark.parametrize("suffix", sorted(SOUNDS))
def test_sounds(folder: Path, suffix: str) -> None:
    options = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=2", "-ac", "2"]
    found = sniff(media(folder, f"tone.{suffix}", *options))
    assert (found.suffix, found.media.type) == (suffix, "audio")
    if suffix in ("wav", "flac"):
        assert (found.media.samples, found.media.sample_rate, found.media.channels) == (96_000, 44_100, 2)
    if suffix == "m4a":
        assert found.media.samples == pytest.approx(96_000, abs=4_000)


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
@pytest.mark.parametrize("flags", ["", "+faststart", "+frag_keyframe"])
def test_clips(folder: Path, name: str, sound: bool, flags: str) -> None:
    found = sniff(clip(folder, name, sound=sound, flags=flags))
    assert (found.suffix, found.media.type, found.media.audio) == (name[-3:], "video", sound)
    assert (found.media.width, found.media.height) == (64, 48)


def test_webm(folder: Path) -> None:
    options = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=24:duration=0.2", "-c:v", "libvpx"]
    assert sniff(media(folder, "clip.webm", *options)).suffix == "webm"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n\n  <HTML><body>", "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"", "is empty"),
        (b"PK\x03\x04 a zip", "not a kind of file"),
        (b"GIF89a", "not a kind of file"),
        (b"%PDF-1.7", "not a kind of file"),
        (b"\x7fELF", "not a kind of file"),
        (b"hello", "not a kind of file"),
    ],
)
def test_what_is_not_taken_says_what_it_looks_like(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "portrait.png"
    path.write_bytes(data)
    with pytest.raises(UnsupportedMedia, match=said) as caught:
        sniff(path)
    assert str(caught.value).startswith("portrait.png ")
    assert "PNG, JPEG and WebP" in str(caught.value)


@pytest.mark.parametrize("kind", sorted(PICTURES))
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_picture_cut_short_is_refused(folder: Path, tmp_path: Path, kind: str, part: float) -> None:
    data = picture(folder, kind).read_bytes()
    path = tmp_path / f"cut.{kind[:4]}"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(Invalid, match="cut short"):
        sniff(path)


@pytest.mark.parametrize("flags", ["", "+faststart"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_clip_cut_short_is_refused(folder: Path, tmp_path: Path, flags: str, part: float) -> None:
    data = clip(folder, flags=flags).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(Invalid, match="cut short"):
        sniff(path)


def test_a_wave_file_cut_short_or_empty_is_refused(folder: Path, tmp_path: Path) -> None:
    data = media(folder, "w.wav", "-f", "lavfi", "-i", "sine=duration=1").read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(data[:-100])
    with pytest.raises(Invalid, match="cut short"):
        sniff(path)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, 48000, 96000, 2, 16, b"data", 0)
    path.write_bytes(head)
    with pytest.raises(Invalid, match="holds no sound"):
        sniff(path)


def test_a_picture_that_is_too_large_is_refused(folder: Path, tmp_path: Path) -> None:
    data = bytearray(picture(folder, "png").read_bytes())
    data[16:20] = struct.pack(">I", 100_000)
    path = tmp_path / "bomb.png"
    path.write_bytes(data)
    with pytest.raises(Invalid, match="100000x40 pixels"):
        sniff(path)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(data=st.data())
def test_damaged_files_are_read_or_refused_and_never_stumble(folder: Path, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from([*PICTURES, "clip"]))
    path = folder / f"whole-{source}"
    if not path.exists():
        path.write_bytes((clip(folder) if source == "clip" else picture(folder, source)).read_bytes())
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    target = folder / "damaged"
    target.write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    with contextlib.suppress(StudioError):
        assert sniff(target).suffix
