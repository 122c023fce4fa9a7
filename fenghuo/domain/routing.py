"""Which way a group gets a warning, or why it gets none: one rule for whoever asks. Pure.

The approver's preview, the coverage page, the plan and the sender ask ``route``; so what was promised before
an approval is what is done after it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fenghuo.domain.channels import COUNTED, GROUP_CHANNELS, NEEDS_TAP, SANDBOX
from fenghuo.domain.events import Binding, Group
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_quotas import PLATFORMS

NOTHING: frozenset[str] = frozenset()


class NoWay(StrEnum):
    """Why no way leads to a group, as its receipt says it; pages have words for each."""

    GONE = "the group is gone"
    NOT_APPROVED = "channel not approved"
    NOBODY = "nobody to tap"
    HELD_BACK = "held back"


class Approval(Protocol):
    """What was approved: the content of an alert, or its release."""

    @property
    def channels(self) -> Collection[str]: ...
    @property
    def exercise(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a group; without one, ``reason`` says why."""

    way: Binding | None
    reason: NoWay | None = None

    @property
    def channel(self) -> str:
        """The way's channel; empty without one."""
        return self.way.channel if self.way else ""


def route(
    group: Group,
    approval: Approval,
    tappers: Tappers,
    *,
    came_by: str = "",
    after: str = "",
    without: Collection[str] = NOTHING,
    held: str = "",
) -> Route:
    """The first of the group's ways that is approved and that somebody can tap, where it needs a tap.

    ``came_by``: a correction goes by the channel by which its warning came, approved or not, while that still
    leads to the group. ``after``: the ways behind this channel alone, where it could not be used.
    ``without``: channels that cannot be used now. ``held``: the LimitReason for which the group gets no
    further warning; where it is a platform's own limit, it gets the warning by a way that no platform
    counts.
    """
    if group.gone:
        return Route(None, NoWay.GONE)
    if held and held not in PLATFORMS:
        return Route(None, NoWay.HELD_BACK)
    unusable = COUNTED.union(without) if held else without
    reason = NoWay.NOT_APPROVED
    for way in _candidates(group, approval, came_by, after):
        if way.channel in unusable:
            continue
        if way.channel in NEEDS_TAP and not tappers.can_tap(group, way.channel):
            reason = NoWay.NOBODY
            continue
        return Route(way)
    return Route(None, NoWay.HELD_BACK if held else reason)


def way_of(group: Group, channel: str) -> Binding | None:
    """The group's binding to ``channel``, the first where it has several; every group is on the sandbox."""
    if channel == SANDBOX.name:
        return Binding(channel=SANDBOX.name)
    return next((way for way in group.ways if way.channel == channel), None)


def _candidates(group: Group, approval: Approval, came_by: str, after: str) -> Iterator[Binding]:
    """The ways to try, in order; a channel once, so that going on from way to way comes to an end."""
    if came_by and (not approval.exercise or came_by == SANDBOX.name):
        way = way_of(group, came_by)
        if way is not None:
            yield way
    approved = _approved(group, approval)
    if not after:
        yield from approved.values()
    elif after in approved:
        names = list(approved)
        yield from (approved[name] for name in names[names.index(after) + 1 :])


def _approved(group: Group, approval: Approval) -> dict[str, Binding]:
    """The group's approved ways by channel, in its order; an exercise goes to the sandbox alone."""
    if approval.exercise:
        name = SANDBOX.name
        return {name: Binding(channel=name)} if name in approval.channels else {}
    found: dict[str, Binding] = {}
    for way in group.ways:
        if way.channel in approval.channels and way.channel in GROUP_CHANNELS:
            found.setdefault(way.channel, way)
    return found
