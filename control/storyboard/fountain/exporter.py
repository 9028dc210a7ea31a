"""A storyboard as a Fountain script. What Fountain cannot say stands in `[[vj ...]]` notes; `clean` leaves them out."""

from collections.abc import Iterator
from typing import Any

from control.storyboard.fountain import craft, literal, names, notes, script, writing
from control.storyboard.fountain.heading import scene_values
from control.storyboard.fountain.page import film_values
from control.storyboard.models import Beat, Scene, Shot, Storyboard

Values = dict[str, Any]


def export_fountain(board: Storyboard, *, clean: bool = False) -> str:
    """The script of a film. Reading it back gives an equal storyboard, unless `clean` strips the notes."""
    cues = names.cues(board.cast)
    paragraphs = [_title_page(board), *_film_note(board, clean)]
    for scene in board.scenes:
        paragraphs += _scene(scene, cues, clean)
    if board.end.fade_out > 0:
        paragraphs.append("FADE OUT.")
    return "\n\n".join(paragraphs) + "\n"


def _title_page(board: Storyboard) -> str:
    credits = board.titles.credits.lines if board.titles.credits is not None else ()
    rows = [f"Title: {writing.plain(board.title) or 'Untitled'}"]
    spoken = [line for line in map(writing.plain, credits) if line]
    return "\n".join([*rows, *(["Credits:"] if spoken else []), *(f"    {line}" for line in spoken)])


def _film_note(board: Storyboard, clean: bool) -> Iterator[str]:
    if clean:
        return
    page = script.read(_title_page(board) + "\n\n.X" + ("\n\nFADE OUT.\n" if board.end.fade_out > 0 else "\n"))
    wanted = board.model_dump(mode="json", exclude_defaults=True, exclude={"scenes"})
    yield notes.written({"film": 1, **notes.difference(film_values(page), wanted)})


def _scene(scene: Scene, cues: dict[str, str], clean: bool) -> Iterator[str]:
    first = scene.shots[0] if scene.shots else None
    if first is not None and first.via.kind != "cut":
        yield craft.TRANSITION_OF[first.via.kind]
    line = writing.heading(scene.heading, scene.number)
    yield line if clean else f"{line}\n{_scene_note(scene, line)}"
    for shot in scene.shots:
        yield from _shot(shot, cues, shot is first, clean)


def _scene_note(scene: Scene, line: str) -> str:
    given = scene_values(script.read(f"{line}\n").elements[0])
    wanted = scene.model_dump(mode="json", exclude_defaults=True, exclude={"shots", "id"})
    return notes.written({"scene": scene.id, **notes.difference(given, wanted)})


def _shot(shot: Shot, cues: dict[str, str], first: bool, clean: bool) -> Iterator[str]:
    via = [] if shot.via.kind == "cut" else [craft.TRANSITION_OF[shot.via.kind]]
    body = [_action(shot, cues), *_turns(shot, cues)]
    if shot.super is not None:
        body.append(writing.centred(shot.super.text))
    yield from body if first else [*via, *body]
    if not clean:
        yield _shot_note(shot, [*via, *body], cues)


def _action(shot: Shot, cues: dict[str, str]) -> str:
    view = shot.over or shot.pov
    lead = craft.LEAD_OF.get(shot.size or "", "")
    if view is not None:
        name = cues.get(view, view.upper())
        lead = f"OVER {name}" if shot.over else f"{name}'S POV"
    words = writing.action(shot.action)
    row = f"{lead}: {words.removeprefix('!')}" if lead else words
    sounds = "; ".join(writing.plain(sfx.sound).replace(";", ",") for sfx in shot.sfx if sfx.sound)
    return row + (f"\nSOUND: {writing.escaped(sounds)}" if sounds else "")


def _turns(shot: Shot, cues: dict[str, str]) -> Iterator[str]:
    """A paragraph a line. A silence stands before the words that follow it, at the end after the last."""
    if not shot.spoken:
        return
    held: list[str] = []
    paragraphs: list[list[str]] = []
    for line in shot.lines:
        if isinstance(line, Beat):
            held.append(f"({_pause(line)})")
            continue
        manner = writing.plain(line.how)
        how = [writing.parenthetical(line.how)] if manner and not _is_silence(manner) else []
        cue = writing.cue(cues.get(line.who, line.who.upper()), craft.EXTENSION_OF.get(line.voice, ""), False)
        paragraphs.append([cue, *held, *how, writing.speech(line.text)])
        held = []
    paragraphs[-1] += held
    yield from ("\n".join(rows) for rows in paragraphs)


def _is_silence(manner: str) -> bool:
    return manner.casefold() in craft.PAUSES or manner.casefold() in craft.VOICES


def _pause(beat: Beat) -> str:
    return craft.PAUSE_OF[min(craft.PAUSE_OF, key=lambda seconds: abs(seconds - beat.beat))]


def _shot_note(shot: Shot, body: list[str], cues: dict[str, str]) -> str:
    known = {name: who for who, name in cues.items()}
    elements = script.read("\n\n".join([".X", *body, ""])).elements[1:]
    given = literal.shot(elements, lambda cue: names.speaker(cue, known) or names.slug(cue))
    wanted = shot.model_dump(mode="json", exclude_defaults=True, exclude={"id"})
    spoken = list(range(len(shot.lines))) if shot.spoken else []
    lines = notes.rows(given.pop("lines", []), wanted.pop("lines", []), spoken)
    heard = [index for index, sfx in enumerate(shot.sfx) if sfx.sound]
    sounds = notes.rows(given.pop("sfx", []), wanted.pop("sfx", []), heard)
    paragraph = next(e.text for e in elements if e.kind == "action")
    return notes.written(
        {
            "shot": shot.id,
            "of": notes.mark(paragraph),
            **notes.difference(given, wanted),
            **({"lines": lines} if lines else {}),
            **({"sfx": sounds} if sounds else {}),
        }
    )
