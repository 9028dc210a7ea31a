"""Face networks of the architectures that spandrel knows, called as they were published."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from spandrel import ImageModelDescriptor
from torch import Tensor, nn

from functions.contract.errors import EngineError
from functions.models.pictures import picture_network

FACES: Final[dict[str, Callable[[Any, Tensor], Any]]] = {
    "GFPGAN": lambda module, faces: module(faces, return_rgb=False, randomize_noise=False)[0],
    "RestoreFormer": lambda module, faces: module(faces)[0],
}
"""By spandrel's id: networks of upright faces (n, 3, 512, 512) in -1..1. spandrel's own call gives GFPGAN pictures in
0..1, which it was not trained on, and draws its noise anew for each, which flickers: the noise that its file holds is
taken.
"""


@dataclass(frozen=True)
class Network:
    """A network ready to run, in fp32: GFPGAN's numbers go beyond fp16, and bf16 would show as steps of grey."""

    found: "ImageModelDescriptor[nn.Module]"
    where: torch.device

    @property
    def architecture(self) -> str:
        """By name."""
        name: str = self.found.architecture.name
        return name

    def __call__(self, faces: Tensor) -> Tensor:
        """R'G'B' of upright faces (n, 3, 512, 512) restored, both 0..1; what is no number stays none."""
        call = FACES.get(self.found.architecture.id)
        made: Tensor = self.found(faces) if call is None else (call(self.found.model, faces * 2 - 1) + 1) / 2
        return made.clamp(0, 1)


def load(folder: Path, where: torch.device) -> Network:
    """The network of a weight set. Raises `EngineError` for a set that holds none, or one that enlarges instead."""
    found = picture_network(folder)
    if found.scale != 1:
        raise EngineError(
            f"{folder} holds a {found.architecture.name} that enlarges {found.scale} times: choose another"
        )
    found.model.eval().requires_grad_(False)
    return Network(found.to(where, torch.float32), where)
