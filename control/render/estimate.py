"""What a step is expected to take and cost, from the manifests' price hints. Pure."""

import math
from collections.abc import Iterable

from control.graph.model import Step
from control.render.outcome import Terms
from functions.contract.manifest import EngineManifest, PriceHint
from functions.contract.params import Conform, Interpolate, Mix, Motion, Params, Score, Sound

DEFAULT_S = 5.0
"""Seconds of a step of an engine without a hint."""


def seconds(step: Step, manifest: EngineManifest) -> float:
    """Median seconds of work, the sum over the manifest's hints for the step's tier."""
    hints = manifest.hints(getattr(step.params, "tier", "draft"))
    if not hints:
        return DEFAULT_S
    return sum(hint.median_s * _units(step.params, hint) for hint in hints)


def median_u(step: Step, manifest: EngineManifest, terms: Terms) -> int:
    """Micro-dollars of the median."""
    return math.ceil(seconds(step, manifest) * terms.price_u)


def time_left(remaining: Iterable[float], workers: int) -> float:
    """Seconds until all of these are done, spread over the workers; never less than the longest."""
    found = list(remaining)
    return max(sum(found) / max(1, workers), max(found, default=0.0))


def _units(params: Params, hint: PriceHint) -> float:
    if hint.unit in ("job", "image"):
        return 1.0
    if hint.unit == "frame":
        return float(getattr(params, "frames", 1))
    if hint.unit == "second":
        return _length_s(params)
    size = getattr(params, "size", None)
    return size.width * size.height / 1e6 if size is not None else 1.0


def _length_s(params: Params) -> float:
    if isinstance(params, Motion | Conform | Interpolate):
        return params.rate.seconds(params.frames)
    if isinstance(params, Sound | Score | Mix):
        return params.samples / 48_000
    return 1.0
