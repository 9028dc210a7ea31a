"""The device that models run on, as plans see it: memory measured, kernels tested."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from functions.models import selftest

LIMIT = "VIVIJURE_VRAM_BYTES"
"""Environment: most bytes of GPU memory that this process may allocate."""
MEMINFO, VERSION = Path("/proc/meminfo"), Path("/proc/version")
CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Device:
    """`vram_bytes` is what may be allocated (0: no GPU), `ram_bytes` what is free, `pinnable_bytes` what of it may be
    locked for transfers. `attention` is the fastest backend whose numbers are right, `unmasked_attention` the fastest
    for models that mask nothing (Wan), `fp8` whether fp8 products are right.
    """

    torch_device: str
    vram_bytes: int
    ram_bytes: int
    pinnable_bytes: int
    capability: tuple[int, int]
    name: str
    fp8: bool
    attention: str
    unmasked_attention: str = "native"


@functools.cache
def detect() -> Device:
    """The first GPU, or the CPU where there is none. Asked once a process.

    Raises `GpuBroken` where the GPU computes wrong numbers.
    """
    ram = free_ram()
    if not torch.cuda.is_available():
        return Device("cpu", 0, ram, 0, (0, 0), "cpu", False, "native")
    free, total = torch.cuda.mem_get_info()
    vram = min(free, int(os.environ.get(LIMIT, free)))
    torch.cuda.set_per_process_memory_fraction(min(1.0, vram / total))
    capability = torch.cuda.get_device_capability()
    kernels = selftest.choose(torch.device("cuda"), capability)
    torch.cuda.empty_cache()
    name = torch.cuda.get_device_name()
    memory = (vram, ram, pinnable(ram))
    return Device("cuda", *memory, capability, name, kernels.fp8, kernels.attention, kernels.unmasked)


def free_ram() -> int:
    """Bytes of main memory that can be had, within the container's own limit."""
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text("ascii").splitlines() if ":" in line)
    free = int(lines["MemAvailable"].split()[0]) * 1024
    limit = CGROUP.read_text("ascii").strip() if CGROUP.exists() else "max"
    return free if limit == "max" else min(free, int(limit))


def pinnable(ram: int) -> int:
    """Bytes that CUDA can lock: about half under WSL2, where the driver stops there, else nine tenths."""
    wsl = VERSION.exists() and "microsoft" in VERSION.read_text("utf-8").lower()
    return ram // 2 if wsl else ram * 9 // 10
