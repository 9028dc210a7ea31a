"""Music and ambience under words: what was measured there, and how much lower a stem must lie."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from functions.assemble.stems import Stem, Stems
from functions.contract.base import SAMPLE_RATE
from functions.contract.job import Note
from functions.contract.params import Gain
from functions.media.loudness import STEP, KWeighting, loudness_of

BELOW: dict[Stem, float] = {"mx": 10.0, "amb": 15.0}
"""LU that a stem lies at least under the dialogue."""
MARGIN = 0.3
LEAD, DOWN, HOLD, UP = (SAMPLE_RATE * ms // 1000 for ms in (150, 200, 400, 700))
_BEFORE = 2 * STEP
"""Sound that the weighting hears before a word: its memory has then fallen by more than 300 dB."""
_AT_ONCE = 12 * STEP
_BREATH = SAMPLE_RATE // 4
"""Words closer than this are measured as one."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Phrase:
    """Words so close that a stem stays down between them; `words` as (start, end) in film samples."""

    words: tuple[Span, ...]

    @property
    def start(self) -> int:
        """Where its first word begins."""
        return self.words[0][0]

    @property
    def end(self) -> int:
        """Where its last word ends."""
        return self.words[-1][1]


def phrases(speech: Sequence[Span], samples: int) -> tuple[Phrase, ...]:
    """The words of a film of `samples`, gathered into phrases whose dips do not touch."""
    words = _joined(((max(0, a), min(b, samples)) for a, b in speech), _BREATH)
    out: list[list[Span]] = []
    for word in words:
        if out and word[0] - out[-1][-1][1] <= LEAD + DOWN + HOLD + UP:
            out[-1].append(word)
        else:
            out.append([word])
    return tuple(Phrase(tuple(words)) for words in out)


def _joined(spans: Iterator[Span], gap: int) -> list[Span]:
    out: list[Span] = []
    for start, end in sorted(s for s in spans if s[0] < s[1]):
        if out and start - out[-1][1] <= gap:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def corrections(stems: Stems) -> tuple[dict[Stem, tuple[Gain, ...]], list[Note]]:
    """Envelopes that lower music and ambience where they do not lie far enough under the words, and a note on each."""
    said = phrases(stems.params.speech, stems.params.samples)
    voice = [level(stems, "dx", phrase.words) for phrase in said]
    found: dict[Stem, tuple[Gain, ...]] = {}
    notes: list[Note] = []
    for stem, below in BELOW.items():
        excess = [level(stems, stem, p.words) - (v - below) for p, v in zip(said, voice, strict=True)]
        deep = [(p, depth + MARGIN) for p, depth in zip(said, excess, strict=True) if 0 < depth < float("inf")]
        if deep:
            found[stem] = tuple(_dips(deep))
            notes.append(_note(stem, below, len(deep), max(depth for _, depth in deep)))
    return found, notes


def _note(stem: Stem, below: float, count: int, worst: float) -> Note:
    where = "one phrase" if count == 1 else f"{count} phrases"
    detail = f"{stem} was lowered by up to {worst:.1f} dB under {where} so that it lies {below:g} LU below the words"
    return Note(code="lowered_under_words", detail=detail, value=round(worst, 1))


def level(stems: Stems, stem: Stem, words: Sequence[Span]) -> float:
    """K-weighted level in LUFS of a stem over these words, without gates; -inf for silence."""
    energy, count = 0.0, 0
    for start, end in words:
        weighting, count = KWeighting(), count + end - start
        for at in range(start - _BEFORE, end, _AT_ONCE):
            length = min(_AT_ONCE, -(-(end - at) // STEP) * STEP)
            heard = weighting.feed(stems.at(stem, at, length)).reshape(2, -1)[:, max(0, start - at) : end - at]
            energy += float(np.vdot(heard, heard))
    return loudness_of(energy / max(1, count))


def _dips(depths: Sequence[tuple[Phrase, float]]) -> Iterator[Gain]:
    for phrase, depth in depths:
        low = -round(depth * 10 + 0.5)
        yield Gain(at=max(0, phrase.start - LEAD - DOWN), level=0 if phrase.start > LEAD + DOWN else low)
        yield Gain(at=max(0, phrase.start - LEAD), level=low)
        yield Gain(at=phrase.end + HOLD, level=low)
        yield Gain(at=phrase.end + HOLD + UP, level=0)
