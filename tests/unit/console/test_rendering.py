"""Helpers of the templates."""

from datetime import timedelta

import pytest

from console.web.rendering import elapsed
from console.web.words import Words
from fenghuo import clock


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (-3, "00:00", "00:00"),
        (271, "04:31", "04:31"),
        (3599, "59:59", "59:59"),
        (3900, "1 小时 05 分", "1 h 05 min"),
        (259_200, "3 天", "3 days"),
    ],
)
def test_the_clock_since_a_first_report_keeps_its_width(seconds: int, zh: str, en: str) -> None:
    now = clock.now()
    moment = now - timedelta(seconds=seconds)
    assert elapsed(Words("zh"), moment, now) == zh
    assert elapsed(Words("en"), moment, now) == en
