"""What happens to each picture before the network: where its faces are, and what of it is shown."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from functions.contract.base import Size
from functions.face_restore.region import Region, region
from functions.media.frames import Packed
from functions.models.mesh import Mesh
from functions.models.patches import colours, cut
from functions.models.tracks import NEAR, Track, Tracker, apart

FADE = 4
"""Frames over which the restoration of a face that appears comes in."""
LOST = 8
"""Frames for which a face may be lost and still be the same when one is found in its place."""


@dataclass(frozen=True)
class Face:
    """A face of one picture that is to be restored; `part` is its box, packed."""

    region: Region
    part: Packed


@dataclass(frozen=True)
class Todo:
    """A picture on its way, the farther faces first."""

    picture: Packed
    faces: tuple[Face, ...]


@dataclass
class Seen:
    """Pictures, those with a face restored, faces restored, and why others were let be."""

    frames: int = 0
    touched: int = 0
    faces: int = 0
    let_be: Counter[str] = field(default_factory=Counter)


@dataclass
class _Known:
    """A face that was seen: from which picture on, and last where and in which."""

    first: int
    last: int
    mesh: Mesh


class Ages:
    """For how long each face has been seen, over losses of up to `LOST` pictures."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def first(self, tracks: Sequence[Track], now: int) -> dict[int, int]:
        """The picture from which on each track's face has been seen; `now` is the number of this one."""
        self._known = {number: known for number, known in self._known.items() if now - known.last <= LOST}
        for track in tracks:
            before = self._known.get(track.number) or self._same(track, now)
            self._known[track.number] = _Known(before.first if before else now, now, track.mesh)
        return {track.number: self._known[track.number].first for track in tracks}

    def _same(self, track: Track, now: int) -> _Known | None:
        lost = (known for known in self._known.values() if known.last < now)
        return next((known for known in lost if apart(known.mesh, track.mesh) <= NEAR), None)


class Preparation:
    """Runs beside the network, in a thread of its own. `strength` 0..1."""

    def __init__(self, size: Size, strength: float, tracker: Tracker) -> None:
        self._size, self._strength, self._tracker, self.seen = size, strength, tracker, Seen()
        self._ages = Ages()

    def of(self, pictures: Iterable[Packed]) -> Generator[Todo, None, None]:
        """All pictures in order."""
        for picture in pictures:
            faces = tuple(self._faces(picture)) if self._strength else ()
            self.seen.frames += 1
            self.seen.touched += bool(faces)
            self.seen.faces += len(faces)
            yield Todo(picture, faces)

    def _faces(self, picture: Packed) -> Iterator[Face]:
        tracks = self._tracker.next(colours(picture))
        first = self._ages.first(tracks, self.seen.frames)
        for track in sorted(tracks, key=lambda track: track.mesh.width):
            weight = self._strength * self._faded(first[track.number])
            found = region(track.mesh, self._size.width, self._size.height, weight)
            if isinstance(found, str):
                self.seen.let_be[found] += 1
            else:
                yield Face(found, cut(picture, found.box))

    def _faded(self, first: int) -> float:
        """A face that the clip begins with is there at once."""
        return min(1.0, (self.seen.frames - first + 1) / FADE) if first else 1.0
