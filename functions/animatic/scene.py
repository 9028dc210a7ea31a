"""What the words of a composition say about the picture as a whole: key, weather, where light comes from, colour."""

import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

from functions.animatic import palette
from functions.animatic.noise import generator
from functions.animatic.palette import Palette
from functions.animatic.portrait import Portrait
from functions.contract.params import Composition

_SIDES: Final = {"far left": -0.36, "far right": 0.36, "left": -1 / 6, "right": 1 / 6, "centre": 0.0, "center": 0.0}


@cache
def table(name: str) -> dict[str, Any]:
    """A vocabulary file of this engine."""
    return tomllib.loads(files("functions.animatic").joinpath(name).read_text("utf-8"))


_LETTERS: Final = frozenset(string.ascii_lowercase)


def says(text: str, phrases: Sequence[str]) -> bool:
    """True where `text` (lower case) has one of the phrases as whole words."""
    return any(_whole(text, p) for p in phrases)


def _whole(text: str, phrase: str) -> bool:
    """The phrase with no letter right before or after it."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if text[at - 1 : at] not in _LETTERS and text[end : end + 1] not in _LETTERS:
            return True
        at = text.find(phrase, at + 1)
    return False


def first_said(text: str, choices: dict[str, list[str]]) -> str | None:
    """The choice whose phrases `text` has; the first in table order."""
    return next((name for name, phrases in choices.items() if says(text, phrases)), None)


@dataclass(frozen=True)
class Scene:
    """A composition, read."""

    composition: Composition
    aspect: float
    seed: int
    portraits: Mapping[str, Portrait] = field(default_factory=dict, compare=False)
    """Pictures of people by their id."""

    @cached_property
    def text(self) -> str:
        """All that may name things in the picture, lower case."""
        c = self.composition
        props = " ".join(p.look or p.id for p in c.props)
        return " . ".join((c.heading, c.place, c.light, c.compose, c.action, c.carry, props)).lower()

    @cached_property
    def setting(self) -> str:
        """Words of the place only: what stands there, whatever happens."""
        c = self.composition
        return " . ".join((c.heading, c.place, c.compose)).lower()

    @cached_property
    def light(self) -> str:
        """Words about light, lower case."""
        return f"{self.composition.light} . {self.composition.action}".lower()

    def says(self, *phrases: str) -> bool:
        """True where the words name one of these."""
        return says(self.text, phrases)

    @cached_property
    def interior(self) -> bool:
        """Indoors: by the heading, else by the place's words."""
        heading = self.composition.heading.lower()
        if says(heading, ["ext"]):
            return False
        return says(heading, ["int"]) or says(self.setting, table("words.toml")["interior"]["words"])

    @cached_property
    def key(self) -> str:
        """Row of tones.toml: night, dusk, overcast, day or pale."""
        choices = table("words.toml")["key"]
        c = self.composition
        told = first_said(c.heading.lower(), choices)
        lit = first_said(c.light.lower(), choices)
        if told in ("night", "dusk") or (told and lit not in ("night", "dusk")):
            return told
        for words in (c.light, c.heading, c.place, c.style, c.action):
            found = first_said(words.lower(), choices)
            if found:
                return found
        return "overcast" if self.interior else "day"

    @cached_property
    def tones(self) -> dict[str, float]:
        """Values of the picture's parts."""
        row: dict[str, float] = table("tones.toml")[self.key]
        return row

    @cached_property
    def weather(self) -> frozenset[str]:
        """rain, snow, fog: what falls or hangs in the air, outdoors."""
        found = {name for name, phrases in table("words.toml")["weather"].items() if says(self.text, phrases)}
        if says(self.text, ["breath on the glass"]) or self.interior:
            found -= {"rain", "snow"}
        return frozenset(found)

    @cached_property
    def dark(self) -> bool:
        """No lamp burns."""
        return says(self.light, table("words.toml")["change"]["none"])

    @cached_property
    def change(self) -> str:
        """How the light changes within the shot: pass, drain, wake or nothing."""
        if self.dark:
            return ""
        choices = {k: v for k, v in table("words.toml")["change"].items() if k in ("drain", "wake", "pass")}
        return first_said(self.composition.action.lower(), choices) or first_said(self.light, choices) or ""

    @cached_property
    def lamp(self) -> bool:
        """A warm source lights the picture."""
        return not self.dark and says(self.text, table("words.toml")["source"]["lamp"])

    @cached_property
    def flickers(self) -> bool:
        """Fire or candles."""
        return says(self.text, table("words.toml")["flicker"]["fire"])

    @cached_property
    def key_side(self) -> float:
        """Which side the key light stands on: -1 left, +1 right."""
        light = self.composition.light.lower()
        if says(light, ["from the left", "left"]) and not says(light, ["right"]):
            return -1.0
        if says(light, ["from the right", "right"]) and not says(light, ["left"]):
            return 1.0
        place = sum(map(ord, self.composition.place_id or self.composition.place)) if self.composition.place_id else 0
        return -1.0 if place % 2 else 1.0

    @cached_property
    def palette(self) -> Palette:
        """The shot's colours: palette words first, then style, light, heading and place."""
        c = self.composition
        words = re.findall(r"[a-z]+", " ".join((c.style, c.place, c.light, c.heading)).lower())
        return palette.choose(c.palette, words, c.place_id or c.place or c.heading)

    @cached_property
    def warmth(self) -> float:
        """How far lamps and skin lean to the accent: not at all where it is no warm colour."""
        return 1.0 if self.palette.warm else 0.0

    def side_of(self, things: Sequence[str], otherwise: float) -> float:
        """Where `compose` puts a thing, as a fraction of the width from the centre (-0.5..0.5)."""
        for clause in re.split(r"[,.;]| and ", self.composition.compose.lower()):
            if says(clause, list(things)):
                for side, at in _SIDES.items():
                    if says(clause, [side]):
                        return at
        return otherwise

    def luck(self, *path: int) -> float:
        """A number 0..1 that is fixed for this place and `path`: trees keep their places from shot to shot."""
        return float(generator(self.place_seed, *path).random())

    @cached_property
    def place_seed(self) -> int:
        """A seed of the place: every shot there shares it."""
        text = self.composition.place_id or self.composition.place or self.composition.heading
        return sum((k + 1) * 131 * ord(ch) for k, ch in enumerate(text)) % 2**31
