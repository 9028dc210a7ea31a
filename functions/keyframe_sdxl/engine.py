"""The `keyframe-sdxl` engine."""

from typing import TYPE_CHECKING

from functions.contract.errors import ContractError, EngineError
from functions.contract.manifest import EngineManifest
from functions.contract.params import Keyframe
from functions.runtime.engine import Job, Outcome

if TYPE_CHECKING:
    from functions.keyframe_sdxl.worker import Worker
    from functions.models.device import Device

GRID = 64
"""Sides of a picture are multiples of this."""


class KeyframeSdxl:
    """Step kind `keyframe`. Libraries of models are imported with the first job; models stay loaded between jobs.

    `device` is what plans are made for, where it is not the one that is found.
    """

    def __init__(self, manifest: EngineManifest, device: "Device | None" = None) -> None:
        self._manifest, self._device = manifest, device
        self._worker: Worker | None = None

    def run(self, job: Job) -> Outcome:
        """Make `image.png`. Raises `ContractError` for another kind, `InputError` for what cannot be used of the job,
        `EngineError` for weights that are missing or altered, `OutOfMemory`, and `OutputRefused` for broken latents.
        """
        params = job.params
        if not isinstance(params, Keyframe):
            raise ContractError(f"This engine makes keyframes, not '{params.kind}'; choose another engine.")
        if params.size.width % GRID or params.size.height % GRID:
            raise ContractError(f"Sides of an SDXL picture are multiples of {GRID} pixels; choose another size.")
        if params.numerics == "8bit":
            raise EngineError("This engine computes in 16 bit; choose numerics bf16 or any.")
        if self._worker is None:
            from functions.keyframe_sdxl.worker import Worker

            self._worker = Worker(self._manifest, self._device)
        return self._worker.make(job, params)
