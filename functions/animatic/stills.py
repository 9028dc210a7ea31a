"""Pictures that a person supplied, as the animatic paints: sRGB code values in 0..1."""

from pathlib import Path

import numpy as np

from functions.animatic.values import Floats
from functions.media.stills import read_still


def load(path: Path, name: str) -> Floats:
    """sRGB code values (rows, columns, 3) in 0..1, upright, transparency laid on black. Raises `InputError`."""
    return np.asarray(read_still(path, name).picture, np.float32) / np.float32(255)
