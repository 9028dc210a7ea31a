"""The pictures of a film: trained identities, keyframes, clips, and the finish chain of each shot."""

from collections.abc import Mapping, Sequence

from control.graph.builder import FINISH, Builder, output_of, uploaded
from control.graph.compose import camera, composition
from control.graph.model import Source, Step, Uploads
from control.graph.prompt import motion_prompt, negative, still_prompt
from control.graph.seeds import derived
from control.graph.sizes import before_upscale
from control.graph.voices import ShotVoices
from control.storyboard.inherit import Effective
from control.storyboard.models import Shot, Storyboard
from functions.contract.base import HANDLE_SECONDS, Rate, Size, StepKind
from functions.contract.manifest import EngineManifest
from functions.contract.params import (
    Adapter,
    FaceRestore,
    Interpolate,
    Keyframe,
    LipLine,
    Lipsync,
    Motion,
    Params,
    SpokenLine,
    TrainLora,
    Upscale,
)

View = tuple[str, Effective, ShotVoices]
"""A shot's label, the shot with nothing left open, and its lines."""
LORA_REFERENCES = 4
STEPS = 1200
"""Of a training whose engine names no number for the tier."""
PORTRAIT = "portrait_"
"""What the name of an input that shows a person's portrait begins with."""


class Pictures:
    """Plans all picture steps of one film at one size."""

    def __init__(self, b: Builder, board: Storyboard, uploads: Uploads, size: Size, rate: Rate) -> None:
        self.b, self.board, self.uploads, self.size, self.rate = b, board, uploads, size, rate
        self.loras: dict[str, Step] = {}
        self.stills: dict[str, tuple[Source, Step | None]] = {}
        self.motions: dict[str, Step] = {}

    def plan(self, views: Sequence[View]) -> Mapping[str, tuple[Source, int | None]]:
        """The finished clip of each shot and its length in delivery frames (None where not known)."""
        self._train(views)
        for i, (label, view, _) in enumerate(views):
            if not (view.shot.from_previous and i):
                self._still(label, view)
        if self.b.recipe.target == "keyframes":
            return {}
        clips: dict[str, tuple[Source, int | None]] = {}
        for i, (label, view, voices) in enumerate(views):
            following = views[i + 1][1].shot if i + 1 < len(views) else None
            step = self._clip(label, view, voices, views[i - 1][1].shot if i else None, following)
            if step is not None:
                self.motions[view.shot.id] = step
                clips[view.shot.id] = self._finish(label, view, voices, step)
        return clips

    def _train(self, views: Sequence[View]) -> None:
        manifest = self.b.engine("train_lora") if "train_lora" in self.b.recipe.engines else None
        if manifest is None:
            return
        seen = {name for _, view, _ in views for name in view.who}
        for cast_id in (c for c in self.board.cast if c in seen):
            refs = self._files(self.board.cast[cast_id].refs, f"cast.{cast_id}.refs")
            if len(refs) < LORA_REFERENCES:
                self.b.problem(
                    "warning", f"cast.{cast_id}.refs", f"{len(refs)} references are too few to train; 4 are least"
                )
                continue
            inputs = {f"ref{i:02d}": source for i, source in enumerate(refs)}
            tier = self.b.tier("train_lora", manifest)
            params = TrainLora(
                trigger=f"vj{cast_id.replace('-', '')}",
                steps=manifest.tiers[tier].steps or STEPS,
                seed=derived("lora", cast_id),
                tier=tier,
            )
            self.loras[cast_id] = self.b.add(
                f"cast/{cast_id}/train_lora",
                manifest,
                params,
                ["lora.safetensors", "samples.png"],
                inputs=inputs,
                label=cast_id,
            )

    def _still(self, label: str, view: Effective) -> None:
        shot = view.shot
        if shot.keyframe is not None:
            found = self._files((shot.keyframe,), f"{shot.id}.keyframe")
            if found:
                self.stills[shot.id] = (found[0], None)
            return
        manifest = self.b.engine("keyframe", shot)
        if manifest is None:
            return
        inputs, adapters = self._references(view, manifest)
        params = Keyframe(
            prompt=still_prompt(self.board, view, manifest.prompting),
            negative=negative(self.board, manifest.prompting),
            size=self.size,
            seed=self._seed(shot),
            tier=self.b.tier("keyframe", manifest, shot),
            composition=composition(self.board, view),
            adapters=adapters,
            control="depth" if "previous" in inputs else "none",
        )
        outputs = ["image.png", *(["layers.bin"] if manifest.capabilities.layers else [])]
        made = [
            self.b.add(
                f"shot/{shot.id}/keyframe" + (f"~{n + 1}" if n else ""),
                manifest,
                params.model_copy(update={"seed": derived("candidate", str(params.seed), str(n))}) if n else params,
                outputs,
                inputs=inputs,
                shot=shot,
                label=f"{label} keyframe" + (f" {n + 1}" if n else ""),
            )
            for n in range(self._candidates(shot))
        ]
        step = self._best(made)
        self.stills[shot.id] = (output_of(step, "image.png"), step)

    def _candidates(self, shot: Shot) -> int:
        """Keyframes to make of a shot: one where a person chose it, or its seed."""
        override = shot.render.get("keyframe")
        fixed = f"shot/{shot.id}/keyframe" in self.b.pinned or (override is not None and "seed" in override.params)
        return 1 if fixed else self.b.recipe.candidates

    def _best(self, made: Sequence[Step]) -> Step:
        """The candidate of the best score, the first of equal ones; the first while not all are made."""
        if len(made) == 1:
            return made[0]
        facts = [self.b.made(step, "image.png") for step in made]
        if None in facts:
            self.b.undecided.add(made[0].path)
            return made[0]
        return max(zip(made, facts, strict=True), key=lambda each: (each[1].media.score or 0.0) if each[1] else 0.0)[0]

    def _references(self, view: Effective, manifest: EngineManifest) -> tuple[dict[str, Source], tuple[Adapter, ...]]:
        """Reference pictures and adapters, as far as the engine takes them."""
        if manifest.capabilities.portraits:
            return self._portraits(view), ()
        most = manifest.capabilities.references
        inputs: dict[str, Source] = {}
        for cast_id in view.who:
            member = self.board.cast.get(cast_id)
            names = ((member.portrait,) if member and member.portrait else ()) + (member.refs if member else ())
            for i, source in enumerate(self._files(names[:most], f"cast.{cast_id}.refs")):
                inputs[f"ref_{cast_id}_{i:02d}"] = source
        for i, source in enumerate(self._files(view.shot.refs[:most], f"{view.shot.id}.refs")):
            inputs[f"shot_ref_{i:02d}"] = source
        if most and view.shot.same_as in self.stills:
            inputs["previous"] = self.stills[view.shot.same_as or ""][0]
        trained = [c for c in view.who if c in self.loras] if manifest.capabilities.adapters else []
        for cast_id in trained:
            inputs[f"lora_{cast_id}"] = output_of(self.loras[cast_id], "lora.safetensors")
        adapters = [Adapter(input=f"lora_{c}", figure=c, trigger=f"vj{c.replace('-', '')}") for c in trained]
        return inputs, tuple(adapters)

    def _portraits(self, view: Effective) -> dict[str, Source]:
        """Portraits of those whose faces are seen."""
        hidden = {view.shot.over, view.shot.pov}
        seen = (c for c, where in view.who.items() if c in self.board.cast and where.facing != "away")
        files = {c: self.board.cast[c].portrait for c in seen if c not in hidden}
        found = {c: self._files((file,), f"cast.{c}.portrait") for c, file in files.items() if file}
        return {f"{PORTRAIT}{c}": sources[0] for c, sources in found.items() if sources}

    def _seed(self, shot: Shot) -> int:
        """The shot's own seed, that of the set-up it repeats, or one that follows from its id."""
        if shot.seed is not None:
            return shot.seed
        if shot.same_as is not None:
            return self._seed(self.board.shot(shot.same_as))
        return derived("shot", shot.id)

    def _clip(
        self, label: str, view: Effective, voices: ShotVoices, before: Shot | None, following: Shot | None
    ) -> Step | None:
        shot = view.shot
        manifest = self.b.engine("motion", shot)
        inputs = self._frames_in(shot, manifest, before, following) if manifest else None
        if manifest is None or inputs is None:
            return None
        rate = manifest.rates[0] if manifest.rates else self.rate
        length = self._length(shot, voices.time.frames, rate, manifest)
        if length is None:
            return None
        native = manifest.capabilities.native_audio
        params = Motion(
            prompt=motion_prompt(self.board, view, manifest.prompting, sounds=native),
            negative=negative(self.board, manifest.prompting),
            size=self._enlarged(shot, manifest) or self.size,
            frames=length,
            rate=rate,
            seed=self._seed(shot),
            tier=self.b.tier("motion", manifest, shot),
            camera=camera(shot),
            composition=composition(self.board, view),
            lines=self._spoken(voices, rate) if native else (),
            sounds=tuple(s.sound for s in shot.sfx if s.sound) if native else (),
        )
        chained = following is not None and following.from_previous
        return self.b.add(
            f"shot/{shot.id}/motion",
            manifest,
            params,
            ["clip.mp4", *(["last.png"] if chained else [])],
            inputs=inputs,
            estimated=voices.estimated,
            shot=shot,
            label=f"{label} motion",
        )

    def _enlarged(self, shot: Shot, manifest: EngineManifest) -> Size | None:
        """The size of a clip that an upscaler of the recipe makes as large as the film; None where none does."""
        asked = self.b.engine("upscale", shot) if "upscale" in self.b.recipe.engines else None
        found = before_upscale(self.size, manifest) if asked else None
        if asked and found is None:
            self.b.problem(
                "warning",
                "recipe.engines.upscale",
                f"{manifest.title} makes the film's size itself; nothing is enlarged",
            )
        return found

    def _length(self, shot: Shot, frames: int, rate: Rate, manifest: EngineManifest) -> int | None:
        """Frames to ask for at the engine's rate: the shot and its handle, rounded up to the engine's grid."""
        wanted = -(-frames * rate.num * self.rate.den // (rate.den * self.rate.num))
        wanted += round(HANDLE_SECONDS * rate.num / rate.den)
        try:
            return manifest.durations.round_up(wanted)
        except ValueError:
            longest = manifest.durations.longest * rate.den / rate.num - HANDLE_SECONDS
            self.b.problem(
                "error",
                f"{shot.id}.seconds",
                f"{manifest.title} makes at most {longest:.1f} s; split the shot or choose another engine",
            )
            return None

    def _frames_in(
        self, shot: Shot, manifest: EngineManifest, before: Shot | None, following: Shot | None
    ) -> dict[str, Source] | None:
        if shot.from_previous and before is not None:
            if before.id not in self.motions:
                return None
            inputs = {"image": output_of(self.motions[before.id], "last.png")}
        elif shot.id in self.stills:
            image, step = self.stills[shot.id]
            inputs = {"image": image}
            if step is not None and step.engine == manifest.name and "layers.bin" in step.outputs:
                inputs["layers"] = output_of(step, "layers.bin")
                inputs |= {name: source for name, source in step.inputs.items() if name.startswith(PORTRAIT)}
        else:
            return None
        end = self._end_frame(shot, following)
        if end is not None and manifest.capabilities.first_last_frame:
            inputs["end_image"] = end
        elif end is not None:
            self.b.problem("warning", f"{shot.id}.end_frame", f"{manifest.title} takes no end frame; it is left out")
        return inputs

    def _end_frame(self, shot: Shot, following: Shot | None) -> Source | None:
        if shot.end_frame is None:
            return None
        if shot.end_frame == "next":
            return self.stills[following.id][0] if following is not None and following.id in self.stills else None
        found = self._files((shot.end_frame,), f"{shot.id}.end_frame")
        return found[0] if found else None

    def _spoken(self, voices: ShotVoices, rate: Rate) -> tuple[SpokenLine, ...]:
        placed = {p.id: p for p in voices.time.spoken}
        return tuple(
            SpokenLine(
                who=t.line.who,
                text=t.line.text,
                how=t.line.how,
                start=placed[t.line.id].start * rate.num // (48_000 * rate.den),
                end=placed[t.line.id].end * rate.num // (48_000 * rate.den),
            )
            for t in voices.takes
            if t.line.voice == "on"
        )

    def _finish(self, label: str, view: Effective, voices: ShotVoices, clip: Step) -> tuple[Source, int | None]:
        """The clip after the finish engines that the recipe names, and its length in delivery frames."""
        step, length = clip, self._delivered(clip)
        for kind in FINISH:
            manifest = self.b.engine(kind, view.shot) if kind in self.b.recipe.engines else None
            made = self._finish_params(kind, view, voices, clip, manifest) if manifest else None
            if manifest is None or made is None:
                continue
            params, inputs = made
            step = self.b.add(
                f"shot/{view.shot.id}/{kind}",
                manifest,
                params,
                ["clip.mp4"],
                inputs={"clip.mp4": output_of(step, "clip.mp4"), **inputs},
                estimated=voices.estimated,
                shot=view.shot,
                label=f"{label} {kind.replace('_', ' ')}",
            )
        return output_of(step, "clip.mp4"), length

    def _delivered(self, clip: Step) -> int:
        made = self._moved(clip)
        return made.frames * made.rate.den * self.rate.num // (made.rate.num * self.rate.den)

    def _moved(self, clip: Step) -> Motion:
        if not isinstance(clip.params, Motion):
            raise TypeError(f"{clip.path} is no clip")
        return clip.params

    def _finish_params(
        self, kind: StepKind, view: Effective, voices: ShotVoices, clip: Step, manifest: EngineManifest
    ) -> tuple[Params, dict[str, Source]] | None:
        """What a finish step does with a shot's clip, and its further inputs; None where it has nothing to do."""
        tier = self.b.tier(kind, manifest, view.shot)
        made = self._moved(clip)
        if kind == "interpolate":
            same = made.rate.num * self.rate.den == self.rate.num * made.rate.den
            return None if same else (Interpolate(rate=self.rate, frames=self._delivered(clip), tier=tier), {})
        if kind == "face_restore":
            return FaceRestore(), {}
        if kind == "upscale":
            return None if made.size == self.size else (Upscale(size=self.size, tier=tier), {})
        return self._lipsync(view, voices, manifest)

    def _lipsync(
        self, view: Effective, voices: ShotVoices, manifest: EngineManifest
    ) -> tuple[Params, dict[str, Source]] | None:
        """Mouths for the lines of people who are seen; None where nobody is."""
        placed = {p.id: max(p.start, 0) for p in voices.time.spoken}
        seen = [t for t in voices.takes if t.line.voice == "on" and t.line.who in view.who]
        if not seen:
            return None
        lines = tuple(
            LipLine(
                input=f"line-{t.line.id}",
                figure=t.line.who,
                at_position=view.who[t.line.who].at,
                start=placed[t.line.id],
            )
            for t in seen
        )
        params = Lipsync(
            lines=lines, seed=derived("lips", view.shot.id), tier=self.b.tier("lipsync", manifest, view.shot)
        )
        return params, {f"line-{t.line.id}": output_of(self.b.steps[t.path], "line.wav") for t in seen}

    def _files(self, names: Sequence[str], where: str) -> list[Source]:
        found = []
        for name in names:
            upload = self.uploads.get(name)
            if upload is None:
                self.b.problem("error", where, f"the file {name!r} is missing")
            else:
                found.append(uploaded(upload))
        return found
