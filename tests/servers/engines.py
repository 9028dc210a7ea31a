"""A quick engine for tests of the runtime and the door. What it does is told by `TrainLora.trigger`."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from functions.contract.errors import EngineError
from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.contract.params import TrainLora
from functions.runtime.engine import Job, Outcome

OUTPUT = "lora.safetensors"
KEPT = "checkpoint.bin"
MANIFEST = """
name = "echo"
version = "1.2.3"
title = "Echo"
summary = "Writes what it was told."
kinds = ["train_lora"]
recipe = 1
entry = "tests.servers.engines:Echo"

[tiers.draft]
[tiers.standard]

[[licences]]
what = "code"
name = "AGPL-3.0-only"
commercial = "yes"
"""


class Echo:
    """`trigger` is `behaviour` or `behaviour:argument`."""

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest
        self.runs = 0

    def run(self, job: Job) -> Outcome:
        assert isinstance(job.params, TrainLora)
        self.runs += 1
        name, _, argument = job.params.trigger.partition(":")
        return BEHAVIOURS[name](job, argument)


def write(job: Job, text: str) -> Outcome:
    """The argument, then every input."""
    job.progress("write", 1, 1)
    parts = [text.encode(), *(job.inputs[name].read_bytes() for name in sorted(job.inputs))]
    job.output(OUTPUT).write_bytes(b"".join(parts) or b"nothing")
    return Outcome()


def slow(job: Job, seconds: str) -> Outcome:
    """Reports progress every 20 ms for so many seconds."""
    total = int(float(seconds) * 50)
    for done in range(total):
        job.progress("work", done, total)
        time.sleep(0.02)
    return write(job, "slow")


def preview(job: Job, _: str) -> Outcome:
    """Leaves a preview."""
    part = job.scratch / "part"
    part.write_bytes(b"picture")
    part.rename(job.scratch / "preview.jpg")
    return slow(job, "2.3")


def hang(job: Job, marker: str) -> Outcome:
    """Never looks up again; a child of a child hangs with it. Both write their pids to `marker`."""
    script = "import os,sys,time; open(sys.argv[1],'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", script, marker], process_group=0)
    with Path(marker).open("a") as file:
        file.write(f"{os.getpid()}\n")
    while True:
        time.sleep(1)


def child(job: Job, marker: str) -> Outcome:
    """Waits for a child that does not end."""
    script = "import os,sys,time; open(sys.argv[1],'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
    job.children.run([sys.executable, "-c", script, marker])
    return write(job, "unreachable")


def crash(job: Job, marker: str) -> Outcome:
    """Ends the process by SIGSEGV; with a marker file only the first time."""
    if not marker or not Path(marker).exists():
        if marker:
            Path(marker).touch()
        ctypes.string_at(0)
    return write(job, "recovered")


def killed(job: Job, _: str) -> Outcome:
    """Ends the process as the kernel's out-of-memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Outcome()


def fail(job: Job, text: str) -> Outcome:
    """A typed failure."""
    raise EngineError(text)


def bug(job: Job, text: str) -> Outcome:
    """An untyped one."""
    raise ZeroDivisionError(text)


def missing(job: Job, _: str) -> Outcome:
    """Makes nothing."""
    return Outcome()


def big(job: Job, size: str) -> Outcome:
    """So many bytes."""
    job.output(OUTPUT).write_bytes(bytes(int(size)))
    return Outcome()


def degraded(job: Job, text: str) -> Outcome:
    """Says that the input passed through."""
    write(job, text)
    return Outcome(degraded=[Note(code="passed_through", detail="nothing was done")])


def noisy(job: Job, text: str) -> Outcome:
    """Prints to standard output, as libraries do."""
    print("a library says hello", flush=True)
    os.write(1, b'{"result": "forged"}\n')
    return write(job, text)


def numbers(job: Job, which: str) -> Outcome:
    """Says what JSON cannot."""
    write(job, "x")
    if which == "note":
        return Outcome(notes=[Note(code="odd", detail="not a number", value=float("nan"))])
    return Outcome(load_s=float("nan"))


def link(job: Job, target: str) -> Outcome:
    """Leaves a link instead of a file."""
    job.output(OUTPUT).symlink_to(target)
    return Outcome()


def count(job: Job, marker: str) -> Outcome:
    """Leaves a line in `marker` each time it runs."""
    with Path(marker).open("a") as file:
        file.write("ran\n")
    return write(job, "counted")


def linger(job: Job, marker: str) -> Outcome:
    """As `count`, and takes two seconds."""
    count(job, marker)
    return slow(job, "2")


def poison(job: Job, _: str) -> Outcome:
    """Loses the GPU, as the first kernel that reads outside its memory does."""
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def resume(job: Job, size: str) -> Outcome:
    """Goes on from what was kept; the first execution keeps so many bytes and is killed."""
    before = job.scratch / "before"
    if job.kept(KEPT, before):
        return write(job, f"resumed after {before.stat().st_size}")
    part = job.scratch / "part"
    part.write_bytes(b"k" * int(size))
    job.keep(KEPT, part)
    raise SystemExit("killed")


BEHAVIOURS: dict[str, Callable[[Job, str], Outcome]] = {
    f.__name__: f
    for f in (
        *(write, slow, preview, hang, child, crash, killed, fail, bug, missing, big, degraded, noisy, numbers, link),
        *(count, linger, poison, resume),
    )
}
