"""What a script's capitals mean to a director: framing, transitions, sounds, extensions, silences."""

import re
from typing import Any

Values = dict[str, Any]
LEADS: tuple[tuple[str, Values], ...] = (
    (r"EXTREME WIDE(?: SHOT)?(?: ON| OF)?|AERIAL(?: SHOT| VIEW)?(?: OF)?", {"size": "extreme-wide"}),
    (r"EXTREME CLOSE(?:[- ]?UP)?(?: SHOT)?(?: ON| OF)?|ECU(?: ON)?", {"size": "extreme-close"}),
    (r"MEDIUM CLOSE(?:[- ]?UP)?(?: SHOT)?(?: ON| OF)?|MCU(?: ON)?", {"size": "medium-close"}),
    (r"MEDIUM FULL(?: SHOT)?(?: ON| OF)?", {"size": "medium-full"}),
    (r"CLOSE(?:[- ]?UP)?(?: SHOT)?(?: ON| OF)?|CU(?: ON)?", {"size": "close"}),
    (r"INSERT(?: SHOT)?(?: ON| OF)?", {"size": "insert"}),
    (r"(?:ESTABLISHING|WIDE|LONG)(?: SHOT)?(?: ON| OF)?|WIDER", {"size": "wide"}),
    (r"FULL SHOT(?: ON| OF)?", {"size": "full"}),
    (r"LOW ANGLE(?: ON| OF)?", {"angle": "low"}),
    (r"HIGH ANGLE(?: ON| OF)?", {"angle": "high"}),
    (r"OVERHEAD(?: SHOT)?(?: ON| OF)?", {"angle": "overhead"}),
    (r"TWO[- ]?SHOT(?: OF)?|MEDIUM SHOT(?: ON| OF)?|ANGLE ON|ON", {"size": "medium"}),
    (r"OVER (?P<over>[A-Z][A-Z0-9 .'-]*?)(?:'S SHOULDER)?", {}),
    (r"(?P<pov>[A-Z][A-Z0-9 .'-]*?)(?:'S|’S|') POV", {}),
)
"""How an action paragraph may begin -> what that says of the shot."""
_LEADS = tuple(
    (re.compile(rf"(?:{lead})(?P<end>\s*(?:[:–—]|--)+\s*|\s+-\s*|\.+\s*|\s+|$)"), says) for lead, says in LEADS
)
LEAD_OF = {
    "extreme-wide": "EXTREME WIDE",
    "wide": "WIDE",
    "close": "CLOSE ON",
    "extreme-close": "EXTREME CLOSE ON",
    "insert": "INSERT",
}
"""Sizes that a script says aloud; the others are the reader's choice."""
TRANSITIONS: tuple[tuple[str, Values], ...] = (
    (r"(?:(?:SMASH|MATCH|JUMP|HARD|QUICK|TIME)[ -])?CUT(?:S)?(?: BACK)?(?: TO)?", {}),
    (r"BACK TO(?: .*)?", {}),
    (
        r"(?:(?:CROSS|LAP|SLOW|QUICK)[ -]?)?DISSOLVE(?:S)?(?: TO)?|CROSS[ -]?FADE(?: TO)?",
        {"kind": "dissolve", "seconds": 1.0},
    ),
    (r"FADE (?:IN|UP)(?: FROM BLACK)?", {"kind": "fade-in", "seconds": 1.0}),
    (r"(?:DIP|FADE|CUT) TO WHITE|WHITE OUT", {"kind": "dip-white", "seconds": 0.6}),
    (r"(?:DIP|FADE) TO(?: BLACK)?|FADE OUT|FADE TO BLACK", {"kind": "dip-black", "seconds": 0.6}),
)
_TRANSITIONS = tuple((re.compile(words), via) for words, via in TRANSITIONS)
TRANSITION_OF = {
    "dissolve": "DISSOLVE TO:",
    "fade-in": "FADE IN:",
    "dip-black": "> DIP TO BLACK:",
    "dip-white": "> DIP TO WHITE:",
}
FADE_OUT = re.compile(r"FADE OUT|FADE TO BLACK|FADE TO WHITE")
ENDS = frozenset({"THE END", "END", "FIN"})
"""Paragraphs that are words on the picture, centred or not."""
END_FADE = 1.5
"""Seconds of a final fade out."""
EXTENSION_OF = {"vo": "V.O.", "os": "O.S.", "device": "ON PHONE", "thought": "THOUGHT"}
VOICES = {
    "v.o.": "vo",
    "vo": "vo",
    "voice over": "vo",
    "o.s.": "os",
    "os": "os",
    "o.c.": "os",
    "oc": "os",
    "off screen": "os",
    "on phone": "device",
    "phone": "device",
    "on radio": "device",
    "radio": "device",
    "on tv": "device",
    "filtered": "device",
    "thought": "thought",
}
"""What stands in brackets after a name -> how the voice reaches the listener."""
PAUSES = {"beat": 0.8, "a beat": 0.8, "pause": 1.5, "a pause": 1.5, "long pause": 2.5, "silence": 2.5}
PAUSE_OF = {0.8: "beat", 1.5: "pause", 2.5: "long pause"}
SOUNDS = frozenset(
    "alarm bang bark beep bell blast boom buzz cannon chime clang clank clap clatter click crack crackle crash creak "
    "crow cry drip engine explosion footsteps gong groan growl gunshot hiss hoot horn howl hum jingle knock knocking "
    "laughter meow murmur pop rattle ring ringing roar rumble rustle scream screech shot shriek siren slam snap splash "
    "squeak squeal static strike thud thump thunder tick ticking toll trumpet wail whir whistle whoosh".split()
)
LINGERS = frozenset("wait waits waiting stare stares staring silence slowly still listens listening watches".split())
"""Words of an action that take a second more."""
AMBIENCES = {
    "sea": "sea",
    "ocean": "sea",
    "surf": "sea",
    "waves": "sea",
    "wind": "wind",
    "windy": "wind",
    "snow": "wind",
    "storm": "wind",
    "rain": "rain",
    "traffic": "traffic",
    "crowd": "crowd",
    "river": "river",
}
"""Words of an establishing shot -> the sound that lies under its place."""
TIMES = frozenset(
    (
        "DAY NIGHT MORNING EVENING AFTERNOON DUSK DAWN SUNSET SUNRISE NOON MIDNIGHT TWILIGHT CONTINUOUS LATER SAME "
        "MOMENTS PRE-DAWN"
    ).split()
)


def framing(text: str) -> tuple[Values, str]:
    """What an all-caps lead says of the shot, and the words after it: `over`, `pov` are names as written.

    Without a lead: nothing, and the text as it is.
    """
    for lead, says in _LEADS:
        found = lead.match(text)
        if found is None or not found[0].strip(" :.–—-"):
            continue
        rest = text[found.end() :].strip()
        if rest and not re.search(r"[:.–—-]", found["end"]) and lead.pattern.startswith(r"(?:OVER"):
            continue
        names = {key: name.strip() for key, name in found.groupdict().items() if key != "end"}
        return {**says, **names}, rest[:1].upper() + rest[1:]
    return {}, text


def transition(text: str) -> Values | None:
    """The `via` of a transition as written; None where it is unknown. A cut says nothing."""
    words = " ".join(text.upper().rstrip(" :.").split())
    return next((dict(via) for pattern, via in _TRANSITIONS if pattern.fullmatch(words)), None)


def is_sound(words: str) -> bool:
    """Whether capitals name a sound."""
    return any(stem in SOUNDS for word in words.lower().split() for stem in _stems(word.strip(".,!?;:'’")))


def _stems(word: str) -> tuple[str, ...]:
    return (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ing"), word.removesuffix("ed"))
