"""A music cue from words: what is played, by which instruments, on one root so that cues of a film agree."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np
from pydantic import BaseModel, ConfigDict

from functions.media.loudness import Loudness
from functions.sound.dsp import RATE, Array
from functions.sound.instruments import Instrument, Note
from functions.sound.players import played
from functions.sound.prompt import stems

LUFS = -20.0
PEAK = -1.5
"""dBFS of the highest sample."""
EDGE_S = 0.03
FAINTEST = -90.0
"""LUFS below which a cue is a few samples of fade and is left as it is."""
NOTES = {"c": -2, "d": 0, "e": 2, "f": 3, "g": 5, "a": -5, "b": -3}
SIGNS = {"sharp": 1, "#": 1, "♯": 1, "flat": -1, "♭": -1, "b": -1}
_TONE = r"([A-G])( ?(?:sharp|flat|#|♯|♭)|b\b)?"
KEY = re.compile(rf"\b(?:in|note|of|on|low|high|a|an) {_TONE}(?=[,.;]|$)|\b{_TONE}(?= (?:minor|major)\b)")


class Mood(BaseModel):
    """A colour of harmony; see `music.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: tuple[str, ...]
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    tempo: int
    semitones: int = 0
    pulse: bool = False
    lead: str = "pad"


class Words(BaseModel):
    """`music.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passing: tuple[str, ...]
    instruments: Mapping[str, Instrument]
    moods: Mapping[str, Mood]
    intervals: Mapping[str, int]
    forms: Mapping[str, tuple[str, ...]]
    registers: Mapping[str, int]
    tempos: Mapping[str, float]


@dataclass
class Cue:
    """What a prompt asks for. `root` in semitones from D; `joins`: the second voice comes in later."""

    instruments: list[str]
    mood: str
    forms: set[str]
    root: int
    octave: int
    tempo: float
    interval: int | None
    joins: bool
    unknown: tuple[str, ...]


WORDS = Words.model_validate(
    tomllib.loads(resources.files("functions.sound").joinpath("music.toml").read_text("utf-8"))
)


def _tags() -> dict[tuple[str, ...], list[tuple[str, str]]]:
    """Each known phrase and what it says, by table and key."""
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    rows = [("instrument", key, row.words) for key, row in WORDS.instruments.items()]
    rows += [("mood", key, row.words) for key, row in WORDS.moods.items()]
    rows += [("form", key, words) for key, words in WORDS.forms.items()]
    for table in ("interval", "register", "tempo"):
        rows += [(table, key, (key,)) for key in getattr(WORDS, f"{table}s")]
    for table, key, phrases in rows:
        for phrase in phrases:
            found.setdefault(stems(phrase), []).append((table, key))
    return found


TAGS = _tags()
LONGEST = max(map(len, TAGS))
NEGATIONS = frozenset(("no", "without", "not"))
JOINING = frozenset(("joins", "join", "enters", "enter", "added", "answers"))


def read(prompt: str) -> Cue:
    """Read a prompt. "no melody" takes the melody out; a fifth is a second voice a fifth above."""
    words = re.findall(r"[a-z]+", KEY.sub(" ", prompt).lower())
    said: dict[str, list[str]] = {
        table: [] for table in ("instrument", "mood", "form", "interval", "register", "tempo")
    }
    unknown: list[str] = []
    index, denied = 0, False
    while index < len(words):
        rest = stems(" ".join(words[index : index + LONGEST]))
        size = next((k for k in range(len(rest), 0, -1) if rest[:k] in TAGS), 0)
        for table, key in TAGS[rest[:size]] if size and not denied else ():
            said[table].append(key)
        if not size and words[index] not in WORDS.passing and words[index] not in NEGATIONS | JOINING:
            unknown.append(words[index])
        denied = words[index] in NEGATIONS
        index += max(size, 1)
    return Cue(
        instruments=list(dict.fromkeys(said["instrument"])),
        mood=next(iter(said["mood"]), ""),
        forms=set(said["form"]),
        root=_root(prompt),
        octave=sum({key: WORDS.registers[key] for key in said["register"]}.values()),
        tempo=float(np.prod([WORDS.tempos[key] for key in said["tempo"]])),
        interval=next((WORDS.intervals[key] for key in said["interval"]), None),
        joins=bool(JOINING & set(words)),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def _root(prompt: str) -> int:
    match = KEY.search(prompt)
    if not match:
        return 0
    letter, sign = match[1] or match[3], match[2] or match[4] or ""
    return NOTES[letter.lower()] + SIGNS.get(sign.strip(), 0)


def understood(cue: Cue) -> bool:
    """Whether anything in the prompt said what to play."""
    return bool(cue.instruments or cue.mood or cue.forms or cue.interval is not None)


def form(cue: Cue) -> str:
    """The one shape the cue takes."""
    for name in ("riser", "pulse", "melody", "chords"):
        if name in cue.forms:
            return name
    if "sparse" in cue.forms or (cue.instruments and _instrument(cue).make == "struck" and not cue.mood):
        return "sparse"
    if "held" in cue.forms or cue.interval is not None:
        return "held"
    if cue.mood:
        return "pulse" if WORDS.moods[cue.mood].pulse else "chords"
    return "held" if cue.instruments in (["cello"], ["drone"]) else "chords"


def _instrument(cue: Cue) -> Instrument:
    """The first that is named, else what suits the mood, else a cello for a held note and a pad for chords."""
    if cue.instruments:
        return WORDS.instruments[cue.instruments[0]]
    return WORDS.instruments[WORDS.moods[cue.mood].lead if cue.mood else "cello" if form(cue) == "held" else "pad"]


def _base(cue: Cue, who: Instrument) -> float:
    low = -12 if cue.octave < 0 else 12 if cue.octave > 0 else 0
    return cue.root + who.semitones + low


def _held(cue: Cue, who: Instrument, mood: Mood, s: float, draw: np.random.Generator) -> list[Note]:
    """One note for the whole cue; the interval's voice joins after a third of it, or sounds from the start."""
    base = _base(cue, who)
    notes = [Note(0, s, base, 1.0, -0.12)]
    if cue.interval is not None:
        start = min(0.34 * s, 8.0) if cue.joins else 0.0
        notes.append(Note(start, s - start, base + cue.interval, 0.72, 0.22))
    return notes


def _degree(mood: Mood, step: int) -> int:
    octave, place = divmod(step, len(mood.scale))
    return 12 * octave + mood.scale[place]


def _chords(cue: Cue, who: Instrument, mood: Mood, s: float, draw: np.random.Generator) -> list[Note]:
    """Triads on the mood's steps, overlapping, over a low root."""
    bar = 4 * 60 / (mood.tempo * cue.tempo)
    count = max(1, round(s / bar))
    bar, notes = s / count, []
    for k in range(count):
        step = mood.chords[k % len(mood.chords)] if k < count - 1 or count == 1 else mood.chords[0]
        length = min(bar + 0.5, s - k * bar)
        for voice, side in ((0, -0.3), (2, 0.3), (4, 0.0)):
            tone = _base(cue, who) + mood.semitones + (_degree(mood, step + voice) % 12)
            notes.append(Note(k * bar, length, tone, 0.5, side))
        notes.append(Note(k * bar, length, _base(cue, who) - 12 + _degree(mood, step) % 12, 0.7))
    return notes


def _sparse(cue: Cue, who: Instrument, mood: Mood, s: float, draw: np.random.Generator) -> list[Note]:
    """Single notes of the scale with silence between, leaning on root and fifth."""
    beat, when, notes = 60 / (mood.tempo * cue.tempo), 0.05, []
    while when < s - 0.5:
        step = int(draw.choice([0, 4, 2, 7, 1, 5, -3], p=[0.28, 0.2, 0.14, 0.14, 0.08, 0.08, 0.08]))
        notes.append(
            Note(
                when,
                4.0,
                _base(cue, who) + mood.semitones + _degree(mood, step),
                draw.uniform(0.55, 1.0),
                draw.uniform(-0.3, 0.3),
            )
        )
        when += beat * float(draw.choice([2, 3, 4], p=[0.4, 0.3, 0.3]))
    return notes


def _melody(cue: Cue, who: Instrument, mood: Mood, s: float, draw: np.random.Generator) -> list[Note]:
    """A line that moves mostly by step and comes home, over the root."""
    beat, when, step, notes = 60 / (mood.tempo * cue.tempo), 0.0, 0, [Note(0, s, _base(cue, who) - 12, 0.4)]
    while when < s - 0.3:
        length = beat * float(draw.choice([1, 1, 2, 3]))
        last = when + length >= s - 0.3
        step = 0 if last else int(np.clip(step + draw.choice([-2, -1, -1, 1, 1, 2, 3]), -2, 8))
        notes.append(
            Note(when, min(length * 1.08, s - when), _base(cue, who) + mood.semitones + _degree(mood, step), 0.8, 0.1)
        )
        when += length
    return notes


def _pulse(cue: Cue, who: Instrument, mood: Mood, s: float, draw: np.random.Generator) -> list[Note]:
    """The root in even notes, accents on the first of four, the mood's chord a step above now and then."""
    beat = 30 / (mood.tempo * cue.tempo)
    notes = []
    for k in range(int(s / beat)):
        step = mood.chords[(k // 16) % len(mood.chords)]
        level = (1.0 if k % 4 == 0 else 0.6) * (0.55 + 0.45 * (k * beat / s))
        notes.append(
            Note(k * beat, beat * 0.9, _base(cue, who) - 12 + _degree(mood, step) % 12, level, 0.15 * (-1) ** k)
        )
    return notes


def _riser(cue: Cue, who: Instrument, mood: Mood, s: float, draw: np.random.Generator) -> list[Note]:
    """Voices that enter one above the other, closer and closer, to a dissonant top."""
    count = max(4, round(s / 1.6))
    starts = s * (1 - (1 - np.arange(count) / count) ** 1.5)
    return [
        Note(
            float(start),
            s - float(start),
            _base(cue, who) + k * 13 / max(1, count - 1) * (1 + k % 2 * 0.08),
            0.35 + 0.5 * k / count,
            0.5 * (-1) ** k,
        )
        for k, start in enumerate(starts)
        if s - start > 0.2
    ]


SHAPES = {"held": _held, "chords": _chords, "sparse": _sparse, "melody": _melody, "pulse": _pulse, "riser": _riser}


def compose(cue: Cue, n: int, draw: np.random.Generator) -> Iterator[Array]:
    """The cue as blocks of stereo sound, exactly n samples with 30 ms edges, of any level."""
    mood, s = WORDS.moods[cue.mood or "plain"], n / RATE
    shape = form(cue)
    parts: dict[str, tuple[Instrument, list[Note]]] = {}
    names = [name for name in cue.instruments if WORDS.instruments[name].make != "drums"] or [""]
    for position, name in enumerate(names):
        who = WORDS.instruments[name] if name else _instrument(cue)
        shaped = (
            shape if position == 0 else ("sparse" if who.make == "struck" else "held" if shape == "held" else "chords")
        )
        parts[name] = (_quick(who) if shaped in {"pulse", "melody"} else who, SHAPES[shaped](cue, who, mood, s, draw))
    if "drums" in cue.instruments:
        parts["drums"] = (WORDS.instruments["drums"], _pulse(cue, WORDS.instruments["drums"], mood, s, draw)[::4])
    start = 0
    for block in played(draw, parts, n):
        place = np.arange(start, start + len(block))
        edge = np.minimum(np.minimum(place, n - 1 - place) / (EDGE_S * RATE), 1)
        yield block * edge.astype(np.float32)[:, None]
        start += len(block)


def gain(heard: Loudness) -> float:
    """dB that bring a cue to -20 LUFS under its highest peak."""
    wanted = LUFS - heard.integrated if heard.integrated > FAINTEST else 0.0
    return min(wanted, PEAK - heard.peak)


def _quick(who: Instrument) -> Instrument:
    return who.model_copy(update={"attack": min(who.attack, 0.06), "vibrato": who.vibrato / 2})
