"""Seeded noise that is fixed to the world: periodic tiles, sampled at any place and scale.

Because the pattern depends on position only, a panel repainted wider shows the same rock.
"""

import math
from functools import cache, lru_cache
from typing import Final

import cv2
import numpy as np

from functions.animatic.values import Floats

TILE: Final = 512


def generator(seed: int, *path: int) -> np.random.Generator:
    """A PCG64 stream of its own for each `path` under `seed`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *path])))


def filtered(rng: np.random.Generator, shape: tuple[int, int], response: Floats) -> Floats:
    """Periodic Gaussian noise with this amplitude response over `rfft2` frequencies; mean 0, deviation 1."""
    white = np.fft.rfft2(rng.standard_normal(shape, np.float32))
    white[0, 0] = 0.0
    made = np.fft.irfft2(white * response, s=shape)
    return np.asarray(made / made.std(), np.float32)


@cache
def _frequencies(size: int) -> Floats:
    """Cycles a pixel of each `rfft2` bin."""
    fy = np.fft.fftfreq(size)[:, None]
    fx = np.fft.rfftfreq(size)[None, :]
    return np.asarray(np.hypot(fy, fx), np.float32)


def blurred_tile(rng: np.random.Generator, sigma: float, size: int = TILE) -> Floats:
    """Periodic noise of a Gaussian grain, `sigma` in pixels."""
    response = np.exp(-2.0 * (np.pi * sigma * _frequencies(size)) ** 2)
    return filtered(rng, (size, size), response.astype(np.float32))


def cloud_tile(rng: np.random.Generator, slope: float = 1.6, size: int = TILE) -> Floats:
    """Periodic fractal noise, amplitude falling as 1/f^slope."""
    f = np.maximum(_frequencies(size), 1.0 / size)
    return filtered(rng, (size, size), (f**-slope).astype(np.float32))


@lru_cache(maxsize=8)
def clouds(seed: int) -> Floats:
    """The cloud tile of a seed."""
    return cloud_tile(generator(seed, 1))


@lru_cache(maxsize=8)
def bristle(seed: int) -> Floats:
    """A finer fractal tile of a seed: dry brush, granulation."""
    return cloud_tile(generator(seed, 2), slope=0.9)


def sample(tile: Floats, xs: tuple[float, float], ys: tuple[float, float], shape: tuple[int, int]) -> Floats:
    """The tile over the ranges `xs`, `ys` (in tile periods), as an array of `shape` (rows, columns)."""
    size = tile.shape[0]
    rows, columns = shape
    if not rows or not columns:
        return np.zeros(shape, np.float32)
    step_x = (xs[1] - xs[0]) * size / columns
    step_y = (ys[1] - ys[0]) * size / rows
    x, y = xs[0] % 1.0 * size, ys[0] % 1.0 * size
    source = _wrapped(tile, x + step_x * columns, y + step_y * rows)
    matrix = np.array([[step_x, 0.0, x], [0.0, step_y, y]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(source, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_WRAP))


_MOST_WRAPPED: Final = 4_000_000


def _wrapped(tile: Floats, right: float, bottom: float) -> Floats:
    """The tile laid side by side as far as it is read: OpenCV's own wrapping takes ten times as long."""
    size = tile.shape[0]
    wide, high = (max(math.ceil(reach) + 2 - size, 0) for reach in (right, bottom))
    if (wide + size) * (high + size) > _MOST_WRAPPED:
        return tile
    return np.asarray(cv2.copyMakeBorder(tile, 0, high, 0, wide, cv2.BORDER_WRAP), np.float32)
