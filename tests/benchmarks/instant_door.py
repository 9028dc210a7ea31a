"""A door whose every job is done after a while, with plausible facts and no work: `instant_door STORE PORT SECONDS`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import uvicorn

from control.graph.model import Step
from functions.contract.job import JobRequest, JobResult, Metrics, OutputFact
from tests.servers.facts import facts_of


class InstantDoor:
    """An ASGI app that speaks a local door's API."""

    def __init__(self, store: Path, seconds: float) -> None:
        self.store, self.seconds = store, seconds
        self.done: dict[str, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        verb, _, handle = scope["path"].split("/v2/", 1)[1].partition("/")[2].partition("/")
        if verb == "run":
            body = b""
            while (message := await receive()).get("more_body"):
                body += message["body"]
            handle = self.take(JobRequest.model_validate_json(json.dumps(json.loads(body + message["body"])["input"])))
        await self._answer(send, handle)

    def take(self, request: JobRequest) -> str:
        """Begin a job."""
        if request.job_id not in self.done:
            self.done[request.job_id] = False
            task = asyncio.create_task(self._finish(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return request.job_id

    async def _finish(self, request: JobRequest) -> None:
        await asyncio.sleep(self.seconds)
        step = Step(
            path="any",
            kind=request.kind,
            engine=request.engine,
            params=request.params,
            outputs=tuple(request.outputs),
        )
        outputs = {}
        for name, fact in facts_of(step).items():
            key = request.outputs[name].key
            self._write(key, b"x")
            outputs[name] = OutputFact(key=key, sha256=fact.sha256, size=1, media=fact.media)
        result = JobResult(
            job_id=request.job_id,
            attempt=request.attempt,
            fingerprint=request.fingerprint,
            status="done",
            outputs=outputs,
            metrics=Metrics(total_s=self.seconds),
        )
        self._write(request.reserved.result.key, result.model_dump_json().encode())
        self.done[request.job_id] = True

    def _write(self, key: str, data: bytes) -> None:
        path = self.store / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    async def _answer(self, send: Any, handle: str) -> None:
        known = self.done.get(handle)
        status = 404 if known is None else 200
        body: dict[str, Any] = {"instance": "instant"}
        body |= {"id": handle, "status": "COMPLETED" if known else "IN_PROGRESS"} if known is not None else {}
        data = json.dumps(body).encode()
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": data})


if __name__ == "__main__":
    app = InstantDoor(Path(sys.argv[1]), float(sys.argv[3]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
