"""What a job's result says of how it was made: device, kernels, plan, weights, libraries, memory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata

import torch

from functions.contract.job import Provenance
from functions.models.device import Device
from functions.models.plan import Plan
from functions.models.snapshots import Snapshots

LIBRARIES = ("torch", "diffusers", "transformers", "peft")


def provenance(device: Device, plan: Plan | None, snapshots: Snapshots, sets: Iterable[str]) -> Provenance:
    """Enough to say why two artifacts of one fingerprint differ. Raises `EngineError` for a set that is not locked."""
    return Provenance(
        weights={name: snapshots.digest(name) for name in sets},
        gpu=device.name,
        attention=device.attention,
        plan=None if plan is None else f"{plan.precision}: {plan.why}",
        libraries={name: metadata.version(name) for name in LIBRARIES},
    )


@dataclass
class Memory:
    """Most bytes of GPU memory that tensors took at once; None where there is no GPU."""

    peak_bytes: int | None = None


@contextmanager
def measured_memory() -> Iterator[Memory]:
    """Measure the peak of the block, for `Outcome.peak_vram_bytes`."""
    memory, gpu = Memory(), torch.cuda.is_available()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    try:
        yield memory
    finally:
        if gpu:
            memory.peak_bytes = torch.cuda.max_memory_allocated()
