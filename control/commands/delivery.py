"""What a finished render leaves beside the person's storyboard: film, captions, poster, stems, timeline."""

import asyncio
from pathlib import Path

from control.errors import StudioError
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
    await _copy(store, film, "film.mp4", out)
    for name, suffix in BESIDE.items():
        await _copy(store, film, name, out.with_suffix(suffix))
    mix = steps.get("film/mix")
    for name in STEMS if mix is not None and view.recipe.stems else ():
        if mix is not None and name in mix.outputs:
            await _copy(store, mix, name, out.with_suffix("") / "stems" / name)
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


async def _copy(store: ObjectStore, step: StepView, name: str, target: Path) -> None:
    if name not in step.outputs:
        return
    partial = target.with_name(f".{target.name}.part")
    try:
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await store.fetch(step.outputs[name].key, partial)
        await asyncio.to_thread(partial.replace, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StudioError(f"cannot write {target}: {error.strerror}; the film is kept in the Studio") from error
