"""Whether a GPU works, and which errors mean that it does no more."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from functions.catalog import Catalog
from functions.contract.errors import EngineError, GpuBroken
from functions.contract.manifest import Needs
from functions.runtime.children import Stop
from functions.runtime.engines import Engines
from functions.runtime.execute import typed_errors
from functions.runtime.gpu import check_gpu, lost
from tests.servers.jobs import ECHO

NEEDY = ECHO.model_copy(update={"needs": Needs(vram_gb=8)})
DRIVER = """
#include <string.h>
#define FAILS(name) !strcmp(name, FAILURE)
int cuInit(unsigned f) { return FAILS("cuInit") ? 999 : 0; }
int cuDeviceGet(int *d, int n) { *d = n; return FAILS("cuDeviceGet") ? 101 : 0; }
int cuDeviceGetName(char *s, int n, int d) { strncpy(s, "Stand-in", n); return 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { *c = c; return FAILS("cuDevicePrimaryCtxRetain") ? 46 : 0; }
int cuCtxSetCurrent(void *c) { return 0; }
static unsigned char memory[1 << 20];
int cuMemAlloc_v2(unsigned long long *p, unsigned long n) { *p = 1; return FAILS("cuMemAlloc_v2") ? 2 : 0; }
int cuMemsetD8_v2(unsigned long long p, unsigned char b, unsigned long n) { memset(memory, b, n); return 0; }
int cuMemcpyDtoH_v2(void *to, unsigned long long p, unsigned long n) {
  memcpy(to, memory, n);
  if (FAILS("memory")) ((char *)to)[n / 2] ^= 1;
  return 0;
}
"""
"""A CUDA driver that does what the check asks, but for one call."""


def driver(folder: Path, failure: str | None) -> Path:
    """Build the driver; the folder it lies in."""
    compiler = shutil.which("cc") or pytest.skip("no C compiler to build a driver with")
    (folder / "cuda.c").write_text(f"#define FAILURE {json.dumps(failure or '')}\n{DRIVER}")
    argv = [compiler, "-shared", "-fPIC", "-w", "-o", str(folder / "libcuda.so.1"), str(folder / "cuda.c")]
    subprocess.run(argv, check=True)
    return folder


def test_engine_that_needs_no_gpu_is_not_asked() -> None:
    check_gpu(ECHO)
    Engines(Catalog({"echo": ECHO})).get("echo")


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="there is a GPU here")
def test_without_a_driver_no_engine_that_needs_one_runs() -> None:
    engines = Engines(Catalog({"echo": NEEDY}))
    with pytest.raises(GpuBroken, match="echo needs a GPU"):
        engines.get("echo")
    assert engines.load("echo")


def test_driver_that_works_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver(tmp_path, None)))
    check_gpu(NEEDY)


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ("cuInit", "cuInit of the CUDA driver failed with 999"),
        ("cuDeviceGet", "failed with 101"),
        ("cuDevicePrimaryCtxRetain", "failed with 46"),
        ("cuMemAlloc_v2", "failed with 2"),
        ("memory", "does not hold what is written"),
    ],
)
def test_driver_that_fails_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str, says: str) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver(tmp_path, failure)))
    with pytest.raises(GpuBroken, match=says):
        check_gpu(NEEDY)


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: device-side assert triggered",
        "CUDA error: unspecified launch failure",
        "CUDA error: uncorrectable ECC error encountered",
        "CUDA error: misaligned address",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`",
        "No CUDA GPUs are available",
        "Unexpected error from cudaGetDeviceCount(): CUDA error: no CUDA-capable device is detected",
    ],
)
def test_lost_gpu_is_told_from_its_error(text: str) -> None:
    assert lost(RuntimeError(text))
    with pytest.raises(GpuBroken, match="submit the step again"), typed_errors(Stop()):
        raise RuntimeError(text)


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: invalid configuration argument",
        "CUDA error: no kernel image is available for execution on the device",
        "an illegal memory access of the disk",
        "shape mismatch",
    ],
)
def test_other_errors_leave_the_gpu_alone(text: str) -> None:
    assert not lost(RuntimeError(text))
    with pytest.raises(EngineError) as caught, typed_errors(Stop()):
        raise RuntimeError(text)
    assert caught.value.code == "engine_failed"
