"""The joined film: every frame of every segment, sound in step, captions, chapters, poster."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from functions.assemble.engine import Assemble
from functions.contract.base import Rate, Size
from functions.contract.errors import DiskFull, InputError
from functions.contract.params import Assemble as Film
from functions.contract.params import Chapter, Conform, Cue, Mix, Placement
from tests.servers.assembly import Made, Workshop
from tests.servers.footage import moving_clip, planes_of, run, write_sound

SIZE = Size(width=320, height=180)
CINEMA = Rate(num=24)
LENGTHS = (30, 1, 2, 49)
CUES = (
    Cue(start=24, end=48, lines=("Fish & <chips>", "at -->  six"), speaker="Ivo & Co", italic=True),
    Cue(start=60, end=70, lines=("[ship's horn, far away]",), top=True),
)


def segments(make: Workshop, folder: Path, rate: Rate = CINEMA) -> dict[str, Path]:
    clip = moving_clip(folder / "clip.mp4", 4)
    return {
        f"seg{n:04d}": make(Conform(size=SIZE, rate=rate, frames=length, start=3 * n), {"clip": clip}) / "segment.mp4"
        for n, length in enumerate(LENGTHS)
    }


def mixed(make: Workshop, folder: Path, frames: int, rate: Rate = CINEMA, click: int = 0) -> Path:
    """A mix of the film's length with one click at a sample."""
    sound = np.zeros(2000)
    sound[:200] = 0.9 * np.sin(np.arange(200) * 0.8)
    write_sound(folder / "click.wav", sound)
    placements = (Placement(input="click", stem="fx", at=click, length=2000, level=-60),)
    made = make(Mix(samples=rate.samples(frames), placements=placements), {"click": folder / "click.wav"})
    return made / "mix.m4a"


def film(rate: Rate = CINEMA, **changes: object) -> Film:
    names = tuple(f"seg{n:04d}" for n in range(len(LENGTHS)))
    base = Film(size=SIZE, rate=rate, segments=names, frames=sum(LENGTHS), cues=CUES, title="A; B = C #1", poster=31)
    return base.model_copy(update=changes)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Segments and a mix."""
    folder = tmp_path_factory.mktemp("parts")
    make = Workshop(folder)
    return {**segments(make, folder), "mix.m4a": mixed(make, folder, sum(LENGTHS), click=48_000)}


@pytest.fixture(scope="module")
def made(parts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The film of `parts`."""
    chapters = (Chapter(start=0, title="One = 1"), Chapter(start=30, title="Two"))
    return Workshop(tmp_path_factory.mktemp("film"))(film(chapters=chapters), parts)


def test_every_frame_is_the_segments_own(made: Made, parts: dict[str, Path]) -> None:
    apart = [plane for name, path in parts.items() if name.startswith("seg") for plane in planes_of(path)]
    joined = planes_of(made / "film.mp4")
    assert len(joined) == sum(LENGTHS) == len(apart)
    assert all(np.array_equal(one, other) for one, other in zip(joined, apart, strict=True))


def test_frames_are_evenly_spaced_and_decode_times_rise(made: Made) -> None:
    with av.open(str(made / "film.mp4")) as container:
        video = container.streams.video[0]
        packets = [p for p in container.demux(video) if p.size]
        stamps = sorted(p.pts for p in packets if p.pts is not None)
        decode = [p.dts for p in packets if p.dts is not None]
        assert stamps == [n * 1000 for n in range(sum(LENGTHS))]
        assert (np.diff(decode) == 1000).all()
        assert (video.frames, video.duration, video.time_base) == (82, 82_000, Fraction(1, 24_000))
        assert video.average_rate == 24


@pytest.mark.parametrize("rate", [Rate(num=24), Rate(num=25), Rate(num=30_000, den=1001)])
def test_sound_is_in_step_with_the_picture(make: Workshop, tmp_path: Path, rate: Rate) -> None:
    at = rate.samples(37)
    inputs = {**segments(make, tmp_path, rate), "mix.m4a": mixed(make, tmp_path, sum(LENGTHS), rate, click=at)}
    made = make(film(rate), inputs)
    with av.open(str(made / "film.mp4")) as container:
        frames = list(container.decode(audio=0))
        first = frames[0].time or 0.0
        sound = np.concatenate([f.to_ndarray() for f in frames], axis=1)[0]
        assert abs(sound.shape[0] / 48_000 - rate.seconds(sum(LENGTHS))) < rate.seconds(1)
    with av.open(str(made / "film.mp4")) as container:
        shown = [f.time or 0.0 for f in container.decode(video=0)]
    onset = int(np.flatnonzero(np.abs(sound) > 0.2 * np.abs(sound).max())[0])
    assert shown[0] == 0
    assert abs(first + onset / 48_000 - shown[37]) < 0.005


def test_the_film_says_what_it_is(made: Made) -> None:
    with av.open(str(made / "film.mp4")) as container:
        assert container.metadata["title"] == "A; B = C #1"
        assert "creation_time" not in container.metadata
        assert "encoder" not in container.metadata
        assert [c["metadata"]["title"] for c in container.chapters()] == ["One = 1", "Two"]
        assert [c["start"] * (c["time_base"] or 0) for c in container.chapters()] == [0, Fraction(5, 4)]
        assert [s.type for s in container.streams][:3] == ["video", "audio", "subtitle"]
        assert container.streams.audio[0].language == "eng"
    data = (made / "film.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_soft_captions_carry_the_words(made: Made, tmp_path: Path) -> None:
    run("-i", str(made / "film.mp4"), "-map", "0:s:0", str(tmp_path / "out.srt"))
    text = (tmp_path / "out.srt").read_text()
    assert "00:00:01,000 --> 00:00:02,000" in text
    assert "<i>Fish & <chips>" in text
    assert "[ship's horn, far away]" in text


def test_captions_lie_beside_the_film(made: Made) -> None:
    assert (made / "captions.srt").read_text() == (
        "1\n00:00:01,000 --> 00:00:02,000\n<i>Fish & <chips>\nat -->  six</i>\n\n"
        "2\n00:00:02,500 --> 00:00:02,917\n{\\an8}[ship's horn, far away]\n\n"
    )
    assert (made / "captions.vtt").read_text() == (
        "WEBVTT\n\n"
        "1\n00:00:01.000 --> 00:00:02.000\n<v Ivo &amp; Co><i>Fish &amp; &lt;chips&gt;\nat --&gt;  six</i></v>\n\n"
        "2\n00:00:02.500 --> 00:00:02.917 line:10%\n[ship's horn, far away]\n\n"
    )


def test_no_cues_no_caption_track(make: Workshop, parts: dict[str, Path]) -> None:
    for changes in ({"cues": ()}, {"soft_captions": False}):
        with av.open(str(make(film(**changes), parts) / "film.mp4")) as container:
            assert not container.streams.subtitles


def test_the_poster_is_its_frame(made: Made) -> None:
    with av.open(str(made / "film.mp4")) as container:
        frame = list(container.decode(video=0))[31].to_ndarray(format="rgb24")
    poster = np.asarray(Image.open(made / "poster.png"))
    assert poster.shape == (180, 320, 3)
    assert np.abs(poster.astype(int) - frame.astype(int)).mean() < 3


def test_the_same_parts_give_the_same_bytes(make: Workshop, parts: dict[str, Path]) -> None:
    one, other = make(film(), parts), make(film(), parts)
    for name in ("film.mp4", "captions.srt", "captions.vtt", "poster.png"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_a_segment_made_otherwise_is_named(make: Workshop, parts: dict[str, Path]) -> None:
    other = Conform(size=SIZE, rate=Rate(num=24), frames=2, quality="final")
    with pytest.raises(InputError, match="segment seg0002 is encoded with other settings"):
        make(film(), {**parts, "seg0002": make(other) / "segment.mp4"})
    small = Conform(size=Size(width=160, height=90), rate=Rate(num=24), frames=2)
    with pytest.raises(InputError, match="segment seg0002 is h264 of 160x90, not h264 of 320x180"):
        make(film(), {**parts, "seg0002": make(small) / "segment.mp4"})


def test_a_segment_of_another_rate_is_named(make: Workshop, parts: dict[str, Path]) -> None:
    other = make(Conform(size=SIZE, rate=Rate(num=25), frames=2)) / "segment.mp4"
    with pytest.raises(InputError, match="segment seg0002 is"):
        make(film(), {**parts, "seg0002": other})


def test_a_wrong_length_is_refused(make: Workshop, parts: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="hold 82 frames, 83 were planned"):
        make(film(frames=83), parts)


def test_a_missing_part_is_named(make: Workshop, parts: dict[str, Path]) -> None:
    for name in ("seg0001", "mix.m4a"):
        with pytest.raises(InputError, match=f"input {name} is missing"):
            make(film(), {n: p for n, p in parts.items() if n != name})


@pytest.mark.parametrize("content", [b"<html>not found</html>" * 50, b""])
def test_a_broken_segment_is_named(make: Workshop, parts: dict[str, Path], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(InputError, match="segment seg0003 cannot be decoded"):
        make(film(), {**parts, "seg0003": tmp_path / "bad.mp4"})


def test_a_full_disk_is_said(make: Workshop, parts: dict[str, Path]) -> None:
    job = make.job(film(), parts)
    (job.scratch / "picture.mp4").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="no space left"):
        Assemble(job.manifest).run(job)
