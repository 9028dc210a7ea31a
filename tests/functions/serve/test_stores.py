"""The door over other stores than a folder: signed URLs, and an S3 bucket of its own; and its doorbell."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from functions.contract import grant
from tests.servers.door import door
from tests.servers.engines import KEPT, OUTPUT
from tests.servers.jobs import STUDIO, request, upload
from tests.servers.objects import object_server
from tests.servers.s3 import seaweed


def test_presigned_job_touches_only_its_urls(tmp_path: Path) -> None:
    with object_server() as objects, door(tmp_path, "--origin", objects.origin, store="") as d:
        data = upload(b" world")
        objects.objects[data.key] = b" world"
        job = request("write:hello", inputs={"data": data})
        job = grant.sign(job.model_copy(update=objects.signed(job)), STUDIO)
        assert d.make(job)["status"] == "COMPLETED"
        assert objects.objects[job.outputs[OUTPUT].key] == b"hello world"
        prefix = job.reserved.result.key.rpartition("/")[0]
        assert all(key == data.key or key.startswith(prefix) for _, key in objects.requests)


def test_a_presigned_job_goes_on_from_what_its_killed_execution_kept(tmp_path: Path) -> None:
    with object_server() as objects, door(tmp_path, "--origin", objects.origin, store="") as d:
        job = request("resume:5000", executions=2, keeps={KEPT: 5000})
        assert d.make(grant.sign(job.model_copy(update=objects.signed(job)), STUDIO))["status"] == "COMPLETED"
        assert objects.objects[job.outputs[OUTPUT].key] == b"resumed after 5000"


def test_presigned_job_to_another_origin_is_refused(tmp_path: Path) -> None:
    with object_server() as objects, door(tmp_path, "--origin", "https://elsewhere.example", store="") as d:
        job = request("write:hello")
        answer = d.run(grant.sign(job.model_copy(update=objects.signed(job)), STUDIO))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "key_refused")
        assert objects.requests == []


def test_store_that_fails_is_a_retryable_end(tmp_path: Path) -> None:
    with object_server() as objects, door(tmp_path, "--origin", objects.origin, store="") as d:
        job = request("write:hello")
        objects.answers += [403] * 20
        ended = d.make(grant.sign(job.model_copy(update=objects.signed(job)), STUDIO))
        assert (ended["status"], ended["output"]["error"]["code"]) == ("FAILED", "storage_failed")
        assert ended["output"]["error"]["retryable"] is True


def test_door_with_a_bucket_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with seaweed(tmp_path) as s3:
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        with door(tmp_path / "door", store=f"s3://{s3.bucket}") as d:
            job = request("write:hello")
            assert d.make(job)["status"] == "COMPLETED"
            with contextlib.closing(s3.client()) as client:
                made = client.get_object(Bucket=s3.bucket, Key=job.outputs[OUTPUT].key)["Body"].read()
            assert made == b"hello"


class Bell(BaseHTTPRequestHandler):
    """Notes who rang."""

    rung: list[str] = []

    def do_POST(self) -> None:
        self.rung.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_doorbell_is_rung_when_a_job_ends(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Bell) as studio, door(tmp_path) as d:
        bell = f"http://127.0.0.1:{studio.server_address[1]}/api/doorbell/x"
        threading.Thread(target=studio.handle_request).start()
        assert d.make(request("write", callback=bell))["status"] == "COMPLETED"
        deaf = request("write", callback="http://127.0.0.1:1/")
        assert d.make(deaf)["status"] == "COMPLETED"
    assert Bell.rung == ["/api/doorbell/x"]
