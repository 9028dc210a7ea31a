"""Pictures as BT.709 limited-range 4:2:0 planes, edited in place, and as linear light.

Code values: ITU-R BT.709-6 section 3. Light: the display's power law of ITU-R BT.1886 with a black of zero.
"""

from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from functions.contract.base import Size

GAMMA = 2.4
"""Exponent of a BT.1886 display."""
BLACK = (16, 128, 128)
WHITE = (235, 128, 128)
MATTE = (23, 128, 128)
"""sRGB 8, 8, 9 as Y, Cb, Cr."""
COVER = 0.05
"""Aspect ratios closer than this are cropped to fit; others get mattes."""
_FLAGS = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Rectangle:
    """Pixels; all four even."""

    x: int
    y: int
    width: int
    height: int


def planes(frame: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
    """Writable views of a yuv420p frame's planes, at their true widths."""
    frame.make_writable()
    return _views(frame)


def _views(frame: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
    found = [np.frombuffer(memoryview(p), np.uint8).reshape(p.height, -1)[:, : p.width] for p in frame.planes]
    return found[0], found[1], found[2]


def copied(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame of its own with the same picture, so that a held frame is not drawn on twice."""
    out = av.VideoFrame(frame.width, frame.height, "yuv420p")
    for new, old in zip(planes(out), _views(frame), strict=True):
        new[:] = old
    return tagged(out)


def blank(size: Size, colour: tuple[int, int, int]) -> av.VideoFrame:
    """A frame of one colour."""
    frame = av.VideoFrame(size.width, size.height, "yuv420p")
    for plane, value in zip(planes(frame), colour, strict=True):
        plane[:] = value
    return tagged(frame)


def tagged(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame, said to be BT.709 limited range."""
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    return frame


def active(size: Size, picture: Size | None) -> Rectangle:
    """Where the picture lies inside the frame, centred on even pixels."""
    inner = picture or size
    x, y = (size.width - inner.width) // 4 * 2, (size.height - inner.height) // 4 * 2
    return Rectangle(x, y, inner.width, inner.height)


def rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """A yuv420p BT.709 frame as R'G'B' of shape (height, width, 3), full range."""
    wide = frame.reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | _FLAGS,
        threads=1,
    )
    return wide.to_ndarray().view(np.uint8)


def from_rgb(picture: NDArray[np.uint8]) -> av.VideoFrame:
    """Full-range R'G'B' of shape (height, width, 3) as a yuv420p BT.709 frame."""
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    return _converted(frame, frame.width, frame.height)


def fitted(frame: av.VideoFrame, size: Size, area: Rectangle) -> av.VideoFrame:
    """The frame scaled into `area` of a frame of `size`: the very same frame where nothing needs doing.

    An aspect ratio within 5 % of the area's is filled and cropped, another is held whole between mattes. What its file
    says is lying on its side (a telephone's clip or photograph) is set upright.
    """
    if frame.rotation:
        frame = from_rgb(np.ascontiguousarray(np.rot90(rgb(_converted(frame, *_even(frame))), frame.rotation // 90)))
    whole = area == Rectangle(0, 0, size.width, size.height)
    if whole and (frame.width, frame.height) == (size.width, size.height) and _delivered(frame):
        return frame
    width, height = _scaled(frame, area)
    scaled = _converted(frame, width, height)
    if whole and (width, height) == (size.width, size.height):
        return scaled
    return _placed(scaled, blank(size, MATTE), area)


def _even(frame: av.VideoFrame) -> tuple[int, int]:
    return frame.width + frame.width % 2, frame.height + frame.height % 2


def _delivered(frame: av.VideoFrame) -> bool:
    video_range = frame.color_range in (ColorRange.MPEG, ColorRange.UNSPECIFIED)
    return frame.format.name == "yuv420p" and video_range and frame.colorspace in (1, 2)


def _scaled(frame: av.VideoFrame, area: Rectangle) -> tuple[int, int]:
    source, wanted = frame.width / frame.height, area.width / area.height
    cover = abs(source / wanted - 1) <= COVER
    if (source > wanted) == cover:
        return max(2, round(area.height * source / 2) * 2), area.height
    return area.width, max(2, round(area.width / source / 2) * 2)


def _converted(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    full = frame.format.is_rgb or frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
    matrix = Colorspace.ITU709 if frame.colorspace in (0, 2) else frame.colorspace
    return tagged(
        frame.reformat(
            width,
            height,
            "yuv420p",
            src_colorspace=matrix,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | _FLAGS,
            threads=1,
        )
    )


def _placed(scaled: av.VideoFrame, onto: av.VideoFrame, area: Rectangle) -> av.VideoFrame:
    for part, whole, step in zip(planes(scaled), planes(onto), (1, 2, 2), strict=True):
        height, width = min(part.shape[0], area.height // step), min(part.shape[1], area.width // step)
        top, left = (part.shape[0] - height) // 2, (part.shape[1] - width) // 2
        y, x = area.y // step + (area.height // step - height) // 2, area.x // step + (area.width // step - width) // 2
        whole[y : y + height, x : x + width] = part[top : top + height, left : left + width]
    return onto
