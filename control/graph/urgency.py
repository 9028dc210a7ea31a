"""Which steps to make first: those with the longest chain of work behind them."""

from collections.abc import Mapping, Sequence

from control.graph.model import Step


def urgency(steps: Sequence[Step], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the start of each step to the end of the longest chain of steps that rests on it.

    `steps` in an order in which they can be made, `seconds` what each takes, by path. Making the most urgent first
    keeps a film from ending in one long step while other workers stand idle: the upward rank of Topcuoglu, Hariri and
    Wu, "Performance-effective and low-complexity task scheduling" (2002), without costs of transfer.
    """
    behind: dict[str, float] = {}
    found: dict[str, float] = {}
    for step in reversed(steps):
        found[step.path] = seconds[step.path] + behind.get(step.path, 0.0)
        for path in step.needs:
            behind[path] = max(behind.get(path, 0.0), found[step.path])
    return found
