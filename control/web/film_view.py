"""What a film's pages show, gathered from its storyboard, its plan, its last render and its takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from control.api.context import Context
from control.errors import PlanError
from control.graph.compose import slate
from control.graph.model import Plan, Problem, Recipe, ShotPlan, Step
from control.render.views import FilmInfo, RenderView, ShotView, StepView, TakeInfo
from control.storyboard.files import files
from control.storyboard.inherit import effective
from control.storyboard.labels import labels, scene_numbers
from control.storyboard.models import Scene, Shot, Storyboard
from control.storyboard.shot import Spoken
from control.web import words
from functions.contract.base import StepKind

TAKES = 200
PICTURES: tuple[StepKind, ...] = ("upscale", "face_restore", "lipsync", "interpolate", "motion", "keyframe")
"""Kinds with pictures, most finished first."""
DOWNLOADS: Mapping[str, str] = {
    "film.mp4": "Film",
    "captions.srt": "Captions SRT",
    "captions.vtt": "Captions VTT",
    "poster.png": "Poster",
    "mix.wav": "Mix",
    "dx.wav": "Dialogue stem",
    "fx.wav": "Effects stem",
    "amb.wav": "Ambience stem",
    "mx.wav": "Music stem",
    "nat.wav": "Clip sound stem",
}
"""Files a person may want, by output name."""


@dataclass(frozen=True)
class File:
    """An output of a take."""

    take: str
    output: str
    words: str = ""
    size: int = 0


@dataclass(frozen=True)
class Cut:
    """The film as it was last assembled."""

    take: str
    captions: bool
    downloads: tuple[File, ...]
    language: str = "en"


@dataclass(frozen=True)
class ScriptLine:
    """A line as the page of a script has it; a beat has no speaker."""

    who: str
    how: str
    text: str


@dataclass(frozen=True)
class ShotCard:
    """One shot."""

    id: str
    label: str
    framing: str
    action: str
    said: str
    seconds: float
    picture: File | None
    state: str
    fraction: float
    doing: str
    rendering: bool
    omitted: bool
    stretched_by: str | None
    facts: tuple[tuple[str, str], ...]
    script: tuple[ScriptLine, ...]
    sounds: tuple[str, ...]


@dataclass(frozen=True)
class SceneCard:
    """One scene and its shots."""

    id: str
    number: str
    heading: str
    seconds: float
    shots: tuple[ShotCard, ...]


@dataclass(frozen=True)
class FilmView:
    """All of a film. `plan` is None where none can be made; `problems` say why."""

    film: FilmInfo
    board: Storyboard
    plan: Plan | None
    problems: tuple[Problem, ...]
    render: RenderView | None
    takes: tuple[TakeInfo, ...]
    seen: int
    """The last event before all this was read: live events go on from there."""

    @property
    def ratio(self) -> str:
        """The film's shape as a class name."""
        return {"9:16": "9x16", "1:1": "1x1", "4:3": "4x3"}.get(self.board.aspect, "16x9")

    @property
    def recipe(self) -> Recipe:
        """The last render's, or the default."""
        return self.render.recipe if self.render is not None else Recipe()

    @property
    def length(self) -> float:
        """Seconds, as far as it can be planned."""
        if self.plan is not None:
            return self.plan.rate.seconds(self.plan.frames)
        return sum(shot.seconds or 0.0 for _, shot in self.board.shots())

    @property
    def cut(self) -> Cut | None:
        """The newest assembled film."""
        found = [t for t in self.takes if t.kind == "assemble" and "film.mp4" in t.outputs]
        if not found:
            return None
        film = found[0]
        mix = next((t for t in self.takes if t.kind == "mix"), None)
        files = [*_files(film), *(_files(mix) if mix is not None else ())]
        return Cut(film.id, "captions.vtt" in film.outputs, tuple(files))

    @property
    def newest(self) -> ShotCard | None:
        """The shot that got its picture last."""
        order = {take.shot: n for n, take in enumerate(self.takes) if take.kind == "keyframe"}
        seen = [card for card in self.shots() if card.picture is not None]
        return min(seen, key=lambda card: order.get(card.id, len(order)), default=None)

    def scenes(self) -> tuple[SceneCard, ...]:
        """Every scene with its shots, in the order of the cut."""
        numbers = scene_numbers(self.board)
        cards = {card.id: card for card in self.shots()}
        return tuple(
            _scene(scene, numbers[scene.id], [cards[s.id] for s in scene.shots]) for scene in self.board.scenes
        )

    def shots(self) -> Iterator[ShotCard]:
        """Every shot, omitted ones too."""
        named = labels(self.board)
        planned = {s.id: s for s in self.plan.shots} if self.plan is not None else {}
        shown = {s.id: s for s in self.render.shots} if self.render is not None else {}
        for _, shot in self.board.shots():
            yield self._card(shot, named[shot.id], planned.get(shot.id), shown.get(shot.id))

    def picture(self, shot_id: str, kinds: Sequence[StepKind] = ("keyframe",)) -> File | None:
        """What shows this shot: the best of its last render, else its newest take."""
        for kind in kinds:
            found = [*self._made(shot_id, kind), *self._taken(shot_id, kind)]
            if found:
                return found[0]
        return None

    def doing(self) -> tuple[str, ...]:
        """What is being made now, a line each."""
        running = [s for s in (self.render.steps if self.render else ()) if s.state == "running"]
        return tuple(_doing(step) for step in running[:4])

    def prompts(self, shot_id: str) -> tuple[tuple[str, str], ...]:
        """What the engines are told of a shot: step kind and prompt."""
        steps = [s for s in (self.plan.steps if self.plan else ()) if s.shot == shot_id]
        return tuple((words.KINDS[s.kind], text) for s in steps if (text := _prompt(s)))

    def _made(self, shot_id: str, kind: StepKind) -> Iterator[File]:
        steps = [s for s in (self.render.steps if self.render else ()) if s.shot == shot_id and s.kind == kind]
        for step in sorted(
            steps, key=lambda step: -max((f.media.score or 0 for f in step.outputs.values()), default=0)
        ):
            if step.take_id is not None:
                yield from _seen(step.take_id, step.outputs)

    def _taken(self, shot_id: str, kind: StepKind) -> Iterator[File]:
        for take in self.takes:
            if take.shot == shot_id and take.kind == kind:
                yield from _seen(take.id, take.outputs)

    def _card(self, shot: Shot, label: str, plan: ShotPlan | None, now: ShotView | None) -> ShotCard:
        view = effective(self.board, shot)
        active = self.render is not None and self.render.state in ("running", "paused")
        seconds = self.plan.rate.seconds(plan.frames) if self.plan is not None and plan is not None else shot.seconds
        spoken = [line for line in shot.lines if isinstance(line, Spoken)]
        state = now.state if now is not None else "new"
        return ShotCard(
            id=shot.id,
            label=label,
            framing=slate("", view).strip().replace("   ", " · "),
            action=shot.action,
            said="  ".join(f"{self.board.name_of(line.who).upper()}: {line.text}" for line in spoken),
            seconds=seconds or 0.0,
            picture=self.picture(shot.id),
            state=state,
            fraction=now.fraction if now is not None else 0.0,
            doing=(now.doing if now is not None else "") or words.state(state),
            rendering=now is not None and (active or state in ("failed", "blocked", "unknown", "degraded")),
            omitted=shot.omit,
            stretched_by=plan.stretched_by if plan is not None else None,
            facts=tuple(_facts(shot, view.angle, view.lens)),
            script=tuple(_script(self.board, shot)),
            sounds=tuple(sound.sound or sound.file or "" for sound in shot.sfx),
        )


async def load(context: Context, film_id: str) -> FilmView:
    """Gather it. Raises `NotFound`."""
    studio = context.studio
    seen = (await studio.events(-1)).last
    film = await studio.film(film_id)
    _, board = await studio.revision(film_id)
    newest = (await studio.renders(film_id, limit=1)).items
    render = await studio.render(newest[0].id) if newest else None
    takes = (await studio.takes(film_id, limit=TAKES)).items
    try:
        plan = await studio.plan(film_id, render.recipe if render is not None else Recipe())
    except PlanError as error:
        found = tuple(Problem(severity="error", path=p.path, message=p.message, line=p.line) for p in error.problems)
        said = found or (Problem(severity="error", path="film", message=error.detail),)
        return FilmView(film, board, None, said, render, takes, seen)
    return FilmView(film, board, plan, plan.problems, render, takes, seen)


def missing_files(board: Storyboard, known: Mapping[str, object]) -> tuple[str, ...]:
    """File names the storyboard gives that mean nothing yet."""
    return tuple(name for name in files(board) if name not in known)


def _files(take: TakeInfo) -> Iterator[File]:
    for name, text in DOWNLOADS.items():
        if name in take.outputs:
            yield File(take.id, name, text, take.outputs[name].size)


def _seen(take: str, outputs: Mapping[str, object]) -> Iterator[File]:
    for name in ("clip.mp4", "image.png"):
        if name in outputs:
            yield File(take, name)


def _scene(scene: Scene, number: str, shots: list[ShotCard]) -> SceneCard:
    length = sum(s.seconds for s in shots if not s.omitted)
    return SceneCard(scene.id, number, scene.heading, length, tuple(shots))


def _doing(step: StepView) -> str:
    name = step.label or words.KINDS[step.kind]
    progress = step.progress
    if progress is None or not progress.total:
        return name
    return f"{name}: {progress.stage or 'making'} {progress.done} of {progress.total}"


def _facts(shot: Shot, angle: str, lens: str) -> Iterator[tuple[str, str]]:
    yield "Angle", angle
    yield "Lens", lens
    if shot.via.kind != "cut":
        yield "Comes in by", f"{shot.via.kind} {words.short(shot.via.seconds)}"


def _script(board: Storyboard, shot: Shot) -> Iterator[ScriptLine]:
    marks = {"vo": " (V.O.)", "os": " (O.S.)", "device": " (on device)", "thought": " (thought)"}
    for line in shot.lines:
        if isinstance(line, Spoken):
            yield ScriptLine(board.name_of(line.who) + marks.get(line.voice, ""), line.how, line.text)
        else:
            yield ScriptLine("", "", f"({line.beat:g} s)")


def _prompt(step: Step) -> str:
    return str(getattr(step.params, "prompt", "") or "")
