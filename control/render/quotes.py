"""Quotes in the database: made of a plan, shown to a person, accepted once for one render."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from control.db import Row, Value
from control.doors.choice import NEAR, candidates
from control.doors.registry import Door, Doors
from control.errors import BudgetExceeded, NotFound, QuoteChanged, QuoteNeeded
from control.graph import prices
from control.graph.model import Plan, Recipe, Step
from control.graph.quote import Class, Paces, StepPrice, Tag, amounts, count, deadline_s, exact, price_plan, tier_of
from control.render import estimate
from control.render.budget import month_of, no_month, usd
from control.render.desk import NO_LIMIT, Desk
from control.render.ledger import NEWEST, Ledger, Room
from control.render.outcome import Terms
from control.render.planning import Known
from control.render.views import PriceTag, Quote, QuoteGroup, QuoteLine
from functions.catalog import Catalog

QUOTE_MS = 3_600_000
"""How long a quote can be accepted."""
_KEEP = """
INSERT INTO quote(id,film_id,rev,recipe,catalog_sha,doors,bound_u,body,created_at,expires_at)
VALUES(:id,:film,:rev,:recipe,:catalog,:doors,:bound,:body,:now,:expires) ON CONFLICT DO NOTHING"""
_PACES = """
SELECT engine, kind, tier, size, door, pace FROM (
  SELECT timing.*, ROW_NUMBER() OVER (PARTITION BY engine,kind,tier,size,door ORDER BY at DESC, job_id) AS n
  FROM timing WHERE engine IN (SELECT value FROM json_each(:engines))) WHERE n<=:newest"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a quote is about."""

    film_id: str
    revision: int
    recipe: Recipe
    plan: Plan
    known: Known


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a person agreed to: the doors named, the most it may cost, and the quote where there was one."""

    doors: tuple[str, ...]
    budget_u: int
    quote_id: str | None = None


class Quotes:
    """Prices a plan at the doors there are, and remembers what was said."""

    def __init__(self, desk: Desk, catalog: Catalog) -> None:
        self._desk, self._catalog = desk, catalog

    async def of(self, subject: Subject) -> Quote:
        """The quote of a plan as prices, measured times and budgets are now; not stored."""
        desk, plan = self._desk, subject.plan
        wanted_at = subject.recipe.doors
        engines = {step.engine for step in plan.steps}
        named = {engine: offering(desk.doors, engine, wanted_at.get(engine, ())) for engine in engines}
        tags = {engine: [tag_of(door) for door in doors] for engine, doors in named.items()}
        found = await self.paces(named)
        prices_of = price_plan(plan, self._catalog.engines, tags, subject.known.facts, found)
        lines = tuple(map(_line, plan.steps, prices_of, (s.fingerprint in subject.known.facts for s in plan.steps)))
        wanted = [step for step, line in zip(plan.steps, lines, strict=True) if line.state != "made"]
        quote = Quote(
            lines=lines,
            made=sum(line.state == "made" for line in lines),
            to_make=len(wanted),
            median_u=sum(line.median_u for line in lines),
            bound_u=sum(line.bound_u for line in lines),
            dearest_u=max((line.bound_u for line in lines), default=0),
            problems=plan.problems,
            film_id=subject.film_id,
            revision=subject.revision,
            created_at=desk.clock(),
            estimated=sum(line.state == "wait" for line in lines),
            groups=_groups(lines),
            prices=self._prices(wanted, named),
            doors=tuple(sorted({f"{s.engine}@{door.id}" for s in wanted for door in named[s.engine]})),
        )
        return await self._in_month(quote)

    async def _in_month(self, quote: Quote) -> Quote:
        """The quote with what the present month's budget leaves."""
        month = month_of(self._desk.clock())
        room = await Ledger(self._desk.db).room("", month, self._desk.month_limit_u)
        left = {
            "month": month,
            "month_limit_u": room.month_limit,
            "month_left_u": None if room.month_limit >= NO_LIMIT else max(0, room.month_limit - room.month_spent),
            "warning": _warning(quote, month, room),
        }
        return quote.model_copy(update=left)

    async def keep(self, subject: Subject) -> Quote:
        """The same, stored so that it can be accepted."""
        desk = self._desk
        quote = (await self.of(subject)).model_copy(update={"id": desk.new_id()})
        quote = quote.model_copy(update={"expires_at": quote.created_at + QUOTE_MS})
        values: dict[str, Value] = {
            "id": quote.id,
            "film": subject.film_id,
            "rev": subject.revision,
            "recipe": subject.recipe.model_dump_json(exclude_defaults=True),
            "catalog": self._catalog.sha256,
            "doors": json.dumps(quote.doors),
            "bound": quote.bound_u,
            "body": quote.model_dump_json(exclude={"lines", "problems"}),
            "now": quote.created_at,
            "expires": quote.expires_at,
        }
        await desk.db.batch([(_KEEP, values)])
        return quote

    async def stored(self, quote_id: str) -> Quote:
        """A stored quote, without its lines, and what the budget leaves now. Raises `NotFound`."""
        row = await self._row(quote_id)
        quote = Quote.model_validate_json(row["body"])
        return await self._in_month(quote.model_copy(update={"render_id": row["render_id"]}))

    async def recipe(self, quote_id: str) -> Recipe:
        """What a stored quote is a quote of. Raises `NotFound`."""
        return Recipe.model_validate_json((await self._row(quote_id))["recipe"])

    async def accept(self, subject: Subject, quote_id: str | None) -> Accepted:
        """What a render may do that a person orders: free of charge, within a named sum, or by the quote that they saw.

        Raises `QuoteNeeded`, `QuoteChanged`, `BudgetExceeded`, `NotFound`.
        """
        now, budget = await self.of(subject), subject.recipe.budget_u
        if now.bound_u == 0:
            return Accepted(now.doors, NO_LIMIT if budget is None else budget)
        self._check_month(now)
        if quote_id is not None:
            return await self._accepted(subject, now, quote_id)
        if budget is None:
            raise QuoteNeeded(
                f"it may cost up to {usd(now.bound_u)}; accept a quote of it, or name the most it may cost",
                bound_u=now.bound_u,
                median_u=now.median_u,
            )
        if now.bound_u > budget:
            raise BudgetExceeded(
                f"it may cost up to {usd(now.bound_u)}, more than the {usd(budget)} allowed", bound_u=now.bound_u
            )
        return Accepted(now.doors, budget)

    async def _accepted(self, subject: Subject, now: Quote, quote_id: str) -> Accepted:
        row = await self._row(quote_id)
        stored, doors = Quote.model_validate_json(row["body"]), tuple(json.loads(row["doors"]))
        of = (row["film_id"], row["rev"], Recipe.model_validate_json(row["recipe"]), row["catalog_sha"])
        if of != (subject.film_id, subject.revision, subject.recipe, self._catalog.sha256):
            raise QuoteChanged("the quote is of another revision, recipe or release; ask for a new one")
        if row["expires_at"] <= self._desk.clock():
            raise QuoteChanged("the quote has expired; ask for a new one")
        bound = sum(_bound_at(line, doors) for line in now.lines)
        if any(line.offers and not _named(line, doors) for line in now.lines) or bound > stored.bound_u:
            raise QuoteChanged("doors or prices have changed since the quote; ask for a new one")
        budget = stored.bound_u if subject.recipe.budget_u is None else min(stored.bound_u, subject.recipe.budget_u)
        return Accepted(doors, budget, quote_id)

    def _check_month(self, now: Quote) -> None:
        """Raises `BudgetExceeded` where the month's budget does not hold even the dearest step."""
        if now.month_left_u is not None and now.dearest_u > now.month_left_u:
            raise BudgetExceeded(now.warning, bound_u=now.bound_u, month_left_u=now.month_left_u)

    async def _row(self, quote_id: str) -> Row:
        rows = await self._desk.db.fetch("SELECT * FROM quote WHERE id=:id", {"id": quote_id})
        if not rows:
            raise NotFound(f"there is no quote {quote_id}; ask for a new one")
        return rows[0]

    async def paces(self, engines: Iterable[str]) -> Paces:
        """How fast finished jobs of these engines were, by class and door."""
        values: dict[str, Value] = {"engines": json.dumps(sorted(engines)), "newest": NEWEST}
        found: dict[Class, dict[str, list[int]]] = {}
        for row in await self._desk.db.fetch(_PACES, values):
            kind = Class(row["engine"], row["kind"], row["tier"], row["size"])
            found.setdefault(kind, {}).setdefault(row["door"], []).append(row["pace"])
        return found

    def _prices(self, wanted: Sequence[Step], named: Mapping[str, Sequence[Door]]) -> tuple[PriceTag, ...]:
        tags: dict[tuple[str, str, str, int], PriceTag] = {}
        for step in {amounts(step): step for step in wanted}.values():
            for door in named[step.engine]:
                for tag in self._tags(step, door):
                    key = tag.engine, tag.door, tag.unit, tag.price_u
                    longest = max(tag.deadline_s, tags[key].deadline_s if key in tags else 0)
                    tags[key] = tag.model_copy(update={"deadline_s": longest})
        return tuple(tag for _, tag in sorted(tags.items()))

    def _tags(self, step: Step, door: Door) -> list[PriceTag]:
        manifest, terms = self._catalog[step.engine], door.terms
        known = _price(terms)
        time = PriceTag(
            engine=step.engine,
            door=door.id,
            price_u=terms.price_u,
            title=known.title if known is not None else "",
            date=terms.price_date or (known.date.isoformat() if known is not None else ""),
            source=terms.price_source or (known.source if known is not None else "stated with the door"),
            deadline_s=deadline_s(step, manifest, terms.price_u),
            allowance_s=terms.start_allowance_s,
            executions=door.executions,
        )
        bought = [
            PriceTag(
                engine=step.engine,
                door=door.id,
                price_u=-int(-(10**6 * exact(hint.usd)) // 1),
                unit=hint.unit,
                title=manifest.title,
                source=hint.source,
            )
            for hint in manifest.hints(tier_of(step, manifest))
            if hint.usd is not None and count(step.params, hint)
        ]
        return bought if bought and not terms.price_u else [time, *bought]


def offering(doors: Doors, engine: str, chosen: Sequence[str] = ()) -> tuple[Door, ...]:
    """The doors that a quote names for an engine, as they are tried: those that a person chose, else where one runs it
    free of charge, no paid one.
    """
    found = sorted(candidates(doors, engine, None), key=lambda door: (door.terms.price_u, NEAR[door.network]))
    if chosen:
        return tuple(door for door in found if door.id in chosen)
    return tuple(door for door in found if not door.terms.price_u) or tuple(found)


def _price(terms: Terms) -> prices.Price | None:
    """The listed price that a door's terms name, where they still say the same."""
    found = prices.builtin().get(terms.price_name)
    return found if found is not None and found.price_u == terms.price_u else None


def tag_of(door: Door) -> Tag:
    """A door's price as a quote names it."""
    return estimate.tag(door.id, door.terms, door.executions)


def _line(step: Step, price: StepPrice, made: bool) -> QuoteLine:
    first: Mapping[str, Any] = {}
    if price.offers:
        best = price.offers[0]
        first = {"door": best.door, "seconds": best.ms / 1000, "basis": best.basis, "samples": best.samples}
    return QuoteLine(
        path=step.path,
        kind=step.kind,
        engine=step.engine,
        shot=step.shot,
        label=step.label,
        state="made" if made else "make" if step.fingerprint is not None else "wait",
        median_u=price.median_u,
        bound_u=price.bound_u,
        offers=price.offers,
        **first,
    )


def _groups(lines: Iterable[QuoteLine]) -> tuple[QuoteGroup, ...]:
    """Lines to be made, summed by kind, engine, door and how their time is known; the dearest first."""

    def key(line: QuoteLine) -> tuple[str, ...]:
        return line.kind, line.engine, line.door, line.basis or "guess"

    groups = []
    for _, group in groupby(sorted((line for line in lines if line.offers), key=key), key):
        found = list(group)
        groups.append(
            QuoteGroup(
                kind=found[0].kind,
                engine=found[0].engine,
                door=found[0].door,
                steps=len(found),
                seconds=round(sum(line.seconds for line in found), 3),
                median_u=sum(line.median_u for line in found),
                bound_u=sum(line.bound_u for line in found),
                basis=found[0].basis or "guess",
                samples=min(line.samples for line in found),
            )
        )
    return tuple(sorted(groups, key=lambda group: (-group.bound_u, group.kind, group.engine)))


def _warning(quote: Quote, month: str, room: Room) -> str:
    left = max(0, room.month_limit - room.month_spent)
    if quote.bound_u <= left:
        return ""
    if quote.dearest_u > left:
        short = quote.bound_u if room.month_limit == 0 else quote.dearest_u
        return no_month(short, month, room.month_spent, room.month_limit)
    return (
        f"the budget of {month} has {usd(left)} left: steps wait for what others hold, "
        "and the render stops where it is spent"
    )


def _named(line: QuoteLine, doors: Sequence[str]) -> list[int]:
    """Upper bounds of a line at these doors."""
    return [offer.bound_u for offer in line.offers if f"{line.engine}@{offer.door}" in doors]


def _bound_at(line: QuoteLine, doors: Sequence[str]) -> int:
    return max(_named(line, doors), default=0)
