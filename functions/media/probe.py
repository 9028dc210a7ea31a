"""What a media file is, measured by PyAV and Pillow.

Pictures are decoded whole. Of a video every packet is read (count, spacing, tags) and the first frames are decoded; of
sound every sample is decoded. Files are streamed: memory does not grow with their length.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import InputError
from functions.contract.media import MediaFacts
from functions.media.decode import gathered
from functions.media.fir import BLOCK
from functions.media.wav import WavReader

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
VIDEOS = frozenset({".mp4", ".mov", ".webm", ".mkv"})
SOUNDS = frozenset({".wav", ".m4a", ".flac", ".mp3", ".ogg"})
BT709 = (1, 1, 1)
"""Primaries, transfer and matrix of BT.709 by their code points in ITU-T H.273."""
FIRST = 3
"""Frames decoded from the start of a video."""
Luma = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """How a video's pictures are stored. `colour` is (primaries, transfer, matrix) by ITU-T H.273, `keys` counts frames
    that are coded by themselves, `opening` is the luma of the first frames.
    """

    pixels: str
    colour: tuple[int, int, int]
    constant_rate: bool
    keys: int
    opening: tuple[Luma, ...]


@dataclass(frozen=True)
class Level:
    """What the samples of a sound are: largest magnitude (1.0 is full scale), and whether all are finite."""

    peak: float
    finite: bool


@dataclass(frozen=True)
class Measured:
    """A file's facts, and what checks look at beyond them."""

    facts: MediaFacts
    picture: Picture | None = None
    level: Level | None = None


def measure(path: Path) -> Measured:
    """Measure a file by its suffix. Raises `InputError` for one that cannot be decoded as what its name says."""
    suffix = path.suffix.lower()
    try:
        if suffix in IMAGES:
            return _image(path)
        if suffix in VIDEOS:
            return _video(path)
        if suffix in SOUNDS:
            return _sound(path)
    except (FFmpegError, UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path.name} cannot be decoded: {error}") from error
    return Measured(MediaFacts(type="data"))


def image_luma(path: Path, size: tuple[int, int] | None = None) -> Luma:
    """The luma of a picture (rows, columns); with `size` (width, height) scaled and cropped to it about the centre."""
    with Image.open(path) as image:
        grey = image.convert("L")
    if size is not None:
        scale = max(size[0] / grey.width, size[1] / grey.height)
        grey = grey.resize((round(grey.width * scale), round(grey.height * scale)), Image.Resampling.BOX)
        left, top = (grey.width - size[0]) // 2, (grey.height - size[1]) // 2
        grey = grey.crop((left, top, left + size[0], top + size[1]))
    return np.asarray(grey, dtype=np.uint8)


def image_colours(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture (rows, columns, 3), scaled and cropped to `size` (width, height) about its centre."""
    with Image.open(path) as image:
        fitted = ImageOps.fit(ImageOps.exif_transpose(image).convert("RGB"), size, Image.Resampling.BOX)
    return np.asarray(fitted, dtype=np.uint8)


def first_colours(path: Path) -> NDArray[np.uint8]:
    """The first frame of a video (rows, columns, 3)."""
    with av.open(path) as container:
        frame = next(container.decode(container.streams.video[0]))
        return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def video_luma(path: Path, *, keys_only: bool = False) -> Iterator[Luma]:
    """The luma plane of each frame (rows, columns), or of each frame that is coded by itself."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        if keys_only:
            stream.codec_context.skip_frame = "NONKEY"
        yield from map(_luma, container.decode(stream))


def _luma(frame: VideoFrame) -> Luma:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _image(path: Path) -> Measured:
    with Image.open(path) as image:
        image.load()
        return Measured(MediaFacts(type="image", width=image.width, height=image.height))


def _video(path: Path) -> Measured:
    with av.open(path) as container:
        if not container.streams.video:
            raise InputError(f"{path.name} holds no pictures")
        stream = container.streams.video[0]
        times, keys = _packets(container, stream)
        rate, constant = _rate(times, stream)
        facts = MediaFacts(
            type="video",
            width=stream.width,
            height=stream.height,
            frames=len(times),
            rate_num=rate.numerator,
            rate_den=rate.denominator,
            **_track(container),
        )
        opening = _opening(container, stream, min(FIRST, len(times)))
        context = stream.codec_context
        colour = (context.color_primaries or 0, context.color_trc or 0, context.colorspace or 0)
        pixels = context.format.name if context.format else ""
    return Measured(facts, Picture(pixels, colour, constant, keys, opening))


def _packets(container: InputContainer, stream: VideoStream) -> tuple[list[int], int]:
    """(presentation times of all packets in order, how many are key frames). Raises `InputError` for a broken one."""
    times: list[int] = []
    keys = 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        if packet.is_corrupt or packet.pts is None:
            raise InputError(f"packet {len(times)} of the video is broken")
        times.append(packet.pts)
        keys += packet.is_keyframe
    if not times:
        raise InputError("the video holds no frames")
    return sorted(times), keys


def _opening(container: InputContainer, stream: VideoStream, wanted: int) -> tuple[Luma, ...]:
    """Luma of the first frames. Raises `InputError` where they cannot be decoded."""
    container.seek(0)
    found = tuple(_luma(frame) for frame in itertools.islice(container.decode(stream), wanted))
    if len(found) < wanted:
        raise InputError(f"only {len(found)} of the first {wanted} frames can be decoded")
    return found


def _rate(times: list[int], stream: VideoStream) -> tuple[Fraction, bool]:
    """Frames a second, and whether all are equally far apart."""
    steps = set(np.diff(times).tolist())
    if len(steps) == 1 and stream.time_base is not None:
        return 1 / (steps.pop() * stream.time_base), True
    return Fraction(stream.average_rate or 0), len(times) == 1


def _track(container: InputContainer) -> dict[str, Any]:
    """Facts of the sound inside a video."""
    if not container.streams.audio:
        return {"audio": False}
    sound = container.streams.audio[0]
    return {"audio": True, "samples": _length(sound), "sample_rate": sound.rate, "channels": sound.channels}


def _length(sound: AudioStream) -> int | None:
    """Length at 48 kHz by the container, which knows what the encoder added before and behind."""
    if sound.duration is None or sound.time_base is None:
        return None
    return round(sound.duration * sound.time_base * SAMPLE_RATE)


def _sound(path: Path) -> Measured:
    plain = WavReader.of(path)
    return _decoded(path) if plain is None else _plain(plain)


def _plain(sound: WavReader) -> Measured:
    """A WAV as our engines leave it, whose code values need no decoder."""
    blocks = (sound.read(at, min(BLOCK, sound.samples - at)) for at in range(0, sound.samples, BLOCK))
    facts = MediaFacts(type="audio", samples=sound.samples, sample_rate=SAMPLE_RATE, channels=sound.channels)
    return Measured(facts, level=Level(max(_magnitude(block)[0] for block in blocks), finite=True))


def _decoded(path: Path) -> Measured:
    with av.open(path) as container:
        if not container.streams.audio:
            raise InputError(f"{path.name} holds no sound")
        stream = container.streams.audio[0]
        count, peak, finite = 0, 0.0, True
        for frame in gathered(container.decode(stream)):
            values = frame.to_ndarray()
            count += frame.samples
            high, good = _magnitude(values)
            peak, finite = max(peak, high), finite and good
        whole = round(Fraction(count * SAMPLE_RATE, stream.rate))
        told = None if path.suffix == ".wav" else _length(stream)
        facts = MediaFacts(
            type="audio",
            samples=whole if told is None else min(told, whole),
            sample_rate=stream.rate,
            channels=stream.channels,
        )
    return Measured(facts, level=Level(peak, finite))


def _magnitude(values: NDArray[Any]) -> tuple[float, bool]:
    """(largest magnitude relative to full scale, whether all are finite) of one decoded block."""
    if values.size == 0:
        return 0.0, True
    if np.issubdtype(values.dtype, np.floating):
        finite = bool(np.isfinite(values).all())
        return (float(np.abs(values).max()) if finite else 0.0), finite
    info = np.iinfo(values.dtype)
    middle = 128 if info.min == 0 else 0
    low, high = int(values.min()) - middle, int(values.max()) - middle
    return max(-low, high) / (info.max - middle), True
