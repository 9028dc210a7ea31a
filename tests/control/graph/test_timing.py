"""When lines are spoken and how long their shot must be."""

from hypothesis import given
from hypothesis import strategies as st

from control.graph.ducking import BEFORE, DOWN, HOLD, UP, duck
from control.graph.timing import (
    LAST_CLEAR,
    TAIL,
    Utterance,
    ceil_frames,
    fitting_pace,
    place,
    samples,
    shot_time,
)
from functions.contract.base import Rate

RATE = Rate(num=24)
SECOND = 48_000


def test_lines_follow_one_another() -> None:
    two = [Utterance("a", SECOND, samples(0.35)), Utterance("b", SECOND, samples(0.3))]
    a, b = place(two, RATE)
    assert (a.start, b.start) == (samples(0.35), samples(0.35) + SECOND + samples(0.3))
    assert place(two, RATE, lead=samples(0.4))[0].start == samples(0.35 - 0.4)


def test_overlap_and_stated_times() -> None:
    a, b = place([Utterance("a", SECOND, 0), Utterance("b", SECOND, 0, overlap=SECOND // 2)], RATE)
    assert b.start == a.end - SECOND // 2
    assert place([Utterance("c", SECOND, at=3 * SECOND)], RATE)[0].start == 3 * SECOND


def test_first_word_keeps_eight_frames_after_the_cut() -> None:
    (only,) = place([Utterance("a", SECOND, 0)], RATE)
    assert only.start == RATE.samples(8)


def test_shot_lasts_as_planned_until_words_need_more() -> None:
    short = shot_time([Utterance("a", SECOND, samples(0.35))], RATE, planned=3 * SECOND)
    assert (short.frames, short.stretched_by) == (72, None)
    long = shot_time([Utterance("a", 4 * SECOND, samples(0.35))], RATE, planned=3 * SECOND)
    assert long.frames == ceil_frames(samples(0.35) + 4 * SECOND + TAIL, RATE)
    assert long.stretched_by == "a"
    last = shot_time([Utterance("a", SECOND, samples(0.35))], RATE, planned=SECOND, last=True)
    assert last.frames == ceil_frames(samples(0.35) + SECOND + LAST_CLEAR, RATE)


def test_effects_and_least_length() -> None:
    assert shot_time([], RATE, planned=0).frames == 12
    ringing = shot_time([], RATE, planned=SECOND, other_end=SECOND)
    assert ringing.frames == ceil_frames(SECOND + TAIL, RATE)
    assert ringing.stretched_by is None


@given(st.integers(20_000, 300_000), st.integers(1, 10))
def test_pace_found_is_the_least_that_fits(length: int, seconds: int) -> None:
    lines = [Utterance("a", length, samples(0.35))]
    pace = fitting_pace(lines, RATE, planned=seconds * SECOND, lead=0, trail=0, last=False)
    for tried in [pace] if pace else [1080]:
        quick = [Utterance("a", length * 1000 // tried, samples(0.35))]
        time = shot_time(quick, RATE, planned=seconds * SECOND)
        assert (time.frames <= time.planned) == bool(pace)


@given(st.lists(st.tuples(st.integers(0, 4_000_000), st.integers(1, 300_000)), min_size=1, max_size=8))
def test_music_is_down_under_every_word(words: list[tuple[int, int]]) -> None:
    spans = [(a, a + n) for a, n in words]
    points = duck(spans, 80, 0, 6_000_000)
    assert [p.at for p in points] == sorted({p.at for p in points})
    for first, last in spans:
        around = [p for p in points if p.at <= max(first - BEFORE, 0)]
        assert around[-1].level == -80
        assert all(p.level == -80 for p in points if first - BEFORE <= p.at <= last + HOLD)
    assert points[-1].level == 0
    assert points[-1].at == max(b for _, b in spans) + HOLD + UP
    assert DOWN < UP


def test_duck_is_bounded_and_only_where_needed() -> None:
    assert duck([(SECOND, 2 * SECOND)], 0, 0, 10 * SECOND) == ()
    assert min(p.level for p in duck([(SECOND, 2 * SECOND)], 400, 0, 10 * SECOND)) == -150
    assert duck([(100 * SECOND, 101 * SECOND)], 80, 0, 10 * SECOND) == ()
