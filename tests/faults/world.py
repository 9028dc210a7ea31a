"""One run of a schedule: the real runner and service over simulated ports, one clock, and all that goes wrong."""

import functools
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nacl.signing import SigningKey

from control.db import Result, Row, Statement, Value
from control.doors.registry import Door, Doors
from control.errors import StudioError
from control.graph.model import Recipe
from control.render.desk import NO_LIMIT, Desk
from control.render.outcome import Terms
from control.render.planning import Planning
from control.render.runner import Runner
from control.render.service import Studio
from control.storyboard.models import Storyboard
from tests.faults.core import EPOCH, REAL, Core, Ear, rewritten, table
from tests.faults.films import CATALOGS, FILMS, PLANNER
from tests.faults.laws import Breach, Laws, checks
from tests.faults.loop import Process, Timeline
from tests.faults.ports import LabClient, LabDatabase, rows_of
from tests.faults.provider import Paid, Provider
from tests.faults.schedule import MOMENTS, Fault, Schedule

END_MS = 12 * 3600_000
"""By then every render has ended, or never will."""
EVENTS = 60_000
PRICE_U = 100
DEADLINE_S = 120
ALLOWANCE_S = 60
KEY = SigningKey(b"k" * 32)
RETRY_MS = 2000
IDLE_MS = 60_000
GATHER_MS = 300
"""How long a woken runner waits for more to wake it."""
ANSWER_MS = 40_000
"""How long a person waits for an answer before asking again."""
RESUME_MS = (300_000, 3 * 3600_000)
"""When a person lets a paused render go on: again later, since the pause may arrive after the first."""
_PORTS = ("db", "store", "run", "ask")
log = logging.getLogger("vivijure.runner")


@dataclass(frozen=True)
class Report:
    """What a run showed."""

    breaches: tuple[Breach, ...]
    stats: Counter[str]


class World:
    """All there is in a run. Every process reaches it through its ports only."""

    def __init__(self, schedule: Schedule, core: Core = REAL) -> None:
        self.schedule, self.core = schedule, core
        self.rng = random.Random(schedule.seed)
        self.timeline = Timeline(EPOCH)
        self.stats: Counter[str] = Counter()
        self.table = table(core.schema)
        self.laws = Laws(self)
        self.objects: dict[str, bytes] = {}
        self.provider = Provider(self, own=schedule.door == "own")
        self.faults = {(fault.kind, fault.at): fault.arg for fault in schedule.faults}
        self.moments = {fault.at for fault in schedule.faults if fault.kind in ("crash", "pause")}
        self.kinds = {
            port: tuple({f.kind for f in schedule.faults if f.kind.startswith(f"{port}-")}) for port in _PORTS
        }
        self.counts = dict.fromkeys(_PORTS, 0)
        self.struck = 0
        self.calls = 0
        self.waits = schedule.waits
        self.ids = 0
        self.skew = 0
        self.catalog = 0
        self.risked: set[str] = set()
        self.todo = 0
        self.processes: list[Process] = []
        self.runners: dict[Process, Runner] = {}
        self.desks: dict[Process, Desk] = {}
        self.door = _door(schedule)
        self.price_u = self.door.terms.price_u
        self.bound_u = self.door.terms.bound(DEADLINE_S, self.door.executions)
        self.month_u = schedule.month * self.bound_u or NO_LIMIT

    @property
    def now(self) -> int:
        """True time: storage's and the provider's."""
        return self.timeline.now

    # faults ----------------------------------------------------------------------------------------------------------

    def fault(self, kind: str, n: int) -> int | None:
        """The argument of the fault that strikes there, None for none."""
        return self.faults.get((kind, n))

    def strikes(self, port: str) -> str | None:
        """The fault of this call of a port; `struck` is its argument."""
        if not self.kinds[port]:
            return None
        n = self.counts[port]
        self.counts[port] = n + 1
        for kind in self.kinds[port]:
            if (arg := self.faults.get((kind, n))) is not None:
                self.struck = arg
                self.stats[kind] += 1
                return kind
        return None

    def crash(self, process: Process) -> None:
        """A process has been killed; another takes its place."""
        self.stats["crash"] += 1
        self.timeline.at(self.now + self.rng.choice((100, 3000, 45_000)), None, self._replace, process)

    def _replace(self, process: Process) -> None:
        process.bury()
        self.processes.remove(process)
        self.runners.pop(process)
        self.desks.pop(process)
        self.boot()

    # processes -------------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start a Studio."""
        process = Process(self.timeline)
        db, store = LabDatabase(self, process), self.core.store(self, process)
        rng = random.Random(self.rng.random())
        doors = Doors([(self.door, LabClient(self, process))], rng)
        desk = Desk(db, store, doors, Planning(db, store, PLANNER), KEY, self.month_u, self.clock, self.new_id, rng=rng)
        self.desks[process] = desk
        self.runners[process] = self.core.runner(desk)
        self.processes.append(process)
        process.spawn(self._work(process))

    async def _work(self, process: Process) -> None:
        """Tick whenever something woke the runner, else ever more rarely: a cron job may be as slow."""
        runner, idle, turn = self.runners[process], 0, [0]

        def ring(mine: int) -> None:
            if mine == turn[0]:
                runner.wake()

        while True:
            runner._awake.clear()
            try:
                await runner.tick()
                due = await runner.ledger.next_due()
                left = IDLE_MS if due is None else due - self.clock()
                wait = min(max(left, self.schedule.pace << idle), IDLE_MS)
            except StudioError:
                wait = RETRY_MS
            until = self.now + wait
            self.timeline.at(until, process, ring, turn[0])
            await runner._awake.wait()
            await process.later(GATHER_MS)
            turn[0] += 1
            idle = min(idle + 1, 5) if self.now >= until else 0

    def clock(self) -> int:
        """What the Studios' clocks say."""
        return self.timeline.now + self.skew

    def new_id(self) -> str:
        """Never the same twice."""
        self.ids += 1
        return f"{self.ids:024x}"

    # the database ----------------------------------------------------------------------------------------------------

    def fetch(self, sql: str, params: Mapping[str, Value]) -> list[Row]:
        """Rows of one statement."""
        return rows_of(self.table.connection.execute(sql, params))

    def batch(self, found: Sequence[Statement]) -> list[Result]:
        """All statements or none."""
        connection, core = self.table.connection, self.core
        results, watched = [], set[str]()
        if whole := len(found) > 1:
            connection.execute("SAVEPOINT batch")
        for sql, params in found:
            before = connection.total_changes
            rows = tuple(rows_of(connection.execute(rewritten(core, sql), params)))
            changes = connection.total_changes - before
            results.append(Result(rows, changes))
            if changes:
                watched.update(checks(sql))
        if whole:
            connection.execute("RELEASE batch")
        if watched:
            self.laws.batched(watched)
        return results

    # the store, and bells --------------------------------------------------------------------------------------------

    def put(self, key: str, data: bytes) -> None:
        """Create an object, once."""
        self.objects.setdefault(key, data)

    def bell(self, job: Paid) -> None:
        """A doorbell: mostly once and soon; lost, late and more than once where a fault says so."""
        if self.fault("bell-lost", job.n) is not None or self.rng.random() < 0.5:
            return
        times = [self.rng.randrange(1, 500)]
        if self.fault("bell-more", job.n) is not None:
            times += [self.rng.randrange(1, 600_000) for _ in range(3)]
        for ms in times:
            self.timeline.at(self.now + ms, None, self.ring, job.request.job_id)

    def ring(self, job_id: str) -> None:
        """Somebody rings at one of the processes."""
        if (process := self._open()) is not None:
            process.spawn(self._ringing(process, job_id))

    async def _ringing(self, process: Process, job_id: str) -> None:
        try:
            await self.studio(process).ring(job_id)
        except StudioError:
            return

    # people ----------------------------------------------------------------------------------------------------------

    def studio(self, process: Process) -> Studio[Storyboard]:
        """The service of a process."""
        desk, runner = self.desks[process], self.runners[process]
        return self.core.studio(desk, CATALOGS[self.catalog], wake=runner.wake)

    def ask(self, act: Callable[[Studio[Storyboard]], Coroutine[Any, Any, object]]) -> None:
        """A person asks for something until there is an answer."""
        self.todo += 1
        self._try(act, [])

    def _try(self, act: Callable[[Studio[Storyboard]], Coroutine[Any, Any, object]], answered: list[bool]) -> None:
        if answered:
            return
        if (process := self._open()) is not None:
            process.spawn(self._asking(act(self.studio(process)), answered))
        self.timeline.at(self.now + ANSWER_MS, None, self._try, act, answered)

    async def _asking(self, work: Coroutine[Any, Any, object], answered: list[bool]) -> None:
        try:
            await work
        except StudioError as error:
            if error.status in (503, 500):
                return
        if not answered:
            answered.append(True)
            self.todo -= 1

    def _open(self) -> Process | None:
        found = [p for p in self.processes if not p.dead and p.paused_until <= self.now]
        return self.rng.choice(found) if found else None

    def act(self, fault: Fault) -> None:
        """Something that happens at its moment."""
        self.stats[fault.kind] += 1
        if fault.kind == "clock":
            self.skew = fault.arg
        elif fault.kind == "catalog":
            self.catalog = 1
        elif fault.kind == "instance":
            if self.provider.own:
                self.provider.lose()
        elif fault.kind == "gone":
            self._lose_objects(fault.arg)
        elif fault.kind == "start":
            title = tuple(FILMS)[fault.arg % len(FILMS)]
            self.ask(lambda studio: studio.start_render(title, Recipe()))
        else:
            self._person(fault)

    def _person(self, fault: Fault) -> None:
        renders = [row["id"] for row in self.fetch("SELECT id FROM render ORDER BY rowid", {})]
        if not renders:
            return
        render = renders[fault.arg % len(renders)]
        if fault.kind == "cancel":
            self.ask(lambda studio: studio.cancel(render))
        elif fault.kind == "pause-render":
            self.ask(lambda studio: studio.pause(render))
            for ms in RESUME_MS:
                self.timeline.at(self.now + ms, None, self.ask, functools.partial(_resume, render=render))
        elif fault.kind == "risk":
            self._risk(render)
        elif fault.kind == "keep":
            for row in self.fetch("SELECT take.id FROM take JOIN artifact USING(fp) WHERE quality='degraded'", {}):
                self.ask(functools.partial(_keep, take=row["id"]))
        elif fault.kind == "ring":
            for row in self.fetch("SELECT id FROM job", {}):
                self.ring(row["id"])
            self.ring("nobody")
        elif fault.kind == "view":
            self._view(render)

    def _risk(self, render: str) -> None:
        sql = "SELECT path, job.id FROM step JOIN job USING(fp) WHERE render_id=:render AND job.state='unknown'"
        for row in self.fetch(sql, {"render": render}):
            self.risked.add(row["id"])
            self.ask(functools.partial(_accept, render=render, path=row["path"]))

    def _view(self, render: str) -> None:
        if (process := self._open()) is not None:
            process.spawn(self._viewing(process, render))

    async def _viewing(self, process: Process, render: str) -> None:
        """A GET: it reads, and writes nothing."""
        desk = self.desks[process]
        watched = replace(desk, db=ViewedDatabase(self, process))
        studio = self.core.studio(watched, CATALOGS[self.catalog])
        try:
            await studio.render(render)
            await studio.costs()
            await studio.renders()
        except StudioError:
            return

    def _lose_objects(self, which: int) -> None:
        """Somebody removes an artifact's objects."""
        keys = [key for key in self.objects if key.endswith("lora.safetensors")]
        if keys:
            del self.objects[keys[which % len(keys)]]

    # the run ---------------------------------------------------------------------------------------------------------

    def run(self) -> Report:
        """From the first start to the end of everything."""
        connection = self.table.connection
        connection.execute("SAVEPOINT run")
        ear = Ear(self.laws)
        log.addHandler(ear)
        log.setLevel(logging.ERROR)
        try:
            self._plan()
            self._turn()
            self.laws.finish()
        finally:
            log.removeHandler(ear)
            for process in self.processes:
                process.bury()
            connection.execute("ROLLBACK TO run")
            connection.execute("RELEASE run")
        return Report(tuple(self.laws.breaches), self.stats)

    def _plan(self) -> None:
        schedule = self.schedule
        for start in schedule.starts:
            budget = start.budget * self.bound_u or None
            begin = functools.partial(_start, title=start.film, recipe=Recipe(budget_u=budget))
            self.timeline.at(EPOCH + 1 + start.at, None, self.ask, begin)
            self.todo += 1
            self.timeline.at(EPOCH + 1 + start.at, None, self._done)
        for fault in schedule.faults:
            if fault.kind in MOMENTS:
                self.todo += 1
                self.timeline.at(EPOCH + 1 + fault.at, None, self.act, fault)
                self.timeline.at(EPOCH + 1 + fault.at, None, self._done)
        for _ in range(schedule.runners):
            self.timeline.at(EPOCH, None, self.boot)

    def _done(self) -> None:
        self.todo -= 1

    def _turn(self) -> None:
        step, timeline = self.timeline.step, self.timeline
        for n in range(EVENTS):
            if timeline.now > EPOCH + END_MS or not step():
                return
            if n % 8 == 0 and not self.todo and self._over():
                self.stats["events"] += n
                return

    def _over(self) -> bool:
        sql = """SELECT EXISTS(SELECT 1 FROM render WHERE state IN ('running','paused')) OR
            EXISTS(SELECT 1 FROM job WHERE open=1)"""
        return not self.table.connection.execute(sql).fetchone()[0]


class ViewedDatabase(LabDatabase):
    """What a GET may use of the database."""

    async def batch(self, found: Sequence[Statement]) -> list[Result]:
        """Never."""
        self.world.laws.breach("view", f"a view wrote: {found[0][0][:60]}")
        return await super().batch(found)


async def _start(studio: Studio[Storyboard], *, title: str, recipe: Recipe) -> None:
    await studio.start_render(title, recipe)


async def _resume(studio: Studio[Storyboard], *, render: str) -> None:
    await studio.resume(render)


async def _keep(studio: Studio[Storyboard], *, take: str) -> None:
    await studio.keep_take(take)


async def _accept(studio: Studio[Storyboard], *, render: str, path: str) -> None:
    await studio.accept_risk(render, path)


def _door(schedule: Schedule) -> Door:
    own = schedule.door == "own"
    return Door(
        id="paid",
        engines=frozenset({"echo"}),
        concurrency=schedule.room,
        ahead=0,
        executions=2 if schedule.door == "rented-twice" else 3 if own else 1,
        shares_folder=True,
        rerun_lost=own or schedule.rerun,
        poll_ms=(4000, 60_000),
        terms=Terms(price_u=PRICE_U, start_allowance_s=ALLOWANCE_S, repeatable=own, forgets=not own),
    )
