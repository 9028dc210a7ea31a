"""What an engine sees of a job, and what it gives back. Engines import this module and the contract only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts
from functions.contract.params import Params


class Children(Protocol):
    """Child processes under the job's deadline: killed with it, on cancel and on failure."""

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        """Run to the end and return its stdout. Raises `EngineError` with the tail of stderr on failure,
        `Cancelled` or `DeadlineExceeded` when the job ends first.
        """
        ...

    def pipe(self, argv: Sequence[str]) -> "Pipe":
        """Start a child that is fed through `Pipe.stdin`."""
        ...


class Pipe(Protocol):
    """A running child with an open standard input; a context manager that waits, or kills on an error."""

    stdin: IO[bytes]

    def __enter__(self) -> "Pipe": ...
    def __exit__(self, *exc: object) -> None: ...


class Job(Protocol):
    """One execution, as its engine sees it.

    `inputs` are fetched and their digests checked; `output(name)` is where the engine writes, `scratch` is an empty
    folder that is removed afterwards. `cache` is a private folder that later jobs of this machine may find again, in
    other processes too: what lies there is put there whole, and may be gone at any time between two jobs.
    """

    @property
    def params(self) -> Params: ...
    @property
    def manifest(self) -> EngineManifest: ...
    @property
    def inputs(self) -> Mapping[str, Path]: ...
    @property
    def output_names(self) -> frozenset[str]: ...
    @property
    def scratch(self) -> Path: ...
    @property
    def cache(self) -> Path: ...
    @property
    def children(self) -> Children: ...

    def output(self, name: str) -> Path:
        """Where to write this output. Raises `ContractError` for one the request does not name."""
        ...

    def keep(self, name: str, path: Path) -> None:
        """Put a file away under one of the manifest's `keeps`, over what is there, for a later execution of this job:
        where a worker is killed, the next one goes on from it. Raises `ContractError` for another name or for more
        bytes than it may have, `StorageError`.
        """
        ...

    def kept(self, name: str, path: Path) -> bool:
        """Fetch into `path` what an earlier execution of this job kept; False where there is nothing."""
        ...

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Report where the work is; cheap, call it for every frame. Also the place where a cancel or the
        deadline stops the engine: raises `Cancelled` or `DeadlineExceeded`.
        """
        ...


@dataclass
class Outcome:
    """What an engine says of its work. `facts` add to what the runtime measures on each output (word times)."""

    facts: dict[str, MediaFacts] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    degraded: list[Note] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)
    encode_s: float = 0.0
    load_s: float = 0.0
    peak_vram_bytes: int | None = None
    random: bool = False
    """Whether test weights made it, which make noise: what its content proves is then only noted."""


class Engine(Protocol):
    """An engine: built once per worker process with its manifest, keeps its models, runs one job at a time."""

    def __init__(self, manifest: EngineManifest) -> None: ...

    def run(self, job: Job) -> Outcome:
        """Make every output of the job. Raises a `JobError`; anything else is reported as `engine_failed`."""
        ...
