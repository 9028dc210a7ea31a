"""What happens to each picture before the networks: who speaks, where the face is, what of it is shown to them."""

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from functions.lipsync.patch import Framed, framed
from functions.lipsync.speech import Spoken, speaking
from functions.lipsync.tracker import Casting
from functions.media.frames import Packed
from functions.media.source import Clip
from functions.models.faces import FaceDetector
from functions.models.mesh import FaceMesh, Mesh
from functions.models.patches import colours, cut


@dataclass(frozen=True)
class Mouth:
    """A face of one picture that speaks: `part` is its box, packed; `moment` that of the sound."""

    line: Spoken
    weight: float
    moment: Fraction
    mesh: Mesh
    face: Framed
    part: Packed


@dataclass(frozen=True)
class Todo:
    """A picture on its way, with the mouths that are to move in it."""

    picture: Packed
    mouths: tuple[Mouth, ...]


@dataclass
class Seen:
    """Frames of each figure in which it speaks, those in which its mouth was moved, and why others were let be."""

    wanted: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    let_be: Counter[str] = field(default_factory=Counter)


class Preparation:
    """Runs beside the networks, in a thread of its own."""

    def __init__(self, clip: Clip, lines: list[Spoken], detector: FaceDetector, mesh: FaceMesh) -> None:
        self.clip, self.lines, self.seen = clip, lines, Seen()
        self._tracker = Casting(detector, mesh)

    def of(self, pictures: Iterable[Packed]) -> Generator[Todo, None, None]:
        """All pictures in order."""
        step = self.clip.step
        for number, picture in enumerate(pictures):
            asked = speaking(self.lines, number * step, step)
            if not asked:
                self._tracker.skipped()
                yield Todo(picture, ())
                continue
            yield Todo(picture, tuple(self._mouths(picture, asked, number * step)))

    def _mouths(
        self, picture: Packed, asked: dict[str, tuple[Spoken, float]], moment: Fraction
    ) -> Generator[Mouth, None, None]:
        size = self.clip.size
        tracks = self._tracker.next(colours(picture))
        wanted = {figure: line.at for figure, (line, _) in asked.items()}
        faces = self._tracker.speakers(wanted, tracks, size.width)
        for figure, (line, weight) in asked.items():
            self.seen.wanted[figure] += 1
            found = framed(faces[figure].mesh, size.width, size.height) if figure in faces else "no_face"
            if isinstance(found, str):
                self.seen.let_be[found] += 1
                continue
            self.seen.moved[figure] += 1
            yield Mouth(line, weight, moment, faces[figure].mesh, found, cut(picture, found.box))
