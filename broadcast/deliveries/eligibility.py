"""Whether a group may still get a delivery now, and where the delivery goes instead. Pure.

The same rules hold for single messages and for the tasks that owners tap. They are asked in two steps:
``open_way`` before anything is prepared, ``hold_back`` right before it would be sent.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fenghuo.domain import events as e
from fenghuo.domain.channels import SANDBOX
from fenghuo.domain.delivery import LatestRelease, held_by_halt
from fenghuo.domain.quiet_hours import quiet_until
from fenghuo.domain.routing import NoWay, route, way_of
from fenghuo.domain.taps import Tappers


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not by this channel: the group goes on by ``next_channel``, or gets nothing where that is empty."""

    reason: str
    next_channel: str = ""


@dataclass(frozen=True, slots=True)
class Postponement:
    """Not now: again at ``until``; None: once a person has resumed the channel. ``reason`` is "quiet" or
    "halted:NAME"."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """Never again: the warning was recalled, has expired, or was replaced by a newer version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the rules need to know beside the delivery. ``open_breaker`` is the name of what is halted on the
    delivery's way; empty while nothing is. ``quiet_hours`` are the hours (from, to) in China."""

    now: datetime
    latest: LatestRelease | None
    open_breaker: str
    quiet_hours: tuple[int, int]


def open_way(
    channel: str, group: e.Group, release: e.Release, tappers: Tappers, available: Collection[str]
) -> e.Binding | Refusal:
    """The group's way through ``channel``, or why it is closed. ``available`` are the channels of this
    process."""
    if group.gone:
        return Refusal(NoWay.GONE)
    if release.exercise and channel != SANDBOX.name:
        return Refusal("an exercise goes to the sandbox alone")
    way = way_of(group, channel)
    if way is None or channel not in available:
        return Refusal("no such channel here", route(group, release, tappers, without={channel}).channel)
    if not tappers.can_tap(group, channel):
        return Refusal(NoWay.NOBODY, route(group, release, tappers, after=channel).channel)
    return way


def hold_back(
    request: e.DeliveryRequested,
    release: e.Release,
    conditions: Conditions,
    *,
    next_channel: str,
    may_have_arrived: bool,
) -> Refusal | Postponement | Superseded | None:
    """Why the delivery is not to be sent now; None: send it.

    A delivery that nothing holds back is not asked here whether it is superseded: the last look does that
    (limits/last_look.py), after its mark.
    """
    decision: Refusal | Postponement
    if conditions.open_breaker:
        name = conditions.open_breaker
        decision = when_halted(
            name, held_by_halt(name), next_channel=next_channel, may_have_arrived=may_have_arrived
        )
    elif (until := _quiet_until(request, release, conditions)) is not None:
        decision = Postponement("quiet", until)
    else:
        return None
    latest, expires_at = conditions.latest, release.expires_at
    over = is_superseded(request.kind, request.version, expires_at, latest, conditions.now)
    return Superseded() if over else decision


def _quiet_until(request: e.DeliveryRequested, release: e.Release, conditions: Conditions) -> datetime | None:
    """When the quiet hours end that hold the delivery back; a correction is never held back by them."""
    if request.kind == "correction":
        return None
    return quiet_until(conditions.now, release.severity, *conditions.quiet_hours)


def when_halted(
    name: str, reason: str, *, next_channel: str, may_have_arrived: bool
) -> Refusal | Postponement:
    """What happens to a delivery whose channel or credential ``name`` is halted: it goes by the next way, or
    waits for a person to resume ``name``. It waits as well where it may have arrived: by another way the
    group would get it twice."""
    if next_channel and not may_have_arrived:
        return Refusal(reason, next_channel)
    return Postponement(held_by_halt(name))


def is_superseded(
    kind: str, version: int, expires_at: datetime, latest: LatestRelease | None, now: datetime
) -> bool:
    """Whether a warning must not leave any more: recalled, expired, or replaced by a newer version. A
    correction always may."""
    if kind == "correction":
        return False
    if now >= expires_at:
        return True
    return latest is not None and (latest.version > version or latest.change in ("recalled", "expired"))
