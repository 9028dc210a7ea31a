"""What the Studio tells of films, renders, takes and money: immutable values for the API, the page and the CLI.

Times are milliseconds since the epoch, money is micro-dollars, positions are frames of the film.
"""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from control.graph.model import OutputFacts, Problem, Recipe
from control.graph.quote import Basis, Offer
from functions.contract.base import StepKind

RenderState = Literal["running", "paused", "done", "failed", "cancelled"]
StepState = Literal[
    "waiting",  # for another step, or for a fact that decides its parameters
    "ready",
    "queued",
    "running",
    "unknown",  # sent, no answer: it may have been billed
    "done",
    "degraded",
    "failed",
    "blocked",  # a step it needs has failed
    "cancelled",
]
ENDED: frozenset[StepState] = frozenset({"done", "degraded", "failed", "blocked", "cancelled"})
T = TypeVar("T")


class View(BaseModel):
    """Immutable value."""

    model_config = ConfigDict(frozen=True)


class Page(View, Generic[T]):
    """A part of a list; `cursor` asks for what follows, None at the end."""

    items: tuple[T, ...]
    cursor: str | None = None


class FilmInfo(View):
    """A project. `revision` is the number of its current storyboard."""

    id: str
    title: str
    revision: int
    created_at: int
    updated_at: int


class RevisionInfo(View):
    """A saved storyboard. `ops` are the edit operations that made it, empty for one saved whole."""

    film_id: str
    n: int
    sha256: str
    author: str = ""
    source: str = "person"
    reason: str = ""
    ops: tuple[dict[str, Any], ...] = ()
    created_at: int = 0


class Progress(View):
    """Where a running job is; `fraction` 0..1 where a total is known."""

    stage: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None

    @property
    def fraction(self) -> float:
        """0..1; 0 where no total is known."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0


class StepView(View):
    """A step of a render. `reused` says that it was made before this render; `reason` says why it failed or waits."""

    path: str
    kind: StepKind
    engine: str
    shot: str | None = None
    label: str = ""
    state: StepState
    reused: bool = False
    fingerprint: str | None = None
    estimated: bool = False
    progress: Progress | None = None
    reason: str = ""
    attempt: int = 0
    cost_u: int = 0
    bound_u: int = 0
    seconds: float = 0.0
    outputs: dict[str, OutputFacts] = {}
    notes: tuple[dict[str, Any], ...] = ()
    take_id: str | None = None


class ShotView(View):
    """A shot of a render: how far its steps are. `fraction` 0..1; `doing` says what runs now."""

    id: str
    label: str
    summary: str = ""
    start: int
    frames: int
    state: StepState
    fraction: float = 0.0
    reused: bool = False
    doing: str = ""
    steps: tuple[str, ...] = ()


class RenderInfo(View):
    """A render in a list."""

    id: str
    film_id: str
    revision: int
    state: RenderState
    cancel_requested: bool = False
    reason: str = ""
    created_at: int = 0
    ended_at: int | None = None


class RenderView(RenderInfo):
    """A render and all its steps. `made` and `reused` count finished steps; `cost_u` is what its jobs cost so far
    (upper bounds for those that run), `bound_u` the quote's upper bound for all that is to be made.
    """

    title: str = ""
    recipe: Recipe
    steps: tuple[StepView, ...] = ()
    shots: tuple[ShotView, ...] = ()
    problems: tuple[Problem, ...] = ()
    total: int = 0
    made: int = 0
    reused: int = 0
    failed: int = 0
    eta_s: float | None = None
    cost_u: int = 0
    bound_u: int = 0
    outputs: dict[str, OutputFacts] = {}
    """Of the last step: `film.mp4`, `captions.srt`, `captions.vtt`, `poster.png` once it is made."""
    film_take: str | None = None


class TakeInfo(View):
    """One artifact of a shot's step (or of the film, where `shot` is None). `score` ranks takes of one step, 0 to 1."""

    id: str
    film_id: str
    shot: str | None
    kind: StepKind
    path: str
    label: str = ""
    fingerprint: str
    quality: Literal["done", "degraded"]
    chosen: bool = False
    created_at: int = 0
    score: float | None = None
    outputs: dict[str, OutputFacts] = {}


class ArtifactFile(View):
    """An object to serve: its key in the store, a safe content type, bytes, digest (the ETag) and a file name."""

    key: str
    name: str
    content_type: str
    size: int
    sha256: str


class UploadInfo(View):
    """A file that was sent in, identified by its content."""

    sha256: str
    suffix: str
    content_type: str
    size: int
    key: str
    width: int | None = None
    height: int | None = None
    samples: int | None = None


class Event(View):
    """A change of state, for live listeners. kind: film, revision, render, step, job, take."""

    seq: int
    film_id: str | None
    render_id: str | None = None
    kind: str
    data: dict[str, Any]
    at: int


class Events(View):
    """Events after a sequence number. `reset` says that older ones are gone: read the state anew."""

    events: tuple[Event, ...]
    last: int
    reset: bool = False


class QuoteLine(View):
    """What one step would cost. `state`: made (exists already), make, wait (its final form waits for a fact).

    Median and door are of the first of `offers`, the bound is of the dearest: the step may move among them. `basis`
    says where the median comes from: jobs measured at this door, elsewhere, the catalog's hint, or a guess.
    """

    path: str
    kind: StepKind
    engine: str
    shot: str | None = None
    label: str = ""
    state: Literal["made", "make", "wait"]
    door: str = ""
    median_u: int = 0
    bound_u: int = 0
    seconds: float = 0.0
    basis: Basis | None = None
    samples: int = 0
    offers: tuple[Offer, ...] = ()


class QuoteGroup(View):
    """All steps to be made of one kind by one engine: how many, for how long, for how much, and how that is known.

    `samples` is the fewest finished jobs that any of the medians rests on.
    """

    kind: StepKind | Literal["describe"]
    engine: str
    door: str
    steps: int
    seconds: float
    median_u: int
    bound_u: int
    basis: Basis
    samples: int


class PriceTag(View):
    """A price that a quote rests on, with its date and source. `unit`: `worker second`, or what a provider charges
    by: `second`, `image`, `job`, `frame`, `megapixel`.
    """

    engine: str
    door: str
    price_u: int
    unit: str = "worker second"
    title: str = ""
    date: str = ""
    source: str = ""
    deadline_s: int = 0
    allowance_s: int = 0
    executions: int = 1


class Quote(View):
    """What a render would make and cost, before it is started.

    One with an `id` was stored, and can be accepted once until `expires_at`. `lines` are left out of what is stored.
    `month_left_u` is what the month's budget leaves now, None where there is no limit; `warning` says what it may stop.
    """

    lines: tuple[QuoteLine, ...] = ()
    made: int
    to_make: int
    median_u: int
    bound_u: int
    problems: tuple[Problem, ...] = ()
    id: str = ""
    film_id: str = ""
    revision: int = 0
    created_at: int = 0
    expires_at: int | None = None
    estimated: int = 0
    """Steps whose form and price rest on an estimate of a length."""
    groups: tuple[QuoteGroup, ...] = ()
    prices: tuple[PriceTag, ...] = ()
    doors: tuple[str, ...] = ()
    """ENGINE@DOOR: where steps may be made once it is accepted."""
    dearest_u: int = 0
    """The upper bound of the dearest step: where the month does not leave as much, nothing can begin."""
    month: str = ""
    month_limit_u: int = 0
    month_left_u: int | None = None
    warning: str = ""
    render_id: str | None = None
    """The render that was made by accepting it."""


class Budget(View):
    """What may be spent in a UTC month. `since` is the month from which it holds, None where a setting says it."""

    month: str
    limit_u: int
    spent_u: int
    held_u: int
    left_u: int
    since: str | None = None


class Cost(View):
    """A part of a month's money. `jobs` ended or live; `wasted_u` was paid for jobs that gave nothing."""

    key: str
    title: str
    jobs: int
    charge_u: int
    held_u: int
    wasted_u: int


class Unmatched(View):
    """What a provider billed beyond our jobs, by account and time; with no `jobs`, what matches none of ours at all.

    `jobs_u` is what our jobs cost there then, `excess_u` what the bill says beyond that; `door` is empty for an
    account that no door is known for.
    """

    account: str
    provider: str
    door: str
    starts_at: int
    ends_at: int
    billed_u: int
    jobs: int
    jobs_u: int
    excess_u: int


class Imported(View):
    """What a provider's bill held. `unknown` are accounts that no door is known for."""

    lines: int
    billed_u: int
    accounts: tuple[str, ...]
    unknown: tuple[str, ...]


class Entry(View):
    """One job of the ledger. `charge_u` is the hold while it is live; `basis` is None then."""

    job: str
    month: str
    submitted_at: int
    ended_at: int | None
    film_id: str
    film: str
    shot: str | None
    step: str
    kind: StepKind | Literal["describe"]
    engine: str
    door: str
    attempt: int
    state: str
    charge_u: int
    basis: str | None


class Costs(View):
    """Money of one UTC month: booked, held by live jobs, and the limit.

    `wasted_u` was paid for jobs that gave nothing; `by_basis` says how charges are known; `billed_u` is what imported
    bills of providers say, `jobs_billed_u` what our jobs cost in the hours they cover, and `unmatched` what is left.
    """

    month: str
    spent_u: int
    held_u: int
    limit_u: int
    jobs: int
    by_engine: dict[str, int] = {}
    left_u: int = 0
    wasted_u: int = 0
    by_basis: dict[str, int] = {}
    films: tuple[Cost, ...] = ()
    engines: tuple[Cost, ...] = ()
    doors: tuple[Cost, ...] = ()
    months: tuple[Cost, ...] = ()
    billed_u: int = 0
    jobs_billed_u: int = 0
    unmatched: tuple[Unmatched, ...] = ()
