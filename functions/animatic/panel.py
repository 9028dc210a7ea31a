"""A panel: the scene staged as planes, and the layers that the frame loop moves."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from functions.animatic.art import art
from functions.animatic.camera import Path, State
from functions.animatic.canvas import View
from functions.animatic.layers import Drawing
from functions.animatic.planes import Plane, Tile, tile
from functions.animatic.render import Layer, Look, Matrix, Stage
from functions.animatic.scene import Scene
from functions.animatic.staging import stage
from functions.animatic.values import Floats
from functions.contract.params import Camera, Motion

Level = Callable[[float], float]
PARALLAXES = [0.15, 0.3, 0.55, 1.0, 1.6]


@dataclass
class Still:
    """A layer made of one tile."""

    plane: Plane
    pixels: Tile
    level: Level
    range_x: float = 1.0
    compress: float = 1.0

    def tile(self, moment: float) -> Tile:
        """Always the same pixels."""
        return self.pixels

    def weight(self, moment: float) -> float:
        """The lamp's level."""
        return self.level(moment) if self.pixels.other is not None else 0.0

    def place(self, path: Path, state: State, moment: float) -> Matrix:
        """The camera's matrix, then what the plane does by itself."""
        matrix = path.matrix(state, self.plane.parallax * self.compress, self.plane.subject)
        matrix[0, 2] += _drift(self.plane, moment)[0]
        matrix[1, 2] += _drift(self.plane, moment)[1]
        return matrix


def _drift(plane: Plane, t: float) -> tuple[float, float]:
    phase = plane.parallax * 40
    if plane.life == "swell":
        return 0.010 * math.sin(0.9 * t + phase), 0.0035 * plane.parallax * math.sin(1.3 * t + phase * 1.7)
    return 0.0, 0.0


@dataclass
class Panel:
    """Layers, camera path and look of one picture or clip."""

    layers: Sequence[Layer]
    path: Path
    look: Look

    def stage(self) -> Stage:
        """What renders it."""
        return Stage(self.layers, self.path, self.look)

    @classmethod
    def of_keyframe(cls, drawing: Drawing) -> "Panel":
        """The panel at rest."""
        return _build(drawing, Camera(), 1, 24.0, drawing.seed)

    @classmethod
    def of_motion(cls, drawing: Drawing, params: Motion) -> "Panel":
        """The panel under a clip's camera."""
        drawing = drawing.model_copy(update={"size": params.size})
        return _build(drawing, params.camera, params.frames, params.rate.num / params.rate.den, params.seed)


def _build(drawing: Drawing, camera: Camera, frames: int, fps: float, seed: int) -> Panel:
    size = drawing.size
    aspect = size.width / size.height
    scene = Scene(drawing.composition, aspect, drawing.seed)
    path = Path(camera, drawing.composition.size, drawing.composition.lens, aspect, frames, fps, seed)
    reach = path.reach(PARALLAXES)
    view = View(aspect, size.height, max(reach[0] - aspect / 2, 0) + 0.02, max(reach[1] - 0.5, 0) + 0.02)
    staged = stage(scene, view)
    planes = staged.planes
    layers = [Still(p, tile(p, scene.palette, scene.place_seed, (1.0, None)), lambda t: 1.0) for p in planes]
    return Panel(layers, path, Look(size.width, size.height, seed, lambda t: 1.0))


def supplied(picture: Floats, params: Motion, end: Floats | None) -> Panel:
    """The panel of a person's own picture: one plane under the clip's camera, dissolving to `end` where given."""
    size, rate = params.size, params.rate
    c = params.composition
    path = Path(
        params.camera, c.size, c.lens, size.width / size.height, params.frames, rate.num / rate.den, params.seed
    )
    return Panel([art(picture, end, size, path)], path, Look(size.width, size.height, params.seed, lambda t: 1.0))
