"""The engine `upscale-esrgan`: clips enlarged to an exact size, streamed."""

import functools
import os
import time
from dataclasses import dataclass
from importlib import metadata
from typing import Final

import torch

from functions.contract.base import Size, Tier
from functions.contract.errors import ContractError, InputError
from functions.contract.job import Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import Upscale
from functions.media.ahead import Ahead
from functions.media.encoders import choose
from functions.media.frames import Frames
from functions.media.source import Clip, input_clip
from functions.media.writer import ClipWriter
from functions.models import offline
from functions.models.device import detect
from functions.models.kernels import compile_forward, compiling
from functions.models.residency import Residency
from functions.models.snapshots import Snapshots
from functions.runtime.engine import Job, Outcome
from functions.upscale import fit
from functions.upscale.enlarger import Enlarger
from functions.upscale.network import Network, load

TIERS: Final[dict[Tier, str]] = {
    "draft": "realesr-animevideov3",
    "standard": "realesr-general-x4v3",
    "final": "realesrgan-x4plus",
}
"""The weight set of each tier, where the parameters name none."""
ASPECT = 0.01
"""Share by which the two sides may be enlarged unequally: what rounding to even sides leaves."""
AHEAD = 2
"""Batches that are decoded before they are wanted."""
LIBRARIES = ("av", "spandrel", "torch")
INDUCTOR = "TORCHINDUCTOR_CACHE_DIR"


@dataclass(frozen=True)
class _Key:
    weights: str
    size: Size


class UpscaleEsrgan:
    """Step kind `upscale`. Keeps networks, and how much of a clip fits at once, between jobs."""

    def __init__(self, manifest: EngineManifest) -> None:
        offline.enforce()
        self.manifest = manifest
        self.device = detect()
        self.where = torch.device(self.device.torch_device)
        self.snapshots = Snapshots.from_environment()
        self.networks = Residency(self.device.vram_bytes // 2 or self.device.ram_bytes // 4)
        self.fits: dict[_Key, fit.Fit] = {}
        self.compiled = compiling() and self.where.type == "cuda"
        torch.backends.cudnn.benchmark = True

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4` of exactly the size asked for, with the clip's frames, rate and sound.

        Raises `ContractError` for another kind, `InputError` for a clip that cannot be read or a size that cannot be
        met, `EngineError` for weights that are missing, altered or no upscaler, `OutOfMemory`, `DiskFull`.
        """
        params = job.params
        if not isinstance(params, Upscale):
            raise ContractError(f"{self.manifest.title} enlarges clips, it makes no '{params.kind}'")
        clip = input_clip(job)
        check_larger(clip.size, params.size)
        weights = params.model or TIERS[params.tier]
        self._keep_compiled(job)
        if self.where.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with self.networks.guard():
            begun = time.monotonic()
            network = self.network(weights)
            loaded = time.monotonic() - begun
            check_scale(clip.size, params.size, network.scale, weights)
            return self._made(job, params, clip, weights, network, loaded)

    def network(self, weights: str) -> Network:
        """The network of a weight set, loaded at first use."""
        folder = self.snapshots.folder(weights)
        nbytes = 2 * sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        return self.networks.get(weights, nbytes, functools.partial(self._load, weights))

    def _load(self, weights: str) -> Network:
        network = load(self.snapshots.folder(weights), self.where)
        if self.compiled:
            compile_forward(network.module)
        return network

    def _made(self, job: Job, params: Upscale, clip: Clip, weights: str, network: Network, load_s: float) -> Outcome:
        key = _Key(weights, clip.size)
        enlarger = Enlarger(
            network, clip.size, params.size, self.fits.get(key) or fit.first(self.device, clip.size), self.compiled
        )
        frames, encoder = Frames(clip), choose(params.tier, gpu=self.where.type == "cuda")
        tick = functools.partial(job.progress, "upscale")
        with (
            Ahead(iter(frames), AHEAD * enlarger.fit.batch, lambda: tick(0, clip.frames)) as pictures,
            ClipWriter(job.output("clip.mp4"), params.size, clip.rate, clip.frames, encoder, clip) as out,
        ):
            tick(0, clip.frames)
            for made in enlarger.run(pictures):
                for picture in made:
                    out.write(picture)
                tick(out.frames, clip.frames)
        self.fits[key] = enlarger.fit
        peak = torch.cuda.max_memory_allocated() if self.where.type == "cuda" else None
        return Outcome(
            notes=[*clip.notes, *frames.damage.notes(clip.what), *enlarger.notes, *enlarger.comparison.notes()],
            provenance=self._provenance(weights, network, enlarger.fit, encoder.summary),
            encode_s=round(out.waited, 3),
            load_s=load_s,
            peak_vram_bytes=peak,
            random=self.snapshots.random(weights),
        )

    def _provenance(self, weights: str, network: Network, settled: fit.Fit, encoder: str) -> Provenance:
        precision = str(network.dtype).removeprefix("torch.")
        return Provenance(
            engine_version=self.manifest.version,
            weights={weights: self.snapshots.digest(weights)},
            gpu=self.device.name,
            plan=f"{network.architecture} x{network.scale} in {precision}, {settled}; {encoder}",
            libraries={name: metadata.version(name) for name in LIBRARIES},
        )

    def _keep_compiled(self, job: Job) -> None:
        """Let compiled code lie where later processes of this machine find it."""
        if self.compiled:
            os.environ.setdefault(INDUCTOR, str(job.cache / "inductor"))


def check_larger(source: Size, asked: Size) -> None:
    """Raises `InputError` for a size that is no enlargement, or would stretch the picture."""
    across, down = asked.width / source.width, asked.height / source.height
    if min(across, down) < 1 or (source.width, source.height) == (asked.width, asked.height):
        raise InputError(f"{_named(source)} is not enlarged by making it {_named(asked)}: ask for a larger size")
    if abs(across / down - 1) > ASPECT:
        raise InputError(
            f"{_named(source)} would be stretched by making it {_named(asked)}: ask for a size of its own aspect "
            f"ratio, as {_named(_fitting(source, asked))}"
        )


def check_scale(source: Size, asked: Size, scale: int, weights: str) -> None:
    """Raises `InputError` for more than the network enlarges: a size is met exactly or refused."""
    if max(asked.width / source.width, asked.height / source.height) > scale * (1 + ASPECT):
        raise InputError(
            f"{weights} makes {_named(source)} {scale} times as large at most, and {_named(asked)} is more: ask for "
            f"{source.width * scale}x{source.height * scale}, or choose another network"
        )


def _fitting(source: Size, asked: Size) -> Size:
    return Size(width=round(source.width * asked.height / source.height / 2) * 2, height=asked.height)


def _named(size: Size) -> str:
    return f"{size.width}x{size.height}"
