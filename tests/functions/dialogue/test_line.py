import numpy as np
import pytest

from functions.dialogue.line import Span, Take, joined, levelled, loud, tightened, trimmed

RATE = 48_000


def tone(seconds: float, level: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.asarray(level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE), np.float32)


def quiet(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(round(seconds * RATE), np.float32)


def test_silence_is_trimmed_to_20_ms_and_the_words_follow() -> None:
    take = Take(np.concatenate([quiet(0.5), tone(1.0), quiet(0.7)]), RATE, (Span(0, 24_000, 72_000),))
    cut = trimmed(take)
    assert len(cut.samples) == pytest.approx(RATE * 1.04, abs=480)
    assert (cut.spans[0].start, cut.spans[0].end) == pytest.approx((960, 48_960), abs=480)


def test_silence_is_added_where_the_sound_begins_at_once() -> None:
    cut = trimmed(Take(tone(0.3), RATE, (Span(0, 0, 14_400),)))
    assert len(cut.samples) == 14_400 + 2 * 960
    assert cut.spans[0].start == 960


def test_takes_are_joined_with_their_silences() -> None:
    take = Take(tone(0.1), RATE, (Span(3, 100, 200),))
    row = joined([take, take], [1000, 0])
    assert len(row.samples) == 2 * 4800 + 1000
    assert row.spans[1] == Span(3, 5900, 6000)


def test_a_word_is_drawn_in_to_where_it_sounds() -> None:
    take = Take(np.concatenate([quiet(0.2), tone(0.3), quiet(0.5)]), RATE, (Span(0, 0, 48_000),))
    assert tightened(take) == (Span(0, 9_600, 24_000),)


def test_speech_is_levelled_and_never_clips() -> None:
    plain = levelled(np.concatenate([tone(0.5, 0.01), quiet(0.5)]), 0.0)
    heard = plain[: RATE // 2]
    assert 20 * np.log10(np.sqrt(np.mean(heard**2))) == pytest.approx(-20, abs=0.1)
    click = quiet(0.5)
    click[100] = 0.9
    assert np.abs(levelled(click + tone(0.5, 0.001), 12.0)).max() <= 10 ** (-1 / 20) + 1e-6


def test_silence_stays_silence() -> None:
    assert loud(quiet(0.5), RATE) == (0, 0)
    assert not levelled(quiet(0.5), 0.0).any()
