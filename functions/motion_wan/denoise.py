"""The denoising loop over one expert or two."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import torch
from diffusers import FirstBlockCacheConfig, WanTransformer3DModel
from torch import Tensor

from functions.motion_wan.latents import Condition
from functions.motion_wan.recipes import Expert
from functions.motion_wan.schedule import Schedule, Step

PATCH = 2
"""Latent rows and columns of one token."""
Use = Callable[[], AbstractContextManager[WanTransformer3DModel]]
"""Brings an expert onto the device, and lets it go again."""


@dataclass(frozen=True)
class Prompts:
    """States of prompt and negative prompt, each (1, tokens, width); no negative where nothing is guided."""

    prompt: Tensor
    negative: Tensor | None = None


class Denoiser:
    """Runs the steps of a schedule. `after` is called with each step's number and latents; it may raise to stop.
    `cache` is the threshold of the first-block cache on every expert, 0 for none.
    """

    def __init__(
        self,
        experts: Mapping[Expert, Use],
        schedule: Schedule,
        condition: Condition,
        prompts: Prompts,
        after: Callable[[int, Tensor], None],
        cache: float = 0.0,
    ) -> None:
        self._cache = cache
        self._experts, self._schedule, self._condition = experts, schedule, condition
        self._prompts, self._after = prompts, after

    @torch.no_grad()
    def run(self, latents: Tensor) -> Tensor:
        """The clean latents (fp32) from noise of their shape. Each expert is brought in once for its steps in a row."""
        steps = self._schedule.steps
        for start, end in stretches(steps):
            with ExitStack() as stack:
                model = stack.enter_context(self._experts[steps[start].expert]())
                stack.enter_context(first_block_cache(model, self._cache))
                for number in range(start, end):
                    prediction = self._predict(model, steps[number], latents, self._schedule.timesteps[number])
                    latents = self._schedule.step(number, prediction, latents)
                    self._after(number, latents)
        return self._with_keyframe(latents)

    def _with_keyframe(self, latents: Tensor) -> Tensor:
        mask = self._condition.mask
        return latents if mask is None else (1 - mask) * self._condition.latent + mask * latents

    def _predict(self, model: WanTransformer3DModel, step: Step, latents: Tensor, timestep: Tensor) -> Tensor:
        hidden, times = self._input(latents, timestep)
        hidden = hidden.to(self._prompts.prompt.dtype)
        prediction = _forward(model, "cond", hidden, times, self._prompts.prompt)
        if step.guidance <= 1 or self._prompts.negative is None:
            return prediction
        without = _forward(model, "uncond", hidden, times, self._prompts.negative)
        return without + step.guidance * (prediction - without)

    def _input(self, latents: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """What the model sees, and the timestep: one for all, or one a token (0 where the keyframe lies)."""
        mask = self._condition.mask
        if mask is None:
            return torch.cat([latents, self._condition.latent], dim=1), timestep.expand(1)
        return self._with_keyframe(latents), (mask[0, 0, :, ::PATCH, ::PATCH] * timestep).flatten()[None]


@contextmanager
def first_block_cache(model: WanTransformer3DModel, threshold: float) -> Iterator[None]:
    """The first-block cache on a model for the time of the block: where the first transformer block changes its input
    nearly as it did a step before, the others' change is taken from there. Nothing of it is left behind.
    """
    if not threshold:
        yield
        return
    model.enable_cache(FirstBlockCacheConfig(threshold=threshold))
    try:
        yield
    finally:
        model.disable_cache()


def stretches(steps: Sequence[Step]) -> list[tuple[int, int]]:
    """Runs of steps that one expert does: (first, one after the last)."""
    edges = [n for n in range(1, len(steps)) if steps[n].expert != steps[n - 1].expert]
    return list(zip([0, *edges], [*edges, len(steps)], strict=True))


def _forward(model: WanTransformer3DModel, context: str, hidden: Tensor, times: Tensor, text: Tensor) -> Tensor:
    with model.cache_context(context):
        made: Tensor = model(hidden_states=hidden, timestep=times, encoder_hidden_states=text, return_dict=False)[0]
    return made.float()
