"""The colour shift that TI2V-5B shows after the frame it was given: measured, and led over eight frames.

Means and deviations of the channels are compared, in 8-bit codes.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

SPAN = 8
"""Frames after the first that are compared with it, and over which the match fades."""


class ColourLead:
    """Passes a clip's chunks (frames, rows, columns, 3) on; with `match` the first frames after frame 0 are given its
    mean and deviation, less and less. `drift` is the largest difference of a channel's mean from frame 0's, unmatched.
    """

    def __init__(self, match: bool) -> None:
        self._match, self.drift = match, 0.0

    def led(self, chunks: Iterator[Tensor]) -> Iterator[Tensor]:
        """The chunks, in order from the first."""
        number, first = 0, None
        for chunk in chunks:
            if number > SPAN:
                yield chunk
                continue
            frames = []
            for frame in chunk:
                first = _statistics(frame) if first is None else first
                frames.append(self._frame(frame, number, first))
                number += 1
            yield torch.stack(frames)

    def _frame(self, frame: Tensor, number: int, first: tuple[Tensor, Tensor]) -> Tensor:
        if not 0 < number <= SPAN:
            return frame
        mean, deviation = _statistics(frame)
        self.drift = max(self.drift, float((mean - first[0]).abs().max()))
        if not self._match:
            return frame
        wanted = (frame.float() - mean) * (first[1] / deviation.clamp(min=1e-3)) + first[0]
        share = 1 - (number - 1) / SPAN
        return torch.lerp(frame.float(), wanted, share).round_().clamp_(0, 255).to(torch.uint8)


def _statistics(frame: Tensor) -> tuple[Tensor, Tensor]:
    deviation, mean = torch.std_mean(frame.float(), dim=(0, 1))
    return mean, deviation
