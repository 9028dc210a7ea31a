"""The `keyframe-klein` engine."""

from typing import TYPE_CHECKING

from functions.contract.manifest import EngineManifest
from functions.models.keyframe import KeyframeEngine

if TYPE_CHECKING:
    from functions.keyframe_klein.worker import Worker
    from functions.models.device import Device


class KeyframeKlein(KeyframeEngine):
    """See `KeyframeEngine`."""

    grid = 16

    def worker(self, manifest: EngineManifest, device: "Device | None") -> "Worker":
        """See `KeyframeEngine.worker`."""
        from functions.keyframe_klein.worker import Worker

        return Worker(manifest, device)
