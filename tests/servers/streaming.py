"""One engine on one clip in a process of its own: `python -m tests.servers.streaming ENGINE CLIP FOLDER` prints the
peak of its memory in KiB. Weights as the environment says.
"""

import importlib
import sys
from pathlib import Path

from functions.catalog import builtin
from functions.contract.base import Rate, Size
from functions.contract.params import FaceRestore, Interpolate, Params, Upscale
from functions.media.source import describe
from tests.servers.job import LocalJob


def params(kind: str, clip: Path) -> Params:
    """Twice the size, twice the rate, or faces restored."""
    found = describe(clip)
    if kind == "face_restore":
        return FaceRestore()
    if kind == "upscale":
        return Upscale(size=Size(width=2 * found.size.width, height=2 * found.size.height))
    rate = Rate(num=2 * found.rate.num, den=found.rate.den)
    return Interpolate(rate=rate, frames=2 * found.frames - 1, tier="draft")


def peak_kib() -> str:
    """Largest resident set of this process (`ru_maxrss` would hold its parent's too)."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(line for line in status if line.startswith("VmHWM")).split()[1]


def main() -> None:
    """See the module's text."""
    name, clip, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    manifest = builtin()[name]
    module, _, attribute = manifest.entry.partition(":")
    engine = getattr(importlib.import_module(module), attribute)(manifest)
    job = LocalJob(folder, manifest, params(manifest.kinds[0], clip), ["clip.mp4"], {"clip.mp4": clip})
    engine.run(job)
    print(peak_kib())


if __name__ == "__main__":
    main()
