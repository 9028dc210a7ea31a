"""A scene of a script broken into shots, as a first assistant would mark it up."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from control.storyboard import speech
from control.storyboard.fountain import craft, literal, names, pace
from control.storyboard.fountain.people import People
from control.storyboard.fountain.script import Element

Values = dict[str, Any]
SIDES = ("left", "right", "centre", "far-left", "far-right")
"""Where the people of a scene stand, in the order in which they speak."""
_FACING = {"left": "right", "right": "left", "centre": "camera", "far-left": "right", "far-right": "left"}
_NEIGHBOUR = {"medium": "medium-full", "medium-close": "close", "medium-full": "full"}
UNSEEN = ("vo", "os", "device", "thought")
DETAIL = ("insert", "close", "extreme-close")
"""Sizes into which nobody else fits."""
TURNS = 2
TWO_SHOT_EVERY = 5
_PRONOUN = re.compile(r"(?:She|He|They|Both)\b")
_RECENT = 10
"""Shots back to which a pronoun may point."""
Guessed = Callable[[int, str], None]


@dataclass
class Draft:
    """A shot in the making. `turns` of visible speakers so far, `last` who spoke last, `words` in seconds."""

    values: Values
    line: int
    turns: int = 0
    last: str = ""
    words: float = 0.0
    pair: bool = False
    speaks: bool = False
    notes: list[str] = field(default_factory=list)


class Coverage:
    """The shots of one scene. `speakers` are those heard in it, visible ones first; `place` is its location."""

    def __init__(self, people: People, place: str, speakers: Sequence[str], heard: frozenset[str]) -> None:
        self.shots: list[Draft] = []
        self._people, self._place, self._heard = people, place, heard
        self._sides = dict(zip(speakers, SIDES, strict=False))
        self._turns = 0
        self._paired = False
        self._hidden: set[str] = set()
        self._framing: Values = {}
        self._begun = False

    def begun(self) -> None:
        """Say that the scene has a shot already."""
        self._begun = True

    def add_action(self, element: Element, guessed: Guessed) -> None:
        """One shot, or one for every 35 words. A lead that stands alone frames what comes next."""
        says = literal.action(element.text, lambda cue: self._people.known(cue) or "")
        if "" in (says.get("over"), says.get("pov")):
            guessed(element.line, f"nobody is known whose view {element.text.split(chr(10))[0][:40]!r} is")
            says = {"action": " ".join(element.text.split())}
        if self._silence(says["action"]):
            return
        words = self._introduce(says.pop("action"), element.line, guessed)
        if says and not any(c.islower() for c in words):
            self._framing = {**says, "subject": words}
            return
        framing, self._framing = self._framing, {}
        framing.pop("subject", None)
        self._pieces(words, {**framing, **says}, element.line)

    def finish(self, line: int) -> None:
        """Make a shot of a lead that nothing followed, and of a scene in which nothing happens."""
        if self._framing:
            words = str(self._framing.pop("subject")) or self._place
            framing, self._framing = self._framing, {}
            self._pieces(f"{names.titled(words)}.".replace("..", "."), framing, line)
        if not self.shots and not self._begun:
            self._pieces(f"{self._place[:1].upper()}{self._place[1:]}." if self._place else "An empty frame.", {}, line)

    def add_turn(self, cue: Element, words: Sequence[Element], guessed: Guessed) -> None:
        """One turn of a speaker: in the shot before, in one of its own, or in several."""
        lines = literal.turn(cue, words, self._people.id)
        for index, group in enumerate(_groups(lines)):
            if not any("who" in line for line in group):
                if self.shots:
                    self._attach(self.shots[-1], group)
                continue
            who = next(line["who"] for line in group if "who" in line)
            if cue.dual and index == 0 and self.shots and self._overlap(group, guessed, cue.line):
                self._join(self.shots[-1], who, group)
                continue
            self._place_turn(who, group, cue.line, continued=index > 0)

    def _place_turn(self, who: str, group: list[Values], line: int, *, continued: bool) -> None:
        unseen = any(spoken.get("voice") in UNSEEN for spoken in group)
        self._turns += int(not unseen and not continued)
        (self._hidden.add if unseen else self._hidden.discard)(who)
        last = self.shots[-1] if self.shots else None
        if last is not None and not continued and self._fits(last, who, group, unseen):
            self._join(last, who, group, unseen=unseen)
            return
        draft = self._unseen_shot(who, line) if unseen else self._speaker_shot(who, group, line, continued)
        self.shots.append(draft)
        self._attach(draft, group)
        draft.last, draft.turns = who, int(not unseen)

    def _fits(self, last: Draft, who: str, group: list[Values], unseen: bool) -> bool:
        seconds = _seconds(group)
        detail = last.values.get("size") in DETAIL and who not in last.values.get("who", {})
        if last.words + seconds > pace.SHOT_SECONDS or (detail and not unseen):
            return False
        if last.speaks and last.last == who:
            return True
        if seconds < pace.SHORT_TURN:
            return True
        return last.turns < TURNS and (unseen or (last.pair and who in last.values["who"]))

    def _join(self, last: Draft, who: str, group: list[Values], *, unseen: bool = False) -> None:
        shown = last.values.get("who", {})
        if not unseen and who not in shown:
            if last.turns and not last.pair and last.last in shown:
                last.values["over"] = who
                last.values["who"] = {**shown, who: {"at": self._side(who), "depth": "fore", "facing": "away"}}
            elif last.values.get("size") in DETAIL:
                group, unseen = [{**line, "voice": "os"} if "who" in line else line for line in group], True
            else:
                last.values["who"] = {**shown, who: self._standing(who)}
        last.turns += int(not unseen and last.last != who and _seconds(group) >= pace.SHORT_TURN)
        last.last = who
        self._attach(last, group)

    def _attach(self, draft: Draft, group: list[Values]) -> None:
        draft.values.setdefault("lines", []).extend(group)
        draft.words += _seconds(group)
        draft.speaks = draft.speaks or any("who" in line for line in group)

    def _speaker_shot(self, who: str, group: list[Values], line: int, continued: bool) -> Draft:
        other = self._other(who)
        how = next((str(spoken["how"]) for spoken in group if spoken.get("how")), "")
        manner = f" {how[:1].upper()}{how[1:]}." if how and how != "sung" and len(how.split()) <= 8 else ""
        again = self._turns % TWO_SHOT_EVERY == 0 and not (self.shots and self.shots[-1].pair)
        if other is not None and not continued and (again or not self._paired):
            self._paired = True
            values: Values = {
                "action": f"{self._people.name(who)} and {self._people.name(other)} face each other.{manner}",
                "size": self._varied("medium") if self.shots or self._begun else "full",
                "who": {who: self._standing(who, other), other: self._standing(other, who)},
            }
            return Draft(values, line, pair=True)
        to = f" to {self._people.name(other)}" if other is not None else ""
        values = {
            "action": f"{self._people.name(who)} {'sings' if how == 'sung' else 'speaks'}{to}.{manner}",
            "size": "close" if continued and self._last_size() == "medium-close" else self._varied("medium-close"),
            "who": {who: self._standing(who, self._towards(who, other))},
        }
        return Draft(values, line)

    def _towards(self, who: str, other: str | None) -> str:
        """Where somebody in the middle looks: to the side of whom they speak to."""
        if self._side(who) != "centre" or other is None:
            return ""
        return {"left": "left", "far-left": "left", "right": "right", "far-right": "right"}.get(self._side(other), "")

    def _last_size(self, back: int = 1) -> str:
        return str(self.shots[-back].values.get("size", "medium")) if len(self.shots) >= back else ""

    def _varied(self, size: str) -> str:
        """The size, or its neighbour where the two shots before have it already."""
        return _NEIGHBOUR[size] if self._last_size() == size == self._last_size(2) else size

    def _silence(self, action: str) -> bool:
        """Whether an action is only a beat; it lengthens the shot before."""
        seconds = craft.PAUSES.get(action.strip(" ().").casefold())
        if seconds is None or not self.shots:
            return False
        last = self.shots[-1]
        if last.speaks:
            self._attach(last, [{"beat": seconds}])
        else:
            last.values["seconds"] = round(last.values.get("seconds", 0.0) + seconds, 1)
        return True

    def _unseen_shot(self, who: str, line: int) -> Draft:
        listener = self._other(who)
        if listener is not None:
            values = {
                "action": f"{self._people.name(listener)} listens.",
                "size": "close" if self._last_size() == "medium-close" else "medium-close",
                "who": {listener: self._standing(listener)},
            }
        else:
            values = {"action": f"{self._place[:1].upper()}{self._place[1:]}." if self._place else "An empty frame."}
            values["size"] = "medium" if self.shots or self._begun else "wide"
        return Draft(values, line)

    def _overlap(self, group: list[Values], guessed: Guessed, line: int) -> bool:
        before = next((spoken for spoken in reversed(self.shots[-1].values.get("lines", ())) if "who" in spoken), None)
        first = next(spoken for spoken in group if "who" in spoken)
        if before is None or "overlap" in before:
            return False
        seconds = speech.line_seconds(before["text"], before.get("how", ""))
        first["overlap"] = round(min(3.0, seconds), 1)
        if seconds > 3.0:
            guessed(line, "dual dialogue starts 3 s before the other line ends, the most that may overlap")
        return True

    def _pieces(self, words: str, says: Values, line: int) -> None:
        sfx = says.pop("sfx", [])
        for index, piece in enumerate(pace.divided_action(words)):
            text, sounds = names.lowered(piece, self._heard)
            first = not self.shots and not self._begun
            framing = dict(says) if index == 0 else {}
            if first and not {"size", "over", "pov"} & set(framing):
                framing["size"] = "wide"
            who = {name: self._standing(name) for name in self._people.named(text) or self._meant(text)}
            if not framing and (size := self._varied("medium-full" if len(who) > 1 else "medium")) != "medium":
                framing["size"] = size
            wide = first and framing.get("size") in ("wide", "extreme-wide")
            seconds = pace.action_seconds(text, framing.get("size"), establishing=wide)
            heard = _heard(sounds, len(text.split()), seconds)
            effects = [*heard, *(sfx if index == 0 else [])]
            self.shots.append(
                Draft(
                    {
                        **framing,
                        "action": text,
                        **({"who": who} if who else {}),
                        "seconds": seconds,
                        **({"sfx": effects} if effects else {}),
                    },
                    line,
                )
            )

    def _introduce(self, words: str, line: int, guessed: Guessed) -> str:
        """The action with names in running text; people that it introduces join the cast with their look."""
        at, parts = 0, list[str]()
        for found in names.introductions(words, self._heard):
            new = self._people.known(found.name) is None
            who = self._people.id(found.name)
            self._people.describe(who, found.look)
            if new and not found.look:
                guessed(line, f"{self._people.name(who)} comes in without a look")
            parts += [words[at : found.start], self._people.name(who)]
            at = found.end
        return "".join([*parts, words[at:]])

    def _meant(self, text: str) -> list[str]:
        """Whom a pronoun at the head of an action means: who spoke or was named last, or the last two."""
        pronoun = _PRONOUN.match(text)
        if pronoun is None:
            return []
        seen = [name for shot in self.shots[-_RECENT:] for name in [*shot.values.get("who", {}), shot.last] if name]
        seen = [name for name in seen if name not in self._hidden]
        latest = list(dict.fromkeys(reversed(seen)))
        return sorted(latest[:2]) if pronoun[0].lower() in ("they", "both") else latest[:1]

    def _standing(self, who: str, to: str = "") -> Values:
        side = self._side(who)
        facing = to or _FACING[side]
        return {**({} if side == "centre" else {"at": side}), **({} if facing == "camera" else {"facing": facing})}

    def _side(self, who: str) -> str:
        if who not in self._sides:
            free = [side for side in SIDES if side not in self._sides.values()]
            self._sides[who] = free[0] if free else "centre"
        return self._sides[who]

    def _other(self, who: str) -> str | None:
        """Whom somebody speaks to: the one who spoke last, else the next who will."""
        spoke = (shot.last for shot in reversed(self.shots) if shot.turns)
        there = (other for other in itertools.chain(spoke, self._sides) if other not in self._hidden)
        return next((other for other in there if other and other != who), None)


def _groups(lines: Sequence[Values]) -> Iterator[list[Values]]:
    """The lines of a turn in stretches of at most 9 s; lines too long for one are divided."""
    held: list[Values] = []
    for line in lines:
        pieces = [line] if "who" not in line else _divided(line)
        for piece in pieces:
            if any("who" in h for h in held) and _seconds([*held, piece]) > pace.SHOT_SECONDS:
                yield held
                held = []
            held.append(piece)
    if held:
        yield held


def _divided(line: Values) -> list[Values]:
    return [{**line, "text": text} for text in pace.divided_speech(line["text"], line.get("how", ""))]


def _seconds(lines: Sequence[Values]) -> float:
    spoken = [speech.line_seconds(line["text"], line.get("how", "")) + speech.TURN for line in lines if "who" in line]
    silent = [float(line["beat"]) for line in lines if "beat" in line]
    return sum(spoken) - (speech.TURN if spoken else 0.0) + sum(silent)


def _heard(sounds: Sequence[tuple[str, int]], words: int, seconds: float) -> list[Values]:
    """Effects at the moment of the action at which their word stands."""
    found = []
    for sound, before in sounds:
        at = round(seconds * before / max(1, words), 1)
        found.append({"sound": sound, **({"at": at} if at else {})})
    return found
