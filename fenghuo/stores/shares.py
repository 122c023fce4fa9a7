"""Which groups have had their share of warnings: the same answer before approval (console) and in the plan
(broadcast).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from fenghuo.events import Group
from fenghuo.fatigue import WEEK, Count, Held, Limits, Receiver, held_back
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import CHINA

COUNTED = frozenset({"wecom_customer_group"})
"""Channels whose platform counts what a group gets."""
PLATFORMS = frozenset({Held.PLATFORM, Held.RESERVE})
"""Reasons that hold for one way and not for the next."""
MONTH = 31
"""Days that a platform's month has at most."""


def limits_of(settings: Settings) -> Limits:
    """How many warnings a group takes, as the settings say."""
    return Limits(
        per_day=settings.warnings_a_day, per_week=settings.warnings_a_week,
        platform_month=settings.customer_group_month, reserve=settings.customer_group_reserve,
    )  # fmt: skip


def receiver(group: Group, channels: Collection[str]) -> Receiver:
    """``group`` as its share of warnings is judged, when it is warned through ``channels``."""
    return Receiver(group.group_id, platform=is_counted(group, channels), per_day=group.quota_day)


def is_counted(group: Group, channels: Collection[str]) -> bool:
    """Whether its platform counts what ``group`` gets by the first of its ways that is in ``channels``."""
    return next((way.channel for way in group.ways if way.channel in channels), "") in COUNTED


async def held_back_groups(
    desk: Desk,
    receivers: Sequence[Receiver],
    *,
    alert_id: str,
    severity: str,
    override: str,
    limits: Limits,
    now: datetime,
) -> dict[str, Held]:
    """Those of ``receivers`` (by group id) that may not get one more warning, with why; what ``alert_id``
    itself and exercises sent does not count. PLATFORM and RESERVE hold only for the group's first way: its
    own share is not used up."""
    back = MONTH if any(x.platform for x in receivers) else WEEK.days
    counts = await _counts(desk, alert_id, now, back)
    held = held_back(receivers, counts, limits, severity, override)
    elsewhere = [Receiver(x.group_id, False, x.per_day) for x in receivers if x.group_id in held]
    return held | held_back(elsewhere, counts, limits, severity, override)


async def _counts(desk: Desk, alert_id: str, now: datetime, back: int) -> Mapping[str, Count]:
    """What each group has had on the last ``back`` days; of what is read no more is held than that."""
    today = now.astimezone(CHINA).date()
    counts: dict[str, Count] = {}
    is_share: dict[str, bool] = {alert_id: False}
    for day in (today - timedelta(days=n) for n in range(back)):
        async for rows in desk.warned(day.isoformat()):
            new = sorted({alert for _, alert, _, _ in rows} - is_share.keys())
            alerts = await desk.alerts_by_id(new)
            is_share |= {x: x not in alerts or not alerts[x].content.exercise for x in new}
            for group_id, alert, channel, kind in rows:
                warning = kind == "warning" and is_share[alert]
                count = counts.get(group_id) or counts.setdefault(group_id, Count())
                count.add(day, today, warning=warning, counted=channel in COUNTED)
    return counts
