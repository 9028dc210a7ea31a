"""A Fountain script as a storyboard: what its notes say exactly, and a first coverage of all that has none."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from control.storyboard import checks, findings, source, speech, text
from control.storyboard.fountain import craft, heading, literal, names, notes, pace, page, script
from control.storyboard.fountain.coverage import UNSEEN, Coverage, Draft
from control.storyboard.fountain.outline import Block, Scene, around, note_of, outline
from control.storyboard.fountain.people import People
from control.storyboard.fountain.report import Guess, Imported, Report, seconds
from control.storyboard.fountain.script import Element
from control.storyboard.minting import mint_ids
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem, warning
from control.storyboard.source import Source

Values = dict[str, Any]
_REMARK = 2000
_LEAST_LOOK, _MOST_LOOK = 5, 25
"""Words of a sentence that may describe a place."""


def import_fountain(written: bytes | str) -> Imported:
    """The storyboard of a script, and what was made of it. Problems carry the line of the script.

    Raises `StoryboardRefused` for a script that is too large or no UTF-8, and where its notes hold what no storyboard
    takes.
    """
    return _Reading(script.read(source.decode(written))).imported()


class _Reading:
    """One pass over a script."""

    def __init__(self, read: script.Script) -> None:
        self._script = read
        self._guesses: list[Guess] = []
        self._outline = outline(read)
        self._problems: list[Problem] = [*read.problems, *self._outline.problems]
        self._via: Values | None = None
        self._super: Values | None = None
        self._made = 0
        self._lines: dict[tuple[str | int, ...], int] = {}
        film = notes.joined(page.film_values(read), self._outline.film or {})
        self._values: Values = film
        self._places: dict[str, Values] = dict(film.get("places", {}))
        self._locations: dict[str, str] = {}
        self._furnished: set[str] = set()
        taken = {*film.get("cast", {}), *self._places, *film.get("props", {}), *self._outline.ids(), "end"}
        self._taken = taken
        self._people = People(film.get("cast", {}), taken)

    def imported(self) -> Imported:
        """The board and the report."""
        self._learn_locations()
        scenes = [self._scene(scene) for scene in self._outline.scenes]
        self._values["scenes"] = [scene for scene in scenes if scene is not None]
        self._people_and_places()
        board = self._validated()
        at = Source({}, self._lines)
        for problem in checks.errors(board):
            line = at.line(findings.steps(problem.path))
            self._problems.append(problem.model_copy(update={"line": line}))
        return Imported(board, self._report(board))

    # -- scenes

    def _learn_locations(self) -> None:
        """Which location already stands for which place, from scenes whose note names it."""
        for scene in self._outline.scenes:
            if scene.note is not None and scene.heading is not None:
                given = heading.scene_values(scene.heading)
                wanted = notes.joined(given, scene.note)
                if "place" in given and "place" in wanted:
                    self._locations.setdefault(given["place"], wanted["place"])

    def _scene(self, scene: Scene) -> Values | None:
        head = scene.heading
        line = head.line if head is not None else 1
        given = heading.scene_values(head) if head is not None else {}
        if scene.note is not None:
            values = {"id": scene.note["scene"], **notes.joined(given, scene.note)}
        else:
            values = self._placed(given, line)
        drafts = self._shots(scene, heading.place(given.get("heading", "")).lower())
        if head is None and not drafts:
            return None
        if scene.note is None and drafts and "place" in values:
            self._furnish(values["place"], drafts[0], line)
        at, self._made = self._made, self._made + 1
        self._lines[("scenes", at)] = line
        for number, draft in enumerate(drafts):
            self._lines[("scenes", at, "shots", number)] = draft.line
        remarks = [{"text": remark[:_REMARK]} for remark in scene.remarks if remark.strip("#= ")]
        if remarks:
            values["notes"] = [*values.get("notes", []), *remarks]
        return {**values, **({"shots": [_finished(draft) for draft in drafts]} if drafts else {})}

    def _placed(self, given: Values, line: int) -> Values:
        location = given.get("place")
        if location is None:
            return given
        if not heading.has_time(given["heading"]):
            self._guesses.append(Guess(line, f"{given['heading']!r} names no time of day"))
        if location not in self._locations:
            name = location if location in self._places else names.slug(location, self._taken, "place")
            self._locations[location] = name
            self._taken.add(name)
            look = heading.place(given["heading"]).lower()
            self._places.setdefault(name, {"look": " ".join(look.split()[:15])})
        return {**given, "place": self._locations[location]}

    def _furnish(self, place: str, first: Draft, line: int) -> None:
        """Give a new place what its establishing shot says of it: the look of an empty first sentence, and its bed."""
        furnished = self._places[place]
        if place in self._values.get("places", {}) or place in self._furnished:
            return
        self._furnished.add(place)
        action = str(first.values["action"])
        sentence = pace.sentences(action)[0].rstrip(".!")
        if not first.values.get("who") and _LEAST_LOOK <= len(sentence.split()) <= _MOST_LOOK:
            furnished["look"] = f"{furnished['look']}, {sentence[:1].lower()}{sentence[1:]}"
            self._guess(line, f"the place {place} looks as its first action says: {sentence}")
        beds = dict.fromkeys(craft.AMBIENCES[w] for w in re.findall(r"[a-z]+", action.lower()) if w in craft.AMBIENCES)
        if beds:
            furnished["ambience"] = ", ".join(beds)
            self._guess(line, f"the place {place} sounds as its first action says: {', '.join(beds)}")

    def _shots(self, scene: Scene, place: str) -> list[Draft]:
        coverage = Coverage(self._people, place, self._speakers(scene), self._heard())
        held: list[Block] = []
        for block in scene.blocks:
            note = note_of(block)
            if note is not None and "shot" in note:
                before, own, after = around(held, note)
                self._cover(coverage, before)
                coverage.shots.append(self._noted(own, note, block[0].line))
                coverage.begun()
                self._cover(coverage, after)
                held = []
            else:
                held.append(block)
        self._cover(coverage, held)
        if scene.note is None and scene.heading is not None:
            coverage.finish(scene.heading.line)
        return coverage.shots

    def _cover(self, coverage: Coverage, blocks: Sequence[Block]) -> None:
        for block in blocks:
            made = len(coverage.shots)
            first = block[0]
            if first.kind == "action" and first.text.strip(" .!").upper() in craft.ENDS:
                self._centred(coverage, first)
            elif first.kind == "action":
                coverage.add_action(first, self._guess)
            elif first.kind == "cue":
                coverage.add_turn(first, block[1:], self._guess)
            elif first.kind == "lyric":
                self._sung(coverage, first)
            elif first.kind == "transition":
                self._transition(first)
            elif first.kind == "centred":
                self._centred(coverage, first)
            elif first.kind == "note" and coverage.shots:
                coverage.shots[-1].notes.append(first.text)
            if len(coverage.shots) > made:
                self._open(coverage.shots[made])

    def _open(self, draft: Draft) -> None:
        """Give a new shot the transition and the words that were announced."""
        if self._via:
            draft.values["via"] = self._via
        if self._super is not None:
            draft.values["super"] = self._super
        self._via = self._super = None

    def _noted(self, own: Sequence[Block], note: Values, line: int) -> Draft:
        for block in own:
            if block[0].kind == "transition":
                self._transition(block[0])
        given = literal.shot([e for block in own for e in block if e.kind != "transition"], self._people.guess)
        if self._via:
            given["via"] = self._via
        self._via = None
        lines = notes.joined_rows(given.pop("lines", []), note.get("lines"))
        sounds = notes.joined_rows(given.pop("sfx", []), note.get("sfx"))
        values = {"id": note["shot"], **notes.joined(given, note)}
        values |= {**({"lines": lines} if lines else {}), **({"sfx": sounds} if sounds else {})}
        for who in _people(values):
            self._people.admit(who)
        remarks = [block[0].text for block in own if block[0].kind == "note" and note_of(block) is None]
        first = own[0][0].line if own else line
        return Draft(values, first, notes=remarks, speaks=True, turns=2)

    # -- elements

    def _transition(self, element: Element) -> None:
        via = craft.transition(element.text)
        if via is None:
            message = f"the transition {element.text!r} is not known; it is made a cut"
            self._problems.append(warning("script", message, element.line))
        self._via = via or None

    def _centred(self, coverage: Coverage, element: Element) -> None:
        shown = {"text": " ".join(element.text.split())[:300], "at": "centre"}
        if coverage.shots and "super" not in coverage.shots[-1].values:
            coverage.shots[-1].values["super"] = shown
        else:
            self._super = shown

    def _sung(self, coverage: Coverage, element: Element) -> None:
        last = next((draft.last for draft in reversed(coverage.shots) if draft.last), "")
        name = self._people.name(last) if last else "SINGER"
        self._guess(element.line, f"nobody is named for a lyric; {self._people.name(self._people.id(name))} sings it")
        coverage.add_turn(Element("cue", name.upper(), element.line), [element], self._guess)

    def _guess(self, line: int, guess: str) -> None:
        self._guesses.append(Guess(line, guess))

    def _speakers(self, scene: Scene) -> list[str]:
        """Who is seen speaking in a scene, in order."""
        cues = [block[0] for block in scene.blocks if block[0].kind == "cue"]
        seen = [self._people.guess(cue.text) for cue in cues if literal.extension(cue.extension) not in UNSEEN]
        return list(dict.fromkeys(seen))

    def _heard(self) -> frozenset[str]:
        return self._people.speaking(element.text for element in self._script.elements if element.kind == "cue")

    # -- the film

    def _people_and_places(self) -> None:
        cast = self._people.cast
        cues = [element for element in self._script.elements if element.kind == "cue"]
        spoke = {self._people.guess(cue.text): cue.line for cue in reversed(cues)}
        for who, member in cast.items():
            if self._outline.film is None and not member.get("look"):
                self._guess(spoke.get(who, 1), f"{self._people.name(who)} has no look; describe what can be seen")
        self._values |= {**({"cast": cast} if cast else {}), **({"places": self._places} if self._places else {})}

    def _validated(self) -> Storyboard:
        try:
            return text.validate(mint_ids(_distinct(self._values, self._problems)))
        except ValidationError as bad:
            raise text.refusal(findings.problems(bad.errors(), Source({}, self._lines))) from bad

    def _report(self, board: Storyboard) -> Report:
        return Report(
            scenes=len(board.scenes),
            shots=sum(1 for _ in board.shots()),
            seconds=seconds(board),
            pages=round(page.pages(self._script.elements), 2),
            boneyards=self._script.boneyards,
            guesses=tuple(sorted(self._guesses, key=lambda guess: guess.line)),
            problems=tuple(sorted(self._problems, key=lambda problem: problem.line or 0)),
        )


def _people(values: Values) -> Iterator[str]:
    """Everybody that a shot names."""
    yield from (values[key] for key in ("over", "pov") if key in values)
    yield from values.get("who", {})
    yield from (line["who"] for line in values.get("lines", ()) if isinstance(line.get("who"), str))


def _finished(draft: Draft) -> Values:
    remarks = [{"text": remark[:_REMARK]} for remark in draft.notes if remark]
    written = draft.values.get("notes", [])
    values = {**draft.values, **({"notes": [*written, *remarks]} if written or remarks else {})}
    if "id" not in values and values.get("lines") and values.get("seconds", 0) < draft.words + 3 * speech.EDGE:
        values.pop("seconds", None)
    return values


def _distinct(values: Values, problems: list[Problem]) -> Values:
    """The values without ids that are there twice: a passage was copied with its note, so the copy gets new ones."""
    seen: set[str] = set()

    def walked(value: Any) -> Any:
        if isinstance(value, list):
            return [walked(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = value.get("id")
        if isinstance(name, str):
            if name in seen:
                problems.append(warning("script", f"the id {name!r} stands there twice; the copy gets another"))
                return {key: walked(item) for key, item in value.items() if key != "id"}
            seen.add(name)
        return {key: walked(item) for key, item in value.items()}

    return {key: walked(value) if key in ("scenes", "music", "notes") else value for key, value in values.items()}
