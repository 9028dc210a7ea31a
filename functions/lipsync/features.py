"""What MuseTalk hears: the states of Whisper's encoder, 50 rows a second."""

import math
from collections import OrderedDict
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from functions.lipsync.speech import RATE, Spoken

ROWS_A_SECOND = 50
SEGMENT = 30 * RATE
"""Samples that the encoder takes at once."""
BEFORE, WINDOW = 4, 10
"""Rows of a frame: so many in all, and so many of them before its moment."""
KEPT = 2
"""Segments whose states are held."""


class Hearing:
    """Rows (window * states, width) of any moment of some lines. Holds the last segments only."""

    def __init__(self, encoder: Any, extractor: Any, where: torch.device, dtype: torch.dtype) -> None:
        self._encoder, self._extractor, self._where, self._dtype = encoder, extractor, where, dtype
        self._segments: OrderedDict[tuple[str, int], Tensor] = OrderedDict()

    def at(self, line: Spoken, moment: Fraction) -> Tensor:
        """What is heard around a moment of the clip, (50, 384) of the published sizes, with its place added."""
        first = math.floor((moment - line.start) * ROWS_A_SECOND) - BEFORE
        rows = torch.stack([self._row(line, row) for row in range(first, first + WINDOW)])
        heard = rows.flatten(0, 1)
        return heard + places(*heard.shape).to(heard)

    def _row(self, line: Spoken, row: int) -> Tensor:
        if not 0 <= row < line.samples * ROWS_A_SECOND // RATE:
            return torch.zeros_like(self._segment(line, 0)[0])
        per_segment = ROWS_A_SECOND * SEGMENT // RATE
        return self._segment(line, row // per_segment)[row % per_segment]

    def _segment(self, line: Spoken, number: int) -> Tensor:
        key = (str(line.path), number)
        if key not in self._segments:
            self._segments[key] = self._encoded(line, number)
        self._segments.move_to_end(key)
        while len(self._segments) > KEPT:
            self._segments.popitem(last=False)
        return self._segments[key]

    @torch.no_grad()
    def _encoded(self, line: Spoken, number: int) -> Tensor:
        """(rows, states, width) of one segment."""
        sound = line.read(number * SEGMENT, SEGMENT)
        mel = self._extractor(sound, sampling_rate=RATE, return_tensors="pt").input_features
        states = self._encoder(mel.to(self._where, self._dtype), output_hidden_states=True).hidden_states
        return torch.stack(tuple(states), dim=2)[0]


def places(length: int, width: int) -> Tensor:
    """Sinusoidal positions (Vaswani et al., 2017)."""
    position = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10_000.0) / width))
    return torch.stack([(position * rate).sin(), (position * rate).cos()], dim=2).flatten(1)
