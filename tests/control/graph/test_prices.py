"""Prices are data, each with a date and a source."""

import datetime

import pytest

from control.graph.prices import builtin, parse

ONE = """
[[prices]]
name = "runpod/h100"
title = "RunPod, H100"
price_u = 1160
date = "2026-08-20"
source = "https://example.org/prices"
"""


def test_every_price_names_when_and_where_it_was_read() -> None:
    assert len(builtin()) >= 10
    for name, price in builtin().items():
        assert price.name == name
        assert price.date >= datetime.date(2026, 1, 1)
        assert price.source.startswith("https://")
        assert 0 < price.price_u < 100_000, f"{name} is no price of a second"


def test_an_hours_price_is_the_seconds_rounded_up() -> None:
    assert builtin()["runpod/h100"].price_u == 1160
    assert builtin()["modal/a100-80gb"].price_u == -(-2_500_000 // 3600)
    assert builtin()["modal/l40s"].price_u == -(-1_950_000 // 3600)


@pytest.mark.parametrize(
    "wrong",
    [
        ONE + ONE,
        ONE.replace("1160", "-1"),
        ONE.replace("1160", "0.00116"),
        ONE.replace('"2026-08-20"', '"last week"'),
        ONE.replace("https://example.org/prices", ""),
        ONE.replace("runpod/h100", "RunPod H100"),
        ONE.replace("title", "titel"),
    ],
)
def test_a_wrong_price_is_refused(wrong: str) -> None:
    parse(ONE)
    with pytest.raises(ValueError, match=r"\w"):
        parse(wrong)
