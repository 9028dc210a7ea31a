"""The loop: noise on the lessons' latents, its prediction, and a step of the pairs.

Every random number of step n is drawn from a generator of step n, so a training that goes on from a checkpoint makes
the same steps as one that was never interrupted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor

from functions.contract.errors import OutputRefused
from functions.models import noise
from functions.models.sdxl.text import Words
from functions.train_lora import lessons


@dataclass(frozen=True)
class Lesson:
    """A crop as the VAE sees it, `mean` and `std` (1, 4, rows, columns), the row of its words, and SDXL's six ids: the
    original height and width, the crop's top and left, and the height and width it was scaled to.
    """

    mean: Tensor
    std: Tensor
    words: int
    ids: tuple[int, int, int, int, int, int]


class Trainer:
    """Steps over `own` lessons, and as many over `prior` ones (pictures of the class) where there are any."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        words: Words,
        own: Sequence[Lesson],
        prior: Sequence[Lesson],
        schedule: dict[str, object],
        seed: int,
    ) -> None:
        self._unet, self._words, self._own, self._prior, self._seed = unet, words, own, prior, seed
        self._solver = DDPMScheduler(**schedule)
        self._alphas: Tensor = self._solver.alphas_cumprod

    def loss(self, step: int) -> float:
        """Add the gradients of step `step` (from 0); the loss on the own lesson. Raises `OutputRefused`."""
        own = self._backward(self._chosen(self._own, step, "order"), step, "train")
        if self._prior:
            self._backward(self._chosen(self._prior, step, "prior-order"), step, "prior")
        return own

    def _chosen(self, among: Sequence[Lesson], step: int, purpose: str) -> Lesson:
        epoch, place = divmod(step, len(among))
        order = torch.randperm(len(among), generator=noise.generator(self._seed, purpose, epoch))
        return among[int(order[place])]

    def _backward(self, lesson: Lesson, step: int, purpose: str) -> float:
        draw = noise.generator(self._seed, purpose, step)
        t = torch.randint(0, len(self._alphas), (1,), generator=draw)
        added, spread = (torch.randn(lesson.mean.shape, generator=draw) for _ in range(2))
        latents = lesson.mean + lesson.std * spread
        device, dtype = self._unet.device, self._words.states.dtype
        noisy = self._solver.add_noise(latents, added, t).to(device, dtype)
        words = self._words[[lesson.words]]
        more = {"text_embeds": words.pooled, "time_ids": torch.tensor([lesson.ids], device=device, dtype=dtype)}
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            told = self._unet(noisy, t.to(device), words.states, added_cond_kwargs=more, return_dict=False)[0]
        weight = lessons.snr_weight(float(self._alphas[int(t)]))
        loss = torch.nn.functional.mse_loss(told.float(), added.to(device)) * weight
        if not torch.isfinite(loss):
            raise OutputRefused(f"the loss is no number at step {step + 1}: submit the step again")
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        return float(loss.detach())


@dataclass(frozen=True)
class Settings:
    """Of one training."""

    steps: int
    rank: int
    side: int
    seed: int
    frugal: bool = False
    """Keep activations out of memory: each block is run again for its gradients."""

    def thriftier(self) -> "Settings":
        """The same steps in less memory."""
        return replace(self, frugal=True)
