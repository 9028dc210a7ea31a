"""What a device is taken to have."""

from pathlib import Path

import torch

from functions.models.device import detect, free_ram, pinnable


def test_where_there_is_no_gpu_the_cpu_is_the_device() -> None:
    device = detect()
    if torch.cuda.is_available():
        assert device.vram_bytes > 0
        return
    assert (device.torch_device, device.vram_bytes, device.pinnable_bytes, device.fp8) == ("cpu", 0, 0, False)
    assert device.ram_bytes > 0


def test_free_memory_is_less_than_all_of_it() -> None:
    total = int(Path("/proc/meminfo").read_text("ascii").splitlines()[0].split()[1]) * 1024
    assert 0 < free_ram() <= total
    assert pinnable(10 * 10**9) in (5 * 10**9, 9 * 10**9)
