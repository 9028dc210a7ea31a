"""Parameters of every step kind, a union discriminated by `kind`.

A field equal to its default is left out of the fingerprint, so a field may be added without making
anything stale. Input names that a kind understands stand in its docstring.
"""

from typing import Annotated, Literal

from pydantic import Field

from functions.contract.base import (
    DeciBel10,
    Frames,
    Name,
    Rate,
    Samples,
    Seed,
    Size,
    Strict,
    Thousandths,
    Tier,
)

Text = Annotated[str, Field(max_length=20_000)]
ShotSize = Literal[
    "extreme-wide",
    "wide",
    "full",
    "medium-full",
    "medium",
    "medium-close",
    "close",
    "extreme-close",
    "insert",
]
Angle = Literal["eye", "low", "high", "overhead", "ground", "dutch"]
Lens = Literal["normal", "wide", "long", "macro"]
Focus = Literal["normal", "deep", "shallow"]
At = Literal["centre", "left", "right", "far-left", "far-right"]
Depth = Literal["mid", "fore", "back"]
Pose = Literal["stand", "sit", "kneel", "lie", "walk", "run"]
Moves = Literal["none", "in-left", "in-right", "out-left", "out-right", "toward", "away"]
Move = Literal[
    "static",
    "push",
    "pull",
    "pan-left",
    "pan-right",
    "tilt-up",
    "tilt-down",
    "track-left",
    "track-right",
    "boom-up",
    "boom-down",
    "orbit-left",
    "orbit-right",
    "zoom-in",
    "zoom-out",
    "follow",
    "rack",
]
Speed = Literal["slow", "creep", "medium", "fast", "whip"]
Rig = Literal["sticks", "dolly", "handheld", "steadicam", "crane", "drone"]
VoiceKind = Literal["on", "os", "vo", "device", "thought"]


class Figure(Strict):
    """A visible person. `facing` is camera, away, left, right or the id of another figure."""

    id: str
    look: str = ""
    wardrobe: str = ""
    colour: str = ""
    at: At = "centre"
    depth: Depth = "mid"
    facing: str = "camera"
    pose: Pose = "stand"
    moves: Moves = "none"


class Prop(Strict):
    """A thing in the picture."""

    id: str
    look: str = ""


class Composition(Strict):
    """What stands where in one picture: read by engines that draw or mask, beside the prompt."""

    size: ShotSize = "medium"
    angle: Angle = "eye"
    lens: Lens = "normal"
    focus: Focus = "normal"
    over: str = ""
    pov: str = ""
    figures: tuple[Figure, ...] = ()
    props: tuple[Prop, ...] = ()
    place_id: str = ""
    place: str = ""
    heading: str = ""
    light: str = ""
    compose: str = ""
    carry: str = ""
    action: str = ""
    style: str = ""
    palette: tuple[str, ...] = ()


class Camera(Strict):
    """The camera's move; `to` is what it reveals."""

    move: Move = "static"
    speed: Speed = "slow"
    rig: Rig = "sticks"
    to: str = ""


class Adapter(Strict):
    """A LoRA file among the inputs and how strongly it acts; `figure` ties it to one person."""

    input: Name
    scale: Thousandths = 1000
    figure: str = ""
    trigger: str = ""


class TrainLora(Strict):
    """Inputs: `ref01.png`..; outputs `lora.safetensors`, `samples.png`. `captions` by input name."""

    kind: Literal["train_lora"] = "train_lora"
    trigger: str
    steps: Annotated[int, Field(ge=1, le=20_000)] = 1200
    rank: Annotated[int, Field(ge=1, le=256)] = 32
    resolution: Annotated[int, Field(ge=256, le=2048)] = 1024
    captions: dict[Name, str] = {}
    prior_preservation: bool = False
    seed: Seed = 0
    tier: Tier = "standard"


class Keyframe(Strict):
    """One still. Inputs: `ref_<figure>_NN`, `previous` (continuity), adapters. Outputs: `image.png`,
    and `layers.bin` where the manifest says `layers`.
    """

    kind: Literal["keyframe"] = "keyframe"
    prompt: Text = ""
    negative: Text = ""
    size: Size
    seed: Seed = 0
    tier: Tier = "draft"
    numerics: Literal["bf16", "8bit", "any"] = "any"
    composition: Composition = Composition()
    adapters: tuple[Adapter, ...] = ()
    steps: int | None = None
    guidance: Thousandths | None = None
    control: Literal["none", "pose", "depth", "canny"] = "none"


class SpokenLine(Strict):
    """A line as an engine with native sound is told it: times in frames from the clip's start."""

    who: str
    text: str
    how: str = ""
    start: int
    end: int


class Motion(Strict):
    """A silent (or natively sounding) clip of exactly `frames`. Inputs: `image` (first frame), optional
    `layers` (of the same keyframe), `end_image`, adapters. Output: `clip.mp4`.

    `lines` and `sounds` are filled only for engines whose manifest says `native_audio`.
    """

    kind: Literal["motion"] = "motion"
    prompt: Text = ""
    negative: Text = ""
    size: Size
    frames: Frames
    rate: Rate
    seed: Seed = 0
    tier: Tier = "draft"
    numerics: Literal["bf16", "8bit", "any"] = "any"
    camera: Camera = Camera()
    composition: Composition = Composition()
    adapters: tuple[Adapter, ...] = ()
    steps: int | None = None
    guidance: Thousandths | None = None
    lines: tuple[SpokenLine, ...] = ()
    sounds: tuple[str, ...] = ()


class Voice(Strict):
    """Who speaks. `pace` in thousandths of the voice's own; `pitch` in cents; `sample` names an input."""

    preset: str = "neutral"
    pace: Annotated[int, Field(ge=500, le=2000)] = 1000
    pitch: Annotated[int, Field(ge=-1200, le=1200)] = 0
    manner: str = ""
    sample: Name | None = None


class Dialogue(Strict):
    """One spoken line, dry, mono. Output: `line.wav` (48 kHz) whose facts carry the word times.

    `text` is what is spoken (pronunciations applied), `how` the delivery (whispering, urgent).
    `pace` in thousandths multiplies the voice's own.
    """

    kind: Literal["dialogue"] = "dialogue"
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    how: str = ""
    voice: Voice = Voice()
    pace: Annotated[int, Field(ge=500, le=2000)] = 1000
    language: str = "en"
    seed: Seed = 0


class SpeechEnhance(Strict):
    """Input `line.wav`, output `line.wav`; length kept to the sample."""

    kind: Literal["speech_enhance"] = "speech_enhance"
    mode: Literal["denoise", "enhance"] = "enhance"
    strength: Thousandths = 500
    steps: Annotated[int, Field(ge=1, le=128)] = 32
    seed: Seed = 0


class LipLine(Strict):
    """Which input drives the mouth of which figure, from which sample of the clip."""

    input: Name
    figure: str
    at_position: At = "centre"
    start: Samples


class Lipsync(Strict):
    """Inputs: `clip.mp4`, one audio a line. Output: `clip.mp4` with mouths moved."""

    kind: Literal["lipsync"] = "lipsync"
    lines: tuple[LipLine, ...]
    seed: Seed = 0
    tier: Tier = "standard"


class Interpolate(Strict):
    """Input `clip.mp4`, output `clip.mp4` at exactly `rate` and `frames`."""

    kind: Literal["interpolate"] = "interpolate"
    rate: Rate
    frames: Frames
    tier: Tier = "standard"


class FaceRestore(Strict):
    """Input `clip.mp4`, output `clip.mp4`."""

    kind: Literal["face_restore"] = "face_restore"
    strength: Thousandths = 500


class Upscale(Strict):
    """Input `clip.mp4`, output `clip.mp4` at exactly `size`."""

    kind: Literal["upscale"] = "upscale"
    size: Size
    model: str = ""
    tier: Tier = "standard"


class Sound(Strict):
    """An effect or an ambience. Output `sound.wav`, 48 kHz stereo. `samples` is the length wanted; a `bed`
    loops without a seam, a `hit` may end earlier.
    """

    kind: Literal["sound"] = "sound"
    prompt: Annotated[str, Field(min_length=1, max_length=500)]
    role: Literal["hit", "bed"] = "hit"
    samples: Samples
    seed: Seed = 0


class Score(Strict):
    """A music cue of exactly `samples`. Output `music.wav`, 48 kHz stereo."""

    kind: Literal["score"] = "score"
    prompt: Annotated[str, Field(min_length=1, max_length=500)]
    samples: Samples
    seed: Seed = 0


class TextBlock(Strict):
    """Words on the picture. Frames count from the start of the conformed segment; `fade` frames in and out.

    role: title, sub, super, slate, timecode (text is `HH:MM:SS:FF` of the segment's first frame),
    caption, credits (roll of `lines`).
    """

    role: Literal["title", "sub", "super", "slate", "timecode", "caption", "credits"]
    lines: tuple[str, ...]
    start: Annotated[int, Field(ge=0)]
    frames: Frames
    at: Literal["lower", "centre", "upper"] = "lower"
    fade: Annotated[int, Field(ge=0)] = 0
    italic: bool = False


class Edge(Strict):
    """How a segment begins or ends. `frames` are those inside this segment.

    dissolve (head only): mixes from input `previous`, whose frame `previous_start` lies under the
    segment's first frame. fade/dip: to or from `colour`, linear in light.
    """

    via: Literal["cut", "dissolve", "fade"] = "cut"
    frames: Annotated[int, Field(ge=0)] = 0
    colour: Literal["black", "white"] = "black"
    previous_start: Annotated[int, Field(ge=-1_000_000)] = 0
    total: Annotated[int, Field(ge=0)] = 0
    """Length of the whole transition in frames (0: as `frames`)."""
    offset: Annotated[int, Field(ge=0)] = 0
    """Frames of the transition that lie before this segment's part of it."""


class Conform(Strict):
    """One segment of the film in the delivery format, ready to be joined without encoding again.

    Inputs: `clip` (a motion, finish or uploaded clip; or a still image), optional `previous`; none of them for a black
    segment (credits). Takes source frames `start`.. ; where the source has no such frame its edge frame is held.
    Output: `segment.mp4`, exactly `frames` frames, closed GOP, no sound.
    """

    kind: Literal["conform"] = "conform"
    size: Size
    rate: Rate
    frames: Frames
    start: int = 0
    head: Edge = Edge()
    tail: Edge = Edge()
    texts: tuple[TextBlock, ...] = ()
    picture: Size | None = None
    """The active picture inside `size` (mattes around it), None for all of it."""
    quality: Literal["draft", "standard", "final"] = "draft"


class Gain(Strict):
    """A point of a gain envelope: at this sample of the film, this level; cosine between points."""

    at: Samples
    level: DeciBel10


class Placement(Strict):
    """One sound on the film's timeline. Positions are samples at 48 kHz of the film.

    `level` is the target: integrated LUFS in tenths for dialogue and music (measured on the used part;
    under 0.4 s RMS instead), peak dBFS in tenths for effects, and LUFS for beds. `gain` is added on top.
    """

    input: Name
    stem: Literal["dx", "fx", "amb", "mx", "nat"]
    at: Samples
    length: Samples
    offset: Samples = 0
    loop: bool = False
    level: DeciBel10
    gain: DeciBel10 = 0
    fade_in: Samples = 0
    fade_out: Samples = 0
    space: Literal["dry", "interior", "offscreen", "device"] = "dry"
    pan: Annotated[int, Field(ge=-1000, le=1000)] = 0
    envelope: tuple[Gain, ...] = ()


class Room(Strict):
    """Seeded noise that lies under a span of the film, so that it is never digitally silent."""

    at: Samples
    length: Samples
    level: DeciBel10 = -580
    seed: Seed = 0


class Mix(Strict):
    """All stems and the master of a film. Inputs: the placements' sounds. Outputs: `mix.m4a`, `mix.wav` (24 bit),
    and, with `stems`, `dx.wav`, `fx.wav`, `amb.wav`, `mx.wav`, `nat.wav` (48 kHz, 24 bit, stereo).
    """

    kind: Literal["mix"] = "mix"
    samples: Samples
    placements: tuple[Placement, ...] = ()
    room: tuple[Room, ...] = ()
    speech: tuple[tuple[Samples, Samples], ...] = ()
    """Where words are spoken, in film samples: music and beds are measured against it."""
    preset: Literal["web", "broadcast"] = "web"
    head_fade: Samples = 960
    tail_fade: Samples = 0
    stems: bool = True


class Cue(Strict):
    """A caption, already broken into lines. Frames of the film; `end` is exclusive."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    lines: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
    speaker: str = ""
    italic: bool = False
    top: bool = False


class Chapter(Strict):
    """A named position of the film."""

    start: Annotated[int, Field(ge=0)]
    title: str


class Assemble(Strict):
    """The film: segments joined without encoding, the mix and captions put beside. Inputs: `segNNNN`, `mix.m4a`.
    Outputs: `film.mp4`, `captions.srt`, `captions.vtt`, `poster.png`.
    """

    kind: Literal["assemble"] = "assemble"
    size: Size
    rate: Rate
    segments: Annotated[tuple[Name, ...], Field(min_length=1)]
    frames: Frames
    cues: tuple[Cue, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    title: str = ""
    language: str = "eng"
    poster: Annotated[int, Field(ge=0)] = 0
    soft_captions: bool = True


Params = Annotated[
    TrainLora
    | Keyframe
    | Motion
    | Dialogue
    | SpeechEnhance
    | Lipsync
    | Interpolate
    | FaceRestore
    | Upscale
    | Sound
    | Score
    | Conform
    | Mix
    | Assemble,
    Field(discriminator="kind"),
]
