"""Real-ESRGAN's loop over a video, written anew from what its script `inference_realesrgan_video` is known to do.

ffmpeg gives B'G'R' frames; each is made a float tensor of its own, goes through the network (half precision on a GPU
unless it is told otherwise, no tiles unless asked for), comes back to the CPU as floats, is clamped, rounded and turned
to B'G'R' again, and is written before the next is read. A network of factor 2 wants even sides, mirrored where odd.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from spandrel import ImageModelDescriptor, ModelLoader
from torch import nn
from torch.nn import functional

from functions.media.source import describe
from tests.servers.upstream.video import Frame, Writer, read


class Loop:
    """One network, as the script holds it: no memory format, no compilation."""

    def __init__(self, weights: Path, where: torch.device, *, half: bool) -> None:
        found = ModelLoader(device="cpu").load_from_state_dict(dict(load_file(weights)))
        assert isinstance(found, ImageModelDescriptor)
        self.module: nn.Module = found.model.eval().to(where, torch.float16 if half else torch.float32)
        self.scale, self.where, self.half = found.scale, where, half

    @torch.no_grad()
    def enlarge(self, frame: Frame, factor: float | None = None) -> Frame:
        """One B'G'R' frame, enlarged by the network's own factor and, for another one, scaled on the CPU."""
        rgb = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_BGR2RGB)
        given = torch.from_numpy(np.transpose(rgb, (2, 0, 1))).float()[None].to(self.where)
        given = given.half() if self.half else given
        rows, columns = frame.shape[:2]
        if self.scale == 2:
            given = functional.pad(given, (0, columns % 2, 0, rows % 2), "reflect")
        made = self.module(given)[:, :, : rows * self.scale, : columns * self.scale]
        values = made.squeeze().float().cpu().clamp_(0, 1).numpy()
        codes = (np.transpose(values[[2, 1, 0]], (1, 2, 0)) * 255).round().astype(np.uint8)
        if factor is None or factor == self.scale:
            return codes
        wanted = (int(columns * factor), int(rows * factor))
        return np.asarray(cv2.resize(codes, wanted, interpolation=cv2.INTER_LANCZOS4), np.uint8)

    def frames(self, given: Iterable[Frame]) -> Iterator[Frame]:
        """Frame by frame; on a GPU each is waited for."""
        for frame in given:
            made = self.enlarge(frame)
            if self.where.type == "cuda":
                torch.cuda.synchronize()
            yield made

    def clip(self, source: Path, target: Path) -> int:
        """A whole clip, without its sound; the number of its frames."""
        found = describe(source)
        size = (found.size.width * self.scale, found.size.height * self.scale)
        with Writer(target, size, f"{found.rate.num}/{found.rate.den}", "bgr24") as out:
            for made in self.frames(read(source, "bgr24")):
                out.write(made)
            return out.frames
