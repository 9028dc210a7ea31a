"""How segments begin and end: dissolves and fades in linear light."""

import functools

import av
import numpy as np
from numpy.typing import NDArray

from functions.contract.base import Size
from functions.contract.params import Edge
from functions.media.picture import GAMMA, WHITE, blank, from_rgb, planes, rgb


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
    pairs = rgb(before).astype(np.uint16)
    pairs <<= 8
    pairs |= rgb(after)
    return from_rgb(np.take(_mixed(share), pairs))


def _mixed(share: float) -> NDArray[np.uint8]:
    """The code value of both lights added, by `256 * before + after`."""
    light = (np.arange(256) / 255) ** GAMMA
    added = light[:, None] * (1 - share) + light[None, :] * share
    codes: NDArray[np.uint8] = np.rint(added.ravel() ** (1 / GAMMA) * 255).astype(np.uint8)
    return codes


@functools.lru_cache(maxsize=4)
def _dither(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Bayer's 8x8 threshold matrix in 256ths, over a plane."""
    tile = np.zeros((1, 1))
    for _ in range(3):
        tile = np.block([[4 * tile, 4 * tile + 2], [4 * tile + 3, 4 * tile + 1]])
    fine = (tile * 4 + 2).astype(np.uint16)
    whole: NDArray[np.uint16] = np.tile(fine, (shape[0] // 8 + 1, shape[1] // 8 + 1))[: shape[0], : shape[1]]
    return whole
