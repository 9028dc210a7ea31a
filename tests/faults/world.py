"""One run of a schedule: the real runner and service over simulated ports, one clock, and all that goes wrong."""

import functools
import hashlib
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
from tests.faults.core import REAL, Core, ear, table
from tests.faults.films import CATALOGS, FILMS, PLANNER
from tests.faults.laws import Breach, Laws
from tests.faults.loop import Process, Timeline
from tests.faults.ports import LabClient, LabDatabase
from tests.faults.provider import Paid, Provider
from tests.faults.schedule import MOMENTS, Fault, Schedule
from tests.faults.table import EPOCH

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


@dataclass(frozen=True)
class Report:
    """What a run showed; `trace` names all that happened to jobs, renders and objects in it."""

    breaches: tuple[Breach, ...]
    stats: Counter[str]
    trace: int = 0


class World:
    """All there is in a run. Every process reaches it through its ports only."""

    def __init__(self, schedule: Schedule, core: Core = REAL) -> None:
        self.schedule, self.core = schedule, core
        self.rng = random.Random(schedule.seed)
        self.timeline = Timeline(EPOCH)
        self.stats: Counter[str] = Counter()
        self.table = table(core.schema, core.rewrites)
        self.laws = Laws(self)
        self.objects: dict[str, bytes] = {}
        self.provider = Provider(self, own=schedule.door == "own")
        self.faults = {(fault.kind, fault.at): fault.arg for fault in schedule.faults}
        self.seen: set[tuple[str, int]] = set()
        self.moments = {fault.at for fault in schedule.faults if fault.kind in ("crash", "pause")}
        self.kinds = {
            port: tuple(dict.fromkeys(f.kind for f in schedule.faults if f.kind.startswith(f"{port}-")))
            for port in _PORTS
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
        self.moved = True
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
        found = self.faults.get((kind, n))
        if found is not None:
            self.stats[kind] += (kind, n) not in self.seen
            self.seen.add((kind, n))
        return found

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
                left = await self._step(runner)
                wait = min(self.schedule.pace << idle, IDLE_MS)
                if self.schedule.prompt:
                    wait = min(wait, max(left, 0))
            except StudioError:
                wait = RETRY_MS
            until = self.now + wait
            self.timeline.at(until, process, ring, turn[0])
            await runner._awake.wait()
            await process.later(GATHER_MS)
            turn[0] += 1
            idle = min(idle + 1, 5) if self.now >= until else 0

    async def _step(self, runner: Runner) -> int:
        """A tick where there is one to take: at the start and whenever something is due. Milliseconds until then."""
        left = 0.0 if not runner._ticked_at else await runner._left()
        if left <= 0:
            await runner.tick()
            runner._ticked_at = self.clock()
            left = await runner._left() if self.schedule.prompt else 0.0
        return round(min(left * 1000, IDLE_MS))

    def clock(self) -> int:
        """What the Studios' clocks say."""
        return self.timeline.now + self.skew

    def new_id(self) -> str:
        """Never the same twice."""
        self.ids += 1
        return f"{self.ids:024x}"

    # the database ----------------------------------------------------------------------------------------------------

    def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Rows of one statement."""
        return self.table.fetch(sql, params or {})

    def batch(self, found: Sequence[Statement]) -> list[Result]:
        """All statements, and the laws that they could break."""
        results, watched = self.table.batch(found)
        self.moved = True
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
        heard = ear()
        heard.laws = self.laws
        self.table.begin(self.laws.breach)
        try:
            self._plan()
            self._turn()
            self.laws.finish()
            trace = self._trace()
        finally:
            heard.laws = None
            for process in self.processes:
                process.bury()
            self.table.empty()
        return Report(tuple(self.laws.breaches), self.stats, trace)

    def _trace(self) -> int:
        """64 bits of a hash of when, by how many calls, and how everything ended."""
        jobs = self.fetch("SELECT id, state, charge_u, cost_basis, ended_at FROM job ORDER BY id")
        renders = self.fetch("SELECT id, state, reason, ended_at FROM render ORDER BY id")
        paid = [(job.handle, job.status, job.billed_ms, job.over_at) for job in self.provider.jobs.values()]
        told = repr((self.now, self.calls, jobs, renders, paid, sorted(self.objects), sorted(self.stats.items())))
        return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest())

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
            if n % 8 == 0 and self.moved and not self.todo and self._over():
                self.stats["events"] += n
                return

    def _over(self) -> bool:
        sql = """SELECT EXISTS(SELECT 1 FROM render WHERE state IN ('running','paused')) OR
            EXISTS(SELECT 1 FROM job WHERE open=1) AS going"""
        self.moved = False
        return not self.fetch(sql)[0]["going"]


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
