"""Shared pydantic bases and scalar types of the contract.

Numbers that enter a fingerprint are integers: durations are frames or samples at 48 kHz, rates are
integer pairs, weights are thousandths, levels are tenths of a decibel.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CONTRACT: Literal["vivijure-job/1"] = "vivijure-job/1"
SAMPLE_RATE = 48_000
"""Samples a second of every sound position and length in the contract."""
SEED_LIMIT = 2**53
HANDLE_SECONDS = 0.25
"""What a planned clip holds beyond its shot, for a transition. A clip that begins a group of pictures there is cut
without encoding it again.
"""


class Strict(BaseModel):
    """Immutable; refuses unknown fields and silent type changes. What the Studio sends is one of these."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="strings")


class Open(BaseModel):
    """Immutable; keeps unknown fields. What a door or provider answers is one of these."""

    model_config = ConfigDict(extra="allow", frozen=True)


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fingerprint = Sha256
JobId = Annotated[str, Field(pattern=r"^[0-9a-z]{16,40}$")]
"""Random, lower case; never derived from what the job makes."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
"""A name of an input or output; an output's name carries its file suffix (`image.png`)."""
EngineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
Seed = Annotated[int, Field(ge=0, lt=SEED_LIMIT)]
Frames = Annotated[int, Field(ge=1, le=1_000_000)]
Samples = Annotated[int, Field(ge=0, le=48_000 * 3600 * 12)]
Thousandths = Annotated[int, Field(ge=0, le=10_000)]
DeciBel10 = Annotated[int, Field(ge=-1200, le=600)]
"""Tenths of a decibel (or of a LUFS)."""
Millis = Annotated[int, Field(ge=0)]
Tier = Literal["draft", "standard", "final"]
StepKind = Literal[
    "train_lora",
    "keyframe",
    "motion",
    "dialogue",
    "speech_enhance",
    "lipsync",
    "interpolate",
    "face_restore",
    "upscale",
    "sound",
    "score",
    "conform",
    "mix",
    "assemble",
]


class Size(Strict):
    """Pixels; both even, as yuv420p needs."""

    width: Annotated[int, Field(ge=16, le=8192, multiple_of=2)]
    height: Annotated[int, Field(ge=16, le=8192, multiple_of=2)]


class Rate(Strict):
    """Frames a second as an integer pair."""

    num: Annotated[int, Field(ge=1, le=240_000)]
    den: Annotated[int, Field(ge=1, le=1001)] = 1

    def samples(self, frames: int) -> int:
        """Samples at 48 kHz that `frames` last, rounded to the nearest."""
        return (frames * SAMPLE_RATE * self.den * 2 + self.num) // (2 * self.num)

    def seconds(self, frames: int) -> float:
        """Seconds that `frames` last."""
        return frames * self.den / self.num
