"""Practical-RIFE's loop over a video, written anew from what its script `inference_video` is known to do.

Frames become float tensors padded with black to multiples of 128. Of each neighbouring pair small copies are compared:
below an SSIM of 0.2 the pair is a cut and the first frame is shown again; above 0.996 the second frame counts as a
duplicate and is replaced by one half-way to the next. For all others the network runs once for each picture between,
describing both frames each time, and its result is cut to 8 bits without rounding. A thread of its own reads, another
writes. Single precision unless `--fp16` is asked for.
"""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from functions.interpolate.ifnet import IFNet
from functions.media.source import describe
from tests.servers.upstream.video import Frame, Writer, read

MULTIPLE = 128
STATIC, CUT = 0.996, 0.2
SMALL, WINDOW, SIGMA = 32, 11, 1.5
BUFFER = 500
"""Frames that wait to be read or written."""


class Loop:
    """The network in one precision; `multi` is how many frames come of one."""

    def __init__(self, network: IFNet, where: torch.device, *, half: bool, multi: int = 2) -> None:
        self.network = network.to(where, torch.float16 if half else torch.float32).eval()
        self.where, self.half, self.multi = where, half, multi

    @torch.no_grad()
    def frames(self, given: Iterator[Frame]) -> Iterator[Frame]:
        """R'G'B' frames at `multi` times their rate, the last one once."""
        last = next(given)
        right, waiting = self._given(last), None
        while (frame := waiting if waiting is not None else next(given, None)) is not None:
            waiting, left = None, right
            right = self._given(frame)
            alike = ssim(_small(left), _small(right))
            if alike > STATIC:
                waiting = next(given, None)
                right = self._between(left, self._given(frame if waiting is None else waiting), 0.5)
                alike = ssim(_small(left), _small(right))
                frame = self._frame(right, last)
            yield last
            for number in range(1, self.multi):
                made = left if alike < CUT else self._between(left, right, number / self.multi)
                yield self._frame(made, last)
            last = frame
        yield last

    def _given(self, frame: Frame) -> Tensor:
        picture = torch.from_numpy(np.transpose(frame, (2, 0, 1)).copy()).to(self.where)[None].float() / 255
        rows, columns = picture.shape[2:]
        wide = functional.pad(picture, (0, -columns % MULTIPLE, 0, -rows % MULTIPLE))
        return wide.half() if self.half else wide

    def _between(self, left: Tensor, right: Tensor, t: float) -> Tensor:
        features = (self.network.encode(left), self.network.encode(right))
        made: Tensor = self.network(left, right, features, torch.full((1, 1, 1, 1), t, device=self.where))
        return made.to(left.dtype)

    def _frame(self, made: Tensor, like: Frame) -> Frame:
        codes = (made[0] * 255).byte().cpu().numpy().transpose(1, 2, 0)
        return np.asarray(codes[: like.shape[0], : like.shape[1]], np.uint8)

    def clip(self, source: Path, target: Path) -> int:
        """A whole clip, without its sound; the number of its frames."""
        found = describe(source)
        reading: queue.Queue[Frame | None] = queue.Queue(BUFFER)
        writing: queue.Queue[Frame | None] = queue.Queue(BUFFER)
        rate = f"{found.rate.num * self.multi}/{found.rate.den}"
        with Writer(target, (found.size.width, found.size.height), rate, "rgb24") as out:
            threads = [
                threading.Thread(target=_filled, args=(reading, source), daemon=True),
                threading.Thread(target=_drained, args=(writing, out), daemon=True),
            ]
            for thread in threads:
                thread.start()
            for frame in self.frames(_given(reading)):
                writing.put(frame)
            writing.put(None)
            for thread in threads:
                thread.join()
            return out.frames


def _filled(into: "queue.Queue[Frame | None]", source: Path) -> None:
    for frame in read(source, "rgb24"):
        into.put(frame)
    into.put(None)


def _given(waiting: "queue.Queue[Frame | None]") -> Iterator[Frame]:
    while (frame := waiting.get()) is not None:
        yield frame


def _drained(waiting: "queue.Queue[Frame | None]", out: Writer) -> None:
    for frame in _given(waiting):
        out.write(frame)


def _small(picture: Tensor) -> Tensor:
    return functional.interpolate(picture, (SMALL, SMALL), mode="bilinear", align_corners=False)[:, :3]


def ssim(one: Tensor, other: Tensor) -> float:
    """Structural similarity (Wang et al., 2004) of pictures (1, 3, rows, columns) in 0..1, in a Gaussian window over
    rows, columns and colours alike, edges held.
    """
    x, y = (p.float()[:, None] for p in (one, other))
    line = torch.exp(-((torch.arange(WINDOW, device=x.device) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    line = line / line.sum()
    window = (line[:, None, None] * line[:, None] * line)[None, None]

    def mean(values: Tensor) -> Tensor:
        return functional.conv3d(functional.pad(values, (WINDOW // 2,) * 6, mode="replicate"), window)

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mx * my + c1) * (2 * both + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(found.mean())
