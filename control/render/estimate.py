"""What a step is expected to take and cost, from the manifests' price hints. Pure."""

from collections.abc import Iterable

from control.graph import quote
from control.graph.model import Step
from control.render.outcome import Terms
from functions.contract.manifest import EngineManifest


def seconds(step: Step, manifest: EngineManifest) -> float:
    """Median seconds of work, the sum over the manifest's hints for the step's tier."""
    return quote.expected_ms(step, manifest, "", {})[0] / 1000


def median_u(step: Step, manifest: EngineManifest, terms: Terms) -> int:
    """Micro-dollars of the median, with what the provider charges by output."""
    return quote.offers(step, manifest, (tag("", terms),), {})[0].median_u


def bound_u(step: Step, manifest: EngineManifest, terms: Terms, executions: int) -> int:
    """Upper bound of one job of this step: what is held when it is submitted."""
    return quote.offers(step, manifest, (tag("", terms, executions),), {})[0].bound_u


def tag(door: str, terms: Terms, executions: int = 1) -> quote.Tag:
    """A door's price as a quote names it."""
    return quote.Tag(
        door=door,
        price_u=terms.price_u,
        allowance_s=terms.start_allowance_s,
        executions=executions,
        name=terms.price_name,
        date=terms.price_date,
        source=terms.price_source,
    )


def time_left(remaining: Iterable[float], workers: int) -> float:
    """Seconds until all of these are done, spread over the workers; never less than the longest."""
    found = list(remaining)
    return max(sum(found) / max(1, workers), max(found, default=0.0))
