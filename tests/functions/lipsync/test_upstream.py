"""The loop against the published one, written anew from its description, on the same weights; golden numbers of the
whole pass; and faults that must show in them.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from functions.contract.params import LipLine, Lipsync
from functions.lipsync import networks
from functions.lipsync.features import Hearing, places
from functions.lipsync.networks import Mouths
from functions.lipsync.speech import Spoken, lines
from functions.models.snapshots import Snapshots
from tests.servers.footage import tone, write_sound
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.job import LocalJob
from tests.servers.talking import portrait, syllables

GOLDEN = Path(__file__).with_name("golden.json")
CPU = torch.device("cpu")
FPS = 25


class Loaded:
    """The networks, read as a worker reads them."""

    def __init__(self, root: Path) -> None:
        shots = Snapshots.from_environment(
            {"VIVIJURE_WEIGHTS": str(root), "VIVIJURE_WEIGHTS_LOCK": str(root / "weights.toml")}
        )
        self.unet: Any = networks.load_unet(shots.folder(networks.UNET), CPU, torch.float32)
        self.vae: Any = networks.load_vae(shots.folder(networks.VAE), CPU, torch.float32)
        self.whisper: Any = networks.load_whisper(shots.folder(networks.WHISPER), CPU, torch.float32)
        self.extractor = networks.extractor(shots.folder(networks.WHISPER))

    @property
    def hearing(self) -> Hearing:
        return Hearing(self.whisper, self.extractor, CPU, torch.float32)


@pytest.fixture(scope="module")
def loaded(weights: Path) -> Loaded:
    return Loaded(weights)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    """A line of 1.2 seconds."""
    folder = tmp_path_factory.mktemp("spoken")
    path = write_sound(folder / "line.wav", tone(1.2, 180, 0.3) * syllables(1.2))
    params = Lipsync(lines=(LipLine(input="line", figure="mara", start=0),))
    return lines(LocalJob(folder, None, params, [], {"line": path}), params)[0]  # type: ignore[arg-type]


def face() -> Tensor:
    """The portrait as the networks see it."""
    picture = torch.from_numpy(portrait().astype(np.float32).transpose(2, 0, 1) / 255)[None]
    return torch.nn.functional.interpolate(picture, (256, 256), mode="bilinear")


@torch.no_grad()
def published_windows(loaded: Loaded, sound: Tensor) -> Tensor:
    """(frames, 50, 384): states stacked, padded by ceil(50 / fps) * 2 rows before and three times that behind, ten rows
    from floor(k * 50 / fps) for frame k.
    """
    mel = loaded.extractor(sound.numpy(), return_tensors="pt", sampling_rate=16_000).input_features
    states = torch.stack(loaded.whisper(mel, output_hidden_states=True).hidden_states, dim=2)
    rows = states[:, : math.floor(len(sound) / 16_000 * 50)]
    pad = math.ceil(50 / FPS) * 2
    rows = torch.cat([torch.zeros_like(rows[:, :pad]), rows, torch.zeros(1, 3 * pad, *rows.shape[2:])], dim=1)
    count = math.floor(len(sound) / 16_000 * FPS)
    return torch.cat([rows[:, int(k * 50 / FPS) : int(k * 50 / FPS) + 10] for k in range(count)]).flatten(1, 2)


def test_what_is_heard_is_what_the_published_loop_hears(loaded: Loaded, spoken: Spoken) -> None:
    sound = torch.from_numpy(spoken.read(0, spoken.samples).copy())
    wanted = published_windows(loaded, sound)
    wanted = wanted + places(50, 384)
    found = torch.stack([loaded.hearing.at(spoken, Fraction(k, FPS)) for k in range(len(wanted))])
    assert wanted.shape[1:] == (50, 384)
    assert float((found - wanted).abs().max()) < TOLERANCE


def test_five_states_are_heard(loaded: Loaded, spoken: Spoken) -> None:
    mel = loaded.extractor(spoken.read(0, 16_000), return_tensors="pt", sampling_rate=16_000).input_features
    assert len(loaded.whisper(mel, output_hidden_states=True).hidden_states) == 5


@torch.no_grad()
def test_the_pass_is_the_published_one(loaded: Loaded, spoken: Spoken) -> None:
    given, heard = face(), loaded.hearing.at(spoken, Fraction(12, FPS))[None]
    hidden = given * (torch.arange(256) < 128)[None, None, :, None]
    latents = [
        loaded.vae.encode(picture * 2 - 1).latent_dist.mode() * loaded.vae.config.scaling_factor
        for picture in (hidden, given)
    ]
    made = loaded.unet(torch.cat(latents, dim=1), torch.tensor([0]), encoder_hidden_states=heard).sample
    wanted = (loaded.vae.decode(made / loaded.vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)
    found = Mouths(loaded.unet, loaded.vae).spoken(given, heard)
    assert float((found - wanted).abs().max()) < TOLERANCE


def made(loaded: Loaded, spoken: Spoken, moment: Fraction = Fraction(12, FPS)) -> Tensor:
    heard = loaded.hearing.at(spoken, moment)[None]
    return 100 * Mouths(loaded.unet, loaded.vae).spoken(face(), heard)


def test_the_face_is_golden(loaded: Loaded, spoken: Spoken) -> None:
    assert distance(GOLDEN, "face", made(loaded, spoken)) < 100 * TOLERANCE


def test_the_sound_is_golden(loaded: Loaded, spoken: Spoken) -> None:
    assert distance(GOLDEN, "heard", loaded.hearing.at(spoken, Fraction(12, FPS))) < TOLERANCE


def late(loaded: Loaded, spoken: Spoken) -> Tensor:
    """The sound of 100 ms later."""
    return loaded.hearing.at(replace(spoken, start=Fraction(-1, 10)), Fraction(12, FPS))


def louder(loaded: Loaded, spoken: Spoken) -> Tensor:
    """Without the places of rows."""
    return loaded.hearing.at(spoken, Fraction(12, FPS)) - places(50, 384)


@pytest.mark.parametrize("fault", [late, louder])
def test_a_fault_of_hearing_shows(loaded: Loaded, spoken: Spoken, fault: Callable[[Loaded, Spoken], Tensor]) -> None:
    assert distance(GOLDEN, "heard", fault(loaded, spoken)) > MUTANT


@torch.no_grad()
@pytest.mark.parametrize("fault", ["swapped", "unmasked", "unscaled"])
def test_a_fault_of_seeing_shows(loaded: Loaded, spoken: Spoken, fault: str) -> None:
    given, heard = face(), loaded.hearing.at(spoken, Fraction(12, FPS))[None]
    scale = 1.0 if fault == "unscaled" else loaded.vae.config.scaling_factor
    given = given.flip(1) if fault == "swapped" else given
    hidden = given.clone()
    if fault != "unmasked":
        hidden[:, :, 128:] = 0
    latents = [loaded.vae.encode(picture * 2 - 1).latent_dist.mode() * scale for picture in (hidden, given)]
    unet = loaded.unet(torch.cat(latents, dim=1), torch.tensor([0]), encoder_hidden_states=heard).sample
    found = (loaded.vae.decode(unet / scale).sample / 2 + 0.5).clamp(0, 1)
    assert distance(GOLDEN, "face", 100 * found) > 10 * 100 * TOLERANCE
