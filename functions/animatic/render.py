"""The frame loop: planes cut at sub-pixel positions, laid over each other, lit and grained. Memory is constant."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from functions.animatic.camera import Path, State
from functions.animatic.noise import blurred_tile, generator
from functions.animatic.pile import Drawn, Pile
from functions.animatic.planes import Tile, rgb_of
from functions.animatic.raster import Axis, Bytes, Canvas
from functions.animatic.values import Floats

GRAIN: Final = 1.2
"""Deviation of the grain in code values (half a percent). Twice as much, new each frame, doubled the work of x264."""
GRAIN_HELD: Final = 2
"""Frames for which a drawing of the grain is held."""
LAG: Final = 0.5
"""Pixels by which a draft's planes may lag in the second frame of a drawing: slow moves are drawn on twos, as their
grain is, in steps of less than a pixel.
"""
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
        """Frame points to plane points; no turn but the camera's roll."""
        ...


class Weather(Protocol):
    """What falls before everything."""

    def over(self, canvas: Canvas, path: Path, state: State, moment: float, origin: tuple[int, int]) -> None:
        """Draw it over a canvas whose frame begins at `origin` (x, y)."""
        ...


@dataclass(frozen=True)
class Look:
    """The frame itself: delivery size, the seed of its grain and its exposure over time.

    `lag` is how many pixels a plane may lie behind its path in the second frame of each drawing.
    """

    width: int
    height: int
    seed: int
    exposure: Callable[[float], float]
    lag: float = 0.0


class Stage:
    """Renders the frames of one clip. Layers run from back to front."""

    def __init__(self, layers: Sequence[Layer], path: Path, look: Look, weather: Sequence[Weather] = ()) -> None:
        self._layers, self._path, self._look, self._weather = layers, path, look, weather
        self._origin = _turning_room(path, look)
        rows, columns = look.height + 2 * self._origin[1], look.width + 2 * self._origin[0]
        soft = next((n for n, layer in enumerate(layers) if not _soft(layer, look)), len(layers))
        self._far = Pile(-(-rows // 4) * 2, -(-columns // 4) * 2) if soft else None
        self._soft, self._near = soft, Pile(rows, columns)
        self._behind = Canvas.blank(rows, columns) if soft else None
        self._wet = Canvas.blank(rows, columns) if weather else self._near.canvas
        self._vignette = vignette(look.width, look.height)
        self._grain = grain_tiles(look.width, look.height)
        self._offsets = generator(look.seed, 9).integers(0, 256, (64, 2))
        self._finished = Canvas.blank(look.height, look.width)
        self._held: tuple[float, int, float] | None = None
        """Roll, grain and exposure of the finished frame, while no plane has moved since."""

    def composed(self, frame: float) -> Canvas:
        """The planes over each other at a frame (fractions allowed), of the frame's size. Valid until the next call."""
        self._pile_up(frame)
        return self._turned(self._wet, self._path.at(frame).roll)

    def _pile_up(self, frame: float, lag: float = 0.0) -> bool:
        """Bring the canvas up to date to within `lag` pixels, but for the camera's roll. True where anything had to be
        drawn.
        """
        moment = frame / self._path.fps
        level = replace(self._path.at(frame), roll=0.0)
        far = [self._drawn(layer, level, moment, 2) for layer in self._layers[: self._soft]]
        changed = self._far is not None and self._far.draw(far, lag=lag / 2)
        if changed and self._far is not None and self._behind is not None:
            self._behind.enlarge_from(self._far.canvas)
        near = [self._drawn(layer, level, moment, 1) for layer in self._layers[self._soft :]]
        changed = self._near.draw(near, self._behind, changed, lag)
        if self._weather:
            self._wet.copy_from(self._near.canvas)
            for falls in self._weather:
                falls.over(self._wet, self._path, level, moment, self._origin)
        return changed or bool(self._weather)

    def _drawn(self, layer: Layer, state: State, moment: float, unit: int) -> Drawn:
        """A layer at a moment; one pixel of its canvas is `unit` of the frame's."""
        tile, matrix = layer.tile(moment), layer.place(self._path, state, moment)
        look, view, roi = self._look, tile.view, tile.roi
        size, corner = (look.width, look.height), (roi.left, roi.top)
        axes = []
        for k in (0, 1):
            scale = float(matrix[k, k]) * view.scale / look.height
            middle = float((matrix[k, 2] + view.half[k]) * view.scale)
            axes.append(Axis(scale * unit, middle - scale * (size[k] / 2 + self._origin[k]) - corner[k]))
        return Drawn(tile, layer.weight(moment), (axes[0], axes[1]))

    def _turned(self, canvas: Canvas, roll: float) -> Canvas:
        """The frame out of the canvas, turned about the camera's anchor."""
        look, made = self._look, []
        angle = math.radians(roll)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        for plane, k in zip(canvas.planes, (1, 2, 2), strict=True):
            x, y, columns, rows = (n // k for n in (*self._origin, look.width, look.height))
            if not roll:
                made.append(plane[y : y + rows, x : x + columns])
                continue
            anchor = np.array(self._path.anchor) * look.height / k + np.array([columns, rows]) / 2 - 0.5
            start = anchor - turn @ anchor + (x, y)
            matrix = np.hstack([turn, start[:, None]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            warped = cv2.warpAffine(plane, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
            made.append(np.asarray(warped, np.uint8))
        return Canvas(*made)

    def _fast(self, frame: int) -> bool:
        """Whether the camera moves so far in this frame that its shutter is seen."""
        ahead = self._path.at(frame + 0.5)
        here = self._path.at(float(frame))
        speed = abs(ahead.shift[0] - here.shift[0]) + abs(ahead.zoom - here.zoom) * 0.5
        return 2 * speed * self._look.height > _BLUR_ABOVE

    def _blurred(self, frame: int) -> Canvas:
        """The frame with its shutter: sub-frames over 180 degrees."""
        moments = [min(frame + k / (2 * (_SHUTTER - 1)), self._path.frames - 1.0) for k in range(_SHUTTER)]
        total = [p.astype(np.uint16) for p in self.composed(moments[0]).planes]
        for moment in moments[1:]:
            for plane, more in zip(total, self.composed(moment).planes, strict=True):
                np.add(plane, more, out=plane)
        return Canvas(*(((p + _SHUTTER // 2) // _SHUTTER).astype(np.uint8) for p in total))

    def clean(self, frame: int = 0) -> Floats:
        """A frame without grain, sRGB code values (rows, columns, 3: R, G, B) in 0..1."""
        composed = self.composed(float(frame))
        size = (self._look.width, self._look.height)
        gain = self._vignette.astype(np.float32) * (self._look.exposure(frame / self._path.fps) / 255)
        chroma = [cv2.resize(p, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) for p in composed.planes[1:]]
        return rgb_of(np.dstack([(composed.y.astype(np.float32) - 16) * gain + 16, *chroma]))

    def frames(self) -> Iterator[tuple[Canvas, bool]]:
        """Every frame (8 bit 4:2:0, BT.709 limited range), valid until the next; whether it differs from the last."""
        for number in range(self._path.frames):
            yield self._finished, self._finish(number)

    def _finish(self, number: int) -> bool:
        """Bring the finished frame up to date: light and grain over the planes. False where it stays as it was."""
        drawing, roll = number // GRAIN_HELD, self._path.at(float(number)).roll
        exposure = self._look.exposure(drawing * GRAIN_HELD / self._path.fps)
        if self._fast(number):
            composed, self._held = self._blurred(number), None
        else:
            lag = self._look.lag if number % GRAIN_HELD else 0.0
            moved, look = self._pile_up(float(number), lag), (roll, drawing, exposure)
            if not moved and look == self._held:
                return False
            composed, self._held = self._turned(self._wet, roll), look
        self._light(composed, drawing, exposure)
        return True

    def _light(self, composed: Canvas, drawing: int, exposure: float) -> None:
        """Exposure, vignette and grain, into the finished frame."""
        look, (luma, *chroma) = self._look, self._finished.planes
        cv2.subtract(composed.y, _BLACK, dst=luma)
        cv2.multiply(luma, self._vignette, dst=luma, scale=exposure / 255)
        y, x = self._offsets[drawing % len(self._offsets)]
        cv2.add(luma, self._grain[drawing % _GRAINS][y : y + look.height, x : x + look.width], dst=luma)
        for mine, laid in zip(chroma, (composed.u, composed.v), strict=True):
            np.copyto(mine, laid)


def _soft(layer: Layer, look: Look) -> bool:
    """Painted at half size: too far out of focus to tell."""
    return 2 * layer.tile(0.0).view.height <= look.height


def _turning_room(path: Path, look: Look) -> tuple[int, int]:
    """Pixels (x, y; even) around the frame that the camera's roll brings into it."""
    most = math.radians(max(abs(path.at(float(n)).roll) for n in range(path.frames)))
    if not most:
        return 0, 0
    far_x = look.width / 2 + abs(path.anchor[0]) * look.height
    far_y = (0.5 + abs(path.anchor[1])) * look.height
    x, y = (far * (1 - math.cos(most)) + other * math.sin(most) for far, other in ((far_x, far_y), (far_y, far_x)))
    return math.ceil(x / 2 + 1) * 2, math.ceil(y / 2 + 1) * 2


@lru_cache(maxsize=1)
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


@lru_cache(maxsize=1)
def vignette(width: int, height: int) -> Bytes:
    """Gain as 0..255: full to three quarters of the way to the corner, 12 % less in it."""
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height * 2 - 1
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width * 2 - 1
    fall = np.clip((np.hypot(x, y) - 0.75) / (np.sqrt(2.0) - 0.75), 0.0, 1.0)
    noise = np.random.Generator(np.random.PCG64(5)).random((height, width), np.float32)
    return np.asarray(255.0 * (1.0 - 0.12 * fall * fall) - 0.5 + noise * 0.99, np.uint8)
