"""Whom an audience means: the same answer for the reach shown before approval and for the plan. Pure."""

from collections.abc import Iterable

from fenghuo.alerts import Audience
from fenghuo.events import Group

CHANNELS = ("sandbox", "webhook")
"""The ways to groups that exist, the default first; broadcast has an adapter for each."""


def in_audience(group: Group, audience: Audience) -> bool:
    """Whether a warning to ``audience`` goes to ``group``."""
    if group.gone or group.place.district != audience.district:
        return False
    return not audience.towns or group.place.town in audience.towns


def reach_of(audience: Audience, groups: Iterable[Group]) -> tuple[int, int]:
    """(groups, residents) that ``audience`` reaches."""
    sizes = [group.members for group in groups if in_audience(group, audience)]
    return len(sizes), sum(sizes)
