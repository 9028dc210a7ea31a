"""How much is learned, how fast, and under which words. Pure."""

import math

PER_PICTURE = 150
"""Most steps for each different picture: more teach the pictures by heart instead of the character."""
WARMUP, FLOOR = 0.05, 0.1
"""Share of the steps in which the learning rate rises; its share of the peak at the end."""
RATE = 1e-4
GAMMA = 5.0
"""Of min-SNR weighting: Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy" (2023)."""
CLASS_PROMPT = "photo of a person"


def step_count(asked: int, pictures: int) -> int:
    """Steps of a training: what was asked, and no more than `PER_PICTURE` a picture."""
    return max(1, min(asked, PER_PICTURE * pictures))


def learning_rate(step: int, steps: int) -> float:
    """Of step 0.. of so many: a linear rise, then a cosine down to `FLOOR`."""
    rise = max(1, round(WARMUP * steps))
    if step < rise:
        return RATE * (step + 1) / rise
    along = (step - rise) / max(1, steps - rise)
    return RATE * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * along)) / 2)


def snr_weight(signal: float) -> float:
    """Weight of a noise-prediction loss at a step whose cumulative alpha is `signal` (0..1)."""
    snr = signal / max(1e-8, 1 - signal)
    return min(snr, GAMMA) / max(snr, 1e-8)


def caption(trigger: str, said: str) -> str:
    """The words of one picture: the trigger, and what was written of it."""
    words = said.strip()
    if not words:
        return f"photo of {trigger}"
    return words if trigger.lower() in words.lower().split() else f"{trigger}, {words}"


def save_every(steps: int) -> int:
    """Steps between two checkpoints, each with samples: about ten in all, seldom ones where training is short."""
    return max(min(steps, 25), steps // 10)
