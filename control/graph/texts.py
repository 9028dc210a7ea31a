"""Words on the picture: slate, timecode, supers, the opening title, credits, burned captions."""

from collections.abc import Iterable

from control.graph.cut import Segment
from control.storyboard.models import Credits, OpenTitle, Shot
from functions.contract.base import Rate
from functions.contract.params import Cue, TextBlock

SLATE_SECONDS = 1.5
SLATE_FADE = 6
TITLE_FADE_SECONDS = 0.4
SUPER_MARGIN_SECONDS = 0.3


def frames(seconds: float, rate: Rate) -> int:
    """Frames nearest to this many seconds."""
    return round(seconds * rate.num / rate.den)


def timecode(frame: int, rate: Rate) -> str:
    """`HH:MM:SS:FF` of a film frame, non-drop."""
    fps = round(rate.num / rate.den)
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}"


def slate_block(text: str, lead: int, segment: Segment, rate: Rate) -> TextBlock:
    """The slate in the first 1.5 s of a shot that begins `lead` frames into its segment."""
    length = min(frames(SLATE_SECONDS, rate), segment.frames - lead)
    return TextBlock(role="slate", lines=(text,), start=lead, frames=max(length, 1), fade=min(SLATE_FADE, length // 3))


def timecode_block(segment: Segment, offset: int, rate: Rate) -> TextBlock:
    """Running timecode; `offset` film frames lie before the first shot (a title card)."""
    return TextBlock(role="timecode", lines=(timecode(segment.start + offset, rate),), start=0, frames=segment.frames)


def super_block(shot: Shot, lead: int, segment: Segment, rate: Rate) -> TextBlock | None:
    """The shot's own words on the picture, for nearly all of it."""
    if shot.super is None:
        return None
    margin = min(frames(SUPER_MARGIN_SECONDS, rate), (segment.frames - lead) // 4)
    length = max(segment.frames - lead - 2 * margin, 1)
    lines = tuple(shot.super.text.split("\n"))
    return TextBlock(
        role="super", lines=lines, start=lead + margin, frames=length, at=shot.super.at, fade=min(8, length // 3)
    )


def title_blocks(title: OpenTitle, at: int, room: int, rate: Rate) -> tuple[TextBlock, ...]:
    """The opening title (and its sub-title) `at` frames into a segment of which `room` frames are left."""
    length = max(min(frames(title.seconds, rate), room), 1)
    fade = min(frames(TITLE_FADE_SECONDS, rate), length // 3)
    blocks = [TextBlock(role="title", lines=(title.text,), start=at, frames=length, at="centre", fade=fade)]
    if title.sub:
        blocks.append(TextBlock(role="sub", lines=(title.sub,), start=at, frames=length, at="centre", fade=fade))
    return tuple(blocks)


def credits_block(credits: Credits, rate: Rate) -> TextBlock:
    """The closing card."""
    length = frames(credits.seconds, rate)
    fade = min(frames(TITLE_FADE_SECONDS, rate), length // 4)
    return TextBlock(role="credits", lines=credits.lines, start=0, frames=length, at="centre", fade=fade)


def caption_blocks(cues: Iterable[Cue], segment: Segment, offset: int) -> tuple[TextBlock, ...]:
    """The parts of cues that fall into a segment."""
    first, end = segment.start + offset, segment.start + offset + segment.frames
    return tuple(
        TextBlock(
            role="caption",
            lines=cue.lines,
            start=max(cue.start, first) - first,
            frames=min(cue.end, end) - max(cue.start, first),
            at="upper" if cue.top else "lower",
            italic=cue.italic,
        )
        for cue in cues
        if cue.start < end and cue.end > first
    )
