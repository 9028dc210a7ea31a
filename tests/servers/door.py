"""A real door process over a folder, and a small client for it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from functions.contract.job import JobRequest
from tests.servers.engines import MANIFEST
from tests.servers.jobs import DOOR, STUDIO, body

TOKEN = "a-token-for-tests"
ROOT = Path(__file__).parents[2]
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


class Door:
    """One running door."""

    def __init__(self, process: subprocess.Popen[bytes], hello: dict[str, Any], store: Path) -> None:
        self.process, self.store = process, store
        self.url, self.instance = hello["url"], hello["instance"]
        self.client = httpx2.Client(
            base_url=f"{self.url}/v2/echo", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False
        )

    def run(self, job: JobRequest) -> httpx2.Response:
        """POST run."""
        return self.client.post("/run", json=body(job))

    def status(self, job: JobRequest) -> dict[str, Any]:
        """GET status."""
        answer: dict[str, Any] = self.client.get(f"/status/{job.job_id}").json()
        return answer

    def cancel(self, job: JobRequest) -> dict[str, Any]:
        """POST cancel."""
        answer: dict[str, Any] = self.client.post(f"/cancel/{job.job_id}").json()
        return answer

    def ended(self, job: JobRequest, seconds: float = 30) -> dict[str, Any]:
        """The status once the job has ended."""
        return self.until(job, ENDED, seconds)

    def until(self, job: JobRequest, states: set[str], seconds: float = 30) -> dict[str, Any]:
        """The status once it is one of these."""
        end = time.monotonic() + seconds
        while (answer := self.status(job))["status"] not in states:
            assert time.monotonic() < end, answer
            time.sleep(0.02)
        return answer

    def make(self, job: JobRequest) -> dict[str, Any]:
        """Run a job to its end."""
        answer = self.run(job)
        assert answer.status_code == 200, answer.text
        return self.ended(job)

    def read(self, key: str) -> bytes:
        """An object of the store."""
        return (self.store / key).read_bytes()


@contextlib.contextmanager
def door(
    folder: Path, *options: str, workers: int = 1, store: str | None = None, catalog: str = MANIFEST
) -> Iterator[Door]:
    """A door in `folder`; entering again with the same folder takes up its queue."""
    (folder / "catalog").mkdir(parents=True, exist_ok=True)
    (folder / "catalog" / "echo.toml").write_text(catalog)
    (folder / "store").mkdir(exist_ok=True)
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "keys").write_text(bytes(STUDIO.verify_key).hex() + "\n")
    argv = [sys.executable, "-m", "functions.serve.door", "--data", str(folder / "data"), "--door", DOOR]
    argv += ["--store", str(folder / "store") if store is None else store, "--workers", str(workers)]
    argv += ["--token-file", str(folder / "token"), "--keys-file", str(folder / "keys"), "--tied"]
    argv += ["--catalog", str(folder / "catalog"), *options]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline()
        assert line, f"the door ended with {process.wait()}"
        started = Door(process, json.loads(line), folder / "store")
        with started.client:
            yield started
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def environment() -> dict[str, str]:
    """The door finds the stand-in engine from the repository's root."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1,localhost",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends between opening and reading
        return True
