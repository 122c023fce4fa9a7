"""Which groups a warning is held back from because they have had their share: the same answer on the page
before approval and for the plan. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from fenghuo.alerts import Content
from fenghuo.audience import way_for
from fenghuo.events import Group
from fenghuo.fatigue import WEEK, Held, Limits, Receiver, counts_from, held_back
from fenghuo.settings import Settings

COUNTING = "wecom_customer_group"
"""The channel whose platform counts the messages that a group gets in a month."""

Warned = Mapping[str, Iterable[tuple[str, str, str, str]]]
"""Of each day (YYYY-MM-DD): (group, alert, channel, kind), as Desk.warned tells."""


def limits_of(settings: Settings) -> Limits:
    return Limits(
        per_day=settings.warnings_a_day, per_week=settings.warnings_a_week,
        platform_month=settings.customer_group_month, reserve=settings.customer_group_reserve,
    )  # fmt: skip


def days_that_count(today: date) -> list[str]:
    """The days (YYYY-MM-DD) for which the desk is asked: this month's and the last seven."""
    first = min(today.replace(day=1), today - WEEK + timedelta(days=1))
    return [(first + timedelta(days=n)).isoformat() for n in range((today - first).days + 1)]


def groups_held(
    groups: Iterable[Group], content: Content, *, alert_id: str, warned: Warned, today: date, limits: Limits
) -> dict[str, Held]:
    """The groups (by id) that ``content`` is held back from, and why.

    What the groups have of this very alert does not count against its next version, which those with the old
    one need; on the platform it does count. An exercise is held back from nobody.
    """
    if content.exercise:
        return {}
    warnings: dict[date, Counter[str]] = {}
    platform: dict[date, Counter[str]] = {}
    for day, told in warned.items():
        on = date.fromisoformat(day)
        warnings[on], platform[on] = Counter(), Counter()
        for group_id, alert, channel, kind in told:
            warnings[on][group_id] += kind == "warning" and alert != alert_id
            platform[on][group_id] += channel == COUNTING
    receivers = [_receiver(group, content) for group in groups]
    counts = counts_from(warnings, platform, today)
    return held_back(receivers, counts, limits, content.severity, content.override)


def _receiver(group: Group, content: Content) -> Receiver:
    way = way_for(group, content.channels, content.exercise)
    return Receiver(group.group_id, way is not None and way.channel == COUNTING, group.quota_day)
