"""Which cue means whom, ids made of names, and how capitals in an action introduce people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from control.storyboard.entities import CastMember
from control.storyboard.fountain import craft, writing

_ID_CUE = re.compile(r"^[A-Z][A-Z0-9-]{0,31}$")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9'’.-]*[A-Z0-9](?: (?:[A-Z][A-Z0-9'’.-]*[A-Z0-9]|#?\d+))*")
_BRACKETS = re.compile(r" ?\((?P<look>[^()]{2,200})\)")
_APPOSITION = re.compile(
    r", (?P<look>(?:an? |the |in (?:his|her|their) |early |mid|late |about |\d|young |old |elderly )"
    r"[^,.;:!?]{1,200})(?=[,.;:])"
)


_SMALL_WORDS = frozenset(
    "a an the of and or but then there with in on at to from by as is are was his her its their my your our".split()
)


def slug(name: str, taken: Iterable[str] = (), prefix: str = "") -> str:
    """An id made of a name: a-z, 0-9 and hyphens, at most 32, not among those taken."""
    ascii_name = re.sub(r"['’]", "", name.lower())
    base = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-") or "x"
    base = (base if base[0].isalpha() else f"x-{base}")[:32].rstrip("-")
    used = set(taken)
    if base not in used:
        return base
    candidates = [f"{prefix}-{base}"[:32].rstrip("-")] if prefix else []
    candidates += [f"{base[:28].rstrip('-')}-{n}" for n in range(2, len(used) + 3)]
    return next(c for c in candidates if c not in used)


def cues(cast: Mapping[str, CastMember]) -> dict[str, str]:
    """Cast id -> the name it speaks under: its own in capitals where that is a plain cue and nobody else's."""
    ids = {who: who.upper() for who in cast}
    names = {who: member.name.upper() for who, member in cast.items()}
    shared = [*names.values(), *ids.values()]
    return {
        who: names[who]
        if writing.is_cue(names[who]) and shared.count(names[who]) - (names[who] == ids[who]) == 1
        else ids[who]
        for who in cast
    }


def speaker(cue: str, known: Mapping[str, str]) -> str | None:
    """The id that a cue stands for, None for somebody new. `known` maps names in capitals to ids."""
    name = " ".join(cue.upper().split())
    if name in known:
        return known[name]
    return name.lower() if _ID_CUE.match(name) and name.lower() in known.values() else None


def titled(cue: str) -> str:
    """A name as it is written in running text."""
    if cue != cue.upper():
        return cue
    words = re.sub(r"[A-Z][A-Z0-9'’]*", lambda w: w[0].capitalize(), cue)
    return re.sub(r"\b(O|D)(['’])([a-z])", lambda m: m[1] + m[2] + m[3].upper(), words)


@dataclass(frozen=True, slots=True)
class Introduction:
    """A name in capitals within an action: where it stands, and the words that describe its bearer."""

    name: str
    look: str
    start: int
    end: int
    """End of the name, and of the description where it stands in brackets."""


def introductions(action: str, known: Iterable[str]) -> Iterator[Introduction]:
    """The people that an action introduces. `known` are names, in capitals, that speak somewhere."""
    names = set(known)
    for found in _CAPITALS.finditer(action):
        name, after = found[0].rstrip("."), action[found.end() :]
        brackets, apposed = _BRACKETS.match(after), _APPOSITION.match(after)
        described = brackets or apposed
        if name not in names and (described is None or craft.is_sound(name)):
            continue
        look = described["look"].strip() if described is not None else ""
        yield Introduction(name, look, found.start(), found.end() + (brackets.end() if brackets else 0))


def lowered(action: str, keep: Iterable[str]) -> tuple[str, list[tuple[str, int]]]:
    """The action without capitals for stress, and each sound that was in capitals with the words before it.

    `keep` are words that stay as they are.
    """
    kept, sounds = set(keep), list[tuple[str, int]]()

    def calm(found: re.Match[str]) -> str:
        if found[0] in kept or len(found[0]) < 2:
            return found[0]
        if craft.is_sound(found[0]):
            before = action[: found.start()].split()
            maker = before[-1:] if before and before[-1].isalpha() and before[-1].lower() not in _SMALL_WORDS else []
            sounds.append((" ".join([*maker, found[0]]).lower(), len(before)))
        words = found[0].lower()
        first = found.start() == 0 or action[: found.start()].rstrip()[-1:] in ".!?"
        return words.capitalize() if first else words

    return re.sub(r"\b[A-Z][A-Z'’-]+(?: [A-Z][A-Z'’-]+)*\b", calm, action), sounds


def position(name: str, text: str) -> int:
    """Where a name stands in a text as words of its own, -1 where it does not."""
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    return found.start() if found is not None else -1
