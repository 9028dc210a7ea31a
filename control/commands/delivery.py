"""What a finished render leaves beside the person's storyboard: film, captions, poster, stems, timeline."""

import asyncio
import hashlib
from pathlib import Path

from control.errors import StudioError
from control.graph.model import OutputFacts
from control.render.views import RenderView, StepView
from control.store import ObjectStore

BESIDE = {"captions.srt": ".srt", "captions.vtt": ".vtt", "poster.png": ".png"}
STEMS = ("dx.wav", "fx.wav", "amb.wav", "mx.wav", "nat.wav", "mix.wav")


async def deliver(store: ObjectStore, view: RenderView, out: Path) -> Path | None:
    """Put everything the render made beside `out`; the film's path, or None for a target without a film.

    Raises `StudioError` where the folder cannot be written.
    """
    steps = {s.path: s for s in view.steps}
    film = steps.get("film")
    if film is None:
        await _pictures(store, view, out.with_suffix(""))
        return None
    wanted = [(film, "film.mp4", out), *((film, name, out.with_suffix(suffix)) for name, suffix in BESIDE.items())]
    mix = steps.get("film/mix")
    if mix is not None and view.recipe.stems:
        wanted += [(mix, name, out.with_suffix("") / "stems" / name) for name in STEMS]
    await asyncio.gather(*(_copy(store, step, name, target) for step, name, target in wanted))
    return out


def deliver_text(text: str | None, target: Path) -> None:
    """Write a text beside the film, if there is one. Raises `StudioError`."""
    if text is None:
        return
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise StudioError(f"cannot write {target}: {error.strerror}") from error


async def _pictures(store: ObjectStore, view: RenderView, folder: Path) -> None:
    """Keyframes and clips by their shot's label, for renders that stop before the film."""
    for step in view.steps:
        if step.kind in ("keyframe", "motion"):
            for name in step.outputs:
                if name.endswith((".png", ".mp4")):
                    label = step.label.split(" ")[0] or step.path.replace("/", "-")
                    await _copy(store, step, name, folder / f"{label}{Path(name).suffix}")


def _holds(path: Path, fact: OutputFacts) -> bool:
    """Whether the file has this very content."""
    try:
        if path.stat().st_size != fact.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == fact.sha256
    except OSError:
        return False


async def _copy(store: ObjectStore, step: StepView, name: str, target: Path) -> None:
    """Put one output at `target`, unless it lies there already."""
    if name not in step.outputs or await asyncio.to_thread(_holds, target, step.outputs[name]):
        return
    partial = target.with_name(f".{target.name}.part")
    try:
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await store.fetch(step.outputs[name].key, partial)
        await asyncio.to_thread(partial.replace, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StudioError(f"cannot write {target}: {error.strerror}; the film is kept in the Studio") from error
