"""Who and what a film shows: cast with voices, places, props."""

from typing import Annotated

from pydantic import Field

from control.storyboard.scalars import Clean, Colour, File, Id, Node, Pace, Reads, Short, Words40


class VoiceSpec(Node):
    """How a cast member speaks. `pitch` in semitones; `manner` reaches engines with native audio only."""

    preset: Annotated[Clean, Field(max_length=60)] = "neutral"
    pace: Pace = 1.0
    pitch: Annotated[float, Field(ge=-6, le=6)] = 0.0
    manner: Words40 = ""


class CastMember(Node):
    """A character. `look` is only what can be seen; `use` names an entry of the cast library."""

    name: Annotated[Short, Reads("KMC")] = ""
    look: Words40 = ""
    wardrobe: Words40 = ""
    voice: Annotated[VoiceSpec, Reads("D")] = VoiceSpec()
    portrait: File | None = None
    refs: Annotated[tuple[File, ...], Field(max_length=8)] = ()
    use: Annotated[Clean, Field(max_length=64)] | None = None
    colour: Colour | None = None


class Place(Node):
    """A place; the same words go to every shot there."""

    look: Words40 = ""
    refs: Annotated[tuple[File, ...], Field(max_length=4)] = ()
    ambience: Annotated[Words40, Reads("S")] = ""


class PropSpec(Node):
    """A thing that shots may show."""

    look: Words40 = ""
    refs: Annotated[tuple[File, ...], Field(max_length=4)] = ()


Cast = dict[Id, CastMember]
Places = dict[Id, Place]
Props = dict[Id, PropSpec]
