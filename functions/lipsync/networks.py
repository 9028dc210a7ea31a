"""MuseTalk's three networks from their published files, and its one pass from a face and a sound to a face."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from functions.contract.errors import EngineError
from functions.models.device import Device
from functions.models.load import load_module
from functions.models.plan import ModelSize
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, config_of, files_of, shapes, stored_bytes

UNET, VAE, WHISPER = "musetalk-v15", "sd-vae-ft-mse", "whisper-tiny"
SIDE = 256
"""Pixels of a face as the networks see it."""
BATCH, SMALL_BATCH = 16, 4
"""Faces at a time: as a rule, and where memory is short."""
FACE_BYTES = 90_000_000
"""Bytes that the autoencoder works in for each face in 16 bit: its widest maps, three at a time."""
OLD_NAMES = (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0"))
"""Names of attention in the published autoencoder, and in the library since."""


@dataclass(frozen=True)
class Parts:
    """The networks of a job, as a plan sees them."""

    unet: Model
    vae: Model
    whisper: Model

    @property
    def models(self) -> list[Model]:
        """All of them."""
        return [self.unet, self.vae, self.whisper]


def parts(snapshots: Snapshots, device: Device, dtype: torch.dtype) -> Parts:
    """Find the networks. Raises `EngineError` for weights that are missing or altered."""
    talk, face, ear = (snapshots.folder(name) for name in (UNET, VAE, WHISPER))
    scale = dtype.itemsize * FACE_BYTES // 2
    unet = _model(snapshots, UNET, files_of(talk / "musetalkV15"), dtype, lambda w: load_unet(talk, w, dtype), 0)
    vae = _model(snapshots, VAE, files_of(face), dtype, lambda w: load_vae(face, w, dtype), scale)
    whisper = _model(snapshots, WHISPER, files_of(ear), dtype, lambda w: load_whisper(ear, w, dtype), 0)
    return Parts(unet, vae, whisper)


def _model(snapshots: Snapshots, name: str, files: list[Path], dtype: torch.dtype, load: Any, face: int) -> Model:
    size = ModelSize(
        name, stored_bytes(files, dtype.itemsize), BATCH * face, group="lips", tiled_bytes=SMALL_BATCH * face
    )
    return Model((snapshots.digest(name), name, str(dtype)), size, load, ready=channels_last)


def channels_last(module: nn.Module) -> None:
    """The memory format that a GPU's convolutions are quickest in."""
    module.to(memory_format=torch.channels_last)


def load_unet(folder: Path, where: torch.device, dtype: torch.dtype) -> nn.Module:
    """The U-Net that moves the mouth."""
    path = folder / "musetalkV15" / "musetalk.json"
    try:
        config = {k: v for k, v in json.loads(path.read_text("utf-8")).items() if not k.startswith("_")}
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read ({error}): fetch the set again") from error
    made: nn.Module = load_module(
        lambda: UNet2DConditionModel.from_config(config), files_of(folder / "musetalkV15"), where, dtype
    )
    return made


def load_vae(folder: Path, where: torch.device, dtype: torch.dtype) -> nn.Module:
    """The autoencoder of faces."""
    made: nn.Module = load_module(
        lambda: AutoencoderKL.from_config(config_of(folder)), files_of(folder), where, dtype, rename=current_name
    )
    return made


def load_whisper(folder: Path, where: torch.device, dtype: torch.dtype) -> nn.Module:
    """Whisper's encoder; its decoder stays in the file."""
    config = WhisperConfig.from_dict(config_of(folder))
    prefix = next(
        (p for p in ("model.encoder.", "encoder.") if any(n.startswith(p) for n in shapes(files_of(folder)))), ""
    )
    made: nn.Module = load_module(
        lambda: WhisperEncoder(config),
        files_of(folder),
        where,
        dtype,
        rename=lambda name: name.removeprefix(prefix) if name.startswith(prefix) else None,
    )
    return made


def extractor(folder: Path) -> Any:
    """What makes Whisper's spectrograms."""
    return WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)


def current_name(name: str) -> str:
    """The library's name of a parameter of the autoencoder."""
    if ".attentions." in name:
        head, _, kind = name.rpartition(".")
        for old, new in OLD_NAMES:
            if head.endswith(f".{old}"):
                return f"{head.removesuffix(old)}{new}.{kind}"
    return name


class Mouths:
    """The pass itself: no noise, one step, the output is the latent."""

    def __init__(self, unet: Any, vae: Any) -> None:
        self._unet, self._vae = unet, vae

    @torch.no_grad()
    def spoken(self, faces: Tensor, heard: Tensor) -> Tensor:
        """R'G'B' faces (n, 3, 256, 256) in 0..1 and what each hears (n, rows, width), to faces that say it."""
        dtype = self._unet.dtype
        given = faces * 2 - 1
        hidden = given.clone()
        hidden[:, :, SIDE // 2 :] = -1
        both = torch.cat([hidden, given]).to(dtype)
        latents = self._vae.encode(both).latent_dist.mode() * self._vae.config.scaling_factor
        count = len(faces)
        joined = torch.cat([latents[:count], latents[count:]], dim=1)
        time = torch.zeros(1, dtype=torch.long, device=joined.device)
        made = self._unet(joined, time, encoder_hidden_states=heard.to(dtype)).sample
        picture: Tensor = self._vae.decode(made / self._vae.config.scaling_factor).sample
        return (picture.float() / 2 + 0.5).clamp(0, 1)
