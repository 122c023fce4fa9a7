"""Whom an audience means: the same answer for the reach shown before approval and for the plan. Pure."""

from collections.abc import Iterable

from fenghuo.alerts import Audience, Content
from fenghuo.events import Group

CHANNELS = ("sandbox", "webhook")
"""The ways to groups that exist, the default first; broadcast has an adapter for each."""


def in_audience(group: Group, audience: Audience) -> bool:
    """Whether a warning to ``audience`` goes to ``group``."""
    if group.gone or group.place.district != audience.district:
        return False
    return not audience.towns or group.place.town in audience.towns


def channel_for(group: Group, exercise: bool) -> str:
    """The way to ``group``; an exercise goes nowhere but to the sandbox."""
    return CHANNELS[0] if exercise else group.channel


def reach_of(content: Content, groups: Iterable[Group]) -> tuple[int, int]:
    """(groups, residents) that ``content`` reaches through its channels; the other groups of its audience
    it does not."""
    meant = (group for group in groups if in_audience(group, content.audience))
    sizes = [group.members for group in meant if channel_for(group, content.exercise) in content.channels]
    return len(sizes), sum(sizes)
