"""Values that pass through planning: recipe, step, plan."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from control.storyboard.problem import Problem
from functions.contract.base import EngineName, Fingerprint, Name, Rate, Sha256, Size, StepKind, Strict, Tier
from functions.contract.media import MediaFacts
from functions.contract.params import Params

__all__ = [
    "HEIGHTS",
    "BurnIn",
    "Facts",
    "OutputFacts",
    "Plan",
    "Problem",
    "Recipe",
    "ShotPlan",
    "Source",
    "Step",
    "Target",
    "Upload",
    "Uploads",
    "slot",
]

BurnIn = Literal["slate", "off", "full"]
Target = Literal["keyframes", "clips", "film"]
HEIGHTS: Mapping[str, int] = {"draft": 720, "standard": 720, "final": 1080}
"""Shorter side of the delivered picture in pixels, by tier, where the recipe states no size."""


class Recipe(Strict):
    """How to render. `engines` overrides the default engine of a kind; `only` limits what is made to these shots."""

    tier: Tier = "draft"
    size: Size | None = None
    engines: dict[StepKind, EngineName] = {}
    doors: dict[EngineName, tuple[str, ...]] = {}
    """Where engines run, by a person's choice; the cheapest doors where nothing is chosen."""
    target: Target = "film"
    only: tuple[str, ...] = ()
    candidates: Annotated[int, Field(ge=1, le=8)] = 1
    """Keyframes made of each shot, of as many seeds; the film goes on with the one of the best score."""
    burn_in: BurnIn = "slate"
    captions: Literal["sidecar", "burned"] = "sidecar"
    preset: Literal["web", "broadcast"] = "web"
    stems: bool = True
    budget_u: Annotated[int, Field(ge=0)] | None = None
    """Most micro-dollars this render may cost; None for no limit of its own."""


class Upload(Strict):
    """A file that a storyboard names, as it lies in the store."""

    sha256: Sha256
    suffix: str
    size: int
    media: MediaFacts


class OutputFacts(Strict):
    """One object of a finished step."""

    key: str
    sha256: Sha256
    size: int
    media: MediaFacts


Facts = Mapping[str, Mapping[str, OutputFacts]]
"""What already exists: fingerprint -> output name -> facts. Only artifacts that count as made."""
Uploads = Mapping[str, Upload]
"""What the storyboard's file names stand for: the text in the storyboard -> upload."""


class Source(Strict):
    """Where an input comes from: the output of a step of this plan, or an upload."""

    step: str | None = None
    output: Name | None = None
    upload: Upload | None = None


class Step(Strict):
    """One node of the graph.

    `path` is unique in the plan (`shot/beam/motion`). `fingerprint` is None while a fact it waits for is missing;
    `estimated` says that its parameters rest on an estimate. `needs` are the paths that must be made first.
    """

    path: str
    kind: StepKind
    engine: EngineName
    params: Params
    inputs: dict[Name, Source] = {}
    outputs: tuple[Name, ...]
    take: int = 0
    fingerprint: Fingerprint | None = None
    estimated: bool = False
    shot: str | None = None
    label: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Paths of the steps whose outputs this one reads."""
        return tuple(sorted({s.step for s in self.inputs.values() if s.step is not None}))


def slot(path: str) -> str:
    """The path that the candidates of one step share: `shot/beam/keyframe~2` competes for `shot/beam/keyframe`."""
    return path.partition("~")[0]


class ShotPlan(Strict):
    """Where a shot lies in the film, in frames, and what it is called."""

    id: str
    label: str
    scene: str
    start: int
    frames: int
    summary: str = ""
    stretched_by: str | None = None
    """Id of the spoken line that made the shot longer than planned."""


class Plan(Strict):
    """The graph of one film under one recipe. `steps` are in an order in which they can be made."""

    title: str
    rate: Rate
    size: Size
    frames: int
    shots: tuple[ShotPlan, ...]
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...] = ()
    catalog: Sha256

    def step(self, path: str) -> Step:
        """The step of this path. Raises `KeyError`."""
        return next(s for s in self.steps if s.path == path)
