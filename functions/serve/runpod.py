"""A RunPod serverless worker: `python -m functions.serve.runpod --engine NAME`.

RunPod's SDK takes jobs from the endpoint's queue and reports their ends; the jobs run in warm processes (`bench`).
What is reported is tiny, because the result lies in storage. Progress goes to storage alone: the SDK's own
`progress_update` may arrive after the end of a job and reopen it.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Sequence
from typing import Any

from functions.contract.errors import ContractError, ExecutionsSpent, GpuBroken, WireError, WorkerDied, wire
from functions.contract.job import JobResult
from functions.runtime.results import ended
from functions.runtime.verify import Trust, parse
from functions.serve.bench import Bench, Left
from functions.serve.describe import asked, describe
from functions.serve.environment import read_environment
from functions.serve.settings import DoorSettings

MESSAGE = 500
"""Characters of an error's message that are reported."""
LOOK_S = 0.1
OWN_CHECKS = {"RUNPOD_SKIP_GPU_CHECK": "true", "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true"}
"""The SDK's checks end a worker whose GPU is broken, again and again; ours answers its jobs with that error."""


class Endpoint:
    """What the SDK calls. Everything happens in its event loop, on the main thread."""

    def __init__(self, settings: DoorSettings, trust: Trust) -> None:
        self._settings, self._trust = settings, trust
        self._bench: Bench | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False

    def concurrency(self, current: int) -> int:
        """How many jobs to hold at a time. The SDK asks before each take: the first time its own signal handlers are in
        place, so that ours can follow them.
        """
        del current
        self._begin()
        return self._settings.workers

    async def handle(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run a job and report its end. Where nothing may be reported, `CancelledError` keeps the SDK from it."""
        bench = self._begin()
        if self._leaving:
            raise asyncio.CancelledError
        engine = asked(job.get("input"))
        if engine is not None and engine in self._trust.catalog:
            return describe(self._trust, engine)
        try:
            request = parse(json.dumps({"input": job.get("input")})).input
        except ContractError as error:
            return refused(wire(error))
        try:
            return report(await bench.run(request, handle=str(job["id"])))
        except WorkerDied as error:
            return {**report(ended(request, error)), "refresh_worker": True}
        except (Left, ExecutionsSpent) as error:
            raise asyncio.CancelledError from error

    def _begin(self) -> Bench:
        """Start the bench and take over SIGTERM, once."""
        if self._bench is None:
            self._bench = Bench(self._settings, self._trust)
            previous = signal.getsignal(signal.SIGTERM)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave, previous)
            self._keep(self._bench.warm())
        return self._bench

    def _leave(self, previous: Any) -> None:
        """SIGTERM: take no job, let running ones go on for `drain_s`, then end without a result. A second: at once."""
        again, self._leaving = self._leaving, True
        if callable(previous):
            previous(signal.SIGTERM, None)
        self._keep(self._end() if again else self._drain())

    async def _drain(self) -> None:
        from runpod.serverless.modules.worker_state import JobsProgress

        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.drain_s
        while JobsProgress().get_job_count() and loop.time() < until:
            await asyncio.sleep(LOOK_S)
        await self._end()

    async def _end(self) -> None:
        """End at once, with every child: the SDK would wait for its open requests, which may swallow a job."""
        if self._bench is not None:
            await self._bench.close()
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(0)

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def report(result: JobResult) -> dict[str, Any]:
    """What RunPod is told of an end; `error` makes it FAILED and is not in the output."""
    said = {"job_id": result.job_id, "attempt": result.attempt, "status": result.status}
    return said if result.error is None else {**said, **refused(result.error)}


def refused(error: WireError) -> dict[str, Any]:
    """An error as RunPod is told."""
    told = {"code": error.code, "message": error.message[:MESSAGE], "retryable": error.retryable}
    told["error"] = f"{error.code}: {error.message}"[:MESSAGE]
    return {**told, "refresh_worker": True} if error.code == GpuBroken.code else told


def read_settings(argv: Sequence[str] | None) -> DoorSettings:
    """From the command line and the environment. Raises `ValueError`."""
    parser = argparse.ArgumentParser(prog="python -m functions.serve.runpod", description="A RunPod worker.")
    parser.add_argument("--engine", required=True, help="the engine that this endpoint runs")
    engine = parser.parse_known_args(argv)[0].engine
    settings = read_environment(os.environ, (engine,))
    workers = settings.manifests()[engine].concurrency
    return settings.model_copy(update={"workers": workers, "host": os.environ.get("RUNPOD_POD_ID", "")})


def main(argv: Sequence[str] | None = None) -> None:
    """Take jobs until the platform ends this worker."""
    try:
        settings = read_settings(argv)
        trust = settings.trust()
        settings.scratch.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise SystemExit(f"the worker cannot start: {error}") from None
    os.environ.update(OWN_CHECKS)
    os.environ.setdefault("RUNPOD_DEBUG_LEVEL", "INFO")
    import runpod

    endpoint = Endpoint(settings, trust)
    runpod.serverless.start({"handler": endpoint.handle, "concurrency_modifier": endpoint.concurrency})


if __name__ == "__main__":
    main()
