"""The storyboard of a film: scenes of shots, cast, places, props, music, titles.

Times are seconds and levels decibels as people write them; planning turns them into frames, samples and
tenths. Every field carries `Reads`: which classes of steps an edit of it makes stale (K keyframe, M motion,
D dialogue, S sound mix, C cut).
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from control.storyboard.entities import Cast, CastMember, Place, Places, Props, PropSpec, VoiceSpec
from control.storyboard.scalars import (
    Clean,
    Colour,
    File,
    Id,
    Level,
    Mark,
    MarkText,
    Node,
    Reads,
    Seconds,
    Short,
    Sorted,
    Words30,
    Words40,
    mark,
)
from control.storyboard.shot import (
    Beat,
    Blocking,
    Camera,
    Line,
    Note,
    Override,
    Sfx,
    Shot,
    Spoken,
    Super,
    Transition,
)

__all__ = [
    "ASPECTS",
    "MAX_SHOTS",
    "Beat",
    "Blocking",
    "Camera",
    "Cast",
    "CastMember",
    "Credits",
    "Cue",
    "End",
    "Line",
    "Mark",
    "Node",
    "Note",
    "OpenTitle",
    "Override",
    "Place",
    "Places",
    "PropSpec",
    "Props",
    "Reads",
    "Scene",
    "Sfx",
    "Shot",
    "Spoken",
    "Storyboard",
    "Super",
    "Titles",
    "Transition",
    "VoiceSpec",
    "mark",
]

MAX_SHOTS = 400
AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "2.39:1"]
ASPECTS: dict[str, tuple[int, int]] = {
    "16:9": (16, 9),
    "9:16": (9, 16),
    "1:1": (1, 1),
    "4:3": (4, 3),
    "2.39:1": (239, 100),
}
"""Width to height of the active picture."""

Number = Annotated[str, Field(pattern=r"^[0-9]{1,4}[A-Z]{0,2}$")]


class Cue(Node):
    """Music that may cross cuts, from one moment of the film to another. `fade_in`, `fade_out` in seconds."""

    id: Annotated[Id, Reads("")]
    file: File | None = None
    prompt: Words40 = ""
    start: MarkText = Field(alias="from")
    to: MarkText = "end"
    level: Level = -6.0
    fade_in: Annotated[float, Field(ge=0, le=30)] = Field(default=0.5, alias="in")
    fade_out: Annotated[float, Field(ge=0, le=30)] = Field(default=0.5, alias="out")
    duck: bool = True

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.prompt and self.file is None:
            raise ValueError("a music cue needs a `file` or a `prompt`")
        if self.start == "end":
            raise ValueError("`from` cannot be the film's end; name a shot")
        return self


class OpenTitle(Node):
    """The title card: over the shot `over` from `at`; without `over` on a card of its own before the film."""

    text: Short
    sub: Short = ""
    over: Id | None = None
    at: Seconds = 0.0
    seconds: Annotated[float, Field(ge=0.5, le=30)] = 2.5


class Credits(Node):
    """The closing card, after the last shot."""

    lines: Annotated[tuple[Short, ...], Field(min_length=1, max_length=200)]
    seconds: Annotated[float, Field(ge=1, le=60)] = 4.0


class Titles(Node):
    """Opening and closing words."""

    open: OpenTitle | None = None
    credits: Credits | None = None


class End(Node):
    """How the film ends."""

    fade_out: Annotated[float, Field(ge=0, le=10)] = Field(default=0.0, alias="fade-out")


class Scene(Node):
    """One place and time. `number` is what is printed ("12A"); `wardrobe` dresses cast members here."""

    id: Annotated[Id, Reads("")]
    number: Annotated[Number | None, Reads("C")] = None
    heading: Annotated[Short, Reads("KM")] = ""
    place: Annotated[Id | None, Reads("KM")] = None
    light: Annotated[Words40, Reads("KM")] = ""
    ambience: Annotated[Annotated[Clean, Field(max_length=500)] | None, Reads("S")] = None
    wardrobe: Annotated[dict[Id, Words40], Sorted, Reads("KM")] = {}
    shots: Annotated[tuple[Shot, ...], Reads("C")] = ()
    notes: Annotated[tuple[Note, ...], Field(max_length=200), Reads("")] = ()


class Storyboard(Node):
    """A whole film as it was written down. Immutable once saved; `reserved` are ids that were used and removed."""

    storyboard: Annotated[Literal[1], Reads("")] = 1
    title: Annotated[Short, Reads("C")] = ""
    aspect: Annotated[AspectRatio, Reads("KMC")] = "16:9"
    fps: Annotated[Literal[24, 25, 30], Reads("KMC")] = 24
    style: Annotated[Words40, Reads("KM")] = ""
    avoid: Annotated[Words30, Reads("KM")] = ""
    palette: Annotated[tuple[Colour, ...], Field(max_length=6), Reads("KM")] = ()
    cast: Annotated[Cast, Field(max_length=100), Reads("KM")] = {}
    places: Annotated[Places, Field(max_length=200), Reads("KM")] = {}
    props: Annotated[Props, Field(max_length=200), Reads("KM")] = {}
    pronounce: Annotated[dict[Short, Short], Field(max_length=500), Sorted, Reads("D")] = {}
    music: Annotated[tuple[Cue, ...], Field(max_length=100), Reads("S")] = ()
    titles: Annotated[Titles, Reads("C")] = Titles()
    end: Annotated[End, Reads("C")] = End()
    scenes: tuple[Scene, ...] = ()
    notes: Annotated[tuple[Note, ...], Field(max_length=200), Reads("")] = ()
    reserved: Annotated[tuple[Id, ...], Reads("")] = ()

    def shots(self) -> Iterator[tuple[Scene, Shot]]:
        """Every shot with its scene, in the order of the cut, omitted ones too."""
        for scene in self.scenes:
            for shot in scene.shots:
                yield scene, shot

    def shot(self, shot_id: str) -> Shot:
        """The shot of this id. Raises `KeyError`."""
        return self._at(shot_id)[1]

    def scene_of(self, shot_id: str) -> Scene:
        """The scene that holds this shot. Raises `KeyError`."""
        return self._at(shot_id)[0]

    def scene(self, scene_id: str) -> Scene:
        """The scene of this id. Raises `KeyError`."""
        for scene in self.scenes:
            if scene.id == scene_id:
                return scene
        raise KeyError(scene_id)

    def name_of(self, cast_id: str) -> str:
        """What a cast member is called in captions and credits; made of the id where no name is given."""
        member = self.cast.get(cast_id)
        return member.name if member is not None and member.name else cast_id.replace("-", " ").title()

    def _at(self, shot_id: str) -> tuple[Scene, Shot]:
        for scene, shot in self.shots():
            if shot.id == shot_id:
                return scene, shot
        raise KeyError(shot_id)
