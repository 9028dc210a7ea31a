"""The film's sound: which sounds must be made, and where each lies on the film's timeline.

Levels before the master: dialogue -16 LUFS a line, music alone -20 and at least 10 LU below words, ambience at least
15 LU below, effects at most -8 dBFS, clip sound -24.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from control.graph.builder import Builder, output_of, uploaded
from control.graph.captions import Noise, frame_of
from control.graph.ducking import Span, duck
from control.graph.model import Source, Uploads
from control.graph.seeds import derived
from control.graph.timing import samples
from control.graph.voices import ShotVoices
from control.storyboard.inherit import ambience
from control.storyboard.models import Cue, Mark, Scene, Sfx, Shot, Storyboard, mark
from control.storyboard.scalars import names_audio
from functions.contract.base import Rate
from functions.contract.params import Mix, Placement, Room, Score, Sound

DIALOGUE, MUSIC, AMBIENCE, EFFECT = -160, -200, -320, -80
MUSIC_UNDER_WORDS = -295
WRITTEN_MUSIC_LEVEL = -6.0
"""The cue level at which music stands at its usual loudness."""
OVERLAP_DROP = -30
VOICE_OVER_GAIN = 10
BED = 20 * 48_000
HIT = 6 * 48_000
RING = 2 * 48_000
CROSS = 19_200
EDGE = 480
FAR = ((r"\bvery (far|distant|faint)\b", -120), (r"\b(far|distant|faint)\b", -80), (r"\bclose\b", 0))
LOW = ((r"\bvery (low|quiet|soft|faint)\b", -80), (r"\b(low|quiet|soft|faint)\b", -40))
WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Span48:
    """A shot on the film's timeline, in samples."""

    scene: Scene
    shot: Shot
    start: int
    end: int
    voices: ShotVoices


@dataclass
class FilmSound:
    """Placements and the inputs they read; `noises` are the sounds that captions name."""

    placements: list[Placement] = field(default_factory=list)
    inputs: dict[str, Source] = field(default_factory=dict)
    speech: list[Span] = field(default_factory=list)
    noises: list[Noise] = field(default_factory=list)
    estimated: bool = False

    def put(self, source: Source, placement: Placement) -> None:
        """Add one sound; nothing of no length."""
        if placement.length > 0:
            self.inputs[placement.input] = source
            self.placements.append(placement)


def film_sound(
    b: Builder, board: Storyboard, spans: Sequence[Span48], uploads: Uploads, rate: Rate, total: int
) -> FilmSound:
    """All sound of the film; `total` is its length in samples."""
    sound = FilmSound()
    for span in spans:
        _dialogue(b, span, sound)
    for span in spans:
        for sfx in span.shot.sfx:
            _effect(b, span, sfx, uploads, rate, total, sound)
    for bed in _beds(board, spans, total):
        _ambience(b, bed, uploads, sound)
    for cue in board.music:
        _music(b, cue, spans, uploads, total, sound)
    return sound


def mix_params(sound: FilmSound, board: Storyboard, b: Builder, total: int) -> Mix:
    """The parameters of the film's mix."""
    fade = samples(board.end.fade_out)
    return Mix(
        samples=total,
        placements=tuple(sorted(sound.placements, key=lambda p: (p.at, p.stem, p.input))),
        room=(Room(at=0, length=total, seed=derived("room", board.title)),),
        speech=tuple(sorted(sound.speech)),
        preset=b.recipe.preset,
        tail_fade=max(fade, 960),
        stems=b.recipe.stems,
    )


def understood(prompt: str, vocabulary: Sequence[str]) -> bool:
    """Whether a sound engine that knows only these words can make something of the prompt."""
    known = {w for entry in vocabulary for w in WORD.findall(entry.lower())}
    found = WORD.findall(prompt.lower())
    return not vocabulary or any(w in known or w.rstrip("s") in known for w in found)


def _dialogue(b: Builder, span: Span48, sound: FilmSound) -> None:
    where = {p.id: p for p in span.voices.time.spoken}
    for take in span.voices.takes:
        placed = where[take.line.id]
        start = max(span.start + placed.start, 0)
        voice = take.line.voice
        interior = span.scene.heading.upper().startswith(("INT", "I/E"))
        later = [p for p in where.values() if placed.start < p.start < placed.end]
        gain = (VOICE_OVER_GAIN if voice in ("vo", "thought") else 0) + (OVERLAP_DROP if later else 0)
        space = {"os": "offscreen", "device": "device", "vo": "dry", "thought": "dry"}.get(voice)
        sound.put(
            output_of(b.steps[take.path], "line.wav"),
            Placement.model_validate(
                {
                    "input": f"dx-{take.line.id}",
                    "stem": "dx",
                    "at": start,
                    "length": take.length,
                    "level": DIALOGUE,
                    "gain": gain,
                    "fade_in": EDGE,
                    "fade_out": EDGE,
                    "space": space or ("interior" if interior else "dry"),
                }
            ),
        )
        sound.speech.append((start, start + take.length))
        sound.estimated |= not take.known


def _effect(b: Builder, span: Span48, sfx: Sfx, uploads: Uploads, rate: Rate, total: int, sound: FilmSound) -> None:
    start = span.start + samples(sfx.at)
    if sfx.sound and sfx.caption:
        sound.noises.append(Noise(sfx.sound, frame_of(start, rate)))
    until = span.end if sfx.loop else min(span.end + RING, total)
    found = _source(
        b, f"shot/{span.shot.id}/sfx/{sfx.id}", sfx.file, sfx.sound, sfx.loop, uploads, span.shot.id, span.shot
    )
    if found is None:
        return
    source, length, known = found
    used = until - start if sfx.loop else min(length, until - start)
    sound.estimated |= not known
    sound.put(
        source,
        Placement(
            input=f"fx-{sfx.id}",
            stem="fx",
            at=start,
            length=max(used, 0),
            loop=sfx.loop,
            level=EFFECT if not sfx.loop else AMBIENCE + 60,
            gain=round(sfx.level * 10) + (_by_words(sfx.sound, FAR) if not sfx.loop else 0),
            fade_in=EDGE if sfx.loop else 0,
            fade_out=min(used // 3, RING // 2) if start + length > until or sfx.loop else EDGE,
        ),
    )


def _source(
    b: Builder,
    path: str,
    file: str | None,
    prompt: str,
    bed: bool,
    uploads: Uploads,
    where: str,
    shot: Shot | None = None,
) -> tuple[Source, int, bool] | None:
    """A sound's source, its length in samples and whether that is measured; None where nothing can make it."""
    if file is not None:
        upload = uploads.get(file)
        if upload is None:
            b.problem("error", where, f"the file {file!r} is missing")
            return None
        return uploaded(upload), upload.media.samples or 3600 * 48_000, True
    manifest = b.engine("sound", shot)
    if manifest is None:
        return None
    if not understood(prompt, manifest.capabilities.vocabulary):
        b.problem("warning", where, f"{manifest.title} cannot make {prompt!r}; give a file, or it stays a caption only")
        return None
    length = BED if bed else HIT
    params = Sound(prompt=prompt, role="bed" if bed else "hit", samples=length, seed=derived("sound", prompt))
    step = b.add(path, manifest, params, ["sound.wav"], shot=shot, label=prompt[:48])
    made = b.made(step, "sound.wav")
    measured = made.media.samples if made is not None else None
    return output_of(step, "sound.wav"), measured or length, measured is not None


@dataclass(frozen=True)
class Bed:
    """An ambience from `start` to `end` in film samples, with the cross-fades at its ends."""

    scene: Scene
    text: str
    start: int
    end: int
    fade_in: int
    fade_out: int


def _beds(board: Storyboard, spans: Sequence[Span48], total: int) -> list[Bed]:
    """One bed for each run of scenes that sound alike; they overlap by their cross-fade."""
    runs: list[list[Span48]] = []
    for span in spans:
        if runs and _alike(board, runs[-1][-1].scene, span.scene):
            runs[-1].append(span)
        else:
            runs.append([span])
    beds = []
    for i, run in enumerate(runs):
        text = ambience(board, run[0].scene)
        last = i + 1 == len(runs)
        first_cross, last_cross = _cross(run[0].shot), CROSS if last else _cross(runs[i + 1][0].shot)
        start = run[0].start - samples(run[0].shot.j_cut) - (first_cross // 2 if i else 0)
        end = run[-1].end + samples(run[-1].shot.l_cut) + (0 if last else last_cross // 2)
        fade_out = max(samples(board.end.fade_out), CROSS) if last else last_cross
        if text:
            first = samples(run[0].shot.via.seconds) if i == 0 and run[0].shot.via.kind == "fade-in" else first_cross
            beds.append(
                Bed(run[0].scene, text, max(start, 0), min(end, total), first if i else max(first, 960), fade_out)
            )
    return beds


def _alike(board: Storyboard, a: Scene, b: Scene) -> bool:
    return a.id == b.id or (ambience(board, a), a.place) == (ambience(board, b), b.place)


def _cross(shot: Shot) -> int:
    return max(CROSS, samples(shot.via.seconds))


def _ambience(b: Builder, bed: Bed, uploads: Uploads, sound: FilmSound) -> None:
    file = bed.text if names_audio(bed.text) else None
    found = _source(b, f"scene/{bed.scene.id}/ambience", file, bed.text, True, uploads, f"{bed.scene.id}.ambience")
    if found is None:
        return
    source, _, known = found
    sound.estimated |= not known
    sound.put(
        source,
        Placement(
            input=f"amb-{bed.scene.id}",
            stem="amb",
            at=bed.start,
            length=bed.end - bed.start,
            loop=True,
            level=AMBIENCE,
            gain=_by_words(bed.text, LOW),
            fade_in=bed.fade_in,
            fade_out=bed.fade_out,
        ),
    )


def _music(b: Builder, cue: Cue, spans: Sequence[Span48], uploads: Uploads, total: int, sound: FilmSound) -> None:
    shots = {span.shot.id: span.start for span in spans}
    start, end = _moment(mark(cue.start), shots, total), _moment(mark(cue.to), shots, total)
    if start is None or end is None or end <= start:
        if not b.recipe.only:
            b.problem("warning", f"music.{cue.id}", "the cue lies outside the film; it is left out")
        return
    late = any(span.voices.estimated for span in spans if span.start >= shots.get(mark(cue.start).shot, total))
    source = _music_source(b, cue, end - start, uploads, estimated=late)
    if source is None:
        return
    gain = round((cue.level - WRITTEN_MUSIC_LEVEL) * 10)
    depth = max(0, MUSIC + gain - MUSIC_UNDER_WORDS) if cue.duck else 0
    sound.put(
        source,
        Placement(
            input=f"mx-{cue.id}",
            stem="mx",
            at=start,
            length=end - start,
            level=MUSIC,
            gain=gain,
            fade_in=samples(cue.fade_in),
            fade_out=samples(cue.fade_out),
            envelope=duck(sound.speech, depth, start, end - start),
        ),
    )


def _music_source(b: Builder, cue: Cue, length: int, uploads: Uploads, *, estimated: bool) -> Source | None:
    """The cue's file, or a step that makes it; `estimated` where lines that are not made yet decide its length."""
    if cue.file is not None:
        upload = uploads.get(cue.file)
        if upload is None:
            b.problem("error", f"music.{cue.id}.file", f"the file {cue.file!r} is missing")
            return None
        return uploaded(upload)
    manifest = b.engine("score")
    if manifest is None:
        return None
    params = Score(prompt=cue.prompt, samples=length, seed=derived("score", cue.id))
    step = b.add(f"music/{cue.id}", manifest, params, ["music.wav"], estimated=estimated, label=cue.prompt[:48])
    return output_of(step, "music.wav")


def _moment(at: Mark, shots: Mapping[str, int], total: int) -> int | None:
    if at.shot == "end":
        return total
    start = shots.get(at.shot)
    return None if start is None else min(start + samples(at.offset), total)


def _by_words(text: str, table: Sequence[tuple[str, int]]) -> int:
    return next((level for pattern, level in table if re.search(pattern, text.lower())), 0)
