"""Warnings of the craft: a film can be made, and a director would want to know."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator

from control.storyboard.inherit import Effective, effective
from control.storyboard.models import Beat, Scene, Shot, Spoken, Storyboard, mark
from control.storyboard.problem import Problem, warning
from control.storyboard.scalars import names_audio
from control.storyboard.speech import EDGE, Timed, schedule, words_end

LONGEST_TURN = 9.0
"""Seconds one person may speak without a cut before it drags."""
ALIKE = 3
"""Shots in a row of one size and angle that look like one."""
ESTABLISHING = frozenset({"extreme-wide", "wide", "full"})
_PLACES = {"far-left": -2, "left": -1, "centre": 0, "right": 1, "far-right": 2}
_WORD = re.compile(r"[a-z]+")
Played = list[tuple[str, Effective]]
"""The shots of a scene that are in the cut, with where each stands."""


def warnings(board: Storyboard, vocabulary: Collection[str] | None) -> Iterator[Problem]:
    """Every warning of the film, scene by scene."""
    shown: set[str] = set()
    for index, scene in enumerate(board.scenes):
        played: Played = [
            (f"scenes[{index}].shots[{n}]", effective(board, shot))
            for n, shot in enumerate(scene.shots)
            if not shot.omit
        ]
        yield from _unestablished(f"scenes[{index}]", scene, played, shown)
        yield from _crossings(played)
        yield from _alike(played)
        for at, shot in played:
            yield from _words(at, shot.shot)
        yield from _sounds(board, f"scenes[{index}]", scene, vocabulary or (), vocabulary is not None)
    yield from _left_out(board)
    yield from _same_number(board)


def _unestablished(at: str, scene: Scene, played: Played, shown: set[str]) -> Iterator[Problem]:
    """The first scene at a place that never shows it."""
    place = scene.place or scene.heading
    if not played or not place or place in shown:
        return
    shown.add(place)
    if not any(shot.size in ESTABLISHING for _, shot in played):
        yield warning(at, f"no establishing shot: {place!r} is never seen wider than {played[0][1].size}")


def _crossings(played: Played) -> Iterator[Problem]:
    """The 180-degree line: two people change sides between shots without having moved."""
    sides: dict[tuple[str, str], int] = {}
    for at, shot in played:
        moving = {name for name, blocking in shot.who.items() if blocking.moves != "none"}
        for pair in itertools.combinations(sorted(shot.who), 2):
            left, right = (_PLACES[shot.who[name].at] for name in pair)
            side = (left > right) - (left < right)
            if side and sides.get(pair, side) != side and not moving & set(pair):
                yield warning(f"{at}.who", f"{pair[0]} and {pair[1]} change sides: the 180-degree line is crossed")
            if side:
                sides[pair] = side
    yield from _eyelines(played)


def _eyelines(played: Played) -> Iterator[Problem]:
    """Two people shown singly in turn, both looking the same way, do not look at each other."""
    for (_, first), (at, second) in itertools.pairwise(played):
        if len(first.who) != 1 or len(second.who) != 1 or not (first.shot.spoken and second.shot.spoken):
            continue
        (one, a), (two, b) = next(iter(first.who.items())), next(iter(second.who.items()))
        if one != two and a.facing == b.facing and a.facing in ("left", "right"):
            yield warning(
                f"{at}.who.{two}.facing", f"{one} and {two} both look {a.facing}: the 180-degree line is crossed"
            )


def _alike(played: Played) -> Iterator[Problem]:
    run = 0
    for index, (at, shot) in enumerate(played):
        before = played[index - 1][1] if index else None
        same = before is not None and (before.size, before.angle) == (shot.size, shot.angle)
        run = run + 1 if same else 1
        if run == ALIKE:
            yield warning(f"{at}.size", f"{ALIKE} shots in a row are {shot.size} at {shot.angle} level; vary one")


def _words(at: str, shot: Shot) -> Iterator[Problem]:
    timed = schedule(shot)
    for index, first, last in _turns(timed):
        if last.end - first.start > LONGEST_TURN and isinstance(first.line, Spoken):
            length = last.end - first.start
            yield warning(f"{at}.lines[{index}]", f"{first.line.who} speaks about {length:.1f} s without a cut")
    for index, (now, after) in enumerate(itertools.pairwise(timed)):
        fixed = isinstance(after.line, Spoken) and after.line.at is not None and not after.line.overlap
        if fixed and now.end > after.start + 1e-6:
            yield warning(
                f"{at}.lines[{index}]",
                f"runs about {now.end - after.start:.1f} s into the line after it, fixed by `at`",
            )
    need = words_end(shot) + EDGE
    if timed and shot.seconds is not None and not shot.exact and need > shot.seconds + 1e-6:
        yield warning(
            f"{at}.seconds", f"its lines need about {need:.1f} s, so the shot gets longer than {shot.seconds:g}"
        )


def _turns(timed: tuple[Timed, ...]) -> Iterator[tuple[int, Timed, Timed]]:
    """Runs of lines by one speaker: index of the first, first, last."""
    spoken = [(i, t) for i, t in enumerate(timed) if not isinstance(t.line, Beat)]
    for _, run in itertools.groupby(spoken, key=lambda pair: getattr(pair[1].line, "who", "")):
        lines = list(run)
        yield lines[0][0], lines[0][1], lines[-1][1]


def _sounds(board: Storyboard, at: str, scene: Scene, vocabulary: Collection[str], known: bool) -> Iterator[Problem]:
    """Sounds that are described, have no file, and hold no word an engine can make."""
    if not known:
        return
    described = [
        (f"{at}.shots[{n}].sfx[{i}].sound", sfx.sound)
        for n, shot in enumerate(scene.shots)
        for i, sfx in enumerate(shot.sfx)
        if sfx.file is None
    ]
    own = scene.ambience if scene.ambience is not None else ""
    place = board.places.get(scene.place or "")
    bed = own or (place.ambience if place is not None and scene.ambience is None else "")
    if bed and bed.lower() != "none" and not names_audio(bed):
        described.append((f"{at}.ambience" if own else f"places.{scene.place}.ambience", bed))
    for where, text in described:
        if not _stems(text) & {stem for word in vocabulary for stem in _stems(word)}:
            yield warning(where, f"no engine here can make {text!r}; give a `file`, or it stays a caption")


def _stems(text: str) -> set[str]:
    return {word.removesuffix("s") for word in _WORD.findall(text.casefold())}


def _same_number(board: Storyboard) -> Iterator[Problem]:
    """Scenes printed with one number: their shots cannot be named by label."""
    printed = Counter(scene.number for scene in board.scenes if scene.number is not None)
    for index, scene in enumerate(board.scenes):
        if printed[scene.number or ""] > 1:
            yield warning(f"scenes[{index}].number", f"{printed[scene.number or '']} scenes are number {scene.number}")


def _left_out(board: Storyboard) -> Iterator[Problem]:
    """Music and titles that hang on a shot which is left out of the cut."""
    omitted = {shot.id for _, shot in board.shots() if shot.omit}
    named = [(f"music[{i}].from", mark(cue.start).shot) for i, cue in enumerate(board.music)]
    named += [(f"music[{i}].to", mark(cue.to).shot) for i, cue in enumerate(board.music)]
    if board.titles.open is not None and board.titles.open.over is not None:
        named.append(("titles.open.over", board.titles.open.over))
    for at, shot in named:
        if shot in omitted:
            yield warning(at, f"the shot {shot!r} is left out; this stands where it would have begun")
