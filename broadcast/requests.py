"""The deliveries that one release leads to: who gets it, by which way, in which order. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from broadcast.rules import delivery_of
from fenghuo import events as e
from fenghuo.errors import Transient

ORDER = {"relay": 0, "wecom_customer_group": 0, "sandbox": 1, "webhook": 1}
"""What waits for people goes first, then what takes repeats; robots, which go one by one, hold nobody up."""
TASKS = frozenset({"wecom_customer_group"})
"""Channels through which an owner gets one task for many groups."""
MOST_CHATS = 2_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release is sent under: its event, kind, and the version whose text it is."""

    release: e.Release
    kind: e.Kind
    cause: e.Event


def require_all(group_ids: Collection[str], groups: Mapping[str, e.Group]) -> None:
    """Raise Transient when one of ``group_ids`` is unknown: a group that went keeps its row, so the desk is
    not whole."""
    if not groups.keys() >= set(group_ids):
        raise Transient("groups are missing on the desk: has `fenghuo rebuild` run?")


def ways_to(
    group: e.Group, channels: Collection[str], people: Mapping[str, e.Person], *, exercise: bool = False
) -> list[e.Binding]:
    """The ways to ``group`` that are approved and can work, the preferred first; an exercise has the sandbox
    alone."""
    if exercise:
        return [e.Binding(channel="sandbox")] if "sandbox" in channels else []
    return [
        way for way in group.ways
        if way.channel in channels and (way.channel not in TASKS or sender_of(group, people))
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
    if channel == "sandbox":
        return e.Binding(channel="sandbox")
    return next((way for way in group.ways if way.channel == channel), None)


def correction_way(
    group: e.Group, release: e.Release, people: Mapping[str, e.Person], came_by: str
) -> e.Binding | None:
    """The way by which the group's warning came; its first approved one where that is no way to it any
    more."""
    ways = ways_to(group, release.channels, people, exercise=release.exercise)
    return way_of(group, came_by) or next(iter(ways), None)


def requests(plan: Plan, wanted: Iterable[tuple[e.Group, e.Binding]]) -> list[e.Event]:
    """A delivery for each group by its way, those of one owner's customer groups as one task; the same
    however often it is asked."""
    ordered = sorted(wanted, key=lambda x: (ORDER.get(x[1].channel, 2), -x[0].members, x[0].group_id))
    owners: dict[tuple[str, str, str], list[str]] = {}
    events: list[e.Event] = []
    for group, way in ordered:
        if way.channel in TASKS:
            owners.setdefault((group.owner, way.channel, way.credential), []).append(group.group_id)
        else:
            events.append(_delivery(plan, group.group_id, way.channel))
    tasks = [
        _task(plan, *key, tuple(group_ids[at : at + MOST_CHATS]))
        for key, group_ids in owners.items()
        for at in range(0, len(group_ids), MOST_CHATS)
    ]
    return [*tasks, *events]


def _delivery(plan: Plan, group_id: str, channel: str) -> e.DeliveryRequested:
    release = plan.release
    delivery_id = delivery_of(release.alert_id, release.version, plan.kind, group_id)
    return e.DeliveryRequested(
        event_id=e.derive_id(delivery_id, "1"), at=plan.cause.at, delivery_id=delivery_id,
        alert_id=release.alert_id, version=release.version, kind=plan.kind, group_id=group_id,
        channel=channel,
    )  # fmt: skip


def _task(plan: Plan, owner: str, channel: str, credential: str, group_ids: Sequence[str]) -> e.TaskRequested:
    release = plan.release
    task_id = e.derive_id(
        "task", release.alert_id, str(release.version), plan.kind, owner, channel, credential, *group_ids
    )
    return e.TaskRequested(
        event_id=e.derive_id(task_id, "1"), at=plan.cause.at, task_id=task_id, alert_id=release.alert_id,
        version=release.version, kind=plan.kind, owner=owner, channel=channel, credential=credential,
        group_ids=tuple(group_ids),
    )  # fmt: skip


def as_task(request: e.DeliveryRequested, group: e.Group | None) -> e.TaskRequested:
    """One group's delivery as a task for its owner; the same for each attempt."""
    way = way_of(group, request.channel) if group else None
    return e.TaskRequested(
        event_id=e.derive_id(request.event_id, "task"), at=request.at,
        task_id=e.derive_id("task", request.delivery_id, request.channel), alert_id=request.alert_id,
        version=request.version, kind=request.kind, owner=group.owner if group else "",
        channel=request.channel, credential=way.credential if way else "", group_ids=(request.group_id,),
        attempt=request.attempt, failures=request.failures,
    )  # fmt: skip
