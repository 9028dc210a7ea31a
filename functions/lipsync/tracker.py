"""Which of the faces that are followed through a clip belong to those who speak."""

from collections.abc import Mapping, Sequence

from functions.contract.params import At
from functions.models.faces import FaceDetector
from functions.models.mesh import FaceMesh
from functions.models.tracks import Track, Tracker

PLACES: Mapping[At, float] = {"far-left": 0.1, "left": 0.28, "centre": 0.5, "right": 0.72, "far-right": 0.9}
"""Where in the picture's width a person of each position is expected."""


class Casting(Tracker):
    """Follows all faces of consecutive pictures and remembers which figure has which."""

    def __init__(self, detector: FaceDetector, mesh: FaceMesh) -> None:
        super().__init__(detector, mesh)
        self._figures: dict[str, int] = {}

    def speakers(self, asked: Mapping[str, At], tracks: Sequence[Track], width: int) -> dict[str, Track]:
        """The face of each figure: the one it had, else the nearest to its position that nobody else has."""
        found: dict[str, Track] = {}
        for figure in asked:
            kept = next((t for t in tracks if t.number == self._figures.get(figure)), None)
            if kept is not None:
                found[figure] = kept
        for figure, at in sorted(asked.items()):
            free = [t for t in tracks if t not in found.values()]
            if figure not in found and free:
                found[figure] = min(free, key=lambda t: abs(t.mesh.centre[0] / width - PLACES[at]))
        self._figures |= {figure: track.number for figure, track in found.items()}
        return found
