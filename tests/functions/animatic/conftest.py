"""A job as the engine sees it, with real files and real child processes."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import pytest

from functions.animatic.engine import Animatic
from functions.catalog import builtin
from functions.contract.base import Size
from functions.contract.errors import ContractError
from functions.contract.manifest import EngineManifest
from functions.contract.params import Composition, Figure, Keyframe, Params
from functions.runtime.engine import Outcome

SMALL = Size(width=320, height=180)
MAREN = Figure(id="maren", look="keeper, about seventy, white plait, heavy dark coat, collar up", at="left")
IVO = Figure(id="ivo", look="engineer, about thirty, cropped hair, short pale jacket", at="right")
ROCK = Composition(
    size="extreme-wide",
    angle="low",
    place_id="rock",
    place="a white lighthouse alone on black rock, heavy sea, no moon",
    heading="EXT. SKERRY LIGHTHOUSE - NIGHT",
    light="black sky, one warm beam sweeping right to left",
    compose="tower on the right third, low horizon, empty sea to the left",
    palette=("indigo", "slate", "brass", "bone"),
)
ROOM = Composition(
    size="medium",
    place_id="lamp-room",
    place="round glass lamp room, great brass lens at its heart, night in every pane",
    heading="INT. LAMP ROOM - CONTINUOUS",
    light="near dark, cold blue from the panes",
    palette=("indigo", "slate", "brass", "bone"),
    figures=(MAREN.model_copy(update={"facing": "away"}), IVO.model_copy(update={"facing": "maren"})),
)


class FedChild:
    """A child process fed through `stdin`."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.stdin = cast(IO[bytes], self._process.stdin)

    def __enter__(self) -> "FedChild":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stdin.close()
        assert self._process.wait() == 0 or exc[0] is not None


class RealChildren:
    """Child processes without a deadline."""

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        return subprocess.run(argv, input=stdin, check=True, capture_output=True).stdout

    def pipe(self, argv: Sequence[str]) -> FedChild:
        return FedChild(argv)


@dataclass
class FolderJob:
    """A job whose outputs lie in a folder."""

    params: Params
    manifest: EngineManifest
    folder: Path
    inputs: Mapping[str, Path] = field(default_factory=dict)
    output_names: frozenset[str] = frozenset()
    children: RealChildren = field(default_factory=RealChildren)
    reports: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def scratch(self) -> Path:
        return self.folder

    @property
    def cache(self) -> Path:
        return self.folder

    def output(self, name: str) -> Path:
        return self.folder / name

    def keep(self, name: str, path: Path) -> None:
        raise ContractError(f"the animatic keeps nothing, so not {name!r}")

    def kept(self, name: str, path: Path) -> bool:
        return False

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        self.reports.append((stage, done, total))


Run = Callable[..., FolderJob]


@pytest.fixture(scope="session")
def manifest() -> EngineManifest:
    return builtin()["animatic"]


@pytest.fixture
def run(manifest: EngineManifest, tmp_path: Path) -> Run:
    """Run the engine once: `run(params, outputs, inputs, name)` gives the job when it is done."""
    engine = Animatic(manifest)

    def once(
        params: Params, outputs: Sequence[str], inputs: Mapping[str, Path] | None = None, name: str = "job"
    ) -> FolderJob:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        job = FolderJob(params, manifest, folder, inputs or {}, frozenset(outputs))
        outcome = engine.run(job)
        assert isinstance(outcome, Outcome)
        return job

    return once


@pytest.fixture
def keyframe(run: Run) -> Callable[[Composition], FolderJob]:
    """Draw a composition at small size."""

    def draw(composition: Composition, seed: int = 7, name: str = "key") -> FolderJob:
        return run(Keyframe(size=SMALL, seed=seed, composition=composition), ("image.png", "layers.bin"), name=name)

    return draw
