"""Golden numbers of tiny networks: samples of raw tensors (fp32, one thread), never hashes of encoded files.

`VIVIJURE_WRITE_GOLDEN=1` writes them anew; what changed is then to be explained in the commit.
"""

import json
import os
from pathlib import Path

from torch import Tensor

SAMPLES = 24
TOLERANCE = 1e-4
"""Largest difference of a sample that passes."""
MUTANT = 10 * TOLERANCE
"""Least difference that a fault must make."""


def distance(path: Path, name: str, made: Tensor) -> float:
    """Largest difference between samples of a tensor and the golden ones of this name."""
    found = sampled(made)
    kept: dict[str, list[float]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if os.environ.get("VIVIJURE_WRITE_GOLDEN"):
        kept[name] = found
        path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    return max(abs(a - b) for a, b in zip(found, kept[name], strict=True))


def sampled(made: Tensor) -> list[float]:
    """Numbers of a tensor at even distances."""
    flat = made.detach().float().flatten()
    step = max(1, len(flat) // SAMPLES)
    return [round(float(value), 6) for value in flat[step // 2 :: step][:SAMPLES]]
