"""The shell that carries decisions out: claims renders, submits what is ready, looks at jobs, ends renders.

Any number of runners may work over one database. All that one holds in memory is rebuilt from there by the next.
"""

import asyncio
import contextlib
import logging
import math

from control.errors import DatabaseBusy, DatabaseError, PlanError, StoreError, StudioError
from control.render.advance import Decision, advance
from control.render.attend import Tools
from control.render.desk import Desk
from control.render.garbage import Garbage
from control.render.ledger import Ledger
from control.render.looks import Looks
from control.render.planning import Known
from control.render.renders import Renders, taking
from control.render.rows import JobRow, RenderRow
from control.render.submission import Submission
from control.render.work import Work, newly_made

IDLE_MS = 60_000
"""A render that nothing wakes is looked at this often all the same."""
FULL_MS = 5000
"""A tick is taken this often though nothing is due: doors and timers are looked at in it."""
PAUSE_S = (0.005, 0.5)
"""Least and longest wait between two ticks."""
TOGETHER = 16
"""Renders that are leased at a time: even where each is planned first, the lease holds."""
REST_S = 0.05
"""Least time from one tick to the next: of many jobs, what ends together goes on together; of few none waits."""
HUNGRY_MS = 2000
"""A render that waits for room at a door: a job that ends here wakes it sooner."""
RETRY_MS = 2000
"""After the database or the store could not be used."""
RECONCILE_MS = 600_000
"""How often every open job is looked at, whatever was planned for it."""
TIDY_MS = 3_600_000
"""How often old events are removed."""
GARBAGE_S = 3600.0
"""How often what nothing refers to any more is looked for."""
DAY_MS = 86_400_000
log = logging.getLogger("vivijure.runner")


class Runner:
    """`run` until cancelled, or `tick` by hand."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ledger, self.renders = Ledger(desk.db), Renders(desk.db)
        tools = Tools(self.ledger, desk.store, desk.doors, desk.key, desk.clock, desk.rng)
        self._looks = Looks(tools, self._ended, self.wake)
        self._submission = Submission(desk, self.ledger, self._looks.take)
        self._work: dict[str, Work] = {}
        """In the order in which they were advanced last."""
        self._freed: list[str] = []
        """Payers of jobs that have ended since the last tick."""
        self._awake = asyncio.Event()
        self._stale = False
        self._tidied_at = 0
        self._ticked_at = 0
        self._reconciled_at = 0

    def wake(self) -> None:
        """Something changed: tick soon."""
        self._awake.set()

    def news(self) -> None:
        """Another process changed something, doors perhaps: see all of it now."""
        self._stale = True
        self.wake()

    def ring(self, job_id: str) -> None:
        """Something happened to this job: look at it now."""
        self._looks.ring(job_id)

    async def run(self) -> None:
        """Advance renders until cancelled; running jobs go on behind their doors."""
        loop = asyncio.get_running_loop()
        beside = [asyncio.create_task(self._looks.watch()), asyncio.create_task(self._collect())]
        try:
            while True:
                began, woken = loop.time(), self._awake.is_set()
                self._awake.clear()
                wait = await self._guarded_step(woken)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), wait)
                await asyncio.sleep(max(0.0, began + REST_S - loop.time()))
        finally:
            for task in beside:
                task.cancel()
            await self.settle_looks(cancel=True)
            await asyncio.gather(*beside, return_exceptions=True)

    async def settle_looks(self, *, cancel: bool = False) -> None:
        """Wait for every look that is being taken."""
        await self._looks.settle(cancel=cancel)

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
        """Advance every render that is due, then look at every job that is: what looks bring, the next tick sees."""
        now = self.desk.clock()
        stale, self._stale = self._stale, False
        await self.desk.doors.refresh(self.desk.db, now, at_once=stale)
        await self._reconcile(now)
        await self._rouse()
        await self._advance_due(now)
        await self._looks.begin(await self.ledger.due(now), now)
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

    async def _collect(self) -> None:
        """Beside the ticks: listing a bucket takes its time, and no render waits for it."""
        garbage = Garbage(self.desk.db, self.desk.store)
        while True:
            await asyncio.sleep(GARBAGE_S)
            try:
                await garbage.collect(self.desk.clock())
            except StudioError as error:
                log.warning("garbage waits: %s", error)

    # renders -------------------------------------------------------------------------------------------------------

    def _ended(self, job: JobRow) -> None:
        self._freed.append(job.payer)
        self.wake()

    async def _rouse(self) -> None:
        """Each job that ended leaves room for one step of a render that waits for it, the one that waits longest first;
        the job's own render is awake already.
        """
        freed, self._freed = self._freed, []
        hungry = [render for render, work in self._work.items() if work.hungry and render not in freed]
        if freed and hungry:
            await self.renders.wake(hungry[: len(freed)])

    async def _advance_due(self, now: int) -> None:
        if not await self.renders.due(now):
            return
        claimed = await self.renders.claim(token := self.desk.new_id(), now, TOGETHER)
        ready = {render.id: await self._guarded_advance(render) for render in claimed}
        found = [(self._work[render], paths) for render, paths in ready.items() if paths]
        await self._submission.fairly(sorted(found, key=lambda each: each[0].served_at))
        if claimed:
            await self.renders.release({render.id: self._next(render.id) for render in claimed}, token)

    def _next(self, render: str) -> int:
        """When to look at a render that nothing wakes: soon where a door had no room, or where it could not be read."""
        work = self._work.get(render)
        return self.desk.clock() + (HUNGRY_MS if work is None or work.hungry else IDLE_MS)

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
        takes = self._takes(work, newly_made(work.standings, decision.standings))
        if changed:
            await self.renders.stand(render.id, changed, taking(render, takes, self.desk.clock()))
        work.standings = dict(decision.standings)
        work.hungry = False
        if decision.end is not None:
            await self._end(render, decision)
        return work.by_urgency(decision.submit)

    async def _load(self, render: RenderRow) -> Work:
        work = self._work.pop(render.id, None)
        if work is None:
            subject = await self.desk.planning.subject(render)
            known = Known(render.id)
            work = Work(render, subject, await self.desk.planning.plan(subject, known), known)
            await self._planned(work)
        self._work[render.id] = work
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

    def _takes(self, work: Work, paths: list[str]) -> list[dict[str, str | None]]:
        steps = work.steps
        return [
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

    async def _end(self, render: RenderRow, decision: Decision) -> None:
        state = "cancelled" if render.cancel_requested else decision.end or "failed"
        await self.renders.end(render.id, state, decision.reason, self.desk.clock())
        self._work.pop(render.id, None)
