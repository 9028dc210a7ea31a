"""Pictures between two others by dense optical flow (DIS, Kroeger et al. 2016), on a CPU, in the pictures' own colours.

Both flows are moved to the moment wanted by the linear rule of Super SloMo (Jiang et al. 2018, equation 4), both
pictures are looked at through them, and mixed by how near they are and how well the flows agree there.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.media.frames import Packed

Flow = NDArray[np.float32]
"""(rows, columns, 2): columns and rows, in pixels."""
Places = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Columns and rows at which a picture is looked at, for each pixel."""
AGREE = 1.0
"""Pixels by which there and back may miss before a flow counts half."""
SMALLEST = 32
"""Pixels of a side below which flow cannot be estimated."""


@dataclass(frozen=True)
class Motion:
    """What moved between two pictures: forward, backward, and how far each can be trusted (0..1)."""

    forward: Flow
    backward: Flow
    trust: tuple[NDArray[np.float32], NDArray[np.float32]]


def motion(left: Packed, right: Packed) -> Motion:
    """Flow from each picture to the other. Depends on nothing but the two: DIS is run on one thread."""
    a, b = (_padded(p[: len(p) * 2 // 3]) for p in (left, right))
    rows, columns = len(left) * 2 // 3, left.shape[1]
    estimate = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there, back = (
        estimate.calc(p, q, np.zeros((*p.shape, 2), np.float32))[:rows, :columns].astype(np.float32)
        for p, q in ((a, b), (b, a))
    )
    return Motion(there, back, (_trust(there, back), _trust(back, there)))


def between(left: Packed, right: Packed, moved: Motion, t: float) -> Packed:
    """The picture `t` of the way."""
    to_left = -(1 - t) * t * moved.forward + t * t * moved.backward
    to_right = (1 - t) * (1 - t) * moved.forward - t * (1 - t) * moved.backward
    places = _places(to_left), _places(to_right)
    weights = [
        share * _seen(trust, place) + 1e-3 * share
        for share, trust, place in zip((1 - t, t), moved.trust, places, strict=True)
    ]
    ratio = (weights[0] / (weights[0] + weights[1])).astype(np.float32)
    half = (ratio.shape[1] // 2, ratio.shape[0] // 2)
    there, back = (_places(_shrunk(flow, half) * np.float32(0.5)) for flow in (to_left, to_right))
    part = _shrunk(ratio, half)
    levels = ((*places, ratio), (there, back, part), (there, back, part))
    made = [_mixed(a, b, *level) for a, b, level in zip(_planes(left), _planes(right), levels, strict=True)]
    return np.concatenate([plane.reshape(-1) for plane in made]).reshape(left.shape)


def _shrunk(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _mixed(
    a: NDArray[np.uint8], b: NDArray[np.uint8], there: Places, back: Places, ratio: NDArray[np.float32]
) -> NDArray[np.uint8]:
    first, second = _seen(a.astype(np.float32), there), _seen(b.astype(np.float32), back)
    return np.rint(first * ratio + second * (1 - ratio)).clip(0, 255).astype(np.uint8)


def _places(flow: Flow) -> Places:
    rows, columns = flow.shape[:2]
    x = np.arange(columns, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(rows, dtype=np.float32)[:, None] + flow[..., 1]
    return x, y


def _seen(values: NDArray[np.float32], places: Places) -> NDArray[np.float32]:
    return np.asarray(cv2.remap(values, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _trust(flow: Flow, other: Flow) -> NDArray[np.float32]:
    """1 where going there and back ends where it began, falling to 0 where it does not."""
    missed = np.square(flow + _seen(other, _places(flow))).sum(axis=2)
    return np.asarray(1 / (1 + missed / AGREE**2), np.float32)


def _padded(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    down, across = (max(0, SMALLEST - side) for side in luma.shape)
    return np.ascontiguousarray(np.pad(luma, ((0, down), (0, across)), mode="edge"))


def _planes(picture: Packed) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    rows, columns = len(picture) * 2 // 3, picture.shape[1]
    flat = picture.reshape(-1)
    area, half = rows * columns, (rows // 2, columns // 2)
    return (
        flat[:area].reshape(rows, columns),
        flat[area : area * 5 // 4].reshape(half),
        flat[area * 5 // 4 :].reshape(half),
    )
