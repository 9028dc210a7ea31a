"""Packed 4:2:0 pictures to R'G'B' and back, on the device: ITU-R BT.709-6, limited range, chroma at the left.

Packed pictures are uint8 `(n, rows * 3 / 2, columns)`: Y, then Cb, then Cr. R'G'B' is `(n, 3, rows, columns)`, 0..1.
"""

import torch
from torch import Tensor
from torch.nn import functional

KR, KB = 0.2126, 0.0722
"""Weights of red and blue in luma (BT.709-6 section 3.2)."""
KG = 1 - KR - KB


def split(packed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Views of the planes: (n, rows, columns), twice (n, rows / 2, columns / 2)."""
    count, tall, columns = packed.shape
    rows = tall * 2 // 3
    flat = packed.reshape(count, -1)
    whole, quarter, half = rows * columns, rows * columns // 4, (count, rows // 2, columns // 2)
    blue, red = flat[:, whole : whole + quarter], flat[:, whole + quarter :]
    return flat[:, :whole].view(count, rows, columns), blue.reshape(half), red.reshape(half)


def to_rgb(packed: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """R'G'B' of packed pictures, clipped to 0..1."""
    luma, blue, red = (plane.float() for plane in split(packed))
    y = (luma - 16) / 219
    cb, cr = (_wide((plane - 128) / 224) for plane in (blue, red))
    r = y + 2 * (1 - KR) * cr
    b = y + 2 * (1 - KB) * cb
    g = (y - KR * r - KB * b) / KG
    return torch.stack([r, g, b], dim=1).clamp(0, 1).to(dtype)


def to_packed(rgb: Tensor) -> Tensor:
    """Packed pictures of R'G'B' whose rows and columns are even."""
    r, g, b = rgb.float().clamp(0, 1).unbind(1)
    y = KR * r + KG * g + KB * b
    luma = y * 219 + 16
    blue, red = ((c - y) / (2 * (1 - k)) * 224 + 128 for c, k in ((b, KB), (r, KR)))
    planes = [luma, _narrow(blue), _narrow(red)]
    return torch.cat([_codes(p).flatten(1) for p in planes], dim=1).view(len(rgb), -1, rgb.shape[3])


def _codes(plane: Tensor) -> Tensor:
    return plane.round().clamp(0, 255).to(torch.uint8)


def _wide(plane: Tensor) -> Tensor:
    """(n, h, w) chroma at every pixel, linearly: columns at the left of their pair, rows between theirs."""
    count, rows, columns = plane.shape
    right = torch.cat([plane[:, :, 1:], plane[:, :, -1:]], dim=2)
    wide = torch.stack([plane, (plane + right) / 2], dim=3).view(count, rows, 2 * columns)
    above = torch.cat([wide[:, :1], wide[:, :-1]], dim=1)
    below = torch.cat([wide[:, 1:], wide[:, -1:]], dim=1)
    tall = torch.stack([0.75 * wide + 0.25 * above, 0.75 * wide + 0.25 * below], dim=2)
    return tall.view(count, 2 * rows, 2 * columns)


def _narrow(plane: Tensor) -> Tensor:
    """(n, 2h, 2w) chroma at its places: two rows averaged, columns by 1-2-1 about the left one of a pair."""
    padded = functional.pad(plane[:, None], (1, 0, 0, 0), mode="replicate")[:, 0]
    columns = (padded[:, :, 0:-1:2] + 2 * padded[:, :, 1::2] + padded[:, :, 2::2]) / 4
    return (columns[:, 0::2] + columns[:, 1::2]) / 2
