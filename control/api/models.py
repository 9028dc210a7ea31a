"""Bodies, queries and answers of the JSON API that are not already views of the Studio."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from control.api.access import TokenInfo, TokenScope
from control.graph.model import Problem, Recipe
from control.render.views import FilmInfo, Page, RenderInfo, RevisionInfo, TakeInfo, UploadInfo
from control.storyboard.edits.batch import Op
from control.storyboard.models import Storyboard
from functions.contract.base import Sha256, StepKind, Strict
from functions.contract.manifest import EngineManifest

Format = Literal["json", "yaml", "fountain"]
Revision = Annotated[int, Field(ge=1, le=999_999_999)]
Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class FilmPage(Page[FilmInfo]):
    """Films, newest first."""


class RevisionPage(Page[RevisionInfo]):
    """Revisions, newest first."""


class RenderPage(Page[RenderInfo]):
    """Renders, newest first."""


class TakePage(Page[TakeInfo]):
    """Takes, newest first."""


class Paging(Strict):
    """Which part of a list: `cursor` from the part before."""

    limit: Limit = 50
    cursor: Cursor | None = None


class TakeQuery(Paging):
    """Takes of one shot with `shot`, of the film itself with an empty one."""

    shot: Annotated[str, Field(max_length=32)] | None = None


class RevisionQuery(Strict):
    """Which revision, the current one without `revision`."""

    revision: Revision | None = None


class BoardQuery(RevisionQuery):
    """Which revision, in which form."""

    format: Format = "json"


class MonthQuery(Strict):
    """A UTC month."""

    month: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None


class DownloadQuery(Strict):
    """Whether the browser should save it."""

    download: bool = False


class Board(Strict):
    """A storyboard: `storyboard` as an object (short forms are taken), or `text` in `format`."""

    storyboard: dict[str, JsonValue] | None = None
    text: Annotated[str, Field(max_length=4_000_000)] | None = None
    format: Format = "yaml"


class NewFilm(Board):
    """A film from a storyboard."""

    title: Annotated[str, Field(max_length=120)] = ""


class NewRevision(Board):
    """A whole storyboard in place of revision `base`."""

    base: Revision | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class Edits(Strict):
    """Edit operations on revision `base`, carried over where others changed other places meanwhile. `dry_run` saves
    nothing and says what a render by `recipe` would make again. `imports` are the storyboards that `import`
    operations name by the SHA-256 of their text.
    """

    base: Revision | None = None
    ops: Annotated[tuple[Op, ...], Field(min_length=1, max_length=500)]
    reason: Annotated[str, Field(max_length=500)] = ""
    dry_run: bool = False
    recipe: Recipe = Recipe()
    imports: Annotated[tuple[Board, ...], Field(max_length=4)] = ()


class StaleStep(Strict):
    """A step that an edit makes again."""

    path: str
    kind: StepKind
    shot: str | None = None
    label: str = ""


class StaleParts(Strict):
    """What an edit makes stale: by shot, and of the film's own cut and mix, letters of classes of steps (K keyframe,
    M motion, D dialogue, S sound mix, C cut).
    """

    shots: dict[str, str]
    film: str


class EditAnswer(Strict):
    """The new revision (None for a dry run), what the edit makes stale, and the operations that undo it.

    `steps` are named in a dry run only.
    """

    revision: RevisionInfo | None
    stale: StaleParts
    steps: tuple[StaleStep, ...] = ()
    undo: tuple[Op, ...] = ()
    problems: tuple[Problem, ...] = ()


class StoryboardAnswer(Strict):
    """A revision and its storyboard in the long form."""

    revision: RevisionInfo
    storyboard: Storyboard


class Checked(Strict):
    """What a check found; `ok` where nothing keeps a film from being made."""

    ok: bool
    problems: tuple[Problem, ...] = ()


class PlanRequest(Strict):
    """What to plan: a recipe and a revision, the current one without it."""

    recipe: Recipe = Recipe()
    revision: Revision | None = None


class RenderRequest(PlanRequest):
    """What to render. What costs money needs an accepted `quote`, or a recipe that names the most it may cost."""

    quote: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class FileName(Strict):
    """The upload that a file name of the storyboard means."""

    sha256: Sha256


class Files(Strict):
    """File names of a film's storyboard and what they mean."""

    files: dict[str, UploadInfo]


class EngineInfo(Strict):
    """An engine; `runs` where this release has the code that runs it."""

    manifest: EngineManifest
    runs: bool
    commercial: Literal["yes", "disputed", "no"]


class Engines(Strict):
    """All engines of the catalog, and its digest."""

    catalog: Sha256
    engines: tuple[EngineInfo, ...]


class NewToken(Strict):
    """A token to issue. `days` until it expires, for ever without it."""

    name: Name
    scope: TokenScope = "crew"
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class IssuedToken(Strict):
    """A new token. `token` is shown this once; only its hash is kept."""

    id: str
    name: str
    scope: TokenScope
    token: str


class Tokens(Strict):
    """All bearer tokens."""

    tokens: tuple[TokenInfo, ...]


class Health(Strict):
    """The Studio answers."""

    status: Literal["ok"] = "ok"
    version: str
