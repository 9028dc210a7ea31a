"""A keyframe's job read and checked before any model is loaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from functions.contract.base import Size
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Adapter, Keyframe
from functions.keyframe_sdxl.regions import Box, standing
from functions.media.stills import read_still
from functions.models.prompts import clean
from functions.runtime.engine import Job

MOST_REFERENCES = 4
ASPECT = 0.02
"""How much the aspect of `previous` may differ before it is said that it was cropped."""
REFERENCE, WHOLE = re.compile(r"ref_(.+)_\d+"), re.compile(r"shot_ref_\d+")


@dataclass(frozen=True)
class Character:
    """A figure that is seen. `words` describe it alone; `adapters` and `references` are its own."""

    id: str
    words: str
    box: Box
    adapters: tuple[Adapter, ...]
    references: tuple[Image.Image, ...]

    @property
    def known(self) -> bool:
        """Whether there is anything to hold its identity by."""
        return bool(self.adapters or self.references)


@dataclass(frozen=True)
class Shot:
    """What to make. `style` adapters and `references` act on the whole picture; `characters` go from back to front."""

    params: Keyframe
    prompt: str
    negative: str
    style: tuple[Adapter, ...]
    characters: tuple[Character, ...]
    references: tuple[Image.Image, ...]
    previous: Image.Image | None
    paths: Mapping[str, Path]
    notes: tuple[Note, ...]

    @property
    def size(self) -> Size:
        """Of the picture."""
        return self.params.size

    @property
    def crowded(self) -> bool:
        """Whether characters must be kept apart: each that is known then has a pass of its own."""
        return len(self.characters) > 1

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is encoded: the negative, the prompt, and the words of each character."""
        return (self.negative, self.prompt, *(one.words for one in self.characters))


def read(job: Job, params: Keyframe) -> Shot:
    """The job as a shot. Raises `InputError` for pictures that cannot be used, for adapters and references of nobody in
    the composition, and for a control without a picture to take it from.
    """
    figures = {figure.id for figure in params.composition.figures}
    _check_names(job, params, figures)
    notes: list[Note] = []
    references = _references(job, figures, notes)
    people = standing(params.composition, params.size)
    characters = tuple(
        Character(
            stands.figure.id,
            _words(params, stands.figure.id),
            stands.box,
            tuple(a for a in params.adapters if a.figure == stands.figure.id),
            references.get(stands.figure.id, ()),
        )
        for stands in people
    )
    unseen = figures - {one.id for one in characters}
    notes += [
        _unseen(name) for name in sorted(unseen) if name in references or any(a.figure == name for a in params.adapters)
    ]
    return Shot(
        params,
        _prompt(params, characters),
        clean(params.negative),
        tuple(a for a in params.adapters if not a.figure),
        characters,
        references.get("", ()),
        _previous(job, params, notes),
        job.inputs,
        tuple(notes),
    )


def _check_names(job: Job, params: Keyframe, figures: set[str]) -> None:
    for adapter in params.adapters:
        if adapter.input not in job.inputs:
            raise InputError(f"The adapter {adapter.input} is not among the inputs: send it along.")
        if adapter.figure and adapter.figure not in figures:
            raise InputError(
                f"The adapter {adapter.input} is for {adapter.figure}, who is not in the composition: "
                "name a figure of the shot, or none for the whole picture."
            )
    for name in job.inputs:
        if (of := _of(name)) and of not in figures:
            raise InputError(f"The reference {name} is of {of}, who is not in the composition: leave it out.")


def _of(name: str) -> str | None:
    """Whom an input is a reference of; "" for the whole picture, None where it is no reference."""
    if WHOLE.fullmatch(name):
        return ""
    found = REFERENCE.fullmatch(name)
    return found[1] if found else None


def _references(job: Job, figures: set[str], notes: list[Note]) -> dict[str, tuple[Image.Image, ...]]:
    out: dict[str, tuple[Image.Image, ...]] = {}
    for figure in ("", *sorted(figures)):
        names = sorted(name for name in job.inputs if _of(name) == figure)
        if len(names) > MOST_REFERENCES:
            detail = (
                f"{figure or 'The shot'} has {len(names)} reference pictures; the first {MOST_REFERENCES} were used."
            )
            notes.append(Note(code="references_left_out", detail=detail, value=len(names)))
        for name in names[:MOST_REFERENCES]:
            still = read_still(job.inputs[name], name)
            if still.moving:
                notes.append(
                    Note(code="moving_reference", detail=f"{name} is a moving picture; its first frame was used.")
                )
            out[figure] = (*out.get(figure, ()), still.picture)
    return out


def _previous(job: Job, params: Keyframe, notes: list[Note]) -> Image.Image | None:
    if params.control == "pose":
        raise InputError("Control by pose is not offered by this engine: choose depth or canny, or none.")
    if params.control == "none":
        return None
    if "previous" not in job.inputs:
        raise InputError(
            f"Control by {params.control} needs input 'previous', the picture to take it from: send it along."
        )
    picture = read_still(job.inputs["previous"], "previous").picture
    asked, found = params.size.width / params.size.height, picture.width / picture.height
    if abs(found / asked - 1) > ASPECT:
        detail = f"The previous picture is {picture.width}x{picture.height}: it was cropped to this shot's aspect."
        notes.append(Note(code="previous_cropped", detail=detail, value=round(found, 3)))
    return picture


def _unseen(figure: str) -> Note:
    return Note(
        code="figure_unseen", detail=f"{figure} is not seen in this shot: its adapters and pictures were not used."
    )


def _words(params: Keyframe, figure_id: str) -> str:
    figure = next(f for f in params.composition.figures if f.id == figure_id)
    triggers = [a.trigger for a in params.adapters if a.figure == figure_id]
    parts = (*triggers, figure.look, figure.wardrobe, params.composition.light, params.composition.style)
    return clean(", ".join(part for part in parts if part))


def _prompt(params: Keyframe, characters: tuple[Character, ...]) -> str:
    """The prompt, with the triggers that it lacks: those of the whole picture, and of a figure that is alone in it."""
    alone = characters[0].id if len(characters) == 1 else ""
    wanted = [a.trigger for a in params.adapters if a.trigger and a.figure in ("", alone)]
    return clean(", ".join([*(t for t in wanted if t not in params.prompt), params.prompt]))
