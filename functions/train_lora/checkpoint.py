"""Where a training stands, as a file that a later execution goes on from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

PAIRS, OPTIMISER = "pairs/", "optimiser/"


@dataclass
class Checkpoint:
    """After `step` steps: the pairs, the optimiser's state by parameter, and the best scores so far.

    `identity` names what is trained on; a checkpoint of something else is of no use.
    """

    identity: str
    step: int = 0
    pairs: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    best_step: int = 0
    best_score: float | None = None
    losses: tuple[float, ...] = ()


def write(path: Path, checkpoint: Checkpoint) -> None:
    """One safetensors file; what is no tensor lies in its metadata."""
    tensors = {PAIRS + name: value.contiguous() for name, value in checkpoint.pairs.items()}
    plain: dict[str, Any] = {}
    for index, state in checkpoint.optimiser.get("state", {}).items():
        for name, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"{OPTIMISER}{index}/{name}"] = value.detach().cpu().contiguous()
            else:
                plain[f"{index}/{name}"] = value
    about = {
        "identity": checkpoint.identity,
        "step": checkpoint.step,
        "best_step": checkpoint.best_step,
        "best_score": checkpoint.best_score,
        "losses": checkpoint.losses,
        "groups": checkpoint.optimiser.get("param_groups", []),
        "plain": plain,
    }
    save_file(tensors, path, metadata={"vivijure": json.dumps(about)})


def read(path: Path, identity: str) -> Checkpoint | None:
    """What was written, None where it is damaged or of another training."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["vivijure"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, ValueError, OSError):
        return None
    if about["identity"] != identity:
        return None
    return Checkpoint(
        identity,
        about["step"],
        {name.removeprefix(PAIRS): value for name, value in tensors.items() if name.startswith(PAIRS)},
        {"state": _state(tensors, about["plain"]), "param_groups": about["groups"]},
        about["best_step"],
        about["best_score"],
        tuple(about["losses"]),
    )


def _state(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    found = {name.removeprefix(OPTIMISER): value for name, value in tensors.items() if name.startswith(OPTIMISER)}
    for name, value in {**found, **plain}.items():
        index, _, own = name.partition("/")
        state.setdefault(int(index), {})[own] = value
    return state


def optimiser_of(parameters: list[torch.nn.Parameter], device: torch.device) -> torch.optim.Optimizer:
    """AdamW, with its state in 8 bit where bitsandbytes is installed and the device is a GPU."""
    settings: dict[str, Any] = {"lr": 0.0, "betas": (0.9, 0.999), "weight_decay": 1e-2, "eps": 1e-8}
    if device.type == "cuda":
        try:
            from bitsandbytes.optim import AdamW8bit
        except ImportError:
            return torch.optim.AdamW(parameters, fused=True, **settings)
        small: torch.optim.Optimizer = AdamW8bit(parameters, **settings)
        return small
    return torch.optim.AdamW(parameters, **settings)
