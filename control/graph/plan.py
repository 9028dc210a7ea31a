"""From a storyboard to the graph of its film: every step, what it reads, and its fingerprint.

storyboard, recipe, catalog, facts
  -> lines and lengths (`voices`) -> the cut (`cut`) -> pictures (`pictures`)
  -> segments with their texts (`texts`) -> sound (`sounds`) -> captions (`captions`) -> the film
"""

from collections.abc import Mapping
from dataclasses import dataclass

from control.graph.builder import Builder, output_of
from control.graph.captions import Speech, captions, line_limit
from control.graph.compose import slate
from control.graph.cut import CutShot, Segment, segments, shot_starts
from control.graph.model import HEIGHTS, Facts, Plan, Recipe, ShotPlan, Source, Step, Uploads
from control.graph.pictures import Pictures
from control.graph.sounds import FilmSound, Span48, film_sound, mix_params
from control.graph.texts import (
    caption_blocks,
    credits_block,
    frames,
    slate_block,
    super_block,
    timecode_block,
    title_blocks,
)
from control.graph.voices import ShotVoices, shot_voices, tokens
from control.storyboard.inherit import Effective, effective
from control.storyboard.labels import labels, resolve
from control.storyboard.models import ASPECTS, Scene, Shot, Spoken, Storyboard
from functions.catalog import Catalog
from functions.contract.base import Rate, Size
from functions.contract.params import Assemble, Chapter, Conform, Cue, TextBlock


@dataclass(frozen=True)
class Planned:
    """A shot on its way through planning. `n` is its place in the film."""

    n: int
    scene: Scene
    shot: Shot
    label: str
    view: Effective
    voices: ShotVoices


def plan_film(
    board: Storyboard,
    recipe: Recipe,
    catalog: Catalog,
    *,
    facts: Facts,
    uploads: Uploads,
    takes: Mapping[str, str] | None = None,
) -> Plan:
    """The whole graph of a film, with every fingerprint that the facts allow.

    `takes` maps a chosen take's id to the fingerprint it was made under. Problems are in the plan; a plan with an error
    among them must not be rendered. Raises `UnknownTarget` for a shot in `recipe.only` that the film lacks.
    """
    rate = Rate(num=board.fps)
    b = Builder(recipe, catalog, facts, _pinned(board, takes or {}))
    shots = _shots(b, board, rate)
    film = _Film(b, board, uploads, rate, shots)
    film.build()
    return Plan(
        title=board.title,
        rate=rate,
        size=film.size,
        frames=film.total,
        shots=tuple(film.shot_plans()),
        steps=tuple(b.steps.values()),
        problems=tuple(b.problems),
        catalog=catalog.sha256,
    )


def delivery(board: Storyboard, recipe: Recipe) -> tuple[Size, Size]:
    """The size of the film's frame and of the active picture in it; 2.39:1 is letterboxed in 16:9."""
    across, down = ASPECTS[board.aspect]
    boxed = across > 2 * down
    if recipe.size is not None:
        frame = recipe.size
    else:
        short = HEIGHTS[recipe.tier]
        wide, high = (16, 9) if boxed else (across, down)
        frame = Size(width=_even(short * max(wide, high) / high), height=_even(short * max(high, wide) / wide))
    if not boxed:
        return frame, frame
    return frame, Size(width=frame.width, height=_even(frame.width * down / across))


def _even(value: float) -> int:
    return round(value / 2) * 2


def _pinned(board: Storyboard, takes: Mapping[str, str]) -> dict[str, str]:
    """Paths whose artifact a person chose."""
    return {
        f"shot/{shot.id}/{kind}": takes[take]
        for _, shot in board.shots()
        for kind, take in shot.takes.items()
        if take in takes
    }


def _shots(b: Builder, board: Storyboard, rate: Rate) -> list[Planned]:
    only = {resolve(board, name) for name in b.recipe.only}
    chosen = [(s, t) for s, t in board.shots() if not t.omit and (not only or t.id in only)]
    if not chosen:
        b.problem("error", "scenes", "the film has no shot to make")
    called = labels(board)
    found = []
    for i, (scene, shot) in enumerate(chosen):
        label = called[shot.id]
        voices = shot_voices(b, board, shot, rate, label=label, last=i + 1 == len(chosen))
        found.append(Planned(i, scene, shot, label, effective(board, shot), voices))
    return found


class _Film:
    """One planning run: the cut first, then everything that depends on it."""

    def __init__(self, b: Builder, board: Storyboard, uploads: Uploads, rate: Rate, shots: list[Planned]) -> None:
        self.b, self.board, self.uploads, self.rate, self.shots = b, board, uploads, rate, shots
        self.size, self.picture = delivery(board, b.recipe)
        cut = [self._cut_shot(p) for p in shots]
        self.starts = shot_starts(cut)
        self.segments = segments(cut, fade_out=frames(board.end.fade_out, rate))
        title, credits = board.titles.open, board.titles.credits
        own_card = title is not None and title.over is None and not b.recipe.only
        self.opening = frames(title.seconds, rate) if title is not None and own_card else 0
        self.closing = frames(credits.seconds, rate) if credits is not None and not b.recipe.only else 0
        self.total = max(self.opening + self.starts[-1] + self.closing, 1)
        self.estimated = any(p.voices.estimated for p in shots)

    def build(self) -> None:
        if not self.shots:
            return
        views = [(p.label, p.view, p.voices) for p in self.shots]
        pictures = Pictures(self.b, self.board, self.uploads, self.picture, self.rate)
        clips = pictures.plan(views)
        if self.b.recipe.target != "film":
            return
        total = self.rate.samples(self.total)
        sound = film_sound(self.b, self.board, self._spans(), self.uploads, self.rate, total)
        cues = self._cues(sound)
        parts = self._conform(clips, cues)
        manifest = self.b.engine("mix")
        if manifest is None or not parts:
            return
        params = mix_params(sound, self.board, self.b, total)
        stems = ["dx.wav", "fx.wav", "amb.wav", "mx.wav", "nat.wav"] if params.stems else []
        late = self.estimated or sound.estimated
        mix = self.b.add(
            "film/mix",
            manifest,
            params,
            ["mix.m4a", "mix.wav", *stems],
            inputs=sound.inputs,
            estimated=late,
            label="mix",
        )
        self._assemble(parts, mix, cues)

    def shot_plans(self) -> list[ShotPlan]:
        return [
            ShotPlan(
                id=p.shot.id,
                label=p.label,
                scene=p.scene.id,
                start=self.opening + self.starts[i],
                frames=self.starts[i + 1] - self.starts[i],
                summary=p.shot.action,
                stretched_by=p.voices.time.stretched_by,
            )
            for i, p in enumerate(self.shots)
        ]

    def _cut_shot(self, p: Planned) -> CutShot:
        via = p.shot.via
        trim = frames(p.shot.trim_in, self.rate)
        return CutShot(p.shot.id, p.voices.time.frames, via.kind, frames(via.seconds, self.rate), trim)

    def _spans(self) -> list[Span48]:
        return [
            Span48(
                p.scene,
                p.shot,
                self.rate.samples(self.opening + self.starts[i]),
                self.rate.samples(self.opening + self.starts[i + 1]),
                p.voices,
            )
            for i, p in enumerate(self.shots)
        ]

    def _cues(self, sound: FilmSound) -> tuple[Cue, ...]:
        speech = [line for span in self._spans() for line in self._speech(span)]
        cuts = [self.opening + s for s in self.starts]
        limit = line_limit(self.size.width, self.size.height)
        return captions(speech, sound.noises, cuts, self.total, self.rate, limit)

    def _speech(self, span: Span48) -> list[Speech]:
        placed = {p.id: p.start for p in span.voices.time.spoken}
        found = []
        for take in span.voices.takes:
            start = max(span.start + placed[take.line.id], 0)
            unseen = take.line.voice in ("os", "device")
            name = self.board.name_of(take.line.who)
            found.append(
                Speech(
                    tokens=tokens(take, start, self.rate),
                    speaker=name,
                    label=name.upper() if unseen else "",
                    italic=_italic(take.line),
                )
            )
        return found

    def _conform(self, clips: Mapping[str, tuple[Source, int | None]], cues: tuple[Cue, ...]) -> list[Step]:
        manifest = self.b.engine("conform")
        if manifest is None:
            return []
        found = [self._card("film/title", self.opening, cues, -self.opening)] if self.opening else []
        for p, segment in zip(self.shots, self.segments, strict=True):
            if segment.shot not in clips or (segment.previous is not None and segment.previous not in clips):
                continue
            clip, length = clips[segment.shot]
            self._say_held(segment, length)
            inputs = {"clip": clip}
            if segment.previous is not None:
                inputs["previous"] = clips[segment.previous][0]
            params = self._params(segment, self._texts(p, segment, cues))
            found.append(
                self.b.add(
                    f"shot/{segment.shot}/conform",
                    manifest,
                    params,
                    ["segment.mp4"],
                    inputs=inputs,
                    estimated=self._waits(p, segment),
                    shot=p.shot,
                    label=f"{p.label} cut",
                )
            )
        if self.closing:
            found.append(self._card("film/credits", self.closing, cues, self.starts[-1]))
        return found

    def _waits(self, p: Planned, segment: Segment) -> bool:
        """Whether lines that are not made yet decide this segment: its own, those burned on it, or those of a shot
        that it dissolves from or into.
        """
        beside = [p]
        if segment.previous is not None:
            beside.append(self.shots[p.n - 1])
        beside += [q for q in self.shots[p.n + 1 : p.n + 2] if q.shot.via.kind == "dissolve"]
        moved = self.b.recipe.captions == "burned" or self.b.recipe.burn_in == "full"
        return any(q.voices.estimated for q in beside) or (moved and self.estimated)

    def _params(self, segment: Segment, texts: tuple[TextBlock, ...]) -> Conform:
        return Conform(
            size=self.size,
            rate=self.rate,
            frames=segment.frames,
            start=segment.source,
            head=segment.head,
            tail=segment.tail,
            texts=texts,
            picture=None if self.picture == self.size else self.picture,
            quality=self.b.recipe.tier,
        )

    def _texts(self, p: Planned, segment: Segment, cues: tuple[Cue, ...]) -> tuple[TextBlock, ...]:
        lead = self.starts[p.n] - segment.start
        blocks: list[TextBlock] = []
        if self.b.recipe.burn_in != "off":
            blocks.append(slate_block(slate(p.label, p.view), lead, segment, self.rate))
        if self.b.recipe.burn_in == "full":
            blocks.append(timecode_block(segment, self.opening, self.rate))
        title = self.board.titles.open
        if title is not None and title.over == p.shot.id:
            at = lead + frames(title.at, self.rate)
            if at < segment.frames:
                blocks += title_blocks(title, at, segment.frames - at, self.rate)
        written = super_block(p.shot, lead, segment, self.rate)
        if written is not None:
            blocks.append(written)
        if self.b.recipe.captions == "burned":
            blocks += caption_blocks(cues, segment, self.opening)
        return tuple(blocks)

    def _card(self, path: str, length: int, cues: tuple[Cue, ...], start: int) -> Step:
        """A segment without a picture: the opening title or the credits. `start` in frames from the first shot."""
        manifest = self.b.catalog[self.b.recipe.engines.get("conform", "assemble")]
        title, credits = self.board.titles.open, self.board.titles.credits
        blocks: tuple[TextBlock, ...] = ()
        if path == "film/title" and title is not None:
            blocks = title_blocks(title, 0, length, self.rate)
        elif credits is not None:
            blocks = (credits_block(credits, self.rate),)
        if self.b.recipe.captions == "burned":
            card = Segment(
                "", start, length, 0, Conform.model_fields["head"].default, Conform.model_fields["tail"].default
            )
            blocks += caption_blocks(cues, card, self.opening)
        params = Conform(size=self.size, rate=self.rate, frames=length, texts=blocks, quality=self.b.recipe.tier)
        moved = self.b.recipe.captions == "burned" and self.estimated
        label = "title" if path == "film/title" else "credits"
        return self.b.add(path, manifest, params, ["segment.mp4"], estimated=moved, label=label)

    def _say_held(self, segment: Segment, length: int | None) -> None:
        if length is None:
            return
        held = max(-segment.source, 0) + max(segment.source + segment.frames - length, 0)
        if held > 0:
            seconds = held * self.rate.den / self.rate.num
            self.b.problem(
                "warning", f"{segment.shot}.via", f"no frames left in the take: an edge frame holds {seconds:.2f} s"
            )

    def _assemble(self, parts: list[Step], mix: Step, cues: tuple[Cue, ...]) -> None:
        manifest = self.b.engine("assemble")
        if manifest is None:
            return
        names = [f"seg{i:04d}" for i in range(len(parts))]
        inputs = {name: output_of(part, "segment.mp4") for name, part in zip(names, parts, strict=True)}
        inputs["mix.m4a"] = output_of(mix, "mix.m4a")
        params = Assemble(
            size=self.size,
            rate=self.rate,
            segments=tuple(names),
            frames=self.total,
            cues=cues,
            chapters=self._chapters(),
            title=self.board.title,
            poster=self._poster(),
            soft_captions=self.b.recipe.captions == "sidecar",
        )
        outputs = ["film.mp4", "captions.srt", "captions.vtt", "poster.png"]
        waits = mix.estimated or self.estimated
        self.b.add("film", manifest, params, outputs, inputs=inputs, estimated=waits, label="film")

    def _chapters(self) -> tuple[Chapter, ...]:
        found: dict[str, Chapter] = {}
        for i, p in enumerate(self.shots):
            if p.scene.id not in found:
                name = p.scene.heading or p.scene.id
                found[p.scene.id] = Chapter(start=self.opening + self.starts[i], title=name)
        return tuple(found.values())

    def _poster(self) -> int:
        """The middle of the opening title, else a third into the film."""
        title = self.board.titles.open
        for i, p in enumerate(self.shots):
            if title is not None and title.over == p.shot.id:
                middle = self.opening + self.starts[i] + frames(title.at + title.seconds / 2, self.rate)
                return min(middle, self.total - 1)
        return self.total // 3


def _italic(line: Spoken) -> bool:
    return line.voice in ("vo", "os", "device", "thought")
