"""Weights of other formats made into safetensors, once, when they are baked or downloaded.

`python -m functions.models.convert SOURCE TARGET [--dtype bf16] [--keep NAME ...]` prints what the lock holds of it:
the digest of the source, the version of this converter, digest and size of the result. `archive.zip!member` names a
member of an archive.

A pickle from outside is a program. It is read by torch's restricted unpickler (`weights_only`), in a process of its own
that has no network and may start nothing: even a hole in that unpickler finds no way out of it.
"""

import argparse
import ctypes
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save_file
from torch import Tensor

from functions.contract.errors import EngineError

VERSION = 1
"""Rises when the same source gives another result."""
PICKLES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
WRAPPINGS = ("params_ema", "params", "state_dict", "module", "model", "generator")
"""Keys under which trainers put the weights, the preferred first."""
PREFIXES = ("module.", "_orig_mod.")
"""What data-parallel training and compilation put before every name."""
LARGEST = 64 << 30
"""Bytes of a member of an archive, at most."""
FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "ctypes.dlopen")
"""Audit events (by their beginning) that end the converting process."""
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
TIMEOUT_S = 3600


def convert(source: str, target: Path, *, dtype: str = "", keep: Sequence[str] = ()) -> dict[str, str | int]:
    """Write `target`; what the lock holds of it. `dtype` `bf16` recasts floating point tensors but those whose name
    holds one of `keep`.

    Raises `EngineError` for a source that is missing, holds more than tensors or cannot be read.
    """
    argv = [sys.executable, "-m", "functions.models.convert", "--alone", source, str(target)]
    argv += ["--dtype", dtype, *(f"--keep={name}" for name in keep)]
    part = target.with_name(f"{target.name}.part")
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise EngineError(f"{source} was not converted in {TIMEOUT_S} s: is its disk alive?") from None
    if done.returncode or not part.is_file():
        part.unlink(missing_ok=True)
        said = done.stderr.strip().splitlines()[-1:] or [f"the process ended with {done.returncode}"]
        raise EngineError(f"{source} was not converted: {said[0]}; fetch it again, or do not use it")
    part.replace(target)
    told: dict[str, str | int] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m functions.models.convert")
    parser.add_argument("source")
    parser.add_argument("target", type=Path)
    parser.add_argument("--dtype", default="", choices=["", "bf16"])
    parser.add_argument("--keep", action="append", default=[])
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        print(json.dumps(_alone(asked.source, asked.target, asked.dtype, asked.keep)))
        return
    try:
        print(json.dumps(convert(asked.source, asked.target, dtype=asked.dtype, keep=asked.keep)))
    except EngineError as error:
        raise SystemExit(str(error)) from None


def _alone(source: str, target: Path, dtype: str, keep: Sequence[str]) -> dict[str, str | int]:
    """Convert in this process, after it has given up what it does not need."""
    _leave_network()
    data = _bytes(source)
    pickled = Path(source.rpartition("!")[2]).suffix in PICKLES
    sys.addaudithook(_refuse)
    state = recast(state_of(data, pickled=pickled), keep) if dtype == "bf16" else state_of(data, pickled=pickled)
    part = target.with_name(f"{target.name}.part")
    digest = hashlib.sha256(data).hexdigest()
    # One key: the library writes several in an order of its own.
    save_file({name: t.contiguous().clone() for name, t in state.items()}, part, {"source": f"{digest}/{VERSION}"})
    with part.open("rb") as made:
        sha = hashlib.file_digest(made, "sha256").hexdigest()
    size = part.stat().st_size
    return {"source_sha256": digest, "converter": VERSION, "path": target.name, "sha256": sha, "size": size}


def state_of(data: bytes, *, pickled: bool) -> dict[str, Tensor]:
    """The weights that a checkpoint holds. Raises what the restricted unpickler does for all that is no tensor."""
    held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True) if pickled else load(data)
    return tensors_of(held)


def recast(state: Mapping[str, Tensor], keep: Sequence[str]) -> dict[str, Tensor]:
    """Floating point tensors in bf16, but those whose name holds one of `keep`."""
    return {
        name: tensor.bfloat16() if tensor.is_floating_point() and not any(part in name for part in keep) else tensor
        for name, tensor in state.items()
    }


def tensors_of(held: Any) -> dict[str, Tensor]:
    """The weights of a checkpoint by name, out of the wrappings and prefixes that trainers add.

    Raises `ValueError` where there are none.
    """
    while isinstance(held, Mapping) and (found := next((key for key in WRAPPINGS if key in held), None)):
        held = held[found]
    if not isinstance(held, Mapping):
        raise ValueError(f"a {type(held).__name__} where weights were expected")
    state = {str(name): tensor for name, tensor in held.items() if isinstance(tensor, torch.Tensor)}
    if not state:
        raise ValueError("no tensors")
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _bytes(source: str, largest: int = LARGEST) -> bytes:
    path, _, member = source.partition("!")
    if not member:
        return Path(path).read_bytes()
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(member).file_size > largest:
            raise ValueError(f"{member} is larger than {largest} bytes")
        return archive.read(member)


def _leave_network() -> None:
    """Move to an empty network namespace where the kernel lets us."""
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    del arguments
    if event.startswith(FORBIDDEN):
        os.write(2, f"the file tried {event}\n".encode())
        os._exit(3)


if __name__ == "__main__":
    main()
