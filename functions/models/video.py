"""What every engine shares that moves a keyframe: which frames and pixels its model makes for what was asked, and the
keyframe as the model gets it.

Pictures of a model are tensors (channels, rows, columns) or (channels, frames, rows, columns), R'G'B' in -1..1; what
leaves the device is uint8 (frames, rows, columns, 3).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from functions.contract.base import Size
from functions.contract.errors import InputError
from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.media.stills import read_still
from functions.runtime.engine import Job

CROPPED = 0.02
"""Share of the keyframe's longer side whose loss to the crop is said in the notes."""

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
