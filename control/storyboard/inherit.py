"""What a shot is once its scene, the shot it is set up like, and the defaults have filled what it leaves out."""

from control.storyboard.models import Scene, Shot, Storyboard
from control.storyboard.scalars import Node
from control.storyboard.shot import Blocking
from functions.contract.params import Angle, Focus, Lens, ShotSize


class Effective(Node):
    """A shot with nothing left open. `who` holds the visible people, each with what they wear."""

    scene: Scene
    shot: Shot
    size: ShotSize
    angle: Angle
    lens: Lens
    focus: Focus
    compose: str
    light: str
    ambience: str
    """Description or file of the bed; empty for room tone alone."""
    who: dict[str, Blocking]


def effective(board: Storyboard, shot: Shot) -> Effective:
    """The shot with light, wardrobe, size, angle, lens, compose and people filled in. `shot` is one of the board's.

    From `same_as`, and from what that one inherits in turn: size, angle, lens, compose and who. From the scene: light,
    ambience, wardrobe. Light, camera and action never come from another shot. Raises `KeyError` for a foreign shot.
    """
    scene = board.scene_of(shot.id)
    chain = _chain(board, shot)
    return Effective(
        scene=scene,
        shot=shot,
        size=next((s.size for s in chain if s.size is not None), "medium"),
        angle=next((s.angle for s in chain if s.angle is not None), "eye"),
        lens=next((s.lens for s in chain if s.lens is not None), "normal"),
        focus=shot.focus,
        compose=next((s.compose for s in chain if s.compose is not None), ""),
        light=scene.light if shot.light is None else shot.light,
        ambience=ambience(board, scene),
        who=_dressed(board, scene, next((s.who for s in chain if s.who is not None), {})),
    )


def ambience(board: Storyboard, scene: Scene) -> str:
    """The bed of a scene: its own, or its place's; empty for `none`."""
    place = board.places.get(scene.place or "")
    text = scene.ambience if scene.ambience is not None else (place.ambience if place is not None else "")
    return "" if text.lower() == "none" else text


def _chain(board: Storyboard, shot: Shot) -> list[Shot]:
    """The shot and those it is set up like, nearest first; a reference that leads nowhere earlier ends it."""
    if shot.same_as is None:
        return [shot]
    earlier: dict[str, Shot] = {}
    for _, other in board.shots():
        if other.id == shot.id:
            break
        earlier[other.id] = other
    chain = [shot]
    while (before := chain[-1].same_as) is not None and before in earlier:
        found = earlier.pop(before)
        chain.append(found)
    return chain


def _dressed(board: Storyboard, scene: Scene, who: dict[str, Blocking]) -> dict[str, Blocking]:
    return {
        name: blocking.model_copy(update={"wardrobe": blocking.wardrobe or _wardrobe(board, scene, name)})
        for name, blocking in who.items()
    }


def _wardrobe(board: Storyboard, scene: Scene, name: str) -> str:
    member = board.cast.get(name)
    return scene.wardrobe.get(name) or (member.wardrobe if member is not None else "")
