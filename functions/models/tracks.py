"""Faces through a clip: detected now and then, followed by their points between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from functions.models.faces import FaceDetector
from functions.models.mesh import FaceMesh, Look, Mesh, Picture
from functions.models.snapshots import Snapshots

DETECTOR, MESH = "mediapipe-faces", "mediapipe-mesh"
DETECTOR_FILE, MESH_FILE = "face_detection_full_range.tflite", "face_landmark.tflite"
EVERY = 8
"""Frames after which new faces are looked for while some are followed."""
NEAR = 0.5
"""Distance of two centres, in widths, within which they are one face."""
SAME = 0.2
"""Distance of two faces that are followed, in widths, within which they are one."""
STEADY, FREE = 0.02, 0.35
"""Movement a frame, in widths, that is trembling, and the share of a tremble that is followed."""


@dataclass
class Track:
    """One face while it is seen. `number` names it."""

    number: int
    mesh: Mesh


def apart(one: Mesh, other: Mesh) -> float:
    """Distance of the centres of two faces, in widths of the larger."""
    (ax, ay), (bx, by) = one.centre, other.centre
    return float(np.hypot(ax - bx, ay - by)) / max(one.width, other.width, 1.0)


class Tracker:
    """Follows all faces of consecutive pictures."""

    def __init__(self, detector: FaceDetector, mesh: FaceMesh) -> None:
        self._detector, self._mesh = detector, mesh
        self._tracks: list[Track] = []
        self._since, self._named = EVERY, 0

    def next(self, picture: Picture) -> list[Track]:
        """Faces of the next R'G'B' picture."""
        followed = _distinct([t for t in self._tracks if self._follow(t, picture)])
        lost = len(followed) < len(self._tracks)
        self._tracks, self._since = followed, self._since + 1
        if lost or self._since >= EVERY or not followed:
            self._detect(picture)
        return list(self._tracks)

    def skipped(self) -> None:
        """Pictures were left out: what was followed may be elsewhere."""
        self._tracks, self._since = [], EVERY

    def _follow(self, track: Track, picture: Picture) -> bool:
        found = self._mesh.find(picture, track.mesh.look)
        if found is None or apart(found, track.mesh) > NEAR:
            return False
        moved = float(np.abs(found.points - track.mesh.points).mean()) / max(track.mesh.width, 1.0)
        track.mesh = track.mesh.toward(found, 1.0 if moved > STEADY else FREE + (1 - FREE) * moved / STEADY)
        return True

    def _detect(self, picture: Picture) -> None:
        self._since = 0
        for face in self._detector.find(picture):
            mesh = self._mesh.find(picture, Look.of(face))
            if mesh is not None and all(apart(mesh, t.mesh) > NEAR for t in self._tracks):
                self._named += 1
                self._tracks.append(Track(self._named, mesh))


def _distinct(tracks: Sequence[Track]) -> list[Track]:
    """Without those who went behind another face, and would follow that from then on."""
    kept: list[Track] = []
    for track in tracks:
        if all(apart(track.mesh, other.mesh) > SAME for other in kept):
            kept.append(track)
    return kept


def face_models(snapshots: Snapshots) -> tuple[FaceDetector, FaceMesh]:
    """The detector and the mesh of the lock's sets. Raises `EngineError`."""
    detector = FaceDetector(snapshots.folder(DETECTOR) / DETECTOR_FILE)
    return detector, face_mesh(snapshots)


def face_mesh(snapshots: Snapshots) -> FaceMesh:
    """A mesh of its own for another thread. Raises `EngineError`."""
    return FaceMesh(snapshots.folder(MESH) / MESH_FILE)
