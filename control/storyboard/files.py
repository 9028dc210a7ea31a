"""The files that a storyboard names: art, references, sounds, music."""

from collections.abc import Iterator

from control.storyboard.models import Shot, Storyboard
from control.storyboard.scalars import names_audio


def files(board: Storyboard) -> tuple[str, ...]:
    """Every file name in the storyboard, once, in the order of the text."""
    return tuple(dict.fromkeys(name for name in _named(board) if name))


def _named(board: Storyboard) -> Iterator[str | None]:
    for member in board.cast.values():
        yield member.portrait
        yield from member.refs
    for place in board.places.values():
        yield from place.refs
        yield place.ambience if names_audio(place.ambience) else None
    for prop in board.props.values():
        yield from prop.refs
    for cue in board.music:
        yield cue.file
    for scene in board.scenes:
        yield scene.ambience if scene.ambience and names_audio(scene.ambience) else None
        for shot in scene.shots:
            yield from _of_shot(shot)


def _of_shot(shot: Shot) -> Iterator[str | None]:
    yield shot.keyframe
    yield shot.end_frame if shot.end_frame != "next" else None
    yield from shot.refs
    for sfx in shot.sfx:
        yield sfx.file
