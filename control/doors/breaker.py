"""Whether a door takes new jobs: it closes after failures in a row, and one job tries it again. Pure."""

import json
import random
from dataclasses import asdict, dataclass, replace
from typing import Literal

THRESHOLD = 3
"""Failures in a row that close a door."""
CLOSED_MS = (30_000, 600_000)
"""First and longest time that a door stays closed; it doubles with each trial that fails."""
TRIAL_MS = 60_000
"""How long the job of a trial may leave its outcome open until another may try."""
Standing = Literal["open", "closed", "trial"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """Failures in a row, the last reason, and until when no job is sent. Times in milliseconds since the epoch."""

    failures: int = 0
    reason: str = ""
    since: int = 0
    until: int = 0
    trial_until: int = 0
    trial: str = ""
    """The job that tries a closed door."""

    @property
    def tripped(self) -> bool:
        """Whether it has closed and no success has opened it again."""
        return self.until > 0

    def standing(self, now: int) -> Standing:
        """`open` for jobs, `closed`, or `trial`: one job may try."""
        if not self.tripped:
            return "open"
        return "closed" if now < max(self.until, self.trial_until) else "trial"

    def allows(self, now: int, job: str = "") -> bool:
        """Whether a job may be sent now: any, or the one that tries a closed door."""
        return self.standing(now) != "closed" or (now >= self.until and job != "" and job == self.trial)

    def tried(self, now: int, job: str) -> "Breaker":
        """A job is sent; behind a closed door it is the trial."""
        return replace(self, trial_until=now + TRIAL_MS, trial=job) if self.tripped else self

    def failed(self, now: int, reason: str, rng: random.Random, *, at_once: bool = False) -> "Breaker":
        """Something failed that says nothing of the job itself; `at_once` for what waiting does not mend."""
        if self.tripped and now < self.until:
            return replace(self, reason=reason)
        failures = max(self.failures + 1, THRESHOLD if at_once else 0)
        if failures < THRESHOLD:
            return Breaker(failures, reason, now)
        closed = min(CLOSED_MS[0] << min(failures - THRESHOLD, 10), CLOSED_MS[1])
        since = self.since if self.tripped else now
        return Breaker(failures, reason, since, now + round(closed * rng.uniform(0.8, 1.0)))

    def text(self) -> str:
        """As the database keeps it."""
        return json.dumps(asdict(self)) if self != Breaker() else "{}"


def parse(text: str) -> Breaker:
    """From what the database keeps."""
    return Breaker(**json.loads(text))
