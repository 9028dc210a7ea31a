"""Clips written beside what makes them: sound bit for bit, the same bytes on any number of cores, no frame lost."""

import queue
import threading
from collections.abc import Generator
from pathlib import Path

import av
import numpy as np
import pytest

from functions.contract.errors import EngineError, InputError, OutputRefused
from functions.media.ahead import Ahead
from functions.media.encode import Quality
from functions.media.encoders import Encoder, choose, nvenc_works
from functions.media.frames import Frames
from functions.media.sound_track import check_carried, heard
from functions.media.source import Clip, describe
from functions.media.writer import ClipWriter, workers
from tests.servers import footage

DRAFT, STANDARD = Encoder("libx264", "draft"), Encoder("libx264", "standard")


def rewritten(clip: Clip, path: Path, encoder: Encoder = DRAFT, lanes: int = 0, skip: int = 0) -> Clip:
    with ClipWriter(path, clip.size, clip.rate, clip.frames, encoder, clip, lanes=lanes) as out:
        for picture in list(Frames(clip))[skip:]:
            out.write(picture)
    return describe(path)


@pytest.mark.parametrize("quality", ["draft", "standard", "final"])
def test_every_frame_is_written_in_order(tmp_path: Path, quality: Quality) -> None:
    lumas = [16 + 3 * n for n in range(61)]
    clip = describe(footage.grey_clip(tmp_path / "in.mkv", lumas, (64, 48)))
    made = rewritten(clip, tmp_path / "out.mp4", Encoder("libx264", quality))
    assert [round(float(np.median(p[:48]))) for p in Frames(made)] == lumas
    assert (made.rate, made.frames, made.notes) == (clip.rate, 61, ())


def test_the_same_pictures_make_the_same_bytes(tmp_path: Path) -> None:
    clip = describe(footage.sounding_clip(tmp_path / "in.mp4", 1, "96x64", "24"))
    pictures, made = list(Frames(clip)), set()
    for _ in range(40):
        with ClipWriter(tmp_path / "out.mp4", clip.size, clip.rate, clip.frames, STANDARD, clip, lanes=2) as out:
            for picture in pictures:
                out.write(picture)
        made.add((tmp_path / "out.mp4").read_bytes())
    assert len(made) == 1


def test_sound_is_carried_bit_for_bit(tmp_path: Path) -> None:
    clip = describe(footage.sounding_clip(tmp_path / "in.mp4", 3))
    made = rewritten(clip, tmp_path / "out.mp4")
    assert list(heard(made)) == list(heard(clip))
    assert np.array_equal(footage.sound_of(tmp_path / "in.mp4"), footage.sound_of(tmp_path / "out.mp4"))
    check_carried(clip, made)


@pytest.mark.parametrize("codec", ["libopus", "libmp3lame", "flac", "ac3"])
def test_sound_of_other_codecs_and_two_tracks(tmp_path: Path, codec: str) -> None:
    base = footage.sounding_clip(tmp_path / "base.mp4", 2)
    tracks = ("-map", "0:v", "-map", "0:a", "-map", "0:a", "-c:v", "copy", "-c:a", codec, "-strict", "-2")
    footage.run("-i", str(base), *tracks, str(tmp_path / "in.mkv"))
    clip = describe(tmp_path / "in.mkv")
    check_carried(clip, rewritten(clip, tmp_path / "out.mp4"))


def test_seven_channels_and_a_late_start_are_kept(tmp_path: Path) -> None:
    base = footage.sounding_clip(tmp_path / "base.mp4", 2)
    wide = ("-c:v", "copy", "-c:a", "aac", "-ac", "8", "-output_ts_offset", "1.4")
    footage.run("-i", str(base), *wide, str(tmp_path / "in.mkv"))
    clip = describe(tmp_path / "in.mkv")
    assert clip.first > 1
    check_carried(clip, rewritten(clip, tmp_path / "out.mp4"))


def test_sound_that_mp4_cannot_hold_is_refused_in_words(tmp_path: Path) -> None:
    base = footage.sounding_clip(tmp_path / "base.mp4", 1)
    footage.run("-i", str(base), "-c:v", "copy", "-c:a", "wmav2", str(tmp_path / "in.mkv"))
    with pytest.raises(InputError, match="wmav2"):
        rewritten(describe(tmp_path / "in.mkv"), tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (("-an",), "lost"),
        (("-af", "volume=0.9", "-c:a", "aac"), "not the clip's own"),
        (("-itsoffset", "0.1"), "off"),
    ],
)
def test_lost_late_or_quieter_sound_is_refused(tmp_path: Path, fault: tuple[str, ...], says: str) -> None:
    source, wrong = footage.sounding_clip(tmp_path / "in.mp4", 2), tmp_path / "wrong.mkv"
    if "-itsoffset" in fault:
        footage.run(
            "-i", str(source), *fault, "-i", str(source), "-map", "0:v", "-map", "1:a", "-c", "copy", str(wrong)
        )
    else:
        footage.run("-i", str(source), "-c", "copy", *fault, str(wrong))
    with pytest.raises(OutputRefused, match=says):
        check_carried(describe(source), describe(wrong))


def test_bytes_do_not_depend_on_how_many_groups_are_encoded_at_once(tmp_path: Path) -> None:
    clip = describe(footage.sounding_clip(tmp_path / "in.mp4", 5))
    for lanes in (1, 5):
        rewritten(clip, tmp_path / f"{lanes}.mp4", lanes=lanes)
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "5.mp4").read_bytes()
    assert workers(clip.size, 18) >= 1


def test_too_few_frames_are_a_fault(tmp_path: Path) -> None:
    clip = describe(footage.sounding_clip(tmp_path / "in.mp4", 1))
    with pytest.raises(EngineError, match="23 frames"):
        rewritten(clip, tmp_path / "out.mp4", skip=1)


def test_handle_begins_a_group(tmp_path: Path) -> None:
    clip = describe(footage.sounding_clip(tmp_path / "in.mp4", 2))
    rewritten(clip, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    heads = [(p.pts or 0) * p.time_base * 24 for p in packets if p.is_keyframe]
    assert heads == [0, 18, 36, 42]


def test_encoder_is_named_and_proven() -> None:
    found = choose("standard", gpu=nvenc_works())
    assert found.summary.startswith("h264_nvenc" if nvenc_works() else "libx264 veryfast crf 18")
    assert choose("draft", gpu=False).codec == "libx264"


def test_reader_is_at_most_so_far_ahead() -> None:
    made: queue.SimpleQueue[int] = queue.SimpleQueue()

    def source() -> Generator[int, None, None]:
        for number in range(100):
            made.put(number)
            yield number

    with Ahead(source(), 3) as items:
        first = next(items)
        threading.Event().wait(0.3)
        assert (first, made.qsize()) == (0, 5)
        assert list(items) == list(range(1, 100))


def test_fault_of_the_reader_comes_where_its_item_would() -> None:
    def source() -> Generator[int, None, None]:
        yield 1
        raise InputError("broken there")

    with Ahead(source(), 3) as items:
        assert next(items) == 1
        with pytest.raises(InputError, match="broken there"):
            next(items)


def test_job_that_is_over_waits_for_no_reader_that_hangs() -> None:
    over = threading.Event()

    def source() -> Generator[int, None, None]:
        over.wait(20)
        yield 1

    def check() -> None:
        raise EngineError("the job is over")

    threading.Timer(1.0, over.set).start()
    with Ahead(source(), 1, check) as items, pytest.raises(EngineError, match="over"):
        next(items)
