"""Models brought onto the device for the stage that needs them, as a plan places them."""

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from functions.contract.errors import EngineError
from functions.models import tensors
from functions.models.device import Device
from functions.models.graphs import record
from functions.models.kernels import compiling
from functions.models.load import load_module
from functions.models.plan import HEADROOM, KINDS, ModelSize, Placement, Plan
from functions.models.residency import Residency, empty_cache

SCORES = 12
"""Bytes that a pair of tokens takes in a head of a text encoder: scores, their bias, and their softmax in fp32."""
Load = Callable[[torch.device], nn.Module]


@dataclass(frozen=True)
class Model:
    """A model that a job uses: `key` names weights and variant, `load` makes it on a device, `quantise` puts its linear
    layers into 8 bit in place, `ready` readies it for a GPU (kernels, memory format). `graphs`: many small kernels, all
    started at once by a CUDA graph where memory allows it.
    """

    key: Hashable
    size: ModelSize
    load: Load
    quantise: Callable[[nn.Module], None] | None = None
    ready: Callable[[nn.Module], None] | None = None
    graphs: bool = False


class Stages:
    """What a worker holds of models between jobs: on the device within its memory, and in main memory."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._where = torch.device(device.torch_device)
        self.onboard = Residency(device.vram_bytes or device.ram_bytes)
        self.aside = Residency(device.ram_bytes)
        self._plan: Plan | None = None

    def follow(self, plan: Plan) -> None:
        """Hold to this plan from now on: what its stages need is kept free."""
        self._plan = plan
        if plan.vram_bytes:
            always = sum(int(m.bytes * kind.share) for m in plan.models if (kind := _kind(plan, m)).vram == "always")
            stages = plan.peak_vram_bytes - always
            self.onboard.budget_bytes = int(self.device.vram_bytes * (1 - HEADROOM)) - stages
            if self.onboard.used_bytes > self.onboard.budget_bytes:
                self.onboard.clear()

    @contextmanager
    def use(self, model: Model) -> Iterator[Any]:
        """The model on the device for the time of the block."""
        if self._plan is None:
            raise EngineError("no plan is followed yet; call follow() first")
        with self._placed(model, self._plan.placements[model.size.name]) as module:
            if model.size.tiled_bytes:
                (module.enable_tiling if self._plan.tiling else module.disable_tiling)()
            yield module

    @contextmanager
    def _placed(self, model: Model, placement: Placement) -> Iterator[Any]:
        nbytes = int(model.size.bytes * KINDS[placement].share)
        key = (model.key, "8bit" if placement.startswith("quantised") else "full", placement)
        match placement:
            case "resident" | "quantised":
                graphs = self._graphs(model)
                more = model.size.activation_bytes if graphs else 0
                yield self.onboard.get(key, nbytes + more, lambda: self._resident(model, placement, graphs))
            case "model_offload" | "quantised_offload":
                with moved(self.aside.get(key, nbytes, lambda: self._pinned(model, placement)), self._where) as module:
                    yield module
            case "group_offload":
                yield self.aside.get(key, nbytes, lambda: self._streamed(model))
            case "reload" | "quantised_reload":
                with emptied(self._loaded(model, placement, self._where)) as module:
                    yield module

    @contextmanager
    def guard(self) -> Iterator[None]:
        """After a failure inside, let go of everything."""
        with self.onboard.guard(), self.aside.guard():
            yield

    def _graphs(self, model: Model) -> bool:
        """Whether a model's calls are recorded: its graphs keep their working memory beside what the plan needs."""
        if self._plan is None or not model.graphs or self._where.type != "cuda" or not compiling():
            return False
        need = self._plan.peak_vram_bytes + model.size.activation_bytes
        return need <= self.device.vram_bytes * (1 - HEADROOM)

    def _resident(self, model: Model, placement: Placement, graphs: bool) -> nn.Module:
        module = self._loaded(model, placement, self._where)
        return record(module) if graphs else module

    def _loaded(self, model: Model, placement: Placement, where: torch.device) -> nn.Module:
        if placement.startswith("quantised") and model.quantise is not None:
            module = model.load(where if self._holds(model) else torch.device("cpu"))
            model.quantise(module)
            module.to(where)
        else:
            module = model.load(where)
        if where.type == "cuda" and model.ready is not None:
            model.ready(module)
        return module

    def _holds(self, model: Model) -> bool:
        """Whether the device has room for a model in full; else it comes layer by layer, each put into 8 bit there."""
        vram = self.device.vram_bytes
        return vram == 0 or model.size.bytes <= vram * (1 - HEADROOM) - self.onboard.used_bytes

    def _pinned(self, model: Model, placement: Placement) -> nn.Module:
        """Loaded on the device, where quantising is quick, then put into pinned memory."""
        module = self._loaded(model, placement, self._where)
        for tensor in _tensors(module):
            host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
            tensor.data = host.copy_(tensor.data)
        empty_cache()
        return module

    def _streamed(self, model: Model) -> nn.Module:
        from diffusers.hooks import apply_group_offloading

        module = model.load(torch.device("cpu"))
        apply_group_offloading(
            module,
            onload_device=self._where,
            offload_device=torch.device("cpu"),
            offload_type=grouping(module),
            num_blocks_per_group=1,
            use_stream=self._where.type == "cuda",
        )
        return module


def grouping(module: nn.Module) -> str:
    """How a streamed model is taken apart: by blocks where they are its own parts; a text encoder's lie deeper, and all
    of it would be one block.
    """
    return "block_level" if any(isinstance(part, nn.ModuleList) for part in module.children()) else "leaf_level"


def _kind(plan: Plan, model: ModelSize) -> Any:
    return KINDS[plan.placements[model.name]]


@contextmanager
def moved(module: nn.Module, where: torch.device) -> Iterator[nn.Module]:
    """The module with its tensors copied to a device; afterwards it has its own back, without a copy in return."""
    own = [(tensor, tensor.data) for tensor in _tensors(module)]
    try:
        for tensor, data in own:
            tensor.data = data.to(where, non_blocking=True)
        yield module
    finally:
        for tensor, data in own:
            tensor.data = data
        empty_cache()


@contextmanager
def emptied(module: nn.Module) -> Iterator[nn.Module]:
    """The module; afterwards its memory is given back, though somebody may still hold the module itself."""
    try:
        yield module
    finally:
        for tensor in _tensors(module):
            tensor.data = tensor.data.new_empty(0)
        empty_cache()


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def files_of(folder: Path) -> list[Path]:
    """The safetensors files of one model."""
    return sorted(folder.glob("*.safetensors"))


def config_of(folder: Path) -> dict[str, Any]:
    """The published configuration of one model. Raises `EngineError` where it cannot be read."""
    try:
        found: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"{folder / 'config.json'} cannot be read ({error}): fetch the set again") from error
    return found


def published(kind: Any, folder: Path, dtype: torch.dtype) -> Load:
    """Loads a diffusers model of class `kind` from its folder."""

    def load(where: torch.device) -> nn.Module:
        module: nn.Module = load_module(lambda: kind.from_config(config_of(folder)), files_of(folder), where, dtype)
        return module

    return load


def t5_encoder(kind: Any, folder: Path, dtype: torch.dtype, key: Hashable, tokens: int) -> Model:
    """A T5 or UMT5 encoder (`kind`), which works on one text of so many tokens."""
    config = config_of(folder)
    files = files_of(folder)
    working = tokens * (config["d_ff"] * 3 + config["d_model"] * 8) * dtype.itemsize
    working += config["num_heads"] * tokens**2 * SCORES

    def load(where: torch.device) -> nn.Module:
        made = kind.config_class.from_dict(config)
        module: nn.Module = load_module(lambda: kind(made), files, where, dtype)
        return module

    return Model(key, ModelSize("text_encoder", stored_bytes(files, dtype.itemsize), working), load)


def shapes(files: Sequence[Path]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all that some safetensors files hold."""
    return {name: tensor.shape for path in files for name, tensor in tensors.index(path).items()}


def stored_bytes(files: Sequence[Path], itemsize: int) -> int:
    """Bytes of all tensors of some files when each number takes `itemsize`."""
    sizes = (torch.Size(shape).numel() for shape in shapes(files).values())
    return sum(sizes) * itemsize
