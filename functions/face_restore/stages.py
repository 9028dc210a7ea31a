"""What happens to each picture before the network: where its faces are, and what of it is shown."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from functions.contract.base import Size
from functions.face_restore.region import Region, region
from functions.media.frames import Packed
from functions.models.patches import colours, cut
from functions.models.tracks import Track, Tracker

FADE = 4
"""Frames over which the restoration of a face that appears comes in."""


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


class Preparation:
    """Runs beside the network, in a thread of its own. `strength` 0..1."""

    def __init__(self, size: Size, strength: float, tracker: Tracker) -> None:
        self._size, self._strength, self._tracker, self.seen = size, strength, tracker, Seen()
        self._since: dict[int, int] = {}

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
        self._since = {t.number: self._since.get(t.number, self.seen.frames) for t in tracks}
        for track in sorted(tracks, key=lambda track: track.mesh.width):
            found = region(track.mesh, self._size.width, self._size.height, self._strength * self._faded(track))
            if isinstance(found, str):
                self.seen.let_be[found] += 1
            else:
                yield Face(found, cut(picture, found.box))

    def _faded(self, track: Track) -> float:
        """A face that the clip begins with is there at once."""
        first = self._since[track.number]
        return min(1.0, (self.seen.frames - first + 1) / FADE) if first else 1.0
