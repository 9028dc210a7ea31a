"""The engine `interpolate-flow`: optical flow on a CPU, without a network."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib import metadata

import cv2

from functions.contract.base import Size
from functions.contract.job import Provenance
from functions.contract.manifest import EngineManifest
from functions.interpolate import dis
from functions.interpolate.engine import InterpolationEngine, Item
from functions.interpolate.timing import Between, Whole
from functions.media.frames import Packed
from functions.runtime.engine import Job, Outcome

LIBRARIES = ("av", "opencv-python-headless")


class InterpolateFlow(InterpolationEngine):
    """Step kind `interpolate`; pairs of pictures are worked on beside each other, one on each core."""

    def __init__(self, manifest: EngineManifest) -> None:
        super().__init__(manifest)
        cv2.setNumThreads(1)
        self.threads = os.cpu_count() or 1

    def ahead(self, size: Size) -> int:
        """See `InterpolationEngine.ahead`."""
        return 2 * self.threads

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4` at exactly the rate and length asked for, with the clip's size and sound.

        Raises `ContractError` for another kind, `InputError` for a clip that cannot be read, `DiskFull`.
        """
        params, clip = self.asked(job)
        made = self.streamed(job, params, clip)
        provenance = Provenance(
            engine_version=self.manifest.version,
            plan=f"optical flow (DIS), no network; {made.encoder.summary}",
            libraries={name: metadata.version(name) for name in LIBRARIES},
        )
        return Outcome(notes=made.notes, provenance=provenance, encode_s=made.waited_s)

    def filled(self, items: Iterable[Item], size: Size) -> Iterator[Packed]:
        """See `InterpolationEngine.filled`."""
        waiting: deque[Future[list[Packed]]] = deque()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="flow") as pool:
            for run in runs(items):
                waiting.append(pool.submit(_made, run))
                if len(waiting) > self.threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()


def runs(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Items in runs that share one pair of pictures."""
    run: list[Item] = []
    for item in items:
        if run and not _same_pair(run[-1], item):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _same_pair(one: Item, other: Item) -> bool:
    if not (isinstance(one, Between) and isinstance(other, Between)):
        return False
    return one.left is other.left and one.right is other.right


def _made(run: list[Item]) -> list[Packed]:
    first = run[0]
    if isinstance(first, Whole):
        return [item.picture for item in run if isinstance(item, Whole)]
    between = partial(dis.between, first.left, first.right, dis.motion(first.left, first.right))
    return [between(item.t) for item in run if isinstance(item, Between)]
