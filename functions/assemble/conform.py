"""One shot in the delivery format: chosen frames, fitted, with transitions and words, encoded once."""

from collections.abc import Iterator
from itertools import repeat

import av

from functions.assemble.layout import Words, words
from functions.assemble.lettering import missing
from functions.assemble.transitions import arrived, dissolved, faded, left
from functions.contract.job import Note
from functions.contract.params import Conform
from functions.media.decode import Shown, frames_at
from functions.media.encode import VideoEncoder
from functions.media.picture import BLACK, active, blank, copied, fitted, planes
from functions.runtime.engine import Job


def conform(job: Job, params: Conform) -> list[Note]:
    """Write `segment.mp4`. Raises `InputError`, `DiskFull` and what `progress` raises."""
    lettering = words(params)
    notes = _Tally()
    with VideoEncoder(job.output("segment.mp4"), params.size, params.rate, params.quality) as encoder:
        for index, frame in enumerate(_mixed(params, _pictures(job, params, notes), _previous(job, params))):
            head, tail = _ends(params, index)
            encoder.write(_finished(params, lettering, frame, index), alone=not head or not tail)
            job.progress("conform", index + 1, params.frames)
    return [*notes.held(), *_unshown(params)]


class _Tally:
    """Counts the frames that the clip did not have."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, shown: Iterator[Shown]) -> Iterator[Shown]:
        """Pass pictures on."""
        for one in shown:
            self.count += one.held
            yield one

    def held(self) -> list[Note]:
        if not self.count:
            return []
        detail = f"the clip has no picture for {self.count} of the frames; its edge frame is held there"
        return [Note(code="held_frames", detail=detail, value=self.count)]


def _pictures(job: Job, params: Conform, notes: _Tally) -> Iterator[av.VideoFrame]:
    if "clip" not in job.inputs:
        yield from _blanks(params, params.frames)
        return
    shown = frames_at(job.inputs["clip"], params.rate, params.start, params.frames)
    yield from _fitted(params, notes.counted(shown))


def _previous(job: Job, params: Conform) -> Iterator[av.VideoFrame]:
    """The outgoing shot's pictures under a dissolve."""
    head = params.head
    if head.via != "dissolve" or not head.frames:
        return
    if "previous" not in job.inputs:
        yield from _blanks(params, head.frames)
        return
    shown = frames_at(job.inputs["previous"], params.rate, head.previous_start, head.frames, "the previous clip")
    yield from _fitted(params, shown)


def _blanks(params: Conform, count: int) -> Iterator[av.VideoFrame]:
    for _ in repeat(None, count):
        yield blank(params.size, BLACK)


def _fitted(params: Conform, shown: Iterator[Shown]) -> Iterator[av.VideoFrame]:
    area = active(params.size, params.picture)
    source = frame = None
    for one in shown:
        if frame is None or one.frame is not source:
            source, frame = one.frame, fitted(one.frame, params.size, area)
        yield frame


def _mixed(
    params: Conform, pictures: Iterator[av.VideoFrame], previous: Iterator[av.VideoFrame]
) -> Iterator[av.VideoFrame]:
    for index, frame in enumerate(pictures):
        before = next(previous, None)
        yield frame if before is None else dissolved(before, frame, arrived(params.head, index))


def _ends(params: Conform, index: int) -> tuple[float, float]:
    """How much of the picture the fades at both ends leave."""
    head = arrived(params.head, index) if params.head.via == "fade" else 1.0
    return head, left(params.tail, params.frames - 1 - index)


def _finished(params: Conform, lettering: tuple[Words, ...], frame: av.VideoFrame, index: int) -> av.VideoFrame:
    """Words over the picture, then the fades over both; the very same frame where there is neither."""
    over = [(block.at(index - block.start), opacity) for block in lettering if (opacity := block.opacity(index))]
    head, tail = _ends(params, index)
    if not over and head >= 1 and tail >= 1:
        return frame
    drawn = copied(frame)
    for patch, opacity in over:
        if patch:
            patch.lay(planes(drawn), opacity)
    return faded(faded(drawn, head, params.head.colour), tail, params.tail.colour)


def _unshown(params: Conform) -> list[Note]:
    found = {c: None for block in params.texts for line in block.lines for c in missing(line, block.role)}
    if not found:
        return []
    detail = f"the bundled typeface has no {' '.join(found)}; they show as boxes"
    return [Note(code="missing_glyphs", detail=detail, value="".join(found))]
