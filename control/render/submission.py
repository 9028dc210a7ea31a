"""Steps that are ready become jobs: which step goes to which door now, and the intent that is stored for it."""

import json
from collections.abc import Callable, Iterable

from control.doors.registry import Door
from control.graph import quote
from control.graph.model import Step
from control.render import estimate
from control.render.attend import post_ms
from control.render.budget import month_of, shortage
from control.render.desk import Desk
from control.render.ledger import Intent, Ledger
from control.render.request import Order, build
from control.render.rows import JobRow
from control.render.work import Work
from functions.contract.base import Tier


class Submission:
    """`post` is told of every job that is ours to send."""

    def __init__(self, desk: Desk, ledger: Ledger, post: Callable[[JobRow], None]) -> None:
        self._desk, self._ledger, self._post = desk, ledger, post

    async def fairly(self, ready: Iterable[tuple[Work, list[str]]]) -> None:
        """One step of each render in turn, its most urgent first, as long as doors have room."""
        queues = [(work, list(paths)) for work, paths in ready if paths]
        busy = await self._ledger.busy() if queues else {}
        while queues:
            queues = [(work, paths) for work, paths in queues if await self._next(work, paths, busy)]

    async def _next(self, work: Work, paths: list[str], busy: dict[str, int]) -> bool:
        """Submit the first step whose door has room. Whether there may be more."""
        full: set[str] = set()
        for i, path in enumerate(paths):
            step = work.steps[path]
            if step.engine in full:
                work.held.pop(path, None)
                continue
            if (door := await self._door(work, step, busy)) is not None:
                busy[door.id] = busy.get(door.id, 0) + 1
                await self._submit(work, step, door)
            elif path not in work.refused:
                if path not in work.held:
                    full.add(step.engine)
                continue
            del paths[: i + 1]
            return True
        return False

    async def _door(self, work: Work, step: Step, busy: dict[str, int]) -> Door | None:
        """Where to submit a step now; None where it waits, and its reason is kept where it should be seen."""
        desk, now = self._desk, self._desk.clock()
        choice = desk.doors.choose(step.engine, work.render.named, busy, now)
        if choice.nowhere:  # unless another process has added one just now
            await desk.doors.refresh(desk.db, now, at_once=True)
            choice = desk.doors.choose(step.engine, work.render.named, busy, now)
        work.held.pop(step.path, None)
        if choice.door is not None:
            return choice.door
        work.hungry = True
        if choice.closed:
            work.held[step.path] = choice.closed
        elif choice.nowhere:
            work.refused[step.path] = _no_door(step.engine, work.render.named)
        return None

    async def _submit(self, work: Work, step: Step, door: Door) -> None:
        intent = self._intent(work, step, door)
        work.served_at = intent.now
        claim, job = await self._ledger.submit(intent)
        if claim == "mine" and job is not None:
            self._desk.doors.guard(door.id).tried(intent.now, job.id)
            self._post(job)
        elif claim in ("made", "budget_held"):
            work.hungry = True
        elif claim == "not_named":
            work.refused[step.path] = _no_door(step.engine, work.render.named)
            work.hungry = True
        elif claim == "over_budget":
            room = await self._ledger.room(intent.payer, intent.month, intent.month_limit_u)
            work.refused[step.path] = shortage(intent.bound_u, intent.month, room)
            work.hungry = True

    def _intent(self, work: Work, step: Step, door: Door) -> Intent:
        desk, now, fp = self._desk, self._desk.clock(), step.fingerprint or ""
        manifest = work.subject.catalog[step.engine]
        prints = {path: work.steps[path].fingerprint or "" for path in step.needs}
        tier: Tier = getattr(step.params, "tier", None) or next(iter(manifest.tiers))
        order = Order(step, fp, prints, work.known.facts, tier, manifest.keeps)
        job_id = desk.new_id()
        callback = None if desk.bell is None or door.shares_folder else desk.bell.address(job_id, door.network)
        deadline_s = quote.deadline_s(step, manifest, door.terms.price_u)
        request = build(order, door, job_id=job_id, deadline_s=deadline_s, now=now, callback=callback)
        return Intent(
            id=job_id,
            fp=fp,
            kind=step.kind,
            engine=step.engine,
            film_id=work.render.film_id,
            door=door.id,
            payer=work.render.id,
            month=month_of(now),
            month_limit_u=desk.month_limit_u,
            bound_u=estimate.bound_u(step, manifest, door.terms, door.executions),
            request=json.dumps(request.wire()),
            start_by=request.start_by,
            deadline_s=request.deadline_s,
            executions=request.executions,
            post_ms=post_ms(door),
            now=now,
            price_u=door.terms.price_u,
            allowance_s=door.terms.start_allowance_s,
            fixed_u=quote.fixed_u(step, manifest),
        )


def _no_door(engine: str, named: frozenset[str] | None) -> str:
    if named is None:
        return f"no door runs {engine}; add one, or choose another engine"
    return f"no door that the accepted quote names for {engine} is there; render again to see a new quote"
