"""What groups have had: every message once, whatever the store says twice."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from fenghuo.desk.deliveries import WarnedGroup
from fenghuo.desk.desk import Desk
from fenghuo.desk.warning_counts import held_back_groups
from fenghuo.domain.warning_quotas import GroupQuota, LimitReason, Limits
from tests.support.builders import NOON


class Days:
    """A desk that knows what groups got on some days, in pages."""

    def __init__(self, **days: Sequence[Sequence[WarnedGroup]]) -> None:
        self._days = {day.strip("d").replace("_", "-"): pages for day, pages in days.items()}
        self.deliveries = SimpleNamespace(warned_on=self.warned_on)
        self.alerts = SimpleNamespace(get_many=self.alerts_by_id)

    async def warned_on(self, day: str) -> AsyncIterator[list[WarnedGroup]]:
        for page in self._days.get(day, ()):
            yield list(page)

    async def alerts_by_id(self, _alert_ids: Sequence[str]) -> Mapping[str, Any]:
        return {}


async def held(
    desk: Days, *receivers: GroupQuota, severity: str = "moderate", month: int = 28
) -> dict[str, LimitReason]:
    limits = Limits(per_day=2, per_week=3, platform_month=month, reserve=0)
    return await held_back_groups(
        cast(Desk, desk), receivers, alert_id="now", severity="moderate", override="", limits=limits, now=NOON
    )


def got(group_id: str, alert: str, channel: str = "relay", kind: str = "warning") -> WarnedGroup:
    return WarnedGroup(group_id, alert, channel, kind)


async def test_a_message_that_the_store_tells_twice_is_one() -> None:
    desk = Days(d2026_03_09=[[got("g1", "a1"), got("g1", "a1")], [got("g1", "a1"), got("g2", "a1")]])
    assert await held(desk, GroupQuota("g1"), GroupQuota("g2")) == {}


async def test_two_warnings_of_one_day_are_a_days_share_and_a_third_day_fills_the_week() -> None:
    first = [got("g1", "a1"), got("g1", "a2"), got("g2", "a1"), got("g9", "a1"), got("g9", "a2")]
    desk = Days(d2026_03_09=[first], d2026_03_08=[[got("g2", "a1"), got("g2", "a3"), got("g3", "a1")]])
    every = [GroupQuota(f"g{n}") for n in range(1, 10)]
    assert await held(desk, *every) == {"g1": LimitReason.DAY, "g2": LimitReason.WEEK, "g9": LimitReason.DAY}


async def test_one_alert_on_two_ways_is_two_messages_and_its_own_do_not_count() -> None:
    desk = Days(
        d2026_03_09=[[got("g1", "a1"), got("g1", "a1", "webhook"), got("g2", "now"), got("g2", "a1")]]
    )
    assert await held(desk, GroupQuota("g1"), GroupQuota("g2")) == {"g1": LimitReason.DAY}


async def test_the_platform_counts_what_is_no_warning_too() -> None:
    channel = "wecom_customer_group"
    desk = Days(
        d2026_03_09=[[got("g1", "a1", channel, "correction"), got("g2", "a1", "relay", "correction")]],
        d2026_03_01=[[got("g1", "a1", channel), got("g2", "a1")]],
    )
    receivers = [GroupQuota("g1", platform=True), GroupQuota("g2", platform=True)]
    assert await held(desk, *receivers, month=2) == {"g1": LimitReason.PLATFORM}
    assert await held(desk, *receivers, month=3) == {}
