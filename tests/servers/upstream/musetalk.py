"""MuseTalk's loop over a clip, written anew from what its script `inference` is known to do.

All frames go to PNG files first; a face is found in each; each face is scaled to 256 pixels by Lanczos and described
by two passes of the autoencoder of its own, from which latents are drawn at random. Faces are then made 8 at a time and
kept; at last each is scaled to its place, mixed in by its code values through the blurred mask, and written to a PNG
file, and ffmpeg encodes the files at crf 18. The face networks (DWPose, BiSeNet) are those of whoever calls.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from functions.lipsync.networks import SIDE
from functions.lipsync.patch import Framed
from tests.servers.media import ffmpeg
from tests.servers.upstream.video import Frame, read

BATCH = 8


@dataclass(frozen=True)
class Loop:
    """The networks; what is heard at a frame, (rows, width); where the face of a B'G'R' frame is. `drawn` says that
    latents are drawn as the script does, else they are the most likely ones.
    """

    unet: Any
    vae: Any
    where: torch.device
    hear: Callable[[int], Tensor]
    find: Callable[[Frame], Framed]
    drawn: bool = True

    @torch.no_grad()
    def frames(self, given: Sequence[Frame]) -> Iterator[Frame]:
        """B'G'R' frames with the mouths moved, stage by stage."""
        found = [self.find(frame) for frame in given]
        latents = [self.latents(frame, face) for frame, face in zip(given, found, strict=True)]
        made: list[Frame] = []
        for first in range(0, len(given), BATCH):
            heard = torch.stack([self.hear(n) for n in range(first, min(first + BATCH, len(given)))])
            made += self.spoken(torch.cat(latents[first : first + BATCH]), heard)
        for frame, face, new in zip(given, found, made, strict=True):
            yield pasted(frame, face, new)

    def latents(self, frame: Frame, face: Framed) -> Tensor:
        """(1, 8, 32, 32): the face with its lower half hidden, and whole."""
        box = face.box
        crop = frame[box.top : box.bottom, box.left : box.right]
        small = cv2.cvtColor(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_LANCZOS4), cv2.COLOR_BGR2RGB)
        whole = torch.from_numpy(np.transpose(small, (2, 0, 1)) / np.float32(255)).to(self.where)[None]
        hidden = whole * (torch.arange(SIDE, device=self.where) < SIDE // 2)[None, None, :, None]
        return torch.cat([self._latent(hidden), self._latent(whole)], dim=1)

    def _latent(self, picture: Tensor) -> Tensor:
        likely = self.vae.encode((picture * 2 - 1).to(self.vae.dtype)).latent_dist
        found: Tensor = likely.sample() if self.drawn else likely.mode()
        scale: float = self.vae.config.scaling_factor
        return found * scale

    def spoken(self, latents: Tensor, heard: Tensor) -> list[Frame]:
        """B'G'R' faces of 256 pixels."""
        time = torch.tensor([0], device=self.where)
        made = self.unet(latents, time, encoder_hidden_states=heard.to(latents.dtype)).sample
        picture = self.vae.decode(made / self.vae.config.scaling_factor).sample
        codes = (picture / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy() * 255
        return list(np.asarray(codes.round(), np.uint8)[..., ::-1])

    def clip(self, source: Path, folder: Path) -> None:
        """A whole clip through PNG files in `folder`, without its sound: `x.mp4`."""
        before, after = folder / "before", folder / "after"
        for part in (before, after):
            part.mkdir(parents=True)
        for number, frame in enumerate(read(source, "bgr24")):
            cv2.imwrite(str(before / f"{number:08d}.png"), frame)
        given = [np.asarray(cv2.imread(str(path)), np.uint8) for path in sorted(before.glob("*.png"))]
        for number, frame in enumerate(self.frames(given)):
            cv2.imwrite(str(after / f"{number:08d}.png"), frame)
        files = ("-r", "25", "-i", after / "%08d.png")
        ffmpeg(*files, "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", folder / "x.mp4")


def pasted(frame: Frame, face: Framed, made: Frame) -> Frame:
    """A face in its place, its code values mixed through the mask in 8 bits."""
    box, mask = face.box, np.round(face.mask * 255)[..., None] / 255
    new = cv2.resize(made, (box.width, box.height))
    whole = frame.copy()
    part = whole[box.top : box.bottom, box.left : box.right]
    part[:] = np.round(new * mask + part * (1 - mask))
    return whole
