"""Which way a group gets a warning."""

from collections.abc import Collection, Mapping

from fenghuo.domain import events as e
from fenghuo.domain.channels import OWNER_TASKS, SANDBOX
from fenghuo.domain.events import Binding, Group


def ways_to(
    group: e.Group, channels: Collection[str], people: Mapping[str, e.Person], *, exercise: bool = False
) -> list[e.Binding]:
    """The ways to ``group`` that are approved and can work, the preferred first; an exercise has the sandbox
    alone."""
    if exercise:
        return [e.Binding(channel=SANDBOX.name)] if SANDBOX.name in channels else []
    return [
        way for way in group.ways
        if way.channel in channels and (way.channel not in OWNER_TASKS or sender_of(group, people))
    ]  # fmt: skip


def sender_of(group: e.Group, people: Mapping[str, e.Person]) -> str:
    """What the platform calls the group's owner; empty without an owner."""
    owner = people.get(group.owner)
    return (owner.userid if owner else "") or group.owner


def next_way(group: e.Group, release: e.Release, after: str) -> str:
    """The channel of the group's next way after ``after``, each channel once; empty when there is none."""
    ways = ways_to(group, release.channels, {}, exercise=release.exercise)
    names = list(dict.fromkeys(way.channel for way in ways))
    rest = names[names.index(after) + 1 :] if after in names else []
    return rest[0] if rest else ""


def moved_to(group: e.Group, release: e.Release, channel: str) -> str:
    """The channel of the first approved way to a group that ``channel`` is no way to any more; empty when
    there is none."""
    ways = ways_to(group, release.channels, {}, exercise=release.exercise)
    return next((way.channel for way in ways if way.channel != channel), "")


def way_of(group: e.Group, channel: str) -> e.Binding | None:
    """The group's way through ``channel``."""
    if channel == SANDBOX.name:
        return e.Binding(channel=SANDBOX.name)
    return next((way for way in group.ways if way.channel == channel), None)


def correction_way(
    group: e.Group, release: e.Release, people: Mapping[str, e.Person], came_by: str
) -> e.Binding | None:
    """The way by which the group's warning came; its first approved one where that is no way to it any
    more."""
    ways = ways_to(group, release.channels, people, exercise=release.exercise)
    return way_of(group, came_by) or next(iter(ways), None)


def way_for(group: Group, channels: Collection[str], exercise: bool, after: str = "") -> Binding | None:
    """The first way to ``group`` whose channel is approved, behind that by ``after`` where one is named.

    An exercise goes nowhere but to the sandbox.
    """
    if exercise:
        return Binding(channel=SANDBOX.name) if SANDBOX.name in channels and not after else None
    ways = group.ways
    if after:
        names = [x.channel for x in ways]
        ways = ways[names.index(after) + 1 :] if after in names else ()
    return next((x for x in ways if x.channel in channels), None)
