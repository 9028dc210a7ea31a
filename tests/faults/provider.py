"""The simulated door: takes jobs, runs them as the runtime does, forgets, preempts, runs one twice; keeps the bill."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions.contract.errors import TooLate
from functions.contract.job import JobRequest

if TYPE_CHECKING:
    from tests.faults.world import World

FORGET_MS = 30 * 60_000
"""How long a rented door remembers a job that ended."""
TTL_MS = 600_000
"""After the grant's end, until a rented door gives a silent job up."""
CLOCK_MS = 60_000
"""Difference between two clocks that a grant's verification tolerates."""


@dataclass(eq=False)
class Paid:
    """A job as the provider sees it. `marks` are executions that were counted, of all jobs of this id."""

    n: int
    handle: str
    request: JobRequest
    status: str = "IN_QUEUE"
    error: dict[str, Any] | None = None
    began: dict[int, int] = field(default_factory=dict)
    """Executions that are running: number to when it began."""
    numbers: dict[int, int] = field(default_factory=dict)
    """Number of a run here to the number of its mark among the job's work."""
    runs: int = 0
    billed_ms: int = 0
    untold_ms: int = 0
    """What of that no job can tell: spent after its result was there, or by a run that was refused beside others."""
    cancelled: int = 0
    over_at: int | None = None
    queued: bool = True
    twice: bool = False
    handlers: int = 0

    def bill_u(self, price_u: int, *, told: bool = False) -> int:
        """Micro-dollars, rounded up; with `told` only for what a job can tell."""
        return -(-(self.billed_ms - (self.untold_ms if told else 0)) * price_u // 1000)


class Provider:
    """All jobs of the one door. `own` doors know a job by the Studio's id and lose all of them with their instance."""

    def __init__(self, world: "World", *, own: bool) -> None:
        self.world, self.own = world, own
        self.instance = 1
        self.jobs: dict[str, Paid] = {}
        self.by_fp: dict[str, list[Paid]] = {}
        self.marks: dict[str, int] = {}
        self.refused: set[str] = set()
        self.results: dict[str, int] = {}
        """When the result of a job was written."""

    # the API ---------------------------------------------------------------------------------------------------------

    def accept(self, request: JobRequest) -> Paid:
        """Take a job: again where it is sent again, unless this door takes an id once."""
        if self.own and request.job_id in self.jobs:
            return self.jobs[request.job_id]
        world, n = self.world, len(self.jobs)
        handle = request.job_id if self.own else f"provider-{n}"
        job = self.jobs[handle] = Paid(n, handle, request)
        world.laws.accepted(job, self.by_fp.setdefault(request.fingerprint, []))
        self.by_fp[request.fingerprint].append(job)
        wait = world.fault("job-queue", n) or world.rng.randrange(0, 3000)
        world.timeline.at(world.now + wait, None, self.begin, job)
        if world.fault("job-twice", n) is not None:
            job.twice = True
            world.timeline.at(world.now + wait + world.rng.randrange(0, 30_000), None, self.begin, job)
        return job

    def find(self, handle: str) -> Paid | None:
        """The job of this handle, None where it is not, or no longer, known."""
        job = self.jobs.get(handle)
        if job is None or (not self.own and job.over_at is not None and job.over_at + FORGET_MS < self.world.now):
            return None
        return job

    def cancel(self, job: Paid) -> None:
        """End it: what runs is killed and leaves nothing."""
        job.cancelled += 1
        if job.over_at is None:
            self._kill(job)
            self._over(job, "CANCELLED")

    def lose(self) -> None:
        """A new queue in the place of the old one, which knows none of its jobs."""
        for job in self.jobs.values():
            if job.over_at is None:
                self._kill(job)
                self._over(job, "FAILED")
        self.jobs = {f"gone-{self.instance}-{handle}": job for handle, job in self.jobs.items()}
        self.instance += 1

    def potent(self, job: Paid) -> bool:
        """Whether this job is doing work, or may still begin to."""
        if job.over_at is not None:
            return False
        if job.began:
            return True
        request, marks = job.request, self.marks.get(job.request.job_id, 0)
        if request.reserved.result.key in self.world.objects:
            return False  # another execution would find it
        if request.reserved.started.key not in self.world.objects:
            return self.world.now <= request.start_by
        return marks < request.executions and self.world.now <= request.expires_at + CLOCK_MS

    # the runtime -----------------------------------------------------------------------------------------------------

    def begin(self, job: Paid) -> None:
        """One execution: refused, or begun and counted."""
        if job.over_at is None:
            self._begin(job)

    def _begin(self, job: Paid) -> None:
        world, request = self.world, job.request
        job.queued = False
        objects, started = world.objects, request.reserved.started.key
        if request.reserved.result.key in objects:
            job.billed_ms += 100
            job.untold_ms += 100
            self._over(job, "COMPLETED")
            return
        late = world.now > request.start_by and started not in objects
        if late or world.now > request.expires_at + CLOCK_MS:
            self._refuse(job, "too_late", retryable=TooLate.retryable)
            return
        if started not in objects:
            told = "" if world.fault("job-untold", job.n) is not None else f',"provider_id":"{job.handle}"'
            world.put(started, f'{{"job_id":"{request.job_id}"{told}}}'.encode())
        marks = self.marks.get(request.job_id, 0)
        if marks >= request.executions:
            if not job.began:
                self._refuse(job, "executions_spent", retryable=False)
            return
        self.marks[request.job_id] = job.numbers[job.runs] = marks + 1
        call = f'{{"at":{world.now},"call":"{job.n}-{job.runs}","since":{world.now}}}'
        world.put(f"{request.reserved.work.key}/execution-{marks + 1}.json", call.encode())
        self._run(job)

    def _run(self, job: Paid) -> None:
        world, number = self.world, job.runs
        job.runs += 1
        job.status = "IN_PROGRESS"
        job.began[number] = world.now
        needs = world.fault("job-slow", job.n) or 2000 + world.rng.randrange(0, 8000)
        if number == 0 and world.fault("job-preempt", job.n) is not None:
            world.timeline.at(world.now + needs // 2, None, self._preempt, job, number)
        else:
            needs = min(needs, job.request.deadline_s * 1000)
            world.timeline.at(world.now + needs, None, self._finish, job, number)
        world.bell(job)

    def _preempt(self, job: Paid, number: int) -> None:
        """The worker is gone. Nothing is written; the job is queued again, or nobody notices."""
        if number not in job.began:
            return
        self._stop(job, number)
        if (self.world.fault("job-preempt", job.n) or 0) % 2:
            self._silence(job)
        else:
            job.status, job.queued = "IN_QUEUE", True
            self.world.timeline.at(self.world.now + self.world.rng.randrange(0, 60_000), None, self.begin, job)

    def _finish(self, job: Paid, number: int) -> None:
        if number not in job.began:
            return
        world, n, request = self.world, job.n, job.request
        took = self._stop(job, number)
        if (refused := world.fault("job-refuse", n)) is not None:
            self._refuse(job, "engine_failed", retryable=refused % 2 == 1)
            return
        late = took >= request.deadline_s * 1000
        gone = [ref.key for ref in request.inputs.values() if ref.key not in world.objects]
        failed = world.fault("job-fail", n)
        if gone or late or failed is not None:
            code = "bad_input" if gone else "deadline_exceeded" if late else "engine_failed"
            self._result(
                job,
                number,
                took,
                "failed",
                f',"error":{{"code":"{code}","message":"no",'
                f'"retryable":{str(failed is not None and failed % 2 == 1).lower()}}}',
            )
        else:
            self._made(job, number, took)
        if world.fault("job-silent", n) is not None:
            self._silence(job)
        elif not job.began:
            self._over(job, "COMPLETED")
        world.bell(job)

    def _made(self, job: Paid, number: int, took: int) -> None:
        request, facts = job.request, []
        for name, ref in request.outputs.items():
            self.world.objects.setdefault(ref.key, b"x" * 10)
            facts.append(f'"{name}":{{"key":"{ref.key}","sha256":"{"0" * 64}","size":10,"media":{{"type":"data"}}}}')
        status = "degraded" if self.world.fault("job-degrade", job.n) is not None else "done"
        self._result(job, number, took, status, f',"outputs":{{{",".join(facts)}}}')

    def _result(self, job: Paid, number: int, took: int, status: str, rest: str) -> None:
        request = job.request
        text = (
            f'{{"job_id":"{request.job_id}","attempt":{request.attempt},"fingerprint":"{request.fingerprint}",'
            f'"status":"{status}","execution":{job.numbers[number]},"metrics":{{"total_s":{took / 1000}}}{rest}}}'
        )
        self.world.objects.setdefault(request.reserved.result.key, text.encode())
        self.results.setdefault(request.job_id, self.world.now)

    def _refuse(self, job: Paid, code: str, *, retryable: bool) -> None:
        """Ends without a result; a worker was started for it all the same."""
        job.billed_ms += 500
        name = job.request.job_id
        job.untold_ms += 500 if name in self.marks or name in self.refused else 0
        self.refused.add(name)
        job.error = {"error": {"code": code, "message": code, "retryable": retryable}}
        if not job.began:
            self._over(job, "FAILED")
            self.world.bell(job)

    def _stop(self, job: Paid, number: int) -> int:
        took = self.world.now - job.began.pop(number)
        job.billed_ms += took
        job.untold_ms += min(took, self.world.now - self.results.get(job.request.job_id, self.world.now))
        return took

    def _kill(self, job: Paid) -> None:
        for number in list(job.began):
            self._stop(job, number)

    def _silence(self, job: Paid) -> None:
        """Its status stays as it is until the provider gives it up."""
        until = job.request.expires_at + TTL_MS
        self.world.timeline.at(until, None, self._over, job, "TIMED_OUT")

    def _over(self, job: Paid, status: str) -> None:
        if job.over_at is None:
            job.over_at, job.status = self.world.now, status
