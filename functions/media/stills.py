"""Pictures that come from outside: checked before they are decoded, then upright R'G'B'."""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from functions.contract.errors import InputError

LONGEST: Final = 16_384
MOST_PIXELS: Final = 64_000_000
FORMATS: Final = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True)
class Still:
    """`picture` is RGB, upright, transparency laid on black; `moving` says it is the first frame of several. `alpha` is
    its coverage (L).
    """

    picture: Image.Image
    moving: bool
    alpha: Image.Image


def read_still(path: Path, name: str) -> Still:
    """The picture of an input called `name`; CMYK and palettes become RGB, EXIF's orientation is applied.

    Raises `InputError` for what is no PNG, JPEG or WebP, is damaged, or has more than `LONGEST` pixels a side or
    `MOST_PIXELS` in all.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as opened:
                if max(opened.size) > LONGEST or math.prod(opened.size) > MOST_PIXELS:
                    raise _too_large(name, f"{opened.width} x {opened.height} pixels")
                moving = getattr(opened, "n_frames", 1) > 1
                upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except UnidentifiedImageError as error:
        raise InputError(
            f"Input '{name}' is neither a PNG nor a JPEG nor a WebP picture; supply one of these."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, "too many pixels to open") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"Input '{name}' is a damaged picture ({error}); export it again and upload it.") from error
    ground = Image.new("RGBA", upright.size, (0, 0, 0, 255))
    ground.alpha_composite(upright)
    return Still(ground.convert("RGB"), moving, upright.getchannel("A"))


def _too_large(name: str, size: str) -> InputError:
    return InputError(
        f"Input '{name}' is too large ({size}): at most {LONGEST} pixels a side and {MOST_PIXELS:,} in all are taken. "
        "Scale it down and upload it again."
    )
