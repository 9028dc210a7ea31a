"""The published weights of resemble-enhance, made ready: weight normalisation folded, training's leftovers left out."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from functions.contract.errors import EngineError
from functions.models import tensors
from functions.models.load import read
from functions.speech_enhance.network import Enhancer, Settings

WEIGHTS = "resemble-enhance"
FOLDER = Path("enhancer_stage2")
FILE = FOLDER / "ds" / "G" / "default" / "mp_rank_00_model_states.safetensors"
HPARAMS = FOLDER / "hparams.yaml"
UNUSED = (
    "dummy",
    "mel_fn.",
    "denoiser.mel_fn.",
    "denoiser.dummy",
    "vocoder.mrstft.",
    "lcfm.ae.head.",
    "lcfm.ae.estimator.",
)
"""Parts of the checkpoint that only training uses, or that are made anew."""
SIZE, DIRECTION = ".parametrizations.weight.original0", ".parametrizations.weight.original1"
FIXED = {
    "wav_rate": 44_100,
    "n_fft": 2048,
    "win_size": 2048,
    "hop_size": 420,
    "num_mels": 128,
    "stft_magnitude_min": 1e-4,
    "preemphasis": 0.97,
    "cfm_time_mapping_divisor": 4,
}
"""Settings that the code holds; weights trained with others are not this network's."""


def load(folder: Path, where: torch.device) -> Enhancer:
    """The network from a set's folder, in fp32. Raises `EngineError` for files that are not this network's."""
    from accelerate import init_empty_weights

    path = folder / FILE
    settings = read_settings(folder / HPARAMS)
    state = folded(read(tensors.index(path), torch.device("cpu"), lambda _: torch.float32))
    try:
        with init_empty_weights(include_buffers=False):
            network = Enhancer({name: tuple(tensor.shape) for name, tensor in state.items()}, settings)
        network.load_state_dict(state, strict=True, assign=True)
    except (KeyError, RuntimeError, ValueError) as error:
        said = str(error).splitlines()[:2]
        raise EngineError(f"{path}: these weights are not resemble-enhance's ({' '.join(said)})") from error
    return network.to(where).eval().requires_grad_(False)


def folded(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights whose size and direction are stored apart (Salimans and Kingma, 2016) as one tensor each."""
    found: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if name.startswith(UNUSED) or name.endswith(SIZE):
            continue
        if name.endswith(DIRECTION):
            base = name.removesuffix(DIRECTION)
            length = tensor.flatten(1).norm(dim=1).view(-1, *(1,) * (tensor.ndim - 1))
            found[f"{base}.weight"] = tensor * (stored[f"{base}{SIZE}"] / length)
        else:
            found[name] = tensor
    return found


def read_settings(path: Path) -> Settings:
    """What of `hparams.yaml` decides the result. Its plain `name: number` lines are read, so that tags in it that name
    code stay text. Raises `EngineError` for settings of another network.
    """
    try:
        lines = re.findall(r"^(\w+): *(\S+) *$", path.read_text("utf-8"), re.MULTILINE)
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read ({error}): fetch the set again") from error
    told = dict(lines)
    try:
        for name, value in FIXED.items():
            if float(told.get(name, value)) != value:
                raise EngineError(f"{path}: {name} is {told[name]}, and this network has {value}: fetch the locked set")
        if told.get("lcfm_training_mode", "cfm") != "cfm":
            raise EngineError(f"{path} is of the first stage of training: fetch enhancer_stage2")
        return Settings(z_scale=float(told.get("lcfm_z_scale", Settings.z_scale)))
    except ValueError as error:
        raise EngineError(f"{path} holds what is no number ({error}): fetch the set again") from error
