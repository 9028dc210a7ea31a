import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.catalog import builtin
from functions.sound import beds, hits, score
from functions.sound.prompt import VOCABULARY, near, understand
from functions.sound.vocabulary import announced


def names(prompt: str) -> list[str]:
    return [layer.sound.name for layer in understand(prompt).layers]


@pytest.mark.parametrize(
    ("prompt", "sounds"),
    [
        ("sea on rock, wind", ["sea on rock", "wind"]),
        ("glass hum, slow clockwork", ["glass hum", "clockwork"]),
        ("wind only, very low", ["wind"]),
        ("heavy switch", ["heavy switch"]),
        ("great motor winding down", ["motor winding down"]),
        ("ship's horn, very far away", ["ship's horn"]),
        ("ship’s horn", ["ship's horn"]),
        ("wind outside", ["wind"]),
        ("a storm", ["storm", "rain"]),
        ("footsteps on gravel and a door creaking open", ["footsteps", "door creak"]),
        ("two doors slamming", ["door"]),
        ("", []),
        ("...", []),
    ],
)
def test_prompts_name_their_sounds(prompt: str, sounds: list[str]) -> None:
    assert names(prompt) == sounds


def test_words_that_describe_act_on_their_own_part() -> None:
    hum, clockwork = understand("glass hum, slow clockwork").layers
    assert (hum.rate, clockwork.rate) == (1.0, 0.7)


def test_words_in_a_part_without_a_sound_act_on_what_was_named_before() -> None:
    (horn,) = understand("ship's horn, very far away").layers
    (plain,) = understand("ship's horn, far away").layers
    assert horn.far > plain.far > 1


def test_the_words_not_understood_are_told() -> None:
    assert understand("rain on a corrugated roof, wind").unknown == ("corrugated", "roof")


def test_near_words_are_offered() -> None:
    assert "thunder" in near(("thundr",))
    assert "wind" in near(("qqqq",))


def test_every_sound_has_a_maker_of_its_kind() -> None:
    for sound in VOCABULARY.sounds:
        assert sound.make in (beds.MAKERS if sound.kind == "bed" else hits.MAKERS), sound.name


def test_no_word_asks_for_two_sounds() -> None:
    words = [word for sound in VOCABULARY.sounds for word in sound.words]
    assert len(words) == len(set(words))


def test_the_manifest_announces_exactly_what_is_known() -> None:
    assert builtin()["sound-synth"].capabilities.vocabulary == announced()


def test_each_announced_word_is_enough_by_itself_in_either_number() -> None:
    for word in announced():
        if word.endswith("ss"):
            assert names(word) or score.read(word).instruments
            continue
        for form in (word, word.removesuffix("s") if word.endswith("s") else word + "s"):
            assert names(form) or score.read(form).instruments, form


@given(st.text(max_size=80))
def test_any_prompt_is_read(prompt: str) -> None:
    understood = understand(prompt)
    assert all(layer.size > 0 and layer.rate > 0 for layer in understood.layers)
