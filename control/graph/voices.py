"""The spoken lines of a shot: their steps, when they are heard, and how long the shot must be for them."""

import re
from dataclasses import dataclass, replace

from control.graph.builder import Builder, output_of
from control.graph.captions import Token, frame_of
from control.graph.seeds import derived
from control.graph.timing import ShotTime, Utterance, fitting_pace, samples, shot_time
from control.storyboard.models import Beat, CastMember, Shot, Spoken, Storyboard
from control.storyboard.speech import action_seconds, gap_before, line_seconds
from functions.contract.base import Rate
from functions.contract.media import Word
from functions.contract.params import Dialogue, SpeechEnhance, Voice

HIT_HEARD = 0.25
"""Seconds of an effect, its attack, that must lie within its own shot; the rest may ring over the cut."""
OUTPUT = "line.wav"
CLEANED = 900
"""Share of a recorded noise that is taken away, in thousandths."""


@dataclass(frozen=True)
class SpokenTake:
    """A line with the step that makes it. `length` in samples, measured if `known`."""

    line: Spoken
    path: str
    length: int
    words: tuple[Word, ...]
    known: bool


@dataclass(frozen=True)
class ShotVoices:
    """All a shot's lines and its length. `estimated` where a line is not made yet."""

    takes: tuple[SpokenTake, ...]
    time: ShotTime
    estimated: bool


def shot_voices(b: Builder, board: Storyboard, shot: Shot, rate: Rate, *, label: str, last: bool) -> ShotVoices:
    """Plan the lines of one shot; hurry them by up to 8 % where that keeps the shot's planned length."""
    takes = [_take(b, board, shot, line, 1000, label) for line in shot.spoken]
    times = {"lead": samples(shot.j_cut), "trail": samples(shot.l_cut), "last": last}
    planned, other = planned_samples(shot), _effects_end(shot)
    pace = fitting_pace(_utterances(shot, takes), rate, planned=planned, **times)  # type: ignore[arg-type]
    if pace != 1000 and pace and all(t.known for t in takes):
        takes = [_take(b, board, shot, line, pace, label) for line in shot.spoken]
    time = shot_time(_utterances(shot, takes), rate, planned=planned, other_end=other, **times)  # type: ignore[arg-type]
    if shot.exact and time.stretched_by is not None:
        over = (time.frames - time.planned) * rate.den / rate.num
        b.problem(
            "error", f"{shot.id}.exact", f"its lines need {over:.2f} s more than the {shot.seconds} s it may have"
        )
    return ShotVoices(tuple(_cleaned(b, shot, t, label) for t in takes), time, any(not t.known for t in takes))


def planned_samples(shot: Shot) -> int:
    """The shot's planned length: as written, or estimated from its action; lines stretch it later."""
    return samples(shot.seconds if shot.seconds is not None else action_seconds(shot.action))


def tokens(take: SpokenTake, start: int, rate: Rate) -> tuple[Token, ...]:
    """The written words of a line with the film frames in which they are heard; `start` in film samples."""
    words = take.line.text.split()
    spans = [(w.start, w.end) for w in take.words]
    if len(spans) != len(words):
        spans = _spread(words, spans[0][0] if spans else 0, spans[-1][1] if spans else take.length)
    found = []
    for text, (first, end) in zip(words, spans, strict=True):
        begin = frame_of(max(start + first, 0), rate)
        found.append(Token(text, begin, max(frame_of(start + end, rate) + 1, begin + 1)))
    return tuple(found)


def _spread(words: list[str], first: int, end: int) -> list[tuple[int, int]]:
    """Word spans in proportion to their letters, where the voice gave none that match."""
    total = sum(len(w) + 1 for w in words)
    spans, done = [], 0
    for word in words:
        start = first + (end - first) * done // total
        done += len(word) + 1
        spans.append((start, first + (end - first) * done // total))
    return spans


def _utterances(shot: Shot, takes: list[SpokenTake]) -> list[Utterance]:
    lengths = {t.line.id: t.length for t in takes}
    before: list[Spoken | Beat | None] = [None, *shot.lines]
    return [_utterance(line, earlier, lengths) for earlier, line in zip(before, shot.lines, strict=False)]


def _utterance(line: Spoken | Beat, before: Spoken | Beat | None, lengths: dict[str, int]) -> Utterance:
    if isinstance(line, Beat):
        return Utterance(line.id, samples(line.beat), spoken=False)
    return Utterance(
        id=line.id,
        length=lengths[line.id],
        gap=samples(gap_before(before, line)),
        at=samples(line.at) if line.at is not None else None,
        overlap=samples(line.overlap),
    )


def _effects_end(shot: Shot) -> int:
    return max((samples(s.at + HIT_HEARD) for s in shot.sfx if not s.loop), default=0)


def _take(b: Builder, board: Storyboard, shot: Shot, line: Spoken, pace: int, label: str) -> SpokenTake:
    member = board.cast.get(line.who, CastMember())
    rate = round(line.pace * pace)
    path = f"shot/{shot.id}/line/{line.id}" + ("" if pace == 1000 else "/fit")
    manifest = b.engine("dialogue", shot)
    estimate = samples(line_seconds(line.text, line.how, line.pace * member.voice.pace) * 1000 / pace)
    if manifest is None:
        return SpokenTake(line, path, estimate, (), False)
    params = Dialogue(
        text=spoken_text(line.text, board.pronounce),
        how=line.how,
        voice=Voice(
            preset=member.voice.preset,
            pace=round(member.voice.pace * 1000),
            pitch=round(member.voice.pitch * 100),
            manner=member.voice.manner if manifest.capabilities.native_audio else "",
        ),
        pace=rate,
        seed=derived("voice", line.who),
    )
    name = board.name_of(line.who)
    step = b.add(path, manifest, params, [OUTPUT], shot=shot, label=f"{label} {name}: {line.text[:40]}")
    made = b.made(step, OUTPUT)
    if made is None or made.media.samples is None:
        return SpokenTake(line, path, estimate, (), False)
    return SpokenTake(line, path, made.media.samples, made.media.words, True)


def _cleaned(b: Builder, shot: Shot, take: SpokenTake, label: str) -> SpokenTake:
    """The take as the recipe's speech engine cleans it, of the same length with its words where they were; as it is
    where the recipe names none.
    """
    manifest = b.engine("speech_enhance", shot) if "speech_enhance" in b.recipe.engines else None
    if manifest is None or take.path not in b.steps:
        return take
    steps = manifest.tiers[b.tier("speech_enhance", manifest, shot)].steps or SpeechEnhance().steps
    params = SpeechEnhance(strength=CLEANED, steps=steps, seed=derived("clean", take.line.who))
    path, inputs = f"{take.path}/clean", {OUTPUT: output_of(b.steps[take.path], OUTPUT)}
    b.add(path, manifest, params, [OUTPUT], inputs=inputs, shot=shot, label=f"{label} {take.line.who} cleaned")
    return replace(take, path=path)


def spoken_text(text: str, pronounce: dict[str, str]) -> str:
    """The text with words replaced by how they are to be said; whole words, any case."""
    for word, spelling in pronounce.items():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", spelling.replace("\\", r"\\"), text, flags=re.IGNORECASE)
    return text
