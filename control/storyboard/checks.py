"""What is wrong with a film that reads well: errors that keep it from being made, warnings of the craft."""

from collections.abc import Callable, Collection, Iterator

from control.storyboard import craft
from control.storyboard.models import MAX_SHOTS, Storyboard, mark
from control.storyboard.problem import Problem, error
from control.storyboard.references import dangling
from control.storyboard.speech import EDGE, words_end


def check(board: Storyboard, vocabulary: Collection[str] | None = None) -> tuple[Problem, ...]:
    """Every error; where there is none, every warning. `vocabulary` are the words a sound engine can make; None
    checks no sound.
    """
    return errors(board) or tuple(craft.warnings(board, vocabulary))


def errors(board: Storyboard) -> tuple[Problem, ...]:
    """What keeps the film from being made."""
    return tuple(found for rule in ERRORS for found in rule(board))


def ids(board: Storyboard) -> Iterator[tuple[str, str]]:
    """Every id of the film and where it stands; one namespace for all."""
    for kind in ("cast", "places", "props"):
        yield from ((name, f"{kind}.{name}") for name in getattr(board, kind))
    yield from ((cue.id, f"music[{i}].id") for i, cue in enumerate(board.music))
    yield from ((note.id, f"notes[{i}].id") for i, note in enumerate(board.notes))
    for s, scene in enumerate(board.scenes):
        yield scene.id, f"scenes[{s}].id"
        yield from ((note.id, f"scenes[{s}].notes[{i}].id") for i, note in enumerate(scene.notes))
        for n, shot in enumerate(scene.shots):
            at = f"scenes[{s}].shots[{n}]"
            yield shot.id, f"{at}.id"
            for kind in ("lines", "sfx", "notes"):
                yield from ((part.id, f"{at}.{kind}[{i}].id") for i, part in enumerate(getattr(shot, kind)))


def shot_paths(board: Storyboard) -> dict[str, str]:
    """Shot id -> where it stands."""
    return {
        shot.id: f"scenes[{s}].shots[{n}]" for s, scene in enumerate(board.scenes) for n, shot in enumerate(scene.shots)
    }


def _duplicates(board: Storyboard) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, at in ids(board):
        if name in first:
            yield error(at, f"the id {name!r} is already that of {first[name].removesuffix('.id')}; choose another")
        elif name == "end":
            yield error(at, "'end' means the film's end; choose another id")
        first.setdefault(name, at)


def _count(board: Storyboard) -> Iterator[Problem]:
    shots = [shot for _, shot in board.shots()]
    if len(shots) > MAX_SHOTS:
        yield error("scenes", f"the film has {len(shots):,} shots; at most {MAX_SHOTS} are taken, so split the film")
    elif all(shot.omit for shot in shots):
        yield error("scenes", "every shot is left out" if shots else "the film has no shot; add one")


def _earlier(board: Storyboard) -> Iterator[Problem]:
    seen: set[str] = set()
    paths = shot_paths(board)
    for _, shot in board.shots():
        if shot.same_as in paths and shot.same_as not in seen:
            yield error(f"{paths[shot.id]}.same_as", f"{shot.same_as!r} is no earlier shot; name one before this")
        seen.add(shot.id)


def _neighbours(board: Storyboard) -> Iterator[Problem]:
    paths = shot_paths(board)
    played = [shot for _, shot in board.shots() if not shot.omit]
    if played and played[0].from_previous:
        yield error(f"{paths[played[0].id]}.from_previous", "the first shot has none before it; leave this out")
    if played and played[-1].end_frame == "next":
        yield error(f"{paths[played[-1].id]}.end_frame", "the last shot has none after it; name a file")


def _exact(board: Storyboard) -> Iterator[Problem]:
    paths = shot_paths(board)
    for _, shot in board.shots():
        if shot.exact and shot.seconds is None:
            yield error(f"{paths[shot.id]}.exact", "needs `seconds`; say how long the shot is")
        elif shot.exact and shot.seconds is not None and words_end(shot) + EDGE > shot.seconds + 1e-6:
            need = words_end(shot) + EDGE
            yield error(
                f"{paths[shot.id]}.exact",
                f"its lines need about {need:.1f} s of {shot.seconds:g}; cut words, add seconds or drop `exact`",
            )


def _music(board: Storyboard) -> Iterator[Problem]:
    order = {shot.id: index for index, (_, shot) in enumerate(board.shots())}
    for index, cue in enumerate(board.music):
        start, end = mark(cue.start), mark(cue.to)
        if cue.to == "end" or start.shot not in order or end.shot not in order:
            continue
        if (order[end.shot], end.offset) <= (order[start.shot], start.offset):
            yield error(f"music[{index}].to", f"{cue.to!r} is not after {cue.start!r}; music ends after it begins")


ERRORS: tuple[Callable[[Storyboard], Iterator[Problem] | list[Problem]], ...] = (
    _duplicates,
    _count,
    dangling,
    _earlier,
    _neighbours,
    _exact,
    _music,
)
