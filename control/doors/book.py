"""The book of doors: added, listed, tested and removed here, whichever face a person uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from control.db import Database, Row, Value
from control.doors import breaker as breakers
from control.doors import secrets
from control.doors.breaker import Breaker
from control.doors.describe import Description
from control.doors.inquiry import Inquiries, bound_u
from control.doors.providers import providers
from control.doors.registry import CAPS, Door, Doors
from control.doors.secrets import Secrets
from control.doors.spec import NewDoor, Spec, check
from control.doors.trial import Lab, Trial
from control.doors.unknowns import unknowns
from control.doors.views import Check, DoorView, EngineAt, Report, UnknownJob
from control.errors import Conflict, NotFound
from control.render.budget import usd
from control.render.desk import NO_LIMIT
from control.render.ledger import Ledger
from functions.catalog import Catalog

_OPEN = "SELECT COUNT(*) AS n FROM job WHERE door=:id AND open=1"
_ADD = """
INSERT INTO door(id,base,network,caps,kind,secret,created_at,changed_at)
VALUES(:id,:base,:network,:caps,:kind,:secret,:now,:now)
ON CONFLICT(id) DO UPDATE SET base=excluded.base, network=excluded.network, caps=excluded.caps, kind=excluded.kind,
  secret=excluded.secret, changed_at=MAX(door.changed_at+1,excluded.changed_at), removed_at=NULL, breaker='{}'
  WHERE (door.base=excluded.base AND door.kind=excluded.kind)
    OR NOT EXISTS(SELECT 1 FROM job WHERE job.door=door.id AND open=1)"""
_FORGET_TOLD = "DELETE FROM described WHERE door=:id"
_RETIRE = "UPDATE door SET removed_at=:now, changed_at=MAX(changed_at+1,:now) WHERE id=:id"
_SPENT = """
SELECT id, secret FROM door WHERE removed_at IS NOT NULL
  AND NOT EXISTS(SELECT 1 FROM job WHERE job.door=door.id AND open=1)"""
_DROP = """
DELETE FROM door WHERE id=:id AND removed_at IS NOT NULL
  AND NOT EXISTS(SELECT 1 FROM job WHERE job.door=door.id AND open=1)"""
_TOLD = """
INSERT INTO described(door,engine,image,body,refused,at) VALUES(:door,:engine,:image,:body,:refused,:now)
ON CONFLICT(door,engine,image) DO UPDATE SET body=excluded.body, refused=excluded.refused, at=excluded.at"""
_LIST = """
SELECT door.*, (SELECT COUNT(*) FROM job WHERE job.door=door.id AND live=1) AS jobs,
  (SELECT COUNT(*) FROM job WHERE job.door=door.id AND state='unknown') AS unknown
FROM door ORDER BY created_at, id"""
_LATEST = """
SELECT * FROM described d WHERE at=(SELECT MAX(at) FROM described WHERE door=d.door AND engine=d.engine)"""
_BUSY = "SELECT door, COUNT(*) AS jobs, SUM(state='unknown') AS unknown FROM job WHERE live=1 GROUP BY door"


@dataclass(frozen=True)
class DoorBook:
    """`doors` are those that this process works with; other processes see a change within seconds."""

    db: Database
    doors: Doors
    secrets: Secrets
    catalog: Catalog
    lab: Lab
    clock: Callable[[], int]
    wake: Callable[[], None]
    month_limit_u: int = NO_LIMIT
    """The month's budget where none was ever set."""

    def patient(self, seconds: float) -> "DoorBook":
        """The same, waiting so long for a worker."""
        return replace(self, lab=replace(self.lab, patience_s=seconds))

    async def add(self, new: NewDoor, *, variable: str | None = None) -> DoorView:
        """A new door, or one known already with other words. Its secret is in `new`, or in an environment `variable`.

        Raises `Invalid`, `Conflict` where jobs are open at another address of this name, `StudioError`.
        """
        spec = check(new, self.catalog)
        place = self._stow(new) if variable is None else self._find(new, variable)
        try:
            former = await self._insert(spec, place)
        except Conflict:
            self.secrets.forget(new.id, place)
            raise
        if former != place:  # a batch may be sent twice
            self.secrets.forget(new.id, former)
        await self._reload()
        return await self.view(new.id)

    def _stow(self, new: NewDoor) -> str:
        """The secret's place, before any row names it: whoever reads the row finds the secret."""
        return self.secrets.write(new.id, secrets.check(new.secret, pair=providers()[new.kind].pair))

    def _find(self, new: NewDoor, variable: str) -> str:
        place = secrets.place_of(variable)
        secrets.check(self.secrets.read(new.id, place), pair=providers()[new.kind].pair)
        return place

    async def _insert(self, spec: Spec, place: str) -> str:
        """Where its secret lay before, `place` where it had none. Raises `Conflict`."""
        now = self.clock()
        values: dict[str, Value] = {
            "id": spec.id,
            "base": spec.base,
            "network": spec.network,
            "caps": spec.caps.model_dump_json(exclude_defaults=True),
            "kind": spec.kind,
            "secret": place,
            "now": now,
        }
        look = ("SELECT base, kind, secret FROM door WHERE id=:id", values)
        before, _, _, after = await self.db.batch([look, (_ADD, values), (_FORGET_TOLD, values), look])
        rows = after.rows
        if (rows[0]["base"], rows[0]["kind"]) != (spec.base, spec.kind):
            raise Conflict(
                f"jobs are open at {rows[0]['base']}, which is called {spec.id} too; "
                "choose another name, or wait until they have ended"
            )
        return str(before.rows[0]["secret"]) if before.rows else place

    async def remove(self, door_id: str) -> bool:
        """Send it nothing more. True where it is gone; False where it stays known until its open jobs have ended.

        Raises `NotFound`, `Conflict` for the built-in one.
        """
        if (await self._door(door_id)).kind == "builtin":
            raise Conflict("the built-in door comes with the Studio; VIVIJURE_DOOR=false leaves it out")
        await self.db.batch([(_RETIRE, {"id": door_id, "now": self.clock()})])
        await self._sweep()
        await self._reload()
        return not await self.db.fetch("SELECT 1 FROM door WHERE id=:id", {"id": door_id})

    async def _sweep(self) -> None:
        """Forget removed doors whose last job has ended."""
        for row in await self.db.fetch(_SPENT):
            dropped = await self.db.batch([(_DROP, row), (_FORGET_TOLD, row)])
            if dropped[0].changes:
                self.secrets.forget(row["id"], row["secret"])

    async def views(self) -> tuple[DoorView, ...]:
        """All doors, the built-in one first."""
        await self._sweep()
        await self.doors.refresh(self.db, self.clock(), at_once=True)
        told: dict[str, list[Row]] = {}
        for row in await self.db.fetch(_LATEST):
            told.setdefault(row["door"], []).append(row)
        busy = {row["door"]: row for row in await self.db.fetch(_BUSY)}
        own = [self._own(door, busy.get(door.id, {})) for door in self.doors if door.kind == "builtin"]
        rows = await self.db.fetch(_LIST)
        return (*own, *(self._view(row, {t["engine"]: t for t in told.get(row["id"], ())}) for row in rows))

    async def view(self, door_id: str) -> DoorView:
        """One of them. Raises `NotFound`."""
        found = next((door for door in await self.views() if door.id == door_id), None)
        if found is None:
            raise NotFound(f"there is no door {door_id!r}")
        return found

    async def test(self, door_id: str, *, describe: bool = True, job: bool = True) -> Report:
        """Try it: health, what it runs, a tiny job where that is free. Asking RunPod what it runs starts a worker.

        Raises `NotFound`.
        """
        await self.doors.refresh(self.db, self.clock(), at_once=True)
        door = await self._door(door_id)
        checks: list[Check] = []
        for engine in sorted(await self._engines(door)):
            trial = Trial(self.lab, door, self.doors.client(door_id), self.catalog[engine])
            checks += await self._try(trial, engine, door, describe=describe, job=job)
        report = Report(door=door_id, checks=tuple(checks))
        if report.ok:
            self.doors.guard(door_id).answered()
            await self.doors.save(self.db)
        await self._reload()
        return report

    async def _try(self, trial: Trial, engine: str, door: Door, *, describe: bool, job: bool) -> list[Check]:
        checks = [await trial.reach()]
        if checks[0].ok and describe and (image := await self._told_of(door, engine)):
            checks.append(Check(name=f"{engine}: what it is", ok=True, said=f"as described before: {image}"))
        elif checks[0].ok and describe:
            checks.append(await self._described(trial, engine, door))
            if trial.told is not None and door.kind != "builtin":
                await self._keep(door.id, engine, trial.told, trial.refused)
            if checks[1].ok and job:
                checks.append(await trial.make())
        return checks

    async def _described(self, trial: Trial, engine: str, door: Door) -> Check:
        """What the door runs. Where asking costs money, the most it may cost is held first."""
        if door.kind != "runpod" or not door.terms.price_u:
            return await trial.describe()
        inquiries, job = Inquiries(self.db, self.month_limit_u, self.clock), self.lab.new_id()
        if why := await inquiries.hold(job, door, engine):
            return Check(name=f"{engine}: what it is", ok=None, said=f"not asked: {why}")
        check = await trial.describe()
        if trial.charge_u is None:
            return check.model_copy(update={"said": f"{check.said}; booked at most {usd(bound_u(door))}"})
        await inquiries.book(job, trial.charge_u)
        return check.model_copy(update={"said": f"{check.said}; this cost {usd(trial.charge_u)}"})

    async def unknowns(self) -> tuple[UnknownJob, ...]:
        """Jobs whose outcome nobody knows, oldest first."""
        return await unknowns(self.db)

    async def accept_risk(self, job_id: str) -> None:
        """Make the step again, knowing that the first may have been billed; what still comes of it is kept.

        Raises `Conflict` where the job is not unknown, `NotFound`.
        """
        ledger = Ledger(self.db)
        if await ledger.job(job_id) is None:
            raise NotFound(f"there is no job {job_id!r}")
        if not await ledger.write_off(job_id):
            raise Conflict(f"the job {job_id} is not unknown; it has an end, or is on its way")
        self.wake()

    async def keep_waiting(self, job_id: str) -> None:
        """Look at it now, at its door and in storage, and go on waiting. Raises `NotFound`."""
        ledger = Ledger(self.db)
        if await ledger.job(job_id) is None:
            raise NotFound(f"there is no job {job_id!r}")
        await ledger.ring(job_id, self.clock())
        self.wake()

    # inside --------------------------------------------------------------------------------------------------------

    async def _door(self, door_id: str) -> Door:
        try:
            return self.doors.door(door_id)
        except NotFound as error:
            raise NotFound(f"there is no door {door_id!r}; `vivijure door list` shows them") from error

    async def _engines(self, door: Door) -> frozenset[str]:
        """What it was added for, refused or not."""
        rows = await self.db.fetch("SELECT caps FROM door WHERE id=:id", {"id": door.id})
        engines = CAPS.validate_json(rows[0]["caps"]).engines if rows else door.engines
        return engines & self.catalog.engines.keys()

    async def _told_of(self, door: Door, engine: str) -> str:
        """The image that runs now, where RunPod tells it and it was described well before: no worker is started."""
        if door.kind != "runpod":
            return ""
        image = await self.doors.client(door.id).image(engine)
        sql = "SELECT 1 FROM described WHERE door=:door AND engine=:engine AND image=:image AND refused=''"
        values: dict[str, Value] = {"door": door.id, "engine": engine, "image": image}
        return image if image and await self.db.fetch(sql, values) else ""

    async def _keep(self, door_id: str, engine: str, told: Description, refused: str) -> None:
        values: dict[str, Value] = {
            "door": door_id,
            "engine": engine,
            "image": told.image[:300],
            "body": told.model_dump_json(),
            "refused": refused,
            "now": self.clock(),
        }
        await self.db.batch([(_TOLD, values)])

    async def _reload(self) -> None:
        await self.doors.refresh(self.db, self.clock(), at_once=True)
        self.wake()

    def _own(self, door: Door, busy: Mapping[str, int]) -> DoorView:
        found = self.doors.guard(door.id).breaker
        return DoorView(
            id=door.id,
            kind=door.kind,
            network=door.network,
            engines=tuple(EngineAt(name=name) for name in sorted(door.engines)),
            concurrency=door.concurrency,
            ahead=door.ahead,
            executions=door.executions,
            rerun_lost=door.rerun_lost,
            jobs=busy.get("jobs", 0),
            unknown=busy.get("unknown", 0) or 0,
            **self._standing(found),
        )

    def _view(self, row: Row, told: Mapping[str, Row]) -> DoorView:
        caps = CAPS.validate_json(row["caps"])
        return DoorView(
            id=row["id"],
            kind=row["kind"],
            base=row["base"],
            network=row["network"],
            engines=tuple(_engine(name, caps.endpoints, told.get(name)) for name in sorted(caps.engines)),
            secret=secrets.words(row["secret"]),
            price_u=caps.terms.price_u,
            price=caps.terms.price_name,
            concurrency=caps.concurrency,
            ahead=caps.ahead,
            executions=caps.executions,
            rerun_lost=caps.rerun_lost,
            jobs=row["jobs"],
            unknown=row["unknown"],
            retired=row["removed_at"] is not None,
            **self._standing(breakers.parse(row["breaker"])),
        )

    def _standing(self, found: Breaker) -> dict[str, Any]:
        return {"standing": found.standing(self.clock()), "reason": found.reason, "until": found.until}


def _engine(name: str, endpoints: Mapping[str, str], told: Row | None) -> EngineAt:
    if told is None:
        return EngineAt(name=name, endpoint=endpoints.get(name, ""))
    said = Description.model_validate_json(told["body"])
    return EngineAt(
        name=name,
        endpoint=endpoints.get(name, ""),
        image=told["image"],
        version=str(said.manifest.get("version", ""))[:60],
        refused=told["refused"],
        tested_at=told["at"],
    )
