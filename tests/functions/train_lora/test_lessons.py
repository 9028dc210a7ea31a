import pytest

from functions.train_lora import lessons


def test_few_pictures_carry_few_steps() -> None:
    assert [lessons.step_count(1200, n) for n in (4, 8, 20)] == [600, 1200, 1200]
    assert lessons.step_count(50, 100) == 50


def test_the_rate_rises_then_falls_to_a_tenth() -> None:
    rates = [lessons.learning_rate(step, 1000) for step in range(1000)]
    assert max(rates) == pytest.approx(lessons.RATE)
    assert rates.index(max(rates)) in (49, 50)
    assert rates[0] == pytest.approx(lessons.RATE / 50)
    assert rates[-1] == pytest.approx(lessons.RATE / 10, rel=0.01)
    assert rates[50:] == sorted(rates[50:], reverse=True)


def test_min_snr_weights_by_hand() -> None:
    assert lessons.snr_weight(0.5) == pytest.approx(1)
    assert lessons.snr_weight(0.99) == pytest.approx(5 / 99)
    assert lessons.snr_weight(1 / 11) == pytest.approx(1)


def test_captions_carry_the_trigger_once() -> None:
    assert lessons.caption("vjmira", "") == "photo of vjmira"
    assert lessons.caption("vjmira", " in the rain ") == "vjmira, in the rain"
    assert lessons.caption("vjmira", "VJMira in the rain") == "VJMira in the rain"
