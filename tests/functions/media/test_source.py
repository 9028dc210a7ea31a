"""Clips as they come: every odd one is read as it should be, or refused in words."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from functions.contract.base import Rate, Size
from functions.contract.errors import InputError
from functions.media.frames import Frames, Packed
from functions.media.source import Clip, describe
from tests.servers import footage

PATCHES = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [200, 120, 40]], np.float64)
MATRICES = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114)}


def read(path: Path) -> tuple[Clip, list[Packed], set[str]]:
    """The clip, its pictures, and the codes of all notes."""
    clip = describe(path)
    frames = Frames(clip)
    made = list(frames)
    return clip, made, {n.code for n in (*clip.notes, *frames.damage.notes("the clip"))}


def codes(rgb: NDArray[np.float64], matrix: str, *, full: bool, depth: int = 8) -> NDArray[np.float64]:
    """Y, Cb, Cr by the definition of ITU-R BT.601-7 and BT.709-6."""
    kr, kb = MATRICES[matrix]
    r, g, b = rgb.T / 255
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    scale = 2 ** (depth - 8)
    spans = ((255, 0), (255, 128)) if full else ((219, 16), (224, 128))
    (rise, black), (swing, grey) = spans
    found: NDArray[np.float64] = np.stack([y * rise + black, cb * swing + grey, cr * swing + grey], 1) * scale
    return found


def patches(path: Path, matrix: str, *, full: bool, depth: int = 8) -> Path:
    """A lossless clip of flat colours side by side, stored in this matrix, range and depth."""
    values = np.rint(codes(PATCHES, matrix, full=full, depth=depth)).clip(0, 2**depth - 1)
    rows = np.repeat(values, 16, axis=0)
    planes = [np.tile(rows[:: 1 + (n > 0), n], (32 // (1 + (n > 0)), 1)) for n in range(3)]
    stored = np.concatenate([p.reshape(-1) for p in planes]).astype(np.uint8 if depth == 8 else "<u2")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        name = "yuv420p" if depth == 8 else "yuv420p10le"
        stream.width, stream.height, stream.pix_fmt = 96, 32, name
        context = stream.codec_context
        context.colorspace = Colorspace.ITU709 if matrix == "bt709" else Colorspace.ITU601
        context.color_range = ColorRange.JPEG if full else ColorRange.MPEG
        frame = av.VideoFrame(96, 32, name)
        at = 0
        for plane, part in zip(frame.planes, planes, strict=True):
            wide = np.zeros((plane.height, plane.line_size // stored.itemsize), stored.dtype)
            wide[:, : part.shape[1]] = stored[at : at + part.size].reshape(part.shape)
            plane.update(wide.tobytes())
            at += part.size
        frame.colorspace, frame.color_range = context.colorspace, context.color_range
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt709", "bt601"])
def test_every_matrix_range_and_depth_becomes_bt709_limited(
    tmp_path: Path, matrix: str, full: bool, depth: int
) -> None:
    _, made, _ = read(patches(tmp_path / "in.mkv", matrix, full=full, depth=depth))
    wanted = codes(PATCHES, "bt709", full=False)
    for picture in made:
        luma, chroma = picture[16, 8::16].astype(float), picture.reshape(-1)[96 * 32 :].reshape(2, 16, 48)[:, 8, 4::8]
        got = np.stack([luma, *chroma], 1)
        assert np.abs(got - wanted).max() <= 2.0


def variable(path: Path) -> None:
    """Frames at 0, 1, 2, 5, 6, 10 ... of 24."""
    times = [0, 1, 2, 5, 6, 10, 11, 12, 16, 17, 20, 23]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 24)
        for time in times:
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 16 + 8 * time, np.uint8), "yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_variable_rate_becomes_constant_with_pictures_at_their_times(tmp_path: Path) -> None:
    variable(tmp_path / "in.mp4")
    clip, made, notes = read(tmp_path / "in.mp4")
    assert (clip.rate, clip.frames, "variable_rate" in notes) == (Rate(num=24), 24, True)
    shown = [round((float(p[:48].mean()) - 16) / 8) for p in made]
    times = [0, 1, 2, 5, 6, 10, 11, 12, 16, 17, 20, 23]
    assert shown == [max(t for t in times if t <= n) for n in range(24)]


def test_clock_that_ticks_in_milliseconds_is_constant(tmp_path: Path) -> None:
    footage.sounding_clip(tmp_path / "in.mkv", 2, "64x48", "24000/1001")
    clip, made, notes = read(tmp_path / "in.mkv")
    assert (clip.rate, clip.frames, len(made)) == (Rate(num=24000, den=1001), 48, 48)
    assert not notes


def test_interlaced_is_made_into_whole_frames(tmp_path: Path) -> None:
    extra = ("-vf", "interlace,scale=out_color_matrix=bt709:interl=1", "-flags", "+ildct+ilme", "-x264-params", "tff=1")
    footage.run(
        "-f", "lavfi", "-i", "testsrc2=s=96x64:r=50:d=1", *extra, "-pix_fmt", "yuv420p", str(tmp_path / "in.mp4")
    )
    clip, made, notes = read(tmp_path / "in.mp4")
    assert clip.interlaced
    assert "interlaced" in notes
    assert (clip.frames, len(made)) == (25, 25)


def test_odd_size_loses_a_row_and_a_column(tmp_path: Path) -> None:
    options = ("-c:v", "ffv1", "-pix_fmt", "yuv444p")
    footage.run("-f", "lavfi", "-i", "testsrc2=s=96x64:r=24:d=0.5,scale=97:65", *options, str(tmp_path / "in.mkv"))
    clip, made, notes = read(tmp_path / "in.mkv")
    assert (clip.size, made[0].shape, "odd_size" in notes) == (Size(width=96, height=64), (96, 96), True)


def test_rotated_is_set_upright(tmp_path: Path) -> None:
    footage.sounding_clip(tmp_path / "flat.mp4", 0.5, "96x64")
    footage.run("-display_rotation", "90", "-i", str(tmp_path / "flat.mp4"), "-c", "copy", str(tmp_path / "in.mp4"))
    clip, made, _ = read(tmp_path / "in.mp4")
    flat = footage.planes_of(tmp_path / "flat.mp4")[0][:64]
    assert clip.size == Size(width=64, height=96)
    turned = made[0][:96].astype(float)
    assert np.abs(turned - np.rot90(flat)).mean() < 2 < np.abs(turned - np.rot90(flat, -1)).mean()


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    footage.run(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=96x64:r=24:d=1",
        "-frames:v",
        "1",
        "-pix_fmt",
        "yuv420p",
        str(tmp_path / "in.mp4"),
    )
    clip, made, _ = read(tmp_path / "in.mp4")
    assert (clip.frames, len(made)) == (1, 1)


def test_broken_packets_in_the_middle_keep_the_length(tmp_path: Path) -> None:
    path = footage.sounding_clip(tmp_path / "in.mp4", 2, "96x64", "24", "-g", "12", "-bf", "0")
    with av.open(str(path)) as container:
        places = [(p.pos or 0, p.size) for p in container.demux(video=0) if p.size][20:23]
    data = bytearray(path.read_bytes())
    for at, size in places:
        data[at : at + size] = bytes([0xFF]) * size
    path.write_bytes(data)
    clip, made, notes = read(path)
    assert (clip.frames, len(made), "frames_damaged" in notes) == (48, 48, True)


def test_file_that_ends_early_gives_what_it_has(tmp_path: Path) -> None:
    path = footage.sounding_clip(tmp_path / "in.mkv", 2, "96x64")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    clip, made, _ = read(path)
    assert 12 < clip.frames < 48
    assert len(made) == clip.frames


def test_size_that_changes_is_scaled(tmp_path: Path) -> None:
    parts = [tmp_path / "a.ts", tmp_path / "b.ts"]
    for part, size, start in zip(parts, ("96x64", "48x32"), ("0", "0.5"), strict=True):
        source = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d=0.5", "-pix_fmt", "yuv420p", "-bf", "0")
        footage.run(*source, "-output_ts_offset", start, str(part))
    joined = tmp_path / "in.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip, made, notes = read(joined)
    assert (clip.size, len({p.shape for p in made}), "size_changed" in notes) == (Size(width=96, height=64), 1, True)


def only_sound(path: Path) -> None:
    footage.run("-f", "lavfi", "-i", "sine=d=1", str(path))


def hdr(path: Path) -> None:
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    footage.run(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=96x64:d=0.5",
        *tags,
        "-pix_fmt",
        "yuv420p10le",
        "-vf",
        "setparams=color_trc=smpte2084",
        str(path),
    )


def tiny(path: Path) -> None:
    footage.run("-f", "lavfi", "-i", "testsrc2=s=8x8:d=0.5", "-c:v", "ffv1", str(path))


def rubbish(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


@pytest.mark.parametrize(
    ("make", "says"),
    [(only_sound, "no pictures"), (hdr, "HDR"), (tiny, "8x8"), (rubbish, "cannot be decoded")],
)
def test_refused_in_words(tmp_path: Path, make: Callable[[Path], None], says: str) -> None:
    make(tmp_path / "in.mkv")
    with pytest.raises(InputError, match=says):
        describe(tmp_path / "in.mkv")
