"""A person's outline from words: hair, hat, garment, collar, build, stature and age."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from functions.animatic.scene import first_said, says, table
from functions.contract.params import Figure

_HAIR_WORDS: Final = ("hair", "plait", "braid", "bun", "ponytail", "curls", "bob", "haired", "beard", "cropped")


@dataclass(frozen=True)
class Traits:
    """What can be seen. `cloth` and `hair_value` are offsets in L* from the middle of their part."""

    hair: str
    hat: str
    garment: str
    collar_up: bool
    build: str
    stature: str
    age: str
    woman: bool
    beard: str
    glasses: bool
    cloth: float
    hair_value: float

    @property
    def wide(self) -> float:
        """Breadth of the body against the average."""
        return {"thin": 0.86, "stout": 1.22, "broad": 1.13}.get(self.build, 1.0) * (0.93 if self.woman else 1.0)

    @property
    def height(self) -> float:
        """Stature against the average."""
        return {"child": 0.72, "tall": 1.07, "short": 0.93}.get(self.stature, 1.0)

    @property
    def bow(self) -> float:
        """How far an old back bends forward, in heads."""
        return 0.13 if self.age == "old" else 0.0


def _lightness(text: str, near: tuple[str, ...]) -> float | None:
    """The lightness said in the same phrase as one of `near`."""
    scale: dict[str, float] = table("traits.toml")["lightness"]
    for phrase in re.split(r"[,.;]| and | with ", text):
        words = re.findall(r"[a-z'-]+", phrase)
        said = [scale[w] for w in words if w in scale]
        if said and any(w in near for w in words):
            return float(max(said, key=abs))
    return None


@lru_cache(maxsize=256)
def read(figure: Figure) -> Traits:
    """The traits of a figure. What no word says is drawn from its id, so that two people never look alike."""
    text = f"{figure.look} , {figure.wardrobe}".lower()
    groups = table("traits.toml")
    luck = sum((k + 1) * ord(c) for k, c in enumerate(figure.id))
    woman = says(text, groups["shape"]["woman"])
    age = first_said(text, groups["age"]) or ""
    unsaid = ("bob", "bun", "long", "curly") if woman else ("parted", "cropped", "short", "curly")
    if woman and age == "old":
        unsaid = ("bun", "bob", "bun", "curly")
    garment_words = tuple(w for words in groups["garment"].values() for phrase in words for w in phrase.split())
    garment = first_said(text, groups["garment"]) or ("gown" if woman and luck % 2 else ("jacket", "coat")[luck % 2])
    hair_value = _lightness(text, _HAIR_WORDS)
    cloth = _lightness(text, garment_words)
    return Traits(
        hair=first_said(text, groups["hair"]) or unsaid[luck % 4],
        hat=first_said(text, groups["hat"]) or "",
        garment=garment,
        collar_up=says(text, groups["collar"]["up"]),
        build=first_said(text, groups["build"]) or "",
        stature=first_said(
            re.sub(r"short \w+ ?(hair|jacket|coat)|short (hair|jacket|coat)", "", text), groups["stature"]
        )
        or "",
        age=age,
        woman=woman,
        beard=first_said(text, groups["beard"]) or "",
        glasses=says(text, groups["extras"]["glasses"]),
        cloth=cloth if cloth is not None else (-8.0, 4.0, 12.0)[luck % 3],
        hair_value=hair_value if hair_value is not None else (22.0 if age == "old" else -12.0),
    )
