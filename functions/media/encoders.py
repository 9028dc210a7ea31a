"""Which H.264 encoder a machine has, and how it is set: NVENC where it proves itself, else libx264."""

import functools
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import numpy as np
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from functions.contract.base import Rate, Size
from functions.media.encode import PRESETS, THREADS, X264, Quality, level

NVENC: dict[Quality, dict[str, str]] = {
    "draft": {"preset": "p3", "cq": "25"},
    "standard": {"preset": "p5", "cq": "20"},
    "final": {"preset": "p6", "cq": "18"},
}
"""NVENC's constant quality beside libx264's rate factor of the same row. Not compared on a card yet."""
TEST = Size(width=320, height=240)
"""What is encoded to see whether NVENC works; smaller frames are refused by some generations."""
TEST_FRAMES = 4


@dataclass(frozen=True)
class Encoder:
    """An encoder by its libavcodec name, at a quality."""

    codec: Literal["libx264", "h264_nvenc"]
    quality: Quality

    @property
    def summary(self) -> str:
        """What a result says of it."""
        if self.codec == "h264_nvenc":
            return f"h264_nvenc {NVENC[self.quality]['preset']} cq {NVENC[self.quality]['cq']}"
        return f"libx264 {PRESETS[self.quality]['preset']} crf {PRESETS[self.quality]['crf']}"

    def context(self, size: Size, rate: Rate, group: int) -> VideoCodecContext:
        """A fresh encoder of yuv420p in BT.709; a group of pictures has at most `group` frames."""
        context = CodecContext.create(self.codec, "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError(f"{self.codec} encodes no video")
        context.options = self.options(size, group)
        context.flags |= Flags.global_header
        shaped(context, size, rate)
        return context

    def options(self, size: Size, group: int) -> dict[str, str]:
        """The encoder's settings."""
        fixed = {"profile": "high", "flags": "+bitexact+cgop+global_header", "g": str(group + 1)}
        if self.codec == "libx264":
            return {
                **PRESETS[self.quality],
                "level": level(size),
                "threads": str(THREADS),
                "x264-params": X264,
                **fixed,
            }
        return {**NVENC[self.quality], "rc": "vbr", "bf": "2", "forced-idr": "1", "strict_gop": "1", **fixed}


def shaped(context: VideoCodecContext, size: Size, rate: Rate) -> None:
    """Tell a context what pictures come."""
    context.width, context.height, context.pix_fmt = size.width, size.height, "yuv420p"
    context.time_base, context.framerate = Fraction(rate.den, rate.num), Fraction(rate.num, rate.den)
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709


def choose(quality: Quality, *, gpu: bool) -> Encoder:
    """NVENC on a machine with a GPU where a real test encode succeeds (datacentre cards have none), else libx264."""
    return Encoder("h264_nvenc" if gpu and nvenc_works() else "libx264", quality)


@functools.cache
def nvenc_works() -> bool:
    """Whether NVENC encodes a few frames of noise. Asked once a process."""
    noise = np.random.Generator(np.random.PCG64(0)).integers(16, 235, (TEST.height * 3 // 2, TEST.width), np.uint8)
    try:
        context = Encoder("h264_nvenc", "draft").context(TEST, Rate(num=24), 24)
        frame = av.VideoFrame.from_ndarray(noise, "yuv420p")
        made = 0
        for number in range(TEST_FRAMES):
            frame.pts = number
            made += len(context.encode(frame))
        return made + len(context.encode(None)) == TEST_FRAMES
    except (av.FFmpegError, ValueError):
        return False
