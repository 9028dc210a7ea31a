"""Weights in the layout of RIFE 4.26: random, or such that the network does something simple that is known."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from functions.interpolate.ifnet import CARRIED, FLOW, MASK, SCALES, IFNet
from functions.interpolate.rife import WEIGHTS
from tests.servers.checkpoints.lock import write_lock

State = dict[str, Tensor]


def random(seed: int = 0) -> State:
    """As initialised."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return dict(IFNet().state_dict())


def moving(columns: float, rows: float = 0.0) -> State:
    """A network that believes each picture to have moved by so much from the first to the second, at every pixel, and
    takes half of each: right for pictures half-way.
    """
    state = {name: torch.zeros_like(tensor) for name, tensor in random().items()}
    bias = torch.zeros(FLOW + MASK + CARRIED, 4)
    flow = torch.tensor([-columns / 2, -rows / 2, columns / 2, rows / 2]) / (len(SCALES))
    for number, scale in enumerate(SCALES):
        bias[:FLOW] = flow[:, None] / scale
        state[f"block{number}.lastconv.0.bias"] = bias.reshape(-1).clone()
    return state


def build(root: Path, state: State | None = None) -> Path:
    """The weight set, with the names that the published file has; its lock."""
    (root / WEIGHTS).mkdir(parents=True, exist_ok=True)
    stored = {f"module.{name}": tensor for name, tensor in (state or random()).items()}
    stored["module.teacher.conv0.0.0.weight"] = torch.zeros(1)
    save_file(stored, root / WEIGHTS / "flownet.safetensors")
    return write_lock(root)
