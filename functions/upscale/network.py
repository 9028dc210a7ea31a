"""Super-resolution networks of any architecture that spandrel knows, and what is done around them on the device."""

from dataclasses import dataclass
from pathlib import Path

import torch
from spandrel import ImageModelDescriptor
from torch import Tensor, nn
from torch.nn import functional

from functions.contract.base import Size
from functions.models.kernels import channels_last
from functions.models.pictures import picture_network


@dataclass(frozen=True)
class Network:
    """A network ready to run: `scale` times the sides, inputs of at least `least` pixels a side in steps of `step`."""

    module: nn.Module
    scale: int
    architecture: str
    dtype: torch.dtype
    step: int
    least: int
    where: torch.device

    def __call__(self, rgb: Tensor) -> Tensor:
        """(n, 3, h, w) as (n, 3, h * scale, w * scale), both 0..1 in the network's dtype."""
        rows, columns = rgb.shape[2:]
        wide = padded(rgb, _whole(rows, self.step, self.least), _whole(columns, self.step, self.least))
        made: Tensor = self.module(wide)
        return made[:, :, : rows * self.scale, : columns * self.scale].clamp(0, 1)


def load(folder: Path, where: torch.device) -> Network:
    """The network of a weight set. Raises `EngineError` for a set that holds none, or one that is not for RGB."""
    return _ready(picture_network(folder), where)


def _ready(found: "ImageModelDescriptor[nn.Module]", where: torch.device) -> Network:
    dtype = _precision(found, where)
    module = found.model.eval().requires_grad_(False).to(where, dtype)
    channels_last(module)
    need = found.size_requirements
    return Network(
        module=module,
        scale=found.scale,
        architecture=found.architecture.name,
        dtype=dtype,
        step=max(1, need.multiple_of),
        least=max(1, need.minimum),
        where=where,
    )


def _precision(found: "ImageModelDescriptor[nn.Module]", where: torch.device) -> torch.dtype:
    """16 bits on a GPU, as far as the architecture bears it; fp32 on a CPU."""
    if where.type == "cpu" or not (found.supports_half or found.supports_bfloat16):
        return torch.float32
    return torch.float16 if found.supports_half else torch.bfloat16


def _whole(side: int, step: int, least: int) -> int:
    return -(-max(side, least) // step) * step


def padded(rgb: Tensor, rows: int, columns: int) -> Tensor:
    """The picture with more rows and columns behind it, mirrored as far as it reaches and then held."""
    for dim, wanted in ((2, rows), (3, columns)):
        while (more := wanted - rgb.shape[dim]) > 0:
            mirror = min(more, rgb.shape[dim] - 1)
            edges = (0, 0, 0, mirror) if dim == 2 else (0, mirror, 0, 0)
            rgb = functional.pad(rgb, edges, mode="reflect") if mirror else torch.cat([rgb] * 2, dim)
    return rgb


def resized(rgb: Tensor, size: Size) -> Tensor:
    """The picture at exactly `size`: bicubic, with the antialiasing that making it smaller needs."""
    if rgb.shape[2:] == (size.height, size.width):
        return rgb
    return functional.interpolate(rgb.float(), (size.height, size.width), mode="bicubic", antialias=True).clamp(0, 1)
