"""The converter: what it keeps, and hostile pickles."""

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from functions.contract.errors import EngineError
from functions.models.convert import VERSION, _bytes, convert, state_of, tensors_of

STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.ones(2), "steps": torch.tensor(7)}


def kept(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_checkpoint_becomes_safetensors_and_the_lock_learns_both_digests(tmp_path: Path) -> None:
    source, target = tmp_path / "net.pth", tmp_path / "net.safetensors"
    torch.save({"params": {"module.x": torch.zeros(1)}, "params_ema": STATE}, source)
    told = convert(str(source), target)
    assert same(kept(target), STATE)
    assert told == {
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "converter": VERSION,
        "path": "net.safetensors",
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "size": target.stat().st_size,
    }
    again = tmp_path / "again.safetensors"
    assert convert(str(source), again)["sha256"] == told["sha256"]
    assert list(tmp_path.glob("*.part")) == []


def test_a_member_of_an_archive_is_converted_and_recast(tmp_path: Path) -> None:
    held = io.BytesIO()
    torch.save(STATE, held)
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
        archive.writestr("train_log/flownet.pkl", held.getvalue())
    target = tmp_path / "net.safetensors"
    convert(f"{tmp_path / 'net.zip'}!train_log/flownet.pkl", target, dtype="bf16", keep=["bias"])
    made = kept(target)
    assert (made["conv.weight"].dtype, made["conv.bias"].dtype) == (torch.bfloat16, torch.float32)
    assert made["steps"].dtype == torch.int64


def test_safetensors_are_recast_too(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_file(STATE, source)
    convert(str(source), target, dtype="bf16")
    assert torch.equal(kept(target)["conv.weight"], STATE["conv.weight"].bfloat16())


@pytest.mark.parametrize(
    ("held", "names"),
    [
        ({"module": {"module.a": torch.ones(1)}}, {"a"}),
        ({"state_dict": {"_orig_mod.a": torch.ones(1)}, "epoch": 3}, {"a"}),
        ({"a": torch.ones(1), "module.b": torch.ones(1), "step": 3}, {"a", "module.b"}),
    ],
)
def test_wrappings_and_prefixes_of_trainers_are_taken_off(held: Any, names: set[str]) -> None:
    assert tensors_of(held).keys() == names


@pytest.mark.parametrize("held", [{}, {"state_dict": [1]}, [torch.ones(1)], {"epoch": 3}])
def test_what_holds_no_weights_is_no_checkpoint(held: Any) -> None:
    with pytest.raises(ValueError, match=r"no tensors|expected"):
        tensors_of(held)


class Runs:
    """Pickles as a call of something."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


def archived(data: bytes) -> bytes:
    """A pickle as torch archives it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in (("data.pkl", data), ("version", b"3\n"), ("byteorder", b"little")):
            archive.writestr(f"archive/{name}", content)
    return held.getvalue()


def deep(levels: int) -> bytes:
    """A pickle of lists in lists."""
    return b"\x80\x02" + b"(" * levels + b"l" * levels + b"."


def hostile(mark: Path) -> dict[str, Any]:
    """Pickles that would leave `mark`, or reach for more than tensors."""
    return {
        "system": Runs(os.system, f"touch {mark}"),
        "eval": Runs(eval, f"open({str(mark)!r}, 'w')"),
        "open": Runs(open, str(mark), "w"),
        "getattr": Runs(getattr, "a", "upper"),
        "import": Runs(__import__, "antigravity"),
        "a class of its own": Runs(pickle.Unpickler, io.BytesIO(b"")),
    }


@pytest.mark.parametrize("archive", [False, True], ids=["legacy", "archive"])
@pytest.mark.parametrize("what", hostile(Path()))
def test_a_pickle_that_runs_something_is_refused_and_runs_nothing(tmp_path: Path, archive: bool, what: str) -> None:
    mark = tmp_path / "ran"
    data = hostile_pickle(what, mark)
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        state_of(archived(data) if archive else data, pickled=True)
    assert not mark.exists()


def hostile_pickle(what: str, mark: Path) -> bytes:
    if what == "a class of its own":
        return b"\x80\x02cpickle\nUnpickler\n(tR."
    return pickle.dumps({"a": hostile(mark)[what]}, protocol=2)


def test_the_command_refuses_a_hostile_pickle_and_leaves_nothing(tmp_path: Path) -> None:
    source, mark = tmp_path / "net.pth", tmp_path / "ran"
    source.write_bytes(hostile_pickle("system", mark))
    (tmp_path / "net.safetensors.part").write_bytes(b"of an earlier attempt")
    with pytest.raises(EngineError, match=r"net\.pth was not converted: .*do not use it"):
        convert(str(source), tmp_path / "net.safetensors")
    assert not mark.exists()
    assert not list(tmp_path.glob("net.safetensors*"))


def test_a_member_that_says_it_is_huge_is_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
        archive.writestr("flownet.pkl", b"x" * 11)
    source = f"{tmp_path / 'net.zip'}!flownet.pkl"
    assert _bytes(source, 11) == b"x" * 11
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        _bytes(source, 10)


def lie() -> bytes:
    """An archive whose tensor claims a hundred times the numbers that its storage holds."""
    held = io.BytesIO()
    torch.save({"a": torch.zeros(4)}, held)
    with zipfile.ZipFile(held) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content.replace(b"K\x04\x85", b"M\x90\x01\x85"))
    return made.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        deep(200_000),
        b"PK\x03\x04",
        b"<html>not found</html>",
        lie(),
        pickle.dumps([1, 2], protocol=2),
    ],
    ids=["empty", "cut off", "deep", "no archive", "a page", "a lie of size", "no mapping"],
)
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, RuntimeError, ValueError, EOFError)):
        state_of(data, pickled=True)


ATTEMPTS = {
    "a socket": "import socket; socket.socket()",
    "a child": "import subprocess; subprocess.run(['true'])",
    "a shell": "import os; os.system('true')",
    "a library": "import ctypes; ctypes.CDLL('libm.so.6')",
}


def test_the_converting_process_can_do_nothing_else() -> None:
    """What the hook does to code that got past the unpickler: each attempt in a fork of one process."""
    script = (
        "import os, sys\nfrom functions.models.convert import _refuse\n"
        f"for what, attempt in {ATTEMPTS!r}.items():\n"
        "    if not (child := os.fork()):\n"
        "        sys.addaudithook(_refuse); exec(attempt); os._exit(0)\n"
        "    print(what, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{what} 3" for what in ATTEMPTS]


def test_the_converting_process_has_left_the_network_and_is_sealed_when_it_reads_the_source(tmp_path: Path) -> None:
    """Of a network of its own where the kernel gives one; of what it may do, in any case."""
    torch.save(STATE, tmp_path / "net.pt")
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom functions.models import convert\n"
        "able, network = os.fork(), lambda: os.readlink('/proc/self/ns/net')\n"
        "if not able:\n"
        "    convert._leave_network(); os._exit(network() != os.readlink(f'/proc/{os.getppid()}/ns/net'))\n"
        "able, before = os.waitstatus_to_exitcode(os.waitpid(able, 0)[1]), network()\n"
        "told = convert._alone(sys.argv[1], Path(sys.argv[2]), '', [])\n"
        "print(told['converter'], bool(able) == (network() != before), flush=True)\n"
        "import socket; socket.socket()\n"
    )
    argv = [sys.executable, "-c", script, str(tmp_path / "net.pt"), str(tmp_path / "net.safetensors")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.returncode) == ([str(VERSION), "True"], 3), done.stderr


def test_the_command_prints_json(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pt")
    argv = [sys.executable, "-m", "functions.models.convert", str(tmp_path / "net.pt"), str(tmp_path / "n.safetensors")]
    told = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert told["converter"] == VERSION
