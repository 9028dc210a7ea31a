"""Models made ready for a GPU: the attention kernel chosen at start-up, 8-bit layers, compiled blocks, formats."""

import os
from collections.abc import Callable
from typing import Any

import torch
import torch._dynamo.config as dynamo
from torch import nn

from functions.models.device import Device
from functions.models.eightbit import Format, outside, quantise

COMPILE = "VIVIJURE_COMPILE"
"""Environment: `0` runs models uncompiled, which starts a minute sooner and is slower."""
VARIANTS = 64
"""How often one piece of code may be compiled: a UNet's blocks share theirs and differ in width and shape. Beyond it,
torch runs them uncompiled, and nothing in the result would say so.
"""


def compiling() -> bool:
    """Whether models are compiled."""
    return os.environ.get(COMPILE, "1") != "0"


def compile_forward(module: nn.Module) -> None:
    """Compile what a module does at its next call, hooks around it left as they are."""
    dynamo.recompile_limit = max(dynamo.recompile_limit, VARIANTS)
    module.forward = torch.compile(module.forward)


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
                compile_forward(block)

    return ready


def compile_when(module: nn.Module, steady: Callable[..., bool], backend: str = "inductor") -> None:
    """Compile what a module does where `steady` says so of its arguments, for these shapes only; else it runs as it is.

    What differs between a job's first calls and all later ones is then not compiled, nor is anything for shapes that
    vary: one compilation, in the worker's first job.
    """
    dynamo.recompile_limit = max(dynamo.recompile_limit, VARIANTS)
    plain, quick = module.forward, torch.compile(module.forward, dynamic=False, backend=backend)

    def forward(*given: Any, **named: Any) -> Any:
        return (quick if steady(*given, **named) else plain)(*given, **named)

    module.forward = forward


def ready_autoencoder(module: nn.Module) -> None:
    """Readies a video autoencoder: channels last, which 3D convolutions in 16 bits want, and its decoder compiled.

    The encoder is not: it reads one picture a job, and its many shapes took minutes to compile on an H100.
    """
    channels_last(module)
    if compiling():
        compile_forward(module.get_submodule("decoder"))


def channels_last(module: nn.Module) -> None:
    """Puts weights of 2D and 3D convolutions channels last, which they want in 16 bits."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in module.parameters():
        if parameter.dim() in formats:
            parameter.data = parameter.data.to(memory_format=formats[parameter.dim()])


def eight_bit(device: Device, *blocks: str) -> Callable[[nn.Module], None]:
    """Puts the linear layers of the named blocks into 8 bit: fp8 products where the device has them, else storage."""

    def put(module: nn.Module) -> None:
        kind: Format = "fp8" if device.fp8 else "int8-storage"
        quantise(module, kind, outside(*blocks), torch.device(device.torch_device))

    return put
