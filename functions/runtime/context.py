"""One execution as its engine sees it: implements `engine.Job`."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from functions.contract.errors import ContractError, JobError
from functions.contract.job import JobProgress, JobRequest
from functions.contract.manifest import EngineManifest
from functions.contract.params import Params
from functions.runtime.children import JobChildren, Stop
from functions.runtime.storage import Storage

Report = Callable[[JobProgress], None]
STORED_EVERY_S = 2.0
"""Least time between two writes of the progress object."""
TOLD_EVERY_S = 0.1
"""Least time between two reports to the door."""
PREVIEW = "preview.jpg"
"""An engine that has a preview renames it to this name in `scratch`; it is uploaded with the next progress."""


class ProgressLog:
    """Tells the door often and the store seldom (first after 2 s); a report that cannot be stored fails nothing."""

    def __init__(self, request: JobRequest, storage: Storage, report: Report, scratch: Path) -> None:
        self._request, self._storage, self._report = request, storage, report
        self._preview = scratch / PREVIEW
        self._previewed: int | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="progress")
        self._writing: Future[None] | None = None
        self._told, self._stored = float("-inf"), time.monotonic()
        self._stage, self._since = "", 0.0

    def note(self, stage: str, done: int, total: int) -> None:
        """Report a position; what comes too soon after the last is dropped unless a stage begins or ends."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._since, self._told = stage, now, float("-inf")
        if now - self._told < TOLD_EVERY_S and done != total:
            return
        self._told = now
        position = self._position(done, total, now)
        self._report(position)
        if now - self._stored >= STORED_EVERY_S and (self._writing is None or self._writing.done()):
            self._stored = now
            self._writing = self._writer.submit(self._store, position)

    def close(self) -> None:
        """Wait for the last write, so that none comes after the result."""
        self._writer.shutdown(wait=True)

    def _position(self, done: int, total: int, now: float) -> JobProgress:
        left = (now - self._since) * (total - done) / done if 0 < done <= total else None
        return JobProgress(
            job_id=self._request.job_id,
            attempt=self._request.attempt,
            stage=self._stage,
            done=done,
            total=total,
            eta_s=None if left is None else round(left, 1),
            preview=None if self._previewed is None else self._request.reserved.preview.key,
        )

    def _store(self, position: JobProgress) -> None:
        held = self._request.reserved
        try:
            self._store_preview()
            self._storage.put(held.progress.key, position.model_dump_json().encode(), "application/json")
        except JobError:
            return

    def _store_preview(self) -> None:
        if not self._preview.is_file():
            return
        changed = self._preview.stat().st_mtime_ns
        if changed != self._previewed:
            self._storage.put(self._request.reserved.preview.key, self._preview.read_bytes(), "image/jpeg")
            self._previewed = changed


class RunningJob:
    """See `engine.Job`."""

    def __init__(
        self,
        request: JobRequest,
        manifest: EngineManifest,
        folder: Path,
        stop: Stop,
        progress: ProgressLog,
        storage: Storage,
        cache: Path | None = None,
    ) -> None:
        self._request, self._manifest, self._storage = request, manifest, storage
        self._folder, self._stop, self._progress = folder, stop, progress
        self._children, self._cache = JobChildren(stop), cache
        self._inputs: Mapping[str, Path] = MappingProxyType(
            {name: input_path(folder, name, ref.key) for name, ref in request.inputs.items()}
        )

    @property
    def params(self) -> Params:
        """What to make."""
        return self._request.params

    @property
    def manifest(self) -> EngineManifest:
        """The engine's own manifest."""
        return self._manifest

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Fetched and checked inputs by name."""
        return self._inputs

    @property
    def output_names(self) -> frozenset[str]:
        """What to write."""
        return frozenset(self._request.outputs)

    @property
    def scratch(self) -> Path:
        """An empty folder."""
        return self._folder / "scratch"

    @property
    def cache(self) -> Path:
        """The host's cache; where it keeps none, a folder of this job."""
        folder = self._cache or self._folder / "cache"
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        return folder

    @property
    def children(self) -> JobChildren:
        """Child processes under the job's deadline."""
        return self._children

    def output(self, name: str) -> Path:
        """See `engine.Job.output`."""
        if name not in self._request.outputs:
            raise ContractError(f"the request names no output {name!r}, only {', '.join(sorted(self.output_names))}")
        return self._folder / "outputs" / name

    def keep(self, name: str, path: Path) -> None:
        """See `engine.Job.keep`."""
        self._stop.check()
        limit, size = self._keeps(name), path.stat().st_size
        if size > limit:
            raise ContractError(f"{name} has {size} bytes, and the request lets a job keep {limit} under that name")
        self._storage.put(self._kept_key(name), path, "application/octet-stream")

    def kept(self, name: str, path: Path) -> bool:
        """See `engine.Job.kept`."""
        self._stop.check()
        return self._storage.fetch(self._kept_key(name), path, self._keeps(name)) is not None

    def _keeps(self, name: str) -> int:
        try:
            return self._request.reserved.work.keeps[name]
        except KeyError:
            raise ContractError(f"the request lets this job keep nothing that is called {name!r}") from None

    def _kept_key(self, name: str) -> str:
        return f"{self._request.reserved.work.key}/{name}"

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        """See `engine.Job.progress`."""
        self._stop.check()
        self._progress.note(stage, done, total)


def input_path(folder: Path, name: str, key: str) -> Path:
    """Where an input is fetched to: its name, where that lacks the key's suffix with `~` (no name has one) and it."""
    suffix = Path(key).suffix
    return folder / "inputs" / (name if Path(name).suffix == suffix else f"{name}~{suffix}")
