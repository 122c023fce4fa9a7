"""The deliveries that one release leads to: who gets it, by which way, in which order. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from broadcast.deliveries.receipts import delivery_of
from fenghuo.domain import events as e
from fenghuo.domain.channels import CHANNELS, OWNER_TASKS, send_order
from fenghuo.domain.routing import way_of
from fenghuo.errors import Transient


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What deliveries are requested for: the release whose text they carry, as which kind, and the event that
    caused it."""

    release: e.Release
    kind: e.TextKind
    cause: e.Event


def require_all(group_ids: Collection[str], groups: Mapping[str, e.Group]) -> None:
    """Raise Transient when one of ``group_ids`` is unknown. A group that is gone keeps its row, so the desk
    is incomplete."""
    if not groups.keys() >= set(group_ids):
        raise Transient("groups are missing on the desk: has `fenghuo rebuild` run?")


def requests(dispatch: Dispatch, wanted: Iterable[tuple[e.Group, e.Binding]]) -> list[e.Event]:
    """A delivery for each group by its way; an owner's customer groups become one task. Deterministic: called
    again, it returns the same ids."""
    ordered = sorted(wanted, key=lambda x: (send_order(x[1].channel), -x[0].members, x[0].group_id))
    owners: dict[tuple[str, str, str], list[str]] = {}
    events: list[e.Event] = []
    for group, way in ordered:
        if way.channel in OWNER_TASKS:
            owners.setdefault((group.owner, way.channel, way.credential), []).append(group.group_id)
        else:
            events.append(_delivery(dispatch, group.group_id, way.channel))
    tasks = [
        _task(dispatch, owner, channel, credential, tuple(group_ids[at : at + CHANNELS[channel].max_chats]))
        for (owner, channel, credential), group_ids in owners.items()
        for at in range(0, len(group_ids), CHANNELS[channel].max_chats)
    ]
    return [*tasks, *events]


def _delivery(dispatch: Dispatch, group_id: str, channel: str) -> e.DeliveryRequested:
    release = dispatch.release
    delivery_id = delivery_of(release.alert_id, release.version, dispatch.kind, group_id)
    return e.DeliveryRequested(
        event_id=e.derive_id(delivery_id, "1"), at=dispatch.cause.at, delivery_id=delivery_id,
        alert_id=release.alert_id, version=release.version, kind=dispatch.kind, group_id=group_id,
        channel=channel,
    )  # fmt: skip


def _task(
    dispatch: Dispatch, owner: str, channel: str, credential: str, group_ids: Sequence[str]
) -> e.TaskRequested:
    release = dispatch.release
    task_id = e.derive_id(
        "task", release.alert_id, str(release.version), dispatch.kind, owner, channel, credential, *group_ids
    )
    return e.TaskRequested(
        event_id=e.derive_id(task_id, "1"), at=dispatch.cause.at, task_id=task_id, alert_id=release.alert_id,
        version=release.version, kind=dispatch.kind, owner=owner, channel=channel, credential=credential,
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
