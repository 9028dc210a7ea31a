"""The speech estimate: words, stops, delivery, pauses between turns."""

import pytest

from control.storyboard.models import Storyboard
from control.storyboard.speech import EDGE, action_seconds, line_seconds, planned_seconds, schedule, words_end


@pytest.mark.parametrize(
    ("text", "how", "pace", "seconds"),
    [
        ("They said a hundred steps.", "winded", 1.0, 2.0),
        ("Two hundred and six. They never came up.", "", 1.0, 3.55),
        ("There's no ship on the chart.", "whispering", 1.0, 2.4 * 1.15),
        ("Get down now please!", "urgent", 1.0, 1.6 * 0.85),
        ("No.", "", 1.0, 0.8),
        ("No.", "whispering", 1.0, 0.92),
        ("Wait... what? Now!", "", 1.0, 1.2 + 0.7),
        ("One two three four five.", "", 1.25, 1.6),
    ],
)
def test_a_line_takes_as_long_as_its_words(text: str, how: str, pace: float, seconds: float) -> None:
    assert line_seconds(text, how, pace) == pytest.approx(seconds)


def test_every_shot_of_the_example_fits(lighthouse: Storyboard) -> None:
    spare = {s.id: (s.seconds or 0) - words_end(s) - EDGE for _, s in lighthouse.shots() if s.lines}
    assert min(spare.values()) > 0
    assert spare["steps"] == pytest.approx(0.45)


def test_beats_are_exact_and_fixed_lines_begin_where_they_say(lighthouse: Storyboard) -> None:
    first, beat, last = schedule(lighthouse.shot("late"))
    assert (beat.start, beat.end - beat.start, last.start) == pytest.approx((first.end, 0.5, beat.end))
    assert schedule(lighthouse.shot("relight"))[0].start == 2.2


def test_actions_last_as_long_as_they_read() -> None:
    assert action_seconds("He waits") == pytest.approx(3.0)
    assert action_seconds("one two three four five") == pytest.approx(2.6)
    assert action_seconds("word " * 60) == 8.0


def test_a_shot_without_seconds_is_as_long_as_it_needs(lighthouse: Storyboard) -> None:
    steps = lighthouse.shot("steps")
    assert planned_seconds(steps) == 7.0
    assert planned_seconds(steps.model_copy(update={"seconds": None})) == pytest.approx(6.55)
