"""One execution of a job in one warm process, with the time at which it is killed."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict

from functions.contract.errors import Cancelled, DeadlineExceeded, GpuBroken, JobError
from functions.contract.job import JobProgress, JobRequest, JobResult
from functions.runtime.call import Call
from functions.serve.processes import WorkerProcess


class Execution:
    """`reason` is why the process was killed, None where it was not."""

    def __init__(
        self, worker: WorkerProcess, request: JobRequest, grace_s: float, report: Callable[[JobProgress], None]
    ) -> None:
        self._worker, self._request, self._grace_s, self._report = worker, request, grace_s, report
        self._loop = asyncio.get_running_loop()
        self._killer: asyncio.TimerHandle | None = None
        self.reason: JobError | None = None

    async def result(self, *, call: Call | None = None, cancelled: bool = False) -> JobResult | None:
        """What the process reports, None when it ended without. `call` is the provider's, where there is one."""
        request = self._request
        late = DeadlineExceeded(f"the job did not stop at its deadline of {request.deadline_s} s and was killed")
        self._kill_after(request.deadline_s + self._grace_s, late)
        self._worker.tell({"run": request.wire(), "call": asdict(call or Call())})
        if cancelled:
            self.cancel()
        async for answer in self._worker.answers():
            if "progress" in answer:
                self._report(JobProgress.model_validate(answer["progress"]))
            elif "result" in answer:
                return JobResult.model_validate(answer["result"])
        return None

    def cancel(self) -> None:
        """Ask the process to stop, and kill it after the grace."""
        self._worker.tell({"cancel": self._request.job_id})
        self._kill_after(self._grace_s, Cancelled("the job was cancelled and had to be killed"))

    def close(self) -> None:
        """No kill after the end."""
        if self._killer is not None:
            self._killer.cancel()

    def _kill_after(self, seconds: float, reason: JobError) -> None:
        self.close()
        self._killer = self._loop.call_later(seconds, self._kill, reason)

    def _kill(self, reason: JobError) -> None:
        self.reason = reason
        self._worker.kill()


def lost_gpu(result: JobResult | None) -> bool:
    """Whether the process that reports this can use its GPU no more, and must be replaced."""
    return result is not None and result.error is not None and result.error.code == GpuBroken.code
