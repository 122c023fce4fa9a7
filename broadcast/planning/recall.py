"""What a recall, an update and an expiry do to what is already out. Pure; the stages and loops ask here.

| what is out | recall | update | expiry |
|---|---|---|---|
| a group has or may have an ended version | it gets the correction | it gets the new version | nothing |
| it turns out only later that it has | it gets the correction | it gets the new version | nothing |
| a delivery waits for a tap here, or is held back | withdrawn | withdrawn | withdrawn |
| a task is open on a platform | cancelled, then polled | cancelled, then polled | cancelled, then polled |
| a delivery is about to leave | the last look stops it | the last look stops it | the last look stops it |

An update ends the versions before its own, a recall and an expiry end the newest one as well. Withdrawn is
superseded, or unknown where an attempt may have arrived. A tap after any of these is still counted
(people/taps.py), as is what a platform answers after the cancel: that is how it turns out later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from broadcast.channels.base import Progress, SendResult, SendStatus
from broadcast.deliveries.receipts import delivery_of, polled_receipt
from broadcast.deliveries.requests import Dispatch
from fenghuo.clock import from_ms
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, LatestRelease, LedgerRow
from fenghuo.domain.ledger import may_have
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers

Ledgers = Mapping[int, Mapping[str, LedgerRow]]
"""The ledgers of an alert's warnings: version to group id to row."""
_WITHDRAWN = SendResult(SendStatus.RETRY, "recalled, expired or replaced before the owner sent it")


@dataclass(frozen=True, slots=True)
class Effect:
    """What one kind of release leads to."""

    warns: bool
    """Groups get the release's text as a warning."""
    corrects: bool = False
    """Groups that have or may have a version get the correction."""
    ends_before: bool = True
    """It ends the versions before its own: they are read, and what is out of them is withdrawn."""
    ends_own: bool = False
    """It ends its own version too."""


EFFECTS: Mapping[str, Effect] = {
    "approved": Effect(warns=True, ends_before=False),
    "updated": Effect(warns=True),
    "recalled": Effect(warns=False, corrects=True, ends_own=True),
    "expired": Effect(warns=False, ends_own=True),
}


def ended_versions(event: e.AlertReleased) -> range:
    """The versions whose deliveries the release ends."""
    effect = EFFECTS[event.kind]
    if not effect.ends_before:
        return range(0)
    return range(1, event.release.version + effect.ends_own)


def missing_on_desk(event: e.AlertReleased, latest: LatestRelease | None) -> str:
    """What the desk does not show yet of the release, for a person; empty once it shows it.

    A sender marks what it is about to send and only then looks at the latest release. So once the desk shows
    a recall, the ledger has every delivery that may have left; a moment later, hardly another is marked.
    """
    release = event.release
    if latest is None or latest.version < release.version:
        return f"{release.alert_id} {release.version} {event.kind}"
    is_newest = latest.version == release.version
    if is_newest and event.kind == "recalled" and latest.change != "recalled":
        return f"the recall of {release.alert_id}"
    return ""


def came_by(ended: Ledgers) -> dict[str, str]:
    """The groups that have or may have one of the versions, each with the channel by which it came."""
    return {group_id: row.channel for group_id, row in may_have(ended).items()}


def withdrawn(event: e.AlertReleased, ended: Ledgers) -> list[e.Event]:
    """The receipts of what still waits for a person's tap here, or is held back (by a halt, say).

    A task on a platform is not settled here: whether it was tapped is known only once it has been cancelled
    there (``cancelled``).
    """
    return [
        _withdrawn(event, version, group_id, row)
        for version, rows in ended.items()
        for group_id, row in rows.items()
        if (row.state is e.DeliveryState.WAITING and row.channel in TAPPED_HERE) or row.held
    ]


def _withdrawn(event: e.AlertReleased, version: int, group_id: str, row: LedgerRow) -> e.Event:
    delivery_id = delivery_of(event.release.alert_id, version, "warning", group_id)
    state = e.DeliveryState.UNKNOWN if row.may_have_arrived else e.DeliveryState.SUPERSEDED
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, event.event_id), at=event.at, delivery_id=delivery_id,
        alert_id=event.release.alert_id, version=version, kind="warning", group_id=group_id,
        channel=row.channel, state=state, attempt=row.attempt, reason=f"{event.kind} before it was sent",
        word=row.word, may_have_arrived=row.may_have_arrived, cause="recall", failures=row.failures,
        since=from_ms(row.since_ms or row.at_ms),
    )  # fmt: skip


def cancelled(
    task: e.OpenTask, rows: Mapping[str, LedgerRow], progress: Progress, now: datetime
) -> list[e.Event]:
    """The receipts of a cancelled task's groups: what the owner had sent by then is shown, the rest is
    superseded. A group that is settled, or that has gone on by a later attempt, gets none."""
    receipts: list[e.Event] = []
    for group_id, chat in task.chats:
        row = rows.get(group_id)
        if row is None or row.state in e.SETTLED or row.attempt > task.attempt:
            continue
        sent, at = progress.chats.get(chat, (_WITHDRAWN, now))
        receipts.append(polled_receipt(task, group_id, sent, at))
    return receipts


class Owed(NamedTuple):
    """The release whose text a group is owed."""

    alert_id: AlertId
    version: int
    kind: e.TextKind


def owed(
    receipts: Iterable[e.ReceiptRecorded], latest: Mapping[str, LatestRelease]
) -> dict[Owed, list[e.ReceiptRecorded]]:
    """What groups are owed that turn out to have a warning which was recalled or replaced meanwhile: a
    platform, or a person, tells of it only now."""
    found: dict[Owed, list[e.ReceiptRecorded]] = {}
    for x in receipts:
        if x.kind != "warning" or x.state not in MAY_HAVE_ARRIVED or x.alert_id not in latest:
            continue
        version, change = latest[x.alert_id]
        if change == "recalled" and version >= x.version:
            found.setdefault(Owed(x.alert_id, version, "correction"), []).append(x)
        elif change != "expired" and version > x.version:
            found.setdefault(Owed(x.alert_id, version, "warning"), []).append(x)
    return found


def owed_ways(
    dispatch: Dispatch,
    groups: Iterable[e.Group],
    late: Sequence[e.ReceiptRecorded],
    tappers: Tappers,
) -> list[tuple[e.Group, e.Binding]]:
    """Each group that is there with the way of what it is owed: a correction goes as its warning came."""
    channels = {x.group_id: x.channel for x in late}
    release = dispatch.release
    found: list[tuple[e.Group, e.Binding]] = []
    for group in groups:
        came_by = channels[group.group_id] if dispatch.kind == "correction" else ""
        way = route(group, release, tappers, came_by=came_by).way
        if way is not None:
            found.append((group, way))
    return found
