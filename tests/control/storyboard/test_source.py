"""Text that nobody should have to parse is refused before it can do harm."""

import pytest

from control.storyboard import source
from control.storyboard.errors import StoryboardRefused


def refused(written: bytes | str) -> StoryboardRefused:
    with pytest.raises(StoryboardRefused) as caught:
        source.load(written)
    return caught.value


def test_200_megabytes_are_refused_by_their_size_alone() -> None:
    bomb = b"a: &a [x, x]\n" + b"b: [*a, *a, *a]\n" * 12_500_000
    assert "200,000,013 bytes; a storyboard is at most 1,000,000" in str(refused(bomb))


def test_alias_bombs_are_refused_unexpanded() -> None:
    lines = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    error = refused("\n".join(lines))
    assert error.problems[0].line == 1
    assert "anchor or alias" in str(error)
    assert refused("title: x\nscenes: *s").problems[0].line == 2


def test_invalid_utf8_says_which_byte_and_line() -> None:
    error = refused(b"title: x\nstyle: caf\xe9\n")
    assert error.problems[0].line == 2
    assert "byte 19 (0xe9)" in str(error)


@pytest.mark.parametrize(
    ("written", "line", "said"),
    [
        ("title: a\ntitle: b", 2, 'duplicate key "title"'),
        ("title: [a\nb: c", 2, "not YAML"),
        ("title: a\n\tb: c", 2, "not YAML"),
        ("title: 'a", 1, "not YAML"),
        ("a: !!python/object/apply:os.system [x]", 1, "tag"),
        ("[" * 100_000, 1, "nested more than 30 deep"),
        ("a:\n  1: b", 2, "name 1 is not text"),
        ("a: b\nc: \x07", 2, "U+0007"),
        ('a: "\\ud83d"', 1, "half of a character"),
        ("--- \na: b\n--- \nc: d", 3, "not YAML"),
    ],
)
def test_broken_text_says_where(written: str, line: int, said: str) -> None:
    error = refused(written)
    assert error.problems[0].line == line
    assert said in str(error)


@pytest.mark.parametrize("written", ["", "# nothing", "- a", "text", "null"])
def test_what_is_no_mapping_is_no_storyboard(written: str) -> None:
    assert "holds no storyboard" in str(refused(written))


def test_many_values_are_refused() -> None:
    assert "more than 100,000 values" in str(refused("a: [" + "1," * 120_000 + "]"))


def test_words_stay_words() -> None:
    found = source.load("a: no\nb: 16:9\nc: 3.50\nd: 'x'\ne: 012\nf: 2020-01-01\ng: ~\n\"h\": true").value
    assert found == {"a": "no", "b": "16:9", "c": 3.5, "d": "x", "e": 12, "f": "2020-01-01", "g": None, "h": True}


def test_json_is_read_with_lines() -> None:
    found = source.load('\ufeff{\n\t"title": "\\ud83d\\ude00 \\u00e9",\n\t"scenes": [{"id": "a"}]\n}')
    assert found.value == {"title": "😀 é", "scenes": [{"id": "a"}]}
    assert found.line(("title",)) == 2
    assert found.line(("scenes", 0, "id")) == 3
    assert found.line(("scenes", 0, "nothing", "there")) == 3
    assert found.line(()) is None
