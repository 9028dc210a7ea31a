"""A keyframe's job read and checked before any model is loaded."""

from dataclasses import dataclass

from PIL import Image

from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Keyframe
from functions.keyframe_klein.recipes import builtin
from functions.models import cast
from functions.models.prompts import clean
from functions.runtime.engine import Job

GUIDANCE = 1000
"""Thousandths: the model is distilled, so there is no other."""


@dataclass(frozen=True)
class Shot:
    """What to make. `pictures` are what the model sees beside the prompt, in the order in which that names them."""

    params: Keyframe
    prompt: str
    pictures: tuple[Image.Image, ...]
    notes: tuple[Note, ...]


def read(job: Job, params: Keyframe) -> Shot:
    """The job as a shot. Raises `InputError` for what this engine has not: adapters, other steps, other guidance; and
    for pictures that cannot be used.
    """
    _check(params)
    cast.check(job, params)
    notes: list[Note] = []
    shown = cast.references(job, builtin().references.most, notes)
    offered = [(f"{name} is in", picture) for name, picture in _in_turn(params, shown)]
    if params.control != "none" or "previous" in job.inputs:
        offered.insert(min(len(shown), len(offered)), ("the shot before is", cast.previous(job, params, notes)))
        detail = "This engine has no control by depth, edges or pose: it was shown the previous picture instead."
        notes += [Note(code="control_as_reference", detail=detail)] if params.control != "none" else []
    offered += [("the place is in", picture) for picture in shown.get("", ())]
    most = builtin().references.most
    if len(offered) > most:
        detail = f"{len(offered)} pictures were given; the first {most} were used."
        notes.append(Note(code="references_left_out", detail=detail, value=len(offered)))
    if params.negative:
        notes.append(Note(code="negative_ignored", detail="This engine takes no negative prompt; it was left out."))
    pictures = tuple(_usable(picture) for _, picture in offered[:most])
    told = [_told(params, what, i) for i, (what, _) in enumerate(offered[:most], 1)]
    return Shot(params, clean(" ".join([*told, params.prompt])), pictures, tuple(notes))


def _check(params: Keyframe) -> None:
    steps = builtin().tiers[params.tier].steps
    if params.adapters:
        raise InputError("FLUX.2 klein is given no adapters: leave them out, or choose keyframe-sdxl.")
    if params.steps not in (None, steps):
        raise InputError(f"FLUX.2 klein runs {steps} steps, not {params.steps}: leave the number out.")
    if params.guidance not in (None, GUIDANCE):
        raise InputError("FLUX.2 klein is distilled and takes no guidance: leave it out.")


def _in_turn(params: Keyframe, shown: dict[str, tuple[Image.Image, ...]]) -> list[tuple[str, Image.Image]]:
    """The first picture of each figure, then the second of each, and so on."""
    people = [f.id for f in params.composition.figures if f.id in shown and f.id != params.composition.pov]
    longest = max((len(shown[name]) for name in people), default=0)
    return [(name, shown[name][turn]) for turn in range(longest) for name in people if turn < len(shown[name])]


def _told(params: Keyframe, what: str, number: int) -> str:
    """What the prompt says of one picture: a figure's look rather than its id, which means nothing to a model."""
    looks = {f"{f.id} is in": f.look for f in params.composition.figures}
    said = f"{looks[what] or 'the person'} is in" if what in looks else what
    return f"{said[:1].upper()}{said[1:]} image {number}."


def _usable(picture: Image.Image) -> Image.Image:
    """A picture of a shape that the model takes. Raises `InputError`."""
    limits = builtin().references
    if min(picture.size) < limits.least or max(picture.size) > limits.aspect * min(picture.size):
        raise InputError(
            f"A reference of {picture.width}x{picture.height} pixels cannot be used: {limits.least} a side are the "
            f"least, and at most {limits.aspect} times as long as wide; send another."
        )
    return picture
