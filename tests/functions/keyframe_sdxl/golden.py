"""Known values of the tiny SDXL: latents of two tiers, and single forwards of the UNet on given input.

`python -m tests.functions.keyframe_sdxl.golden` measures and stores them anew, after a change that is meant.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray

from functions.contract.base import Size, Tier
from functions.keyframe_sdxl import attention
from functions.keyframe_sdxl.attention import Condition
from functions.keyframe_sdxl.denoise import Run, denoise
from functions.keyframe_sdxl.recipes import Recipe, builtin
from functions.keyframe_sdxl.variants import Wardrobe, Worn, shapes
from functions.models.adapters import read_lora
from functions.models.noise import noise
from functions.models.sdxl import weights
from functions.models.sdxl.text import Words
from tests.servers.checkpoints import sdxl

STORED = Path(__file__).with_name("golden.npz")
TIMESTEPS = (999, 749, 499, 249, 20)
SHAPE = (1, 4, 8, 16)
Values = dict[str, NDArray[np.float32]]


def measured(
    root: Path,
    *,
    adapter: bool = True,
    change: Callable[[UNet2DConditionModel], None] = lambda _: None,
    recipe: Callable[[Recipe], Recipe] = lambda own: own,
) -> Values:
    """The values on weights below `root`, in fp32 on one thread; `change` and `recipe` are for mutants."""
    torch.set_num_threads(1)
    unet = weights.unet(root / weights.BASE, "cpu", torch.float32)
    path = root / weights.REFERENCES / "sdxl_models" / builtin().references.file
    attention.install(unet, weights.adapter(path, "cpu", torch.float32)[1])
    change(unet)
    words = Words(noise((2, 77, 32), 0, "golden"), noise((2, 24), 0, "golden", 1))
    out: Values = {}
    tiers: tuple[Tier, ...] = ("draft", "standard")
    with torch.inference_mode():
        out["forward"] = _forwards(unet, words)
        for tier in tiers:
            own = builtin().tiers[tier]
            assert own.adapter is not None
            lora = read_lora(root / own.adapter.weights / own.adapter.file, shapes("unet", unet))
            Wardrobe().wear(unet, [Worn(tier, lora, 1.0)] if adapter else [])
            rows = words if own.guided else words[[1]]
            drawn, size = noise(SHAPE, 0, "initial"), Size(width=128, height=64)
            run = Run(unet, recipe(own), rows, Condition(rows.states), drawn, size)
            out[tier] = denoise(run, lambda *_: None).numpy()
    return out


def _forwards(unet: UNet2DConditionModel, words: Words) -> NDArray[np.float32]:
    ids = torch.tensor([[64.0, 128.0, 0.0, 0.0, 64.0, 128.0]])
    given = {"text_embeds": words.pooled[1:], "time_ids": ids}
    made = [
        unet(
            noise(SHAPE, i, "golden"),
            t,
            encoder_hidden_states=Condition(words.states[1:]),
            added_cond_kwargs=given,
            return_dict=False,
        )[0]
        for i, t in enumerate(TIMESTEPS)
    ]
    return np.asarray(torch.cat(made).numpy(), np.float32)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sdxl.build(Path(folder))
        np.savez_compressed(STORED, **measured(Path(folder)))  # type: ignore[arg-type]
