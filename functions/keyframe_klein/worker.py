"""What one worker process keeps between keyframes, and one job from its inputs to its picture."""

import diffusers
import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from functions.contract.job import Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts
from functions.contract.params import Keyframe
from functions.keyframe_klein import latents, text
from functions.keyframe_klein.denoise import Run, denoise
from functions.keyframe_klein.models import SET, Models
from functions.keyframe_klein.recipes import builtin
from functions.keyframe_klein.shot import Shot, read
from functions.models import cast
from functions.models.chart import chart
from functions.models.device import Device, detect
from functions.models.noise import noise
from functions.models.plan import Plan, make_plan
from functions.models.png import PngWriter
from functions.models.preview import LinearPreview
from functions.models.replan import run_planned
from functions.models.score import score
from functions.models.snapshots import Snapshots
from functions.models.staging import Stages
from functions.models.steps import Denoising, Limits
from functions.runtime.engine import Job, Outcome

LIMITS = Limits(0.05, 20.0)
"""Standard deviation of patches: they are normalised, so about 1; wide, because only proof may refuse."""


class Worker:
    """Models and plans of one process. Raises `EngineError` where no weights are named."""

    def __init__(self, manifest: EngineManifest, device: Device | None = None) -> None:
        self._manifest = manifest
        self._snapshots = Snapshots.from_environment()
        device = device or detect()
        self._models = Models(self._snapshots, torch.float32 if device.torch_device == "cpu" else torch.bfloat16)
        self._stages = Stages(device)
        self._preview: LinearPreview | None = None

    def make(self, job: Job, params: Keyframe) -> Outcome:
        """See `engine.KeyframeKlein.run`."""
        shot, finds = read(job, params), cast.finder(self._snapshots)
        how = builtin().text
        asked = text.tokens(text.tokenizer(self._models.folder), shot.prompt, how.tokens)

        used: list[Plan] = []

        def attempt(plan: Plan) -> NDArray[np.uint8]:
            self._stages.follow(plan)
            used.append(plan)
            with self._stages.guard(), torch.no_grad():
                return self._picture(job, shot, asked, plan)

        picture, notes = run_planned(self._plan(shot), attempt)
        writer = PngWriter(picture, job.output("image.png"))
        rank = score(picture, cast.faces(params.composition), finds)
        writer.wait()
        return Outcome(
            facts={"image.png": MediaFacts(type="image", score=round(rank.value, 4))},
            notes=[*shot.notes, *notes, rank.note],
            provenance=self._provenance(used[-1]),
            random=self._snapshots.random(SET),
        )

    def _plan(self, shot: Shot) -> Plan:
        how, size, device = builtin(), shot.params.size, self._stages.device
        seen = how.text.tokens + sum(w * h // latents.PATCH**2 for w, h in [(size.width, size.height), *_sizes(shot)])
        used = [
            self._models.text_encoder(max(how.text.layers)),
            self._models.transformer(seen),
            self._models.vae(size),
        ]
        sizes = [model.size for model in used]
        return make_plan(sizes, device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16")

    def _picture(self, job: Job, shot: Shot, asked: tuple[Tensor, Tensor], plan: Plan) -> NDArray[np.uint8]:
        how, params = builtin(), shot.params
        job.progress("read", 0, 1)
        with self._stages.use(self._models.text_encoder(max(how.text.layers))) as encoder:
            words = text.encode(encoder, *asked, how.text.layers)
        references = self._look(job, shot, plan)
        rows, columns = params.size.height // latents.PATCH, params.size.width // latents.PATCH
        steps = how.tiers[params.tier].steps
        edge = Denoising(job, steps, preview=self._preview, limits=LIMITS)
        edge.begin()
        seen = words.shape[1] + rows * columns + sum(r.shape[2] * r.shape[3] for r in references)
        with self._stages.use(self._models.transformer(seen)) as transformer:
            drawn = noise((1, transformer.config.in_channels, rows, columns), params.seed, "initial")
            run = Run(transformer, self._models.scheduler(), steps, words, drawn, references)
            patches = denoise(run, edge.done)
        job.progress("decode", 0, 1)
        with self._stages.use(self._models.vae(params.size)) as vae:
            (vae.enable_tiling if plan.tiling else vae.disable_tiling)()
            return latents.decode(patches, vae)

    def _look(self, job: Job, shot: Shot, plan: Plan) -> list[Tensor]:
        """Patches of the references; with the first job also what makes previews of patches."""
        if not shot.pictures and self._preview is not None:
            return []
        job.progress("look", 0, len(shot.pictures))
        with self._stages.use(self._models.vae(shot.params.size)) as vae:
            if self._preview is None:
                shown = chart()
                pixels = Image.fromarray((shown[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
                self._preview = LinearPreview.fit(latents.encode(pixels, vae, 2**20)[0], shown[0])
            most = builtin().references.pixels
            return [latents.encode(picture, vae, most) for picture in shot.pictures]

    def _provenance(self, plan: Plan) -> Provenance:
        device = self._stages.device
        return Provenance(
            engine_version=self._manifest.version,
            weights={SET: self._snapshots.digest(SET)},
            gpu=device.name,
            attention=device.attention,
            plan=f"{plan.why}; {str(self._models.dtype).removeprefix('torch.')}",
            libraries={m.__name__: m.__version__ for m in (torch, diffusers, transformers)},
        )


def _sizes(shot: Shot) -> list[tuple[int, int]]:
    most = builtin().references.pixels
    return [(min(p.width * p.height, most), 1) for p in shot.pictures]
