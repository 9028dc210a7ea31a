"""Token buckets, and what a provider asks for."""

import pytest

from control.doors.limits import LONGEST_MS, Bucket, Gate, Rate, retry_ms

NOW = 1_800_000_000_000  # Fri, 15 Jan 2027 08:00:00 GMT


def test_a_bucket_lets_its_count_go_at_once_and_then_its_rate() -> None:
    bucket = Bucket(Rate(3, 1.5))
    for _ in range(3):
        assert bucket.wait_ms(NOW) == 0
        bucket.take(NOW)
    assert bucket.wait_ms(NOW) == 500
    assert bucket.wait_ms(NOW + 499) == 1
    assert bucket.wait_ms(NOW + 500) == 0
    bucket.take(NOW + 500)
    assert bucket.wait_ms(NOW + 600) == 400


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    bucket = Bucket(Rate(1, 1))
    bucket.take(NOW)
    assert bucket.wait_ms(NOW - 10_000) == 1000
    assert bucket.wait_ms(NOW - 9000) == 0


def test_verbs_are_counted_apart_and_a_pause_holds_one() -> None:
    gate = Gate({"run": Rate(1, 10)})
    gate.take("run", NOW)
    assert gate.wait_ms("run", NOW) == 10_000
    assert gate.wait_ms("status", NOW) == 0
    gate.pause("status", NOW + 700)
    gate.pause("status", NOW + 300)  # does not shorten it
    assert gate.wait_ms("status", NOW) == 700
    assert gate.wait_ms("status", NOW + 700) == 0


@pytest.mark.parametrize(
    ("header", "ms"),
    [
        ("0", 0),
        ("12", 12_000),
        (" 3 ", 3000),
        ("999999999999999999", LONGEST_MS),
        ("Fri, 15 Jan 2027 08:00:05 GMT", 5000),
        ("Friday, 15-Jan-27 08:00:05 GMT", 5000),
        ("Fri Jan 15 08:00:05 2027", 5000),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Fri, 15 Jan 2100 07:00:00 GMT", LONGEST_MS),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, ms: int | None) -> None:
    assert retry_ms(header, NOW) == ms
