"""The engine `interpolate-rife`: RIFE 4.26 on a GPU, in batches of neighbouring pairs."""

import os
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from functions.contract.base import Size
from functions.contract.errors import OutOfMemory, OutputRefused
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.interpolate.engine import InterpolationEngine, Item
from functions.interpolate.ifnet import MULTIPLE, IFNet, published_name
from functions.interpolate.timing import Between, Whole
from functions.media.frames import Packed
from functions.models import colour, offline
from functions.models.device import detect
from functions.models.kernels import channels_last, compiling
from functions.models.load import load_module
from functions.models.replan import out_of_memory
from functions.models.residency import Residency, empty_cache
from functions.models.snapshots import Snapshots
from functions.models.transfer import Coming, Transfer
from functions.runtime.engine import Job, Outcome

WEIGHTS = "rife-4.26"
LIBRARIES = ("av", "opencv-python-headless", "torch")
INDUCTOR = "TORCHINDUCTOR_CACHE_DIR"
MOST = 8
"""Pictures made at once."""
PER_PIXEL = 1500
"""Bytes, computed, that one picture's pixel takes in 16 bits: what is warped, in fp32, and the last block."""
SHARE = 0.5
"""Of the memory that the first try may take."""


@dataclass(frozen=True)
class _Window:
    """Items in order, of which `coming` brings those that had to be made."""

    items: list[Item]
    coming: Coming | None

    def pictures(self) -> Iterator[Packed]:
        made = iter(self.coming.get() if self.coming else ())
        for item in self.items:
            yield item.picture if isinstance(item, Whole) else next(made)


class InterpolateRife(InterpolationEngine):
    """Step kind `interpolate`. Keeps its network, and the batch that fits a size, between jobs."""

    def __init__(self, manifest: EngineManifest) -> None:
        super().__init__(manifest)
        offline.enforce()
        self.device = detect()
        self.where = torch.device(self.device.torch_device)
        self.gpu = self.where.type == "cuda"
        self.dtype = torch.float16 if self.gpu else torch.float32
        self.snapshots = Snapshots.from_environment()
        self.networks = Residency(self.device.vram_bytes // 2 or self.device.ram_bytes // 4)
        self.batches: dict[Size, int] = {}
        self.compiled = compiling() and self.gpu
        self._transfer = Transfer(self.where)
        self._notes: list[Note] = []
        self._broken = torch.zeros((), dtype=torch.bool, device=self.where)
        self._make = torch.compile(self._between, dynamic=False) if self.compiled else self._between
        torch.backends.cudnn.benchmark = True

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4` at exactly the rate and length asked for, with the clip's size and sound.

        Raises `ContractError` for another kind, `InputError` for a clip that cannot be read, `EngineError` for weights
        that are missing, altered or another network's, `OutOfMemory`, `DiskFull`.
        """
        params, clip = self.asked(job)
        if self.compiled:
            os.environ.setdefault(INDUCTOR, str(job.cache / "inductor"))
        if self.gpu:
            torch.cuda.reset_peak_memory_stats()
        self._notes = []
        self._broken = torch.zeros((), dtype=torch.bool, device=self.where)
        with self.networks.guard():
            begun = time.monotonic()
            self.network()
            loaded = time.monotonic() - begun
            made = self.streamed(job, params, clip)
        return Outcome(
            notes=[*made.notes, *self._notes],
            provenance=self._provenance(made.encoder.summary, clip.size),
            encode_s=made.waited_s,
            load_s=loaded,
            peak_vram_bytes=torch.cuda.max_memory_allocated() if self.gpu else None,
            random=self.snapshots.random(WEIGHTS),
        )

    def network(self) -> IFNet:
        """The network, loaded at first use."""
        return self.networks.get(WEIGHTS, 30_000_000, self._load)

    def _load(self) -> IFNet:
        files: Sequence[Path] = sorted(self.snapshots.folder(WEIGHTS).rglob("*.safetensors"))
        network = load_module(IFNet, files, self.where, self.dtype, rename=published_name)
        channels_last(network)
        return network

    def batch(self, size: Size) -> int:
        """Pictures made at once: what was found to fit, else a guess."""
        if size not in self.batches:
            free = self.device.vram_bytes or self.device.ram_bytes // 8
            self.batches[size] = max(1, min(MOST, int(free * SHARE / (PER_PIXEL * size.width * size.height))))
        return self.batches[size]

    def ahead(self, size: Size) -> int:
        """See `InterpolationEngine.ahead`."""
        return 2 * self.batch(size)

    def filled(self, items: Iterable[Item], size: Size) -> Iterator[Packed]:
        """See `InterpolationEngine.filled`: one batch comes back while the next is worked on."""
        pending: _Window | None = None
        for window in self._windows(items, size):
            if pending is not None:
                yield from pending.pictures()
            pending = window
        if pending is not None:
            yield from pending.pictures()
        if bool(self._broken):
            raise OutputRefused("the network made numbers that are none: fetch its weights again")

    def _windows(self, items: Iterable[Item], size: Size) -> Iterator[_Window]:
        waiting: list[Item] = []
        for item in items:
            waiting.append(item)
            if sum(isinstance(i, Between) for i in waiting) == self.batch(size) or len(waiting) == 4 * MOST:
                yield from self._launched(waiting, size)
                waiting = []
        if waiting:
            yield from self._launched(waiting, size)

    def _launched(self, items: list[Item], size: Size) -> Iterator[_Window]:
        wanted = [item for item in items if isinstance(item, Between)]
        if not wanted:
            yield _Window(items, None)
            return
        coming, failed = self._attempt(wanted, size)
        if coming is not None:
            yield _Window(items, coming)
            return
        self._shrink(size, failed)
        half = len(items) // 2
        for part in (items[:half], items[half:]) if half else (items,):
            yield from self._launched(part, size)

    def _attempt(self, wanted: list[Between], size: Size) -> tuple[Coming | None, str]:
        try:
            return self._launch(wanted, size), ""
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            failed = str(error).partition("\n")[0]
            traceback.clear_frames(error.__traceback__)
        empty_cache()
        return None, failed

    def _shrink(self, size: Size, failed: str) -> None:
        if self.batches[size] == 1:
            raise OutOfMemory(f"out of memory making one picture at a time: {failed}; use a larger device")
        self.batches[size] //= 2
        detail = f"Out of memory; made {self.batches[size]} pictures at a time."
        self._notes = [Note(code="replanned", detail=detail, value=float(self.batches[size]))]

    @torch.inference_mode()
    def _launch(self, wanted: list[Between], size: Size) -> Coming:
        """Begin to make pictures. Each picture of the clip is uploaded and described once, however many need it."""
        filled = [*wanted, *[wanted[-1]] * (self.batch(size) - len(wanted) if self.compiled else 0)]
        own = list({id(p): p for item in wanted for p in (item.left, item.right)}.values())
        places = {id(p): n for n, p in enumerate(own)}
        if self.compiled:
            own += [own[-1]] * (self.batch(size) + 1 - len(own))
        left, right = (
            torch.tensor([places[id(p)] for p in pictures], device=self.where)
            for pictures in ([i.left for i in filled], [i.right for i in filled])
        )
        when = torch.tensor([item.t for item in filled], device=self.where).view(-1, 1, 1, 1)
        made, broken = self._make(self._transfer.up(own), left, right, when)
        self._broken |= broken
        return self._transfer.down(made, len(wanted))

    def _between(self, packed: Tensor, left: Tensor, right: Tensor, when: Tensor) -> tuple[Tensor, Tensor]:
        rgb = self.made(colour.to_rgb(packed), left, right, when)
        return colour.to_packed(rgb), rgb.isnan().any()

    def made(self, rgb: Tensor, left: Tensor, right: Tensor, when: Tensor) -> Tensor:
        """Pictures (n, 3, rows, columns) between those of `rgb` that `left` and `right` (n) number."""
        rows, columns = rgb.shape[2:]
        wide = functional.pad(rgb, (0, -columns % MULTIPLE, 0, -rows % MULTIPLE), mode="replicate")
        network = self.network()
        features = network.encode(wide.to(self.dtype).contiguous(memory_format=torch.channels_last))
        found = network(wide[left], wide[right], (features[left], features[right]), when)
        return cast(Tensor, found)[:, :, :rows, :columns]

    def _provenance(self, encoder: str, size: Size) -> Provenance:
        precision = str(self.dtype).removeprefix("torch.")
        return Provenance(
            engine_version=self.manifest.version,
            weights={WEIGHTS: self.snapshots.digest(WEIGHTS)},
            gpu=self.device.name,
            plan=f"RIFE 4.26 in {precision}, {self.batch(size)} pictures at once; {encoder}",
            libraries={name: metadata.version(name) for name in LIBRARIES},
        )
