"""Takes in the database: what a film's steps have left, and the objects to serve of them."""

from collections.abc import Iterable, Mapping
from typing import Literal

from control.db import Database, Row, Value
from control.errors import NotFound
from control.graph.model import OutputFacts, slot
from control.render.paging import paged
from control.render.planning import FACTS
from control.render.views import ArtifactFile, Page, TakeInfo
from control.store.types import type_of
from functions.contract.base import StepKind

MAIN: Mapping[StepKind, str] = {
    "train_lora": "samples.png",
    "keyframe": "image.png",
    "motion": "clip.mp4",
    "dialogue": "line.wav",
    "speech_enhance": "line.wav",
    "lipsync": "clip.mp4",
    "interpolate": "clip.mp4",
    "face_restore": "clip.mp4",
    "upscale": "clip.mp4",
    "sound": "sound.wav",
    "score": "music.wav",
    "conform": "segment.mp4",
    "mix": "mix.m4a",
    "assemble": "film.mp4",
}
"""The output that is meant where none is named."""
_TAKE = """
SELECT take.*, artifact.quality, artifact.facts FROM take JOIN artifact ON artifact.fp=take.fp"""
_CHOOSE = """
UPDATE take SET chosen=(id=:take) WHERE (film_id,shot_id,kind)=(SELECT film_id,shot_id,kind FROM take WHERE id=:take)"""


class Takes:
    """The statements over one `Database`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def takes(self, film_id: str, shot: str | None, limit: int, cursor: str | None) -> Page[TakeInfo]:
        """Newest first; of one shot, or with `shot=""` of the film itself."""
        where = "film_id=:film AND (:shot IS NULL OR shot_id=:shot)"
        values: dict[str, Value] = {"film": film_id, "shot": shot}
        rows, more = await paged(self._db, f"SELECT * FROM ({_TAKE})", where, values, limit, cursor)  # noqa: S608
        return Page(items=tuple(_take(row) for row in rows), cursor=more)

    async def take(self, take_id: str) -> TakeInfo:
        """Raises `NotFound`."""
        rows = await self._db.fetch(f"{_TAKE} WHERE take.id=:take", {"take": take_id})
        if not rows:
            raise NotFound(f"there is no take {take_id}")
        return _take(rows[0])

    async def choose(self, take_id: str) -> TakeInfo:
        """Mark it as the one of its shot and kind. Raises `NotFound`."""
        await self._db.batch([(_CHOOSE, {"take": take_id})])
        return await self.take(take_id)

    async def keep(self, take_id: str) -> TakeInfo:
        """Count a degraded take as made from now on, for every render. Raises `NotFound`."""
        sql = "UPDATE artifact SET kept=1 WHERE fp=(SELECT fp FROM take WHERE id=:take)"
        await self._db.batch([(sql, {"take": take_id})])
        return await self.take(take_id)

    async def artifact(self, take_id: str, output: str | None) -> ArtifactFile:
        """An output of a take, its main one without `output`. Raises `NotFound`."""
        take = await self.take(take_id)
        name = output or MAIN[take.kind]
        found = take.outputs.get(name)
        if found is None:
            raise NotFound(f"the take {take_id} has no {name}; it has {', '.join(sorted(take.outputs))}")
        return artifact_file(name, found)


def best_first(takes: Iterable[TakeInfo]) -> list[TakeInfo]:
    """The same takes, those of one step beside one another: by their score, and those of none as they came."""
    slots: dict[tuple[str | None, str], list[TakeInfo]] = {}
    for take in takes:
        slots.setdefault((take.shot, slot(take.path)), []).append(take)
    return [take for same in slots.values() for take in sorted(same, key=_rank)]


def _rank(take: TakeInfo) -> float:
    return 0.0 if take.score is None else -take.score


def artifact_file(name: str, fact: OutputFacts) -> ArtifactFile:
    """What serving one object needs."""
    kind = type_of(name).content_type
    return ArtifactFile(key=fact.key, name=name, content_type=kind, size=fact.size, sha256=fact.sha256)


def _take(row: Row) -> TakeInfo:
    quality: Literal["done", "degraded"] = row["quality"]
    outputs = FACTS.validate_json(row["facts"])
    main = outputs.get(MAIN[row["kind"]])
    return TakeInfo(
        id=row["id"],
        film_id=row["film_id"],
        shot=row["shot_id"] or None,
        kind=row["kind"],
        path=row["path"],
        label=row["label"],
        fingerprint=row["fp"],
        quality=quality,
        chosen=bool(row["chosen"]),
        created_at=row["created_at"],
        score=main.media.score if main else None,
        outputs=outputs,
    )
