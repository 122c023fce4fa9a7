"""One delivery on the ledger, which of two of its states prevails, and releases as the desk knows them."""

from typing import NamedTuple

import msgspec

from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one group's delivery."""

    state: e.DeliveryState
    at_ms: int
    attempt: int = 1
    channel: str = ""
    reason: str = ""
    may_have_arrived: bool = msgspec.field(default=False, name="left")
    """Whether an attempt may have reached the group."""
    cause: str = ""
    """What changed the state: send, tap, undo, poll, plan, recall."""
    by: str = ""
    """The person whose tap changed the state."""
    word: int = 0
    """How many taps and undos have changed the state: the later one prevails."""
    since_ms: int = 0
    """When it began to wait for the person who settled it."""
    held: str = ""
    """Why the next attempt is postponed: rate, quiet, halted (a task), halted:NAME (a message)."""
    failures: int = 0
    """How many attempts failed."""


class LatestRelease(NamedTuple):
    """An alert's latest release: its version, and whether it was approved, updated, recalled or expired."""

    version: int
    change: str


class CurrentRelease(NamedTuple):
    """What groups are to have now: the warning or the correction of one alert version."""

    alert_id: AlertId
    version: int
    kind: e.TextKind


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
"""Within one attempt the state of the higher rank prevails. A later attempt prevails over an earlier one, and
SHOWN over all attempts. Only a person's tap or undo (``word``) can change SHOWN: a tap may be a mistake."""


def ledger_rank(state: e.DeliveryState, attempt: int, word: int = 0) -> int:
    """The version of a state's PUT on the ledger: the highest prevails, whatever order they come in."""
    return word * 1_000_000 + (900_000 if state is e.DeliveryState.SHOWN else attempt * 10 + RANK[state])


def held_by_halt(name: str) -> str:
    """``held`` of a delivery that waits until a person resumes the channel or credential ``name``."""
    return f"halted:{name}"


def halted_name(held: str) -> str:
    """What ``held`` waits for to be resumed; empty where it waits for something else."""
    return held.removeprefix("halted:") if held.startswith("halted:") else ""


def next_attempt(x: e.ReceiptRecorded) -> e.DeliveryRequested:
    """The request that follows a postponed or failed attempt; its id is derived from the receipt's."""
    return e.DeliveryRequested(
        event_id=e.derive_id(x.event_id, "again"), at=x.retry_at or x.at, delivery_id=x.delivery_id,
        alert_id=x.alert_id, version=x.version, kind=x.kind, group_id=x.group_id,
        channel=x.next_channel or x.channel, attempt=x.attempt + 1, failures=x.failures,
        may_have_arrived=x.may_have_arrived,
    )  # fmt: skip
