"""Whom an audience means and by which way: the same answer for the reach shown before approval and for the
plan. Pure."""

import hashlib
from collections.abc import Collection, Iterable
from functools import lru_cache

from fenghuo.alerts import Audience, Content
from fenghuo.conditions import Condition, ExpressionError, means, parse, shown, test_of, unknown_names
from fenghuo.events import Binding, Group

__all__ = [
    "CHANNELS", "Condition", "ExpressionError", "arrived_later", "digest_of", "freeze",
    "in_audience", "means", "parse", "reach_of", "shown", "unknown_names", "way_for",
]  # fmt: skip

CHANNELS = (
    "sandbox", "relay", "wecom_customer_group", "wecom_robot", "dingtalk", "feishu", "webhook", "apprise",
)  # fmt: skip
"""The ways to groups that exist, the default first; broadcast has an adapter for each."""
SANDBOX = Binding(channel=CHANNELS[0])

_parsed = lru_cache(maxsize=256)(parse)


def in_audience(group: Group, audience: Audience) -> bool:
    """Whether ``audience`` means ``group``, by its towns and its expression.

    Raises ExpressionError for an expression that cannot be read: the group is neither in nor out.
    """
    if group.gone or group.place.district != audience.district:
        return False
    if audience.towns and group.place.town not in audience.towns:
        return False
    return not audience.expression or test_of(_parsed(audience.expression))(group)


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


def way_for(group: Group, channels: Collection[str], exercise: bool, after: str = "") -> Binding | None:
    """The first way to ``group`` whose channel is approved, behind that by ``after`` where one is named.

    An exercise goes nowhere but to the sandbox.
    """
    if exercise:
        return SANDBOX if SANDBOX.channel in channels and not after else None
    ways = group.ways
    if after:
        names = [x.channel for x in ways]
        ways = ways[names.index(after) + 1 :] if after in names else ()
    return next((x for x in ways if x.channel in channels), None)


def reach_of(content: Content, groups: Iterable[Group]) -> tuple[int, int]:
    """(groups, residents) that ``content`` reaches through its channels; the other groups of its audience
    it does not. Raises ExpressionError."""
    meant = (group for group in groups if in_audience(group, content.audience))
    sizes = [x.members for x in meant if way_for(x, content.channels, content.exercise) is not None]
    return len(sizes), sum(sizes)
