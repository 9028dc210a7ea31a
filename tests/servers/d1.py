"""Cloudflare's own D1 and R2 (miniflare) on loopback, behind the Worker that we ship and behind the API's envelope."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx2
import pytest

from control.db.d1 import D1Database, Target, hosted, worker
from tests.servers.node import Unavailable, installed
from tests.servers.s3 import S3Server, free_ports

SOURCE = Path(__file__).parent / "miniflare"
WORKER = Path(__file__).parents[2] / "control" / "db" / "d1_worker" / "worker.js"
TOKEN = "test-token-of-more-than-32-characters"
READY_S = 60
Way = Literal["worker", "api"]


@dataclass(frozen=True)
class D1Server:
    """Where it is."""

    url: str

    def target(self, way: Way, *, token: str = TOKEN) -> Target:
        """The database through the shipped Worker, or through Cloudflare's API."""
        return worker(self.url, token) if way == "worker" else hosted("account-1", "db-1", token, base=self.url)

    def database(self, way: Way) -> D1Database:
        """The database, as it is."""
        return D1Database(self.target(way))

    def reset(self) -> None:
        """Remove every table."""
        httpx2.post(f"{self.url}/reset", timeout=30, trust_env=False).raise_for_status()

    @property
    def r2(self) -> S3Server:
        """The R2 bucket by its S3 interface."""
        return S3Server(f"{self.url}/cdn-cgi/local/r2/s3", "films", "r2-key", "r2-secret", "auto")


@contextlib.contextmanager
def miniflare(folder: Path, *, shipped: Path = WORKER, token: str = TOKEN) -> Iterator[D1Server]:
    """A running server that keeps its data in `folder`: the Worker `shipped`, whose secret is `token`. Skips the test
    where there is no node.
    """
    try:
        node, home = installed(SOURCE)
    except Unavailable as reason:
        pytest.skip(f"needs Cloudflare's D1 engine, and {reason}")
    (port,) = free_ports(1)
    script = home / "serve.mjs"
    if not script.exists() or script.read_bytes() != (SOURCE / "serve.mjs").read_bytes():
        fresh = home / f"serve.{os.getpid()}.mjs"
        fresh.write_bytes((SOURCE / "serve.mjs").read_bytes())
        fresh.replace(script)
    log = folder / "miniflare.log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TOKEN": token}
    argv = [str(node), str(script), str(port), str(folder), str(shipped)]
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, cwd=folder, env=environment)
    try:
        _await_ready(process, log)
        yield D1Server(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S
    while b"ready" not in log.read_bytes():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.05)
