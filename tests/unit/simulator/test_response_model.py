"""How long simulated people take."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.simulator.response_model import (
    DAY_S,
    PROFILES,
    Profile,
    first_tap_s,
    log_normal,
    reminded_tap_s,
    through_nights,
    unit,
)

NOON, MIDNIGHT = 12 * 3600.0, 0.0
SURE = Profile(median_s=100, sigma=0.5, night=0.1, taps=1.0, heeds=1.0)
NOT_UNASKED = Profile(median_s=100, sigma=0.5, night=0.1, taps=0.0, heeds=1.0)


def test_draws_are_the_same_for_the_same_parts_and_spread_evenly() -> None:
    drawn = [unit(7, "zhang", n) for n in range(4000)]
    assert drawn == [unit(7, "zhang", n) for n in range(4000)]
    assert drawn != [unit(8, "zhang", n) for n in range(4000)]
    tenths = [sum(low <= x * 10 < low + 1 for x in drawn) for low in range(10)]
    assert all(320 < share < 480 for share in tenths)


def test_parts_are_not_run_together() -> None:
    assert unit("ab", "c") != unit("a", "bc")


def test_half_of_the_delays_are_below_the_median() -> None:
    delays = [log_normal(480, 1.2, unit("x", n)) for n in range(4000)]
    assert median(delays) == pytest.approx(480, rel=0.1)
    assert log_normal(480, 1.2, 0.5) == pytest.approx(480)
    assert max(delays) > 10 * 480


def test_profiles_are_ordered_from_quick_to_never() -> None:
    at_noon = [first_tap_s(PROFILES[name], 0.0, 0.5, NOON) for name in ("quick", "usual", "slow")]
    assert at_noon == sorted(at_noon, key=lambda s: s or 0)
    assert at_noon[0] == pytest.approx(60)
    assert first_tap_s(PROFILES["never"], 0.0, 0.5, NOON) is None
    assert reminded_tap_s(PROFILES["never"], 0.0, 0.5, NOON) is None


def test_at_night_the_same_person_takes_longer() -> None:
    assert first_tap_s(SURE, 0.5, 0.5, NOON) == pytest.approx(100)
    assert first_tap_s(SURE, 0.5, 0.5, MIDNIGHT) == pytest.approx(1000)


def test_who_does_not_work_at_night_goes_on_at_seven() -> None:
    assert through_nights(22 * 3600, 7200, 0.0) == 8 * 3600 + 3600 + 3600
    assert through_nights(MIDNIGHT, 1, 0.0) == 7 * 3600 + 1


@given(st.floats(0, DAY_S - 1), st.floats(0, 1e6), st.floats(0, 1))
def test_a_night_never_makes_anybody_faster(start: float, awake: float, night: float) -> None:
    took = through_nights(start, awake, night)
    assert took >= awake * (1 - 1e-9)
    assert took <= through_nights(start, awake, 0.0) * (1 + 1e-9)


def test_some_heed_a_reminder_and_then_sooner_than_of_their_own_accord() -> None:
    heeded = [reminded_tap_s(PROFILES["usual"], unit("w", n), 0.5, NOON) for n in range(1000)]
    came = [x for x in heeded if x is not None]
    assert 530 < len(came) < 670
    assert came[0] == pytest.approx(480 / 5)
