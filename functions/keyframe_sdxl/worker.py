"""What one worker process keeps between keyframes, and one job from its inputs to its picture."""

import time
from collections.abc import Sequence
from dataclasses import replace

import diffusers
import torch
import transformers

from functions.contract.base import Size
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts
from functions.contract.params import Adapter, Keyframe
from functions.keyframe_sdxl import pixels, recipes
from functions.keyframe_sdxl.make import Dressed, Loaded, Maker, reference_file
from functions.keyframe_sdxl.models import Models, Precision
from functions.keyframe_sdxl.pixels import Picture
from functions.keyframe_sdxl.recipes import Recipe
from functions.keyframe_sdxl.shot import Shot, read
from functions.keyframe_sdxl.variants import Wardrobe, Worn, file_key, shapes
from functions.models import cast
from functions.models.adapters import read_lora
from functions.models.chart import chart
from functions.models.device import Device, detect
from functions.models.faces import FaceDetector
from functions.models.plan import Plan, make_plan
from functions.models.png import PngWriter
from functions.models.preview import LinearPreview
from functions.models.replan import run_planned
from functions.models.score import score
from functions.models.sdxl import text, weights
from functions.models.snapshots import Snapshots
from functions.models.staging import Stages
from functions.runtime.engine import Job, Outcome


class Worker:
    """Models, adapters and plans of one process. Raises `EngineError` where no weights are named."""

    def __init__(self, manifest: EngineManifest, device: Device | None = None) -> None:
        self._manifest = manifest
        self._snapshots = Snapshots.from_environment()
        device = device or detect()
        self._models = Models(self._snapshots, Precision.of(device))
        self._stages = Stages(device)
        self._wardrobe = Wardrobe()
        self._preview: LinearPreview | None = None
        self._base: dict[str, tuple[int, ...]] = {}

    def make(self, job: Job, params: Keyframe) -> Outcome:
        """See `engine.KeyframeSdxl.run`."""
        recipe, finds = recipes.recipe_of(params), cast.finder(self._snapshots)
        shot = _framed(read(job, params), finds)
        folder = self._snapshots.folder(weights.TOKENIZERS)
        tokens = text.tokens(text.tokenizers(folder), shot.texts)
        dressed = self._dressed(recipe, shot)
        loaded = Loaded(self._models, self._stages, self._wardrobe, tokens)

        used: list[Plan] = []

        def attempt(plan: Plan) -> Picture:
            self._stages.follow(plan)
            used.append(plan)
            with self._stages.guard(), torch.no_grad():
                preview = self._preview or self._learnt(params.size)
                return Maker(job, shot, recipe, dressed, replace(loaded, preview=preview), plan).make()

        picture, notes = run_planned(self._plan(shot), attempt)
        writer = PngWriter(picture, job.output("image.png"))
        rank = score(picture, cast.faces(params.composition), finds)
        begun = time.monotonic()
        writer.wait()
        return Outcome(
            facts={"image.png": MediaFacts(type="image", score=round(rank.value, 4))},
            notes=[*shot.notes, *_told(tokens, dressed), *notes, rank.note],
            provenance=self._provenance(recipe, used[-1]),
            random=self._snapshots.random(weights.BASE),
            encode_s=time.monotonic() - begun,
        )

    def _learnt(self, size: Size) -> LinearPreview:
        """What makes previews of latents, learnt from one picture."""
        with self._stages.use(self._models.vae(size)) as vae:
            shown = chart()
            codes = (shown[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
            self._preview = LinearPreview.fit(pixels.encode(codes, vae)[0], shown[0])
        return self._preview

    def _plan(self, shot: Shot) -> Plan:
        used = [*self._models.text(), self._models.unet(reference_file(shot), shot.size), self._models.vae(shot.size)]
        if shot.references or any(one.references for one in shot.characters):
            used += [self._models.image_encoder(), self._models.projection(reference_file(shot))]
        if shot.previous is not None:
            used += [self._models.control(), *([self._models.depth()] if shot.params.control == "depth" else [])]
        device = self._stages.device
        sizes = [model.size for model in used]
        return make_plan(sizes, device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16")

    def _dressed(self, recipe: Recipe, shot: Shot) -> Dressed:
        """Every adapter read and matched. Raises `InputError` for one of another base."""
        tier = []
        if recipe.adapter is not None:
            path = self._snapshots.folder(recipe.adapter.weights) / recipe.adapter.file
            tier = [Worn(self._snapshots.digest(recipe.adapter.weights), read_lora(path, self._shapes()), 1.0)]
        own = {one.id: self._worn(shot, one.adapters) for one in shot.characters}
        return Dressed((*tier, *self._worn(shot, shot.style)), own)

    def _worn(self, shot: Shot, adapters: Sequence[Adapter]) -> tuple[Worn, ...]:
        paths = [(shot.paths[one.input], one.scale / 1000) for one in adapters]
        return tuple(Worn(file_key(path), read_lora(path, self._shapes()), scale) for path, scale in paths)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        if not self._base:
            folder = self._snapshots.folder(weights.BASE)
            for name, module in weights.outlines(folder).items():
                self._base |= shapes(name, module)
        return self._base

    def _provenance(self, recipe: Recipe, plan: Plan) -> Provenance:
        sets = [weights.BASE, weights.VAE, weights.REFERENCES, *([recipe.adapter.weights] if recipe.adapter else [])]
        device = self._stages.device
        return Provenance(
            engine_version=self._manifest.version,
            weights={name: self._snapshots.digest(name) for name in sets},
            gpu=device.name,
            attention=device.attention,
            plan=f"{plan.why}; {self._models.precision}",
            libraries={m.__name__: m.__version__ for m in (torch, diffusers, transformers)},
        )


def _framed(shot: Shot, finds: FaceDetector) -> Shot:
    """The shot with what its figures' references show said, and cut to heads where only these are read."""
    shown = {one.id: one.references for one in shot.characters}
    shot = replace(shot, notes=(*shot.notes, *cast.told(shown, finds)))
    if reference_file(shot) != recipes.builtin().references.face_file:
        return shot
    heads = [tuple(cast.head(p, finds) for p in one.references) for one in shot.characters]
    people = (replace(one, references=own) for one, own in zip(shot.characters, heads, strict=True))
    return replace(shot, characters=tuple(people))


def _told(tokens: text.Tokens, dressed: Dressed) -> list[Note]:
    """What became of long texts, and of keys of adapters that no part of SDXL has."""
    notes = []
    if tokens.chunks > 1:
        detail = f"The longest text needs {tokens.chunks} parts of 75 tokens; all were used."
        notes.append(Note(code="prompt_chunked", detail=detail, value=tokens.chunks))
    worn = [*dressed.common, *(one for own in dressed.own.values() for one in own)]
    if dropped := sum(len(one.lora.report.dropped) for one in worn):
        detail = f"{dropped} keys of the adapters are for models that SDXL has not; they were left out."
        notes.append(Note(code="adapter_keys_left_out", detail=detail, value=dropped))
    return notes
