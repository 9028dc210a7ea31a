"""The frame loop: planes warped to sub-pixel positions, laid over each other, lit and grained. Memory is constant."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from functions.animatic.camera import Path, State
from functions.animatic.noise import blurred_tile, generator
from functions.animatic.planes import Bytes, Tile, rgb_of
from functions.animatic.values import Floats

GRAIN: Final = 2.2
"""Deviation of the grain in code values (1 %)."""
_GRAINS: Final = 6
_LIFT: Final = 16
_BLACK: Final = np.array([16.0, 0.0, 0.0, 0.0])
"""Luma of black, as an OpenCV scalar."""
_SHUTTER: Final = 5
_BLUR_ABOVE: Final = 8.0
Matrix = npt.NDArray[np.float64]


class Layer(Protocol):
    """Something of the picture, as the loop asks for it."""

    def tile(self, moment: float) -> Tile:
        """Pixels at this moment (seconds)."""
        ...

    def weight(self, moment: float) -> float:
        """Share of the tile's other state."""
        ...

    def place(self, path: Path, state: State, moment: float) -> Matrix:
        """Frame points to plane points."""
        ...


@dataclass(frozen=True)
class Look:
    """The frame itself: delivery size, the seed of its grain and its exposure over time."""

    width: int
    height: int
    seed: int
    exposure: Callable[[float], float]


def _rectangle(tile: Tile, matrix: Matrix, look: Look) -> tuple[int, int, int, int]:
    """Columns and rows of the frame that the tile can reach: left, top, right, bottom."""
    scale, (half_x, half_y) = tile.view.scale, tile.view.half
    roi = tile.roi
    corners = np.array([[x, y] for x in (roi.left, roi.right) for y in (roi.top, roi.bottom)]) / scale
    points = (corners - (half_x, half_y) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    pixels = points * look.height + (look.width / 2, look.height / 2)
    low, high = np.floor(pixels.min(axis=0)) - 1, np.ceil(pixels.max(axis=0)) + 1
    return (
        int(np.clip(low[0], 0, look.width)),
        int(np.clip(low[1], 0, look.height)),
        int(np.clip(high[0], 0, look.width)),
        int(np.clip(high[1], 0, look.height)),
    )


def _warp(pixels: Bytes, tile: Tile, matrix: Matrix, look: Look, box: tuple[int, int, int, int]) -> Bytes:
    left, top, right, bottom = box
    scale, (half_x, half_y) = tile.view.scale, tile.view.half
    linear = matrix[:, :2] * (scale / look.height)
    first = np.array([left + 0.5 - look.width / 2, top + 0.5 - look.height / 2]) / look.height
    start = (matrix[:, :2] @ first + matrix[:, 2] + (half_x, half_y)) * scale - 0.5 - (tile.roi.left, tile.roi.top)
    return np.asarray(
        cv2.warpAffine(
            pixels,
            np.hstack([linear, start[:, None]]),
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE if tile.opaque else cv2.BORDER_CONSTANT,
        ),
        np.uint8,
    )


def _mixed(first: Bytes, second: Bytes, weight: float) -> Bytes:
    return np.asarray(cv2.addWeighted(first, 1.0 - weight, second, weight, 0.0), np.uint8)


class Warper:
    """Warps tiles, and remembers both states of one whose light changes while it lies still."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._last: dict[int, bytes] = {}
        self._kept: dict[int, tuple[Bytes, Bytes]] = {}

    def warp(self, tile: Tile, weight: float, matrix: Matrix, box: tuple[int, int, int, int]) -> Bytes:
        """The tile's pixels over `box` of the frame, in the state that `weight` says."""
        if tile.other is None or weight <= 0.002:
            return _warp(tile.pixels, tile, matrix, self._look, box)
        name, where = id(tile), matrix.tobytes()
        if self._last.get(name) != where:
            self._last[name] = where
            self._kept.pop(name, None)
            return _warp(_mixed(tile.pixels, tile.other, weight), tile, matrix, self._look, box)
        if name not in self._kept:
            still = _warp(tile.pixels, tile, matrix, self._look, box)
            self._kept[name] = still, _warp(tile.other, tile, matrix, self._look, box)
        first, second = self._kept[name]
        return _mixed(first, second, weight)


def lay(frame: Bytes, tile: Tile, weight: float, matrix: Matrix, look: Look, warper: Warper) -> None:
    """Lay one tile over the frame (rows, columns, 4), in place."""
    if tile.roi.empty:
        return
    box = _rectangle(tile, matrix, look)
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return
    above = warper.warp(tile, weight, matrix, box)
    part = frame[top:bottom, left:right]
    if tile.opaque:
        part[:] = above
        return
    gap = cv2.bitwise_not(cv2.extractChannel(above, 3))
    behind = cv2.multiply(part, cv2.merge([gap, gap, gap, gap]), scale=1 / 255)
    cv2.add(behind, above, dst=behind)
    part[:] = behind


class Stage:
    """Renders the frames of one clip. Layers run from back to front."""

    def __init__(self, layers: Sequence[Layer], path: Path, look: Look) -> None:
        self._layers, self._path, self._look = layers, path, look
        self._frame = np.zeros((look.height, look.width, 4), np.uint8)
        self._kept: list[tuple[object, ...]] = []
        self._base = self._frame.copy()
        self._depth = 0
        self._warper = Warper(look)
        self._vignette = vignette(look.width, look.height)
        rng = generator(look.seed, 9)
        self._grain = grain_tiles(look.width, look.height)
        self._offsets = rng.integers(0, 256, (64, 2))

    def composed(self, frame: float) -> Bytes:
        """The planes over each other at a frame (fractions allowed), YUV with coverage. Valid until the next call."""
        moment = frame / self._path.fps
        state = self._path.at(frame)
        keys: list[tuple[object, ...]] = []
        drawn = []
        for layer in self._layers:
            matrix, weight, tile = layer.place(self._path, state, moment), layer.weight(moment), layer.tile(moment)
            keys.append((matrix.tobytes(), weight, id(tile.pixels)))
            drawn.append((tile, weight, matrix))
        if keys == self._kept:
            return self._frame
        same = next((n for n, (a, b) in enumerate(zip(keys, self._kept, strict=False)) if a != b), len(self._kept))
        if same < self._depth:
            self._depth = 0
        self._draw(drawn, same)
        self._kept = keys
        return self._frame

    def _draw(self, drawn: list[tuple[Tile, float, Matrix]], same: int) -> None:
        """Draw all, or from layer `same` on where the ones before it lie still and their picture was kept."""
        if same:
            self._restore(drawn[:same])
        elif not (drawn and drawn[0][0].opaque):
            self._frame[:] = 0
        for item in drawn[same:]:
            lay(self._frame, *item, self._look, self._warper)

    def _restore(self, still: list[tuple[Tile, float, Matrix]]) -> None:
        """Put the picture of the layers that lie still into the frame."""
        if self._depth != len(still):
            self._base[:] = 0
            for item in still:
                lay(self._base, *item, self._look, self._warper)
            self._depth = len(still)
        np.copyto(self._frame, self._base)

    def _blurred(self, frame: int) -> Bytes:
        """The frame with its shutter: sub-frames over 180 degrees where the camera is fast."""
        ahead = self._path.at(frame + 0.5)
        here = self._path.at(float(frame))
        speed = abs(ahead.shift[0] - here.shift[0]) + abs(ahead.zoom - here.zoom) * 0.5
        if 2 * speed * self._look.height <= _BLUR_ABOVE:
            return self.composed(float(frame))
        total = np.zeros(self._frame.shape, np.float32)
        for k in range(_SHUTTER):
            total += self.composed(min(frame + k / (2 * (_SHUTTER - 1)), self._path.frames - 1.0))
        return np.asarray(total / _SHUTTER + 0.5, np.uint8)

    def clean(self, frame: int = 0) -> Floats:
        """A frame without grain, sRGB code values (rows, columns, 3: R, G, B) in 0..1."""
        composed = self.composed(float(frame))
        yuv = composed[..., :3].astype(np.float32)
        gain = self._vignette.astype(np.float32)[..., None] * (self._look.exposure(frame / self._path.fps) / 255)
        yuv[..., :1] = (yuv[..., :1] - 16) * gain + 16
        return rgb_of(yuv)

    def frames(self) -> Iterator[bytes]:
        """Every frame as I420 bytes (8 bit 4:2:0, BT.709 limited range)."""
        for number in range(self._path.frames):
            yield self._finish(self._blurred(number), number)

    def _finish(self, composed: Bytes, number: int) -> bytes:
        look = self._look
        luma = cv2.subtract(cv2.extractChannel(composed, 0), _BLACK)
        exposure = look.exposure(number / self._path.fps)
        luma = cv2.multiply(luma, self._vignette, scale=exposure / 255)
        y, x = self._offsets[number % len(self._offsets)]
        grain = self._grain[number % _GRAINS][y : y + look.height, x : x + look.width]
        luma = cv2.add(luma, grain)
        chroma = cv2.resize(composed, (look.width // 2, look.height // 2), interpolation=cv2.INTER_AREA)
        u, v = cv2.extractChannel(chroma, 1), cv2.extractChannel(chroma, 2)
        return luma.tobytes() + u.tobytes() + v.tobytes()


@lru_cache(maxsize=4)
def grain_tiles(width: int, height: int) -> tuple[Bytes, ...]:
    """Film grain around `_LIFT`, each over the frame and 256 pixels more, so that it may be shifted."""
    rows, columns = height + 256, width + 256
    made = []
    for number in range(_GRAINS):
        tile = blurred_tile(generator(0, 9, number), 0.75) * GRAIN + _LIFT
        codes = np.asarray(np.clip(tile + 0.5, 0, 255), np.uint8)
        size = codes.shape[0]
        made.append(np.ascontiguousarray(np.tile(codes, (-(-rows // size), -(-columns // size)))[:rows, :columns]))
    return tuple(made)


@lru_cache(maxsize=4)
def vignette(width: int, height: int) -> Bytes:
    """Gain as 0..255: full to three quarters of the way to the corner, 12 % less in it."""
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height * 2 - 1
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width * 2 - 1
    fall = np.clip((np.hypot(x, y) - 0.75) / (np.sqrt(2.0) - 0.75), 0.0, 1.0)
    noise = np.random.Generator(np.random.PCG64(5)).random((height, width), np.float32)
    return np.asarray(255.0 * (1.0 - 0.12 * fall * fall) - 0.5 + noise * 0.99, np.uint8)
