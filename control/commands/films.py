"""Which film of the Studio a storyboard file is, and bringing it up to the file."""

import hashlib
import json
from pathlib import Path

from control.errors import NotFound, StoryboardError, StudioError
from control.render.service import Studio
from control.settings import Settings
from control.storyboard.files import files
from control.storyboard.models import Storyboard


async def film_of(studio: Studio[Storyboard], settings: Settings, path: Path, board: Storyboard) -> str:
    """The film that belongs to this file, brought up to its text and its files; a new one the first time."""
    memo = _memo(settings, path)
    film_id = await _known(studio, memo)
    if film_id is None:
        film_id = (await studio.create_film(board, author="cli", source="import")).id
        memo.parent.mkdir(parents=True, exist_ok=True)
        memo.write_text(json.dumps({"film": film_id, "path": str(path.resolve())}), "utf-8")
    else:
        info, current = await studio.revision(film_id)
        if current != board:
            await studio.save_revision(
                film_id, info.n, board, author="cli", source="import", reason=f"from {path.name}"
            )
    await _upload(studio, film_id, path, board)
    return film_id


async def known_film(studio: Studio[Storyboard], settings: Settings, path: Path) -> str | None:
    """The film that this file was rendered as before, if any."""
    return await _known(studio, _memo(settings, path))


def _memo(settings: Settings, path: Path) -> Path:
    """Where is noted which film a file became."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]
    return settings.data / "boards" / f"{name}.json"


async def _known(studio: Studio[Storyboard], memo: Path) -> str | None:
    try:
        film_id = json.loads(memo.read_text("utf-8"))["film"]
        return (await studio.film(film_id)).id
    except (OSError, ValueError, KeyError, TypeError, NotFound):
        return None


async def _upload(studio: Studio[Storyboard], film_id: str, path: Path, board: Storyboard) -> None:
    """Bring in every file that the storyboard names, looked for beside it."""
    for name in files(board):
        source = _beside(path, name)
        try:
            found = await studio.put_upload(source, name=name)
        except StudioError as error:
            raise StoryboardError(f"{source}: {error.detail}") from error
        await studio.name_file(film_id, name, found.sha256)


def _beside(path: Path, name: str) -> Path:
    """The file of this name in the storyboard's folder or below; a storyboard may be a stranger's."""
    folder = path.parent.resolve()
    found = (folder / name).resolve()
    if not found.is_relative_to(folder):
        raise StoryboardError(
            f"the storyboard names {name!r}, which lies outside its folder; copy the file to {folder}"
        )
    if not found.is_file():
        raise StoryboardError(f"the storyboard names {name!r}, but there is no file {found}")
    return found
