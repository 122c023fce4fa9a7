"""What an attempt leads to: the pure rules of delivering, over requests, rows of the ledger and outcomes."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from broadcast.channels.base import SendResult, SendStatus
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow

LONGEST_RETRY_S = 600.0
_DONE = e.SETTLED | {e.DeliveryState.RETRYING, e.DeliveryState.WAITING}
FAILED = frozenset({SendStatus.RETRY, SendStatus.REFUSED, SendStatus.UNKNOWN, SendStatus.MISCONFIGURED})
"""Verdicts that count against a channel; being told that we are too fast does not."""


def delivery_of(alert_id: str, version: int, kind: str, group_id: str) -> str:
    """The id of the delivery of one alert version to one group: its idempotency key on every attempt."""
    return e.derive_id("delivery", alert_id, str(version), kind, group_id)


def as_delivery(task: e.TaskRequested, group_id: str, row: LedgerRow | None = None) -> e.DeliveryRequested:
    """The part of a task that is one group's delivery."""
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
    """Whether this attempt is still to be made: not when the ledger has its outcome, or a later attempt."""
    if row is None:
        return True
    if row.state in e.SETTLED or row.word:
        return False
    if row.state in _DONE:
        return row.attempt < request.attempt
    return row.attempt <= request.attempt


def was_cut_off(request: e.DeliveryRequested, row: LedgerRow | None) -> bool:
    """Whether this very attempt was begun before, and its outcome is not on the ledger."""
    if row is None or row.state is not e.DeliveryState.HANDED_OVER:
        return False
    return row.may_have_arrived and row.attempt == request.attempt


def backoff_s(base_s: float, failures: int) -> float:
    """Seconds to the next attempt: doubling, with a quarter of jitter, at most ten minutes."""
    return min(LONGEST_RETRY_S, base_s * 2.0 ** max(0, failures - 1)) * (1 + random.random() / 4)


def superseded(
    kind: str, version: int, expires_at: datetime, standing: tuple[int, str] | None, now: datetime
) -> bool:
    """Whether a warning must not leave any more: recalled, expired, or a newer version stands."""
    if kind == "correction":
        return False
    if now >= expires_at:
        return True
    return standing is not None and (standing[0] > version or standing[1] in ("recalled", "expired"))


def outcome_of(
    request: e.DeliveryRequested,
    sent: SendResult,
    *,
    now: datetime,
    attempts: int,
    base_s: float,
    askable: bool,
    next_channel: str = "",
    may_have_arrived: bool = False,
) -> e.ReceiptRecorded:
    """The receipt of an attempt.

    What is refused for good goes on through the group's next way, if it cannot have arrived by this one.
    Unknown is asked again only where a repeat is harmless or the platform can be asked (``askable``); else a
    person looks.
    """
    failed = sent.verdict in FAILED and not sent.throttled
    failures = request.failures + failed
    may_have_arrived = may_have_arrived or request.may_have_arrived or sent.may_have_arrived
    state = _state_of(sent.verdict, failures >= attempts and failed, askable)
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


def _state_of(verdict: SendStatus, exhausted: bool, askable: bool) -> e.DeliveryState:
    if verdict is SendStatus.UNKNOWN and (exhausted or not askable):
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


def superseded_receipt(
    request: e.DeliveryRequested, now: datetime, *, may_have_arrived: bool
) -> e.ReceiptRecorded:
    """The receipt of what does not leave any more; unknown where an earlier attempt may have."""
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
    """The receipt of what has not been tried: ``held`` says why (rate, quiet, halted:NAME), ``until`` for
    how long; None: until a person resumes the channel."""
    return receipt(
        request,
        e.DeliveryState.RETRYING,
        held,
        now,
        retry_at=until,
        held=held,
        may_have_arrived=may_have_arrived,
    )


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
    """The receipt of one attempt at ``request``; one attempt has one, whatever becomes of it."""
    return e.ReceiptRecorded(
        event_id=e.derive_id(request.delivery_id, str(request.attempt), "receipt"), at=now,
        delivery_id=request.delivery_id, alert_id=request.alert_id, version=request.version,
        kind=request.kind, group_id=request.group_id, channel=request.channel, state=state,
        attempt=request.attempt, reason=reason, retry_at=retry_at,
        failures=request.failures if failures is None else failures,
        may_have_arrived=may_have_arrived or request.may_have_arrived, cause=cause,
        held=held, next_channel=next_channel,
    )  # fmt: skip
