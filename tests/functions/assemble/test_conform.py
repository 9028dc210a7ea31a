"""Segments: which frames, where on the frame, how they begin and end."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from functions.assemble.engine import Assemble
from functions.contract.base import Rate, Size
from functions.contract.errors import Cancelled, DiskFull, InputError
from functions.contract.params import Conform, Edge, TextBlock
from functions.media.decode import frames_at
from tests.servers.assembly import Workshop
from tests.servers.footage import delivered_clip, grey_clip, lumas_of, moving_clip, planes_of, run, tone, write_sound
from tests.servers.job import LocalJob

CUT = Edge()
RAMP = [20 + 5 * n for n in range(30)]


def params(frames: int, start: int = 0, head: Edge = CUT, tail: Edge = CUT) -> Conform:
    size = Size(width=320, height=180)
    return Conform(size=size, rate=Rate(num=24), frames=frames, start=start, head=head, tail=tail, quality="standard")


def light(luma: float) -> float:
    """What a BT.1886 display makes of a luma code."""
    return float(((luma - 16) / 219) ** 2.4)


def luma(amount: float) -> float:
    return float(16 + 219 * amount ** (1 / 2.4))


def test_takes_exactly_the_frames_asked_for(make: Workshop, tmp_path: Path) -> None:
    made = make(params(11, start=7), {"clip": grey_clip(tmp_path / "c.mkv", RAMP)})
    assert np.allclose(lumas_of(made / "segment.mp4"), RAMP[7:18], atol=1.5)
    assert made.codes == []


def test_holds_the_edge_frames_and_says_how_many(make: Workshop, tmp_path: Path) -> None:
    made = make(params(12, start=-3), {"clip": grey_clip(tmp_path / "c.mkv", [40, 80, 120, 160, 200])})
    assert np.allclose(lumas_of(made / "segment.mp4"), [40] * 4 + [80, 120, 160] + [200] * 5, atol=1.5)
    assert made.note("held_frames") == 7


@pytest.mark.parametrize("rate", [12, 25, 30, 60])
def test_converts_the_frame_rate_to_what_the_clip_shows_then(make: Workshop, tmp_path: Path, rate: int) -> None:
    ramp = [20 + 2 * n for n in range(100)]
    made = make(params(24, start=2), {"clip": grey_clip(tmp_path / "c.mkv", ramp, rate=rate)})
    expected = [ramp[int((n + 2.5) * rate / 24)] for n in range(24)]
    assert np.allclose(lumas_of(made / "segment.mp4"), expected, atol=1.5)


def test_a_still_image_is_held_without_a_note(make: Workshop, tmp_path: Path) -> None:
    Image.new("RGB", (640, 360), (128, 128, 128)).save(tmp_path / "still.png")
    made = make(params(10), {"clip": tmp_path / "still.png"})
    assert np.allclose(lumas_of(made / "segment.mp4"), [16 + 219 * 128 / 255] * 10, atol=1)
    assert made.codes == []


def test_no_clip_is_black(make: Workshop) -> None:
    planes = planes_of(make(params(5)) / "segment.mp4")
    assert len(planes) == 5
    assert all((p[:180] == 16).all() and (p[180:] == 128).all() for p in planes)


def test_another_shape_lies_between_mattes(make: Workshop, tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "c.mkv", [200] * 3, size=(240, 180))
    picture = planes_of(make(params(3), {"clip": clip}) / "segment.mp4")[1][:180]
    assert np.abs(picture[:, 4:34].astype(int) - 23).max() <= 2
    assert np.abs(picture[:, 46:270].astype(int) - 200).max() <= 2


def test_a_shape_within_five_percent_fills_the_frame(make: Workshop, tmp_path: Path) -> None:
    clip = grey_clip(tmp_path / "c.mkv", [200] * 3, size=(416, 240))
    picture = planes_of(make(params(3), {"clip": clip}) / "segment.mp4")[1][:180]
    assert np.abs(picture.astype(int) - 200).max() <= 2


def test_a_scope_picture_has_mattes_above_and_below(make: Workshop, tmp_path: Path) -> None:
    wanted = params(3).model_copy(update={"picture": Size(width=320, height=134)})
    clip = grey_clip(tmp_path / "c.mkv", [200] * 3, size=(320, 134))
    picture = planes_of(make(wanted, {"clip": clip}) / "segment.mp4")[1][:180].astype(int)
    assert np.abs(picture[:20] - 23).max() <= 2
    assert np.abs(picture[-20:] - 23).max() <= 2
    assert np.abs(picture[24:154] - 200).max() <= 2


def test_a_dissolve_adds_light(make: Workshop, tmp_path: Path) -> None:
    head = Edge(via="dissolve", frames=9, previous_start=4)
    clips = {
        "clip": grey_clip(tmp_path / "white.mkv", [235] * 12),
        "previous": grey_clip(tmp_path / "black.mkv", [16] * 20),
    }
    lumas = lumas_of(make(params(12, head=head), clips) / "segment.mp4")
    assert lumas[4] == pytest.approx(luma(0.5), abs=1.5)
    assert [light(v) for v in lumas[:9]] == pytest.approx([(n + 1) / 10 for n in range(9)], abs=0.02)
    assert lumas[9:] == [235] * 3


def test_a_dissolve_takes_the_right_frames_of_both(make: Workshop, tmp_path: Path) -> None:
    head = Edge(via="dissolve", frames=4, previous_start=6)
    before, after = [30 + 4 * n for n in range(10)], [200 - 3 * n for n in range(10)]
    clips = {"clip": grey_clip(tmp_path / "a.mkv", after), "previous": grey_clip(tmp_path / "b.mkv", before)}
    lumas = lumas_of(make(params(6, start=2, head=head), clips) / "segment.mp4")
    expected = [luma(light(before[6 + n]) * (1 - (n + 1) / 5) + light(after[2 + n]) * (n + 1) / 5) for n in range(4)]
    assert lumas[:4] == pytest.approx(expected, abs=1.5)


def test_fades_are_linear_in_light_and_end_exactly_black(make: Workshop, tmp_path: Path) -> None:
    wanted = params(24, head=Edge(via="fade", frames=8), tail=Edge(via="fade", frames=6))
    planes = planes_of(make(wanted, {"clip": moving_clip(tmp_path / "c.mp4", 2)}) / "segment.mp4")
    for end in (planes[0], planes[-1]):
        assert (end[:180] == 16).all()
        assert (end[180:] == 128).all()
    grey = grey_clip(tmp_path / "g.mkv", [180] * 24)
    lumas = lumas_of(make(wanted, {"clip": grey}) / "segment.mp4")
    assert [light(v) / light(180) for v in lumas[:9]] == pytest.approx([n / 8 for n in range(9)], abs=0.03)
    assert [light(v) / light(180) for v in lumas[-6:]] == pytest.approx([n / 6 for n in (5, 4, 3, 2, 1, 0)], abs=0.03)


def test_a_dip_to_white_is_white_at_the_cut(make: Workshop, tmp_path: Path) -> None:
    wanted = params(12, tail=Edge(via="fade", frames=6, colour="white"))
    lumas = lumas_of(make(wanted, {"clip": grey_clip(tmp_path / "c.mkv", [60] * 12)}) / "segment.mp4")
    assert lumas[-1] == 235
    assert light(lumas[8]) == pytest.approx(light(60) * 0.5 + 0.5, abs=0.02)


def test_words_fade_with_the_picture(make: Workshop) -> None:
    words = TextBlock(role="title", lines=("THE END",), start=0, frames=12, at="centre")
    wanted = params(12, tail=Edge(via="fade", frames=4)).model_copy(update={"texts": (words,)})
    planes = planes_of(make(wanted) / "segment.mp4")
    assert planes[4][:180].max() > 200
    assert planes[-1][:180].max() == 16


def test_words_are_not_drawn_twice_on_a_held_frame(make: Workshop, tmp_path: Path) -> None:
    block = TextBlock(role="slate", lines=("1A   WS",), start=0, frames=4, fade=0)
    wanted = params(8).model_copy(update={"texts": (block,)})
    planes = planes_of(make(wanted, {"clip": grey_clip(tmp_path / "c.mkv", [60])}) / "segment.mp4")
    assert planes[3][:180].max() > 90
    assert np.abs(planes[0].astype(int) - planes[3]).max() < 25
    assert planes[6][:180].max() < 70


def test_letters_that_the_typeface_lacks_are_named(make: Workshop) -> None:
    block = TextBlock(role="caption", lines=("Да, 灯台",), start=0, frames=2)
    made = make(params(2).model_copy(update={"texts": (block,)}))
    assert [n.value for n in made.outcome.notes] == ["灯台"]


def test_all_segments_of_a_film_share_their_header(make: Workshop, tmp_path: Path) -> None:
    clip = moving_clip(tmp_path / "c.mp4", 1)
    other = moving_clip(tmp_path / "d.mp4", 1, size="200x300", rate="30")
    wanted = [params(1), params(40)]
    made = [make(p, {"clip": c}) for p in wanted for c in (clip, other)] + [make(params(3))]
    headers = set()
    for segment in made:
        with av.open(str(segment / "segment.mp4")) as container:
            headers.add(bytes(container.streams.video[0].codec_context.extradata or b""))
    assert len(headers) == 1


def test_a_segment_is_tagged_and_of_constant_rate(make: Workshop, tmp_path: Path) -> None:
    made = make(params(30), {"clip": moving_clip(tmp_path / "c.mp4", 2)})
    log = run("-i", str(made / "segment.mp4"), "-f", "null", "-")
    assert "yuv420p(tv, bt709" in log
    with av.open(str(made / "segment.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 24
        assert (stream.frames, len(container.streams)) == (30, 1)
        steps = np.diff(sorted(p.pts for p in container.demux(stream) if p.pts is not None))
    assert set(steps.tolist()) == {1000}


def test_the_same_job_gives_the_same_bytes(make: Workshop, tmp_path: Path) -> None:
    block = TextBlock(role="caption", lines=("Twice the same.",), start=0, frames=10)
    wanted = params(20, head=Edge(via="fade", frames=5)).model_copy(update={"texts": (block,)})
    clips = {"clip": moving_clip(tmp_path / "c.mp4", 1)}
    assert len({(make(wanted, clips) / "segment.mp4").read_bytes() for _ in range(24)}) == 1


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


def test_a_clip_encoded_as_the_film_is_gets_copied_up_to_its_handle(make: Workshop, tmp_path: Path) -> None:
    clip = delivered_clip(tmp_path / "c.mp4", 150)
    segment = make(params(144).model_copy(update={"quality": "draft"}), {"clip": clip}) / "segment.mp4"
    assert packets_of(segment) == packets_of(clip)[:144]
    assert all(np.array_equal(a, b) for a, b in zip(planes_of(segment), planes_of(clip)[:144], strict=True))


def test_words_and_fades_leave_the_other_groups_as_they_are(make: Workshop, tmp_path: Path) -> None:
    clip = delivered_clip(tmp_path / "c.mp4", 150)
    slate = TextBlock(role="slate", lines=("1A   WS",), start=0, frames=30, fade=6)
    wanted = params(150, start=-6, tail=Edge(via="fade", frames=10)).model_copy(
        update={"texts": (slate,), "quality": "draft"}
    )
    segment = make(wanted, {"clip": clip}) / "segment.mp4"
    copied, whole = set(packets_of(segment)), packets_of(clip)
    assert [whole[g : g + 18] == [p for p in whole[g : g + 18] if p in copied] for g in range(0, 144, 18)] == [
        *[False] * 2,
        *[True] * 5,
        False,
    ]
    shown, source = planes_of(segment), planes_of(clip)
    assert len(shown) == 150
    assert [n for n in range(42, 132) if not np.array_equal(shown[n], source[n - 6])] == []
    assert all(np.abs(shown[n][:120].astype(int) - source[n - 6][:120]).mean() < 3 for n in range(6, 140))
    assert shown[149][:180].max() == 16


@pytest.mark.parametrize("odd", ["quality", "size", "rate"])
def test_another_encoding_is_not_copied(make: Workshop, tmp_path: Path, odd: str) -> None:
    clip = delivered_clip(tmp_path / "c.mp4", 60, size=(336, 192) if odd == "size" else (320, 180), quality="final")
    wanted = params(30).model_copy(update={"quality": "draft" if odd == "quality" else "final"})
    if odd == "rate":
        wanted = wanted.model_copy(update={"rate": Rate(num=25)})
    segment = make(wanted, {"clip": clip}) / "segment.mp4"
    assert packets_of(segment)[:18] != packets_of(clip)[:18]


def test_a_clip_that_lies_on_its_side_is_not_copied(make: Workshop, tmp_path: Path) -> None:
    clip, turned = delivered_clip(tmp_path / "c.mp4", 40), tmp_path / "turned.mp4"
    run("-display_rotation", "180", "-i", str(clip), "-c", "copy", str(turned))
    wanted = params(30).model_copy(update={"quality": "draft"})
    upright = planes_of(make(wanted, {"clip": clip}) / "segment.mp4")[5]
    set_upright = planes_of(make(wanted, {"clip": turned}) / "segment.mp4")[5]
    assert np.abs(set_upright[:180].astype(int) - upright[:180][::-1, ::-1]).mean() < 4


@pytest.mark.parametrize("start", [1, 23, 24, 25, 47, 60, 95, 99, 130])
def test_a_late_start_shows_the_same_frames(make: Workshop, tmp_path: Path, start: int) -> None:
    clip = tmp_path / "c.mp4"
    run("-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=5", "-pix_fmt", "yuv420p", "-g", "30", str(clip))
    found = [shown.frame.to_ndarray() for shown in frames_at(clip, Rate(num=24), start, 4)]
    every = planes_of(clip)
    wanted = [every[min(n, 119)] for n in range(start, start + 4)]
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("content", [b"<!doctype html><html><body>404</body></html>" * 40, b"", b"\x00" * 5000])
def test_what_is_no_clip_is_refused(make: Workshop, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(InputError, match="the clip"):
        make(params(3), {"clip": tmp_path / "bad.mp4"})


def test_a_clip_cut_off_before_its_index_is_refused(make: Workshop, tmp_path: Path) -> None:
    whole = moving_clip(tmp_path / "c.mp4", 1).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be decoded"):
        make(params(3), {"clip": tmp_path / "cut.mp4"})


def test_sound_alone_is_refused(make: Workshop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no picture"):
        make(params(3), {"clip": write_sound(tmp_path / "s.wav", tone(0.5))})


def test_a_full_disk_is_said(make: Workshop, tmp_path: Path) -> None:
    job = make.job(params(30), {"clip": moving_clip(tmp_path / "c.mp4", 2)})
    (job.outputs / "segment.mp4").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="no space left"):
        Assemble(job.manifest).run(job)


class CancelledJob(LocalJob):
    """Ends at its fifth frame."""

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        if done == 5:
            raise Cancelled("the job was asked to stop")


def test_a_cancel_ends_it_at_the_next_frame(make: Workshop, tmp_path: Path) -> None:
    job = make.job(params(30))
    stopped = CancelledJob(tmp_path / "stopped", job.manifest, job.params, ["segment.mp4"])
    with pytest.raises(Cancelled):
        Assemble(job.manifest).run(stopped)


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_a_clip_on_its_side_is_set_upright(make: Workshop, tmp_path: Path, degrees: int) -> None:
    flat = moving_clip(tmp_path / "flat.mp4", 0.5)
    run("-display_rotation", str(degrees), "-i", str(flat), "-c", "copy", str(tmp_path / "turned.mp4"))
    run("-i", str(tmp_path / "turned.mp4"), "-c:v", "ffv1", str(tmp_path / "upright.mkv"))
    size = Size(width=320, height=180) if degrees == 180 else Size(width=180, height=320)
    made = make(params(4).model_copy(update={"size": size}), {"clip": tmp_path / "turned.mp4"})
    expected, found = planes_of(tmp_path / "upright.mkv")[2], planes_of(made / "segment.mp4")[2]
    assert np.abs(expected[: size.height].astype(int) - found[: size.height]).mean() < 6
