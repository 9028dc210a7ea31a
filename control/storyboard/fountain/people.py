"""The people of a script as they turn up: their ids, names and looks."""

from collections.abc import Iterable, Mapping
from typing import Any

from control.storyboard.entities import CastMember
from control.storyboard.fountain import names

Values = dict[str, Any]
_LOOK_WORDS = 40


class People:
    """Cast members by id, and by the names they speak under. Grows while a script is read."""

    def __init__(self, cast: Mapping[str, Values], taken: set[str]) -> None:
        members = {who: CastMember(name=str(values.get("name", ""))) for who, values in cast.items()}
        self.cast: dict[str, Values] = {who: dict(values) for who, values in cast.items()}
        self._known = {name: who for who, name in names.cues(members).items()}
        self._taken = taken
        self._heard: dict[str, str] = {}

    def known(self, cue: str) -> str | None:
        """The id of a name that has turned up, None for others."""
        return names.speaker(cue, self._known)

    def id(self, cue: str) -> str:
        """The id of a name; somebody new joins the cast."""
        found = self.known(cue)
        if found is not None:
            return found
        name = " ".join(cue.split())
        who = names.slug(name, self._taken, "cast")
        self._taken.add(who)
        self._known[name.upper()] = who
        self.cast[who] = {"name": names.titled(name)[:120].strip()}
        return who

    def guess(self, cue: str) -> str:
        """The id of a name, or the one that somebody new would get; nobody joins the cast."""
        found = self.known(cue)
        if found is None:
            found = names.slug(cue)
            self._heard.setdefault(found, " ".join(cue.split()))
        return found

    def admit(self, who: str) -> None:
        """Let somebody guessed join the cast."""
        if who not in self.cast:
            name = self._heard.get(who, who.upper())
            self._taken.add(who)
            self._known[name.upper()] = who
            self.cast[who] = {"name": names.titled(name)[:120].strip()}

    def describe(self, who: str, look: str) -> None:
        """Give somebody without a look this one."""
        if look and not self.cast[who].get("look"):
            self.cast[who]["look"] = " ".join(look.split()[:_LOOK_WORDS])

    def name(self, who: str) -> str:
        """The name as it is written in running text."""
        return str(self.cast.get(who, {}).get("name") or names.titled(who.upper().replace("-", " ")))

    def named(self, text: str) -> list[str]:
        """Who is named in an action, in the order of their names in it."""
        places = {who: names.position(self.name(who), text) for who in self.cast}
        return sorted((who for who, at in places.items() if at >= 0), key=lambda who: places[who])

    def speaking(self, cues: Iterable[str]) -> frozenset[str]:
        """The names, in capitals, of all that speak or have turned up."""
        return frozenset({" ".join(cue.upper().split()) for cue in cues} | set(self._known))
