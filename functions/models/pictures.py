"""Networks that turn a picture into a picture, of any architecture that spandrel knows."""

from pathlib import Path

import spandrel
from safetensors.torch import load_file
from spandrel import ImageModelDescriptor, ModelLoader
from torch import nn

from functions.contract.errors import EngineError

FORMAT = ".safetensors"


def picture_network(folder: Path) -> "ImageModelDescriptor[nn.Module]":
    """The network of a weight set, on the CPU. Raises `EngineError` for a set of none, or one that is not for RGB."""
    files = sorted(folder.glob(f"*{FORMAT}"))
    if len(files) != 1:
        raise EngineError(f"{folder} holds {len(files)} files of weights: a set of one network has exactly one")
    try:
        found = ModelLoader(device="cpu").load_from_state_dict(dict(load_file(files[0])))
    except (spandrel.UnsupportedModelError, RuntimeError, ValueError, KeyError) as error:
        raise EngineError(f"{files[0]} is no network that spandrel knows ({error}): choose another set") from error
    if not isinstance(found, ImageModelDescriptor) or (found.input_channels, found.output_channels) != (3, 3):
        raise EngineError(f"{files[0]} is a {found.architecture.name} that does not turn RGB into RGB")
    return found
