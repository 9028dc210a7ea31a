"""One shot in the delivery format: chosen frames, fitted, with transitions and words, encoded at most once more."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import av

from functions.assemble.join import Segment, join
from functions.assemble.layout import Words, words
from functions.assemble.lettering import missing
from functions.assemble.pieces import Piece, pieces
from functions.assemble.transitions import arrived, dissolved, faded, left
from functions.contract.job import Note
from functions.contract.params import Conform
from functions.media.decode import Shown, frames_at
from functions.media.encode import VideoEncoder
from functions.media.groups import groups
from functions.media.picture import BLACK, active, blank, copied, fitted, planes
from functions.runtime.engine import Job


def conform(job: Job, params: Conform) -> list[Note]:
    """Write `segment.mp4`. Groups of pictures shown as they are get copied where the clip is encoded as the film is;
    all other frames are encoded. Raises `InputError`, `DiskFull` and what `progress` raises.
    """
    shot = _Shot(job, params)
    parts = shot.pieces()
    if len(parts) == 1 and parts[0].source is None:
        shot.encode(parts[0], job.output("segment.mp4"))
    else:
        join([shot.part(n, p) for n, p in enumerate(parts)], job.output("segment.mp4"), params.size, params.rate)
    return [*shot.notes.held(), *_unshown(params)]


class _Shot:
    """One segment in the making."""

    def __init__(self, job: Job, params: Conform) -> None:
        self.job, self.params, self.words, self.notes = job, params, words(params), _Tally()

    def pieces(self) -> list[Piece]:
        """What is copied and what is encoded."""
        params, clip = self.params, self.job.inputs.get("clip")
        copyable: list[range] = []
        if clip is not None and params.picture in (None, params.size):
            with VideoEncoder(self.job.scratch / "header.mp4", params.size, params.rate, params.quality) as encoder:
                header = encoder.header()
            copyable = groups(clip, header, params.rate)
        return pieces(params.frames, params.start, copyable, self._plain)

    def _plain(self, index: int) -> bool:
        """Whether the clip's picture is shown there as it is."""
        params = self.params
        mixed = params.head.via == "dissolve" and index < params.head.frames
        return not mixed and min(_ends(params, index)) >= 1 and not any(b.opacity(index) for b in self.words)

    def part(self, number: int, piece: Piece) -> Segment:
        """A piece as a file of packets."""
        self.job.progress("conform", piece.start, self.params.frames)
        if piece.source is not None:
            packets = range(piece.source, piece.source + piece.frames)
            return Segment("of the clip", self.job.inputs["clip"], packets)
        path = self.job.scratch / f"piece{number}.mp4"
        self.encode(piece, path)
        return Segment(f"piece {number}", path)

    def encode(self, piece: Piece, path: Path) -> None:
        """Write a piece's frames."""
        job, params = self.job, self.params
        pictures = _mixed(params, piece, self._pictures(piece), self._previous(piece))
        with VideoEncoder(path, params.size, params.rate, params.quality) as encoder:
            for index, frame in enumerate(pictures, piece.start):
                head, tail = _ends(params, index)
                encoder.write(_finished(params, self.words, frame, index), alone=not head or not tail)
                job.progress("conform", index + 1, params.frames)

    def _pictures(self, piece: Piece) -> Iterator[av.VideoFrame]:
        params = self.params
        if "clip" not in self.job.inputs:
            yield from _blanks(params, piece.frames)
            return
        shown = frames_at(self.job.inputs["clip"], params.rate, params.start + piece.start, piece.frames)
        yield from _fitted(params, self.notes.counted(shown))

    def _previous(self, piece: Piece) -> Iterator[av.VideoFrame]:
        """The outgoing shot's pictures under a dissolve."""
        params, head = self.params, self.params.head
        count = min(head.frames - piece.start, piece.frames) if head.via == "dissolve" else 0
        if count <= 0:
            return
        if "previous" not in self.job.inputs:
            yield from _blanks(params, count)
            return
        start = head.previous_start + piece.start
        shown = frames_at(self.job.inputs["previous"], params.rate, start, count, "the previous clip")
        yield from _fitted(params, shown)


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
    params: Conform, piece: Piece, pictures: Iterator[av.VideoFrame], previous: Iterator[av.VideoFrame]
) -> Iterator[av.VideoFrame]:
    for index, frame in enumerate(pictures, piece.start):
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
