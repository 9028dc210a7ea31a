"""Faces through the network, several at a time, and back into their pictures."""

import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from functions.contract.errors import OutOfMemory, OutputRefused
from functions.contract.job import Note
from functions.face_restore.align import SIDE, warped
from functions.face_restore.network import Network
from functions.face_restore.region import Region
from functions.face_restore.stages import Face, Todo
from functions.media.frames import Packed
from functions.models.colour import to_rgb
from functions.models.device import Device
from functions.models.patches import cut, laid, mixed
from functions.models.replan import tried

PER_FACE = 1 << 30
"""Bytes that a face takes inside GFPGAN in fp32, about, with what cuDNN works in."""
SHARE = 0.5
"""Of the memory that the first try may take."""
MOST = 8
"""Faces in a batch beyond which no network gets quicker."""
HELD = 32
"""Pictures that wait for a batch at most."""


def first(device: Device) -> int:
    """Faces at once that are tried first on a device."""
    free = device.vram_bytes * SHARE or device.ram_bytes * SHARE / 4
    return max(1, min(MOST, int(free / PER_FACE)))


class Restorer:
    """One network; `batch` (faces at once) shrinks when memory runs out, and stays so."""

    def __init__(self, network: Network, batch: int) -> None:
        self._network, self.batch = network, batch
        self.notes: list[Note] = []

    def run(self, prepared: Iterable[Todo]) -> Iterator[Packed]:
        """Pictures in order, those without a face as they came.

        Raises `OutOfMemory` where a single face does not fit, `OutputRefused` for numbers that are none.
        """
        waiting: list[Todo] = []
        count = 0
        for todo in prepared:
            waiting.append(todo)
            count += len(todo.faces)
            if count >= self.batch or len(waiting) >= HELD or not count:
                yield from self._done(waiting)
                waiting, count = [], 0
        yield from self._done(waiting)

    def _done(self, waiting: Sequence[Todo]) -> Iterator[Packed]:
        made = self._restored([face for todo in waiting for face in todo.faces])
        for todo in waiting:
            picture = todo.picture.copy() if todo.faces else todo.picture
            for face in todo.faces:
                pasted(picture, face.region, next(made))
            yield picture

    def _restored(self, faces: Sequence[Face]) -> Iterator[Tensor]:
        """Each face, upright (3, 512, 512)."""
        done = 0
        while done < len(faces):
            part = faces[done : done + self.batch]
            made, failed = tried(functools.partial(self._launch, part))
            if failed is not None:
                self._shrink(failed)
                continue
            done += len(part)
            yield from made[0]

    @torch.inference_mode()
    def _launch(self, faces: Sequence[Face]) -> Tensor:
        made = self._network(torch.stack([upright(face, self._network.where) for face in faces]))
        if not torch.isfinite(made).all():
            raise OutputRefused("the restored faces hold values that are not numbers; choose another network")
        return made

    def _shrink(self, failed: str) -> None:
        if self.batch == 1:
            raise OutOfMemory(f"out of memory with one face at a time: {failed}; use a larger device")
        before, self.batch = self.batch, self.batch // 2
        detail = f"Out of memory with {before} faces at once; made with {self.batch}."
        self.notes = [Note(code="replanned", detail=detail, value=float(self.batch))]


@torch.inference_mode()
def pasted(picture: Packed, region: Region, made: Tensor) -> None:
    """Mix an upright face (3, 512, 512) into its picture, in place, over what other faces have changed there."""
    part = torch.from_numpy(cut(picture, region.box)).to(made.device)
    new = warped(made, region.back, *region.mask.shape)
    done = mixed(part, new, torch.from_numpy(region.mask).to(made.device))
    laid(picture, region.box, np.asarray(done.cpu().numpy(), np.uint8))


def upright(face: Face, where: torch.device) -> Tensor:
    """R'G'B' of a face (3, 512, 512), 0..1."""
    return warped(to_rgb(torch.from_numpy(face.part).to(where)[None])[0], face.region.matrix, SIDE, SIDE)
