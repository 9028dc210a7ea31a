"""What a finished render leaves beside the person's storyboard: film, captions, poster, stems, timeline."""

import asyncio
import contextlib
import hashlib
import json
from pathlib import Path

from control.errors import StudioError
from control.graph.model import OutputFacts
from control.render.views import RenderView, StepView
from control.store import ObjectStore

BESIDE = {"captions.srt": ".srt", "captions.vtt": ".vtt", "poster.png": ".png"}
STEMS = ("dx.wav", "fx.wav", "amb.wav", "mx.wav", "nat.wav", "mix.wav")
LATEST = 2000
"""Files that are remembered."""


class Delivered:
    """What was put where, with each file's size and time of change: an unchanged one, hundreds of megabytes long in the
    case of stems, is not read again to know it. `path` keeps that from one run to the next.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[str | int]] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(path.read_text("utf-8"))
            self._known = found if isinstance(found, dict) else {}

    def holds(self, target: Path, fact: OutputFacts) -> bool:
        """Whether the file has this very content."""
        try:
            if target.stat().st_size != fact.size:
                return False
            if self._known.get(str(target.absolute())) == self._mark(target, fact):
                return True
            with target.open("rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == fact.sha256
        except OSError:
            return False
        if same:
            self.put(target, fact)
        return same

    def put(self, target: Path, fact: OutputFacts) -> None:
        """The file has this content now."""
        with contextlib.suppress(OSError):
            self._known[str(target.absolute())] = self._mark(target, fact)

    def save(self) -> None:
        """Keep it for the next run, which reads the files anew where this fails."""
        with contextlib.suppress(OSError):
            partial = self._path.with_suffix(".part")
            partial.write_text(json.dumps(dict(list(self._known.items())[-LATEST:])), "utf-8")
            partial.replace(self._path)

    def _mark(self, target: Path, fact: OutputFacts) -> list[str | int]:
        found = target.stat()
        return [fact.sha256, found.st_size, found.st_ctime_ns, found.st_ino]


async def deliver(store: ObjectStore, view: RenderView, out: Path, delivered: Delivered) -> Path | None:
    """Put everything the render made beside `out`; the film's path, or None for a target without a film.

    Raises `StudioError` where the folder cannot be written.
    """
    steps = {s.path: s for s in view.steps}
    film = steps.get("film")
    if film is None:
        await _pictures(store, view, out.with_suffix(""), delivered)
        delivered.save()
        return None
    wanted = [(film, "film.mp4", out), *((film, name, out.with_suffix(suffix)) for name, suffix in BESIDE.items())]
    mix = steps.get("film/mix")
    if mix is not None and view.recipe.stems:
        wanted += [(mix, name, out.with_suffix("") / "stems" / name) for name in STEMS]
    await asyncio.gather(*(_copy(store, step, name, target, delivered) for step, name, target in wanted))
    delivered.save()
    return out


def deliver_text(text: str | None, target: Path) -> None:
    """Write a text beside the film, if there is one. Raises `StudioError`."""
    if text is None:
        return
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise StudioError(f"cannot write {target}: {error.strerror}") from error


async def _pictures(store: ObjectStore, view: RenderView, folder: Path, delivered: Delivered) -> None:
    """Keyframes and clips by their shot's label, for renders that stop before the film."""
    for step in view.steps:
        if step.kind in ("keyframe", "motion"):
            for name in step.outputs:
                if name.endswith((".png", ".mp4")):
                    label = step.label.split(" ")[0] or step.path.replace("/", "-")
                    await _copy(store, step, name, folder / f"{label}{Path(name).suffix}", delivered)


async def _copy(store: ObjectStore, step: StepView, name: str, target: Path, delivered: Delivered) -> None:
    """Put one output at `target`, unless it lies there already."""
    if name not in step.outputs or await asyncio.to_thread(delivered.holds, target, step.outputs[name]):
        return
    partial = target.with_name(f".{target.name}.part")
    try:
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await store.fetch(step.outputs[name].key, partial)
        await asyncio.to_thread(partial.replace, target)
        delivered.put(target, step.outputs[name])
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StudioError(f"cannot write {target}: {error.strerror}; the film is kept in the Studio") from error
