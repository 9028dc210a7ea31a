"""Voices and deliveries as data: what a preset name and a parenthetical mean for the sound."""

import hashlib
import math
import re
import tomllib
from importlib import resources

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rendering(_Row):
    """How one speaker sounds. `pitch` in semitones; `tract`, `pace`, `spread`, `breath`, `rough` in thousandths."""

    pitch: float = 0.0
    tract: int = 1000
    pace: int = 1000
    spread: int = 1000
    breath: int = 0
    rough: int = 0
    filters: str = ""


class Delivery(_Row):
    """How one line is performed, on top of a rendering. `gain_db` relative to plain speech, `pause` in thousandths."""

    name: str
    words: tuple[str, ...] = ()
    pitch: float = 0.0
    pace: int = 1000
    spread: int = 1000
    breath: int = 0
    pause: int = 1000
    gain_db: float = 0.0
    filters: str = ""


class Voices(_Row):
    """`voices.toml`."""

    voices: dict[str, Rendering]
    deliveries: tuple[Delivery, ...]


TABLE = Voices.model_validate(tomllib.loads(resources.files("functions.dialogue").joinpath("voices.toml").read_text()))
PLAIN = Delivery(name="plain")


def invented(name: str) -> Rendering:
    """A rendering for a preset no table knows: the same for ever for one name, and unlike for different names."""
    pitch, tract, pace, spread, low, high = (b / 255 for b in hashlib.sha256(name.encode()).digest()[:6])
    semitones = -4.5 + 14.0 * pitch
    throat = 1000 * 2 ** (semitones / 48) * (0.95 + 0.1 * tract)
    return Rendering(
        pitch=round(semitones, 2),
        tract=round(throat),
        pace=round(930 + 140 * pace),
        spread=round(850 + 350 * spread),
        filters=f"bass=g={-4 + 8 * low:.1f}:f=170,treble=g={-4 + 8 * high:.1f}:f=4500",
    )


def merged(first: Delivery, second: Delivery) -> Delivery:
    """Both at once ("quiet, urgent")."""
    return Delivery(
        name=f"{first.name}, {second.name}",
        pitch=first.pitch + second.pitch,
        pace=first.pace * second.pace // 1000,
        spread=first.spread * second.spread // 1000,
        breath=max(first.breath, second.breath),
        pause=first.pause * second.pause // 1000,
        gain_db=first.gain_db + second.gain_db,
        filters=",".join(filter(None, (first.filters, second.filters))),
    )


def asked(how: str) -> tuple[Delivery, ...]:
    """Deliveries whose words stand in the text, in the table's order; empty where none is known."""
    text = " ".join(re.findall(r"[a-z]+", how.lower()))
    return tuple(d for d in TABLE.deliveries if any(re.search(rf"\b{re.escape(w)}\b", text) for w in d.words))


def delivery(how: str) -> Delivery:
    """The performance that a parenthetical asks for; plain where it says nothing known."""
    found = asked(how)
    if not found:
        return PLAIN
    combined = found[0]
    for other in found[1:]:
        combined = merged(combined, other)
    return combined


def semitones(ratio: float) -> float:
    """A frequency ratio as semitones of twelve-tone equal temperament."""
    return 12 * math.log2(ratio)


def ratio(tones: float) -> float:
    """Semitones as a frequency ratio."""
    return float(2 ** (tones / 12))
