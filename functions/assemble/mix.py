"""All sound of a film: stems, their sum, the master."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from functions.assemble.master import Mastering, notes, presets
from functions.assemble.sounds import Sound
from functions.assemble.speech import corrections
from functions.assemble.stems import STEMS, Laid, Stems, lay
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Mix
from functions.media.disk import writing
from functions.media.fir import BLOCK, Read, Stereo
from functions.media.loudness import Meter
from functions.media.wav import FULL_SCALE, WavWriter, quantise
from functions.runtime.engine import Job


def mix(job: Job, params: Mix) -> list[Note]:
    """Write the stems, `mix.wav` and `mix.m4a`. Raises `InputError`, `DiskFull`, `OutputRefused`."""
    if params.samples < 1:
        raise InputError("the film has no length: plan it again")
    laid, told = _laid(job, params)
    stems = Stems(params, laid)
    lower, more = corrections(stems)
    total = job.scratch / "sum.i32"
    measured = _sum(job, replace(stems, corrections=lower), total)
    preset = presets()[params.preset]
    wav = job.output("mix.wav") if "mix.wav" in job.output_names else job.scratch / "mix.wav"
    mastering = Mastering(job, _reader(total, params.samples), params.samples, wav, job.output("mix.m4a"))
    return [*told, *more, *notes(mastering.run(preset, measured), preset)]


def _laid(job: Job, params: Mix) -> tuple[list[Laid], list[Note]]:
    sounds: dict[str, Sound] = {}
    laid: list[Laid] = []
    told: list[Note] = []
    for done, placement in enumerate(params.placements, 1):
        name = placement.input
        if name not in job.inputs:
            raise InputError(f"sound {name} is missing: plan the film again")
        if name not in sounds:
            sounds[name] = Sound(job.inputs[name], job.scratch / f"{len(sounds)}.f32", f"sound {name}")
        found, said = lay(placement, sounds[name])
        laid += [found] if found else []
        told += said
        job.progress("sounds", done, len(params.placements))
    return laid, told


def _sum(job: Job, stems: Stems, total: Path) -> float:
    """Write every stem in 24 bits and the exact sum of their code values; the sum's integrated loudness."""
    samples = stems.params.samples
    meter = Meter(peaks=False)
    with ExitStack() as stack:
        stack.enter_context(writing(total))
        sink = stack.enter_context(total.open("wb"))
        files = {s: stack.enter_context(WavWriter(_stem_path(job, s))) for s in STEMS if _wanted(job, s)}
        for start in range(0, samples, BLOCK):
            count = min(BLOCK, samples - start)
            block = np.zeros((count, 2), np.int32)
            for stem in STEMS:
                values = quantise(stems.at(stem, start, count))
                block += values
                if stem in files:
                    files[stem].write(values)
            sink.write(block.astype("<i4").tobytes())
            meter.feed(block / FULL_SCALE)
            job.progress("stems", start + count, samples)
    return meter.result.integrated


def _wanted(job: Job, stem: str) -> bool:
    return f"{stem}.wav" in job.output_names


def _stem_path(job: Job, stem: str) -> Path:
    return job.output(f"{stem}.wav")


def _reader(path: Path, samples: int) -> Read:
    data = np.memmap(path, "<i4", "r", shape=(samples, 2))

    def read(start: int, count: int) -> Stereo:
        out = np.zeros((count, 2))
        low, high = max(start, 0), min(start + count, samples)
        if low < high:
            out[low - start : high - start] = data[low:high] / FULL_SCALE
        return out

    return read
