"""Tiny random weights of resemble-enhance in the published layout, converted as they are at bake time."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from functions.models.convert import convert
from functions.speech_enhance.network import Enhancer, Settings
from functions.speech_enhance.weights import FILE, FOLDER, SIZE, WEIGHTS

HPARAMS = """\
fg_dir: !!python/object/apply:pathlib.PosixPath
- data
- fg
load_fg_only: false
wav_rate: 44100
n_fft: 2048
win_size: 2048
hop_size: 420
num_mels: 128
stft_magnitude_min: 0.0001
preemphasis: 0.97
cfm_solver_method: midpoint
cfm_solver_nfe: 64
cfm_time_mapping_divisor: 4
univnet_nc: 96
lcfm_latent_dim: 64
lcfm_training_mode: cfm
lcfm_z_scale: 6
vocoder_extra_dim: 32
"""


@dataclass(frozen=True)
class Sizes:
    """How large the network's parts are; `unet` is width, depth and blocks in the middle of the denoiser."""

    bands: int = 128
    width: int = 32
    latent: int = 8
    features: int = 24
    flow: int = 16
    embedded: int = 16
    layers: int = 6
    channels: int = 4
    noise: int = 8
    hidden: int = 8
    unet: tuple[int, int, int] = (16, 2, 1)


TINY = Sizes()
PUBLISHED = Sizes(128, 1024, 64, 160, 512, 128, 30, 96, 128, 64, (16, 4, 2))
LINEAR = 4
"""Linear layers in a row."""
PLAIN = ("lcfm.cfm.", "denoiser.", "lcfm.ae.encoder.0.", "lcfm.ae.decoder.0.", "lcfm.ae.decoder.5.", "lcfm.ae.head.")
"""Convolutions that are stored as they are; the rest have their weights' size apart."""


def weights(root: Path, seed: int = 0, *, sizes: Sizes = TINY, bad: str = "") -> None:
    """The set below `root`; `bad` names a parameter that holds a value which is no number."""
    folder = root / WEIGHTS
    target = folder / FILE
    target.parent.mkdir(parents=True)
    state = published(seed, sizes)
    if bad:
        state[bad].view(-1)[0] = math.nan
    source = root / "model_states.pt"
    torch.save({"module": {name: tensor.half() for name, tensor in state.items()}, "ds_version": "0"}, source)
    convert(str(source), target)
    source.unlink()
    (folder / FOLDER / "hparams.yaml").write_text(HPARAMS, "utf-8")
    (folder / FOLDER / "ds" / "G" / "latest").write_text("default", "utf-8")


def published(seed: int = 0, sizes: Sizes = TINY) -> dict[str, Tensor]:
    """The checkpoint's tensors by their published names, what only training uses among them."""
    torch.manual_seed(seed)
    network = Enhancer(shapes(sizes), Settings())
    state: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        normalised = tensor.ndim == 3 and name.endswith(".weight") and not name.startswith(PLAIN)
        if normalised and not _linear(name):
            size = tensor.flatten(1).norm(dim=1).view(-1, 1, 1)
            state[name.replace(".weight", SIZE)] = size
            state[name.replace(".weight", ".parametrizations.weight.original1")] = tensor * 3
        else:
            state[name] = tensor
    state["normalizer.running_mean_unsafe"] = torch.tensor(0.45)
    state["normalizer.running_var_unsafe"] = torch.tensor(0.04)
    state["dummy"] = torch.zeros(1)
    state["mel_fn.stft_magnitude_min"] = state["denoiser.mel_fn.stft_magnitude_min"] = torch.tensor([1e-4])
    state["lcfm.ae.head.0.weight"] = torch.zeros(4, sizes.features, 3)
    state["lcfm.ae.estimator.running_mean_unsafe"] = torch.tensor(0.0)
    return state


def shapes(s: Sizes) -> dict[str, tuple[int, ...]]:
    """The shapes that say how large the network is."""
    found: dict[str, tuple[int, ...]] = {
        "lcfm.ae.encoder.0.weight": (s.width, s.bands, 3),
        "lcfm.ae.decoder.0.weight": (s.width, s.latent, 3),
        "lcfm.ae.decoder.5.weight": (s.features, s.width, 1),
        "lcfm.cfm.net.layers.0.gconv.weight": (s.flow, s.embedded, 1),
        "denoiser.net.input_proj.weight": (s.unet[0], 3, 3, 3),
        "vocoder.conv_pre.weight": (s.channels, s.noise, 7),
        "vocoder.blocks.0.kernel_predictor.input_conv.0.weight": (s.hidden, s.features, 5),
    }
    found |= {f"lcfm.ae.encoder.{5 + n}.weight": (s.latent, s.latent, 1) for n in range(LINEAR)}
    found |= {f"lcfm.cfm.net.layers.{n}.out.weight": (s.flow, s.flow, 1) for n in range(s.layers)}
    found |= {f"denoiser.net.encoder_blocks.{n}.pre_conv.weight": (1,) for n in range(s.unet[1])}
    found |= {f"denoiser.net.middle_blocks.{n}.pre_conv.weight": (1,) for n in range(s.unet[2])}
    return found


def _linear(name: str) -> bool:
    """Whether a convolution is one of the autoencoder's linear row."""
    return name.startswith("lcfm.ae.encoder.") and name.count(".") == 4
