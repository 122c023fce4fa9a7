"""Receipts: what an attempt, a decision not to send, or a platform's answer means for a delivery. Pure."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from broadcast.channels.base import SendResult, SendStatus
from broadcast.deliveries.eligibility import Postponement, Refusal, Superseded
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow

LONGEST_RETRY_S = 600.0
_DONE = e.SETTLED | {e.DeliveryState.RETRYING, e.DeliveryState.WAITING}


def delivery_of(alert_id: str, version: int, kind: str, group_id: str) -> str:
    """The id of the delivery of one alert version to one group: its idempotency key on every attempt."""
    return e.derive_id("delivery", alert_id, str(version), kind, group_id)


def as_delivery(task: e.TaskRequested, group_id: str, row: LedgerRow | None = None) -> e.DeliveryRequested:
    """One group's delivery out of a task."""
    delivery_id = delivery_of(task.alert_id, task.version, task.kind, group_id)
    return e.DeliveryRequested(
        event_id=e.derive_id(delivery_id, str(task.attempt)), at=task.at, delivery_id=delivery_id,
        alert_id=task.alert_id, version=task.version, kind=task.kind, group_id=group_id,
        channel=task.channel, attempt=task.attempt, failures=task.failures,
        may_have_arrived=row is not None
        and row.may_have_arrived
        and row.state is not e.DeliveryState.HANDED_OVER,
    )  # fmt: skip


def latest_attempt_each(requests: Iterable[e.DeliveryRequested]) -> list[e.DeliveryRequested]:
    """Each delivery once, by its highest attempt."""
    latest: dict[str, e.DeliveryRequested] = {}
    for x in requests:
        if x.delivery_id not in latest or latest[x.delivery_id].attempt < x.attempt:
            latest[x.delivery_id] = x
    return list(latest.values())


def without_duplicates(tasks: Iterable[e.TaskRequested]) -> list[e.TaskRequested]:
    """The tasks, the highest attempts first, each without the deliveries of one before it."""
    seen: set[str] = set()
    once: list[e.TaskRequested] = []
    for task in sorted(tasks, key=lambda x: -x.attempt):
        ids = {x: delivery_of(task.alert_id, task.version, task.kind, x) for x in task.group_ids}
        fresh = tuple(x for x in task.group_ids if ids[x] not in seen)
        seen |= set(ids.values())
        if fresh:
            once.append(msgspec.structs.replace(task, group_ids=fresh))
    return once


def to_be_tried(request: e.DeliveryRequested, row: LedgerRow | None) -> bool:
    """Whether this attempt is still to be made: not if the ledger has its result, or a later attempt."""
    if row is None:
        return True
    if row.state in e.SETTLED or row.word:
        return False
    if row.state in _DONE:
        return row.attempt < request.attempt
    return row.attempt <= request.attempt


def was_cut_off(request: e.DeliveryRequested, row: LedgerRow | None) -> bool:
    """Whether this very attempt was begun before, and its result is not on the ledger."""
    if row is None or row.state is not e.DeliveryState.HANDED_OVER:
        return False
    return row.may_have_arrived and row.attempt == request.attempt


def backoff_s(base_s: float, failures: int) -> float:
    """Exponential backoff: seconds to the next attempt, at most ten minutes, plus up to a quarter of
    jitter."""
    return min(LONGEST_RETRY_S, base_s * 2.0 ** max(0, failures - 1)) * (1 + random.random() / 4)


def attempt_receipt(
    request: e.DeliveryRequested,
    sent: SendResult,
    *,
    now: datetime,
    attempts: int,
    base_s: float,
    can_ask: bool,
    next_channel: str = "",
    may_have_arrived: bool = False,
) -> e.ReceiptRecorded:
    """The receipt of an attempt.

    A delivery that is refused for good goes on by the group's ``next_channel``, if it cannot have arrived by
    this one. An unknown outcome is tried again only where ``can_ask``: where a repeat is harmless or the
    platform can be asked. Elsewhere it stays unknown for a person to look at.
    """
    failures = request.failures + sent.failed
    may_have_arrived = may_have_arrived or request.may_have_arrived or sent.may_have_arrived
    state = _state_of(sent.verdict, failures >= attempts and sent.failed, can_ask)
    if state is e.DeliveryState.REFUSED and may_have_arrived:
        state = e.DeliveryState.UNKNOWN  # this attempt was refused, an earlier one may have been shown
    if state is e.DeliveryState.REFUSED and next_channel:
        return receipt(
            request, e.DeliveryState.RETRYING, sent.reason, now, retry_at=now, failures=0,
            next_channel=next_channel,
        )  # fmt: skip
    retry_at = None
    if state is e.DeliveryState.RETRYING:
        retry_at = now + timedelta(seconds=sent.retry_after_s or backoff_s(base_s, failures))
    held = "rate" if sent.throttled and retry_at else ""
    return receipt(
        request, state, sent.reason, now, retry_at=retry_at, failures=failures, held=held,
        may_have_arrived=may_have_arrived and state is not e.DeliveryState.WAITING,
    )  # fmt: skip


def _state_of(verdict: SendStatus, exhausted: bool, can_ask: bool) -> e.DeliveryState:
    if verdict is SendStatus.UNKNOWN and (exhausted or not can_ask):
        return e.DeliveryState.UNKNOWN
    if verdict is SendStatus.RETRY and exhausted:
        return e.DeliveryState.REFUSED
    return _STATES[verdict]


_STATES = {
    SendStatus.SHOWN: e.DeliveryState.SHOWN,
    SendStatus.ACCEPTED: e.DeliveryState.ACCEPTED,
    SendStatus.WAITING: e.DeliveryState.WAITING,
    SendStatus.RETRY: e.DeliveryState.RETRYING,
    SendStatus.REFUSED: e.DeliveryState.REFUSED,
    SendStatus.MISCONFIGURED: e.DeliveryState.REFUSED,
    SendStatus.UNKNOWN: e.DeliveryState.RETRYING,
}


def withheld_receipt(
    decision: Refusal | Postponement | Superseded,
    request: e.DeliveryRequested,
    now: datetime,
    *,
    may_have_arrived: bool,
) -> e.ReceiptRecorded:
    """The receipt of a delivery that the rules withhold (deliveries/eligibility.py)."""
    if isinstance(decision, Superseded):
        return superseded_receipt(request, now, may_have_arrived=may_have_arrived)
    if isinstance(decision, Postponement):
        return postponed_receipt(
            request, decision.reason, now, decision.until, may_have_arrived=may_have_arrived
        )
    return attempt_receipt(
        request, SendResult(SendStatus.REFUSED, decision.reason), now=now, attempts=1, base_s=0,
        can_ask=False, next_channel=decision.next_channel, may_have_arrived=may_have_arrived,
    )  # fmt: skip


def superseded_receipt(
    request: e.DeliveryRequested, now: datetime, *, may_have_arrived: bool
) -> e.ReceiptRecorded:
    """The receipt of a delivery that does not leave any more: unknown where an earlier attempt may have."""
    if may_have_arrived:
        reason = "may have left before it was recalled, expired or replaced"
        return receipt(request, e.DeliveryState.UNKNOWN, reason, now, may_have_arrived=True, cause="recall")
    reason = "recalled, expired or replaced"
    return receipt(request, e.DeliveryState.SUPERSEDED, reason, now, cause="recall")


def postponed_receipt(
    request: e.DeliveryRequested,
    held: str,
    now: datetime,
    until: datetime | None,
    *,
    may_have_arrived: bool = False,
) -> e.ReceiptRecorded:
    """The receipt of a delivery that has not been tried: ``held`` says why (rate, quiet, halted:NAME),
    ``until`` for how long; None: until a person resumes the channel."""
    return receipt(
        request, e.DeliveryState.RETRYING, held, now, retry_at=until, held=held,
        may_have_arrived=may_have_arrived,
    )  # fmt: skip


def cut_off_receipt(request: e.DeliveryRequested, now: datetime) -> e.ReceiptRecorded:
    """The receipt of a send that the process did not survive, on a platform that cannot be asked."""
    reason = "the process ended while it was being sent, and the platform cannot be asked"
    return receipt(request, e.DeliveryState.UNKNOWN, reason, now, may_have_arrived=True)


def polled_receipt(
    task: e.OpenTask, group_id: str, sent: SendResult, at: datetime, next_channel: str = ""
) -> e.ReceiptRecorded:
    """The receipt of what a platform answered about one group of a task; the same however often it answers
    so. A group that it refused goes on by ``next_channel``."""
    state = _POLLED_STATES[sent.verdict]
    goes_on = bool(next_channel) and state is e.DeliveryState.REFUSED
    if goes_on:
        state = e.DeliveryState.RETRYING
    delivery_id = delivery_of(task.alert_id, task.version, task.kind, group_id)
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, str(task.attempt), state), at=at, delivery_id=delivery_id,
        alert_id=task.alert_id, version=task.version, kind=task.kind, group_id=group_id, channel=task.channel,
        state=state, attempt=task.attempt, reason=sent.reason,
        may_have_arrived=state is e.DeliveryState.SHOWN, cause="poll", by=task.owner, since=task.since,
        next_channel=next_channel if goes_on else "", retry_at=at if goes_on else None,
    )  # fmt: skip


_POLLED_STATES = {
    SendStatus.SHOWN: e.DeliveryState.SHOWN,
    SendStatus.REFUSED: e.DeliveryState.REFUSED,
    SendStatus.RETRY: e.DeliveryState.SUPERSEDED,
}


def receipt(
    request: e.DeliveryRequested,
    state: e.DeliveryState,
    reason: str,
    now: datetime,
    *,
    retry_at: datetime | None = None,
    failures: int | None = None,
    may_have_arrived: bool = False,
    cause: str = "send",
    held: str = "",
    next_channel: str = "",
) -> e.ReceiptRecorded:
    """The receipt of one attempt at ``request``. An attempt has one receipt id, whatever its result."""
    return e.ReceiptRecorded(
        event_id=e.derive_id(request.delivery_id, str(request.attempt), "receipt"), at=now,
        delivery_id=request.delivery_id, alert_id=request.alert_id, version=request.version,
        kind=request.kind, group_id=request.group_id, channel=request.channel, state=state,
        attempt=request.attempt, reason=reason, retry_at=retry_at,
        failures=request.failures if failures is None else failures,
        may_have_arrived=may_have_arrived or request.may_have_arrived, cause=cause,
        held=held, next_channel=next_channel,
    )  # fmt: skip
