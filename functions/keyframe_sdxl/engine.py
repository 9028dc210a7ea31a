"""The `keyframe-sdxl` engine."""

from typing import TYPE_CHECKING

from functions.contract.manifest import EngineManifest
from functions.models.keyframe import KeyframeEngine

if TYPE_CHECKING:
    from functions.keyframe_sdxl.worker import Worker
    from functions.models.device import Device


class KeyframeSdxl(KeyframeEngine):
    """See `KeyframeEngine`."""

    grid = 64

    def worker(self, manifest: EngineManifest, device: "Device | None") -> "Worker":
        """See `KeyframeEngine.worker`."""
        from functions.keyframe_sdxl.worker import Worker

        return Worker(manifest, device)
