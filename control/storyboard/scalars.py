"""Scalar types of the storyboard: ids, text with its limits, numbers with their ranges, and what reads a field."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

CLASSES = "KMDSC"
"""What an edit can make stale: keyframe, motion, dialogue, sound mix, cut."""
ID_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"


@dataclass(frozen=True, slots=True)
class Reads:
    """Field metadata: the classes of steps that read the field, letters of `CLASSES`; none for ``.

    A field without it has the classes of the field that holds it.
    """

    classes: str


class Node(BaseModel):
    """Immutable part of a storyboard. Fields go by the names people write (`from`, `in`); unknown ones are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def clean(text: str) -> str:
    """The text in Unicode form NFC, without space around it. Raises `ValueError` for control characters."""
    bad = next((c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"), None)
    if bad is not None:
        raise ValueError(f"holds the control character U+{ord(bad):04X}; remove it")
    return unicodedata.normalize("NFC", text).strip()


def _filled(text: str) -> str:
    if not text:
        raise ValueError("is empty; write something or leave the field out")
    return text


@dataclass(frozen=True, slots=True)
class _AtMost:
    words: int

    def __call__(self, text: str) -> str:
        count = len(text.split())
        if count > self.words:
            raise ValueError(f"has {count} words; at most {self.words} are read")
        return text


def _sorted(entries: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(entries.items()))


Sorted = AfterValidator(_sorted)
"""For maps whose order says nothing: it is always that of their names."""
Clean = Annotated[str, AfterValidator(clean)]
Id = Annotated[str, Field(pattern=ID_PATTERN)]
Short = Annotated[Clean, Field(max_length=120)]
Text = Annotated[Clean, Field(max_length=2000)]
Words20 = Annotated[Text, AfterValidator(_AtMost(20))]
Words30 = Annotated[Text, AfterValidator(_AtMost(30))]
Words40 = Annotated[Text, AfterValidator(_AtMost(40))]
Action = Annotated[Text, AfterValidator(_filled), AfterValidator(_AtMost(60))]
Speech = Annotated[Clean, Field(max_length=300), AfterValidator(_filled)]
File = Annotated[Clean, Field(max_length=500), AfterValidator(_filled)]
"""A file as the storyboard names it; the caller says what it stands for."""
ArtifactId = Annotated[str, Field(pattern=r"^[0-9a-zA-Z._:-]{1,128}$")]
Colour = Annotated[Clean, Field(max_length=40), AfterValidator(_filled)]

Seconds = Annotated[float, Field(ge=0, le=60)]
Planned = Annotated[float, Field(ge=0.5, le=60)]
Edge = Annotated[float, Field(ge=0, le=3)]
"""Seconds by which a shot's sound leads or outlasts its picture, or a line overlaps the one before."""
Pace = Annotated[float, Field(ge=0.7, le=1.3)]
Level = Annotated[float, Field(ge=-30, le=6)]
Aspect = Literal["words", "picture", "timing", "all"]

_MARK = re.compile(r"^(?P<shot>[a-z][a-z0-9-]{0,31})(?:\+(?P<offset>\d{1,3}(?:\.\d{1,3})?))?$")


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the film: `offset` seconds after the shot begins; `shot` "end" is the film's end."""

    shot: str
    offset: float = 0.0


def mark(text: str) -> Mark:
    """Read `SHOT`, `SHOT+1.3` or `end`. Raises `ValueError`."""
    found = _MARK.match(text)
    if found is None or (found["shot"] == "end" and found["offset"]):
        raise ValueError("is no moment of the film; write SHOT, SHOT+1.3 or end")
    return Mark(found["shot"], float(found["offset"] or 0))


def _mark_text(text: str) -> str:
    mark(text)
    return text


MarkText = Annotated[str, AfterValidator(_mark_text)]


_AUDIO = re.compile(r"\.(wav|flac|mp3|m4a|aac|ogg|opus|aiff?)$", re.IGNORECASE)


def names_audio(text: str) -> bool:
    """Whether an ambience is the name of a sound file and not a description."""
    return _AUDIO.search(text) is not None
