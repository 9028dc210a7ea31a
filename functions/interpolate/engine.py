"""What both engines of step kind `interpolate` share: a clip streamed through what makes pictures between pictures."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from functions.contract.base import Size
from functions.contract.errors import ContractError, InputError
from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.contract.params import Interpolate
from functions.interpolate.timing import Between, Count, Whole, schedule
from functions.media.ahead import Ahead
from functions.media.cuts import is_cut
from functions.media.encoders import Encoder, choose
from functions.media.frames import Frames, Packed
from functions.media.source import Clip, input_clip
from functions.media.writer import ClipWriter
from functions.runtime.engine import Job

FASTEST = 16
"""By how much a frame rate may be raised."""
Item = Whole | Between


@dataclass(frozen=True)
class Made:
    """What came of a clip."""

    encoder: Encoder
    notes: list[Note]
    waited_s: float


class InterpolationEngine(ABC):
    """Streams a clip to its new rate. A subclass makes the pictures."""

    gpu = False

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest

    @abstractmethod
    def filled(self, items: Iterable[Item], size: Size) -> Iterator[Packed]:
        """The picture of each item, in order."""

    @abstractmethod
    def ahead(self, size: Size) -> int:
        """Pictures that are decoded before they are wanted."""

    def asked(self, job: Job) -> tuple[Interpolate, Clip]:
        """What is asked for. Raises `ContractError` for another kind, `InputError` for a clip or rate that cannot be
        used.
        """
        params = job.params
        if not isinstance(params, Interpolate):
            raise ContractError(f"{self.manifest.title} changes frame rates, it makes no '{params.kind}'")
        clip = input_clip(job)
        if params.rate.num * clip.rate.den > FASTEST * clip.rate.num * params.rate.den:
            rates = f"{clip.rate.num}/{clip.rate.den} to {params.rate.num}/{params.rate.den}"
            raise InputError(f"from {rates} frames a second is more than {FASTEST} times: ask for a lower rate")
        return params, clip

    def streamed(self, job: Job, params: Interpolate, clip: Clip) -> Made:
        """Write `clip.mp4`."""
        frames, count, size = Frames(clip), Count(), clip.size
        tick, tier = functools.partial(job.progress, "interpolate"), params.tier
        encoder = choose(tier, gpu=self.gpu)
        with (
            Ahead(iter(frames), self.ahead(size), lambda: tick(0, params.frames)) as pictures,
            ClipWriter(job.output("clip.mp4"), size, params.rate, params.frames, encoder, clip) as out,
        ):
            tick(0, params.frames)
            items = schedule(pictures, clip.rate, params.rate, params.frames, is_cut, count)
            for picture in self.filled(items, size):
                out.write(picture)
                tick(out.frames, params.frames)
        notes = [*clip.notes, *frames.damage.notes(clip.what), *count.notes()]
        return Made(encoder, notes, round(out.waited, 3))
