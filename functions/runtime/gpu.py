"""Whether the GPU works, asked of the CUDA driver in a process of its own: no library of models is loaded for it, and
what breaks there breaks nothing here. `python -m functions.runtime.gpu` asks.
"""

import ctypes
import subprocess
import sys
from pathlib import Path

from functions.contract.errors import GpuBroken
from functions.contract.manifest import EngineManifest

TIMEOUT_S = 60
"""A driver that does not answer within this time is taken for broken."""
BYTES = 1 << 20
ROCM = Path("/dev/kfd")
LOST = (
    "all cuda-capable devices are busy or unavailable",
    "an illegal instruction",
    "an illegal memory access",
    "cublas_status_execution_failed",
    "cudnn_status_execution_failed",
    "device-side assert",
    "driver shutting down",
    "ecc error",
    "hardware stack error",
    "invalid device context",
    "invalid program counter",
    "launch timed out",
    "misaligned address",
    "no cuda-capable device",
    "no cuda gpus are available",
    "operation not supported on global/shared address space",
    "unspecified launch failure",
)
"""How the CUDA runtime words errors after which every further call of the process fails (driver API, `CUresult` 100,
101, 201, 214, 700, 702, 710, 714 to 719), and those of a device that is gone.
"""


def lost(error: BaseException) -> bool:
    """Whether this error of an engine means that its process can use the GPU no more."""
    text = str(error).lower()
    return ("cuda" in text or "cublas" in text or "cudnn" in text) and any(phrase in text for phrase in LOST)


def check_gpu(manifest: EngineManifest) -> None:
    """Raises `GpuBroken` where the engine needs a GPU and the CUDA driver cannot use one.

    Other accelerators (Metal, ROCm) are not asked.
    """
    if not manifest.needs.vram_gb or sys.platform == "darwin" or ROCM.exists():
        return
    try:
        argv = [sys.executable, "-m", "functions.runtime.gpu"]
        asked = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        said = asked.stdout.strip() or f"asking it ended with {asked.returncode}"
    except subprocess.TimeoutExpired:
        asked, said = None, f"the driver gave no answer in {TIMEOUT_S} s"
    if asked is None or asked.returncode:
        raise GpuBroken(f"{manifest.name} needs a GPU, and this worker's cannot be used: {said}; use another worker")


def ask() -> str:
    """The name of the first device, after memory on it was written and read. Raises `GpuBroken` or `OSError`."""
    cuda = ctypes.CDLL("libcuda.so.1")
    device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    name, back = ctypes.create_string_buffer(100), (ctypes.c_ubyte * BYTES)()
    for call, *values in (
        ("cuInit", 0),
        ("cuDeviceGet", ctypes.byref(device), 0),
        ("cuDeviceGetName", name, len(name), device),
        ("cuDevicePrimaryCtxRetain", ctypes.byref(context), device),
        ("cuCtxSetCurrent", context),
        ("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(BYTES)),
        ("cuMemsetD8_v2", memory, ctypes.c_ubyte(7), ctypes.c_size_t(BYTES)),
        ("cuMemcpyDtoH_v2", back, memory, ctypes.c_size_t(BYTES)),
    ):
        if code := getattr(cuda, call)(*values):
            raise GpuBroken(f"{call} of the CUDA driver failed with {code}")
    if bytes(back) != b"\x07" * BYTES:
        raise GpuBroken("memory of the GPU does not hold what is written to it")
    return name.value.decode()


def main() -> None:
    """Print the device, or why there is none."""
    try:
        print(ask())
    except (OSError, AttributeError, GpuBroken) as error:
        print(error)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
