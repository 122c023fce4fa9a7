"""Whom an audience means and by which way: the same answer for the reach shown before approval and for the
plan. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from fenghuo.domain.alert import Audience, Content
from fenghuo.domain.audience_expression import Condition, ExpressionError, parse, to_text
from fenghuo.domain.audience_matching import matcher, matches, unknown_names
from fenghuo.domain.events import Group
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers

__all__ = [
    "Condition", "ExpressionError", "arrived_later", "digest_of", "freeze", "frozen_reach",
    "in_audience", "matches", "parse", "reach_of", "still_there", "to_text", "unknown_names",
]  # fmt: skip


_parsed = lru_cache(maxsize=256)(parse)


def in_audience(group: Group, audience: Audience) -> bool:
    """Whether ``audience`` means ``group``, by its towns and its expression.

    Raises ExpressionError for an expression that cannot be read: the group is neither in nor out.
    """
    if group.gone or group.place.district != audience.district:
        return False
    if audience.towns and group.place.town not in audience.towns:
        return False
    return not audience.expression or matcher(_parsed(audience.expression))(group)


def freeze(groups: Iterable[Group], audience: Audience) -> tuple[str, ...]:
    """The ids of the groups that ``audience`` means now, sorted; raises ExpressionError."""
    return tuple(sorted(x.group_id for x in groups if in_audience(x, audience)))


def digest_of(group_ids: Iterable[str]) -> str:
    """SHA-256 (64 hex digits) over the ids, sorted, a line each: what stands for them in the approved
    content."""
    return hashlib.sha256("\n".join(sorted(group_ids)).encode()).hexdigest()


def arrived_later(groups: Iterable[Group], audience: Audience, frozen: Collection[str]) -> list[Group]:
    """The groups that ``audience`` means now and that are not among the ``frozen`` ids: offered to a person,
    never added."""
    known = frozenset(frozen)
    found = [x for x in groups if x.group_id not in known and in_audience(x, audience)]
    return sorted(found, key=lambda x: x.group_id)


def still_there(group_ids: Iterable[str], groups: Mapping[str, Group]) -> list[Group]:
    """Those of the frozen ``group_ids`` that have not gone since."""
    return [groups[x] for x in group_ids if x in groups and not groups[x].gone]


def reach_of(content: Content, groups: Iterable[Group], tappers: Tappers) -> tuple[int, int]:
    """(groups, residents) that ``content`` reaches through its channels; the other groups of its audience
    it does not. Raises ExpressionError."""
    return frozen_reach(content, (x for x in groups if in_audience(x, content.audience)), tappers)


def frozen_reach(content: Content, frozen: Iterable[Group], tappers: Tappers) -> tuple[int, int]:
    """(groups, residents) that ``content`` reaches through its channels among its ``frozen`` groups: the
    same answer at its approval and on the page before it."""
    sizes = [x.members for x in frozen if route(x, content, tappers).way is not None]
    return len(sizes), sum(sizes)
