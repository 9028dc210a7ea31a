"""The Modal app: `modal deploy -m functions.serve.modal_app`, with the variables of `environment` set.

A class for each engine that an image is named for, and a small web door that speaks the doors' API behind Modal's
proxy tokens (`Modal-Key` and `Modal-Secret`). Nothing of the deploying machine goes into the images: they run as their
digests say. No other module imports `modal`.
"""

import asyncio
import contextlib
import os
from typing import Any, ClassVar

import modal
import modal.exception
from starlette.applications import Starlette

from functions.contract.errors import Cancelled, EngineError, ExecutionsSpent, JobError, WorkerDied
from functions.contract.job import JobProgress, JobRequest, JobResult
from functions.contract.manifest import EngineManifest
from functions.runtime.results import ended
from functions.runtime.verify import parse
from functions.serve.bench import Bench, Left
from functions.serve.environment import DOOR, passed_on, read_environment, read_modal
from functions.serve.relay import Busy, Call, Notes, Relay, cancel_key, now_ms, progress_key
from functions.serve.settings import DoorSettings

DOOR_MEMORY_MB = 1024
DOOR_INPUTS = 100
"""Requests that one container of the door answers at a time."""
MARGIN_S = 60
"""Modal's own timeout beyond a job's deadline: ours must come first, because it leaves a result."""
PROGRESS_S = 2.0
"""Least time between two writes of a job's progress."""
BROKEN = (
    modal.exception.RemoteError,
    modal.exception.InternalFailure,
    modal.exception.ExecutionError,
    JobError,
    ImportError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a call that has nothing to return may raise where it is asked for."""

SETTINGS = read_modal(os.environ)
ENGINES = tuple(name for name in SETTINGS.images if name != DOOR)
app = modal.App(SETTINGS.app)
jobs = modal.Dict.from_name(f"{SETTINGS.app}-jobs", create_if_missing=True)


class Station:
    """One engine in one container. Starting never fails: a fault is told to each job instead of billed in a loop."""

    engine: ClassVar[str]

    async def start(self) -> None:
        """Start the warm process, which is in the snapshot where one is taken."""
        try:
            settings = door_settings((self.engine,))
            settings.scratch.mkdir(parents=True, exist_ok=True)
            self.fault, self.bench = "", Bench(settings, settings.trust())
            await self.bench.warm()
        except (OSError, ValueError) as error:
            self.fault = f"the container could not start: {error}"

    @modal.method()
    async def run(self, job_id: str, body: str) -> Notes:
        """Run a job to its result; `body` is what was posted to `run`."""
        begun, worker, request = now_ms(), os.environ.get("MODAL_TASK_ID", ""), parse(body).input
        if self.fault:
            result = ended(request, EngineError(self.fault))
        elif await cancel_wanted(job_id):
            result = ended(request, Cancelled("the job was cancelled while it waited"))
        else:
            result = await self.make(request, Meter(job_id, {"begun": begun, "worker": worker}))
        return {"result": result.model_dump(mode="json"), "begun": begun, "ended": now_ms(), "worker": worker}

    async def make(self, request: JobRequest, meter: "Meter") -> JobResult:
        """Run the job. An end that the Studio did not ask for is the provider's: then nothing is written or returned.
        The container ends too, for only `KeyboardInterrupt` makes Modal's runtime return nothing.
        """
        await meter.begin()
        work = asyncio.ensure_future(self.bench.run(request, handle=request.job_id, report=meter.note))
        try:
            return await asyncio.shield(work)
        except (WorkerDied, ExecutionsSpent) as error:
            return ended(request, error)
        except Left:
            raise KeyboardInterrupt from None
        except asyncio.CancelledError:
            wanted = await cancel_wanted(request.job_id)
            if wanted:
                work.cancel()
            else:
                await self.bench.close()
            await asyncio.gather(work, return_exceptions=True)
            if not wanted:
                raise KeyboardInterrupt from None
            raise
        finally:
            await meter.close()

    @modal.exit()
    async def leave(self) -> None:
        """End every child."""
        if not self.fault:
            await self.bench.close()


class Meter:
    """Writes where a job is, at most every 2 s and never after its end. A failure to write fails nothing."""

    def __init__(self, job_id: str, notes: Notes) -> None:
        self._key, self._notes = progress_key(job_id), notes
        self._loop = asyncio.get_running_loop()
        self._at = float("-inf")
        self._writing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Say that the job runs."""
        await self._write(None)

    def note(self, progress: JobProgress) -> None:
        """Say where it is, unless that was said just now."""
        if self._loop.time() - self._at >= PROGRESS_S and (self._writing is None or self._writing.done()):
            self._at = self._loop.time()
            self._writing = self._loop.create_task(self._write(progress.model_dump(mode="json", exclude_none=True)))

    async def close(self) -> None:
        """Wait for the last write."""
        if self._writing is not None:
            await self._writing

    async def _write(self, position: Notes | None) -> None:
        with contextlib.suppress(modal.exception.Error):
            await jobs.put.aio(self._key, {**self._notes, "position": position})


class Calls:
    """Implements `relay.Provider` on this app's classes and its dictionary."""

    async def instance(self) -> str:
        """See `Provider.instance`."""
        await jobs.hydrate.aio()
        return jobs.object_id

    async def claim(self, key: str, value: Notes) -> bool:
        """See `Provider.claim`."""
        return bool(await jobs.put.aio(key, value, skip_if_exists=True))

    async def read(self, key: str) -> Notes | None:
        """See `Provider.read`."""
        found: Notes | None = await jobs.get.aio(key)
        return found

    async def write(self, key: str, value: Notes) -> None:
        """See `Provider.write`."""
        await jobs.put.aio(key, value)

    async def drop(self, key: str) -> None:
        """See `Provider.drop`."""
        await jobs.pop.aio(key, None)

    async def call(self, engine: str, job_id: str, body: str) -> str:
        """See `Provider.call`."""
        try:
            call = await method(engine).spawn.aio(job_id, body)
        except (modal.exception.ResourceExhaustedError, modal.exception.NotFoundError) as error:
            raise Busy(f"Modal takes no more jobs for {engine}: {error}") from error
        return str(call.object_id)

    async def look(self, call_id: str) -> Call:
        """See `Provider.look`."""
        try:
            return Call("returned", await modal.FunctionCall.from_id(call_id).get.aio(timeout=0))
        except TimeoutError:
            return Call("pending")
        except modal.exception.FunctionTimeoutError as error:
            return Call("timed_out", reason=str(error) or "it ran too long")
        except modal.exception.OutputExpiredError:
            return Call("failed", reason="what it returned has expired")
        except BROKEN as error:
            return Call("failed", reason=str(error) or type(error).__name__)

    async def cancel(self, call_id: str) -> None:
        """See `Provider.cancel`."""
        await modal.FunctionCall.from_id(call_id).cancel.aio()

    async def load(self, engine: str) -> tuple[int, int]:
        """See `Provider.load`."""
        stats = await method(engine).get_current_stats.aio()
        return stats.backlog, stats.num_total_runners


async def cancel_wanted(job_id: str) -> bool:
    """Whether the Studio asked for the end of this job; no where that cannot be read."""
    with contextlib.suppress(modal.exception.Error):
        return bool(await jobs.contains.aio(cancel_key(job_id)))
    return False


def method(engine: str) -> Any:
    """The method that runs jobs of an engine, as it is deployed."""
    return modal.Cls.from_name(SETTINGS.app, class_name(engine))().run


def class_name(engine: str) -> str:
    """`motion-wan` runs as `MotionWan`."""
    return "".join(part.capitalize() for part in engine.split("-"))


def door_settings(engines: tuple[str, ...]) -> DoorSettings:
    """The settings of a container. Raises `ValueError`."""
    settings = read_environment(os.environ, engines)
    workers = max(m.concurrency for m in settings.manifests().engines.values())
    return settings.model_copy(update={"workers": workers})


def image(name: str) -> modal.Image:
    """The image of an engine or of the door, by digest."""
    registry = modal.Secret.from_name(SETTINGS.registry) if SETTINGS.registry else None
    return modal.Image.from_registry(SETTINGS.images[name], secret=registry).entrypoint([])


def secrets() -> list[modal.Secret]:
    """What containers are told."""
    named = [modal.Secret.from_name(SETTINGS.secret)] if SETTINGS.secret else []
    return [modal.Secret.from_dict({**passed_on(os.environ)}), *named]


def deploy_class(name: str, manifest: EngineManifest) -> Any:
    """The class of one engine. Raises `ValueError` where its manifest names no GPU though it needs one."""
    hosting, needs = manifest.hosting, manifest.needs
    if needs.vram_gb and not hosting.gpus:
        raise ValueError(f"the manifest of {name} names no GPU to rent ([hosting] gpus), but it needs one")
    enter = modal.enter(snap=hosting.snapshot)(Station.start)
    made: Any = type(class_name(name), (Station,), {"engine": name, "enter": enter, "__module__": __name__})
    if manifest.concurrency > 1:
        made = modal.concurrent(max_inputs=manifest.concurrency)(made)
    return app.cls(
        image=image(name),
        secrets=secrets(),
        env={"VIVIJURE_IMAGE": SETTINGS.images[name]},
        gpu=list(hosting.gpus) or None,
        cpu=float(hosting.cores),
        memory=needs.ram_gb * 10**9 // 2**20,
        timeout=manifest.deadline_s + MARGIN_S,
        startup_timeout=hosting.startup_s,
        scaledown_window=hosting.idle_s,
        max_containers=hosting.workers,
        retries=0,
        enable_memory_snapshot=hosting.snapshot,
        experimental_options={"enable_gpu_snapshot": True} if hosting.gpu_snapshot else None,
        include_source=False,
    )(made)


for _name, _manifest in read_environment(os.environ, ENGINES).manifests().engines.items():
    globals()[class_name(_name)] = deploy_class(_name, _manifest)


@app.function(image=image(DOOR), secrets=secrets(), memory=DOOR_MEMORY_MB, max_containers=2, include_source=False)
@modal.concurrent(max_inputs=DOOR_INPUTS)
@modal.asgi_app(requires_proxy_auth=True)
def door() -> Starlette:
    """The web door."""
    return Relay(Calls(), door_settings(ENGINES).trust(), (modal.exception.Error,)).app()
