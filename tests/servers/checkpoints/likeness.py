"""The sets that judge likeness: a real face detector, and a tiny random DINOv2."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model

from tests.servers.faces import detector_weights


def build(root: Path, seed: int = 0) -> tuple[str, ...]:
    """Write both sets below `root`; their names."""
    torch.manual_seed(seed)
    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=224, patch_size=14, mlp_ratio=2
    )
    folder = root / "dinov2-small"
    folder.mkdir(parents=True)
    save_file(Dinov2Model(config).state_dict(), folder / "model.safetensors")
    config.to_json_file(str(folder / "config.json"))
    faces = root / "mediapipe-faces"
    faces.mkdir()
    shutil.copy(detector_weights(), faces / "face_detection_full_range.tflite")
    return "dinov2-small", "mediapipe-faces"
