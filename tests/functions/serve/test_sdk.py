"""RunPod's own SDK drives the door unchanged."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.servers.door import TOKEN, door, environment
from tests.servers.engines import OUTPUT
from tests.servers.jobs import body, request

SCRIPT = """
import json, sys, time
import runpod

runpod.api_key = sys.argv[1]
endpoint = runpod.Endpoint("echo")
quick, slow = json.loads(sys.stdin.read())
job = endpoint.run(quick)
made = job.output(timeout=60)
other = endpoint.run(slow)
while other.status() != "IN_PROGRESS":
    time.sleep(0.05)
cancelled = other.cancel(timeout=10)
while other.status() != "CANCELLED":
    time.sleep(0.05)
told = {"status": job.status(), "output": made, "cancelled": cancelled, "health": endpoint.health(timeout=10)}
print("TOLD" + json.dumps(told))
"""


def test_sdk_runs_watches_and_cancels_jobs(tmp_path: Path) -> None:
    quick, slow = request("write:by the SDK"), request("slow:60")
    with door(tmp_path) as d:
        told = by_sdk(d.url, [body(quick), body(slow)])
        assert told["status"] == "COMPLETED"
        assert told["output"]["status"] == "done"
        assert told["cancelled"]["id"] == slow.job_id
        assert told["health"]["jobs"]["completed"] == 1
        assert d.read(quick.outputs[OUTPUT].key) == b"by the SDK"


def by_sdk(url: str, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """What the SDK saw, in a process of its own: it reads its base URL when it is imported."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, TOKEN],
        input=json.dumps(bodies),
        env={**environment(), "RUNPOD_ENDPOINT_BASE_URL": f"{url}/v2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.partition("TOLD")[2])
    return told
