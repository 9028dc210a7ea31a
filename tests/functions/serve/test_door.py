"""The door over its HTTP API, with real worker processes."""

import json
from pathlib import Path

from tests.servers.door import door
from tests.servers.jobs import request


def test_job_runs_from_post_to_result(tmp_path: Path) -> None:
    with door(tmp_path) as d:
        job = request("write:hello")
        status = d.make(job)
        assert status["status"] == "COMPLETED"
        assert d.read(job.outputs["lora.safetensors"].key) == b"hello"
        stored = json.loads(d.read(job.reserved.result.key))
        assert stored["status"] == status["output"]["status"] == "done"
