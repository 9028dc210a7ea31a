"""Doors: where engines run; and jobs whose outcome nobody knows."""

from pydantic import ConfigDict

from control.api.operation import Call, Nothing, Operation, Reply, operation
from control.doors.spec import NewDoor
from control.doors.views import Check, DoorView, UnknownJob
from functions.contract.base import Strict

PATIENCE_S = 60.0
"""How long a request waits for a worker that is to say what it runs."""


class DoorList(Strict):
    """All doors."""

    doors: tuple[DoorView, ...]


class DoorTest(Strict):
    """What to try: `describe` asks what the door runs, which behind RunPod starts a worker."""

    describe: bool = True
    job: bool = True


class DoorReport(Strict):
    """What was tried at a door; `ok` where nothing failed. A check whose `ok` is null was not made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    door: str
    ok: bool
    checks: tuple[Check, ...]


class Removed(Strict):
    """Whether the door is gone, or stays known until its open jobs have ended."""

    gone: bool


class UnknownJobs(Strict):
    """Jobs that were sent and of which nobody knows what became."""

    jobs: tuple[UnknownJob, ...]


@operation("GET", "/doors", scope="viewer", answer=DoorList, tags=("doors",))
async def list_doors(call: Call[Nothing, Nothing]) -> DoorList:
    """List the doors, and whether each takes jobs."""
    return DoorList(doors=await call.context.doors.views())


@operation(
    "POST", "/doors", scope="owner", body=NewDoor, answer=DoorView, status=201, errors=(409, 422), tags=("doors",),
    replayed=False,
)  # fmt: skip
async def add_door(call: Call[NewDoor, Nothing]) -> DoorView:
    """Add a door, or say something else of one."""
    return await call.context.doors.add(call.body)


@operation("DELETE", "/doors/{door}", scope="owner", answer=Removed, errors=(404, 409), tags=("doors",))
async def remove_door(call: Call[Nothing, Nothing]) -> Removed:
    """Send a door nothing more."""
    return Removed(gone=await call.context.doors.remove(call.path("door")))


@operation(
    "POST", "/doors/{door}/test", scope="owner", body=DoorTest, answer=DoorReport, errors=(404,), tags=("doors",)
)
async def test_door(call: Call[DoorTest, Nothing]) -> DoorReport:
    """Try a door: its health, what it runs, a tiny job where that costs nothing."""
    book = call.context.doors.patient(PATIENCE_S)
    found = await book.test(call.path("door"), describe=call.body.describe, job=call.body.job)
    return DoorReport(door=found.door, ok=found.ok, checks=found.checks)


@operation("GET", "/jobs/unknown", scope="viewer", answer=UnknownJobs, tags=("doors",))
async def list_unknown_jobs(call: Call[Nothing, Nothing]) -> UnknownJobs:
    """List jobs that may have been billed and of which nobody knows what became."""
    return UnknownJobs(jobs=await call.context.doors.unknowns())


@operation("POST", "/jobs/{job}/accept-risk", scope="crew", status=204, errors=(404, 409), tags=("doors",))
async def accept_risk(call: Call[Nothing, Nothing]) -> Reply:
    """Make a step again whose job may have been billed; its charge stays, and what still comes of it is kept."""
    await call.context.doors.accept_risk(call.path("job"))
    return Reply()


@operation("POST", "/jobs/{job}/wait", scope="crew", status=204, errors=(404,), tags=("doors",))
async def keep_waiting(call: Call[Nothing, Nothing]) -> Reply:
    """Look at a job now, at its door and in storage, and go on waiting for it."""
    await call.context.doors.keep_waiting(call.path("job"))
    return Reply()


OPERATIONS: tuple[Operation, ...] = (
    list_doors,
    add_door,
    remove_door,
    test_door,
    list_unknown_jobs,
    accept_risk,
    keep_waiting,
)
