"""Which groups a warning is held back from, from what the desk says they have had."""

from datetime import date

import pytest

from fenghuo.events import Binding, Group
from fenghuo.fatigue import Held
from fenghuo.shares import Warned, days_that_count, groups_held, limits_of
from tests.making import content, group, settings

TODAY = date(2026, 3, 9)
LIMITS = limits_of(
    settings(warnings_a_day=2, warnings_a_week=4, customer_group_month=5, customer_group_reserve=2)
)
CUSTOMERS = "wecom_customer_group"


def held(warned: Warned, *groups: Group, alert_id: str = "a9", **changes: object) -> dict[str, Held]:
    fields = {"channels": ("sandbox", CUSTOMERS)} | changes
    return groups_held(
        groups, content(**fields), alert_id=alert_id, warned=warned, today=TODAY, limits=LIMITS
    )


def had(
    *days: int, channel: str = "sandbox", kind: str = "warning"
) -> dict[str, list[tuple[str, str, str, str]]]:
    """One warning to g0001 on each day of March, each of an alert of its own."""
    told: dict[str, list[tuple[str, str, str, str]]] = {}
    for n, day in enumerate(days):
        told.setdefault(f"2026-03-{day:02}", []).append(("g0001", f"a{n}", channel, kind))
    return told


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        ((9,), None), ((9, 9), Held.DAY), ((8, 8), None), ((3, 4, 5, 6), Held.WEEK), ((2, 2, 2, 2), None),
    ],
)  # fmt: skip
def test_a_group_gets_its_share_of_a_day_and_of_seven_days(
    days: tuple[int, ...], reason: Held | None
) -> None:
    assert held(had(*days), group(1), group(2)).get("g0001") == reason
    assert "g0002" not in held(had(*days), group(1), group(2))


def test_a_groups_own_quota_stands_above_the_general_one() -> None:
    assert held(had(9, 9), group(1, quota_day=3)) == {}
    assert held(had(9), group(1, quota_day=1)) == {"g0001": Held.DAY}


def test_corrections_and_earlier_versions_of_the_same_alert_do_not_count() -> None:
    assert held(had(9, 9, kind="correction"), group(1)) == {}
    assert held(had(9, 9), group(1), alert_id="a0") == {}


def test_the_platform_counts_everything_and_keeps_a_reserve_for_severe_warnings() -> None:
    customers = group(1, channel=CUSTOMERS)
    used = had(1, 1, 1, channel=CUSTOMERS, kind="correction")
    assert held(used, customers) == {}
    assert held(used, customers, severity="moderate") == {"g0001": Held.RESERVE}
    full = had(1, 1, 1, 1, 1, channel=CUSTOMERS, kind="correction")
    assert held(full, customers, override="诈骗团伙正在逐户打电话") == {"g0001": Held.PLATFORM}


def test_the_way_that_is_taken_says_whether_a_platform_counts() -> None:
    both = group(1, channel=CUSTOMERS, also=(Binding(channel="sandbox"),))
    full = had(1, 1, 1, 1, 1, channel=CUSTOMERS)
    assert held(full, both) == {"g0001": Held.PLATFORM}
    assert held(full, both, channels=("sandbox",)) == {}


def test_an_override_helps_a_severe_warning_and_an_exercise_is_held_back_from_nobody() -> None:
    assert held(had(9, 9), group(1), override="诈骗团伙正在逐户打电话") == {}
    assert held(had(9, 9), group(1), exercise=True) == {}


@pytest.mark.parametrize(
    ("today", "first", "count"), [(date(2026, 3, 9), "2026-03-01", 9), (date(2026, 3, 2), "2026-02-24", 7)]
)
def test_this_month_and_the_last_seven_days_are_asked_for(today: date, first: str, count: int) -> None:
    days = days_that_count(today)
    assert (days[0], days[-1], len(days)) == (first, today.isoformat(), count)
