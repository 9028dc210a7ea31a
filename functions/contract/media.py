"""Measured facts of an object, as the runtime reports them and the planner reads them."""

from typing import Literal

from functions.contract.base import Open


class Word(Open):
    """One spoken word. `start` and `end` are samples at 48 kHz from the start of its file."""

    text: str
    start: int
    end: int


class MediaFacts(Open):
    """What was measured on the decoded object. Absent where it does not apply.

    `frames` counts pictures; `samples` counts sample frames at 48 kHz, whatever the file's own rate;
    `score` ranks takes of one step, 0 to 1, higher is better; it says nothing across steps.
    `loudness` is integrated LUFS (ITU-R BS.1770), `peak` is true peak in dBTP.
    """

    type: Literal["image", "video", "audio", "data"]
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    rate_num: int | None = None
    rate_den: int | None = None
    samples: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    loudness: float | None = None
    peak: float | None = None
    words: tuple[Word, ...] = ()
    audio: bool | None = None
    score: float | None = None
