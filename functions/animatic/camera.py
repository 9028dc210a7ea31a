"""Camera moves: where the camera is at a moment of the clip, and where that puts each plane.

Offsets are world units (frame heights); `zoom` is a scale, exact 1.0 at rest. Every move starts at rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from functions.animatic.noise import generator
from functions.animatic.values import Floats
from functions.contract.params import Camera, Lens, Move, ShotSize, Speed

HOLD_HEAD: Final = 8
HOLD_TAIL: Final = 10
_NO_HOLD_BELOW: Final = 2.5
_RAMP: Final = 0.22
ZOOM_RATE: Final[Mapping[Speed, float]] = MappingProxyType(
    {"creep": 0.006, "slow": 0.012, "medium": 0.025, "fast": 0.05, "whip": 0.6}
)
"""Scale a second of push, pull and zoom."""
PAN_RATE: Final[Mapping[Speed, float]] = MappingProxyType(
    {"creep": 0.01, "slow": 0.02, "medium": 0.05, "fast": 0.12, "whip": 1.8}
)
"""Frame widths a second of pan and track."""
PAN_CAP: Final = 0.14
WHIP: Final = (0.6, 8)
"""Frame widths, and the frames a whip takes."""
VERTICAL: Final = 0.6
ORBIT: Final = 0.025
SQUEEZE: Final = 0.03
RACK_SECONDS: Final = 0.7
_IN: Final = {"push": 1.0, "zoom-in": 1.0, "pull": -1.0, "zoom-out": -1.0}
_ASIDE: Final[Mapping[Move, tuple[float, float]]] = MappingProxyType(
    {
        "pan-left": (-1.0, 0.0),
        "pan-right": (1.0, 0.0),
        "track-left": (-1.0, 0.0),
        "track-right": (1.0, 0.0),
        "tilt-up": (0.0, -1.0),
        "boom-up": (0.0, -1.0),
        "tilt-down": (0.0, 1.0),
        "boom-down": (0.0, 1.0),
        "follow": (1.0, 0.0),
    }
)
_HANDHELD: Final = {"wide": 0.7, "long": 1.6}
RMS_X: Final = 0.0035
RMS_Y: Final = 0.0025
RMS_ROLL: Final = 0.25
EYES: Final = 0.35
"""Shake of a point of view against a held camera: breath, no tremor."""
_FLOATING: Final = {"steadicam": 0.3, "drone": 0.25, "crane": 0.06}


def ease(u: npt.ArrayLike) -> Floats:
    """Distance covered (0..1) at moment `u` (0..1): trapezoid velocity whose ramps are smoothsteps."""
    x = np.clip(np.asarray(u, np.float32), 0.0, 1.0)

    def ramp(t: Floats) -> Floats:
        s = np.clip(t / _RAMP, 0.0, 1.0)
        return np.asarray(_RAMP * (s**3 - s**4 / 2), np.float32)

    middle = np.clip(x - _RAMP, 0.0, 1.0 - 2 * _RAMP)
    return np.asarray((ramp(x) + middle + (_RAMP / 2 - ramp(1.0 - x)) * (x > 1.0 - _RAMP)) / (1.0 - _RAMP), np.float32)


def zoom_cap(size: ShotSize) -> float:
    """Most a push may scale the picture: it would show the paint otherwise."""
    if size == "extreme-wide":
        return 0.08
    return 0.12 if size in ("wide", "full", "medium-full", "medium") else 0.18


@dataclass(frozen=True)
class State:
    """Where the camera is. `shake` moves all planes alike, `shift` by their parallax; `roll` in degrees; `aside` is
    the orbit's slide, `rack` 0..1 how far focus has gone over."""

    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    optical: bool = False
    shake: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    aside: float = 0.0
    rack: float = 0.0


@dataclass(frozen=True)
class Path:
    """The camera over one clip.

    `anchor` is the world point that a push closes in on, `tilt` a lasting roll in degrees. `lands` is the world x that
    a pan or track ends on, `eyes` says that the camera is a person's eyes.
    """

    camera: Camera
    size: ShotSize
    lens: Lens
    aspect: float
    frames: int
    fps: float
    seed: int
    anchor: tuple[float, float] = (0.0, 0.0)
    walking: bool = False
    towards: float = 1.0
    tilt: float = 0.0
    lands: float | None = None
    eyes: bool = False

    @property
    def _span(self) -> tuple[float, float]:
        """First and last moment of the move, in frames."""
        last = self.frames - 1
        if self.camera.speed == "whip":
            start = min(HOLD_HEAD, max(last - WHIP[1], 0))
            return float(start), float(max(min(start + WHIP[1], last), start + 1))
        if self.frames / self.fps < _NO_HOLD_BELOW:
            return 0.0, float(max(last, 1))
        return float(HOLD_HEAD), float(last - HOLD_TAIL)

    def progress(self, frame: float) -> float:
        """How much of the move is done (0..1) at a frame, fractions allowed."""
        start, end = self._span
        return float(ease((frame - start) / (end - start)))

    @cached_property
    def travel(self) -> float:
        """Frame widths that a pan or track covers in all; less where it lands on someone sooner."""
        if self.camera.speed == "whip":
            return WHIP[0]
        aside = _ASIDE.get(self.camera.move, (0.0, 0.0))[0]
        if self.lands is not None and self.lands * aside > 0:
            return min(abs(self.lands) / self.aspect, 2 * PAN_CAP)
        return min(PAN_RATE[self.camera.speed] * self.frames / self.fps, PAN_CAP)

    @cached_property
    def scaling(self) -> float:
        """Scale that a push or zoom reaches in all, above 1."""
        return 1.0 + min(ZOOM_RATE[self.camera.speed] * self.frames / self.fps, zoom_cap(self.size))

    @property
    def closest(self) -> float:
        """Pixels of paint that the move needs for each of the frame's: 1 where nothing is ever enlarged.

        A little more for a zoom, since scales near 1 cannot be stretched to exactly.
        """
        return 1.05 * self.scaling if self.camera.move in _IN else 1.0

    @cached_property
    def _shakes(self) -> npt.NDArray[np.float64] | None:
        if self.camera.rig == "handheld":
            factor = _HANDHELD.get(self.lens, 1.0) * (2.0 if self.walking else 1.0)
            return handheld(self.frames, self.fps, self.seed) * factor
        if self.eyes and self.camera.rig == "sticks":
            return handheld(self.frames, self.fps, self.seed, corner=0.3, tremor=0.0) * EYES
        if self.camera.rig in _FLOATING:
            return handheld(self.frames, self.fps, self.seed, corner=0.25, tremor=0.0) * _FLOATING[self.camera.rig]
        return None

    def _shake(self, frame: float) -> npt.NDArray[np.float64]:
        if self._shakes is None:
            return np.zeros(3)
        low = min(int(frame), self.frames - 1)
        part = frame - low
        return np.asarray(self._shakes[low] * (1 - part) + self._shakes[min(low + 1, self.frames - 1)] * part)

    def at(self, frame: float) -> State:
        """The camera at a frame (fractions allowed, for shutter blur)."""
        move = self.camera.move
        done = self.progress(frame)
        x, y, roll = self._shake(frame)
        aside_x, aside_y = _ASIDE.get(move, (0.0, 0.0))
        reach = self.travel * self.aspect * done
        direction = self.towards if move == "follow" else 1.0
        return State(
            shift=(aside_x * reach * direction, aside_y * self.travel * VERTICAL * done),
            zoom=float(self.scaling ** (_IN.get(move, 0.0) * done)),
            optical=move in ("zoom-in", "zoom-out"),
            shake=(float(x) * self.aspect, float(y)),
            roll=float(roll) + self.tilt,
            aside=ORBIT * self.aspect * done * {"orbit-left": -1.0, "orbit-right": 1.0}.get(move, 0.0),
            rack=self._rack(frame),
        )

    def _rack(self, frame: float) -> float:
        if self.camera.move != "rack":
            return 0.0
        middle = (self.frames - 1) / 2
        u = (frame - middle) / (RACK_SECONDS * self.fps) + 0.5
        return float(ease(u))

    def matrix(self, state: State, parallax: float, subject: bool = False) -> npt.NDArray[np.float64]:
        """The affine map (2, 3) from frame points to points of a plane, both in world units."""
        depth = 1.0 if state.optical else parallax
        scale = state.zoom**depth
        angle = np.radians(state.roll)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
        if subject and state.aside:
            turn[0] /= 1.0 - SQUEEZE * abs(state.aside) / (ORBIT * self.aspect)
        held = 0.0 if subject and self.camera.move == "follow" else parallax
        anchor = np.array(self.anchor)
        slide = np.array([state.aside * (1.0 - parallax) / 0.85, 0.0])
        offset = anchor - turn @ anchor + held * np.array(state.shift) + np.array(state.shake) + slide
        return np.hstack([turn, offset[:, None]])

    def reach(self, parallaxes: list[float]) -> tuple[float, float]:
        """Half extents (world units) that planes of these parallaxes must be painted to."""
        corners = np.array([[sx * self.aspect / 2, sy / 2, 1.0] for sx in (-1, 1) for sy in (-1, 1)])
        moments = np.unique(np.linspace(0, self.frames - 1, min(self.frames, 60)))
        far = np.array([0.0, 0.0])
        for moment in moments:
            state = self.at(float(moment))
            for parallax in parallaxes:
                far = np.maximum(far, np.abs(corners @ self.matrix(state, parallax).T).max(axis=0))
        slack = 0.0 if self._shakes is None else 0.01
        return float(far[0] + slack), float(far[1] + slack)


def handheld(
    frames: int, fps: float, seed: int, corner: float = 0.6, tremor: float = 0.0003
) -> npt.NDArray[np.float64]:
    """Shake of a held camera, (frames, 3): x in frame widths, y in frame heights, roll in degrees.

    Amplitude falls as 1/(1+(f/corner)^2) and is zero above 9 Hz; breath at 0.25 Hz and a small 4-8 Hz tremor ride
    on it.
    """
    rng = generator(seed, 71)
    length = max(frames, int(12 * fps))
    f = np.fft.rfftfreq(length, 1 / fps)
    shape = np.where((f > 0) & (f <= 9.0), 1 / (1 + (f / corner) ** 2), 0.0)
    band = ((f >= 4.0) & (f <= 8.0)).astype(np.float64)
    out = np.zeros((length, 3))
    for axis, rms in enumerate((RMS_X, RMS_Y, RMS_ROLL)):
        phases = np.exp(2j * np.pi * rng.random(len(f)))
        wave = np.fft.irfft(shape * phases, length)
        out[:, axis] = wave * (rms / wave.std())
        if axis < 2 and tremor and band.any():
            jitter = np.fft.irfft(band * np.exp(2j * np.pi * rng.random(len(f))), length)
            out[:, axis] += jitter * (tremor / np.abs(jitter).max())
    out[:, 1] += 0.0015 * np.sin(2 * np.pi * 0.25 * np.arange(length) / fps + rng.random() * 6.28)
    return out[:frames]
