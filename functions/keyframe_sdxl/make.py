"""A keyframe from a shot: texts, references, control, the plate, and a masked pass for each character.

With several characters the plate is made without their LoRAs, each one's words and pictures held to its region; then
each is painted anew from the plate at native size, with its own LoRA and pictures only, and laid in from back to front.
Passes read the plate and never one another's work, so nothing of one character reaches beyond its own mask.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from functions.contract.base import Size
from functions.keyframe_sdxl import pixels, recipes, references, regions, variants
from functions.keyframe_sdxl.attention import Condition, Reference, Region
from functions.keyframe_sdxl.denoise import Known, Run, Steered, denoise, schedule
from functions.keyframe_sdxl.models import Models
from functions.keyframe_sdxl.pixels import Picture
from functions.keyframe_sdxl.recipes import Recipe
from functions.keyframe_sdxl.regions import Box
from functions.keyframe_sdxl.shot import Character, Shot
from functions.keyframe_sdxl.variants import Wardrobe, Worn
from functions.models.noise import noise
from functions.models.plan import Plan
from functions.models.preview import LinearPreview
from functions.models.sdxl import text
from functions.models.sdxl.text import Words
from functions.models.staging import Model, Stages
from functions.models.steps import Denoising, Limits, check_latents
from functions.runtime.engine import Job

LATENT = 8
"""Pixels of a latent's side."""
GRID = 64
"""Sizes of passes are multiples of this."""
FEATHER = 0.1
"""Edge of a region in which its words and pictures fade, as a share of its longer side."""
LIMITS = Limits(0.05, 50.0)
"""Standard deviation of SDXL's latents: about 0.8 for photographs; wide, because only proof may refuse."""
IN_PLACE = ("resident", "model_offload")
"""Placements whose weights are whole on the device while they are used."""


@dataclass(frozen=True)
class Dressed:
    """Adapters read and matched: of the tier and the whole picture, and of each character."""

    common: tuple[Worn, ...]
    own: Mapping[str, tuple[Worn, ...]]


@dataclass(frozen=True)
class Loaded:
    """What an attempt works with: the worker's models and stages, and the job's tokens."""

    models: Models
    stages: Stages
    wardrobe: Wardrobe
    tokens: text.Tokens
    preview: LinearPreview | None = None


@dataclass(frozen=True)
class Pass:
    """One character's masked pass."""

    character: Character
    box: Box
    size: Size
    mask: regions.Mask

    def latent_mask(self) -> Tensor:
        """Where it paints, in latents of its own size: (1, 1, rows, columns)."""
        part = self.mask[self.box.rows, self.box.columns]
        small = pixels.reduced(part, self.size.height // LATENT, self.size.width // LATENT)
        return (small > 0).float()[None, None]


class Maker:
    """One attempt at one job, under one plan."""

    def __init__(self, job: Job, shot: Shot, recipe: Recipe, dressed: Dressed, loaded: Loaded, plan: Plan) -> None:
        self.job, self.shot, self.recipe, self.dressed = job, shot, recipe, dressed
        self.models, self.stages, self.plan = loaded.models, loaded.stages, plan
        self.wardrobe, self.tokens = loaded.wardrobe, loaded.tokens
        self.unet = self.models.unet(reference_file(shot), shot.size)
        self.passes = passes_of(shot, loaded.models.native)
        total = recipe.steps + sum(_steps(recipe, self._strength) for _ in self.passes)
        self.denoising = Denoising(job, total, preview=loaded.preview)
        self.done = 0

    def make(self) -> Picture:
        """The picture. Raises `Cancelled`, `DeadlineExceeded`, `OutputRefused` and what torch raises."""
        words, looks, guide = self._encode(), self._look(), self._guide()
        self.denoising.begin()
        with self._wearing(self.unet, self._plate_adapters()) as unet:
            latents = self._plate(unet, words, looks, guide)
        plate, known = self._decode_plate(latents)
        if not self.passes:
            return plate
        made = [self._paint(one, k, words, looks) for one, k in zip(self.passes, known, strict=True)]
        return self._lay_in(plate, made)

    def _encode(self) -> Words:
        """All texts, each through encoders that wear what the UNet wears when it hears them."""
        self.job.progress("read", 0, 1)
        plate, people = self._plate_adapters(), self.shot.characters
        heard = [plate] * (2 + len(people)) + [(*self.dressed.common, *self.dressed.own[one.id]) for one in people]
        rows: dict[tuple[Worn, ...], list[int]] = {}
        for row, adapters in enumerate(heard):
            rows.setdefault(tuple(one for one in adapters if one.speaks), []).append(row)
        found: dict[int, Words] = {}
        for adapters, own in rows.items():
            words = self._read(adapters, own)
            found |= {row: words[[i]] for i, row in enumerate(own)}
        return text.joined([found[row] for row in range(len(heard))])

    def _read(self, adapters: Sequence[Worn], rows: Sequence[int]) -> Words:
        one, two = self.models.text()
        with self._wearing(one, adapters) as first, self._wearing(two, adapters) as second:
            return text.encode(self.tokens[rows], first, second)

    def _look(self) -> dict[str, Tensor]:
        """Tokens of each character's references, and of the whole picture's under ""."""
        shown = {one.id: one.references for one in self.shot.characters} | {"": self.shot.references}
        shown = {name: pictures for name, pictures in shown.items() if pictures}
        if not shown:
            return {}
        self.job.progress("look", 0, len(shown))
        with (
            self.stages.use(self.models.image_encoder()) as encoder,
            self.stages.use(self.models.projection(reference_file(self.shot))) as projection,
        ):
            return {
                name: references.tokens(pictures, encoder, projection, guided=self.recipe.guided)
                for name, pictures in shown.items()
            }

    def _guide(self) -> Tensor | None:
        """What the ControlNet reads, (1, 3, rows, columns) in 0..1."""
        if self.shot.previous is None:
            return None
        self.job.progress("control", 0, 1)
        picture = pixels.fitted(self.shot.previous, self.shot.size)
        if self.shot.params.control == "depth":
            with self.stages.use(self.models.depth()) as estimator:
                drawn = pixels.relief(references.depth(picture, estimator, self.models.depth_reader), self.shot.size)
        else:
            drawn = pixels.edges(picture)
        return torch.from_numpy(drawn.copy()).permute(2, 0, 1)[None].float().to(self.stages.device.torch_device) / 255

    @contextmanager
    def _wearing(self, model: Model, adapters: Sequence[Worn]) -> Iterator[Any]:
        """A model on the device in exactly these adapters."""
        parts = [one.of(model.size.name) for one in adapters]
        placement = self.plan.placements[model.size.name]
        if placement not in IN_PLACE:
            with self.stages.use(variants.dressed(model, parts)) as module:
                yield module
            return
        with self.stages.use(model) as module:
            try:
                self.wardrobe.wear(module, parts)
                yield module
            finally:
                if placement != "resident":
                    self.wardrobe.forget(module)

    def _plate_adapters(self) -> tuple[Worn, ...]:
        alone = () if self.shot.crowded else tuple(self.shot.characters)
        return (*self.dressed.common, *(worn for one in alone for worn in self.dressed.own[one.id]))

    def _plate(self, unet: Any, words: Words, looks: dict[str, Tensor], guide: Tensor | None) -> Tensor:
        rows, columns = self.shot.size.height // LATENT, self.shot.size.width // LATENT
        with ExitStack() as stack:
            steered = None
            if guide is not None:
                net = stack.enter_context(self.stages.use(self.models.control()))
                steered = Steered(net, guide, recipes.builtin().control[self.shot.params.control])
            run = Run(
                unet,
                self.recipe,
                words[self._rows(1)],
                self._condition(words, looks, rows, columns, unet),
                noise((1, 4, rows, columns), self.shot.params.seed, "initial"),
                self.shot.size,
                steered=steered,
            )
            return self._run(run, "the plate")

    def _condition(self, words: Words, looks: dict[str, Tensor], rows: int, columns: int, unet: Any) -> Condition:
        people = self.shot.characters
        masks = [regions.feathered(one.box, self.shot.size, FEATHER) for one in people]
        placed = [pixels.reduced(m, rows, columns)[None].to(unet.device, unet.dtype) for m in regions.apart(masks)]
        share, scale = recipes.builtin().regions.text, recipes.builtin().references.scale
        own = [Region(words[self._rows(2 + i)].states, share * placed[i]) for i in range(len(people))]
        seen = [
            Reference(looks[one.id], scale, placed[i] if self.shot.crowded else None)
            for i, one in enumerate(people)
            if one.id in looks
        ]
        whole = [Reference(looks[""], scale)] if "" in looks else []
        return Condition(words[self._rows(1)].states, tuple(own) if self.shot.crowded else (), (*whole, *seen))

    def _paint(self, one: Pass, known: Tensor, words: Words, looks: dict[str, Tensor]) -> Tensor:
        own = words[self._rows(2 + len(self.shot.characters) + self.shot.characters.index(one.character))]
        scale, name = recipes.builtin().references.scale, one.character.id
        seen = (Reference(looks[name], scale),) if name in looks else ()
        drawn = noise(known.shape, self.shot.params.seed, f"pass of {name}")
        around = Known(known, one.latent_mask().to(known.device), self._strength)
        with self._wearing(self.unet, (*self.dressed.common, *self.dressed.own[name])) as unet:
            run = Run(unet, self.recipe, own, Condition(own.states, (), seen), drawn, one.size, known=around)
            return self._run(run, f"the pass of {name}")

    def _run(self, run: Run, stage: str) -> Tensor:
        before = self.done

        def edge(index: int, latents: Tensor, clean: Tensor) -> None:
            self.done = before + index + 1
            self.denoising.done(before + index, latents, clean)

        latents = denoise(run, edge)
        check_latents(latents, stage, LIMITS)
        return latents

    def _decode_plate(self, latents: Tensor) -> tuple[Picture, list[Tensor]]:
        """The plate, and the latents of what each pass changes of it."""
        with self._vae() as vae:
            plate = pixels.decode(latents, vae)
            return plate, [pixels.encode(pixels.cut(plate, one.box, one.size), vae) for one in self.passes]

    def _lay_in(self, plate: Picture, made: Sequence[Tensor]) -> Picture:
        with self._vae() as vae:
            for one, latents in zip(self.passes, made, strict=True):
                plate = pixels.pasted(plate, pixels.decode(latents, vae), one.box, one.mask)
        return plate

    @contextmanager
    def _vae(self) -> Iterator[Any]:
        self.job.progress("decode", 0, 1)
        with self.stages.use(self.models.vae(self.shot.size)) as vae:
            (vae.enable_tiling if self.plan.tiling else vae.disable_tiling)()
            yield vae

    @property
    def _strength(self) -> float:
        return recipes.builtin().passes.strength_at(self.shot.params.composition.size)

    def _rows(self, own: int) -> list[int]:
        """Rows of `Shot.texts`: the negative where it is run, and one's own."""
        return [0, own] if self.recipe.guided else [own]


def passes_of(shot: Shot, native: int) -> tuple[Pass, ...]:
    """The masked passes of a shot, from back to front: none where a character is alone or no one is known."""
    known = [one for one in shot.characters if one.known] if shot.crowded else []
    how = recipes.builtin().passes
    boxes = [one.box.grown(how.margin, shot.size) for one in known]
    return tuple(
        Pass(one, box, _native(box, native), regions.feathered(one.box, shot.size, how.feather))
        for one, box in zip(known, boxes, strict=True)
    )


def _native(box: Box, side: int) -> Size:
    """The size with a box's aspect and the area that the UNet was trained for."""
    wide = math.sqrt(box.width / box.height)
    width, height = (max(GRID, round(side * f / GRID) * GRID) for f in (wide, 1 / wide))
    return Size(width=width, height=height)


def _steps(recipe: Recipe, strength: float) -> int:
    return len(schedule(recipe, strength, torch.device("cpu"))[1])


def reference_file(shot: Shot) -> str:
    """The IP-Adapter for a shot: that for faces where it shows little else."""
    known = recipes.builtin().references
    return known.face_file if shot.params.composition.size in known.face_sizes else known.file
