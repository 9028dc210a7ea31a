"""What stands where in a shot's picture, for engines that draw or mask, and the slate that names it."""

from control.storyboard.inherit import Effective
from control.storyboard.models import Blocking, CastMember, Shot, Storyboard
from functions.contract.params import Camera, Composition, Figure, Prop

SIZE_SHORT = {
    "extreme-wide": "EWS",
    "wide": "WS",
    "full": "FS",
    "medium-full": "MFS",
    "medium": "MS",
    "medium-close": "MCU",
    "close": "CU",
    "extreme-close": "ECU",
    "insert": "INSERT",
}


def composition(board: Storyboard, view: Effective) -> Composition:
    """The composition of a shot with nothing left open."""
    scene, shot = view.scene, view.shot
    place = board.places.get(scene.place) if scene.place else None
    return Composition(
        size=view.size,
        angle=view.angle,
        lens=view.lens,
        focus=view.focus,
        over=shot.over or "",
        pov=shot.pov or "",
        figures=figures(board, view),
        props=tuple(Prop(id=p, look=board.props[p].look) for p in shot.props if p in board.props),
        place_id=scene.place or "",
        place=place.look if place else "",
        heading=scene.heading,
        light=view.light,
        compose=view.compose,
        carry=shot.carry,
        action=shot.action,
        style=board.style,
        palette=board.palette,
    )


def figures(board: Storyboard, view: Effective) -> tuple[Figure, ...]:
    """The visible people in the order the writer placed them."""
    return tuple(_figure(board, cast_id, where) for cast_id, where in view.who.items())


def _figure(board: Storyboard, cast_id: str, where: Blocking) -> Figure:
    member = board.cast.get(cast_id, CastMember())
    return Figure(
        id=cast_id,
        look=member.look,
        wardrobe=where.wardrobe,
        colour=member.colour or "",
        at=where.at,
        depth=where.depth,
        facing=where.facing,
        pose=where.pose,
        moves=where.moves,
    )


def camera(shot: Shot) -> Camera:
    """The camera as engines take it."""
    c = shot.camera
    return Camera(move=c.move, speed=c.speed, rig=c.rig, to=c.to)


def slate(label: str, view: Effective) -> str:
    """What the slate says: `2C   MCU   SLOW PUSH`."""
    c = view.shot.camera
    if c.move == "static":
        move = "STATIC" if c.rig in ("sticks", "dolly") else c.rig.upper()
    else:
        move = f"{c.speed} {c.move}".replace("-", " ").upper()
    return "   ".join((label, SIZE_SHORT[view.size], move))
