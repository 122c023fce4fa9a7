"""What a submitted warning reaches among its frozen groups: the same answer at its approval and on the page
before it. Pure."""

from collections.abc import Iterable, Mapping

from fenghuo.domain.alert import Content
from fenghuo.domain.events import Group
from fenghuo.domain.routing import way_for


def still_there(group_ids: Iterable[str], groups: Mapping[str, Group]) -> list[Group]:
    """Those of the frozen ``group_ids`` that have not gone since."""
    return [groups[x] for x in group_ids if x in groups and not groups[x].gone]


def frozen_reach(content: Content, frozen: Iterable[Group]) -> tuple[int, int]:
    """(groups, residents) that ``content`` reaches through its channels among its ``frozen`` groups."""
    sizes = [x.members for x in frozen if way_for(x, content.channels, content.exercise) is not None]
    return len(sizes), sum(sizes)
