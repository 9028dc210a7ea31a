"""All sound of a film: stems, their sum, the master."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from functions.assemble.master import Mastering, notes, presets
from functions.assemble.premix import Premix
from functions.assemble.sounds import Sound
from functions.assemble.speech import corrections
from functions.assemble.stems import STEMS, Laid, Stems, lay
from functions.assemble.voices import held
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.params import Mix
from functions.media.fir import BLOCK
from functions.media.wav import WavWriter, quantise
from functions.runtime.engine import Job


def mix(job: Job, params: Mix) -> list[Note]:
    """Write the stems, `mix.wav` and `mix.m4a`. Raises `InputError`, `DiskFull`, `OutputRefused`."""
    if params.samples < 1:
        raise InputError("the film has no length: plan it again")
    laid, told = _laid(job, params)
    stems = Stems(params, laid)
    lower, more = corrections(stems)
    preset = presets()[params.preset]
    wav = job.output("mix.wav") if "mix.wav" in job.output_names else job.scratch / "mix.wav"
    with ExitStack() as stack:
        premix = Premix(_summed(job, replace(stems, corrections=lower), stack), job.scratch)
    master = Mastering(job, premix, wav, job.output("mix.m4a")).run(preset)
    return [*told, *more, *notes(master, preset)]


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
        if found and placement.stem == "dx":
            found = held(found, job.scratch / f"line{done}.f32")
        laid += [found] if found else []
        told += said
        job.progress("sounds", done, len(params.placements))
    return laid, told


def _summed(job: Job, stems: Stems, stack: ExitStack) -> Iterator[NDArray[np.int32]]:
    """Write every stem that is asked for in 24 bits; give the exact sums of all stems' code values."""
    samples = stems.params.samples
    names = {s: f"{s}.wav" for s in STEMS if f"{s}.wav" in job.output_names}
    files = {s: stack.enter_context(WavWriter(job.output(name))) for s, name in names.items()}
    for start in range(0, samples, BLOCK):
        count = min(BLOCK, samples - start)
        block = np.zeros((count, 2), np.int32)
        for stem in STEMS:
            values = quantise(stems.at(stem, start, count))
            block += values
            if stem in files:
                files[stem].write(values)
        yield block
        job.progress("stems", start + count, samples)
