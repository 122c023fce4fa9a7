"""When a known pattern surges: the laws of the test against its own past."""

import math
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.surge import reporters_by, surging
from consumers.usual_counts import Usual, chance, usual
from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.calendar import HOUR_MS
from tests.support.builders import NOON, settings

SETTINGS = settings()
AT_MS = to_ms(NOON)
HOUR = AT_MS // HOUR_MS * HOUR_MS


def seen(count: int, apart_s: float = 60, **changes: Any) -> list[e.Member]:
    fields: dict[str, Any] = {"town": "东湖镇"} | changes
    start = NOON - timedelta(seconds=apart_s * (count - 1))
    return [
        e.Member(
            report_id=f"r{n}", at=start + timedelta(seconds=n * apart_s), **({"reporter": f"who{n}"} | fields)
        )
        for n in range(count)
    ]  # fmt: skip


def past(each_hour: int, days: int = 8) -> list[int]:
    """A past with so many reporters in each hour."""
    return [HOUR - n * HOUR_MS for n in range(days * 24, -1, -1) for _ in range(each_hour)]


def fewest(history: list[int]) -> int:
    """The fewest reporters, a minute apart, that are a surge."""
    return next(n for n in range(2, 400) if surging(seen(n, 4), history, SETTINGS))


def test_without_a_past_five_make_a_surge_and_four_do_not() -> None:
    assert fewest([]) == 5


def test_a_long_quiet_past_makes_four_enough() -> None:
    assert fewest([HOUR - 190 * HOUR_MS]) == 4


def test_a_busy_past_asks_for_more() -> None:
    numbers = [fewest(past(each_hour)) for each_hour in (1, 4, 16, 64)]
    assert numbers == sorted(set(numbers)) and numbers[-1] > 64


def test_a_slow_rise_is_seen_in_the_slow_window() -> None:
    found = surging(seen(9, apart_s=2400), [HOUR - 190 * HOUR_MS], SETTINGS)
    assert found is not None and found.window_s == SETTINGS.surge_slow_window_s


def test_new_accounts_from_one_place_at_once_are_no_surge() -> None:
    assert surging(seen(60, apart_s=5, new=True), [], SETTINGS) is None


def test_a_surge_that_a_flood_is_part_of_says_so() -> None:
    flood = seen(20, apart_s=5, new=True)
    true = [
        msgspec.structs.replace(x, report_id=f"t{x.report_id}", reporter=f"t{x.reporter}") for x in seen(5)
    ]
    found = surging(sorted([*flood, *true], key=lambda x: x.at), [], SETTINGS)
    assert found is not None and (found.reporters, found.credibility_flags) == (7, ("new_reporters",))


def test_one_person_again_and_again_is_no_surge() -> None:
    assert surging(seen(60, apart_s=5, reporter="the same"), [], SETTINGS) is None


def test_the_past_is_the_same_time_of_day() -> None:
    nightly = [HOUR - day * 24 * HOUR_MS + 12 * HOUR_MS for day in range(8, 0, -1) for _ in range(50)]
    at_noon, at_night = (usual(nightly, ms, 1800, SETTINGS).mean for ms in (AT_MS, AT_MS + 12 * HOUR_MS))
    assert at_night > 20 * at_noon


def test_the_present_surge_does_not_raise_its_own_bar() -> None:
    history = past(2)
    today = [HOUR - n * HOUR_MS for n in range(12, -1, -1) for _ in range(100)]
    assert usual(sorted([*history, *today]), AT_MS, 1800, SETTINGS) == usual(history, AT_MS, 1800, SETTINGS)


@given(st.floats(0.1, 16), st.floats(0.001, 50))
def test_the_chance_is_one_for_none_and_falls_with_each(shape: float, mean: float) -> None:
    chances = [chance(n, Usual(shape, mean)) for n in range(60)]
    assert chances[0] == 1
    assert all(a >= b for a, b in pairwise(chances))


def test_the_chance_is_a_poisson_where_the_rate_is_well_known() -> None:
    poisson = 1 - sum(math.exp(-2) * 2**n / math.factorial(n) for n in range(5))
    assert chance(5, Usual(1e7, 2)) == pytest.approx(poisson, rel=1e-3)


def test_places_are_counted_by_distinct_reporters_most_first() -> None:
    pairs = [("东湖镇", "a"), ("东湖镇", "a"), ("西山镇", "b"), ("西山镇", "c"), ("", "d"), (None, "e")]
    assert reporters_by(pairs) == (("西山镇", 2), ("东湖镇", 1))
