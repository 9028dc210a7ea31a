"""The cast's pictures among a keyframe's inputs: `ref_<figure>_NN` of a figure, `shot_ref_NN` of the whole picture."""

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Composition, Keyframe
from functions.media.stills import read_still
from functions.models.faces import FaceDetector
from functions.models.snapshots import Snapshots
from functions.runtime.engine import Job

OF_FIGURE, OF_SHOT = re.compile(r"ref_(.+)_\d+"), re.compile(r"shot_ref_\d+")
FACES = "mediapipe-faces"
AROUND = 2.0
"""Sides of a head's square, in sides of its face."""
ASPECT = 0.02
"""How much the aspect of `previous` may differ before it is said that it was cropped."""
UNSEEN = frozenset({"extreme-wide", "insert"})
"""Sizes of shots in which no face is expected."""


def figure_of(name: str) -> str | None:
    """Whom an input is a reference of; "" for the whole picture, None where it is no reference."""
    if OF_SHOT.fullmatch(name):
        return ""
    found = OF_FIGURE.fullmatch(name)
    return found[1] if found else None


def check(job: Job, params: Keyframe) -> None:
    """Raises `InputError` for adapters and references of somebody who is not in the composition, and for an adapter
    that is not among the inputs.
    """
    figures = {figure.id for figure in params.composition.figures}
    for adapter in params.adapters:
        if adapter.input not in job.inputs:
            raise InputError(f"The adapter {adapter.input} is not among the inputs: send it along.")
        if adapter.figure and adapter.figure not in figures:
            raise InputError(
                f"The adapter {adapter.input} is for {adapter.figure}, who is not in the composition: "
                "name a figure of the shot, or none for the whole picture."
            )
    for name in job.inputs:
        if (of := figure_of(name)) and of not in figures:
            raise InputError(f"The reference {name} is of {of}, who is not in the composition: leave it out.")


def references(job: Job, most: int, notes: list[Note]) -> dict[str, tuple[Image.Image, ...]]:
    """References by figure, "" for the whole picture; `most` of each, and a note of those left out.

    Raises `InputError` for a picture that cannot be used.
    """
    out: dict[str, tuple[Image.Image, ...]] = {}
    for figure in sorted({of for name in job.inputs if (of := figure_of(name)) is not None}):
        names = sorted(name for name in job.inputs if figure_of(name) == figure)
        if len(names) > most:
            detail = f"{figure or 'The shot'} has {len(names)} reference pictures; the first {most} were used."
            notes.append(Note(code="references_left_out", detail=detail, value=len(names)))
        out[figure] = tuple(_still(job, name, notes) for name in names[:most])
    return out


def _still(job: Job, name: str, notes: list[Note]) -> Image.Image:
    still = read_still(job.inputs[name], name)
    if still.moving:
        notes.append(Note(code="moving_reference", detail=f"{name} is a moving picture; its first frame was used."))
    return still.picture


def previous(job: Job, params: Keyframe, notes: list[Note]) -> Image.Image:
    """The earlier picture that this one continues, and a note where its aspect differs. Raises `InputError`."""
    if "previous" not in job.inputs:
        raise InputError(f"Control by {params.control} needs input 'previous', the picture to take it from: send it.")
    picture = read_still(job.inputs["previous"], "previous").picture
    asked, found = params.size.width / params.size.height, picture.width / picture.height
    if abs(found / asked - 1) > ASPECT:
        detail = f"The previous picture is {picture.width}x{picture.height}: it was cropped to this shot's aspect."
        notes.append(Note(code="previous_cropped", detail=detail, value=round(found, 3)))
    return picture


def faces(composition: Composition) -> int:
    """Faces that the picture should show."""
    if composition.size in UNSEEN:
        return 0
    hidden = {composition.pov, composition.over}
    return sum(figure.facing != "away" and figure.id not in hidden for figure in composition.figures)


def finder(snapshots: Snapshots) -> FaceDetector:
    """What finds faces. Raises `EngineError` where its weights are missing or altered."""
    return _finder(snapshots.folder(FACES) / "face_detection_full_range.tflite")


@functools.cache
def _finder(path: Path) -> FaceDetector:
    """Read once a process."""
    return FaceDetector(path)


def told(shown: Mapping[str, Sequence[Image.Image]], finds: FaceDetector) -> list[Note]:
    """Notes of figures' references in which no face is found, or more than one."""
    notes = []
    for figure, pictures in shown.items():
        for number, picture in enumerate(pictures, 1):
            if (count := len(finds.find(np.asarray(picture)))) != 1:
                detail = f"Reference {number} of {figure} shows {count} faces that are found; it should show one."
                notes.append(Note(code="reference_faces", detail=detail, value=count))
    return notes


def head(picture: Image.Image, finds: FaceDetector) -> Image.Image:
    """The square around the largest face, `AROUND` times as wide; the whole picture where no face is found."""
    found = finds.find(np.asarray(picture))
    if not found:
        return picture
    (x, y), half = found[0].centre, AROUND * max(found[0].width, found[0].height) / 2
    side = min(2 * half, *picture.size)
    left = min(max(0.0, x - side / 2), picture.width - side)
    top = min(max(0.0, y - side / 2), picture.height - side)
    return picture.crop((round(left), round(top), round(left + side), round(top + side)))
