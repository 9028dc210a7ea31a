"""A keyframe's job read and checked before any model is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from functions.contract.base import Size
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Adapter, Figure, Keyframe
from functions.keyframe_sdxl import recipes
from functions.keyframe_sdxl.regions import Box, standing
from functions.models import cast
from functions.models.prompts import clean
from functions.runtime.engine import Job


@dataclass(frozen=True)
class Character:
    """A figure that is seen. `words` describe it alone, `called` with the triggers of its adapters before them: the
    plate wears no adapter, so there a trigger means nothing. `adapters` and `references` are its own.
    """

    id: str
    words: str
    called: str
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
        """All that is encoded: the negative, the prompt, the words of each character, and what each is called by."""
        own = (*(one.words for one in self.characters), *(one.called for one in self.characters))
        return (self.negative, self.prompt, *own)


def read(job: Job, params: Keyframe) -> Shot:
    """The job as a shot. Raises `InputError` for pictures that cannot be used, for adapters and references of nobody in
    the composition, and for a control that is not offered or has no picture to be taken from.
    """
    if params.control == "pose":
        raise InputError(
            "Control by pose is not offered by this engine: choose depth, which keeps bodies where they are, canny, "
            "which keeps outlines, or none."
        )
    cast.check(job, params)
    notes: list[Note] = []
    shown = cast.references(job, recipes.builtin().references.most, notes)
    characters = tuple(
        Character(
            one.figure.id,
            _words(params, one.figure),
            _words(params, one.figure, *(a.trigger for a in params.adapters if a.figure == one.figure.id)),
            one.box,
            tuple(a for a in params.adapters if a.figure == one.figure.id),
            shown.get(one.figure.id, ()),
        )
        for one in standing(params.composition, params.size)
    )
    held = shown.keys() | {a.figure for a in params.adapters}
    seen = {one.id for one in characters}
    notes += [_unseen(f.id) for f in params.composition.figures if f.id not in seen and f.id in held]
    return Shot(
        params,
        _prompt(params, characters),
        clean(params.negative),
        tuple(a for a in params.adapters if not a.figure),
        characters,
        shown.get("", ()),
        None if params.control == "none" else cast.previous(job, params, notes),
        job.inputs,
        tuple(notes),
    )


def _unseen(figure: str) -> Note:
    return Note(
        code="figure_unseen", detail=f"{figure} is not seen in this shot: its adapters and pictures were not used."
    )


def _words(params: Keyframe, figure: Figure, *triggers: str) -> str:
    parts = (*triggers, figure.look, figure.wardrobe, params.composition.light, params.composition.style)
    return clean(", ".join(part for part in parts if part))


def _prompt(params: Keyframe, characters: tuple[Character, ...]) -> str:
    """The prompt, with the triggers that it lacks: those of the whole picture, and of a figure that is alone in it."""
    alone = characters[0].id if len(characters) == 1 else ""
    wanted = [a.trigger for a in params.adapters if a.trigger and a.figure in ("", alone)]
    return clean(", ".join([*(t for t in wanted if t not in params.prompt), params.prompt]))
