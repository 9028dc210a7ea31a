"""Pictures that a person supplied: checked before they are decoded, then cropped to the frame."""

import warnings
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from functions.animatic.values import Floats
from functions.contract.errors import InputError

LONGEST: Final = 16_384
MOST_PIXELS: Final = 64_000_000
_FORMATS: Final = ("PNG", "JPEG")


def load(path: Path, name: str) -> Floats:
    """sRGB code values (rows, columns, 3) in 0..1 of a PNG or JPEG.

    Orientation is applied and transparency laid on black. Raises `InputError` for anything else, for a damaged file,
    and for more than `LONGEST` pixels a side or `MOST_PIXELS` in all.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as opened:
                _measured(opened.size, name)
                upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except UnidentifiedImageError as error:
        raise InputError(f"Input '{name}' is neither a PNG nor a JPEG picture; supply one of these.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, "too many pixels to open") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"Input '{name}' is a damaged picture ({error}); export it again and upload it.") from error
    rgba = np.asarray(upright, np.float32) / 255
    return np.ascontiguousarray(rgba[..., :3] * rgba[..., 3:])


def _measured(size: tuple[int, int], name: str) -> None:
    width, height = size
    if max(size) > LONGEST or width * height > MOST_PIXELS:
        raise _too_large(name, f"{width} x {height} pixels")


def _too_large(name: str, size: str) -> InputError:
    return InputError(
        f"Input '{name}' is too large ({size}): at most {LONGEST} pixels a side and {MOST_PIXELS:,} in all are taken. "
        "Scale it down and upload it again."
    )
