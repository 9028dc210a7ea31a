"""The shell that carries decisions out: claims renders, submits what is ready, looks at jobs, ends renders.

Any number of runners may work over one database. All that one holds in memory is rebuilt from there by the next.
"""

import asyncio
import contextlib
import json
import logging
import math
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey

from control.db import Database
from control.doors.doorbell import Bell
from control.doors.registry import Door, Doors
from control.errors import DatabaseBusy, DatabaseError, NotFound, PlanError, StoreError, StudioError
from control.graph import quote
from control.graph.model import Step
from control.render import estimate
from control.render.advance import LIVE, Decision, advance
from control.render.attend import Look, Tools, interval, post_ms
from control.render.budget import month_of, shortage
from control.render.garbage import Garbage
from control.render.ledger import Intent, Ledger
from control.render.planning import Known, Planning
from control.render.renders import Renders
from control.render.request import Order, build
from control.render.rows import JobRow, RenderRow
from control.render.work import Work, newly_made
from control.store import ObjectStore
from functions.contract.base import Tier

IDLE_MS = 60_000
"""A render that nothing wakes is looked at this often all the same."""
FULL_MS = 5000
"""A tick is taken this often though nothing is due: doors and timers are looked at in it."""
PAUSE_S = (0.005, 0.5)
"""Least and longest wait between two ticks."""
WATCH_S = 0.02
"""How often a folder is looked at for results of running jobs."""
HUNGRY_MS = 500
"""A render that waits for room at a door."""
RETRY_MS = 2000
"""After the database or the store could not be used."""
RECONCILE_MS = 600_000
"""How often every open job is looked at, whatever was planned for it."""
TIDY_MS = 3_600_000
"""How often old events are removed."""
GARBAGE_S = 3600.0
"""How often what nothing refers to any more is looked for."""
DAY_MS = 86_400_000
NO_LIMIT = 2**53 - 1
log = logging.getLogger("vivijure.runner")


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """24 random characters."""
    return secrets.token_hex(12)


@dataclass(frozen=True)
class Desk:
    """What a runner works with. `month_limit_u` is the budget of a month that has none stored yet; events are kept
    for `event_days`.
    """

    db: Database
    store: ObjectStore
    doors: Doors
    planning: Planning
    key: SigningKey
    month_limit_u: int = NO_LIMIT
    clock: Callable[[], int] = field(default=wall_ms)
    new_id: Callable[[], str] = field(default=new_id)
    event_days: int = 7
    bell: Bell | None = None
    pace_s: float = 0.0
    """Least time between two looks that the database can carry."""
    rng: random.Random = field(default_factory=random.Random)
    """Spreads the times of looks."""


class Runner:
    """`run` until cancelled, or `tick` by hand."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ledger, self.renders = Ledger(desk.db), Renders(desk.db)
        self._tools = Tools(self.ledger, desk.store, desk.doors, desk.key, desk.clock, desk.rng)
        self._work: dict[str, Work] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._watched: dict[str, Path] = {}
        self._awake = asyncio.Event()
        self._tidied_at = 0
        self._ticked_at = 0
        self._reconciled_at = 0

    def wake(self) -> None:
        """Something changed: tick soon."""
        self._awake.set()

    async def run(self) -> None:
        """Advance renders until cancelled; running jobs go on behind their doors."""
        beside = [asyncio.create_task(self._watch()), asyncio.create_task(self._collect())]
        try:
            while True:
                woken = self._awake.is_set()
                self._awake.clear()
                wait = await self._guarded_step(woken)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), wait)
        finally:
            for task in beside:
                task.cancel()
            await self.settle_looks(cancel=True)
            await asyncio.gather(*beside, return_exceptions=True)

    async def _guarded_step(self, woken: bool) -> float:
        """Tick where there is reason to. How long to wait then, in seconds."""
        try:
            return await self._step(woken)
        except DatabaseBusy as error:
            log.warning("the runner waits: %s", error)
            return float(error.fields["retry_after_s"])
        except StudioError as error:
            log.warning("the runner waits: %s", error)
            return RETRY_MS / 1000
        except Exception:
            log.exception("the runner stumbled")
            return RETRY_MS / 1000

    async def _step(self, woken: bool) -> float:
        """An idle database is asked one thing: when something is due."""
        now = self.desk.clock()
        if woken or not 0 <= now - self._ticked_at < FULL_MS or await self._left() <= 0:
            await self.tick()
            self._ticked_at = now
        shortest, longest = (max(pause, self.desk.pace_s) for pause in PAUSE_S)
        return min(max(await self._left(), shortest), longest)

    async def _left(self) -> float:
        """Seconds until something is due."""
        due = await self.ledger.next_due()
        return math.inf if due is None else (due - self.desk.clock()) / 1000

    async def tick(self) -> None:
        """Look at every job that is due, then advance every render that is due."""
        now = self.desk.clock()
        await self.desk.doors.refresh(self.desk.db, now)
        await self._reconcile(now)
        await asyncio.gather(*(self._begin_look(job, now) for job in await self.ledger.due(now)))
        claimed: list[tuple[RenderRow, str]] = []
        while (render := await self.renders.claim(token := self.desk.new_id(), now)) is not None:
            claimed.append((render, token))
        ready = {render.id: await self._guarded_advance(render) for render, _ in claimed}
        await self._submit_fairly(ready)
        for render, token in claimed:
            await self.renders.release(render.id, token, self._next(render.id))
        await self.desk.doors.save(self.desk.db)
        await self._tidy(now)

    async def _reconcile(self, now: int) -> None:
        """At the start and from time to time, look at every open job again, at its door and in storage."""
        if now - self._reconciled_at > RECONCILE_MS:
            self._reconciled_at = now
            await self.ledger.reconcile(now)

    async def _tidy(self, now: int) -> None:
        if now - self._tidied_at > TIDY_MS:
            self._tidied_at = now
            await self.ledger.forget(now - self.desk.event_days * DAY_MS)

    def _next(self, render: str) -> int:
        """When to look at a render that nothing wakes: soon where a door had no room, or where it could not be read."""
        work = self._work.get(render)
        return self.desk.clock() + (HUNGRY_MS if work is None or work.hungry else IDLE_MS)

    # jobs ----------------------------------------------------------------------------------------------------------

    async def settle_looks(self, *, cancel: bool = False) -> None:
        """Wait for every look that is being taken."""
        looks = list(self._looks.values())
        for look in looks:
            if cancel:
                look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _begin_look(self, job: JobRow, now: int) -> None:
        try:
            door = self.desk.doors.door(job.door)
        except NotFound as error:
            log.warning("job %s: %s", job.id, error)
            await self.ledger.hold(job.id, job.next_poll_at, now + IDLE_MS)
            return
        until = now + (post_ms(door) if job.state == "intent" else interval(job, door, now, self.desk.rng))
        if await self.ledger.hold(job.id, job.next_poll_at, until):
            self._look(job, rung=job.next_poll_at == 0)

    def _look(self, job: JobRow, *, rung: bool = False) -> None:
        if job.id not in self._looks:  # one at a time; a look put off is taken up when it is due again
            self._looks[job.id] = asyncio.create_task(self._guarded_look(job, rung))

    async def _guarded_look(self, job: JobRow, rung: bool) -> None:
        try:
            if await Look(self._tools, job, rung=rung).take():
                self._watched.pop(job.id, None)
            elif job.id not in self._watched and self._in_folder(job):
                self._watched[job.id] = self._result_path(job)
        except StudioError as error:
            log.warning("job %s: %s", job.id, error)
        except Exception:
            log.exception("job %s", job.id)
        finally:
            del self._looks[job.id]
            self._awake.set()

    def _in_folder(self, job: JobRow) -> bool:
        return self.desk.doors.door(job.door).shares_folder and self.desk.store.folder is not None

    def _result_path(self, job: JobRow) -> Path:
        look = Look(self._tools, job)
        return (self.desk.store.folder or Path()) / look.request.reserved.result.key

    async def _watch(self) -> None:
        """A doorbell without a door: in a folder, a result is seen as soon as it lies there."""
        while True:
            for job_id, path in list(self._watched.items()):
                if job_id not in self._looks and path.exists():
                    del self._watched[job_id]
                    with contextlib.suppress(DatabaseError):  # the next look of the usual kind finds it
                        await self._look_at(job_id)
            await asyncio.sleep(WATCH_S)

    async def _collect(self) -> None:
        """Beside the ticks: listing a bucket takes its time, and no render waits for it."""
        garbage = Garbage(self.desk.db, self.desk.store)
        while True:
            await asyncio.sleep(GARBAGE_S)
            try:
                await garbage.collect(self.desk.clock())
            except StudioError as error:
                log.warning("garbage waits: %s", error)

    async def _look_at(self, job_id: str) -> None:
        job = await self.ledger.job(job_id)
        if job is not None and job.state in LIVE and job.handle is not None:
            self._look(job, rung=True)

    # renders -------------------------------------------------------------------------------------------------------

    async def _guarded_advance(self, render: RenderRow) -> list[str]:
        """Advance one render; what goes wrong with it touches no other."""
        try:
            return await self._advance(render)
        except (DatabaseError, StoreError) as error:
            log.warning("render %s waits: %s", render.id, error)
            self._work.pop(render.id, None)
        except StudioError as error:
            await self._end(render, Decision({}, end="failed", reason=error.detail))
        except Exception as error:
            log.exception("render %s", render.id)
            await self._end(render, Decision({}, end="failed", reason=f"the Studio stumbled: {error!r}"))
        return []

    async def _advance(self, render: RenderRow) -> list[str]:
        """Decide, write what was decided, and return the paths to submit."""
        work = await self._load(render)
        decision = await self._decide(work, render)
        changed = work.changed(decision.standings)
        fresh = newly_made(work.standings, decision.standings)
        if changed:
            await self.renders.stand(render.id, changed)
        await self._take(work, fresh)
        work.standings = dict(decision.standings)
        work.hungry = False
        if decision.end is not None:
            await self._end(render, decision)
        return work.by_urgency(decision.submit)

    async def _load(self, render: RenderRow) -> Work:
        work = self._work.get(render.id)
        if work is None:
            subject = await self.desk.planning.subject(render)
            known = Known(render.id)
            work = Work(render, subject, await self.desk.planning.plan(subject, known), known)
            self._work[render.id] = work
            await self._planned(work)
        work.render = render
        return work

    async def _planned(self, work: Work) -> None:
        if not await self.renders.save_steps(work.render.id, work.rows(self.desk.doors), work.outline()):
            raise PlanError(
                "the film would be planned differently now; start the render again, finished steps are kept"
            )

    async def _decide(self, work: Work, render: RenderRow) -> Decision:
        while True:
            await self.desk.planning.learn(work.known, work.open_prints())
            attempts = await self.renders.attempts(render, work.open_prints())
            decision = advance(work.situation(render, attempts, self.desk.doors))
            if not work.known.outdated or (decision.submit and not work.known.complete):
                return decision
            # Planning again for each fact would take longer the longer the film: it waits for the last one that is
            # missing, or until nothing can be submitted as it was planned.
            work.plan = await self.desk.planning.plan(work.subject, work.known)
            await self._planned(work)

    async def _take(self, work: Work, paths: list[str]) -> None:
        steps = work.steps
        kept = [
            {
                "id": self.desk.new_id(),
                "shot": steps[path].shot or "",
                "kind": steps[path].kind,
                "path": path,
                "label": steps[path].label,
                "fp": steps[path].fingerprint,
            }
            for path in paths
        ]
        if kept:
            await self.renders.take(work.render, kept, self.desk.clock())

    async def _end(self, render: RenderRow, decision: Decision) -> None:
        state = "cancelled" if render.cancel_requested else decision.end or "failed"
        await self.renders.end(render.id, state, decision.reason, self.desk.clock())
        self._work.pop(render.id, None)

    # submitting ----------------------------------------------------------------------------------------------------

    async def _submit_fairly(self, ready: dict[str, list[str]]) -> None:
        """One step of each render in turn, as long as doors have room."""
        busy = await self.ledger.busy() if any(ready.values()) else {}
        queues = [(self._work[render], list(paths)) for render, paths in ready.items() if paths]
        while queues:
            left = []
            for work, paths in queues:
                if await self._submit_next(work, paths, busy):
                    left.append((work, paths))
            queues = left

    async def _submit_next(self, work: Work, paths: list[str], busy: dict[str, int]) -> bool:
        """Submit the first step whose door has room. Whether there may be more."""
        steps = work.steps
        for i, path in enumerate(paths):
            if (door := self._door(work, steps[path], busy)) is not None:
                busy[door.id] = busy.get(door.id, 0) + 1
                await self._submit(work, steps[path], door)
            elif path not in work.refused:
                continue
            del paths[: i + 1]
            return True
        return False

    def _door(self, work: Work, step: Step, busy: dict[str, int]) -> Door | None:
        """Where to submit a step now; None where it waits, and its reason is kept where it should be seen."""
        desk, now = self.desk, self.desk.clock()
        choice = desk.doors.choose(step.engine, work.render.named, busy, now)
        work.held.pop(step.path, None)
        if choice.door is not None:
            return choice.door
        work.hungry = True
        if choice.closed:
            work.held[step.path] = choice.closed
        elif not choice.full:
            work.refused[step.path] = _no_door(step.engine, work.render.named)
        return None

    async def _submit(self, work: Work, step: Step, door: Door) -> None:
        intent = self._intent(work, step, door)
        claim, job = await self.ledger.submit(intent)
        if claim == "mine" and job is not None:
            self.desk.doors.guard(door.id).tried(intent.now, job.id)
            self._look(job)
        elif claim in ("made", "budget_held"):
            work.hungry = True
        elif claim == "not_named":
            work.refused[step.path] = _no_door(step.engine, work.render.named)
            work.hungry = True
        elif claim == "over_budget":
            room = await self.ledger.room(intent.payer, intent.month, intent.month_limit_u)
            work.refused[step.path] = shortage(intent.bound_u, intent.month, room)
            work.hungry = True

    def _intent(self, work: Work, step: Step, door: Door) -> Intent:
        desk, now, fp = self.desk, self.desk.clock(), step.fingerprint or ""
        manifest = work.subject.catalog[step.engine]
        prints = {s.path: s.fingerprint for s in work.plan.steps if s.fingerprint is not None}
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
