"""Which groups may get one more warning, and why others may not: fatigue and the platforms' quotas. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

SEVERE = "severe"
"""The severity that may use the reserve, and that an override helps."""
WEEK = timedelta(days=7)


class Held(StrEnum):
    """Why a group is held back, in the order in which a reason is looked for."""

    PLATFORM = "platform"
    RESERVE = "reserve"
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A group that may be warned. ``platform``: its channel counts messages (wecom_customer_group).
    ``per_day`` is its own limit; 0: the general one."""

    group_id: str
    platform: bool = False
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """What a group has had: warnings ``today`` and in the ``week`` that ends today; ``month``: every message
    that its platform counted this calendar month."""

    today: int = 0
    week: int = 0
    month: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages that a group may get: warnings a day and in any seven days; and on its platform a calendar
    month, of which ``reserve`` are kept for severe warnings."""

    per_day: int
    per_week: int
    platform_month: int
    reserve: int


Days = Mapping[date, Mapping[str, int]]
"""Messages by day and group id."""


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The day of the aware ``moment`` in ``zone``, where the groups are (Asia/Shanghai), ending at midnight.
    Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone belongs to no day")
    return moment.astimezone(zone).date()


def counts_from(warnings: Days, platform: Days, today: date) -> dict[str, Count]:
    """Counts of ``today``, by group id, from the ``warnings`` sent and from all that the ``platform`` counts
    (officers' own mass messages and corrections too). Days after today and long past count nothing."""
    week = _sums(warnings, today - WEEK + timedelta(days=1), today)
    month = _sums(platform, today.replace(day=1), today)
    day = warnings.get(today, {})
    return {
        group: Count(day.get(group, 0), week.get(group, 0), month.get(group, 0)) for group in week | month
    }


def _sums(days: Days, first: date, last: date) -> dict[str, int]:
    sums: dict[str, int] = {}
    for day, counts in days.items():
        if first <= day <= last:
            for group, n in counts.items():
                sums[group] = sums.get(group, 0) + n
    return sums


def held_back(
    groups: Iterable[Receiver],
    counts: Mapping[str, Count],
    limits: Limits,
    severity: str,
    override: str = "",
) -> dict[str, Held]:
    """The groups (by id) that may not get one more warning of ``severity`` now, and why; all others may.

    A group without a count has had nothing. ``override`` is the recorded reason for a severe warning to
    ignore the day's and the week's limit; nothing lifts the platform's own.
    """
    severe = severity == SEVERE
    patient = not (severe and override.strip())
    found = (
        (group.group_id, _reason(group, counts.get(group.group_id, Count()), limits, severe, patient))
        for group in groups
    )
    return {group_id: reason for group_id, reason in found if reason is not None}


def _reason(group: Receiver, had: Count, limits: Limits, severe: bool, patient: bool) -> Held | None:
    if group.platform and had.month >= limits.platform_month:
        return Held.PLATFORM
    if group.platform and not severe and had.month >= limits.platform_month - limits.reserve:
        return Held.RESERVE
    if patient and had.today >= (group.per_day or limits.per_day):
        return Held.DAY
    if patient and had.week >= limits.per_week:
        return Held.WEEK
    return None
