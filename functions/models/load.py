"""Modules made without weights and filled from safetensors straight onto their device.

Files are read in chunks by several threads, on a GPU through pinned buffers, so the disk and the bus work at once.
"""

import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from functions.contract.errors import EngineError
from functions.models import tensors
from functions.models.tensors import Stored

M = TypeVar("M", bound=nn.Module)
CHUNK = 16 << 20
"""Bytes that one read asks for."""
THREADS = 8
BATCH = 2 << 30
"""Bytes of stored tensors that are read before they are cast."""
NAMED = 5
"""Keys that a refusal lists at most."""


def load_module(
    build: Callable[[], M],
    files: Sequence[Path],
    device: torch.device | str,
    dtype: torch.dtype | None = None,
    *,
    rename: Callable[[str], str | None] = lambda name: name,
) -> M:
    """`build()` with its parameters and persistent buffers taken from `files`, in eval mode, without gradients.

    Floating point tensors become `dtype` (None: as stored), but those of modules that the class keeps in fp32.
    `rename` gives a stored key its name in the module, None where the module has no use for it.
    Raises `EngineError` for unknown, missing or ill-shaped keys and for files that are not whole.
    """
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        module = build()
    stored = {name: tensor for old, tensor in _index(files).items() if (name := rename(old)) is not None}
    _check_keys(module, stored, files)
    keep = kept(module, dtype)
    state = read(stored, torch.device(device), lambda name: _dtype(name, dtype, keep))
    for target, source in tied(module).items():
        state.setdefault(target, state[source])
    module.load_state_dict(state, strict=True, assign=True)
    if (tie := getattr(module, "tie_weights", None)) is not None:
        tie()
    return module.to(device).eval().requires_grad_(False)


def read(
    stored: Mapping[str, Stored], device: torch.device, dtype: Callable[[str], torch.dtype | None] = lambda _: None
) -> dict[str, torch.Tensor]:
    """The tensors, on `device`; floating point ones cast to `dtype(name)` unless that is None.

    What is cast goes in batches, so that a model stored in fp32 takes no more memory than its own in 16 bits and one.
    """
    found: dict[str, torch.Tensor] = {}
    for batch in _batches(stored, dtype):
        raw = {name: torch.empty(t.shape, dtype=t.dtype, device=device) for name, t in batch.items()}
        _fill([(batch[name], tensor) for name, tensor in raw.items()], device)
        for name in batch:
            tensor, wanted = raw.pop(name), dtype(name)
            found[name] = tensor if wanted is None or not tensor.is_floating_point() else tensor.to(wanted)
    return found


def _batches(
    stored: Mapping[str, Stored], dtype: Callable[[str], torch.dtype | None]
) -> Iterable[Mapping[str, Stored]]:
    """All that stays as it is, then some of the rest at a time."""
    cast = {n: t for n, t in stored.items() if t.dtype.is_floating_point and dtype(n) not in (None, t.dtype)}
    yield {name: tensor for name, tensor in stored.items() if name not in cast}
    batch: dict[str, Stored] = {}
    for name, tensor in cast.items():
        batch[name] = tensor
        if sum(t.nbytes for t in batch.values()) >= BATCH:
            yield batch
            batch = {}
    yield batch


def tied(module: nn.Module) -> dict[str, str]:
    """Keys that a file may leave out, with the key whose tensor they share (transformers' own list)."""
    listed = getattr(module, "_tied_weights_keys", None)
    shared = dict(listed) if isinstance(listed, Mapping) else {}
    config = getattr(module, "config", None)
    return shared if getattr(config, "tie_word_embeddings", True) else {}


def _index(files: Iterable[Path]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for path in files:
        for name, tensor in tensors.index(path).items():
            if name in found:
                raise EngineError(f"{path} and {found[name].path} both hold {name}: give each part once")
            found[name] = tensor
    return found


def _check_keys(module: nn.Module, stored: dict[str, Stored], files: Sequence[Path]) -> None:
    """Drops what the class says is of no use; raises `EngineError` for what does not fit."""
    wanted = module.state_dict()
    for pattern in getattr(module, "_keys_to_ignore_on_load_unexpected", None) or ():
        for name in [name for name in stored if name not in wanted and re.search(pattern, name)]:
            del stored[name]
    where = files[0].parent if files else "no file"
    unknown = sorted(set(stored) - set(wanted))
    missing = sorted(set(wanted) - set(stored) - set(tied(module)))
    wrong = sorted(n for n in stored if n in wanted and stored[n].shape != tuple(wanted[n].shape))
    for what, names in (("unknown", unknown), ("missing", missing), ("of another shape", wrong)):
        if names:
            raise EngineError(
                f"{where}: {len(names)} keys are {what} ({_some(names)}): these weights are not this model's"
            )


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:NAMED]) + (", ..." if len(names) > NAMED else "")


def kept(module: nn.Module, dtype: torch.dtype | None) -> tuple[str, ...]:
    """Parts of names whose weights stay in fp32 when all others become `dtype`: in diffusers' models those that the
    class names; in those of transformers some only where others are fp16, in which they overflow.
    """
    named = tuple(getattr(module, "_keep_in_fp32_modules", None) or ())
    if not hasattr(module, "_keep_in_fp32_modules_strict"):
        return named
    strict = tuple(getattr(module, "_keep_in_fp32_modules_strict", None) or ())
    return (*strict, *(named if dtype == torch.float16 else ()))


def _dtype(name: str, dtype: torch.dtype | None, keep: tuple[str, ...]) -> torch.dtype | None:
    half = dtype in (torch.float16, torch.bfloat16)
    return torch.float32 if half and any(part in keep for part in name.split(".")) else dtype


def _fill(jobs: Sequence[tuple[Stored, torch.Tensor]], device: torch.device) -> None:
    """Read every tensor's bytes into it."""
    pieces = [
        (stored.path, stored.offset + at, flat[at : at + CHUNK])
        for stored, tensor in jobs
        for flat in [tensor.reshape(-1).view(torch.uint8)]
        for at in range(0, stored.nbytes, CHUNK)
    ]
    copy = _through_pinned(device) if device.type == "cuda" else _into
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    handles = {path: os.open(path, os.O_RDONLY) for path in {path for path, _, _ in pieces}}
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="load") as pool:
            list(pool.map(lambda piece: copy(handles[piece[0]], piece[1], piece[2]), pieces))
    finally:
        for handle in handles.values():
            os.close(handle)


def _into(handle: int, offset: int, flat: torch.Tensor) -> None:
    view = memoryview(flat.numpy().data)
    while view:
        got = os.preadv(handle, [view], offset)
        if got == 0:
            raise EngineError("a file of weights ended while it was read: fetch it again")
        view, offset = view[got:], offset + got


def _through_pinned(device: torch.device) -> Callable[[int, int, torch.Tensor], None]:
    """A copier with a pinned buffer and a stream of its own in each thread."""
    own = threading.local()

    def copy(handle: int, offset: int, flat: torch.Tensor) -> None:
        if not hasattr(own, "buffer"):
            own.buffer = torch.empty(CHUNK, dtype=torch.uint8, pin_memory=True)
            own.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        part = own.buffer[: flat.numel()]
        _into(handle, offset, part)
        with torch.cuda.stream(own.stream):
            flat.copy_(part, non_blocking=True)
        own.stream.synchronize()

    return copy
