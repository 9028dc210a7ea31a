"""One id in the place of another, wherever a storyboard uses it."""

from typing import TypeVar

from control.storyboard.models import Scene, Shot, Spoken, Storyboard

T = TypeVar("T")


def renamed(board: Storyboard, kind: str, old: str, new: str) -> Storyboard:
    """The board with every use of a cast member, place or prop named `new`. Where both were used, `new` stays as it
    was.
    """
    scenes = tuple(_scene(scene, kind, old, new) for scene in board.scenes)
    return board.model_copy(update={"scenes": scenes})


def _scene(scene: Scene, kind: str, old: str, new: str) -> Scene:
    update: dict[str, object] = {"shots": tuple(_SHOTS[kind](shot, old, new) for shot in scene.shots)}
    if kind == "places" and scene.place == old:
        update["place"] = new
    if kind == "cast":
        update["wardrobe"] = dict(sorted(_keys(scene.wardrobe, old, new).items()))
    return scene.model_copy(update=update)


def _place(shot: Shot, old: str, new: str) -> Shot:
    return shot


def _prop(shot: Shot, old: str, new: str) -> Shot:
    props = tuple(dict.fromkeys(new if prop == old else prop for prop in shot.props))
    return shot.model_copy(update={"props": props}) if old in shot.props else shot


def _person(shot: Shot, old: str, new: str) -> Shot:
    who = shot.who
    if who is not None:
        turned = {k: b.model_copy(update={"facing": new}) if b.facing == old else b for k, b in who.items()}
        who = _keys(turned, old, new)
    lines = tuple(
        line.model_copy(update={"who": new}) if isinstance(line, Spoken) and line.who == old else line
        for line in shot.lines
    )
    over = new if shot.over == old else shot.over
    pov = new if shot.pov == old else shot.pov
    return shot.model_copy(update={"who": who, "lines": lines, "over": over, "pov": pov})


def _keys(held: dict[str, T], old: str, new: str) -> dict[str, T]:
    if new in held:
        return {k: v for k, v in held.items() if k != old}
    return {new if k == old else k: v for k, v in held.items()}


_SHOTS = {"cast": _person, "places": _place, "props": _prop}
