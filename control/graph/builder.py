"""Collects the steps of a plan and gives each its fingerprint as soon as all that decides it is known."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from control.graph.model import Facts, OutputFacts, Problem, Recipe, Source, Step, Upload
from control.storyboard.models import Override, Shot
from functions.catalog import Catalog
from functions.contract.base import StepKind, Tier
from functions.contract.canonical import fingerprint
from functions.contract.manifest import EngineManifest
from functions.contract.params import Params

DEFAULT_ENGINES: Mapping[StepKind, str] = {
    "keyframe": "animatic",
    "motion": "animatic",
    "dialogue": "voice-piper",
    "sound": "sound-synth",
    "score": "sound-synth",
    "conform": "assemble",
    "mix": "assemble",
    "assemble": "assemble",
}
FINISH: tuple[StepKind, ...] = ("interpolate", "lipsync", "face_restore", "upscale")
"""Finish kinds in the order in which they act on a clip; each only where the recipe names an engine for it."""


class Builder:
    """A plan under construction. `pinned` maps a step's path to the fingerprint of the take chosen for it."""

    def __init__(self, recipe: Recipe, catalog: Catalog, facts: Facts, pinned: Mapping[str, str] | None = None) -> None:
        self.recipe, self.catalog, self.facts = recipe, catalog, facts
        self.pinned = dict(pinned or {})
        self.steps: dict[str, Step] = {}
        self.undecided: set[str] = set()
        """Paths that stand for one of several steps, until it is known which."""
        self.problems: list[Problem] = []

    def engine(self, kind: StepKind, shot: Shot | None = None) -> EngineManifest | None:
        """The engine for a kind: the shot's override, the recipe's, the default. None (and a problem) if unknown."""
        override = shot.render.get(kind) if shot is not None else None
        name = (override.engine if override else None) or self.recipe.engines.get(kind) or DEFAULT_ENGINES.get(kind)
        where = f"{shot.id}.render.{kind}" if shot is not None and override else f"recipe.engines.{kind}"
        if name is None:
            return None
        if name not in self.catalog:
            self.problem("error", where, f"no engine is called {name!r}; `vivijure engines` lists them")
            return None
        manifest = self.catalog[name]
        if kind not in manifest.kinds:
            known = ", ".join(m.name for m in self.catalog.of_kind(kind))
            self.problem("error", where, f"{name} makes no {kind}; these do: {known}")
            return None
        return manifest

    def tier(self, kind: StepKind, manifest: EngineManifest, shot: Shot | None = None) -> Tier:
        """The recipe's tier, or the shot's override; the engine's nearest where it has no such tier."""
        override = shot.render.get(kind) if shot is not None else None
        wanted = (override.tier if override else None) or self.recipe.tier
        if wanted in manifest.tiers:
            return wanted
        order: list[Tier] = ["draft", "standard", "final"]
        return next(t for t in order if t in manifest.tiers)

    def problem(self, severity: str, path: str, message: str) -> None:
        """Note something for the person, once."""
        found = Problem(severity="error" if severity == "error" else "warning", path=path, message=message)
        if found not in self.problems:
            self.problems.append(found)

    def add(
        self,
        path: str,
        manifest: EngineManifest,
        params: Params,
        outputs: Sequence[str],
        *,
        inputs: Mapping[str, Source] | None = None,
        estimated: bool = False,
        shot: Shot | None = None,
        label: str = "",
    ) -> Step:
        """Add a step; its inputs' steps are already there. Raises `ValueError` for a path used twice."""
        if path in self.steps:
            raise ValueError(f"two steps are called {path}")
        params = self._overridden(params, shot)
        sources = dict(inputs or {})
        step = Step(
            path=path,
            kind=params.kind,
            engine=manifest.name,
            params=params,
            inputs=sources,
            outputs=tuple(outputs),
            fingerprint=self.pinned.get(path) or self._fingerprint(manifest, params, sources, estimated),
            estimated=estimated,
            shot=shot.id if shot else None,
            label=label,
        )
        self.steps[path] = step
        return step

    def made(self, step: Step | None, output: str) -> OutputFacts | None:
        """What is known of a finished step's output."""
        if step is None or step.fingerprint is None:
            return None
        return self.facts.get(step.fingerprint, {}).get(output)

    def _fingerprint(
        self, manifest: EngineManifest, params: Params, inputs: Mapping[str, Source], estimated: bool
    ) -> str | None:
        identities = {name: self._identity(source) for name, source in inputs.items()}
        if estimated or None in identities.values():
            return None
        tier = getattr(params, "tier", None) or next(iter(manifest.tiers))
        return fingerprint(
            kind=params.kind,
            engine=manifest.name,
            recipe=manifest.recipe,
            recipe_digest=manifest.tiers[tier].recipe_digest,
            params=params,
            inputs={name: identity for name, identity in identities.items() if identity},
        )

    def _identity(self, source: Source) -> str | None:
        if source.upload is not None:
            return f"sha256:{source.upload.sha256}"
        if source.step in self.undecided:
            return None
        made_by = self.steps[source.step or ""].fingerprint
        return f"fp:{made_by}/{source.output}" if made_by else None

    def _overridden(self, params: Params, shot: Shot | None) -> Params:
        override = shot.render.get(params.kind) if shot is not None else None
        if shot is None or override is None or not (override.params or override.prompt or override.avoid):
            return params
        try:
            return type(params).model_validate({**params.model_dump(), **_values(override)})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([shot.id, "render", params.kind, *map(str, first["loc"])])
            self.problem("error", where, f"the override does not fit: {first['msg']}")
            return params


def _values(override: Override) -> dict[str, object]:
    values: dict[str, object] = dict(override.params)
    if override.prompt is not None:
        values["prompt"] = override.prompt
    if override.avoid is not None:
        values["negative"] = override.avoid
    return values


def output_of(step: Step, output: str) -> Source:
    """An input that is another step's output."""
    return Source(step=step.path, output=output)


def uploaded(upload: Upload) -> Source:
    """An input that is an uploaded file."""
    return Source(upload=upload)
