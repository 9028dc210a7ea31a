"""Sound of ours beside that of the published loop, before filters, loudness and 24 bits: the same weights and noise,
and PSNR (of the sound's own peak) of at least 45 dB. Faults must fall below it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from functions.catalog import builtin
from functions.contract.base import SAMPLE_RATE
from functions.contract.params import SpeechEnhance
from functions.models.noise import noise
from functions.speech_enhance import weights as stored
from functions.speech_enhance.engine import SpeechRestore
from functions.speech_enhance.network import Asked, Enhancer, Noise
from functions.speech_enhance.pieces import CONTEXT, Piece
from functions.speech_enhance.spectrum import RATE, Resampler
from functions.speech_enhance.work import heard
from tests.servers.footage import Sound, write_sound
from tests.servers.job import LocalJob
from tests.servers.upstream import resemble
from tests.servers.upstream.parity import EQUAL_DB, psnr

PARAMS = SpeechEnhance(strength=700, steps=4, seed=3)


def drawn(number: int) -> Noise:
    """What our engine draws for a piece."""
    return lambda shape, purpose: noise(shape, PARAMS.seed, f"speech-{purpose}", number)


def theirs(network: Enhancer, sound: np.ndarray) -> Tensor:
    return resemble.enhanced(
        network, torch.from_numpy(sound), SAMPLE_RATE, Asked(PARAMS.strength / 1000, PARAMS.steps), drawn
    )


@pytest.fixture
def ours(weights: Path, voice: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """(the sound, all but its first and last half second as our engine restores it in one piece)."""
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(weights))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / "weights.toml"))
    engine = SpeechRestore(builtin()["speech-enhance-resemble"])
    line = write_sound(tmp_path / "line.wav", voice)
    job = LocalJob(tmp_path / "job", engine.manifest, PARAMS, ["line.wav"], {"line.wav": line})
    network = stored.load(weights / "resemble-enhance", torch.device("cpu"))
    with heard(job, "test") as work, torch.inference_mode():
        samples = work.recording.sound.samples
        given = work.recording.sound.read(0, samples).mean(axis=1)
        piece = Piece(CONTEXT, samples - CONTEXT, ends=True)
        return given, engine.restored(job, work, network, piece, (0, 1))


def late(made: np.ndarray) -> np.ndarray:
    """By a millisecond."""
    return np.roll(made, SAMPLE_RATE // 1000)


def quieter(made: np.ndarray) -> np.ndarray:
    """By half a decibel."""
    return made * np.float32(10 ** (-0.5 / 20))


def reversed_phase(made: np.ndarray) -> np.ndarray:
    """Every sample turned round."""
    return -made


def test_sound_is_that_of_the_published_loop(weights: Path, ours: tuple[np.ndarray, np.ndarray]) -> None:
    given, made = ours
    network = stored.load(weights / "resemble-enhance", torch.device("cpu"))
    whole = theirs(network, given)
    again = Resampler(RATE, SAMPLE_RATE)(whole[None])[0].numpy()
    wanted = again[CONTEXT : CONTEXT + len(made)]
    peak = float(np.abs(wanted).max())
    assert psnr(made, wanted, peak) > EQUAL_DB
    faults: list[Callable[[Any], Any]] = [late, quieter, reversed_phase]
    for fault in faults:
        assert psnr(fault(made), wanted, peak) < EQUAL_DB, fault.__name__


def test_chunks_of_one_sound_are_laid_together_where_they_were() -> None:
    generator = torch.Generator().manual_seed(1)
    sound = torch.randn(resemble.CHUNK + 7 * RATE, generator=generator)
    parts = [sound[: resemble.CHUNK], sound[resemble.CHUNK - resemble.OVERLAP :]]
    made = resemble.merged(parts)[: len(sound)]
    assert psnr(made.numpy(), sound.numpy(), float(sound.abs().max())) > 90
