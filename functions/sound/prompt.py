"""A prompt in words to layers of sounds the synthesiser can make, and the words it does not know."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sound(_Row):
    """Something that can be made; `also` names sounds heard with it."""

    name: str
    words: tuple[str, ...]
    kind: Literal["bed", "hit"]
    make: str
    settings: Mapping[str, float] = {}
    also: tuple[str, ...] = ()


class Modifier(_Row):
    """What a describing word changes; see `vocabulary.toml` for units."""

    size: float = 1.0
    far: float | None = None
    gain_db: float = 0.0
    cut: float = 24_000.0
    rate: float = 1.0
    strong: float = 1.0


class Vocabulary(_Row):
    """`vocabulary.toml`."""

    passing: tuple[str, ...]
    sounds: tuple[Sound, ...]
    modifiers: Mapping[str, Modifier]


@dataclass(frozen=True)
class Layer:
    """One sound with all that was said of it. `far` 0 is here, 1.4 far away, 2.5 at the horizon."""

    sound: Sound
    size: float = 1.0
    far: float = 0.0
    gain_db: float = 0.0
    cut: float = 24_000.0
    rate: float = 1.0
    strong: float = 1.0

    def described(self, modifier: Modifier, degree: float) -> "Layer":
        """This layer further described; `degree` 1.6 for "very"."""
        return replace(
            self,
            size=self.size * modifier.size**degree,
            far=self.far if modifier.far is None else modifier.far * degree,
            gain_db=self.gain_db + modifier.gain_db * degree,
            cut=min(self.cut, modifier.cut / (degree if modifier.cut < 24_000 else 1)),
            rate=self.rate * modifier.rate**degree,
            strong=self.strong * modifier.strong**degree,
        )


@dataclass(frozen=True)
class Understood:
    """A prompt as layers, and the words in it that say nothing to the synthesiser."""

    layers: tuple[Layer, ...]
    unknown: tuple[str, ...]


VOCABULARY = Vocabulary.model_validate(
    tomllib.loads(resources.files("functions.sound").joinpath("vocabulary.toml").read_text("utf-8"))
)


def stems(text: str) -> tuple[str, ...]:
    """Words without their plural or possessive s: "ship's horns" and "ships horn" are one."""
    return tuple(word.removesuffix("s") for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower().replace("’", "'").replace("'", ""))


PHRASES: Mapping[tuple[str, ...], Sound] = {
    stems(words): sound for sound in VOCABULARY.sounds for words in (sound.name, *sound.words)
}
LONGEST = max(map(len, PHRASES))
BY_NAME = {sound.name: sound for sound in VOCABULARY.sounds}


def _part(words: list[str]) -> tuple[list[Layer], list[tuple[Modifier, float]], list[str]]:
    """Layers, describing words with their degree, and unknown words of one comma-separated part."""
    layers: list[Layer] = []
    said: list[tuple[Modifier, float]] = []
    unknown: list[str] = []
    index, degree = 0, 1.0
    while index < len(words):
        rest = stems(" ".join(words[index : index + LONGEST]))
        size = next((k for k in range(len(rest), 0, -1) if rest[:k] in PHRASES), 0)
        word = words[index]
        if size:
            sound = PHRASES[rest[:size]]
            layers += [Layer(sound), *(Layer(BY_NAME[name]) for name in sound.also)]
        elif word in VOCABULARY.modifiers:
            said.append((VOCABULARY.modifiers[word], degree))
        elif word not in VOCABULARY.passing:
            unknown.append(word)
        degree = 1.6 if word == "very" else 1.0
        index += max(size, 1)
    return layers, said, unknown


def understand(prompt: str) -> Understood:
    """Read a prompt. Describing words act on the sounds of their own part ("slow clockwork"); in a part without
    a sound ("very far away") on all that were named before it.
    """
    layers: list[Layer] = []
    unknown: list[str] = []
    for part in re.split(r"[,;.:]|\band\b|\bwith\b|\bover\b", prompt.lower()):
        found, said, rest = _part(_words(part))
        unknown += rest
        target = found or layers
        for modifier, degree in said:
            target[:] = [layer.described(modifier, degree) for layer in target]
        layers += found
    unique = {layer.sound.name: layer for layer in layers}
    return Understood(tuple(unique.values()), tuple(dict.fromkeys(unknown)))


def near(words: tuple[str, ...]) -> tuple[str, ...]:
    """Known words spelled like these, best first; the plain names where none is."""
    known = sorted({word for sound in VOCABULARY.sounds for word in sound.words})
    close = [match for word in words for match in difflib.get_close_matches(word, known, 2, 0.7)]
    return tuple(dict.fromkeys(close)) or tuple(sound.name for sound in VOCABULARY.sounds)
