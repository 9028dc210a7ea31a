"""A real RunPod worker process (RunPod's own SDK around our handler) for a stand-in endpoint."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from functions.serve.session import kill_session
from tests.servers.door import environment
from tests.servers.engines import MANIFEST
from tests.servers.jobs import DOOR, STUDIO
from tests.servers.runpod_queue import RunpodQueue


class RunpodWorker:
    """One worker of the endpoint, in a session of its own as in a container of its own."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, queue: RunpodQueue, log: Path) -> None:
        self.process, self.name, self._queue, self.log = process, name, queue, log

    def terminate(self) -> int:
        """SIGTERM, and how it ended."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """As the platform ends a container: everything at once."""
        kill_session(self.process.pid)
        for child in self.children:
            kill_session(child)
        self.process.wait(30)

    @property
    def children(self) -> list[int]:
        """Sessions that it leads the leaders of: its warm processes."""
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            return [
                child.pid for child in psutil.Process(self.process.pid).children() if os.getsid(child.pid) == child.pid
            ]
        return []


@contextlib.contextmanager
def runpod_worker(
    queue: RunpodQueue,
    folder: Path,
    *,
    name: str = "worker-1",
    engine: str = "echo",
    store: str | None = None,
    catalog: str = MANIFEST,
    **variables: str,
) -> Iterator[RunpodWorker]:
    """Start a worker for an engine; `folder` holds its store, catalog, scratch and log."""
    (folder / "catalog").mkdir(parents=True, exist_ok=True)
    (folder / "catalog" / f"{engine}.toml").write_text(catalog)
    (folder / "store").mkdir(exist_ok=True)
    log = folder / f"{name}.log"
    own = {
        "VIVIJURE_DOOR_ID": DOOR,
        "VIVIJURE_DOOR_KEYS": bytes(STUDIO.verify_key).hex(),
        "VIVIJURE_DOOR_STORE": str(folder / "store") if store is None else store,
        "VIVIJURE_DOOR_CATALOG": str(folder / "catalog"),
        "VIVIJURE_DOOR_SCRATCH": str(folder / name),
        **variables,
    }
    argv = [sys.executable, "-W", "ignore", "-m", "functions.serve.runpod", "--engine", engine]
    env = {**environment(), **queue.worker_environment(name), **own}
    with log.open("ab") as file:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env, start_new_session=True
        )
    worker = RunpodWorker(process, name, queue, log)
    try:
        yield worker
    finally:
        worker.kill()
        queue.jobs.let_go(name)
