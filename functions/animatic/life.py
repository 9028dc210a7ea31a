"""What moves by itself while the camera stands: swell, drifting mist, breath, people who come and go."""

import math
from typing import Final

import numpy as np

from functions.animatic.planes import Plane
from functions.animatic.render import Matrix
from functions.animatic.values import smooth

BREATH: Final = 0.006
BREATH_HERTZ: Final = 0.25
_STEP_HERTZ: Final = 1.8
TWOS: Final = 12.0
"""Breath, sway and slow light are drawn twelve times a second, each drawing held for two frames."""


def moved(plane: Plane, matrix: Matrix, t: float, seconds: float) -> Matrix:
    """The plane's matrix (frame points to plane points) with its own life at `t` seconds of a clip of `seconds`."""
    if plane.life == "breath":
        matrix = _breathing(plane, matrix, math.floor(t * TWOS + 1e-6) / TWOS)
    elif plane.life == "throw":
        matrix = matrix.copy()
        matrix[1, 2] -= _thrown(t / seconds)
    elif plane.life in _SWAYS:
        x, y = _sway(plane, math.floor(t * TWOS + 1e-6) / TWOS)
        matrix = matrix.copy()
        matrix[:, 2] -= (x, y)
    return _walking(plane, matrix, t, seconds) if plane.drift else matrix


def _thrown(u: float) -> float:
    """How far a lever has come down at a share of the clip: a start, a stop, then all the way."""
    hesitates = 0.018 * float(smooth(0.16, 0.24, u)) - 0.010 * float(smooth(0.27, 0.36, u))
    return hesitates + 0.17 * float(smooth(0.385, 0.43, u))


def _breathing(plane: Plane, matrix: Matrix, t: float) -> Matrix:
    """Taller by a hair about the hips, and back. At rest at the start."""
    grow = 1.0 + BREATH * 0.5 * math.sin(2 * math.pi * BREATH_HERTZ * t)
    pivot = np.array(plane.pivot)
    scale = np.diag([1.0, 1.0 / grow])
    linear = scale @ matrix[:, :2]
    offset = scale @ (matrix[:, 2] - pivot) + pivot
    return np.hstack([linear, offset[:, None]])


_SWAYS: Final = {
    "swell": (0.010, 0.0040, 0.14, 0.21),
    "drift": (0.020, 0.0015, 0.035, 0.05),
    "leaves": (0.0030, 0.0008, 0.31, 0.23),
    "curtain": (0.0022, 0.0, 0.22, 0.2),
}
"""Amplitude x, y (world units) and frequency x, y (hertz)."""


def _sway(plane: Plane, t: float) -> tuple[float, float]:
    """A slow round movement that starts from rest; nearer planes move further."""
    ax, ay, fx, fy = _SWAYS[plane.life]
    near = 0.4 + plane.parallax
    phase = plane.parallax * 17.0
    x = ax * near * (math.sin(2 * math.pi * fx * t + phase) - math.sin(phase))
    y = ay * near * (math.sin(2 * math.pi * fy * t + 1.7 * phase) - math.sin(1.7 * phase))
    return x, y


def stride(t: float, seconds: float) -> float | None:
    """Share (0..1) of a stride of two steps at `t` seconds, drawn twelve times a second; None for one who stands.

    Steps are as frequent as the way is fast: about 1.8 a second.
    """
    held = math.floor(t * TWOS + 1e-6) / TWOS
    done = _gone(held, seconds)
    if done >= 1.0:
        return None
    steps = max(round(_STEP_HERTZ * _walk_seconds(seconds)), 1)
    return steps * done / 2 % 1.0


def _walk_seconds(seconds: float) -> float:
    return max(seconds * 0.55, 0.5)


def _gone(t: float, seconds: float) -> float:
    """Share of a way that is behind a walker."""
    return float(1.0 - (1.0 - min(t / _walk_seconds(seconds), 1.0)) ** 1.8)


def _walking(plane: Plane, matrix: Matrix, t: float, seconds: float) -> Matrix:
    """Along `drift`, (x, y, scale) offsets from start to end, with a step's rise and fall; slower towards the end."""
    (x0, y0), (x1, y1) = plane.drift
    done = _gone(t, seconds)
    bob = 0.0035 * abs(math.sin(math.pi * _STEP_HERTZ * t)) * (1.0 - done)
    matrix = matrix.copy()
    matrix[:, 2] -= (x0 + (x1 - x0) * done, y0 + (y1 - y0) * done - bob)
    return matrix
