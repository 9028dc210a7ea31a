"""What every engine of keyframes does before models are loaded. Imports no library of models."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from functions.contract.errors import ContractError, EngineError
from functions.contract.manifest import EngineManifest
from functions.contract.params import Keyframe
from functions.runtime.engine import Job, Outcome

if TYPE_CHECKING:
    from functions.models.device import Device


class Maker(Protocol):
    """Holds the models of one process."""

    def make(self, job: Job, params: Keyframe) -> Outcome:
        """Write `image.png`."""
        ...


class KeyframeEngine(ABC):
    """Step kind `keyframe`. Libraries of models are imported with the first job; models stay loaded between jobs.

    `device` is what plans are made for, where it is not the one that is found.
    """

    grid: ClassVar[int]
    """Sides of a picture are multiples of this, in pixels."""

    def __init__(self, manifest: EngineManifest, device: "Device | None" = None) -> None:
        self._manifest, self._device = manifest, device
        self._worker: Maker | None = None

    @abstractmethod
    def worker(self, manifest: EngineManifest, device: "Device | None") -> Maker:
        """What makes the pictures; built once. Raises `EngineError` where no weights are named."""

    def run(self, job: Job) -> Outcome:
        """Make `image.png`. Raises `ContractError` for another kind, `InputError` for what cannot be used of the job,
        `EngineError` for weights that are missing or altered, `OutOfMemory`, and `OutputRefused` for broken latents.
        """
        params = job.params
        if not isinstance(params, Keyframe):
            raise ContractError(f"This engine makes keyframes, not '{params.kind}'; choose another engine.")
        if params.size.width % self.grid or params.size.height % self.grid:
            title = self._manifest.title
            raise ContractError(f"{title}: sides are multiples of {self.grid} pixels; choose another size.")
        if params.numerics == "8bit":
            raise EngineError("This engine computes in 16 bit; choose numerics bf16 or any.")
        self._worker = self._worker or self.worker(self._manifest, self._device)
        return self._worker.make(job, params)
