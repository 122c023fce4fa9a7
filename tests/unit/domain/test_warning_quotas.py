"""Who has had enough warnings, and what still gets through."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.domain.warning_quotas import GroupQuota, LimitReason, Limits, WarningCount, over_limit

LIMITS = Limits(per_day=2, per_week=5, platform_month=30, reserve=6)
TODAY = date(2026, 3, 10)


def why(
    count: WarningCount,
    severity: str = "moderate",
    override: str = "",
    *,
    platform: bool = True,
    per_day: int = 0,
) -> str | None:
    group = GroupQuota("g", platform=platform, per_day=per_day)
    return over_limit([group], {"g": count}, LIMITS, severity, override).get("g")


@pytest.mark.parametrize(
    ("count", "everyday", "severe", "overridden"),
    [
        (WarningCount(1, 4, 23), None, None, None),
        (WarningCount(2, 2, 2), "day", "day", None),
        (WarningCount(0, 5, 5), "week", "week", None),
        (WarningCount(0, 0, 24), "reserve", None, None),
        (WarningCount(0, 0, 29), "reserve", None, None),
        (WarningCount(0, 0, 30), "platform", "platform", "platform"),
        (WarningCount(2, 5, 30), "platform", "platform", "platform"),
        (WarningCount(2, 5, 24), "reserve", "day", None),
    ],
)
def test_what_holds_a_group_back(
    count: WarningCount, everyday: str | None, severe: str | None, overridden: str | None
) -> None:
    assert why(count) == everyday
    assert why(count, "severe") == severe
    assert why(count, "severe", "资金正在转移") == overridden


def test_an_override_helps_no_everyday_warning_and_needs_a_reason() -> None:
    assert why(WarningCount(2, 2, 2), "moderate", "资金正在转移") == "day"
    assert why(WarningCount(2, 2, 2), "severe", "  ") == "day"


def test_a_channel_that_counts_nothing_has_no_platform_limit() -> None:
    assert why(WarningCount(0, 0, 99), platform=False) is None


def test_a_groups_own_limit_goes_before_the_general_one() -> None:
    assert why(WarningCount(1, 1, 1), per_day=1) == "day"
    assert why(WarningCount(2, 2, 2), per_day=3) is None


def test_a_group_that_was_never_warned_may_be() -> None:
    assert over_limit([GroupQuota("new", platform=True)], {}, LIMITS, "moderate") == {}


def counted(warnings: dict[date, int], platform: dict[date, int]) -> WarningCount:
    """What a group has had with so many messages a day."""
    count = WarningCount()
    for day, n in warnings.items():
        for _ in range(n):
            count.add(day, TODAY, warning=True, counted=False)
    for day, n in platform.items():
        for _ in range(n):
            count.add(day, TODAY, warning=False, counted=True)
    return count


def test_a_week_is_seven_days_and_a_month_the_calendars() -> None:
    each_day = {TODAY - timedelta(days=n): 1 for n in range(-1, 30)}
    assert counted(each_day, each_day | {date(2026, 3, 1): 3}) == WarningCount(today=1, week=7, month=12)
    assert counted({}, {date(2026, 3, 1): 1}) == WarningCount(0, 0, 1)


def test_what_is_a_warning_and_counted_by_the_platform_is_both() -> None:
    count = WarningCount()
    count.add(TODAY, TODAY, warning=True, counted=True)
    assert count == WarningCount(1, 1, 1)


COUNTS = st.builds(WarningCount, st.integers(0, 4), st.integers(0, 8), st.integers(0, 40))
RECEIVERS = st.lists(
    st.builds(GroupQuota, st.sampled_from("abcdef"), st.booleans(), st.integers(0, 3)),
    unique_by=lambda group: group.group_id,
)
BY_GROUP = st.dictionaries(st.sampled_from("abcdef"), COUNTS)
LIMITED = st.builds(Limits, st.integers(1, 3), st.integers(1, 7), st.integers(1, 31), st.integers(0, 10))


@given(RECEIVERS, BY_GROUP, LIMITED)
def test_the_more_severe_the_fewer_are_held_back_and_nothing_lifts_the_platforms_limit(
    groups: list[GroupQuota], counts: dict[str, WarningCount], limits: Limits
) -> None:
    everyday = over_limit(groups, counts, limits, "moderate")
    severe = over_limit(groups, counts, limits, "severe")
    overridden = over_limit(groups, counts, limits, "severe", "资金正在转移")
    assert overridden.keys() <= severe.keys() <= everyday.keys() <= {group.group_id for group in groups}
    assert set(overridden.values()) <= {LimitReason.PLATFORM}
    full = {
        g.group_id
        for g in groups
        if g.platform and counts.get(g.group_id, WarningCount()).month >= limits.platform_month
    }
    assert overridden.keys() == full


@given(RECEIVERS, BY_GROUP, LIMITED)
def test_nobody_gets_more_than_a_limit_by_being_warned_until_held_back(
    groups: list[GroupQuota], counts: dict[str, WarningCount], limits: Limits
) -> None:
    for _ in range(5):
        held = over_limit(groups, counts, limits, "moderate")
        for group in groups:
            if group.group_id not in held:
                had = counts.get(group.group_id, WarningCount())
                counts[group.group_id] = WarningCount(had.today + 1, had.week + 1, had.month + 1)
                assert had.today < (group.per_day or limits.per_day)
                assert had.week < limits.per_week
                assert not group.platform or had.month < limits.platform_month - limits.reserve


@given(st.dictionaries(st.dates(TODAY - timedelta(days=40), TODAY + timedelta(days=3)), st.integers(0, 3)))
def test_counts_are_sums_over_their_days(days: dict[date, int]) -> None:
    ours = {day: n for day, n in days.items() if day <= TODAY}
    assert counted(days, days) == WarningCount(
        ours.get(TODAY, 0),
        sum(n for day, n in ours.items() if (TODAY - day).days < 7),
        sum(n for day, n in ours.items() if (day.year, day.month) == (TODAY.year, TODAY.month)),
    )
