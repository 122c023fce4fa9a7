"""Which groups may get no further warning: one answer for the approver's preview (console) and for the plan
(broadcast).
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from fenghuo.desk.desk import Desk
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.channels import COUNTED
from fenghuo.domain.events import Group
from fenghuo.domain.warning_quotas import WEEK, GroupQuota, LimitReason, Limits, WarningCount, over_limit
from fenghuo.settings import Settings

MONTH = 31
"""Days that a platform's month has at most."""


def limits_of(settings: Settings) -> Limits:
    """How many warnings a group takes, as the settings say."""
    return Limits(
        per_day=settings.warnings_a_day, per_week=settings.warnings_a_week,
        platform_month=settings.customer_group_month, reserve=settings.customer_group_reserve,
    )  # fmt: skip


def receiver(group: Group, channel: str) -> GroupQuota:
    """``group`` as its share of warnings is judged, when it is warned through ``channel``."""
    return GroupQuota(group.group_id, platform=channel in COUNTED, per_day=group.quota_day)


async def held_back_groups(
    desk: Desk,
    receivers: Sequence[GroupQuota],
    *,
    alert_id: str,
    severity: str,
    override: str,
    limits: Limits,
    now: datetime,
) -> dict[str, LimitReason]:
    """Those of ``receivers`` (by group id) that may not get one more warning, with why; what ``alert_id``
    itself and exercises sent does not count. PLATFORM and RESERVE hold only for the group's first way: its
    own share is not used up."""
    back = MONTH if any(x.platform for x in receivers) else WEEK.days
    counts = await _counts(desk, receivers, alert_id, now, back)
    held = over_limit(receivers, counts, limits, severity, override)
    elsewhere = [GroupQuota(x.group_id, False, x.per_day) for x in receivers if x.group_id in held]
    return held | over_limit(elsewhere, counts, limits, severity, override)


async def _counts(
    desk: Desk, receivers: Sequence[GroupQuota], alert_id: str, now: datetime, back: int
) -> Mapping[str, WarningCount]:
    """What each of ``receivers`` got on the last ``back`` days."""
    today = now.astimezone(CHINA).date()
    counts = _GroupCounts([x.group_id for x in receivers])
    is_counted_alert: dict[str, bool] = {alert_id: False}
    for day in (today - timedelta(days=n) for n in range(back)):
        counts.begin_day()
        async for rows in desk.deliveries.warned_on(day.isoformat()):
            new = sorted({x.alert_id for x in rows} - is_counted_alert.keys())
            alerts = await desk.alerts.get_many(new)
            is_counted_alert |= {x: x not in alerts or not alerts[x].content.exercise for x in new}
            for row in rows:
                if counts.is_new(row.group_id, (row.alert_id, row.channel, row.kind)):
                    warning = row.kind == "warning" and is_counted_alert[row.alert_id]
                    counts.add(row.group_id, day, today, warning=warning, counted=row.channel in COUNTED)
    return counts


class _GroupCounts(Mapping[str, WarningCount]):
    """The WarningCount of each group, in 6 bytes per group; a dict of objects would take two hundred."""

    def __init__(self, group_ids: Sequence[str]) -> None:
        self._at = {group_id: n for n, group_id in enumerate(group_ids)}
        self._today, self._week, self._month = (array("H", bytes(2 * len(group_ids))) for _ in range(3))
        self._seen: dict[tuple[str, str, str], bytearray] = {}

    def begin_day(self) -> None:
        """Forget the messages of the day before: the next ones are of another day."""
        self._seen.clear()

    def is_new(self, group_id: str, what: tuple[str, str, str]) -> bool:
        """Whether the message ``what`` of this day to ``group_id`` has not been counted yet (pages repeat
        rows); False for a group that is not counted here."""
        at = self._at.get(group_id)
        if at is None:
            return False
        seen = self._seen.get(what)
        if seen is None:
            seen = self._seen[what] = bytearray(len(self._today) // 8 + 1)
        place, bit = divmod(at, 8)
        new = not seen[place] >> bit & 1
        seen[place] |= 1 << bit
        return new

    def add(self, group_id: str, day: date, today: date, *, warning: bool, counted: bool) -> None:
        """Count one message, as ``WarningCount.add``."""
        at, count = self._at[group_id], self[group_id]
        count.add(day, today, warning=warning, counted=counted)
        self._today[at], self._week[at], self._month[at] = count.today, count.week, count.month

    def __getitem__(self, group_id: str) -> WarningCount:
        at = self._at[group_id]
        return WarningCount(self._today[at], self._week[at], self._month[at])

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)
