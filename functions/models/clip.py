"""A clip written while the rest is still being decoded: its pictures made 4:2:0 on the device, brought over and encoded
in groups beside each other, none of which the model waits for.
"""

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

import av
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from functions.contract.base import Size
from functions.contract.errors import EngineError
from functions.contract.params import Motion
from functions.media import writer
from functions.media.encoders import Encoder
from functions.media.frames import Packed, packed
from functions.media.picture import Rectangle, fitted
from functions.media.truth import Stillness
from functions.models.colour import to_packed
from functions.models.video import Pixels, cover
from functions.runtime.engine import Job

QUEUED = 8
"""Pieces that may wait for the encoders; decoding waits when there are more, so memory stays bounded."""
PIECE = 16
"""Frames that are converted at a time."""


class Piece(NamedTuple):
    """Frames on their way from the device: as they are encoded where `whole`, else R'G'B'; and the last in R'G'B'."""

    frames: Tensor
    whole: bool
    last: Tensor
    arrived: torch.cuda.Event | None


class ClipWriter:
    """Encodes a job's `clip.mp4` in threads of its own while its frames are still being made; a context manager.

    Takes frames until the clip has exactly as many as were asked, drops what is over, and holds the last one where
    there are too few. Writes `last.png` where the job asks for it. `waited` is how long leaving took, in seconds.
    """

    def __init__(self, job: Job, params: Motion) -> None:
        self._job, self._params = job, params
        self._queue: queue.Queue[Piece | None] = queue.Queue(QUEUED)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="clip-writer")
        self._abandoned = threading.Event()
        self._left = params.frames
        self.waited = 0.0

    def __enter__(self) -> Self:
        self._encoding = self._pool.submit(self._encode)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        begun = time.monotonic()
        if kind is not None:
            self._abandoned.set()
        self._put(None)
        self._pool.shutdown(wait=True)
        self.waited = time.monotonic() - begun
        if kind is None:
            self._encoding.result()

    def write(self, frames: Tensor) -> None:
        """Append uint8 frames (frames, rows, columns, 3) from any device. Raises what encoding earlier ones raised."""
        wanted = frames[: self._left]
        for part in torch.split(wanted, PIECE) if len(wanted) else ():
            self._left -= len(part)
            if not self._put(self._piece(part)):
                self._encoding.result()

    def _piece(self, frames: Tensor) -> Piece:
        whole = frames.shape[1:3] == (self._params.size.height, self._params.size.width)
        sent = to_packed(frames.permute(0, 3, 1, 2) / 255) if whole else frames
        own, last = _over(sent), _over(frames[-1])
        return Piece(own, whole, last, torch.cuda.current_stream().record_event() if frames.is_cuda else None)

    def _put(self, item: Piece | None) -> bool:
        """Queue an item; whether there is still somebody to take it."""
        while not self._encoding.done():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _encode(self) -> None:
        params, last, stillness = self._params, None, Stillness()
        path, encoder = self._job.output("clip.mp4"), Encoder("libx264", params.tier)
        with writer.ClipWriter(path, params.size, params.rate, params.frames, encoder, None) as out:
            for piece in self._pieces():
                for picture in self._pictures(piece):
                    stillness.see(picture)
                    out.write(picture)
                last = piece.last.numpy()
            while last is not None and out.frames < params.frames:
                out.write(picture)
        stillness.check(params, path.name)
        if last is not None and "last.png" in self._job.output_names:
            whole, _ = cover(Image.fromarray(last), params.size)
            Image.fromarray(whole).save(self._job.output("last.png"), compress_level=1)

    def _pieces(self) -> Iterator[Piece]:
        while (piece := self._queue.get()) is not None:
            if piece.arrived is not None:
                piece.arrived.synchronize()
            yield piece
        if self._abandoned.is_set():
            raise EngineError("the clip was given up; submit the step again")

    def _pictures(self, piece: Piece) -> Iterator[Packed]:
        for frame in piece.frames.numpy():
            yield frame if piece.whole else packed(frame_of(frame, self._params.size))


def _over(frames: Tensor) -> Tensor:
    """Frames copied to main memory; on a GPU they are there when what was asked of it so far is done."""
    if not frames.is_cuda:
        return frames.clone()
    return torch.empty(frames.shape, dtype=frames.dtype, pin_memory=True).copy_(frames, non_blocking=True)


def frame_of(picture: Pixels, size: Size) -> av.VideoFrame:
    """A picture as a yuv420p BT.709 frame of exactly `size`: cropped about its centre to that aspect, then scaled."""
    rows, columns = picture.shape[:2]
    width = min(columns, round(rows * size.width / size.height / 2) * 2)
    height = min(rows, round(columns * size.height / size.width / 2) * 2)
    top, left = (rows - height) // 2, (columns - width) // 2
    part = np.ascontiguousarray(picture[top : top + height, left : left + width])
    return fitted(av.VideoFrame.from_ndarray(part, "rgb24"), size, Rectangle(0, 0, size.width, size.height))


def write_clip(job: Job, params: Motion, chunks: Iterable[Tensor], total: int) -> float:
    """Write chunks (uint8 frames) as they are decoded, reporting each of `total`; seconds that encoding took longer."""
    with ClipWriter(job, params) as clip:
        for number, chunk in enumerate(chunks):
            clip.write(chunk)
            job.progress("decode", number + 1, total)
    return clip.waited
