"""When a door closes, and how it opens again."""

import random
from dataclasses import replace

from control.doors.breaker import CLOSED_MS, THRESHOLD, TRIAL_MS, Breaker, parse

NOW = 1_800_000_000_000


def failed(breaker: Breaker, times: int, now: int = NOW) -> Breaker:
    for _ in range(times):
        breaker = breaker.failed(now, "no answer", random.Random(1))
    return breaker


def test_failures_in_a_row_close_it_and_one_success_between_them_does_not() -> None:
    breaker = failed(Breaker(), THRESHOLD - 1)
    assert breaker.standing(NOW) == "open"
    assert failed(Breaker(), THRESHOLD).standing(NOW) == "closed"
    assert failed(failed(Breaker(), 1), THRESHOLD - 1).reason == "no answer"


def test_what_waiting_does_not_mend_closes_it_at_once() -> None:
    breaker = Breaker().failed(NOW, "the key is refused", random.Random(1), at_once=True)
    assert (breaker.standing(NOW), breaker.reason) == ("closed", "the key is refused")


def test_after_its_time_one_job_tries_it_and_others_wait() -> None:
    breaker = failed(Breaker(), THRESHOLD)
    later = breaker.until
    assert breaker.standing(later) == "trial"
    tried = breaker.tried(later, "j1")
    assert not tried.allows(later)
    assert not tried.allows(later, "j2")
    assert tried.allows(later, "j1")
    assert tried.allows(later + TRIAL_MS)
    assert Breaker().tried(NOW, "j1") == Breaker()


def test_each_trial_that_fails_keeps_it_closed_for_longer_up_to_a_limit() -> None:
    breaker, spans = failed(Breaker(), THRESHOLD), []
    for _ in range(12):
        now = breaker.until
        breaker = failed(breaker, 1, now)
        spans.append(breaker.until - now)
    assert max(spans) <= CLOSED_MS[1]
    assert spans[0] >= 0.8 * 2 * CLOSED_MS[0]
    assert 0.8 * CLOSED_MS[1] <= spans[-1] <= CLOSED_MS[1]


def test_jobs_that_fail_while_it_is_closed_do_not_keep_it_closed_for_longer() -> None:
    breaker = failed(Breaker(), THRESHOLD)
    again = breaker.failed(NOW + 1, "another reason", random.Random(2))
    assert again == replace(breaker, reason="another reason")


def test_it_is_kept_as_text() -> None:
    breaker = failed(Breaker(), THRESHOLD).tried(NOW, "j1")
    assert parse(breaker.text()) == breaker
    assert parse(Breaker().text()) == Breaker()
