"""What lies beside a storyboard is known again without being read, and never where it was changed."""

import hashlib
from pathlib import Path

import pytest

from control.commands.delivery import Delivered
from control.graph.model import OutputFacts
from functions.contract.media import MediaFacts

OURS = b"sound" * 100


def fact(data: bytes) -> OutputFacts:
    return OutputFacts(key="k", sha256=hashlib.sha256(data).hexdigest(), size=len(data), media=MediaFacts(type="audio"))


def test_a_file_is_known_in_the_next_run(tmp_path: Path) -> None:
    target, memory = tmp_path / "dx.wav", tmp_path / "delivered.json"
    target.write_bytes(OURS)
    first = Delivered(memory)
    assert first.holds(target, fact(OURS))
    first.save()
    assert fact(OURS).sha256 in memory.read_text()
    believed = fact(b"other" * 100)
    memory.write_text(memory.read_text().replace(fact(OURS).sha256, believed.sha256))
    assert Delivered(memory).holds(target, believed)  # nobody reads it


def test_what_was_put_is_believed_until_the_file_changes(tmp_path: Path) -> None:
    target, delivered = tmp_path / "dx.wav", Delivered(tmp_path / "delivered.json")
    target.write_bytes(OURS)
    other = fact(b"other" * 100)
    delivered.put(target, other)
    assert delivered.holds(target, other)
    target.write_bytes(OURS)
    assert not delivered.holds(target, other)
    assert delivered.holds(target, fact(OURS))
    target.write_bytes(OURS[:-1])
    assert not delivered.holds(target, fact(OURS))
    target.unlink()
    assert not delivered.holds(target, fact(OURS))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"x": 1}'])
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "delivered.json").write_text(text)
    target = tmp_path / "dx.wav"
    target.write_bytes(OURS)
    assert Delivered(tmp_path / "delivered.json").holds(target, fact(OURS))
    assert not Delivered(tmp_path / "delivered.json").holds(target, fact(OURS[::-1]))
