"""The three ways to a worker, each over real HTTP and with real worker processes, before one store that notes requests.

`local` is the door on this machine, `runpod` the SDK's own worker loop behind a stand-in endpoint, `modal` the app's
web door before Modal's own container runtime. All three hold the same bucket, and may follow URLs to the same server.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from functions.contract import grant
from functions.contract.job import JobRequest, JobResult
from tests.servers import modal_door as modal
from tests.servers.door import ENDED, TOKEN, door
from tests.servers.engines import MANIFEST
from tests.servers.jobs import STUDIO, body
from tests.servers.modal_cloud import ModalCloud, modal_cloud
from tests.servers.objects import ObjectServer
from tests.servers.runpod_queue import KEY, RunpodQueue, runpod_queue
from tests.servers.runpod_worker import RunpodWorker, runpod_worker

BUCKET = "films"
STORE = f"s3://{BUCKET}"
CATALOG = MANIFEST.replace("recipe = 1", "recipe = 1\nconcurrency = 4")
"""Several jobs at a time, so that many can be refused quickly."""
NAMES = ("local", "runpod", "modal")


@dataclass
class Transport:
    """One of them. `platform` is what stands behind it, None for the local door."""

    name: str
    client: httpx2.Client
    objects: ObjectServer
    platform: RunpodQueue | ModalCloud | None = None
    workers: list[RunpodWorker] = field(default_factory=list)

    def run(self, job: JobRequest) -> httpx2.Response:
        """POST run."""
        return self.client.post("/run", json=body(job))

    def status(self, handle: str) -> dict[str, Any]:
        """GET status."""
        answer: dict[str, Any] = self.client.get(f"/status/{handle}").json()
        return answer

    def until(self, handle: str, states: set[str], seconds: float = 60) -> dict[str, Any]:
        """The status once it is one of these."""
        end = time.monotonic() + seconds
        while (answer := self.status(handle)).get("status") not in states:
            assert time.monotonic() < end, answer
            time.sleep(0.05)
        return answer

    def begin(self, job: JobRequest) -> str:
        """Have a job accepted; its handle."""
        answer = self.run(job)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def make(self, job: JobRequest) -> dict[str, Any]:
        """Run a job to its end."""
        return self.until(self.begin(job), ENDED)

    def refusal(self, job: JobRequest) -> Callable[[], str]:
        """Send a job that must be refused; what is returned waits for the error's code."""
        answer = self.run(job)
        if answer.status_code != 200:
            code = str(answer.json()["error"]["code"])
            return lambda: code
        handle = answer.json()["id"]
        return lambda: _code(self.until(handle, ENDED))

    def stored(self, job: JobRequest) -> JobResult:
        """The result object."""
        return JobResult.model_validate_json(self.objects.objects[self.place(job, job.reserved.result.key)])

    def place(self, job: JobRequest, key: str) -> str:
        """Where a key of a job lies on the server."""
        return key if job.transport == "presigned" else f"{BUCKET}/{key}"

    def presigned(self, job: JobRequest) -> JobRequest:
        """The job with URLs instead."""
        return grant.sign(job.model_copy(update=self.objects.signed(job)), STUDIO)


def _code(status: dict[str, Any]) -> str:
    assert status["status"] == "FAILED", status
    output = status.get("output") or {}
    return str((output.get("error") or output)["code"])


def credentials(objects: ObjectServer) -> dict[str, str]:
    """The AWS_* variables that lead to the store."""
    return {
        "AWS_ENDPOINT_URL_S3": objects.origin,
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextlib.contextmanager
def transport(name: str, folder: Path, objects: ObjectServer) -> Iterator[Transport]:
    """A running one. The AWS_* variables must be set for the local door."""
    made = {"local": _local, "runpod": _runpod, "modal": _modal}[name]
    with made(folder, objects) as running, running.client:
        yield running


@contextlib.contextmanager
def _local(folder: Path, objects: ObjectServer) -> Iterator[Transport]:
    options = ("--origin", objects.origin, "--grace", "1")
    with door(folder, *options, workers=4, store=STORE, catalog=CATALOG) as running:
        yield Transport("local", _client(f"{running.url}/v2/echo", {"Authorization": f"Bearer {TOKEN}"}), objects)


@contextlib.contextmanager
def _runpod(folder: Path, objects: ObjectServer) -> Iterator[Transport]:
    own = {"VIVIJURE_DOOR_ORIGINS": objects.origin, "VIVIJURE_DOOR_GRACE_S": "1", **credentials(objects)}
    with runpod_queue() as queue, runpod_worker(queue, folder, store=STORE, catalog=CATALOG, **own) as worker:
        client = _client(queue.url, {"Authorization": f"Bearer {KEY}"})
        yield Transport("runpod", client, objects, queue, [worker])


@contextlib.contextmanager
def _modal(folder: Path, objects: ObjectServer) -> Iterator[Transport]:
    own = {"VIVIJURE_DOOR_ORIGINS": objects.origin, "VIVIJURE_DOOR_GRACE_S": "1"}
    with modal_cloud(folder) as cloud:
        cloud.named_secrets["store"] = credentials(objects)
        settings = modal.variables(folder, store=STORE, catalog=CATALOG, VIVIJURE_MODAL_SECRET="store", **own)
        with modal.modal_door(cloud, settings) as url:
            yield Transport("modal", _client(f"{url}/v2/echo", modal.HEADERS), objects, cloud)


def _client(base: str, headers: dict[str, str]) -> httpx2.Client:
    return httpx2.Client(base_url=base, headers=headers, timeout=30, trust_env=False)


def snapshot(objects: ObjectServer) -> dict[str, bytes]:
    """All that is stored now."""
    with objects.lock:
        return dict(objects.objects)


def plain(result: JobResult, job: JobRequest) -> dict[str, Any]:
    """A result without what must differ: the job's id, times, memory, and the place that made it."""
    values = json.loads(result.model_dump_json().replace(job.job_id, "JOB"))
    del values["metrics"]
    values["provenance"].pop("image")
    return dict(values)
