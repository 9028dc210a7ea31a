"""The safetensors format, read where it lies: which tensors a file holds, and at which bytes.

Format: eight bytes of header length (little endian), a JSON header, then the tensors' bytes without gaps
(https://huggingface.co/docs/safetensors). The header of a file from outside is believed only after it was checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, Field, TypeAdapter

from functions.contract.errors import EngineError

LONGEST = 100_000_000
"""Bytes of a header at most, as in the reference implementation."""
METADATA = "__metadata__"
DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
Natural = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Stored:
    """One tensor of a file: `nbytes` bytes from `offset`."""

    path: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int
    nbytes: int


class _Entry(BaseModel):
    dtype: str
    shape: tuple[Natural, ...]
    data_offsets: tuple[Natural, Natural]


_ENTRIES = TypeAdapter(dict[str, _Entry])
_HEADER = TypeAdapter(dict[str, Any])
_METADATA = TypeAdapter(dict[str, str])


def index(path: Path) -> dict[str, Stored]:
    """Tensors of a file by name. Raises `EngineError` for one that is not whole or not of this format."""
    try:
        header, start = _header(path)
        header.pop(METADATA, None)
        found = {name: _stored(path, entry, start) for name, entry in _ENTRIES.validate_python(header).items()}
        _check_layout(found, start, path.stat().st_size)
    except (OSError, ValueError, KeyError) as error:
        raise EngineError(f"{path} is not a whole safetensors file ({error}): fetch it again") from error
    return found


def metadata(path: Path) -> dict[str, str]:
    """What the file's maker wrote beside the tensors. Raises `EngineError`."""
    try:
        return _METADATA.validate_python(_header(path)[0].get(METADATA, {}))
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} is not a whole safetensors file ({error}): fetch it again") from error


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """(the header, the byte at which tensors begin)."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST, path.stat().st_size - 8):
            raise ValueError(f"a header of {length} bytes")
        return _HEADER.validate_json(file.read(length)), 8 + length


def _stored(path: Path, entry: _Entry, start: int) -> Stored:
    dtype = DTYPES[entry.dtype]
    begin, end = entry.data_offsets
    nbytes = prod(entry.shape) * dtype.itemsize
    if end - begin != nbytes:
        raise ValueError(f"{end - begin} bytes for a tensor of {nbytes}")
    return Stored(path, dtype, entry.shape, start + begin, nbytes)


def _check_layout(found: Mapping[str, Stored], start: int, size: int) -> None:
    at = start
    for tensor in sorted(found.values(), key=lambda t: (t.offset, t.nbytes)):
        if tensor.offset != at:
            raise ValueError(f"a gap or overlap at byte {at}")
        at += tensor.nbytes
    if at != size:
        raise ValueError(f"{size} bytes where its header says {at}")
