"""One shot in the delivery format: chosen frames, fitted, with transitions and words, encoded once."""

from collections.abc import Iterator
from itertools import repeat

from functions.contract.job import Note
from functions.contract.params import Conform
from functions.media.decode import Shown, frames_at
from functions.media.encode import VideoEncoder
from functions.media.picture import BLACK, active, blank, fitted
from functions.runtime.engine import Job


def conform(job: Job, params: Conform) -> list[Note]:
    """Write `segment.mp4`. Raises `InputError`, `DiskFull` and what `progress` raises."""
    held = 0
    area = active(params.size, params.picture)
    with VideoEncoder(job.output("segment.mp4"), params.size, params.rate, params.quality) as encoder:
        for index, shown in enumerate(_pictures(job, params)):
            held += shown.held
            frame = fitted(shown.frame, params.size, area)
            encoder.write(frame)
            job.progress("conform", index + 1, params.frames)
    return _notes(held)


def _pictures(job: Job, params: Conform) -> Iterator[Shown]:
    if "clip" not in job.inputs:
        return iter(repeat(Shown(blank(params.size, BLACK), held=False), params.frames))
    return frames_at(job.inputs["clip"], params.rate, params.start, params.frames)


def _notes(held: int) -> list[Note]:
    if not held:
        return []
    plural = "" if held == 1 else "s"
    return [
        Note(code="held_frames", detail=f"the clip is {held} frame{plural} short; its edge frame is held", value=held)
    ]
