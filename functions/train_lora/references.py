"""The pictures a LoRA learns from: decoded, and freed of what would teach it wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.media.stills import read_still
from functions.models.faces import Face, Picture

FEWEST, MOST = 4, 100
SMALLEST = 256
"""Pixels of the shorter side below which a picture shows too little of anybody."""
LARGEST = 3072
"""Pixels of the longer side to which a larger picture is scaled down when it is read."""
ALIKE = 5
"""Of the 64 bits of two pictures' hashes, how many may differ in two copies of one picture."""
BLURRED = 12.0
"""Variance of the Laplacian of 8-bit luma, the picture (or its face) at `SHARP_SIDE`, below which it is blurred."""
SHARP_SIDE = 256

Find = Callable[[Picture], tuple[Face, ...]]


@dataclass(frozen=True)
class Reference:
    """`pixels` are R'G'B' (rows, columns, 3); `face` is the largest of those in the picture."""

    name: str
    pixels: Picture
    face: Face | None


def read_references(inputs: Mapping[str, Path], find: Find) -> tuple[tuple[Reference, ...], tuple[Note, ...]]:
    """The usable pictures in the order of their names, and what was left out and why.

    Raises `InputError` for a picture that cannot be read or is too small, for more than `MOST` or fewer than `FEWEST`,
    and where fewer than that are left without copies. Blurred pictures are left out while enough others remain.
    """
    names = sorted(name for name in inputs if name.startswith("ref"))
    if not FEWEST <= len(names) <= MOST:
        raise InputError(f"a LoRA learns from {FEWEST} to {MOST} pictures, and the job has {len(names)}")
    notes: list[Note] = []
    found = [_read(name, inputs[name], find, notes) for name in names]
    kept = _without_copies(found, notes)
    return tuple(_without_blurred(kept, notes)), tuple(notes)


def _read(name: str, path: Path, find: Find, notes: list[Note]) -> Reference:
    still = read_still(path, name)
    if min(still.picture.size) < SMALLEST:
        width, height = still.picture.size
        raise InputError(
            f"Input '{name}' is too small ({width} x {height}): each side needs {SMALLEST} pixels or more."
        )
    if still.moving:
        notes.append(Note(code="first_frame", detail=f"{name} moves; its first frame is used", value=name))
    still.picture.thumbnail((LARGEST, LARGEST))
    pixels = np.asarray(still.picture, np.uint8)
    faces = find(pixels)
    if not faces:
        notes.append(Note(code="no_face", detail=f"{name} shows no face that was found; it is used whole", value=name))
    if len(faces) > 1:
        detail = f"{name} shows {len(faces)} faces; the largest is taken for the character's"
        notes.append(Note(code="several_faces", detail=detail, value=name))
    return Reference(name, pixels, faces[0] if faces else None)


def _without_copies(found: Sequence[Reference], notes: list[Note]) -> list[Reference]:
    kept: list[Reference] = []
    hashes: list[int] = []
    for reference in found:
        own = picture_hash(reference.pixels)
        first = next((i for i, other in enumerate(hashes) if (own ^ other).bit_count() <= ALIKE), None)
        if first is None:
            kept.append(reference)
            hashes.append(own)
            continue
        detail = f"{reference.name} is a copy of {kept[first].name} and is left out"
        notes.append(Note(code="duplicate_reference", detail=detail, value=reference.name))
    if len(kept) < FEWEST:
        said = "; ".join(note.detail for note in notes if note.code == "duplicate_reference")
        raise InputError(f"only {len(kept)} different pictures are left, and {FEWEST} are needed: {said}")
    return kept


def _without_blurred(found: Sequence[Reference], notes: list[Note]) -> list[Reference]:
    by_sharpness = sorted(found, key=lambda reference: -sharpness(reference))
    kept = []
    for place, reference in enumerate(by_sharpness):
        value = round(sharpness(reference), 1)
        if value >= BLURRED:
            kept.append(reference)
            continue
        needed = place < FEWEST
        what = "used, for want of others" if needed else "left out"
        notes.append(
            Note(code="blurred_reference", detail=f"{reference.name} is blurred ({value}) and {what}", value=value)
        )
        if needed:
            kept.append(reference)
    return sorted(kept, key=lambda reference: reference.name)


def picture_hash(pixels: Picture) -> int:
    """64 bits of what a picture shows: signs of the lowest frequencies of its luma against their median.

    The perceptual hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010).
    """
    luma = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(luma.astype(np.float32))[:8, :8].ravel()
    return sum(1 << i for i, bit in enumerate(low > np.median(low)) if bit)


def sharpness(reference: Reference) -> float:
    """Variance of the Laplacian of the face, or of the whole picture where there is none."""
    return float(cv2.Laplacian(_judged(reference), cv2.CV_32F).var())


def _judged(reference: Reference) -> NDArray[np.uint8]:
    pixels = reference.pixels
    if (face := reference.face) is not None:
        left, top = max(0, int(face.x)), max(0, int(face.y))
        pixels = pixels[top : int(face.y + face.height) + 1, left : int(face.x + face.width) + 1]
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = SHARP_SIDE / max(luma.shape)
    return cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
