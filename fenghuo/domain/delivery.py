"""A delivery as it stands on the ledger, and which of two states prevails."""

from typing import NamedTuple

import msgspec

from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as it stands on the ledger."""

    state: e.DeliveryState
    at_ms: int
    attempt: int = 1
    channel: str = ""
    reason: str = ""
    may_have_arrived: bool = msgspec.field(default=False, name="left")
    """Whether an attempt may have reached the group."""
    cause: str = ""
    by: str = ""
    word: int = 0
    since_ms: int = 0
    """When it began to wait for the person who settled it."""
    held: str = ""
    failures: int = 0


class LatestRelease(NamedTuple):
    """An alert's latest release: its version, and whether it was approved, updated, recalled or expired."""

    version: int
    change: str


class CurrentRelease(NamedTuple):
    """What groups are to have now: the warning or the correction of one alert version."""

    alert_id: AlertId
    version: int
    kind: e.Kind


MAY_HAVE_ARRIVED = frozenset({e.DeliveryState.SHOWN, e.DeliveryState.ACCEPTED, e.DeliveryState.UNKNOWN})
"""States whose group has or may have the message: it counts against the group's limit of warnings, and a
recall owes it the correction."""
RANK: dict[e.DeliveryState, int] = {
    e.DeliveryState.REQUESTED: 0,
    e.DeliveryState.HANDED_OVER: 1,
    e.DeliveryState.WAITING: 2,
    e.DeliveryState.RETRYING: 3,
    e.DeliveryState.UNKNOWN: 4,
    e.DeliveryState.REFUSED: 5,
    e.DeliveryState.SUPERSEDED: 6,
    e.DeliveryState.ACCEPTED: 7,
    e.DeliveryState.SHOWN: 9,
}
"""Within one attempt a delivery only climbs; a later attempt stands above an earlier one; shown is final,
but for the word of a person, who may have tapped by mistake."""


def ledger_rank(state: e.DeliveryState, attempt: int, word: int = 0) -> int:
    """The version under which a delivery's state is put on the ledger."""
    return word * 1_000_000 + (900_000 if state is e.DeliveryState.SHOWN else attempt * 10 + RANK[state])


def next_attempt(x: e.ReceiptRecorded) -> e.DeliveryRequested:
    """The request that follows an attempt that came to nothing; the same for the same receipt."""
    return e.DeliveryRequested(
        event_id=e.derive_id(x.event_id, "again"), at=x.retry_at or x.at, delivery_id=x.delivery_id,
        alert_id=x.alert_id, version=x.version, kind=x.kind, group_id=x.group_id,
        channel=x.next_channel or x.channel, attempt=x.attempt + 1, failures=x.failures,
        may_have_arrived=x.may_have_arrived,
    )  # fmt: skip
