"""One job of full size of each engine, with random weights and few steps."""

import os
from pathlib import Path
from typing import Any

from functions.contract.base import Rate
from functions.contract.params import Motion
from functions.motion_cogvideox.recipes import WEIGHTS
from functions.motion_ltx.recipes import TEXT_ENCODER
from tests.benchmarks.gpu import cogvideox, ltx, motion, wan
from tests.servers.checkpoints import cogvideox as cog
from tests.servers.checkpoints import lock
from tests.servers.checkpoints import ltx as ltx_files
from tests.servers.checkpoints import wan as wan_files
from tests.servers.motion import small

PROMPT = "a lone rider crosses the salt flat"


def full(engine: str, folder: Path) -> tuple[Any, motion.TimedJob]:
    """(the engine, its job)."""
    weights = folder / "weights"
    weights.mkdir()
    make = {"ltx": _ltx, "cogvideox": _cogvideox, "wan": _wan}[engine]
    made, params = make(weights)
    return made, motion.job(folder / "job", made.manifest, params)


def _ltx(weights: Path) -> tuple[Any, Motion]:
    ltx_files.single_file(weights / "ltxv-2b-0.9.8-distilled")
    ltx_files.text_encoder(weights / TEXT_ENCODER)
    ltx.full(weights)
    os.environ.update(lock.environment(weights))
    params = Motion(prompt=PROMPT, size=ltx.FULL, frames=121, rate=Rate(num=24), tier="draft")
    return ltx.Benchmark(small("motion-ltx", ltx.FULL)), params


def _cogvideox(weights: Path) -> tuple[Any, Motion]:
    cog.i2v(weights / WEIGHTS)
    cogvideox.full(weights / WEIGHTS)
    os.environ.update(lock.environment(weights))
    params = Motion(prompt=PROMPT, size=cogvideox.FULL, frames=49, rate=Rate(num=8), tier="draft", steps=2)
    return cogvideox.Benchmark(small("motion-cogvideox", cogvideox.FULL)), params


def _wan(weights: Path) -> tuple[Any, Motion]:
    wan_files.a14b(weights / "wan2.2-i2v-a14b")
    wan_files.distilled(weights / "wan2.2-distill-loras")
    wan.full(weights / "wan2.2-i2v-a14b")
    os.environ.update(lock.environment(weights))
    params = Motion(prompt=PROMPT, size=wan.FULL, frames=81, rate=Rate(num=16), tier="draft")
    return wan.Benchmark(small("motion-wan", wan.FULL)), params
