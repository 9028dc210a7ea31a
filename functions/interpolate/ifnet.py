"""IFNet as RIFE 4.26 has it: motion estimated from coarse to fine, straight to the moment that is wanted.

Layout of the published network (Practical-RIFE, MIT): features of each picture; five blocks at 1/16, 1/8, 1/4, 1/2 and
1 of its size, each refining flow, mask and eight features of its own from what the last one left; both pictures warped
by the last flow and mixed by the last mask (RIFE: Huang et al., ECCV 2022). Pictures are (n, 3, rows, columns), 0..1,
sides multiples of `MULTIPLE`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALES = (16, 8, 4, 2, 1)
WIDTHS = (192, 128, 96, 64, 32)
FEATURES, CARRIED = 4, 8
"""Channels that describe a picture, and that one block hands to the next."""
FLOW, MASK = 4, 1
DEPTH = 8
"""Residual convolutions of a block."""
MULTIPLE = 64
"""What sides are multiples of: the coarsest scale times the stride of a block's first layers."""
SLOPE = 0.2
TRAINING = ("teacher.", "caltime.")
"""Parts of the published file that only training uses."""


def _convolution(narrow: int, wide: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(narrow, wide, 3, stride, 1), nn.LeakyReLU(SLOPE))


class Describer(nn.Module):
    """Features of a picture, at its own size."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn0, self.cnn1, self.cnn2 = (
            nn.Conv2d(3, 16, 3, 2, 1),
            nn.Conv2d(16, 16, 3, 1, 1),
            nn.Conv2d(16, 16, 3, 1, 1),
        )
        self.cnn3 = nn.ConvTranspose2d(16, FEATURES, 4, 2, 1)
        self.relu = nn.LeakyReLU(SLOPE)

    def forward(self, picture: Tensor) -> Tensor:
        """(n, 3, h, w) as (n, `FEATURES`, h, w)."""
        found = picture
        for layer in (self.cnn0, self.cnn1, self.cnn2):
            found = self.relu(layer(found))
        made: Tensor = self.cnn3(found)
        return made


class Residual(nn.Module):
    """A convolution added, weighted by channel, to what it was made of."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, 1, 1)
        self.beta = nn.Parameter(torch.ones(1, width, 1, 1))
        self.relu = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        made: Tensor = self.relu(self.conv(x) * self.beta + x)
        return made


class Block(nn.Module):
    """One refinement, at one scale."""

    def __init__(self, narrow: int, width: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_convolution(narrow, width // 2, 2), _convolution(width // 2, width, 2))
        self.convblock = nn.Sequential(*(Residual(width) for _ in range(DEPTH)))
        last = nn.ConvTranspose2d(width, 4 * (FLOW + MASK + CARRIED), 4, 2, 1)
        self.lastconv = nn.Sequential(last, nn.PixelShuffle(2))

    def forward(self, known: Tensor, flow: Tensor | None, scale: int) -> tuple[Tensor, Tensor, Tensor]:
        """(change of flow in pixels, mask before its sigmoid, features) at the size of `known`."""
        x = _scaled(known, 1 / scale)
        if flow is not None:
            x = torch.cat([x, (_scaled(flow, 1 / scale) / scale).to(x.dtype)], dim=1)
        made = _scaled(self.lastconv(self.convblock(self.conv0(x))), scale)
        return made[:, :FLOW].float() * scale, made[:, FLOW : FLOW + MASK], made[:, FLOW + MASK :]


class IFNet(nn.Module):
    """See the module's text."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.encode = Describer()
        first = 2 * (3 + FEATURES) + 1
        for number, width in enumerate(widths):
            later = first + MASK + CARRIED + FLOW if number else first
            setattr(self, f"block{number}", Block(later, width))

    def forward(self, left: Tensor, right: Tensor, features: tuple[Tensor, Tensor], t: Tensor) -> Tensor:
        """Pictures `t` (n, 1, 1, 1) of the way from `left` to `right`, in fp32; `features` are `encode` of both.

        Flow and warping stay in fp32: in 16 bits a coordinate of a 1080p picture is off by up to half a pixel.
        """
        dtype = features[0].dtype
        when = t.to(dtype).expand(-1, 1, *left.shape[2:])
        known = torch.cat([left.to(dtype), right.to(dtype), *features, when], dim=1)
        flow, mask, carried = self._block(0)(known, None, SCALES[0])
        for number, scale in enumerate(SCALES[1:], 1):
            seen = [warped(part, flow[:, at : at + 2]) for part, at in ((left, 0), (right, 2))]
            told = [warped(part, flow[:, at : at + 2]).to(dtype) for part, at in zip(features, (0, 2), strict=True)]
            known = torch.cat([*(part.to(dtype) for part in seen), *told, when, mask, carried], dim=1)
            change, mask, carried = self._block(number)(known, flow, scale)
            flow = flow + change
        share = torch.sigmoid(mask.float())
        return warped(left, flow[:, :2]) * share + warped(right, flow[:, 2:4]) * (1 - share)

    def _block(self, number: int) -> Block:
        block = getattr(self, f"block{number}")
        assert isinstance(block, Block)  # noqa: S101 (for the type checker)
        return block


def warped(picture: Tensor, flow: Tensor) -> Tensor:
    """The picture seen through a backward flow (n, 2, h, w; columns, rows) in pixels, fp32; borders are held."""
    rows, columns = picture.shape[2:]
    y = torch.arange(rows, device=flow.device, dtype=torch.float32)[:, None] + flow[:, 1]
    x = torch.arange(columns, device=flow.device, dtype=torch.float32)[None] + flow[:, 0]
    grid = torch.stack([x * (2 / (columns - 1)) - 1, y * (2 / (rows - 1)) - 1], dim=3)
    return functional.grid_sample(picture.float(), grid, mode="bilinear", padding_mode="border", align_corners=True)


def _scaled(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def published_name(stored: str) -> str | None:
    """Where a key of the published file belongs; None for what only training uses."""
    name = stored.removeprefix("module.")
    return None if name.startswith(TRAINING) else name
