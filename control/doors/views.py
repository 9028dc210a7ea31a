"""What the Studio tells of doors, and of jobs whose outcome nobody knows. Times are milliseconds since the epoch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from control.doors.breaker import Standing
from control.doors.network import Network
from functions.contract.base import StepKind


class View(BaseModel):
    """Immutable value."""

    model_config = ConfigDict(frozen=True)


class EngineAt(View):
    """An engine behind a door. `refused` says why it is not used there; `tested_at` None where it never was."""

    name: str
    endpoint: str = ""
    image: str = ""
    version: str = ""
    refused: str = ""
    tested_at: int | None = None


class DoorView(View):
    """A door. `standing` says whether it takes jobs, `reason` and `until` why not and how long. `secret` is where its
    secret lies, never the secret. `jobs` are live ones, `unknown` those of them whose outcome nobody knows.
    """

    id: str
    kind: Literal["builtin", "runpod", "modal", "local"]
    base: str = ""
    network: Network
    engines: tuple[EngineAt, ...] = ()
    secret: str = ""
    price_u: int = 0
    price: str = ""
    concurrency: int = 1
    ahead: int = 0
    executions: int = 1
    rerun_lost: bool = False
    jobs: int = 0
    unknown: int = 0
    standing: Standing = "open"
    reason: str = ""
    until: int = 0
    retired: bool = False


class Check(View):
    """One thing that was tried at a door. `ok` None: not tried, and why."""

    name: str
    ok: bool | None
    said: str


class Report(View):
    """What a test of a door found; `ok` where nothing failed."""

    door: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.ok is not False for check in self.checks)


class UnknownJob(View):
    """A job that was sent and of which nobody knows whether it was taken, or what became of it.

    `sent` is what happened, `known` what has been found since. Left alone, it ends by itself at `ends_at` at the
    latest. `written_off`: a person accepted the risk, and the step may be made again.
    """

    job: str
    door: str
    engine: str
    kind: StepKind
    label: str = ""
    film_id: str
    film: str = ""
    render_id: str
    attempt: int
    written_off: bool
    sent_at: int
    held_u: int
    sent: str
    known: str
    ends_at: int
