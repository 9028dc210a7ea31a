"""Frames through a network: batches, tiles where memory asks for them, transfers beside the work."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from functions.contract.base import Size
from functions.contract.errors import OutOfMemory, OutputRefused
from functions.contract.job import Note
from functions.models import colour
from functions.models.replan import tried
from functions.models.transfer import Coming, Picture, Transfer
from functions.upscale.fit import Fit
from functions.upscale.network import Network, resized
from functions.upscale.tiles import tiled
from functions.upscale.truth import Comparison

T = TypeVar("T")
Call = Callable[[Tensor], Tensor]


class Enlarger:
    """One network making one size of another. `fit` shrinks when memory runs out, and stays so."""

    def __init__(self, network: Network, source: Size, size: Size, fit: Fit, compiled: bool) -> None:
        self.network, self.source, self.size, self.fit = network, source, size, fit
        self.notes: list[Note] = []
        self.comparison = Comparison(network.where)
        self._broken = torch.zeros((), dtype=torch.bool, device=network.where)
        self._transfer, self._compiled = Transfer(network.where), compiled
        self._rgb: Call = self._ready(lambda packed: colour.to_rgb(packed, network.dtype))
        self._packed: Call = self._ready(lambda rgb: colour.to_packed(resized(rgb, size)))

    def _ready(self, call: Call) -> Call:
        return torch.compile(call, dynamic=False) if self._compiled else call

    def run(self, pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
        """The pictures enlarged, in their order, some at a time; one batch comes back while the next is worked on.

        Raises `OutOfMemory` where the smallest tiles do not fit, `OutputRefused` for numbers that are none.
        """
        source, coming = iter(pictures), None
        while batch := list(islice(source, self.fit.batch)):
            for part in self._tried(batch):
                if coming is not None:
                    yield coming.get()
                coming = part
        if coming is not None:
            yield coming.get()
        if bool(self._broken):
            raise OutputRefused("the network made numbers that are none; choose another network")

    def _tried(self, batch: Sequence[Picture]) -> Iterator[Coming]:
        done = 0
        while done < len(batch):
            part = batch[done : done + self.fit.batch]
            made, failed = tried(functools.partial(self._launch, part))
            if failed is not None:
                self._shrink(failed)
                continue
            done += len(part)
            yield from made

    def _shrink(self, failed: str) -> None:
        less = self.fit.smaller(self.source)
        if less is None:
            raise OutOfMemory(f"out of memory with {self.fit}: {failed}; use a larger device or a smaller clip")
        self.notes = [
            Note(code="replanned", detail=f"Out of memory with {self.fit}; made with {less}.", value=str(less))
        ]
        self.fit = less

    @torch.inference_mode()
    def _launch(self, part: Sequence[Picture]) -> Coming:
        filled = [*part, *[part[-1]] * (self.fit.batch - len(part) if self._compiled else 0)]
        packed = self._transfer.up(filled)
        made = self._packed(self.enlarged(self._rgb(packed)))
        self.comparison.feed(colour.split(packed)[0][: len(part)], colour.split(made)[0][: len(part)])
        return self._transfer.down(made, len(part))

    def enlarged(self, rgb: Tensor) -> Tensor:
        """(n, 3, h, w) through the network, whole or in tiles."""
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        if self.fit.tile is None:
            made = self.network(rgb)
        else:
            made = tiled(rgb, self.fit.tile, self.network.scale, self.network)
        self._broken |= made.isnan().any()
        return made
