"""What every engine shares that moves a keyframe: which frames and pixels its model makes for what was asked, the
keyframe as the model gets it, and the clip written while the rest is still being decoded.

Pictures of a model are tensors (channels, rows, columns) or (channels, frames, rows, columns), R'G'B' in -1..1; what
leaves the device is uint8 (frames, rows, columns, 3).
"""

import math
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from functions.contract.base import HANDLE_SECONDS, Size
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.media.encode import CLIP_GROUP_SECONDS, VideoEncoder
from functions.media.picture import Rectangle, fitted
from functions.media.stills import read_still
from functions.runtime.engine import Job

CROPPED = 0.02
"""Share of the keyframe's longer side whose loss to the crop is said in the notes."""
QUEUED = 3
"""Chunks that may wait for the encoder; decoding waits when there are more, so memory stays bounded."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Canvas:
    """What a model makes: `size` and `frames` lie on its grid, `asked` and `wanted` are the person's choice."""

    size: Size
    frames: int
    asked: Size
    wanted: int

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was snapped, with the person's choice in `value`."""
        found = []
        if self.size != self.asked:
            chosen = f"{self.asked.width}x{self.asked.height}"
            made = f"{self.size.width}x{self.size.height}"
            found.append(
                Note(code="size_snapped", detail=f"made at {made} and scaled to the {chosen} asked", value=chosen)
            )
        if self.frames != self.wanted:
            detail = f"{self.frames} frames were made, the first {self.wanted} kept"
            found.append(Note(code="frames_snapped", detail=detail, value=float(self.wanted)))
        return tuple(found)


def canvas(params: Motion, manifest: EngineManifest) -> Canvas:
    """The model's size and length for what is asked. Raises `InputError` for a length or rate that it cannot make.

    The size is that of the manifest whose aspect ratio is nearest, and of those the one nearest in area; where the
    manifest names none, the nearest multiple of `size_multiple`.
    """
    if manifest.rates and all(r.num * params.rate.den != params.rate.num * r.den for r in manifest.rates):
        known = ", ".join(f"{r.num / r.den:g}" for r in manifest.rates)
        asked = f"{params.rate.num / params.rate.den:g}"
        raise InputError(f"{manifest.title} makes {known} frames a second, not {asked}; plan the clip at its own rate")
    try:
        frames = manifest.durations.round_up(params.frames)
    except ValueError as error:
        raise InputError(f"{manifest.title}: {error}; split the shot or choose another engine") from error
    if params.frames < manifest.durations.shortest == manifest.durations.longest:
        raise InputError(
            f"{manifest.title} makes clips of exactly {frames} frames, not {params.frames}: others come out as noise; "
            f"ask for {frames}"
        )
    return Canvas(_nearest(params.size, manifest), frames, params.size, params.frames)


def _nearest(asked: Size, manifest: EngineManifest) -> Size:
    if asked in manifest.sizes:
        return asked
    if not manifest.sizes:
        step = manifest.size_multiple
        return Size(width=_multiple(asked.width, step), height=_multiple(asked.height, step))
    return min(manifest.sizes, key=lambda size: (round(_distance(size, asked), 2), _area_ratio(size, asked)))


def _multiple(side: int, step: int) -> int:
    return max(step, (side + step // 2) // step * step)


def _distance(one: Size, other: Size) -> float:
    return abs(math.log(one.width * other.height / (one.height * other.width)))


def _area_ratio(one: Size, other: Size) -> float:
    return abs(math.log(one.width * one.height / (other.width * other.height)))


@dataclass(frozen=True)
class Keyframes:
    """The first picture of a clip, and the last where one was given, each (rows, columns, 3) at the canvas' size."""

    first: Pixels
    last: Pixels | None
    notes: tuple[Note, ...] = ()


def keyframes(job: Job, made: Canvas) -> Keyframes:
    """The job's `image` and `end_image`, each scaled to cover the canvas and cropped to it about the centre.

    Raises `InputError` where there is no `image`, or one that cannot be read.
    """
    if "image" not in job.inputs:
        raise InputError("motion needs input 'image' (the keyframe) and has none; render the keyframe first")
    found, notes = {}, []
    for name in ("image", "end_image"):
        if name in job.inputs:
            found[name], lost = cover(read_still(job.inputs[name], name).picture, made.size)
            if lost > CROPPED:
                detail = (
                    f"{lost:.0%} of the longer side of '{name}' was cropped to fit {made.size.width}x{made.size.height}"
                )
                notes.append(Note(code="keyframe_cropped", detail=detail, value=round(lost, 3)))
    return Keyframes(found["image"], found.get("end_image"), tuple(notes))


def cover(picture: Image.Image, size: Size) -> tuple[Pixels, float]:
    """The picture scaled (Lanczos) to cover `size`, cropped about its centre, and the share of a side that was lost."""
    scale = max(size.width / picture.width, size.height / picture.height)
    lost = 1 - min(size.width / (picture.width * scale), size.height / (picture.height * scale))
    fit = ImageOps.fit(picture, (size.width, size.height), Image.Resampling.LANCZOS)
    return np.asarray(fit), lost


def to_model(picture: Pixels) -> torch.Tensor:
    """(rows, columns, 3) codes as fp32 (1, 3, rows, columns) in -1..1."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def to_pixels(video: torch.Tensor) -> torch.Tensor:
    """(1, 3, frames, rows, columns) in -1..1 as uint8 (frames, rows, columns, 3), on the same device."""
    codes = video[0].float().add(1).mul(127.5).round_().clamp_(0, 255)
    return codes.to(torch.uint8).permute(1, 2, 3, 0).contiguous()


class ClipWriter:
    """Encodes a job's `clip.mp4` in a thread of its own while its frames are still being made; a context manager.

    Takes frames until the clip has exactly as many as were asked, drops what is over, and holds the last one where
    there are too few. Writes `last.png` where the job asks for it. `waited` is how long leaving took, in seconds.
    """

    def __init__(self, job: Job, params: Motion) -> None:
        self._job, self._params = job, params
        self._queue: queue.Queue[tuple[torch.Tensor, torch.cuda.Event | None] | None] = queue.Queue(QUEUED)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="clip-writer")
        self._abandoned = threading.Event()
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

    def write(self, frames: torch.Tensor) -> None:
        """Append uint8 frames (frames, rows, columns, 3) from any device. Raises what encoding earlier ones raised."""
        copied = None
        if frames.is_cuda:
            host = torch.empty(frames.shape, dtype=frames.dtype, pin_memory=True)
            frames = host.copy_(frames, non_blocking=True)
            copied = torch.cuda.current_stream().record_event()
        if not self._put((frames, copied)):
            self._encoding.result()

    def _put(self, item: tuple[torch.Tensor, torch.cuda.Event | None] | None) -> bool:
        """Queue an item; whether there is still somebody to take it."""
        while not self._encoding.done():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _encode(self) -> None:
        params, rate = self._params, self._params.rate
        handle = params.frames - round(HANDLE_SECONDS * rate.num / rate.den)
        path, picture = self._job.output("clip.mp4"), None
        with VideoEncoder(path, params.size, rate, params.tier, group=CLIP_GROUP_SECONDS) as encoder:
            for picture in self._wanted():
                encoder.write(frame_of(picture, params.size), alone=encoder.frames == handle)
        if picture is not None and "last.png" in self._job.output_names:
            whole, _ = cover(Image.fromarray(picture), params.size)
            Image.fromarray(whole).save(self._job.output("last.png"), compress_level=1)

    def _wanted(self) -> Iterator[Pixels]:
        left, last = self._params.frames, None
        while (item := self._queue.get()) is not None and not self._abandoned.is_set():
            frames, copied = item
            if copied is not None:
                copied.synchronize()
            for last in frames.numpy()[:left]:
                left -= 1
                yield last
        while left and last is not None and not self._abandoned.is_set():
            left -= 1
            yield last


def frame_of(picture: Pixels, size: Size) -> av.VideoFrame:
    """A picture as a yuv420p BT.709 frame of exactly `size`: cropped about its centre to that aspect, then scaled."""
    rows, columns = picture.shape[:2]
    width = min(columns, round(rows * size.width / size.height / 2) * 2)
    height = min(rows, round(columns * size.height / size.width / 2) * 2)
    top, left = (rows - height) // 2, (columns - width) // 2
    part = np.ascontiguousarray(picture[top : top + height, left : left + width])
    return fitted(av.VideoFrame.from_ndarray(part, "rgb24"), size, Rectangle(0, 0, size.width, size.height))


def write_clip(job: Job, params: Motion, chunks: Iterable[torch.Tensor], total: int) -> float:
    """Write chunks (uint8 frames) as they are decoded, reporting each of `total`; seconds that encoding took longer."""
    with ClipWriter(job, params) as writer:
        for number, chunk in enumerate(chunks):
            writer.write(chunk)
            job.progress("decode", number + 1, total)
    return writer.waited
