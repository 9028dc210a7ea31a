"""Child processes under one switch, with real processes."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from functions.contract.errors import Cancelled, DeadlineExceeded, DiskFull, EngineError, OutOfMemory
from functions.runtime.children import JobChildren, Stop
from tests.servers.door import gone

PYTHON = sys.executable


def test_child_gives_its_output() -> None:
    assert JobChildren(Stop()).run(["cat"], stdin=b"through") == b"through"


def test_failed_child_is_told_with_the_end_of_its_complaint() -> None:
    script = "import sys; sys.stderr.write('x' * 5000 + 'the reason'); sys.exit(3)"
    with pytest.raises(EngineError, match=r"ended with 3: x+the reason$") as caught:
        JobChildren(Stop()).run([PYTHON, "-c", script])
    assert len(str(caught.value)) < 2200


def test_child_on_a_full_disk_is_told() -> None:
    with pytest.raises(DiskFull):
        JobChildren(Stop()).run([PYTHON, "-c", "import os; os.write(os.open('/dev/full', 1), b'x')"])


def test_missing_program_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        JobChildren(Stop()).run(["/nowhere/at/all"])


def test_child_killed_from_outside_is_told_as_lack_of_memory() -> None:
    with pytest.raises(OutOfMemory, match="was killed"):
        JobChildren(Stop()).run(["sh", "-c", "kill -9 $$"])


@pytest.mark.parametrize("piped", [False, True])
def test_nobody_tells_of_the_children_of_a_job_that_was_abandoned(tmp_path: Path, piped: bool) -> None:
    stop, pids, told = Stop(), tmp_path / "pids", threading.Event()
    program = ["sh", "-c", f"echo $$ > {pids}.part; mv {pids}.part {pids}; exec sleep 600"]

    def work() -> None:
        try:
            if piped:
                with JobChildren(stop).pipe(program):
                    pass
            else:
                JobChildren(stop).run(program)
        finally:
            told.set()

    threading.Thread(target=work, daemon=True).start()
    while not pids.exists():
        time.sleep(0.01)
    stop.abandon()
    until_gone(int(pids.read_text()))
    assert not told.wait(0.5)


def test_stop_kills_a_child_and_its_children(tmp_path: Path) -> None:
    stop, pids = Stop(), tmp_path / "pids"
    threading.Timer(0.3, stop.set, [Cancelled("enough")]).start()
    with pytest.raises(Cancelled, match="enough"):
        JobChildren(stop).run(["sh", "-c", f"sleep 600 & echo $! > {pids}; wait"])
    until_gone(int(pids.read_text()))


def test_what_a_child_leaves_behind_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    JobChildren(Stop()).run(["sh", "-c", f"sleep 600 >&- 2>&- & echo $! > {pids}"])
    until_gone(int(pids.read_text()))


def until_gone(pid: int) -> None:
    """Wait for the end of a process."""
    for _ in range(500):
        if gone(pid):
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} lives")


def test_nothing_starts_after_the_stop(tmp_path: Path) -> None:
    stop = Stop()
    stop.set(DeadlineExceeded("late"))
    stop.set(Cancelled("later"))
    with pytest.raises(DeadlineExceeded):
        JobChildren(stop).run(["touch", str(tmp_path / "made")])
    with pytest.raises(DeadlineExceeded):
        JobChildren(stop).pipe(["touch", str(tmp_path / "made")])
    assert not (tmp_path / "made").exists()


def test_child_adopted_after_the_stop_is_killed() -> None:
    stop = Stop()
    stop.set(Cancelled("x"))
    child = subprocess.Popen(["sleep", "600"], process_group=0)
    stop.adopt(child)
    assert child.wait(10) == -signal.SIGKILL


def test_pipe_feeds_a_child(tmp_path: Path) -> None:
    made = tmp_path / "made"
    with JobChildren(Stop()).pipe(["sh", "-c", f"cat > {made}"]) as pipe:
        pipe.stdin.write(b"frames")
    assert made.read_bytes() == b"frames"


def test_pipe_to_a_child_that_fails_says_why() -> None:
    script = "import sys; sys.stderr.write('bad frame'); sys.exit(1)"
    with pytest.raises(EngineError, match="bad frame"):
        feed(JobChildren(Stop()), [PYTHON, "-c", script])


def feed(children: JobChildren, argv: list[str]) -> None:
    """More than any pipe holds."""
    with children.pipe(argv) as pipe:
        for _ in range(1000):
            pipe.stdin.write(bytes(100_000))


def test_pipe_is_killed_when_its_block_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        break_off(JobChildren(Stop()))


def break_off(children: JobChildren) -> None:
    """An engine that fails while its child runs."""
    with children.pipe(["sleep", "600"]):
        raise ZeroDivisionError


def test_stopped_pipe_raises_the_reason() -> None:
    stop = Stop()
    threading.Timer(0.3, stop.set, [Cancelled("enough")]).start()
    with pytest.raises(Cancelled):
        feed(JobChildren(stop), ["sleep", "600"])
