"""A shot: one continuous picture, who stands in it, the words and sounds of it, how the cut reaches it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from control.storyboard.scalars import (
    Action,
    ArtifactId,
    Aspect,
    Edge,
    File,
    Id,
    Node,
    Planned,
    Reads,
    Seconds,
    Short,
    Sorted,
    Speech,
    Text,
    Words20,
    Words40,
)
from functions.contract.base import EngineName, Seed, StepKind, Tier
from functions.contract.params import (
    Angle,
    At,
    Depth,
    Focus,
    Lens,
    Move,
    Moves,
    Pose,
    Rig,
    ShotSize,
    Speed,
    VoiceKind,
)

TransitionKind = Literal["cut", "dissolve", "fade-in", "dip-black", "dip-white"]
TRANSITION_SECONDS: dict[str, float] = {"cut": 0.0, "dissolve": 1.0, "fade-in": 1.0, "dip-black": 0.6, "dip-white": 0.6}
"""Length of a transition that states none."""
SIDES = ("camera", "away", "left", "right")
"""What `facing` may be beside a cast id."""


class Camera(Node):
    """The camera's move; `to` is what the move reveals."""

    move: Move = "static"
    speed: Speed = "slow"
    rig: Rig = "sticks"
    to: Words40 = ""


class Blocking(Node):
    """Where a visible person is. `facing` is camera, away, left, right or a cast id; `wardrobe` is for this shot."""

    at: At = "centre"
    depth: Depth = "mid"
    facing: Id = "camera"
    pose: Pose = "stand"
    moves: Moves = "none"
    wardrobe: Words40 = ""


class Spoken(Node):
    """One speaker's words. `at` fixes the start in the shot; `pause` is the silence before; times in seconds."""

    id: Annotated[Id, Reads("")]
    who: Id
    text: Speech
    how: Short = ""
    voice: VoiceKind = "on"
    pace: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    pause: Annotated[Annotated[float, Field(ge=0, le=10)] | None, Reads("S")] = None
    overlap: Annotated[Edge, Reads("S")] = 0.0
    at: Annotated[Seconds | None, Reads("S")] = None


class Beat(Node):
    """A stated silence among the lines, in seconds."""

    id: Annotated[Id, Reads("")]
    beat: Annotated[float, Field(ge=0.1, le=10), Reads("S")]


def _line_tag(value: Any) -> str:
    held = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "beat" if "beat" in held else "spoken"


Line = Annotated[Annotated[Spoken, Tag("spoken")] | Annotated[Beat, Tag("beat")], Discriminator(_line_tag)]


class Sfx(Node):
    """A sound of the shot, `at` seconds from its start: described, from a file, or a file with a description."""

    id: Annotated[Id, Reads("")]
    sound: Short = ""
    file: File | None = None
    at: Seconds = 0.0
    level: Annotated[float, Field(ge=-40, le=12)] = 0.0
    loop: bool = False
    caption: bool = True

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.sound and self.file is None:
            raise ValueError("a sound needs a description (`sound`) or a `file`")
        return self


class Transition(Node):
    """How the cut comes into a shot, in seconds; a cut has none."""

    kind: TransitionKind = "cut"
    seconds: Edge = 0.0

    @model_validator(mode="after")
    def _length(self) -> Self:
        if self.kind == "cut" and self.seconds:
            raise ValueError("a cut has no length; leave `seconds` out or choose another transition")
        if self.kind != "cut" and self.seconds < 0.1:
            raise ValueError(f"a {self.kind} lasts 0.1 to 3 seconds")
        return self


class Super(Node):
    """Words on the picture; never in a prompt."""

    text: Annotated[Speech, Field(max_length=300)]
    at: Literal["lower", "centre", "upper"] = "lower"


class Override(Node):
    """What an expert fixes for one step kind of a shot; checked against the engine's manifest when planned."""

    engine: EngineName | None = None
    tier: Tier | None = None
    params: Annotated[dict[Short, bool | int | float | str], Sorted] = {}
    prompt: Text | None = None
    avoid: Text | None = None


class Note(Node):
    """A remark for people; reaches no engine. `line` names the line it is about, `at` the second."""

    id: Id
    text: Text
    at: Seconds | None = None
    line: Id | None = None
    author: Short = ""
    resolved: bool = False


class Shot(Node):
    """One shot. None means not stated: `inherit.effective` fills it from `same_as`, scene and defaults."""

    id: Annotated[Id, Reads("")]
    action: Annotated[Action, Reads("KM")]
    size: Annotated[ShotSize | None, Reads("KM")] = None
    angle: Annotated[Angle | None, Reads("KM")] = None
    lens: Annotated[Lens | None, Reads("KM")] = None
    focus: Annotated[Focus, Reads("KM")] = "normal"
    over: Annotated[Id | None, Reads("KM")] = None
    pov: Annotated[Id | None, Reads("KM")] = None
    camera: Annotated[Camera, Reads("M")] = Camera()
    who: Annotated[dict[Id, Blocking] | None, Reads("KM")] = None
    compose: Annotated[Words20 | None, Reads("KM")] = None
    light: Annotated[Words40 | None, Reads("KM")] = None
    carry: Annotated[Words20, Reads("KM")] = ""
    props: Annotated[tuple[Id, ...], Reads("KM")] = ()
    same_as: Annotated[Id | None, Reads("KM")] = None
    keyframe: Annotated[File | None, Reads("KM")] = None
    end_frame: Annotated[File | None, Reads("KM")] = None
    refs: Annotated[tuple[File, ...], Field(max_length=4), Reads("KM")] = ()
    from_previous: Annotated[bool, Reads("KM")] = False
    seconds: Annotated[Planned | None, Reads("MC")] = None
    exact: Annotated[bool, Reads("MC")] = False
    lines: Annotated[tuple[Line, ...], Field(max_length=100), Reads("D")] = ()
    sfx: Annotated[tuple[Sfx, ...], Field(max_length=50), Reads("S")] = ()
    j_cut: Annotated[Edge, Reads("S")] = 0.0
    l_cut: Annotated[Edge, Reads("S")] = 0.0
    via: Annotated[Transition, Reads("C")] = Transition()
    super: Annotated[Super | None, Reads("C")] = None
    seed: Annotated[Seed | None, Reads("KM")] = None
    takes: Annotated[dict[StepKind, ArtifactId], Sorted, Reads("C")] = {}
    trim_in: Annotated[Seconds, Reads("C")] = 0.0
    render: Annotated[dict[StepKind, Override], Sorted, Reads("KM")] = {}
    lock: Annotated[tuple[Aspect, ...], Reads("")] = ()
    omit: Annotated[bool, Reads("C")] = False
    notes: Annotated[tuple[Note, ...], Field(max_length=200), Reads("")] = ()

    @model_validator(mode="after")
    def _one_view(self) -> Self:
        if self.over is not None and self.pov is not None:
            raise ValueError("`over` and `pov` exclude each other; keep one")
        return self

    @property
    def spoken(self) -> tuple[Spoken, ...]:
        """The lines without the beats."""
        return tuple(line for line in self.lines if isinstance(line, Spoken))
