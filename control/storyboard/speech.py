"""How long words take before a voice has spoken them: 150 words a minute, and the pauses between turns."""

import math
import re
from dataclasses import dataclass

from control.storyboard.shot import Beat, Line, Shot, Spoken

WORD = 0.40
FULL_STOP = 0.35
LEAST = 0.8
EDGE = 0.35
"""Seconds between a cut and the first word, and after the last."""
TURN, AFTER_QUESTION, BEFORE_QUIET = 0.30, 0.40, 0.60
DELIVERY = {
    "whisper": 1.15,
    "whispering": 1.15,
    "whispered": 1.15,
    "slow": 1.15,
    "slowly": 1.15,
    "urgent": 0.85,
    "urgently": 0.85,
}
"""How a word of `how` changes the time a line takes."""
QUIET = frozenset({"quiet", "quietly", "mild", "mildly", "whisper", "whispering", "whispered"})
_STOP_INSIDE = re.compile(r"[.!?…]+[\"”’')]*\s+(?=\S)")
WORDS = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
"""A spoken word."""


@dataclass(frozen=True, slots=True)
class Timed:
    """When a line or beat runs, in seconds of its shot."""

    line: Line
    start: float
    end: float


def line_seconds(text: str, how: str = "", pace: float = 1.0) -> float:
    """Seconds that the words take: 0.40 a word, 0.35 a full stop inside the line, at least 0.8, times the delivery,
    over `pace` (1.0 is the voice's own).
    """
    plain = max(LEAST, WORD * len(WORDS.findall(text)) + FULL_STOP * len(_STOP_INSIDE.findall(text)))
    factors = [DELIVERY[word] for word in _words(how) if word in DELIVERY]
    return plain * math.prod(factors[:1]) / pace


def schedule(shot: Shot) -> tuple[Timed, ...]:
    """When each line of the shot is estimated to run, in order. Shots without lines give none."""
    timed: list[Timed] = []
    for line in shot.lines:
        start = _start(line, timed)
        length = line.beat if isinstance(line, Beat) else line_seconds(line.text, line.how, line.pace)
        timed.append(Timed(line, start, start + length))
    return tuple(timed)


def words_end(shot: Shot) -> float:
    """Seconds at which the last line or beat is estimated to end; 0 without any."""
    return max((t.end for t in schedule(shot)), default=0.0)


def gap_before(before: Line | None, line: Spoken) -> float:
    """Seconds of silence before a line that follows `before` (None: it is the first of its shot)."""
    if line.pause is not None:
        return line.pause
    if before is None:
        return EDGE
    if isinstance(before, Beat):
        return 0.0
    if QUIET & set(_words(line.how)):
        return BEFORE_QUIET
    return AFTER_QUESTION if before.text.rstrip("\"”’')").endswith("?") else TURN


def _start(line: Line, timed: list[Timed]) -> float:
    before = timed[-1].line if timed else None
    end = timed[-1].end if timed else 0.0
    if isinstance(line, Beat):
        return end
    if line.at is not None:
        return line.at
    if line.overlap and timed:
        return max(0.0, end - line.overlap)
    return end + gap_before(before, line)


def _words(how: str) -> list[str]:
    return WORDS.findall(how.casefold())


LINGERING = re.compile(r"\b(waits?|stares?|silence|silently|slowly)\b", re.IGNORECASE)


def action_seconds(action: str) -> float:
    """Seconds that an action is estimated to take: 1.2 and 0.28 a word, 2 to 8, one more where somebody lingers."""
    plain = min(max(1.2 + 0.28 * len(action.split()), 2.0), 8.0)
    return plain + (1.0 if LINGERING.search(action) else 0.0)


def planned_seconds(shot: Shot) -> float:
    """How long the shot is planned: as stated, or by its action and lines, 0.5 to 60."""
    if shot.seconds is not None:
        return shot.seconds
    need = words_end(shot) + EDGE if shot.lines else 0.0
    return min(max(action_seconds(shot.action), need, 0.5), 60.0)
