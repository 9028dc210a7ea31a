"""Reference pages that are written from the code: storyboard fields, edit operations, settings, engines.

`python -m control.reference` writes them into docs/; a test compares.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from control.settings import table
from control.storyboard import entities, models, schema, shot
from control.storyboard.edits.batch import Op
from functions.catalog import builtin

PARTS: tuple[tuple[str, type[BaseModel], str], ...] = (
    ("The film", models.Storyboard, "KMDSC"),
    ("`cast.<id>`", entities.CastMember, "KM"),
    ("`cast.<id>.voice`", entities.VoiceSpec, "D"),
    ("`places.<id>`", entities.Place, "KM"),
    ("`props.<id>`", entities.PropSpec, "KM"),
    ("A scene", models.Scene, ""),
    ("A shot", shot.Shot, ""),
    ("`camera`", shot.Camera, "M"),
    ("`who.<cast id>`", shot.Blocking, "KM"),
    ("A line", shot.Spoken, "D"),
    ("A beat", shot.Beat, "S"),
    ("`sfx[]`", shot.Sfx, "S"),
    ("`via`", shot.Transition, "C"),
    ("`super`", shot.Super, "C"),
    ("`render.<kind>`", shot.Override, "KM"),
    ("`music[]`", models.Cue, "S"),
    ("`titles.open`", models.OpenTitle, "C"),
    ("`titles.credits`", models.Credits, "C"),
    ("`end`", models.End, "C"),
    ("A note", shot.Note, ""),
)
INTRO = """# The storyboard

Written from the schema by `python -m control.reference`; `vivijure schema storyboard` prints the schema itself.

A storyboard is YAML 1.2 or JSON. Ids are `[a-z][a-z0-9-]{0,31}`, unique in the film for ever; missing ones are made.
Short forms save typing: `camera: push`, `via: dissolve` or `via: {fade-in: 1.5}`, `who: {maren: left}`,
`- maren (quiet): "text"`, `- beat: 0.8`, `lines: |` with one `NAME (how): words` a line, and the sizes EWS WS FS MFS MS
MCU CU ECU. `(V.O.)`, `(O.S.)` and `(ON PHONE)` after a name say where the voice is.

*read by* says what an edit of the field makes stale: **K** keyframe, **M** motion, **D** voice, **S** sound mix,
**C** cut.
"""
EDITS = """# Edit operations

Written from the schema by `python -m control.reference`. A storyboard changes only through these:
`vivijure edit BOARD OPS.json`, `POST /api/films/{film}/edits`. A batch applies whole or not at all, and every batch
has an exact inverse.

| operation | fields | meaning |
|---|---|---|
"""
SETTINGS = """# Settings

Written from the code by `python -m control.reference`. All are environment variables, all are optional.

"""
ENGINES = """# Engines

Written from the catalog by `python -m control.reference`; `vivijure engines --json` prints all of it. *commercial* is
our reading of the licences of code and weights together.

| engine | makes | runs | commercial | what it is |
|---|---|---|---|---|
"""


def pages() -> dict[str, str]:
    """File name under docs/ -> its text."""
    return {
        "storyboard.md": INTRO + "".join(_part(*part) for part in PARTS),
        "edits.md": _edits(),
        "settings.md": SETTINGS + table(),
        "engines.md": _engines(),
    }


def write(folder: Path) -> None:
    """Write every page."""
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


def _part(title: str, model: type[BaseModel], inherited: str) -> str:
    rows = "".join(_rows(model, inherited))
    return f"\n## {title}\n\n{_doc(model)}\n\n| field | values | default | read by |\n|---|---|---|---|\n{rows}"


def _rows(model: type[BaseModel], inherited: str) -> Iterator[str]:
    found = model.model_json_schema(by_alias=True)
    for name, (_, info) in schema.written(model).items():
        values = found["properties"][name]
        default = "required" if info.is_required() else _default(values.get("default"))
        yield _row(f"`{name}`", _values(values, found.get("$defs", {})), default, schema.reads(info, inherited))


def _values(found: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "$ref" in found:
        name = found["$ref"].rsplit("/", 1)[1]
        inner = defs.get(name, {})
        return _values(inner, defs) if "enum" in inner else f"see {name}"
    if "anyOf" in found:
        return " or ".join(_values(v, defs) for v in found["anyOf"] if v.get("type") != "null")
    if "enum" in found:
        return ", ".join(str(v) for v in found["enum"])
    if "const" in found:
        return str(found["const"])
    return _plain(found, defs)


def _plain(found: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    kind = found.get("type", "value")
    if kind in ("number", "integer"):
        low, high = found.get("minimum"), found.get("maximum", found.get("exclusiveMaximum"))
        return f"{_number(low)} to {_number(high)}" if low is not None and high is not None else "number"
    if kind == "array":
        items = found.get("items", {})
        most = f", at most {found['maxItems']}" if "maxItems" in found else ""
        return f"list of {_values(items, defs) if items else 'values'}{most}"
    if kind == "object":
        return "map by id"
    if kind == "string":
        return f"text, at most {found['maxLength']} characters" if "maxLength" in found else "text"
    return "true or false" if kind == "boolean" else str(kind)


def _number(value: float | None) -> str:
    return f"{value:g}" if value is not None and abs(value) < 1e9 else "2^53"


def _default(value: object) -> str:
    if value is None or value in ("", [], {}):
        return ""
    return "see there" if isinstance(value, dict) else str(value).lower() if isinstance(value, bool) else str(value)


def _doc(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _edits() -> str:
    found = get_args(get_args(Op)[0])
    rows = [
        _row(f"`{op.model_fields['op'].default}`", ", ".join(f"`{n}`" for n in op.model_fields if n != "op"), _doc(op))
        for op in found
    ]
    return EDITS + "".join(rows)


def _engines() -> str:
    rows = [
        _row(
            f"`{m.name}`",
            ", ".join(m.kinds),
            m.runs,
            m.commercial,
            m.summary,
        )
        for m in builtin().engines.values()
    ]
    return ENGINES + "".join(rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
