"""What a result says of how it was made."""

from pathlib import Path

import torch

from functions.models.device import Device
from functions.models.plan import ModelSize, make_plan
from functions.models.record import measured_memory, provenance
from functions.models.snapshots import Snapshots
from tests.servers.checkpoints.lock import environment


def test_device_kernel_plan_weights_and_libraries_are_said(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    snapshots = Snapshots.from_environment(environment(tmp_path))
    device = Device("cuda", 24 * 10**9, 0, 0, (9, 0), "H100", True, "_native_cudnn")
    plan = make_plan([ModelSize("unet", 30 * 10**9, 0, quantisable=True)], 24 * 10**9, 0, 0, "8bit")
    made = provenance(device, plan, snapshots, ["tiny"])
    assert (made.gpu, made.attention, made.plan) == ("H100", "_native_cudnn", "8bit: unet quantised")
    assert made.weights == {"tiny": snapshots.digest("tiny")}
    assert made.libraries["torch"].startswith(torch.__version__.split("+")[0])


def test_memory_is_measured_where_there_is_a_gpu() -> None:
    with measured_memory() as memory:
        torch.zeros(1000)
    assert (memory.peak_bytes is None) == (not torch.cuda.is_available())
