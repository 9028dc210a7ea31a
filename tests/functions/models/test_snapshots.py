"""Sets of weights on disk against their lock."""

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.catalog import weights
from functions.contract.errors import EngineError
from functions.models.snapshots import Snapshots
from tests.servers.checkpoints.lock import environment, write_lock

NAME = "tiny"
FILES = {"model_index.json": b"{}", "unet/model.safetensors": b"\x01" * 1000, "notes.txt": b"hello"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        path = tmp_path / "weights" / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "weights"


def snapshots(root: Path) -> Snapshots:
    return Snapshots.from_environment(environment(root))


def again(root: Path) -> Snapshots:
    """As `snapshots`, by the lock that is there."""
    return Snapshots.from_environment(
        {"VIVIJURE_WEIGHTS": str(root), "VIVIJURE_WEIGHTS_LOCK": str(root / "weights.toml")}
    )


def test_a_whole_set_gives_its_folder_and_says_that_it_is_random(root: Path) -> None:
    found = snapshots(root)
    assert found.folder(NAME) == root / NAME
    assert found.random(NAME)
    assert len(found.digest(NAME)) == 64


def test_the_digest_of_a_set_follows_from_its_files(root: Path) -> None:
    before = snapshots(root).digest(NAME)
    (root / NAME / "notes.txt").write_bytes(b"hallo")
    assert snapshots(root).digest(NAME) != before


DAMAGE: dict[str, Callable[[Path], object]] = {
    "altered": lambda path: path.write_bytes(b"\x02" * 1000),
    "shortened": lambda path: path.write_bytes(b"\x01" * 999),
    "one bit": lambda path: path.write_bytes(b"\x01" * 999 + b"\x03"),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("checked_before", [False, True])
def test_an_altered_file_is_named(root: Path, how: str, checked_before: bool) -> None:
    found = snapshots(root)
    if checked_before:
        found.folder(NAME)
    DAMAGE[how](root / NAME / "unet" / "model.safetensors")
    for each in (found, again(root)):
        with pytest.raises(EngineError, match=r"unet/model\.safetensors is not the file that the lock names"):
            each.folder(NAME)


@pytest.mark.parametrize("checked_before", [False, True])
def test_a_missing_file_is_named(root: Path, checked_before: bool) -> None:
    found = snapshots(root)
    if checked_before:
        found.folder(NAME)
    (root / NAME / "unet" / "model.safetensors").unlink()
    with pytest.raises(EngineError, match=r"unet/model\.safetensors of tiny is missing .*fetch the set again"):
        found.folder(NAME)


def read_count(root: Path, use: Callable[[], object]) -> int:
    """How many files of weights are opened by `use`, as Linux counts reads of this process in bytes."""
    before = _read()
    use()
    return _read() - before


def _read() -> int:
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text("ascii").splitlines())
    return int(told["rchar"])


def test_files_are_hashed_once_and_again_only_when_they_change(root: Path) -> None:
    big = root / NAME / "unet" / "model.safetensors"
    big.write_bytes(os.urandom(4_000_000))
    found = snapshots(root)
    assert read_count(root, lambda: found.folder(NAME)) >= 4_000_000
    assert read_count(root, lambda: found.folder(NAME)) < 100_000
    later = again(root)
    assert read_count(root, lambda: later.folder(NAME)) < 100_000
    os.utime(big, ns=(1, 1))
    assert read_count(root, lambda: later.folder(NAME)) >= 4_000_000


def test_a_file_of_the_same_size_and_time_in_another_inode_is_hashed_again(root: Path) -> None:
    found, path = snapshots(root), root / NAME / "unet" / "model.safetensors"
    found.folder(NAME)
    told = path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(b"\x05" * 1000)
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    other.rename(path)
    with pytest.raises(EngineError, match="is not the file"):
        found.folder(NAME)


@pytest.mark.parametrize("record", [b"", b"null", b'{"notes.txt": [5, 1, 1]}', b'{"notes.txt": 7}', b"\xff"])
def test_a_broken_record_of_checks_is_as_none(root: Path, record: bytes) -> None:
    found = snapshots(root)
    (root / ".checked").mkdir()
    (root / ".checked" / f"{NAME}.json").write_bytes(record)
    assert found.folder(NAME).is_dir()


def test_where_nothing_can_be_written_the_check_is_made_all_the_same(root: Path) -> None:
    found = snapshots(root)
    (root / ".checked").write_text("no folder")
    assert found.folder(NAME).is_dir()


def test_an_unknown_set_and_a_missing_folder_are_said(root: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no set other, only tiny"):
        snapshots(root).folder("other")
    with pytest.raises(EngineError, match="set VIVIJURE_WEIGHTS to the folder"):
        Snapshots.from_environment({})
    (tmp_path / "lock").write_text("[sets")
    with pytest.raises(EngineError, match="cannot be read"):
        Snapshots.from_environment({"VIVIJURE_WEIGHTS": "/", "VIVIJURE_WEIGHTS_LOCK": str(tmp_path / "lock")})


def lock(root: Path, lines: str) -> Snapshots:
    """A lock of our own."""
    head = f'[sets.{NAME}]\nrepository = "a/b"\nrevision = "1"\nlicence = "MIT"\nurl = ""\ncommercial = "yes"\n'
    (root / "own.toml").write_text(head + lines)
    return Snapshots.from_environment({"VIVIJURE_WEIGHTS": str(root), "VIVIJURE_WEIGHTS_LOCK": str(root / "own.toml")})


def test_a_pickle_is_never_loaded_and_its_conversion_is_what_is_checked(root: Path) -> None:
    data = b"pickle"
    sha = hashlib.sha256(data).hexdigest()
    (root / NAME / "net.pth").write_bytes(data)
    with pytest.raises(EngineError, match=r"net\.pth of tiny is a pickle.*functions\.models\.convert"):
        lock(root, f'files = {{ "net.pth" = {{ sha256 = "{sha}" }} }}').folder(NAME)
    made = (root / NAME / "net.safetensors").write_bytes(b"tensors")
    converted = f'{{ path = "net.safetensors", sha256 = "{hashlib.sha256(b"tensors").hexdigest()}", size = {made}, '
    found = lock(root, f'files = {{ "net.pth" = {{ sha256 = "{sha}", converted = {converted}converter = 1 }} }} }}')
    (root / NAME / "net.pth").unlink()
    assert found.folder(NAME).is_dir()
    (root / NAME / "net.safetensors").write_bytes(b"tensorz")
    with pytest.raises(EngineError, match=r"net\.safetensors is not the file"):
        found.folder(NAME)


def test_a_set_with_digests_that_nobody_knows_cannot_be_used(root: Path) -> None:
    with pytest.raises(EngineError, match=r"digest of 2 files of tiny \(a, \.\.\.\)"):
        lock(root, 'files = {}\npending = ["a", "b"]').folder(NAME)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../b", ""])
def test_a_lock_that_leaves_its_folder_is_refused(root: Path, path: str) -> None:
    with pytest.raises(EngineError, match="leaves the folder"):
        lock(root, f'files = {{ "{path}" = {{ sha256 = "{"0" * 64}" }} }}')


def test_the_release_accepts_no_random_weights() -> None:
    built_in = weights.builtin()
    assert not any(held.random for held in built_in.sets.values())


def test_a_release_refuses_a_lock_with_random_weights(root: Path) -> None:
    text = write_lock(root).read_text("utf-8")
    assert weights.parse(text).sets[NAME].random
    with pytest.raises(ValueError, match="tiny is random"):
        weights.released(weights.parse(text))


OFFLINE = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
{first}
import functions.models.offline
functions.models.offline.enforce()
from huggingface_hub import hf_hub_download
from transformers import AutoConfig
for load in (lambda: AutoConfig.from_pretrained("google/t5"), lambda: hf_hub_download("google/t5", "config.json")):
    try:
        load()
    except OSError as error:
        print(type(error).__name__)
assert not set(opened) & {{"socket.connect", "socket.getaddrinfo"}}, opened
print("offline")
"""


@pytest.mark.parametrize(
    "first", ["", "import huggingface_hub.constants, transformers"], ids=["we first", "the library first"]
)
def test_no_library_opens_a_socket_though_the_network_is_there(tmp_path: Path, first: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    plain = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    script = OFFLINE.format(first=first)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**plain, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.split() == ["OSError", "LocalEntryNotFoundError", "offline"], done.stderr[-2000:]
