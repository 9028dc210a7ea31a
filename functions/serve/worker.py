"""A warm process that runs one job at a time for the door: `python -m functions.serve.worker`.

One JSON object a line. In: first the `DoorSettings`, then `{"run": <JobRequest>, "call": <the fields of Call>}` and
`{"cancel": <job id>}`.
Out: `{"ready": pid}`, `{"progress": <JobProgress>}`, `{"result": <JobResult>}`. When standard input closes, the door
is gone: children are killed and the process ends.
"""

import contextlib
import faulthandler
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, NoReturn

from functions.catalog import Catalog
from functions.contract.errors import Cancelled, EngineError
from functions.contract.job import JobProgress, JobRequest
from functions.runtime.call import Call
from functions.runtime.children import Stop
from functions.runtime.engines import Engines
from functions.runtime.execute import Host, execute
from functions.runtime.stores import Stores
from functions.serve.session import kill_session
from functions.serve.settings import DoorSettings

NICE = 10
"""Workers leave the processor to the door, so that it answers while frames render."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Where Linux shares the processor out among sessions first (sched(7)), a worker's own session must stand back too."""


class Worker:
    """Reads orders on one thread, runs jobs on the main thread."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        self._orders, self._answers = orders, answers
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[tuple[JobRequest, Call, Stop]] = SimpleQueue()
        self._stops: dict[str, Stop] = {}
        self._trash: list[Path] = []

    def serve(self) -> None:
        """Run jobs until the door closes the pipe; never returns."""
        settings = DoorSettings.model_validate_json(self._orders.readline())
        trust = settings.trust()
        host = Host(
            trust=trust,
            engines=Engines(trust.catalog),
            storage=Stores(settings.store),
            scratch=settings.scratch,
            cache=settings.cache,
            discard=self._trash.append,
            worker=f"{settings.host or settings.door}/{os.getpid()}",
        )
        if settings.warm:
            warm(host.engines, trust.catalog)
        threading.Thread(target=self._listen, daemon=True).start()
        self._say({"ready": os.getpid()})
        while True:
            self._run(*self._jobs.get(), host, settings.grace_s)

    def _run(self, request: JobRequest, call: Call, stop: Stop, host: Host, grace_s: float) -> None:
        # Ends the process from C, even where an engine holds the interpreter and the door is gone.
        faulthandler.dump_traceback_later(request.deadline_s + 2 * grace_s + 10, exit=True)
        result = execute(request, host, stop=stop, report=self._progress, call=call)
        faulthandler.cancel_dump_traceback_later()
        self._stops.pop(request.job_id, None)
        self._say({"result": result.model_dump(mode="json")})
        while self._trash:
            shutil.rmtree(self._trash.pop(), ignore_errors=True)

    def _progress(self, progress: JobProgress) -> None:
        self._say({"progress": progress.model_dump(mode="json", exclude_none=True)})

    def _say(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._answers.write(line)
                self._answers.flush()
        except BrokenPipeError:
            self._leave()

    def _listen(self) -> None:
        for line in self._orders:
            order = json.loads(line)
            if "run" in order:
                request, stop = JobRequest.model_validate_json(json.dumps(order["run"])), Stop()
                self._stops[request.job_id] = stop
                self._jobs.put((request, Call(**order.get("call", {})), stop))
            elif (running := self._stops.get(order["cancel"])) is not None:
                running.set(Cancelled("the job was cancelled"))
        self._leave()

    def _leave(self) -> NoReturn:
        """The door is gone: end everything of this session, then this process, at once. No job tells of it."""
        for stop in list(self._stops.values()):
            stop.abandon()
        kill_session(os.getsid(0), spare=os.getpid())
        os._exit(0)


def warm(engines: Engines, known: Catalog) -> None:
    """Load every engine now. One that cannot be loaded says so to each of its jobs."""
    for name in known.engines:
        with contextlib.suppress(EngineError):
            engines.load(name)


def main() -> None:
    """Keep the pipe to the door for ourselves: what libraries print goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(NICE), "ascii")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    Worker(sys.stdin.buffer, answers).serve()


if __name__ == "__main__":
    main()
