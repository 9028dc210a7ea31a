"""What plays a cue, and one of its notes."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from functions.sound.dsp import RATE

UP = 3
SLOW = RATE // UP
"""Cues are computed at 16 kHz and brought up to 48 kHz; no tone lies above `TOP`."""
TOP = 6700.0
ROOT = 146.8324
"""D3 in Hz, equal temperament at A4 = 440 Hz: semitone 0 of every cue."""
HOP = 50
"""Samples at 16 kHz between the points at which a note's life is drawn: 3 ms."""


class Instrument(BaseModel):
    """See `music.toml` for units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    make: str
    words: tuple[str, ...]
    slope: float = 1.2
    vibrato: float = 0.0
    attack: float = 0.5
    noise: float = 0.0
    body: tuple[float, ...] = ()
    semitones: int = 0
    desks: int = 1
    ring: float = 3.0
    stiff: float = 0.0


@dataclass(frozen=True)
class Note:
    """`start` and `length` in s, `tone` in semitones from D3, `level` linear, `side` -1 left to 1 right."""

    start: float
    length: float
    tone: float
    level: float = 1.0
    side: float = 0.0

    @property
    def hertz(self) -> float:
        """Frequency of its fundamental."""
        return float(ROOT * 2 ** (self.tone / 12))


def rounded(s: float) -> int:
    """Samples at 16 kHz of about s seconds: whole hops, and a length whose Fourier transform is quick."""
    return max(1, round(s * SLOW / 800)) * 800
