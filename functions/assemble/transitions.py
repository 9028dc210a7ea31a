"""How segments begin and end: dissolves and fades in linear light."""

import functools

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from functions.contract.base import Size
from functions.contract.params import Edge
from functions.media.picture import GAMMA, WHITE, blank, planes, tagged

_FINE = 1 << 14
"""Steps of the square root of light, finer than any code value."""


def arrived(edge: Edge, index: int) -> float:
    """How much of the picture has come in frame `index` of a head edge: 0 is none yet, 1 all.

    A fade begins at exactly its colour; every frame of a dissolve shows both pictures.
    """
    total = edge.total or edge.frames
    if edge.via == "cut" or index >= edge.frames:
        return 1.0
    if edge.via == "dissolve":
        return min(1.0, (edge.offset + index + 1) / (total + 1))
    return min(1.0, (edge.offset + index) / total)


def left(edge: Edge, remaining: int) -> float:
    """How much of the picture is left when `remaining` frames come after this one; the last is exactly the colour."""
    total = edge.total or edge.frames
    if edge.via != "fade" or remaining >= edge.frames:
        return 1.0
    return max(0.0, min(1.0, (total - edge.offset - edge.frames + remaining) / total))


def faded(frame: av.VideoFrame, share: float, colour: str) -> av.VideoFrame:
    """The frame with this share of its light, the rest being black or white."""
    if share >= 1:
        return frame
    if colour == "white":
        return dissolved(blank(Size(width=frame.width, height=frame.height), WHITE), frame, share)
    kept = share ** (1 / GAMMA)
    for plane, zero in zip(planes(frame), (16, 128, 128), strict=True):
        table = np.rint((zero + kept * (np.arange(256.0) - zero)).clip(0, 255) * 256).astype(np.uint16)
        plane[:] = np.right_shift(table[plane] + _dither(plane.shape), 8)
    return frame


def dissolved(before: av.VideoFrame, after: av.VideoFrame, share: float) -> av.VideoFrame:
    """Both pictures' light added, `share` of it from `after`."""
    if share <= 0 or share >= 1:
        return after if share >= 1 else before
    light = _light()
    mixed = np.take(light * np.float32(1 - share), _rgb(before)) + np.take(light * np.float32(share), _rgb(after))
    codes = np.take(_codes(), (np.sqrt(mixed) * np.float32(_FINE - 1)).astype(np.uint16))
    return _frame(codes)


def _rgb(frame: av.VideoFrame) -> NDArray[np.uint16]:
    wide = frame.reformat(
        format="rgb48le",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
        threads=1,
    )
    codes: NDArray[np.uint16] = np.right_shift(wide.to_ndarray().view(np.uint16), 4)
    return codes


def _frame(codes: NDArray[np.uint16]) -> av.VideoFrame:
    wide = av.VideoFrame.from_ndarray(codes, "rgb48le")
    return tagged(
        wide.reformat(
            format="yuv420p",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
            threads=1,
        )
    )


@functools.cache
def _light() -> NDArray[np.float32]:
    """Light of a 12-bit code value, 0..1."""
    return ((np.arange(4096) / 4095) ** GAMMA).astype(np.float32)


@functools.cache
def _codes() -> NDArray[np.uint16]:
    """16-bit code value of a square root of light."""
    return np.rint((np.arange(_FINE) / (_FINE - 1)) ** (2 / GAMMA) * 65535).astype(np.uint16)


@functools.lru_cache(maxsize=4)
def _dither(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Bayer's 8x8 threshold matrix in 256ths, over a plane."""
    tile = np.zeros((1, 1))
    for _ in range(3):
        tile = np.block([[4 * tile, 4 * tile + 2], [4 * tile + 3, 4 * tile + 1]])
    fine = (tile * 4 + 2).astype(np.uint16)
    whole: NDArray[np.uint16] = np.tile(fine, (shape[0] // 8 + 1, shape[1] // 8 + 1))[: shape[0], : shape[1]]
    return whole
