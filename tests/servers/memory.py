"""Memory that runs out where a test says, by torch's own dispatcher: the operation raises as an allocator does."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from functions.contract.job import JobProgress


class OutOfMemoryAt(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within the block, the first `times` operations of a job's `stage` find no memory. `report` is for the runtime."""

    def __init__(self, stage: str, times: int = 1) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stage, self._left, self._armed = stage, times, False

    def report(self, at: JobProgress) -> None:
        """Hears where the job is."""
        self._armed = at.stage == self._stage

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if self._armed and self._left:
            self._left -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return func(*args, **(kwargs or {}))
