"""`layers.bin`: what a keyframe was drawn from, so that motion can paint the same panel wider.

A magic line, then zlib-compressed JSON of the parameters that the drawing reads. It comes from a store and is not
trusted: sizes are bounded and every field is checked.
"""

import json
import zlib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from functions.contract.base import Seed, Size, Strict
from functions.contract.errors import InputError
from functions.contract.params import Composition, Keyframe

MAGIC: Final = b"vivijure-layers 1\n"
MOST_BYTES: Final = 65_536
MOST_JSON: Final = 262_144


class Drawing(Strict):
    """All that decides a panel."""

    version: Literal[1] = 1
    size: Size
    seed: Seed
    composition: Annotated[Composition, Field()]


def drawing_of(params: Keyframe) -> Drawing:
    """What of a keyframe's parameters the drawing reads."""
    return Drawing(size=params.size, seed=params.seed, composition=params.composition)


def pack(drawing: Drawing) -> bytes:
    """The bytes of `layers.bin`."""
    text = json.dumps(drawing.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return MAGIC + zlib.compress(text.encode(), 9)


def load(path: Path) -> Drawing:
    """Read `layers.bin`. Raises `InputError` where it is not one or is larger than any panel's."""
    if path.stat().st_size > MOST_BYTES:
        raise _refused(f"is larger than {MOST_BYTES} bytes")
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise _refused("is not a panel description of this engine")
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data[len(MAGIC) :], MOST_JSON)
    except zlib.error as error:
        raise _refused("is damaged") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise _refused("is cut short or unpacks to more than a panel needs")
    try:
        return Drawing.model_validate_json(text)
    except ValidationError as error:
        raise _refused(f"holds a field that no panel has ({error.errors()[0]['msg']})") from error


def _refused(what: str) -> InputError:
    return InputError(f"Input 'layers' {what}; render the keyframe again, or leave the input out.")
