"""A real `modal deploy` of our app to a stand-in for Modal's backend, and what the app does there."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from grpclib import Status
from modal_proto import api_pb2

from functions.contract.job import JobRequest
from functions.serve.environment import passed_on, read_modal
from tests.servers.door import ENDED, ROOT, gone
from tests.servers.engines import MANIFEST
from tests.servers.jobs import body, new_id, request, upload
from tests.servers.modal_cloud import ModalCloud, modal_cloud
from tests.servers.modal_door import HEADERS, IMAGES, deploy, modal_door, variables
from tests.servers.objects import object_server

GPUS = """
[needs]
vram_gb = 24
ram_gb = 32

[hosting]
gpus = ["L40S", "H100"]
cores = 8
idle_s = 30
startup_s = 900
workers = 5
snapshot = true
gpu_snapshot = true
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModalCloud]:
    """The backend, for all tests of this file."""
    with modal_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


class Deployed:
    """The app, deployed with its door."""

    def __init__(self, cloud: ModalCloud, folder: Path, url: str) -> None:
        self.cloud, self.folder = cloud, folder
        self.client = httpx2.Client(base_url=f"{url}/v2/echo", headers=HEADERS, timeout=30, trust_env=False)

    def run(self, job: JobRequest) -> httpx2.Response:
        """POST run."""
        return self.client.post("/run", json=body(job))

    def status(self, job: JobRequest) -> dict[str, Any]:
        """GET status."""
        answer: dict[str, Any] = self.client.get(f"/status/{job.job_id}").json()
        return answer

    def until(self, job: JobRequest, states: set[str] = ENDED) -> dict[str, Any]:
        """The status once it is one of these."""
        wait_for(lambda: self.status(job)["status"] in states)
        return self.status(job)

    def make(self, job: JobRequest) -> dict[str, Any]:
        """Run a job to its end."""
        answer = self.run(job)
        assert answer.status_code == 200, answer.text
        return self.until(job)

    def has_result(self, job: JobRequest) -> bool:
        """Whether there is a result object."""
        return (self.folder / "store" / job.reserved.result.key).exists()

    def container(self) -> str:
        """The one that runs."""
        (task,) = self.cloud.containers
        return task


@pytest.fixture(scope="module")
def app(cloud: ModalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The deployed app."""
    folder = tmp_path_factory.mktemp("modal")
    with object_server() as objects:
        own = variables(folder, VIVIJURE_DOOR_GRACE_S="0.5", VIVIJURE_DOOR_ORIGINS=objects.origin)
        with modal_door(cloud, own) as url:
            running = Deployed(cloud, folder, url)
            with running.client:
                yield running


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


# deploying --------------------------------------------------------------------------------------------------------


def test_deploy_asks_for_what_the_manifest_says(tmp_path: Path) -> None:
    folder = tmp_path / "cloud"
    folder.mkdir()
    with modal_cloud(folder) as backend:
        done = deploy(
            backend, variables(tmp_path, catalog=MANIFEST.replace("recipe = 1", "recipe = 1\ndeadline_s = 700") + GPUS)
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert backend.unknown == set()
        seen, function = backend.deployed, backend.deployed.functions["Echo.*"]
        assert seen.gpus["Echo.*"] == ["L40S", "H100"]
        assert (function.resources.milli_cpu, function.resources.memory_mb) == (8000, 32 * 10**9 // 2**20)
        assert (function.timeout_secs, function.startup_timeout_secs) == (760, 900)
        assert (function.autoscaler_settings.scaledown_window, function.autoscaler_settings.max_containers) == (30, 5)
        assert function.autoscaler_settings.min_containers == 0
        assert function.retry_policy.retries == 0
        assert function.checkpointing_enabled
        assert dict(function.experimental_options) == {"enable_gpu_snapshot": "True"}
        assert list(function.method_definitions) == ["run"]
        assert backend.variables(function)["VIVIJURE_IMAGE"] == IMAGES["echo"]


def test_deploy_without_snapshots_asks_for_none(app: Deployed) -> None:
    function = app.cloud.deployed.functions["Echo.*"]
    assert not function.checkpointing_enabled
    assert dict(function.experimental_options) == {}
    assert app.cloud.deployed.gpus["Echo.*"] == [""]


def test_images_are_named_by_digest_and_hold_nothing_of_this_machine(app: Deployed) -> None:
    functions = app.cloud.deployed.functions
    for name, image in (("Echo.*", IMAGES["echo"]), ("door", IMAGES["door"])):
        lines = app.cloud.dockerfile(functions[name])
        assert lines[0] == f"FROM {image}"
        assert [line for line in lines[1:] if line not in ("FROM base", "ENTRYPOINT []")] == []
    mounted = [request for name, request in app.cloud.seen if name == "MountGetOrCreate" and request.files]
    assert mounted == []


def test_door_is_behind_proxy_tokens(app: Deployed) -> None:
    door = app.cloud.deployed.functions["door"]
    assert door.webhook_config.type == api_pb2.WEBHOOK_TYPE_ASGI_APP
    assert door.webhook_config.requires_proxy_auth
    assert door.retry_policy.retries == 0
    for headers in ({}, {"Modal-Key": HEADERS["Modal-Key"]}, {**HEADERS, "Modal-Secret": "ws-wrong"}):
        answer = httpx2.post(f"{app.client.base_url}run", headers=headers, json=body(request("write")), trust_env=False)
        assert answer.status_code == 401


def test_secrets_are_ours_alone(app: Deployed) -> None:
    for name in ("Echo.*", "door"):
        told = app.cloud.variables(app.cloud.deployed.functions[name])
        assert all(each.startswith("VIVIJURE_") for each in told)
    assert passed_on({"VIVIJURE_DOOR_ID": "d", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "s"}) == {
        "VIVIJURE_DOOR_ID": "d"
    }


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ("", "names no image"),
        (f"door={IMAGES['door']}", "names no image"),
        (f"echo={IMAGES['echo']}", "names no image"),
        (f"door={IMAGES['door']} echo=ghcr.io/acme/echo:latest", "tags can move"),
        (f"door=ghcr.io/acme/door echo={IMAGES['echo']}", "tags can move"),
        (f"door={IMAGES['door']} echo=ghcr.io/acme/echo@sha256:abc", "tags can move"),
        (f"door={IMAGES['door']} echo={IMAGES['echo']}\nRUN", "tags can move"),
    ],
)
def test_image_without_a_digest_is_refused(images: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_modal({"VIVIJURE_MODAL_IMAGES": images})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"VIVIJURE_MODAL_IMAGES": f"door={IMAGES['door']} echo=ghcr.io/acme/echo:latest"}, "tags can move"),
        ({"VIVIJURE_MODAL_IMAGES": f"door={IMAGES['door']} nobody={IMAGES['echo']}"}, "cannot run nobody"),
        ({"VIVIJURE_DOOR_KEYS": ""}, "VIVIJURE_DOOR_KEYS is not set"),
        ({"VIVIJURE_MODAL_SECRET": "not-there"}, "not-there"),
    ],
)
def test_deploy_refuses_and_says_why(cloud: ModalCloud, tmp_path: Path, change: dict[str, str], says: str) -> None:
    before = len(cloud.seen)
    done = deploy(cloud, {**variables(tmp_path), **change})
    assert done.returncode != 0
    assert says.replace(" ", "") in "".join((done.stdout + done.stderr).replace("│", "").split())
    assert [name for name, _ in cloud.seen[before:] if name in ("FunctionCreate", "AppPublish")] == []


def test_engine_that_needs_a_gpu_names_one(cloud: ModalCloud, tmp_path: Path) -> None:
    own = variables(tmp_path, catalog=f"{MANIFEST}\n[needs]\nvram_gb = 8\n")
    done = deploy(cloud, own)
    assert done.returncode != 0
    assert "namesnoGPUtorent" in "".join((done.stdout + done.stderr).replace("│", "").split())


def test_deploy_needs_a_token(cloud: ModalCloud, tmp_path: Path) -> None:
    done = deploy(cloud, {**variables(tmp_path), "MODAL_TOKEN_SECRET": "as-wrong"})
    assert done.returncode != 0


def test_classes_are_named_for_their_engines(cloud: ModalCloud, tmp_path: Path) -> None:
    own = {**variables(tmp_path), "VIVIJURE_DOOR_CATALOG": ""}
    own["VIVIJURE_MODAL_IMAGES"] = f"door={IMAGES['door']} voice-piper={IMAGES['echo']} animatic={IMAGES['echo']}"
    code = "from functions.serve import modal_app as m; print(sorted(m.app.registered_classes))"
    env = {**cloud.client_environment, **own}
    ran = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "['Animatic', 'VoicePiper']", ran.stderr


# running ----------------------------------------------------------------------------------------------------------


def test_run_may_be_sent_again(app: Deployed, tmp_path: Path) -> None:
    job = request(f"count:{tmp_path / 'runs'}")
    before = len(app.cloud.calls)
    assert app.run(job).json()["id"] == job.job_id
    assert app.run(job).json()["id"] == job.job_id
    app.until(job)
    assert app.run(job).json()["status"] == "COMPLETED"
    assert len(app.cloud.calls) == before + 1
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_other_request_under_the_same_id_is_refused(app: Deployed) -> None:
    job = request("write")
    app.make(job)
    answer = app.run(job.model_copy(update={"deadline_s": 30}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_exists")


def test_claim_without_a_call_is_never_called(app: Deployed) -> None:
    job = request("write")
    app.cloud.refuse_spawn.append(Status.INTERNAL)
    app.cloud.refuse_spawn.extend([Status.INTERNAL] * 3)
    answer = app.run(job)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "provider_failed")
    app.cloud.refuse_spawn.clear()
    before = len(app.cloud.calls)
    assert (app.run(job).status_code, app.status(job)["status"]) == (200, "IN_QUEUE")
    assert len(app.cloud.calls) == before
    app.client.post(f"/cancel/{job.job_id}")
    assert app.status(job)["status"] == "CANCELLED"


def test_provider_that_takes_no_more_is_busy_and_takes_the_job_later(app: Deployed) -> None:
    job = request("write")
    app.cloud.refuse_spawn.append(Status.RESOURCE_EXHAUSTED)
    answer = app.run(job)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "busy")
    assert answer.json()["error"]["retryable"] is True
    assert app.client.get(f"/status/{job.job_id}").status_code == 404
    assert app.make(job)["status"] == "COMPLETED"


def test_unknown_job_is_told_with_the_instance(app: Deployed) -> None:
    for answer in (app.client.get(f"/status/{new_id()}"), app.client.post(f"/cancel/{new_id()}")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_job")
        assert answer.json()["instance"] == app.status(made(app))["instance"]


def made(app: Deployed) -> JobRequest:
    """A job that is done."""
    job = request("write")
    app.make(job)
    return job


def test_engine_is_loaded_once_for_the_life_of_a_container(app: Deployed) -> None:
    made(app)
    pid = app.cloud.containers[app.container()].process.pid
    children = psutil.Process(pid).children()
    made(app)
    assert psutil.Process(pid).children() == children
    assert len(children) == 1


def test_times_and_progress_are_told(app: Deployed) -> None:
    job = request("slow:3")
    app.run(job)
    seen = []
    while (status := app.status(job))["status"] not in ENDED:
        seen.append(status.get("output") or {})
        time.sleep(0.1)
    assert [one["done"] for one in seen if "done" in one] == sorted(one["done"] for one in seen if "done" in one)
    assert any(one.get("stage") == "work" for one in seen)
    assert status["executionTime"] >= 3000
    assert status["delayTime"] >= 0
    assert status["output"]["status"] == "done"


def test_large_request_goes_by_a_blob(app: Deployed) -> None:
    jobs = request("write", inputs={f"in{n}": upload(b"x") for n in range(40)})
    (app.folder / "store" / "uploads").mkdir(exist_ok=True)
    (app.folder / "store" / jobs.inputs["in0"].key).write_bytes(b"x")
    before = len(app.cloud.blobs)
    assert app.make(jobs)["status"] == "COMPLETED"
    assert len(app.cloud.blobs) == before + 1


def test_job_cancelled_before_it_begins_does_not_run(app: Deployed, tmp_path: Path) -> None:
    first, second = request("slow:2"), request(f"count:{tmp_path / 'runs'}")
    app.run(first)
    app.until(first, {"IN_PROGRESS"})
    app.run(second)
    app.client.post(f"/cancel/{second.job_id}")
    assert app.until(second)["status"] == "CANCELLED"
    app.until(first)
    made(app)
    assert not (tmp_path / "runs").exists()
    assert not app.has_result(second)


def test_container_that_dies_is_replaced_and_runs_what_was_paid(app: Deployed, tmp_path: Path) -> None:
    job = request(f"linger:{tmp_path / 'runs'}", executions=2)
    app.run(job)
    wait_for((tmp_path / "runs").exists)
    app.cloud.kill(app.container())
    assert app.until(job)["status"] == "COMPLETED"
    assert (tmp_path / "runs").read_text() == "ran\nran\n"


def test_job_that_was_paid_once_is_not_run_again(app: Deployed, tmp_path: Path) -> None:
    job = request(f"linger:{tmp_path / 'runs'}")
    app.run(job)
    wait_for((tmp_path / "runs").exists)
    app.cloud.kill(app.container())
    ended = app.until(job)
    assert (ended["status"], ended["output"]["error"]["code"]) == ("FAILED", "executions_spent")
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert not app.has_result(job)


def test_preempted_container_writes_no_result(app: Deployed, tmp_path: Path) -> None:
    job = request(f"hang:{tmp_path / 'pids'}", executions=2)
    app.run(job)
    wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count("\n") == 2)
    app.cloud.preempt(app.container())
    wait_for(lambda: all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split()[:2]))
    assert not app.has_result(job)
    assert list(app.cloud.calls.values())[-1].output is None
    app.client.post(f"/cancel/{job.job_id}")
    app.until(job)


def test_container_without_its_settings_tells_each_job_so(cloud: ModalCloud, tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("a file where a folder should be")
    with (
        modal_door(cloud, variables(tmp_path)) as url,
        httpx2.Client(base_url=f"{url}/v2/echo", headers=HEADERS, trust_env=False) as client,
    ):
        for task in list(cloud.containers):
            cloud.kill(task)
        for _ in range(2):
            job = request("write")
            client.post("/run", json=body(job))
            wait_for(lambda job=job: client.get(f"/status/{job.job_id}").json()["status"] in ENDED)  # type: ignore[misc]
            told = client.get(f"/status/{job.job_id}").json()
            assert (told["status"], told["output"]["error"]["code"]) == ("FAILED", "engine_failed")
            assert "could not start" in told["error"]
        assert len(cloud.containers) == 1
