"""Models made ready for a GPU: the attention kernel chosen at start-up, 8-bit layers, compiled blocks, formats."""

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from functions.models.device import Device
from functions.models.eightbit import outside, quantise

COMPILE = "VIVIJURE_COMPILE"
"""Environment: `0` runs models uncompiled, which starts a minute sooner and is slower."""


def compiling() -> bool:
    """Whether models are compiled."""
    return os.environ.get(COMPILE, "1") != "0"


def ready_transformer(device: Device, blocks: str) -> Callable[[nn.Module], None]:
    """Readies a diffusers transformer: attention kernel, and each of its repeated `blocks` compiled.

    The blocks' `forward` is compiled, not the blocks: hooks of caches then wrap compiled code, and come and go without
    a new compilation. All blocks share one compilation.
    """

    def ready(module: nn.Module) -> None:
        model: Any = module
        model.set_attention_backend(device.attention)
        if compiling():
            for block in module.get_submodule(blocks).children():
                block.forward = torch.compile(block.forward)

    return ready


def ready_autoencoder(module: nn.Module) -> None:
    """Readies a video autoencoder: channels last, which 3D convolutions in 16 bits want, both halves compiled."""
    channels_last(module)
    if compiling():
        for name in ("encoder", "decoder"):
            half = module.get_submodule(name)
            half.forward = torch.compile(half.forward)


def channels_last(module: nn.Module) -> None:
    """Puts weights of 2D and 3D convolutions channels last, which they want in 16 bits."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in module.parameters():
        if parameter.dim() in formats:
            parameter.data = parameter.data.to(memory_format=formats[parameter.dim()])


def eight_bit(device: Device, *blocks: str) -> Callable[[nn.Module], None]:
    """Puts the linear layers of the named blocks into 8 bit: fp8 products where the device has them, else storage."""

    def put(module: nn.Module) -> None:
        quantise(module, "fp8" if device.fp8 else "int8-storage", outside(*blocks))

    return put
