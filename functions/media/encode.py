"""H.264 as every part of a film has it: settings so fixed that segments from different jobs join by packet copy.

Constant frame rate, yuv420p, BT.709 tagged, closed groups of pictures, `moov` first, no time stamps of the day. The
number of threads is part of the settings, since x264's output depends on it.
"""

import math
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from functions.contract.base import Rate, Size
from functions.media.disk import writing

Quality = Literal["draft", "standard", "final"]
PRESETS: dict[Quality, dict[str, str]] = {
    "draft": {"preset": "ultrafast", "crf": "22", "refs": "1", "coder": "cabac", "deblock": "0:0", "8x8dct": "1"},
    "standard": {"preset": "veryfast", "crf": "18", "refs": "2"},
    "final": {"preset": "medium", "crf": "16", "refs": "2"},
}
"""A draft's search is the quickest there is; what keeps its edges clean and its size small is left on."""


def _steady(cpu: Path = Path("/proc/cpuinfo")) -> str:
    """x264's setting without AVX-512, where the processor has that: its code for it was seen to give other bytes for
    the same frames, two clips of three where two encoders ran at once, and is no faster.
    """
    try:
        return "asm=avx2" if "avx512bw" in cpu.read_text("ascii", "replace") else "asm=auto"
    except OSError:
        return "asm=auto"


ASM = _steady()
X264 = f"stitchable=1:bframes=2:b-pyramid=none:weightp=0:force-cfr=1:open-gop=0:scenecut=0:{ASM}"
REORDER = 1
"""Frames by which a frame may be decoded before it is shown, from the settings above."""
THREADS = 1
"""x264 with two frame threads was seen to give other bytes for the same frames, about once in twenty runs."""
START_CODE = b"\0\0\0\1"
GROUP_SECONDS = Fraction(2)
"""Longest group of pictures: what a seek may have to decode."""
CLIP_GROUP_SECONDS = Fraction(3, 4)
"""The same in a clip that is cut later: what words or a fade on one of its frames make encode again."""


def timescale(rate: Rate) -> int:
    """Ticks a second of a film's video track: every frame lasts a whole number of them."""
    return rate.num * (1 if rate.num >= 10_000 else 1000)


def level(size: Size) -> str:
    """The H.264 level (ITU-T H.264 table A-1) that holds this size at up to 60 frames a second."""
    macroblocks = -(-size.width // 16) * -(-size.height // 16)
    return "4.2" if macroblocks <= 8704 else "5.2" if macroblocks <= 36864 else "6.2"


def avc_header(parameter_sets: bytes) -> bytes:
    """What an MP4 says of a track with these parameter sets (one of each, with start codes, ITU-T H.264 annex B), 8 bit
    4:2:0, high profile, sizes in four bytes: ISO/IEC 14496-15 section 5.3.3.
    """
    sequence, picture = parameter_sets.split(START_CODE)[1:]
    sets = b"".join(count + len(s).to_bytes(2, "big") + s for count, s in ((b"\xe1", sequence), (b"\x01", picture)))
    return b"\x01" + sequence[1:4] + b"\xff" + sets + b"\xfd\xf8\xf8\x00"


class VideoEncoder:
    """Writes yuv420p frames of exactly `size` to an MP4 without sound; a context manager. A group of pictures begins
    every `group` seconds.
    """

    def __init__(
        self, path: Path, size: Size, rate: Rate, quality: Quality, *, group: Fraction = GROUP_SECONDS
    ) -> None:
        self.path, self.frames = path, 0
        self._time_base = Fraction(rate.den, rate.num)
        options = {"movflags": "+faststart", "fflags": "+bitexact", "video_track_timescale": str(timescale(rate))}
        with writing(path):
            self._container = av.open(str(path), "w", format="mp4", options=options)
        fixed = {"profile": "high", "level": level(size), "threads": str(THREADS), "flags": "+bitexact+cgop"}
        self._group = math.ceil(group * rate.num / rate.den)
        self._stream = self._container.add_stream(
            "libx264",
            rate=Fraction(rate.num, rate.den),
            options={**PRESETS[quality], **fixed, "x264-params": X264, "g": str(self._group + 1)},
        )
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = size.width, size.height, "yuv420p"
        context.time_base = self._time_base
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing(self.path):
            if kind is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()

    def header(self) -> bytes:
        """What the finished track's header will be: tracks whose headers are equal join by packet copy."""
        self._stream.codec_context.open(strict=False)
        return avc_header(bytes(self._stream.codec_context.extradata or b""))

    def write(self, frame: av.VideoFrame, *, alone: bool = False) -> None:
        """Append one frame; its time stamp and picture type are set here. `alone` begins a group of pictures with it,
        coded without reference to others: flat colour comes out exact, and a cut may lie there. Raises `DiskFull`.
        """
        frame.pts, frame.time_base = self.frames, self._time_base
        begins = alone or self.frames % self._group == 0
        frame.pict_type = PictureType.I if begins else PictureType.NONE
        self.frames += 1
        with writing(self.path):
            self._container.mux(self._stream.encode(frame))
