"""Quiet hours in China, over midnight, and what they take off a wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.domain.calendar import CHINA
from fenghuo.domain.quiet_hours import quiet_until, waiting_seconds


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(5, 21, 59), None),
        (at(5, 22), at(6, 7)),
        (at(5, 23, 30), at(6, 7)),
        (at(6, 0), at(6, 7)),
        (at(6, 6, 59), at(6, 7)),
        (at(6, 7), None),
        (at(6, 12), None),
    ],
)
def test_the_night_wraps_midnight(now: datetime, until: datetime | None) -> None:
    assert quiet_until(now, "moderate", 22, 7) == until
    assert quiet_until(now.astimezone(UTC), "moderate", 22, 7) == until
    assert quiet_until(now, "severe", 22, 7) is None


def test_hours_within_one_day_and_none_at_all() -> None:
    assert quiet_until(at(5, 13), "moderate", 12, 14) == at(5, 14)
    assert quiet_until(at(5, 11), "moderate", 12, 14) is None
    assert quiet_until(at(5, 14), "moderate", 12, 14) is None
    assert quiet_until(at(5, 13), "moderate", 8, 8) is None


def test_a_wait_does_not_grow_at_night() -> None:
    assert waiting_seconds(at(5, 21, 50), at(6, 7, 5), "moderate", 22, 7) == 15 * 60
    assert waiting_seconds(at(5, 23), at(6, 6), "moderate", 22, 7) == 0
    assert waiting_seconds(at(5, 21, 50), at(7, 7, 5), "moderate", 22, 7) == 15 * 60 + 15 * 3600
    assert waiting_seconds(at(5, 21, 50), at(6, 7, 5), "severe", 22, 7) == 555 * 60
    assert waiting_seconds(at(5, 12), at(5, 11), "moderate", 22, 7) == 0


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 23), st.integers(0, 23))
def test_a_wait_is_the_minutes_that_are_not_quiet(begin: int, length: int, first: int, last: int) -> None:
    since = at(1, 0) + timedelta(minutes=begin)
    minutes = (since + timedelta(minutes=n) for n in range(length % 3000))
    awake = sum(quiet_until(m, "moderate", first, last) is None for m in minutes)
    until = since + timedelta(minutes=length % 3000)
    assert waiting_seconds(since, until, "moderate", first, last) == awake * 60
