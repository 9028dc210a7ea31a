"""Jobs of the engines that finish clips, through the real runtime."""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions.contract.job import JobRequest, JobResult
from functions.contract.params import Params
from functions.media.source import Clip, describe
from functions.runtime.children import Stop
from functions.runtime.context import Report
from functions.runtime.execute import execute
from tests.servers import jobs
from tests.servers.motion import Bench

LARGEST = 100_000_000


class Finisher(Bench):
    """A worker with one engine, kept between jobs, and the store it works on."""

    def asked(self, params: Params, inputs: Mapping[str, Path], **changes: Any) -> JobRequest:
        """A signed request whose inputs lie in the store."""
        found = {}
        for name, path in inputs.items():
            data = path.read_bytes()
            found[name] = ref = jobs.upload(data, path.suffix.removeprefix("."))
            (self.root / ref.key).parent.mkdir(parents=True, exist_ok=True)
            (self.root / ref.key).write_bytes(data)
        outputs = {"clip.mp4": mimetypes.types_map[".mp4"]}
        changes = {"tier": getattr(params, "tier", "standard"), "deadline_s": 1800, "expires_at": 10**13 * 4, **changes}
        return jobs.request(params, manifest=self.manifest, inputs=found, outputs=outputs, max_bytes=LARGEST, **changes)

    def finish(
        self,
        params: Params,
        clip: Path,
        *,
        stop: Stop | None = None,
        report: Report | None = None,
        **changes: Any,
    ) -> JobResult:
        """Run one job on a clip to its result."""
        return execute(self.asked(params, {"clip.mp4": clip}, **changes), self.host, stop=stop, report=report)

    def clip(self, result: JobResult) -> Clip:
        """What the result's clip is."""
        return describe(self.output(result))
