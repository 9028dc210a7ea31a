"""The Studio's service: what the HTTP API, the page and the command line call."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from control.graph.model import Plan, Recipe
from control.render.views import (
    ArtifactFile,
    Costs,
    Events,
    FilmInfo,
    Page,
    Quote,
    RenderInfo,
    RenderView,
    RevisionInfo,
    TakeInfo,
    UploadInfo,
)

B = TypeVar("B", bound=BaseModel)


class Studio(Generic[B]):
    """Everything a face of the Studio may do. `B` is the storyboard model (`Studio[Storyboard]`)."""

    # films and revisions
    async def create_film(self, board: B, *, title: str = "", author: str = "", source: str = "person") -> FilmInfo:
        """A new film whose revision 1 is `board`."""
        raise NotImplementedError

    async def films(self, *, limit: int = 50, cursor: str | None = None) -> Page[FilmInfo]:
        """Newest first."""
        raise NotImplementedError

    async def film(self, film_id: str) -> FilmInfo:
        """Raises `NotFound`."""
        raise NotImplementedError

    async def save_revision(
        self,
        film_id: str,
        base: int,
        board: B,
        *,
        author: str = "",
        source: str = "person",
        reason: str = "",
        ops: Sequence[Mapping[str, Any]] = (),
    ) -> RevisionInfo:
        """Revision `base + 1`. Raises `StaleRevision` where `base` is not the current one, `NotFound`."""
        raise NotImplementedError

    async def revision(self, film_id: str, n: int | None = None) -> tuple[RevisionInfo, B]:
        """A revision and its storyboard, the current one without `n`. Raises `NotFound`."""
        raise NotImplementedError

    async def revisions(self, film_id: str, *, limit: int = 100, cursor: str | None = None) -> Page[RevisionInfo]:
        """Newest first."""
        raise NotImplementedError

    # files
    async def put_upload(self, source: Path | AsyncIterator[bytes], *, name: str = "") -> UploadInfo:
        """Store a file under its content's digest. Raises `UnsupportedMedia`, `TooLarge`, `Invalid`, `StoreError`."""
        raise NotImplementedError

    async def name_file(self, film_id: str, name: str, sha256: str) -> None:
        """From now on the storyboard's file name `name` means this upload, in this film. Raises `NotFound`."""
        raise NotImplementedError

    async def files(self, film_id: str) -> dict[str, UploadInfo]:
        """The film's file names and what they mean."""
        raise NotImplementedError

    async def upload_file(self, sha256: str) -> ArtifactFile:
        """The stored object of an upload. Raises `NotFound`."""
        raise NotImplementedError

    # planning and rendering
    async def plan(self, film_id: str, recipe: Recipe, *, n: int | None = None) -> Plan:
        """The graph with all facts known now. Raises `NotFound`, `PlanError`."""
        raise NotImplementedError

    async def quote(self, film_id: str, recipe: Recipe, *, n: int | None = None) -> Quote:
        """What a render would make and cost. Raises `NotFound`, `PlanError`."""
        raise NotImplementedError

    async def start_render(self, film_id: str, recipe: Recipe, *, n: int | None = None) -> str:
        """The new render's id. Raises `NotFound`, `PlanError` where the plan has errors or no door runs an engine."""
        raise NotImplementedError

    async def render(self, render_id: str) -> RenderView:
        """State of everything. Raises `NotFound`."""
        raise NotImplementedError

    async def renders(
        self, film_id: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RenderInfo]:
        """Newest first."""
        raise NotImplementedError

    async def cancel(self, render_id: str) -> None:
        """Stop it, and every job in flight that no other render wants. Raises `NotFound`. Twice is once."""
        raise NotImplementedError

    async def pause(self, render_id: str) -> None:
        """Submit nothing more; what runs, ends. Raises `NotFound`, `Conflict` where it has ended."""
        raise NotImplementedError

    async def resume(self, render_id: str) -> None:
        """Go on. Raises `NotFound`, `Conflict` where it has ended."""
        raise NotImplementedError

    # takes
    async def takes(
        self, film_id: str, *, shot: str | None = None, limit: int = 200, cursor: str | None = None
    ) -> Page[TakeInfo]:
        """Newest first; of one shot with `shot`, of the film itself with `shot=""`."""
        raise NotImplementedError

    async def take(self, take_id: str) -> TakeInfo:
        """Raises `NotFound`."""
        raise NotImplementedError

    async def choose_take(self, take_id: str) -> TakeInfo:
        """Mark it as the one of its shot and kind; the cut follows the storyboard's `take`, which an edit sets."""
        raise NotImplementedError

    async def artifact(self, take_id: str, output: str | None = None) -> ArtifactFile:
        """An output of a take, its main one without `output`. Raises `NotFound`."""
        raise NotImplementedError

    # watching
    async def events(self, since: int, *, film_id: str | None = None, limit: int = 500) -> Events:
        """Changes of state after `since`, oldest first. `since=-1`: none, only `last`."""
        raise NotImplementedError

    async def costs(self, month: str | None = None) -> Costs:
        """Of a UTC month `YYYY-MM`, the present one without it."""
        raise NotImplementedError

    async def ring(self, job_id: str) -> None:
        """A doorbell: look at this job soon. Unknown ids are ignored."""
        raise NotImplementedError
