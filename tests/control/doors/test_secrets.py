"""Secrets lie where only their owner reads them."""

import stat
from pathlib import Path

import pytest

from control.doors.secrets import Secrets, check, place_of
from control.errors import Invalid, StudioError


@pytest.mark.parametrize("text", ["", " \n", "x" * 513, "päss", "two words", "a\nb", "tab\tbed", "nul\0", "\u202eabc"])
def test_what_can_be_no_secret_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(text, pair=False)
    assert not text.strip() or text not in str(caught.value)


def test_a_pair_is_an_id_and_a_secret() -> None:
    assert check(" wk-1:ws-2\n", pair=True) == "wk-1:ws-2"
    for text in ("wk-1", "wk-1:", ":ws-2", "a:b:c"):
        with pytest.raises(Invalid, match="pair"):
            check(text, pair=True)


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    found = Secrets(tmp_path / "doors", {})
    place = found.write("gpu", "first")
    (path,) = (tmp_path / "doors").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert found.read("gpu", place) == "first"
    found.forget("gpu", place)
    found.forget("gpu", place)
    with pytest.raises(StudioError, match="gpu cannot be read"):
        found.read("gpu", place)


def test_a_new_secret_lies_beside_the_one_that_is_still_named(tmp_path: Path) -> None:
    found = Secrets(tmp_path, {})
    first, second = found.write("gpu", "first"), found.write("gpu", "second")
    assert (found.read("gpu", first), found.read("gpu", second)) == ("first", "second")
    found.forget("gpu", first)
    assert found.read("gpu", second) == "second"


def test_a_file_without_a_generation_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "gpu.token").write_text("by hand\n")
    assert Secrets(tmp_path, {}).read("gpu", "file") == "by hand"


def test_a_variable_is_read_when_it_is_needed(tmp_path: Path) -> None:
    found = Secrets(tmp_path, {"RUNPOD_API_KEY": " rpa_1\n"})
    assert found.read("gpu", place_of("RUNPOD_API_KEY")) == "rpa_1"
    with pytest.raises(StudioError, match="OTHER_KEY, which is not set"):
        found.read("gpu", place_of("OTHER_KEY"))
    for name in ("", "lower", "A", "PATH;rm", "É_KEY"):
        with pytest.raises(Invalid, match="no name of a variable"):
            place_of(name)
