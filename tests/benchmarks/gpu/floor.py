"""How little GPU memory an engine needs: `python -m tests.benchmarks.gpu.floor [--engine ltx] [--gb 16 12 10]`.

A card of N GB is simulated by a process of its own that may allocate N - 1.2 GiB: the rest is for the context, kernels'
workspaces and a desktop. Networks are of full size and random, jobs whole, with few steps, since steps are alike, and
nothing is compiled. JSON: what fitted, how it was planned, and the most that was allocated.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from functions.contract.errors import JobError
from functions.models.device import LIMIT
from functions.models.kernels import COMPILE
from functions.models.staging import Stages

CARDS = (24, 20, 16, 15, 14, 12, 11, 10)
LEFT = 1.2
"""GiB of a card that no tensor gets."""
RAM = {"ltx": 48, "cogvideox": 32, "wan": 64}
"""GiB of main memory, as the manifests ask for."""
PATIENCE_S = 400


def limit(card: int) -> int:
    """Bytes that tensors may take on a card of so many GiB."""
    return int((card - LEFT) * 2**30)


def told(engine: str, card: int) -> dict[str, Any]:
    """What came of a job in a process of its own."""
    environment = {**os.environ, LIMIT: str(limit(card)), COMPILE: "0"}
    argv = [sys.executable, "-m", "tests.benchmarks.gpu.floor", "--one", engine]
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = {"fits": False, "error": done.stderr[-800:]}
    except subprocess.TimeoutExpired:
        said = {"fits": False, "error": f"not done after {PATIENCE_S} s"}
    said = {"engine": engine, "card_gb": card, "limit_bytes": limit(card), **said}
    print(json.dumps(said), flush=True)
    return said


def one(engine: str) -> dict[str, Any]:
    """One whole job here, under this process's limit."""
    from tests.benchmarks.gpu import jobs, motion

    with motion.workplace() as folder:
        made, todo = jobs.full(engine, folder)
        device = replace(made.device, ram_bytes=min(made.device.ram_bytes, RAM[engine] * 2**30))
        device = replace(device, pinnable_bytes=min(device.pinnable_bytes, device.ram_bytes * 9 // 10))
        made.device, made.stages = device, Stages(device)
        try:
            seconds, done = motion.timed(made, todo)
        except JobError as error:
            return {"fits": False, "error": f"{error.code}: {error}"[-600:]}
        outcome = done.outcome  # type: ignore[attr-defined]
        peak = torch.cuda.max_memory_reserved()
        notes = [note.code for note in outcome.notes if note.code in ("replanned", "numerics")]
        plan = outcome.provenance.plan
        return {"fits": True, "plan": plan, "notes": notes, "reserved_bytes": peak, "seconds": round(seconds, 1)}


def main() -> None:
    """Sweep the cards, several at once where the GPU is large enough: memory does not depend on the speed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu.floor")
    parser.add_argument("--engine", action="append", choices=sorted(RAM))
    parser.add_argument("--gb", type=int, nargs="+", default=list(CARDS))
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one)))
        return
    todo = [(engine, card) for engine in asked.engine or ["ltx", "cogvideox"] for card in asked.gb]
    with ThreadPoolExecutor(asked.at_once) as pool:
        found = list(pool.map(lambda case: told(*case), todo))
    (asked.out / "floor.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
