"""Which motifs a place is made of: the vocabulary's words against the composition's."""

from collections.abc import Callable

from functions.animatic.places import furniture, land, sea, sky, town, walls
from functions.animatic.places.room import Room, lamp_room
from functions.animatic.places.setting import Setting
from functions.animatic.scene import says, table

Motif = Callable[[Setting], object]
_OPEN: dict[str, Motif] = {
    "water": lambda s: sea.water(s, 1.6 if s.scene.says("heavy sea", "storm", "waves", "rough") else 1.0),
    "battlement": town.battlement,
    "rooftops": town.rooftops,
    "street": town.street,
    "desert": land.desert,
    "snowfield": land.snowfield,
    "meadow": land.meadow,
    "woodland": land.woodland,
    "barren": land.barren,
    "mountains": land.mountains,
    "hills": land.hills,
    "skyline": town.skyline,
    "castle": town.castle,
    "treeline": land.treeline,
    "island": land.island,
    "ship": sea.ship,
    "distant_light": sea.distant_light,
    "lighthouse": sea.lighthouse,
    "houses": land.houses,
    "church": land.church,
    "tree": land.tree,
    "graves": land.graves,
    "bridge": town.bridge,
    "rocks": land.rocks,
    "pier": town.pier,
    "fence": land.fence,
    "lamp_post": town.lamp_post,
    "branches": land.branches,
    "grasses": land.grasses,
    "parapet": town.parapet,
}
_SHELLS: dict[str, Callable[[Setting], Room | None]] = {
    "corridor": walls.corridor,
    "stage": walls.stage,
    "nave": walls.nave,
    "cell": walls.cell,
    "plain": walls.plain,
}
_WALLS: dict[str, Callable[[Setting, Room], None]] = {
    "windows": walls.windows,
    "door": walls.door,
    "bookshelf": walls.bookshelf,
    "pictures": walls.pictures,
    "fireplace": walls.fireplace,
    "staircase": walls.staircase,
    "columns": walls.columns,
    "counter": walls.counter,
}
_STANDING: dict[str, Motif] = {
    "table_set": furniture.table_set,
    "bed": furniture.bed,
    "sofa": furniture.sofa,
    "piano": furniture.piano,
    "plant": furniture.plant,
    "standing_lamp": furniture.standing_lamp,
    "chandelier": furniture.chandelier,
    "candles": furniture.candles,
}
_WIDE = ("extreme-wide", "wide", "full", "medium-full")


def _named(part: dict[str, list[str]], text: str) -> list[str]:
    return [name for name, words in part.items() if says(text, words)]


def draw(s: Setting) -> None:
    """Paint the place: its backdrop planes, in any order of depth."""
    if s.scene.interior:
        _indoors(s)
    else:
        _outdoors(s)


def _outdoors(s: Setting) -> None:
    words = table("places/vocabulary.toml")["exterior"]
    place = s.scene.setting
    sky.sky(s)
    for name in _named(words["far"], place):
        _OPEN[name](s)
    named = _named(words["ground"], place) or ["meadow"]
    _OPEN[named[0]](s)
    if "distant_light" in _named(words["far"], s.scene.light) and "distant_light" not in _named(words["far"], place):
        sea.distant_light(s)
    for name in _named(words["mid"], place):
        _OPEN[name](s)
    if "fog" in s.scene.weather:
        for y, parallax in ((0.0, 0.35), (0.10, 0.7)):
            sky.veil(s, s.horizon + y, 0.13, 0.75, parallax)
    if s.scene.composition.size in _WIDE:
        for name in _named(words["fore"], place):
            _OPEN[name](s)


def _indoors(s: Setting) -> None:
    words = table("places/vocabulary.toml")["interior"]
    place = s.scene.setting
    shell = next(iter(_named(words["shell"], place)), "plain")
    if shell == "lamp_room":
        lamp_room(s)
        return
    room = _SHELLS[shell](s)
    if room is not None and shell in ("plain", "cell"):
        for name in _named(words["wall"], place):
            _WALLS[name](s, room)
    text = place + " . " + s.scene.light
    for name in _named(words["furniture"], text if shell != "corridor" else s.scene.light)[:4]:
        _STANDING[name](s)
