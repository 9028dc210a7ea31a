"""A panel: the scene staged as planes, and the layers that the frame loop moves."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from functions.animatic import framing, life, light
from functions.animatic.art import art
from functions.animatic.camera import Path, State
from functions.animatic.canvas import View
from functions.animatic.layers import Drawing
from functions.animatic.light import Level
from functions.animatic.planes import Plane, Tile, flattened, racked, settled, tile
from functions.animatic.portrait import Portrait
from functions.animatic.render import LAG, Layer, Look, Matrix, Stage, Weather
from functions.animatic.scene import Scene
from functions.animatic.staging import stage
from functions.animatic.values import Floats
from functions.animatic.weather import falling
from functions.contract.params import Camera, Motion

DUTCH = 7.0
"""Degrees that a dutch angle leans."""
STRIDES = 10
"""Drawings of a stride."""
PARALLAXES = [0.15, 0.3, 0.55, 1.0, 1.6]
Portraits = Mapping[str, Portrait]
_NOBODY: Portraits = MappingProxyType({})


@dataclass
class Moving:
    """A layer made of one painted plane: moved by the camera and by its own life."""

    plane: Plane
    pixels: Tile
    level: Level
    compress: float = 1.0
    strides: tuple[Tile, ...] = ()
    seconds: float = 0.0

    def tile(self, moment: float) -> Tile:
        """Always the same pixels, but of one who walks."""
        share = life.stride(moment, self.seconds) if self.strides else None
        return self.pixels if share is None else self.strides[round(share * len(self.strides)) % len(self.strides)]

    def weight(self, moment: float) -> float:
        """The lamp's level, in steps too small to see, so that still light costs nothing."""
        held = math.floor(moment * life.TWOS + 1e-6) / life.TWOS
        return round(self.level(held) * 128) / 128 if self.pixels.other is not None else 0.0

    def place(self, path: Path, state: State, moment: float) -> Matrix:
        """The camera's matrix, then what the plane does by itself."""
        plane = self.plane
        camera = path.matrix(state, plane.parallax * self.compress, plane.subject)
        return life.moved(plane, camera, moment, path.frames / path.fps)


def merged(layers: list[Layer], path: Path) -> list[Layer]:
    """Neighbouring planes that move alike to within a pixel over the whole clip become one."""
    made: list[Layer] = []
    for layer in layers:
        below = made[-1] if made else None
        if isinstance(below, Moving) and isinstance(layer, Moving) and _alike(below, layer, path):
            made[-1] = Moving(below.plane, flattened(below.pixels, layer.pixels), below.level, below.compress)
        else:
            made.append(layer)
    return made


def _alike(a: Moving, b: Moving, path: Path) -> bool:
    if a.plane.life or b.plane.life or a.plane.drift or b.plane.drift or a.pixels.view != b.pixels.view:
        return False
    corners = np.array([[x * path.aspect / 2, y / 2, 1.0] for x in (-1, 1) for y in (-1, 1)])
    pixel = 1 / (a.pixels.view.scale * (0.8 if a.plane.blur < 3 else 0.3))
    for frame in np.linspace(0, path.frames - 1, 9):
        state, moment = path.at(float(frame)), float(frame) / path.fps
        apart = corners @ (a.place(path, state, moment) - b.place(path, state, moment)).T
        if np.abs(apart).max() > pixel:
            return False
    return True


@dataclass
class Panel:
    """Layers, camera path and look of one picture or clip."""

    layers: Sequence[Layer]
    path: Path
    look: Look
    weather: Sequence[Weather] = ()

    def stage(self) -> Stage:
        """What renders it."""
        return Stage(self.layers, self.path, self.look, self.weather)

    @classmethod
    def of_keyframe(cls, drawing: Drawing, portraits: Portraits = _NOBODY) -> "Panel":
        """The panel at rest."""
        return _build(drawing, portraits, Camera(), 1, 24.0, drawing.seed)

    @classmethod
    def of_motion(cls, drawing: Drawing, params: Motion, portraits: Portraits = _NOBODY) -> "Panel":
        """The panel under a clip's camera."""
        drawing = drawing.model_copy(update={"size": params.size})
        fps = params.rate.num / params.rate.den
        made = _build(drawing, portraits, params.camera, params.frames, fps, params.seed)
        return replace(made, look=replace(made.look, lag=_lag(params)))


def _lag(params: Motion) -> float:
    """Pixels by which planes may lag behind their path in every second frame."""
    return LAG if params.tier == "draft" else 0.0


def _build(drawing: Drawing, portraits: Portraits, camera: Camera, frames: int, fps: float, seed: int) -> Panel:
    size = drawing.size
    aspect = size.width / size.height
    scene = Scene(drawing.composition, aspect, drawing.seed, portraits)
    c = drawing.composition
    moving = [f for f in c.figures if f.pose in ("walk", "run") or f.moves != "none"]
    anchor = framing.target(scene, camera.to)
    end = framing.revealed(scene, camera.to)
    towards = framing.gaze(c.figures[0], scene)[1] if c.figures else 1.0
    path = Path(
        camera,
        c.size,
        c.lens,
        aspect,
        frames,
        fps,
        seed,
        anchor,
        bool(moving),
        towards,
        DUTCH if c.angle == "dutch" else 0.0,
        end.x if end is not None else None,
        bool(c.pov),
    )
    compress = 0.6 if c.lens == "long" else 1.0
    reach = path.reach(PARALLAXES)
    slack = 0.004 + (26 if path.closest > 1 else 6) / size.height
    view = View(
        aspect, size.height, max(reach[0] - aspect / 2, 0) + slack, max(reach[1] - 0.5, 0) + slack, path.closest
    )
    staged = stage(scene, view)
    planes = staged.planes
    level = light.lamp_level(scene, frames / fps)

    def focus(moment: float) -> float:
        return path.at(moment * fps).rack

    levels = (0.0, 1.0) if light.changes(scene) and frames > 1 else (level(0.0), None)
    layers: list[Layer] = []
    for plane in (p for p in planes if not p.sheet.roi.empty):
        warm = scene.lamp and scene.palette.warm
        if camera.move == "rack":
            pixels = racked(plane, scene.palette, scene.place_seed, level(0.0), warm)
        else:
            pixels = tile(plane, scene.palette, scene.place_seed, levels, warm)
        walk = () if plane.stride is None or frames == 1 else tuple(_strides(plane, scene, level(0.0), warm))
        changing = focus if camera.move == "rack" else level
        layers.append(Moving(settled(plane), pixels, changing, compress, walk, frames / fps))
        if plane.tags.get("beam"):
            layers.append(
                light.Beam((plane.tags["x"], plane.tags["y"]), plane.parallax, view, scene.palette, level, seed)
            )
    layers = merged(layers, path)
    falls = falling(scene, (size.height, size.width), seed)
    return Panel(layers, path, Look(size.width, size.height, seed, light.exposure(scene, seed)), falls)


def _strides(plane: Plane, scene: Scene, level: float, warm: bool) -> Iterator[Tile]:
    """The drawings of one who walks, each with the wash that set the first apart from what is behind."""
    for n in range(STRIDES if plane.stride else 0):
        sheet = plane.stride(n / STRIDES) if plane.stride else plane.sheet
        where = sheet.roi.slices
        sheet.value[where] = np.clip(sheet.value[where] + plane.tags["shift"], 4, 90)
        yield tile(replace(plane, sheet=sheet), scene.palette, scene.place_seed, (level, None), warm)


def supplied(picture: Floats, params: Motion, end: Floats | None) -> Panel:
    """The panel of a person's own picture: one plane under the clip's camera, dissolving to `end` where given."""
    size, rate = params.size, params.rate
    c = params.composition
    path = Path(
        params.camera, c.size, c.lens, size.width / size.height, params.frames, rate.num / rate.den, params.seed
    )
    look = Look(size.width, size.height, params.seed, lambda t: 1.0, _lag(params))
    return Panel([art(picture, end, size, path)], path, look)
