"""What the hub states of the files of a revision, as the lock has them."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from functions.catalog.weights import builtin
from functions.models.lock import line
from tests.servers.hub import LARGE, Hub, running

SET = "cogvideox-5b-i2v"
"""A set of the lock that has pending files."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The set's repository, with every pending file and one large one."""
    held = builtin().sets[SET]
    files = {
        name.replace("*", part): f"{name} {part}".encode() for name in held.pending for part in ("a.json", "b.model")
    }
    files["tokenizer/large.model"] = b"x" * LARGE
    with running(Hub(held.repository, held.revision, {**files, "README.md": b"read me"})) as made:
        yield made


def ask(hub: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command says, told of this hub only."""
    command = [sys.executable, "-m", "functions.models.publisher", "--hub", hub.origin, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stated(name: str, data: bytes) -> str:
    """As the lock has a file."""
    return line(name, hashlib.sha256(data).hexdigest(), len(data))


def test_the_hub_is_asked_for_the_digests_of_pending_files(hub: Hub) -> None:
    said = ask(hub, SET)
    assert said.returncode == 0, said.stderr
    wanted = {stated(name, data) for name, data in hub.files.items() if name != "README.md"}
    assert set(said.stdout.splitlines()) == wanted
    assert not any(path.endswith("large.model") for path in hub.asked)


def test_a_small_file_that_is_not_the_revisions_is_refused(hub: Hub) -> None:
    hub.sent["vae/config.json"] = b"another"
    said = ask(hub, SET)
    assert said.returncode == 1
    assert "is not the file that" in said.stderr


def test_a_pending_file_that_the_repository_lacks_is_named(hub: Hub) -> None:
    del hub.files["vae/config.json"]
    said = ask(hub, SET)
    assert said.returncode == 1
    assert "has no vae/config.json" in said.stderr


def test_a_hub_that_does_not_answer_so_is_named(hub: Hub) -> None:
    hub.revision = "another"
    said = ask(hub, SET)
    assert said.returncode == 1
    assert "does not tell of" in said.stderr


def test_a_tree_of_several_pages_is_read_to_its_end(hub: Hub) -> None:
    hub.page = 2
    said = ask(hub, SET)
    assert len(said.stdout.splitlines()) == len(hub.files) - 1


def test_a_set_that_the_lock_does_not_name_is_refused(hub: Hub) -> None:
    assert ask(hub, "no-such-set").returncode == 2
