"""The layers that learn: low-rank pairs beside every attention projection of the UNet, and their file."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

TARGETS = ["to_k", "to_q", "to_v", "to_out.0"]

State = dict[str, Tensor]


def attach(unet: UNet2DConditionModel, rank: int, seed: int) -> list[nn.Parameter]:
    """Put fresh pairs of this rank (alpha equal to it) into a frozen UNet; their parameters, fp32.

    The second of each pair is zero, so nothing changes before the first step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=TARGETS))
    learning = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.data = parameter.data.float()
    return learning


def learned(unet: UNet2DConditionModel) -> State:
    """A copy of the pairs on the CPU, fp32, by peft's names."""
    return {name: value.detach().float().cpu().clone() for name, value in get_peft_model_state_dict(unet).items()}


def restore(unet: UNet2DConditionModel, state: Mapping[str, Tensor]) -> None:
    """Set the pairs to what `learned` gave."""
    set_peft_model_state_dict(unet, dict(state))


def write(path: Path, state: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """The pairs as `unet.<layer>.lora_A.weight` and `lora_B`, in half precision, `about` as the one piece of metadata:
    several would be written in no fixed order, and the same training would give another file.
    """
    half = {f"unet.{name}": value.to(torch.float16).contiguous() for name, value in sorted(state.items())}
    save_file(half, path, metadata={"vivijure": json.dumps(about, sort_keys=True)})
