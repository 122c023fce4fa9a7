"""Which groups may get one more warning, and why others may not: warning fatigue and platforms' quotas."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import msgspec

SEVERE = "severe"
"""The severity that may use the reserve and be overridden."""
WEEK = timedelta(days=7)


class LimitReason(StrEnum):
    """Why a group may get no further warning, in the order in which the reasons are checked."""

    PLATFORM = "platform"
    RESERVE = "reserve"
    DAY = "day"
    WEEK = "week"


PLATFORMS = frozenset({LimitReason.PLATFORM, LimitReason.RESERVE})
"""Limits of one way to a group; the group's other ways are free of them."""


class GroupQuota(msgspec.Struct, frozen=True, gc=False):
    """The quota of one group. ``platform``: the platform of its channel counts messages too. ``per_day``: the
    group's own limit; 0: the general one."""

    group_id: str
    platform: bool = False
    per_day: int = 0


class WarningCount(msgspec.Struct, gc=False):
    """What a group has received: warnings ``today`` and in the seven days that end today (``week``); every
    message that its platform counted this calendar month (``month``)."""

    today: int = 0
    week: int = 0
    month: int = 0

    def add(self, day: date, today: date, *, warning: bool, counted: bool) -> None:
        """Count one message of ``day``: a ``warning``, or one that its platform ``counted`` (officers' own
        mass messages and corrections too), or both. A day after ``today`` or long past changes nothing."""
        if not day <= today:
            return
        self.today += warning and day == today
        self.week += warning and today - day < WEEK
        self.month += counted and (day.year, day.month) == (today.year, today.month)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many messages a group may get: warnings per day and in any seven days; on its platform messages per
    calendar month, of which ``reserve`` are kept for severe warnings."""

    per_day: int
    per_week: int
    platform_month: int
    reserve: int


def over_limit(
    groups: Iterable[GroupQuota],
    counts: Mapping[str, WarningCount],
    limits: Limits,
    severity: str,
    override: str = "",
) -> dict[str, LimitReason]:
    """The groups (by id) that may not get one more warning of ``severity`` now, and why; all others may.

    A group without a count has received nothing. ``override`` is the recorded reason for a severe warning to
    ignore the day's and the week's limit; nothing lifts the platform's own.
    """
    severe = severity == SEVERE
    patient = not (severe and override.strip())
    found = (
        (group.group_id, _reason(group, counts.get(group.group_id, WarningCount()), limits, severe, patient))
        for group in groups
    )
    return {group_id: reason for group_id, reason in found if reason is not None}


def _reason(
    group: GroupQuota, had: WarningCount, limits: Limits, severe: bool, patient: bool
) -> LimitReason | None:
    if group.platform and had.month >= limits.platform_month:
        return LimitReason.PLATFORM
    if group.platform and not severe and had.month >= limits.platform_month - limits.reserve:
        return LimitReason.RESERVE
    if patient and had.today >= (group.per_day or limits.per_day):
        return LimitReason.DAY
    if patient and had.week >= limits.per_week:
        return LimitReason.WEEK
    return None
