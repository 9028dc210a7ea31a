"""Labels that people say ("2C") and how a label or an id finds its shot."""

import difflib

from control.storyboard.errors import UnknownTarget
from control.storyboard.models import Storyboard

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters of shots within a scene; I and O look like digits."""


def letter(index: int) -> str:
    """The letter of the shot at `index` (0-based) in its scene: A..Z without I and O, then AA, AB."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, len(LETTERS))
        text = LETTERS[rest] + text
    return text


def scene_numbers(board: Storyboard) -> dict[str, str]:
    """Scene id -> the printed number, or its place in the film where none is printed."""
    return {scene.id: scene.number or str(index) for index, scene in enumerate(board.scenes, 1)}


def labels(board: Storyboard) -> dict[str, str]:
    """Shot id -> label, for all shots; omitted ones keep theirs, so that leaving one out renames nothing."""
    numbers = scene_numbers(board)
    return {
        shot.id: numbers[scene.id] + letter(index) for scene in board.scenes for index, shot in enumerate(scene.shots)
    }


def resolve(board: Storyboard, label_or_id: str) -> str:
    """The id of the shot with this id or label (upper or lower case). Raises `UnknownTarget`, naming near ones."""
    known = labels(board)
    if label_or_id in known:
        return label_or_id
    found = [shot for shot, label in known.items() if label == label_or_id.upper()]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownTarget(f"the label {label_or_id} belongs to several shots: {', '.join(found)}; use the id")
    near = difflib.get_close_matches(label_or_id, [*known, *known.values()], n=1)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    raise UnknownTarget(f"the film has no shot {label_or_id!r}{hint}")
