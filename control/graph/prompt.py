"""Prompts in the three styles that engines want. Ids, seconds, notes, supers and hex colours never go out."""

import re

from control.graph.compose import camera, composition
from control.storyboard.inherit import Effective
from control.storyboard.models import CastMember, Spoken, Storyboard
from functions.contract.manifest import Prompting
from functions.contract.params import Camera, Composition, Figure

STATIC = "The camera does not move."
SIZES = {
    "extreme-wide": "extreme wide shot",
    "wide": "wide shot",
    "full": "full shot",
    "medium-full": "medium full shot",
    "medium": "medium shot",
    "medium-close": "medium close-up",
    "close": "close-up",
    "extreme-close": "extreme close-up",
    "insert": "insert, detail",
}
ANGLES = {
    "eye": "eye level",
    "low": "low angle",
    "high": "high angle",
    "overhead": "from overhead",
    "ground": "from the ground",
    "dutch": "dutch angle",
}
LENSES = {"normal": "", "wide": "wide-angle lens", "long": "long lens", "macro": "macro lens"}
PLACES = {
    "centre": "in the centre",
    "left": "on the left",
    "right": "on the right",
    "far-left": "far on the left",
    "far-right": "far on the right",
}
DEPTHS = {"mid": "", "fore": "in the foreground", "back": "in the background"}
POSES = {"stand": "", "sit": "sitting", "kneel": "kneeling", "lie": "lying", "walk": "walking", "run": "running"}
FIGURE_MOVES = {
    "none": "",
    "in-left": "comes in from the left",
    "in-right": "comes in from the right",
    "out-left": "leaves to the left",
    "out-right": "leaves to the right",
    "toward": "comes toward the camera",
    "away": "walks away from the camera",
}
MOVES = {
    "push": "pushes in",
    "pull": "pulls back",
    "pan-left": "pans left",
    "pan-right": "pans right",
    "tilt-up": "tilts up",
    "tilt-down": "tilts down",
    "track-left": "tracks left",
    "track-right": "tracks right",
    "boom-up": "rises",
    "boom-down": "sinks",
    "orbit-left": "orbits to the left",
    "orbit-right": "orbits to the right",
    "zoom-in": "zooms in",
    "zoom-out": "zooms out",
    "follow": "follows the subject",
    "rack": "racks focus",
}
SPEEDS = {"creep": "very slowly", "slow": "slowly", "medium": "", "fast": "fast", "whip": "in a whip"}
RIGS = {"handheld": "handheld", "steadicam": "on a steadicam", "crane": "on a crane", "drone": "from a drone"}
HEX = re.compile(r"#[0-9a-fA-F]{3,8}\b")
WORDS_PER_TOKEN = 0.75


def still_prompt(board: Storyboard, view: Effective, prompting: Prompting) -> str:
    """The prompt of a keyframe, within the engine's limit, least important part dropped first."""
    if prompting.style == "none":
        return ""
    c = composition(board, view)
    parts = [_view(c), *map(_person, c.figures), _first_sentence(c.action), c.place, c.light, c.compose, c.style]
    return _within([p for p in parts if p], prompting)


def motion_prompt(board: Storyboard, view: Effective, prompting: Prompting, *, sounds: bool = False) -> str:
    """The prompt of a clip: all of it for text-to-video, only what moves for image-to-video."""
    if prompting.style == "none":
        return ""
    c = composition(board, view)
    moves = [_sentence(f"{_name(f)} {FIGURE_MOVES[f.moves]}") for f in c.figures if f.moves != "none"]
    move = camera_sentence(camera(view.shot))
    heard = _heard(board, view) if sounds else []
    if prompting.style == "image-to-video":
        parts = [_sentence(c.action), *moves, move, *heard]
    else:
        people = [_sentence(_person(f)) for f in c.figures]
        parts = [_sentence(c.action), *people, *moves, _sentence(c.place), _sentence(c.light), move]
        parts += [_sentence(c.style), *heard]
    return _within([p for p in parts if p], prompting, joint=" ")


def negative(board: Storyboard, prompting: Prompting) -> str:
    """What must not be seen: the writer's words, then the engine's own list."""
    return _clean(", ".join(p for p in (board.avoid, prompting.negative) if p)) if prompting.style != "none" else ""


def camera_sentence(camera: Camera) -> str:
    """One sentence on the camera."""
    if camera.move == "static":
        return STATIC if camera.rig not in RIGS else f"The camera is {RIGS[camera.rig]} and stays where it is."
    words = ["The camera", MOVES[camera.move], SPEEDS[camera.speed], RIGS.get(camera.rig, "")]
    text = " ".join(w for w in words if w)
    return f"{text}, ending on {camera.to}." if camera.to else f"{text}."


def _view(c: Composition) -> str:
    return ", ".join(p for p in (SIZES[c.size], ANGLES[c.angle], LENSES[c.lens]) if p)


def _name(figure: Figure) -> str:
    return figure.look.split(",")[0] or "a person"


def _person(figure: Figure) -> str:
    where = PLACES[figure.at]
    return ", ".join(p for p in (figure.look, figure.wardrobe, POSES[figure.pose], where, DEPTHS[figure.depth]) if p)


def _heard(board: Storyboard, view: Effective) -> list[str]:
    sounds = [view.ambience, *(s.sound for s in view.shot.sfx)]
    lines = [_said(board, line) for line in view.shot.spoken if line.voice == "on"]
    return [_sentence(p) for p in sounds if p] + lines


def _said(board: Storyboard, line: Spoken) -> str:
    member = board.cast.get(line.who, CastMember())
    who = member.look.split(",")[0] or "Someone"
    manner = ", ".join(p for p in (line.how, member.voice.manner) if p)
    return f'{who} says{f" ({manner})" if manner else ""}: "{line.text}"'


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0].rstrip(".")


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return text[:1].upper() + text[1:] + "." if text else ""


def _clean(text: str) -> str:
    return re.sub(r"\s{2,}", " ", HEX.sub("", text)).strip(" ,")


def _within(parts: list[str], prompting: Prompting, joint: str = ", ") -> str:
    most = prompting.words or int(prompting.tokens * WORDS_PER_TOKEN) or 10_000
    kept = [_clean(p) for p in parts]
    while len(kept) > 1 and len(joint.join(kept).split()) > most:
        kept.pop()
    return " ".join(joint.join(kept).split(" ")[:most])
