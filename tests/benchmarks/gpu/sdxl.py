"""SDXL keyframes on this machine's GPU: `python -m tests.benchmarks.gpu.sdxl [--tiny] [--repeat 5] [--out DIR]`.

1024x1024, 30 guided steps: whole warm jobs, from the bytes of pictures and adapters to the PNG, beside the sum of their
bare forward passes: a plain picture, one with a reference and control by depth, and two characters with an adapter and
a reference each. `--tier plain` does only the case of this
name. Environment: VIVIJURE_COMPILE=0 leaves compilation out.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import cast as typed

import torch
from diffusers import AutoencoderKL, ControlNetUnionModel, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from functions.catalog import builtin
from functions.contract.base import Size
from functions.contract.params import Keyframe
from functions.keyframe_sdxl import attention, recipes
from functions.keyframe_sdxl.attention import Condition, Reference
from functions.keyframe_sdxl.denoise import schedule
from functions.keyframe_sdxl.engine import KeyframeSdxl
from functions.keyframe_sdxl.make import passes_of
from functions.keyframe_sdxl.models import Models
from functions.keyframe_sdxl.shot import read
from functions.keyframe_sdxl.worker import Worker
from functions.models.device import detect
from functions.models.sdxl import weights
from functions.models.staging import Load, Model
from tests.benchmarks.gpu import motion
from tests.benchmarks.gpu.motion import TimedJob
from tests.servers.checkpoints import lock, sdxl
from tests.servers.keyframes import adapter_file, cast, faces, reference, worn
from tests.servers.motion import picture

PEOPLE = ("ada", "bo")
ASIDE = Path("/nowhere")
"""A folder without configurations: those of the published architectures are taken."""


class RandomModels(Models):
    """The models of full size, without files."""

    @property
    def native(self) -> int:
        return 1024

    def text(self) -> tuple[Model, Model]:
        first, second = super().text()
        kinds = (CLIPTextModel, "text_encoder", first), (CLIPTextModelWithProjection, "text_encoder_2", second)
        one, two = (
            self._made(model, kind, CLIPTextConfig.from_dict(weights.config(ASIDE, name)))
            for kind, name, model in kinds
        )
        return one, two

    def unet(self, reference_file: str, size: Size) -> Model:
        model = super().unet(reference_file, size)
        made = self._made(model, UNet2DConditionModel, weights.config(ASIDE, "unet"))

        def load(where: torch.device) -> nn.Module:
            unet: nn.Module = made.load(where)
            attention.install(typed(UNet2DConditionModel, unet), projections(unet))
            return unet

        return replace(made, load=load)

    def control(self) -> Model:
        return self._made(super().control(), ControlNetUnionModel, weights.config(ASIDE, "control"))

    def image_encoder(self) -> Model:
        config = CLIPVisionConfig.from_dict(weights.config(ASIDE, "image_encoder"))
        return self._made(super().image_encoder(), CLIPVisionModelWithProjection, config)

    def projection(self, reference_file: str) -> Model:
        shape = {"embed_dims": 1280, "output_dims": 2048, "hidden_dims": 1280, "heads": 20, "num_queries": 16}
        return self._made(super().projection(reference_file), lambda _: IPAdapterPlusImageProjection(**shape), {})

    def vae(self, size: Size) -> Model:
        model, config = super().vae(size), weights.config(ASIDE, "vae")
        made = motion.randomised(model, AutoencoderKL, config, self.precision.vae)
        return replace(made, load=pictured(made.load))

    def _made(self, model: Model, kind: Any, config: Any) -> Model:
        return motion.randomised(model, kind, config, self.precision.main)


def pictured(load: Load) -> Load:
    """A VAE that decodes, and then gives a picture in place of noise: PNG files of noise take longest to write."""

    def loaded(where: torch.device) -> nn.Module:
        vae: Any = load(where)
        decode = vae.decode

        def shown(latents: Tensor, **options: Any) -> tuple[Tensor]:
            made = decode(latents, **options)[0]
            picture = motion.moving(0, made.shape[2], made.shape[3], made.device).permute(2, 0, 1)[None]
            return (picture.to(made.dtype) / 127.5 - 1 + 0.02 * made.clamp(-1, 1),)

        vae.decode = shown
        found: nn.Module = vae
        return found

    return loaded


def projections(unet: Any) -> dict[str, Tensor]:
    """Random layers of an IP-Adapter for every cross-attention."""
    found: dict[str, Tensor] = {}
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            shape = (unet.get_submodule(name.removesuffix(".processor")).inner_dim, unet.config.cross_attention_dim)
            for to in ("to_k_ip", "to_v_ip"):
                found[f"{number}.{to}.weight"] = 0.02 * torch.randn(shape, device=unet.device)
    return found


def cases(size: Size) -> dict[str, tuple[Keyframe, dict[str, bytes]]]:
    """What is timed: parameters, and inputs by name."""
    plain: dict[str, Any] = {
        "prompt": "a rider crosses the salt flat at dawn",
        "size": size,
        "tier": "final",
        "seed": 1,
    }
    seen = {f"ref_{name}_00": reference(i) for i, name in enumerate(PEOPLE)}
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(weights.config(ASIDE, "unet"))
    files = {f"lora_{name}": adapter_file(adapter(unet, i)) for i, name in enumerate(PEOPLE)}
    one = Keyframe(**plain, composition=cast("ada"), control="depth")
    two = Keyframe(**plain, composition=cast(*PEOPLE), adapters=worn(*PEOPLE))
    previous = picture(3, (size.width, size.height))
    return {
        "plain": (Keyframe(**plain), {}),
        "reference and depth": (one, {"ref_ada_00": seen["ref_ada_00"], "previous": previous}),
        "two characters": (two, {**seen, **files}),
    }


def adapter(unet: UNet2DConditionModel, seed: int, rank: int = 16) -> dict[str, Tensor]:
    """A random LoRA of rank 16 for every attention projection, in bf16."""
    return {name: value.bfloat16() for name, value in sdxl.lora(unet, rank=rank, scale=0.02, seed=seed).items()}


class Bare:
    """The forward passes of a job by themselves, on the models that the engine has loaded."""

    def __init__(self, engine: KeyframeSdxl, todo: TimedJob) -> None:
        assert isinstance(todo.params, Keyframe)
        self.worker = worker_of(engine)
        self.stages, self.models = self.worker._stages, self.worker._models
        self.shot, self.recipe = read(todo, todo.params), recipes.recipe_of(todo.params)

    def __call__(self) -> dict[str, float]:
        passes = passes_of(self.shot, self.models.native)
        strength = recipes.builtin().passes.strength_at(self.shot.params.composition.size)
        short = len(schedule(self.recipe, strength, torch.device("cpu"))[1])
        found = {"unet": self.recipe.steps * self._unet(self.shot.size)}
        found["unet of passes"] = sum(short * self._unet(one.size) for one in passes)
        found["decode"] = self._decode(self.shot.size) + sum(self._decode(one.size) for one in passes)
        if self.shot.previous is not None:
            part = recipes.builtin().control[self.shot.params.control].until
            found["control"] = round(part * self.recipe.steps) * self._control(self.shot.size)
        return found

    def _given(self, size: Size) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        where, kind = self.stages.device.torch_device, self.models.precision.main
        seen = torch.randn(2, 4, size.height // 8, size.width // 8, device=where, dtype=kind)
        words = torch.randn(2, 77, 2048, device=where, dtype=kind)
        added = {"text_embeds": torch.randn(2, 1280, device=where, dtype=kind)}
        return seen, words, {**added, "time_ids": torch.ones(2, 6, device=where, dtype=kind)}

    def _unet(self, size: Size) -> float:
        seen, words, added = self._given(size)
        when = torch.tensor(500, device=seen.device)
        tokens = torch.randn(2, 16, 2048, device=seen.device, dtype=seen.dtype)
        people = [one for one in self.shot.characters if one.references]
        condition = Condition(words, (), tuple(Reference(tokens, 0.6) for _ in people))
        with self.stages.use(self.models.unet(recipes.builtin().references.file, self.shot.size)) as unet:
            return motion.repeated(lambda: unet(seen, when, condition, added_cond_kwargs=added, return_dict=False))

    def _control(self, size: Size) -> float:
        seen, words, added = self._given(size)
        when = torch.tensor(500, device=seen.device)
        image = torch.rand(2, 3, size.height, size.width, device=seen.device, dtype=seen.dtype)
        kinds = torch.eye(8, device=seen.device, dtype=seen.dtype)[[1, 1]]
        with self.stages.use(self.models.control()) as net:
            return motion.repeated(
                lambda: net(seen, when, words, [image], kinds, [1], added_cond_kwargs=added, return_dict=False)
            )

    def _decode(self, size: Size) -> float:
        rows, columns = size.height // 8, size.width // 8
        with self.stages.use(self.models.vae(self.shot.size)) as vae:
            latents = torch.randn(1, 4, rows, columns, device=vae.device, dtype=vae.dtype)
            return motion.repeated(lambda: vae.decode(latents, return_dict=False))


def worker_of(engine: KeyframeSdxl) -> Worker:
    """The engine's worker, made now where it has had no job yet."""
    if not isinstance(engine._worker, Worker):
        engine._worker = Worker(engine._manifest)
    return engine._worker


def engine_of(root: Path, tiny: bool) -> KeyframeSdxl:
    """The engine over the tests' files, with networks of full size unless `tiny`."""
    sdxl.build(root)
    faces(root)
    if not tiny:
        for name in ("realvisxl-v5/unet", "realvisxl-v5/text_encoder", "realvisxl-v5/text_encoder_2"):
            (root / name / "config.json").unlink()
    os.environ.update(lock.environment(root))
    engine = KeyframeSdxl(builtin()["keyframe-sdxl"])
    if not tiny:
        worker = worker_of(engine)
        worker._models = RandomModels(worker._snapshots, worker._models.precision)
    return engine


def measure(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Every case."""
    engine = engine_of(root / "weights", arguments.tiny)
    size = Size(width=64, height=64) if arguments.tiny else Size(width=1024, height=1024)
    found: dict[str, Any] = {"device": detect().name}
    todo = tiny_cases(size) if arguments.tiny else cases(size)
    for name, (params, inputs) in todo.items():
        if arguments.tier and name not in arguments.tier:
            continue
        make = maker(root / name.replace(" ", "-"), engine, params, inputs)
        bare: Callable[[], dict[str, float]] = dict if arguments.tiny else Bare(engine, make(1000))
        if arguments.tiny:
            found[name] = {"whole_s": round(motion.timed(engine, make(0))[0], 3)}
        else:
            found[name] = motion.measured(engine, make, arguments.repeat, bare)
    return found


def tiny_cases(size: Size) -> dict[str, tuple[Keyframe, dict[str, bytes]]]:
    """The same, for the tiny network."""
    unet = sdxl.tiny_unet()
    files = {f"lora_{name}": adapter_file(sdxl.lora(unet, seed=i)) for i, name in enumerate(PEOPLE)}
    return {
        name: (params.model_copy(update={"tier": "draft"}), {n: files.get(n, data) for n, data in inputs.items()})
        for name, (params, inputs) in cases(size).items()
    }


def maker(folder: Path, engine: KeyframeSdxl, params: Keyframe, inputs: dict[str, bytes]) -> Callable[[int], TimedJob]:
    """Makes the n-th job of a case: its own seed and folder."""

    def make(number: int) -> TimedJob:
        own = folder / str(number)
        own.mkdir(parents=True)
        paths = {}
        for name, data in inputs.items():
            paths[name] = own / name
            paths[name].write_bytes(data)
        asked = params.model_copy(update={"seed": number})
        return TimedJob(own, engine._manifest, asked, ["image.png"], paths)

    return make


def main() -> None:
    """Measure, print and keep."""
    arguments = motion.arguments(__doc__ or "")
    with motion.workplace() as root:
        motion.report("sdxl", arguments.out, measure(arguments, root))


if __name__ == "__main__":
    main()
