"""How much a sample looks like the character: likeness of face crops in a self-supervised embedding.

DINOv2 (Oquab et al. 2023, Apache-2.0) knows no names and no faces; its class token still tells individuals apart well
enough to rank the checkpoints of one training, which is all that is asked of it.
"""

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Dinov2Config, Dinov2Model

from functions.models import load
from functions.models.faces import Face, Picture
from functions.train_lora.crops import HEAD

SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pictures it was trained on (ImageNet)."""


def embedder(folder: Path, device: str) -> Dinov2Model:
    """DINOv2 small, in fp32."""
    beside = folder / "config.json"
    own = resources.files("functions.train_lora").joinpath("dinov2.json")
    values: dict[str, Any] = json.loads((beside if beside.is_file() else own).read_text("utf-8"))
    config = Dinov2Config.from_dict(values)
    return load.load_module(lambda: Dinov2Model(config), [folder / "model.safetensors"], device, torch.float32)


def head_of(pixels: Picture, face: Face) -> NDArray[np.uint8]:
    """A square crop (224, 224, 3) of the head, the picture's edge repeated where it leaves it."""
    side = int(max(face.width, face.height) * HEAD)
    across, down = face.centre
    left, top = round(across - side / 2), round(down - side * 0.55)
    wide = cv2.copyMakeBorder(pixels, side, side, side, side, cv2.BORDER_REPLICATE)
    cut = wide[max(0, top + side) : top + 2 * side, max(0, left + side) : left + 2 * side]
    return cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


@torch.no_grad()
def embedded(model: Dinov2Model, heads: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Unit vectors (heads, channels)."""
    batch = torch.from_numpy(np.stack(heads)).to(model.device).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v, device=model.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    token = model(pixel_values=(batch - mean) / std).last_hidden_state[:, 0]
    return torch.nn.functional.normalize(token.float(), dim=-1)


def likeness(samples: Tensor, references: Tensor) -> float:
    """Mean over the samples of the mean cosine with the nearest half of the references, -1..1."""
    near = max(1, (references.shape[0] + 1) // 2)
    return float((samples @ references.T).topk(near, dim=1).values.mean())
