"""Which groups have had their share of warnings: the same answer before approval (console) and in the plan
(broadcast).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from fenghuo.events import Group
from fenghuo.fatigue import Count, Held, Limits, Receiver, counts_from, held_back
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import CHINA

COUNTED = frozenset({"wecom_customer_group"})
"""Channels whose platform counts what a group gets."""
PLATFORMS = frozenset({Held.PLATFORM, Held.RESERVE})
"""Reasons that hold for one way and not for the next."""
LOOKED_BACK = 31
"""Days: as long as a platform's month."""


def limits_of(settings: Settings) -> Limits:
    """How many warnings a group takes, as the settings say."""
    return Limits(
        per_day=settings.warnings_a_day, per_week=settings.warnings_a_week,
        platform_month=settings.customer_group_month, reserve=settings.customer_group_reserve,
    )  # fmt: skip


async def held_back_groups(
    desk: Desk,
    groups: Iterable[Group],
    *,
    alert_id: str,
    channels: Collection[str],
    severity: str,
    override: str,
    limits: Limits,
    now: datetime,
) -> dict[str, Held]:
    """Those of ``groups`` that may not get one more warning, with why; what ``alert_id`` itself and exercises
    sent does not count. PLATFORM and RESERVE hold only for the group's first way: its own share is not used
    up."""
    counts = await _counts(desk, alert_id, now)
    receivers = [
        Receiver(g.group_id, platform=_way(g, channels) in COUNTED, per_day=g.quota_day) for g in groups
    ]
    held = held_back(receivers, counts, limits, severity, override)
    elsewhere = [replace(x, platform=False) for x in receivers if x.group_id in held]
    return held | held_back(elsewhere, counts, limits, severity, override)


def _way(group: Group, channels: Collection[str]) -> str:
    return next((way.channel for way in group.ways if way.channel in channels), "")


async def _counts(desk: Desk, alert_id: str, now: datetime) -> Mapping[str, Count]:
    today = now.astimezone(CHINA).date()
    days = {today - timedelta(days=n) for n in range(LOOKED_BACK)}
    rows = await desk.warned([day.isoformat() for day in days])
    alerts = await desk.alerts_by_id(sorted({alert for found in rows.values() for _, alert, _, _ in found}))
    no_share = {alert_id, *(x.alert_id for x in alerts.values() if x.content.exercise)}
    warnings: dict[date, Counter[str]] = {}
    platform: dict[date, Counter[str]] = {}
    for day in days:
        for group_id, alert, channel, kind in rows[day.isoformat()]:
            if channel in COUNTED:
                platform.setdefault(day, Counter())[group_id] += 1
            if kind == "warning" and alert not in no_share:
                warnings.setdefault(day, Counter())[group_id] += 1
    return counts_from(warnings, platform, today)
