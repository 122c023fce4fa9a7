"""What a warning reaches, way by way: the same answer on the page before approval and at the approval. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from fenghuo.alerts import Content
from fenghuo.audience import channel_for
from fenghuo.events import Group


def way_of(group: Group, content: Content) -> str:
    """The channel by which ``content`` goes to ``group``: its first way that was chosen; "" if none was."""
    if content.exercise:
        channel = channel_for(group, exercise=True)
        return channel if channel in content.channels else ""
    return next((way.channel for way in group.ways if way.channel in content.channels), "")


def still_there(group_ids: Iterable[str], groups: Mapping[str, Group]) -> list[Group]:
    """Those of the frozen ``group_ids`` that have not gone since."""
    return [groups[x] for x in group_ids if x in groups and not groups[x].gone]


def frozen_reach(content: Content, frozen: Sequence[Group]) -> tuple[int, int]:
    """(groups, residents) that ``content`` reaches among its ``frozen`` groups."""
    sizes = [group.members for group in frozen if way_of(group, content)]
    return len(sizes), sum(sizes)
