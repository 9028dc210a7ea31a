"""Pictures to the device and back while it computes: pinned memory, and a stream of its own for the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Coming:
    """Pictures on their way from the device; `count` of them are wanted."""

    host: Tensor
    arrived: torch.cuda.Event | None
    device: Tensor | None
    count: int

    def get(self) -> list[Picture]:
        """The pictures, once they are here."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return list(self.host.numpy()[: self.count])


class Transfer:
    """The way to one device and back."""

    def __init__(self, where: torch.device) -> None:
        self._where = where
        self._back = torch.cuda.Stream(where) if where.type == "cuda" else None  # type: ignore[no-untyped-call]

    def up(self, pictures: Sequence[Picture]) -> Tensor:
        """Pictures of one size as one tensor on the device."""
        if self._back is None:
            return torch.from_numpy(np.stack(pictures))
        host = torch.empty((len(pictures), *pictures[0].shape), dtype=torch.uint8, pin_memory=True)
        np.stack(pictures, out=host.numpy())
        return host.to(self._where, non_blocking=True)

    def down(self, made: Tensor, count: int) -> Coming:
        """Begin to bring uint8 pictures back."""
        if self._back is None:
            return Coming(made, None, None, count)
        host = torch.empty(made.shape, dtype=made.dtype, pin_memory=True)
        self._back.wait_stream(torch.cuda.current_stream(self._where))
        with torch.cuda.stream(self._back):
            host.copy_(made, non_blocking=True)
            arrived = self._back.record_event()
        made.record_stream(self._back)
        return Coming(host, arrived, made, count)
