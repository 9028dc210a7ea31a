"""Whether a clip shows what it was made from: refused on proof, noted where it is merely odd.

Proof is: black throughout though the keyframe is not; no byte of any frame differs though movement was asked for; later
frames that have lost the keyframe entirely; red, green and blue in another order than the keyframe's; a first frame
that is another picture. Nothing is refused for being dark, still, full of grain, rain or snow, or drawn on threes: all
limits are relative to the keyframe and look at coarse shapes.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.contract import params as p
from functions.contract.errors import OutputRefused
from functions.contract.job import Note
from functions.media import probe
from functions.media.probe import Luma, Picture
from functions.runtime.engine import Job

BLACK = 20
"""Luma in studio range (black is 16) up to which a frame counts as black."""
NOISE = 0.5
"""Correlation of neighbouring pixels below which a frame may be noise."""
ORDERLY = 0.8
"""Correlation of neighbouring pixels above which a keyframe is certainly a picture."""
LOST = 0.2
"""Correlation with the keyframe's coarse luma below which a frame shows nothing of it."""
KEYS = 8
"""Most frames that are sampled beyond the first."""
SAMPLES = 16
"""Frames of a clip by a model that are looked at, evenly spaced."""
GRID = (32, 18)
"""Columns and rows at which frames are compared for what they show."""
ALIKE = 0.8
"""Structural similarity of the first frame with its keyframe below which it is noted."""
OTHER = 0.5
"""The same, below which it is refused where the coarse luma does not correlate more than this either."""
COLOURFUL = 12.0
"""Code values by which coarse colours must miss the keyframe's to be in another order."""
REORDERED = 3.0
"""How many times nearer another order of channels must come to prove that they were swapped."""
SLOW = 0.02
"""Median movement in pixels a frame at quarter size below which a clip that should move is noted."""

Colours = NDArray[np.uint8]


def check_clip(job: Job, params: p.Motion, path: Path, picture: Picture) -> list[Note]:
    """Notes on a clip. Raises `OutputRefused` where it is proven wrong.

    Frames that look right at first sight prove a drawn clip good; those of a model are sampled from end to end.
    """
    modelled = job.manifest.prompting.style != "none"
    sampled = list(_spread(path, params.frames) if modelled else _sampled(path, picture))
    doubtful = [frame for frame in sampled if _dark(frame, BLACK) or neighbours(frame) < NOISE]
    if doubtful and "image" in job.inputs:
        _check_doubtful(path, params, doubtful, probe.image_luma(job.inputs["image"], _size(params)))
    if moving(params) and params.frames > 1 and same_frames(picture.opening) and same_frames(probe.video_luma(path)):
        raise OutputRefused(f"{path.name} stands still, a move was asked for")
    if not modelled:
        return []
    return [*_check_first(job, params, path), *_movement(params, sampled)]


def _check_doubtful(path: Path, params: p.Motion, doubtful: list[Luma], key: Luma) -> None:
    if not _dark(key, BLACK - 16) and all(_dark(frame, BLACK) for frame in probe.video_luma(path)):
        raise OutputRefused(f"{path.name} is black, its keyframe is not")
    if sum(lost(frame, key) for frame in doubtful) >= min(2, params.frames):
        raise OutputRefused(f"{path.name} is noise: it shows nothing of its keyframe")


def _check_first(job: Job, params: p.Motion, path: Path) -> list[Note]:
    """The first frame against the keyframe as the model got it: scaled and cropped."""
    if "image" not in job.inputs:
        return []
    key, first = probe.image_colours(job.inputs["image"], _size(params)), probe.first_colours(path)
    if swapped(first, key):
        raise OutputRefused(f"{path.name} has its colour channels in another order than its keyframe")
    grey_first, grey_key = _grey(first), _grey(key)
    alike = similarity(grey_first, grey_key)
    if alike < OTHER and correlation(_coarse(grey_first), _coarse(grey_key)) < OTHER:
        raise OutputRefused(f"{path.name} begins with another picture than its keyframe (similarity {alike:.2f})")
    if alike < ALIKE:
        detail = f"the first frame of {path.name} differs from its keyframe (structural similarity {alike:.2f})"
        return [Note(code="first_frame", detail=detail, value=round(alike, 3))]
    return []


def _movement(params: p.Motion, frames: list[Luma]) -> list[Note]:
    if not moving(params) or len(frames) < 2:
        return []
    moved = movement(frames) / max(1.0, (params.frames - 1) / (len(frames) - 1))
    if moved >= SLOW:
        return []
    return [Note(code="low_motion", detail=f"it hardly moves: {moved:.3f} pixels a frame", value=round(moved, 4))]


def moving(params: p.Motion) -> bool:
    """Whether a move was asked for, of the camera or of a figure."""
    return params.camera.move != "static" or any(f.moves != "none" for f in params.composition.figures)


def _size(params: p.Motion) -> tuple[int, int]:
    return params.size.width, params.size.height


def _sampled(path: Path, picture: Picture) -> Iterator[Luma]:
    """The first frames, then some of those coded by themselves."""
    yield from picture.opening
    if picture.keys > 1:
        yield from itertools.islice(probe.video_luma(path, keys_only=True), 1, KEYS)


def _spread(path: Path, frames: int) -> Iterator[Luma]:
    """Evenly spaced frames, the first and the last among them."""
    wanted = set(np.linspace(0, frames - 1, min(SAMPLES, frames)).round().astype(int).tolist())
    return (frame.copy() for number, frame in enumerate(probe.video_luma(path)) if number in wanted)


def same_frames(frames: Iterable[Luma]) -> bool:
    """Whether every frame equals the first, byte for byte."""
    first: Luma | None = None
    for frame in frames:
        first = frame.copy() if first is None else first
        if not np.array_equal(first, frame):
            return False
    return True


class Stillness:
    """Looks at pictures on their way to an encoder, which would stir them: proof that a clip stands still, or not."""

    def __init__(self) -> None:
        self._first: NDArray[np.uint8] | None = None
        self._seen, self._same = 0, True

    def see(self, picture: NDArray[np.uint8]) -> None:
        """The next picture; nothing is compared once two of them differ."""
        self._seen += 1
        if self._first is None:
            self._first = picture.copy()
        elif self._same:
            self._same = np.array_equal(self._first, picture)

    def check(self, params: p.Motion, name: str) -> None:
        """Raises `OutputRefused` where all pictures were the same, byte for byte, and a move was asked for."""
        if self._seen > 1 and self._same and moving(params):
            raise OutputRefused(f"{name} stands still, a move was asked for")


def _dark(luma: Luma, limit: int) -> bool:
    return bool(luma.max() <= limit)


def lost(frame: Luma, key: Luma) -> bool:
    """Whether a frame shows nothing of the keyframe: correlation of coarse luma below 0.2 and correlation of
    neighbouring pixels at quarter size below 0.5, where the keyframe has more than 0.8.
    """
    if neighbours(frame) >= NOISE or neighbours(key) <= ORDERLY:
        return False
    return correlation(_coarse(frame), _coarse(key)) < LOST


def swapped(first: Colours, key: Colours) -> bool:
    """Whether another order of the channels (rows, columns, 3) comes several times nearer to the keyframe's colours."""
    seen, wanted = (np.stack([_coarse(c[..., n]) for n in range(3)]) for c in (first, key))
    as_it_is = float(np.abs(seen - wanted).mean())
    others = (np.abs(seen[list(order)] - wanted).mean() for order in itertools.permutations(range(3)))
    return as_it_is > COLOURFUL and float(min(others)) < as_it_is / REORDERED


def similarity(one: Luma, other: Luma) -> float:
    """Structural similarity (Wang et al., 2004) at quarter size, mean over windows of 7x7, -1 to 1."""
    import cv2

    a, b = (_quarter(luma) for luma in (one, other))
    mean_a, mean_b = (cv2.blur(x, (7, 7)) for x in (a, b))
    var_a, var_b = (cv2.blur(x * x, (7, 7)) - m * m for x, m in ((a, mean_a), (b, mean_b)))
    both = cv2.blur(a * b, (7, 7)) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = ((2 * mean_a * mean_b + c1) * (2 * both + c2)) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(np.mean(index))


def movement(frames: list[Luma]) -> float:
    """Median over consecutive frames of the mean length of optical flow (DIS) at quarter size, in pixels."""
    import cv2

    small = [_quarter(frame).round().astype(np.uint8) for frame in frames]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    empty = np.zeros((*small[0].shape, 2), np.float32)
    lengths = [
        float(np.linalg.norm(flow.calc(a, b, empty.copy()), axis=-1).mean()) for a, b in itertools.pairwise(small)
    ]
    return float(np.median(lengths))


def neighbours(luma: Luma) -> float:
    """Correlation of horizontally neighbouring pixels at quarter size, -1 to 1 (1 for an even picture)."""
    quarter = _quarter(luma)
    return correlation(quarter[:, :-1], quarter[:, 1:])


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two arrays of one shape; 1 where one of them is even."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-9 else 1.0


def _grey(colours: Colours) -> Luma:
    import cv2

    return cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY).astype(np.uint8)


def _quarter(luma: Luma) -> np.ndarray:
    return _blocks(luma, luma.shape[1] // 4, luma.shape[0] // 4)


def _coarse(luma: Luma) -> np.ndarray:
    return _blocks(luma, *GRID)


def _blocks(luma: Luma, columns: int, rows: int) -> np.ndarray:
    """Means over equal blocks; what does not fill a block at the right and the bottom is left out."""
    columns, rows = max(2, min(columns, luma.shape[1])), max(2, min(rows, luma.shape[0]))
    high, wide = luma.shape[0] // rows, luma.shape[1] // columns
    cut = luma[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    means: np.ndarray = cut.mean(axis=(1, 3))
    return means
