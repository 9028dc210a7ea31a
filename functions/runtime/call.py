"""A call by which a provider has a job run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """`handle` is the provider's id of the job, `name` a random one of this call, `since` when it began, in
    milliseconds since the epoch. A call may hold several executions, where a process died under one. `number` is that
    of an execution which was counted before it came to the process that runs it, 0 where that process counts it.
    """

    handle: str | None = None
    name: str = ""
    since: int = 0
    number: int = 0
