"""Small random films without errors, and random edits of them, some of which are refused."""

from collections.abc import Callable, Collection
from typing import Any

from hypothesis import strategies as st

from control.storyboard import text
from control.storyboard.checks import errors
from control.storyboard.models import Storyboard

Values = dict[str, Any]
WORDS = ["light", "sea", "waits.", "goes", "the", "café", "née?", "don't", "“No.”", "# 7", "- x", "a: b", "{q}", "灯台"]
SIZES = ["extreme-wide", "wide", "full", "medium", "medium-close", "close", "insert"]
ASPECTS = ["words", "picture", "timing", "all"]

phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
seconds = st.integers(4, 80).map(lambda n: n / 8)
short = st.integers(0, 24).map(lambda n: n / 8)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "size": st.sampled_from(SIZES),
    "angle": st.sampled_from(["low", "high"]),
    "camera": st.sampled_from([{"move": "push"}, {"rig": "handheld", "to": "the sea"}]),
    "light": phrases,
    "props": st.just(["lamp"]),
    "seconds": seconds,
    "via": st.sampled_from([{"kind": "dissolve", "seconds": 0.8}, {"kind": "dip-white", "seconds": 0.1}]),
    "super": st.fixed_dictionaries({"text": phrases}),
    "j_cut": st.sampled_from([0.5, 3.0]),
    "takes": st.just({"motion": "take1"}),
    "seed": st.integers(0, 2**53 - 1),
    "end_frame": st.just("last.png"),
}


def _line(draw: st.DrawFn, name: str, cast: list[str]) -> Values:
    if draw(st.integers(0, 3)) == 0:
        return {"id": name, "beat": draw(st.sampled_from([0.1, 0.5, 2.0]))}
    extras: list[Values] = [{}, {"how": "quiet"}, {"voice": "os"}, {"pause": 1.0}, {"at": 1.5}]
    extra = draw(st.sampled_from(extras))
    return {"id": name, "who": draw(st.sampled_from(cast)), "text": draw(phrases), **extra}


def _shot(draw: st.DrawFn, name: str, cast: list[str], earlier: list[str]) -> Values:
    given = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=4, unique=True))
    values = {key: draw(FIELDS[key]) for key in given}
    people = draw(st.lists(st.sampled_from(cast), unique=True))
    if people:
        values["who"] = {p: {"facing": draw(st.sampled_from(["away", *cast]))} for p in people}
    if earlier:
        links: list[Values] = [{}, {}, {"same_as": earlier[-1]}, {"from_previous": True}, {"omit": True}]
        values |= draw(st.sampled_from(links))
    lines = [_line(draw, f"l-{name}-{n}", cast) for n in range(draw(st.integers(0, 3)))]
    sounds = [{"id": f"x-{name}", "sound": "bell", "at": draw(short)}] if draw(st.booleans()) else []
    notes = [{"id": f"n-{name}", "text": "hm"}] if draw(st.booleans()) else []
    return {"id": name, "action": draw(phrases), **values, "lines": lines, "sfx": sounds, "notes": notes}


@st.composite
def films(draw: st.DrawFn) -> Storyboard:
    """A film of one to six shots that has no errors."""
    cast = list(draw(st.permutations(["ann", "bo", "cy"])))[: draw(st.integers(1, 3))]
    shots: list[str] = []
    scenes: list[Values] = []
    for number in range(draw(st.integers(1, 3))):
        held: list[Values] = []
        for _ in range(draw(st.integers(1, 2))):
            name = f"s{len(shots)}"
            held.append(_shot(draw, name, cast, shots))
            shots.append(name)
        extras: list[Values] = [{}, {"place": "room"}, {"light": "dim"}, {"wardrobe": {cast[0]: "coat"}}]
        extra = draw(st.sampled_from(extras))
        scenes.append({"id": f"sc{number}", **extra, "shots": held})
    music = [{"id": "m1", "prompt": "low", "from": draw(st.sampled_from(shots))}] if draw(st.booleans()) else []
    people = {name: draw(st.sampled_from([{}, {"look": "old"}, {"voice": {"pace": 0.9}}])) for name in cast}
    rest = {"places": {"room": {"look": "a room"}}, "props": {"lamp": {}}}
    board = text.validate({"title": "T", "cast": people, **rest, "music": music, "scenes": scenes})
    assert not errors(board)
    return board


class Writer:
    """Draws operations for one film; `tag` keeps the new ids of two writers apart."""

    def __init__(self, draw: st.DrawFn, board: Storyboard, tag: str) -> None:
        self.draw, self.board, self.tag = draw, board, tag
        self.shots = [shot.id for _, shot in board.shots()]
        self.scenes = [scene.id for scene in board.scenes]
        self.lines = [line.id for _, shot in board.shots() for line in shot.lines]
        self.sounds = [sfx.id for _, shot in board.shots() for sfx in shot.sfx]

    def one(self, choices: Collection[Any]) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def phrase(self) -> str:
        return self.draw(phrases)

    def new(self) -> str:
        return f"{self.tag}{self.draw(st.integers(0, 99))}"

    def pair(self) -> tuple[str, str]:
        first = self.one(self.shots)
        return first, self.shots[(self.shots.index(first) + 1) % len(self.shots)]

    def place(self, but: str = "") -> Values:
        kind, name = self.one([*(("after", s) for s in self.shots if s != but), *(("scene", s) for s in self.scenes)])
        return {kind: name}

    def line_place(self, shot: str, but: str = "") -> Values:
        return {"after": self.one([None, *(x.id for x in self.board.shot(shot).lines if x.id != but)])}

    def holder(self, line: str) -> str:
        return next(s.id for _, s in self.board.shots() if line in [x.id for x in s.lines])


def _split_at_line(w: Writer) -> Values:
    line = w.one(w.lines)
    return {"shot": w.holder(line), "at_line": line, "new_id": w.new()}


def _move_line(w: Writer) -> Values:
    line, shot = w.one(w.lines), w.one(w.shots)
    return {"line": line, "shot": shot, "ref": w.line_place(shot, line)}


def _add_line(w: Writer) -> Values:
    shot = w.one(w.shots)
    long = {"who": w.one(w.board.cast), "text": w.phrase()}
    return {"shot": shot, "ref": w.line_place(shot), "line": {"id": w.new(), **w.one([long, {"beat": 1}])}}


def _move_shots(w: Writer) -> Values:
    shot = w.one(w.shots)
    return {"shots": [shot], "ref": w.place(shot)}


def _replace(w: Writer) -> Values:
    shot = w.one(w.shots)
    count = sum(line.text.count("e") for line in w.board.shot(shot).spoken)
    return {"find": "e", "with": "oe", "in": shot, "expect_count": count or 1}


def _pair(w: Writer, one: str, two: str) -> Values:
    return dict(zip((one, two), w.pair(), strict=True))


def _scene_pair(w: Writer) -> Values:
    first = w.one(w.scenes)
    return {"first": first, "second": w.scenes[(w.scenes.index(first) + 1) % len(w.scenes)]}


def _edit_shot(w: Writer) -> Values:
    who = w.one(w.board.cast)
    path, value = w.one(
        [("size", "wide"), ("carry", "a lamp"), ("action", "sits"), (f"who.{who}.at", "right"), ("camera", "pull")]
    )
    return {"shots": w.one([[w.one(w.shots)], w.shots]), "path": path, "value": value}


def _entity(w: Writer) -> Values:
    return {"kind": "cast", "id": w.one(w.board.cast)}


EDITS: dict[str, Callable[[Writer], Values]] = {
    "set_film": lambda w: {"path": w.one(["title", "style", "avoid"]), "value": w.phrase()},
    "set_titles": lambda w: {"value": {"open": {"text": "T", "over": w.one(w.shots)}}},
    "add_music": lambda w: {"cue": {"id": w.new(), "prompt": "p", "from": w.one(w.shots)}},
    "edit_music": lambda w: {"id": "m1", "path": "level", "value": w.draw(st.integers(-30, 6))},
    "remove_music": lambda w: {"id": "m1"},
    "add_entity": lambda w: {"kind": w.one(["cast", "props"]), "id": w.new(), "value": "a thing"},
    "edit_entity": lambda w: {**_entity(w), "path": w.one(["look", "voice.manner", "name"]), "value": w.phrase()},
    "rename_entity": lambda w: {**_entity(w), "to": w.new()},
    "remove_entity": lambda w: {**_entity(w), "replace_with": w.one([None, *w.board.cast])},
    "bind_cast": lambda w: {"id": w.one(w.board.cast), "library_id": "lib"},
    "add_scene": lambda w: {
        "ref": {"after": w.one([None, *w.scenes])},
        "scene": {"id": (new := w.new()), "shots": [{"id": f"{new}s", "action": "x"}]},
    },
    "edit_scene": lambda w: {"scene": w.one(w.scenes), "path": w.one(["light", "ambience"]), "value": w.phrase()},
    "move_scene": lambda w: {"scene": w.one(w.scenes), "ref": {"after": w.one([None, *w.scenes])}},
    "split_scene": lambda w: {
        "scene": w.board.scene_of(shot := w.one(w.shots)).id,
        "at_shot": shot,
        "new_id": w.new(),
    },
    "merge_scenes": _scene_pair,
    "remove_scene": lambda w: {"scene": w.one(w.scenes)},
    "add_shot": lambda w: {"ref": w.place(), "shot": {"id": w.new(), "action": w.phrase()}},
    "edit_shot": _edit_shot,
    "move_shots": _move_shots,
    "duplicate_shot": lambda w: {"shot": w.one(w.shots), "new_id": w.new(), "ref": w.place()},
    "split_shot": lambda w: {"shot": w.one(w.shots), "at_seconds": w.draw(seconds), "new_id": w.new()},
    "split_shot at a line": _split_at_line,
    "merge_shots": lambda w: _pair(w, "first", "second"),
    "omit_shots": lambda w: {"shots": [w.one(w.shots)], "omit": w.one([True, False])},
    "remove_shots": lambda w: {"shots": [w.one(w.shots)]},
    "add_line": _add_line,
    "edit_line": lambda w: {"line": w.one(w.lines), "path": "text", "value": w.phrase()},
    "move_line": _move_line,
    "split_line": lambda w: {"line": w.one(w.lines), "at_char": w.draw(st.integers(1, 12)), "new_id": w.new()},
    "remove_line": lambda w: {"line": w.one(w.lines)},
    "replace_text": _replace,
    "add_sfx": lambda w: {"shot": w.one(w.shots), "sfx": {"id": w.new(), "sound": w.phrase()}},
    "edit_sfx": lambda w: {"sfx": w.one(w.sounds), "path": "at", "value": w.draw(short)},
    "move_sfx": lambda w: {"sfx": w.one(w.sounds), "shot": w.one(w.shots), "at": w.draw(short)},
    "remove_sfx": lambda w: {"sfx": w.one(w.sounds)},
    "set_edges": lambda w: {"shot": w.one(w.shots), "j_cut": 1, "l_cut": w.draw(short)},
    "set_seconds": lambda w: {"shot": w.one(w.shots), "seconds": w.draw(seconds), "ripple": w.one([True, False])},
    "roll_cut": lambda w: {**_pair(w, "left", "right"), "frames": w.draw(st.integers(-12, 12))},
    "trim": lambda w: {"shot": w.one(w.shots), "trim_in": w.draw(short)},
    "set_transition": lambda w: {"shot": w.one(w.shots), "via": w.one(["dissolve", {"fade-in": 0.4}, None])},
    "choose_take": lambda w: {"shot": w.one(w.shots), "kind": "motion", "artifact": w.one(["t1", "t2", None])},
    "set_seed": lambda w: {"shot": w.one(w.shots), "seed": w.draw(st.integers(0, 9))},
    "set_override": lambda w: {"shot": w.one(w.shots), "kind": "motion", "path": "params.steps", "value": 4},
    "set_image": lambda w: {"shot": w.one(w.shots), "slot": w.one(["keyframe", "refs"]), "upload": "a.png"},
    "clear_image": lambda w: {"shot": w.one(w.shots), "slot": "end_frame"},
    "add_note": lambda w: {"target": w.one(["film", *w.shots, *w.scenes]), "text": "look", "id": w.new()},
    "lock": lambda w: {"targets": [w.one(w.shots)], "aspects": [w.one(ASPECTS)]},
}


@st.composite
def edits(draw: st.DrawFn, board: Storyboard, tag: str = "x", kinds: Collection[str] = ()) -> Values:
    """One operation on parts that the film has, of one of these kinds (all, where none is named)."""
    writer = Writer(draw, board, tag)
    lacking = {
        *({} if writer.lines else ("edit_line", "move_line", "split_line", "remove_line", "split_shot at a line")),
        *({} if writer.sounds else ("edit_sfx", "move_sfx", "remove_sfx")),
        *({} if board.music else ("edit_music", "remove_music")),
    }
    able = [kind for kind in EDITS if kind not in lacking and (not kinds or kind in kinds)]
    kind = draw(st.sampled_from(able))
    return {"op": kind.split()[0], **EDITS[kind](writer)}
