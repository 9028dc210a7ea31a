"""resemble-enhance here: `python -m tests.benchmarks.gpu.speech_enhance [--tiny] [--repeat 5] [--material FOLDER]`.

30 s of speech (`--tiny`: 6 s), whole warm jobs at 32 and 64 evaluations, beside the bare passes of the network over the
same pieces and beside the plain published loop over the same sound: read, 30 s at a time, seams, written.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from functions.catalog import builtin
from functions.contract.base import SAMPLE_RATE
from functions.contract.params import SpeechEnhance
from functions.models.noise import noise
from functions.models.plan import make_plan
from functions.speech_enhance.engine import SpeechRestore
from functions.speech_enhance.network import LONGEST_S, Asked, Enhancer
from functions.speech_enhance.pieces import CONTEXT_S
from functions.speech_enhance.spectrum import RATE
from tests.benchmarks.gpu import material, motion
from tests.servers.checkpoints import lock, resemble
from tests.servers.footage import sound_of, write_sound
from tests.servers.upstream.resemble import enhanced


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="resemble-enhance, whole jobs beside bare passes")
    parser.add_argument("--tiny", action="store_true", help="a small network and 6 s, on any CPU")
    parser.add_argument("--repeat", type=int, default=5, help="warm jobs of each case")
    parser.add_argument("--material", type=Path, help="folder that tests.benchmarks.gpu.material made elsewhere")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="folder for the JSON")
    return parser.parse_args()


def case(
    engine: SpeechRestore, folder: Path, sound: Path, seconds: float, asked: SpeechEnhance, repeat: int
) -> dict[str, Any]:
    """Whole jobs, and what of them the network itself takes."""
    runs = []
    for number in range(repeat + 1):
        todo = motion.TimedJob(
            folder / f"{asked.steps}-{number}", engine.manifest, asked, ["line.wav"], {"line.wav": sound}
        )
        runs.append(motion.timed(engine, todo)[0])
    whole = statistics.median(runs[1:])
    bare = passes(engine, seconds, asked)
    loop = upstream(engine, sound, folder, asked)
    return {
        "cold_s": round(runs[0], 3),
        "whole_s": round(whole, 3),
        "runs_s": [round(run, 3) for run in runs[1:]],
        "times_realtime": round(seconds / whole, 2),
        "bare_s": round(bare, 3),
        "bare_over_whole": round(bare / whole, 3),
        "upstream_s": round(loop, 3),
        "times_upstream": round(loop / whole, 2),
        "peak_vram_bytes": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
    }


def passes(engine: SpeechRestore, seconds: float, asked: SpeechEnhance) -> float:
    """Seconds of the bare network over the job's pieces."""
    model = engine.model()
    device = engine.device
    engine.stages.follow(make_plan([model.size], device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16"))
    with engine.stages.use(model) as network:
        count = max(1, -(-int(seconds) // LONGEST_S))
        return count * _pass(engine, network, seconds / count + 2 * CONTEXT_S, asked)


def upstream(engine: SpeechRestore, sound: Path, folder: Path, asked: SpeechEnhance) -> float:
    """Seconds of the published loop from file to file, its noise drawn where it runs."""
    wanted = Asked(asked.strength / 1000, asked.steps)

    def loop() -> None:
        given = torch.from_numpy(sound_of(sound).mean(axis=1) / 32768).float()
        made = enhanced(
            network,
            given,
            SAMPLE_RATE,
            wanted,
            lambda _: lambda shape, _purpose: torch.randn(shape, device=engine.where),
        )
        write_sound(folder / "loop.wav", made.double().numpy(), RATE)

    with engine.stages.use(engine.model()) as network:
        return motion.repeated(loop, 3)


def _pass(engine: SpeechRestore, network: Enhancer, seconds: float, asked: SpeechEnhance) -> float:
    sound = 0.1 * torch.randn(1, int(seconds * RATE), device=engine.where)
    wanted = Asked(asked.strength / 1000, asked.steps)
    return motion.repeated(
        lambda: network.enhanced(sound, wanted, lambda shape, purpose: noise(shape, 0, purpose), lambda *_: None), 3
    )


def main() -> None:
    """Measure both numbers of evaluations."""
    told = options()
    with motion.workplace() as folder:
        begun = time.perf_counter()
        source = told.material or material.make(folder / "material")
        sound, seconds = source / material.SPEECH, 30.0
        if told.tiny:
            seconds = 6.0
            sound = write_sound(folder / "short.wav", sound_of(sound)[: 6 * 48_000, 0] / 32768)
        weights = folder / "weights"
        weights.mkdir()
        resemble.weights(weights, sizes=resemble.TINY if told.tiny else resemble.PUBLISHED)
        os.environ.update(lock.environment(weights))
        engine = SpeechRestore(builtin()["speech-enhance-resemble"])
        results = {
            f"{steps} evaluations": case(
                engine, folder, sound, seconds, SpeechEnhance(strength=900, steps=steps), told.repeat
            )
            for steps in ((2, 4) if told.tiny else (32, 64))
        }
        results["prepared_s"] = {"seconds": round(time.perf_counter() - begun, 1)}
        motion.report("speech_enhance", told.out, results)


if __name__ == "__main__":
    main()
