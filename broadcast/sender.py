"""Sends. Reads deliveries.requested; writes receipts.recorded (and deliveries.requested for late
corrections).

Safe to kill at any instant: a delivery carries the same idempotency key on every attempt, and what the ledger
knows to be settled is not sent again. Right before each send the alert is looked at once more, so that
nothing
leaves after its recall or expiry.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadcast.channels.base import Channel, Message, Sent, Verdict
from broadcast.plan import correction_for
from broadcast.quota import Quota, monotonic
from fenghuo import clock
from fenghuo import events as e
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import Row
from fenghuo.transport.pipeline import Outcome
from fenghuo.warning import as_sent

log = logging.getLogger(__name__)

BATCH_S = 8.0
"""What has not been sent within this long is put off, so that a slow channel does not hold its batch."""
LONGEST_RETRY_S = 600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery with all that its sending needs."""

    request: e.DeliveryRequested
    release: e.Release
    target: str
    channel: str


class Sender:
    """Sends the deliveries of a batch, each channel at its own rate."""

    def __init__(self, desk: Desk, quota: Quota, channels: Mapping[str, Channel], settings: Settings) -> None:
        self._desk = desk
        self._quota = quota
        self._channels = channels
        self._attempts = settings.delivery_attempts
        self._base_s = settings.retry_base_s

    async def on_deliveries_requested(self, events: Sequence[e.Event]) -> Outcome:
        requests = list({x.delivery_id: x for x in events if isinstance(x, e.DeliveryRequested)}.values())
        rows = await self._desk.ledger_rows(requests)
        wanted = [x for x, row in zip(requests, rows, strict=True) if to_be_tried(x, row)]
        jobs, outcome = await self._prepare(wanted)
        by_channel: dict[str, list[Job]] = {}
        for job in jobs:
            by_channel.setdefault(job.channel, []).append(job)
        parts = await asyncio.gather(*[self._send_all(name, part) for name, part in by_channel.items()])
        outcome.events += [receipt for part in parts for receipt in part]
        outcome.events += await self._late_corrections(outcome.events, requests)
        return outcome

    async def _prepare(self, wanted: Sequence[e.DeliveryRequested]) -> tuple[list[Job], Outcome]:
        """Jobs for what can be sent, receipts for what cannot."""
        versions = {(x.alert_id, x.version) for x in wanted}
        releases = {key: await self._desk.release(*key) for key in versions}
        groups = await self._desk.groups_by_id([x.group_id for x in wanted])
        jobs: list[Job] = []
        outcome = Outcome()
        for request in wanted:
            release, group = releases[request.alert_id, request.version], groups.get(request.group_id)
            if release is None:
                raise Transient(f"release {request.alert_id} {request.version} is not on the desk yet")
            if group is None or group.gone:
                outcome.events.append(self._receipt(request, Sent(Verdict.REFUSED, "the group is gone")))
            elif request.channel not in self._channels:
                outcome.events.append(self._receipt(request, Sent(Verdict.REFUSED, "no such channel here")))
            else:
                jobs.append(Job(request, release, group.target, request.channel))
        return jobs, outcome

    async def _send_all(self, name: str, jobs: Sequence[Job]) -> list[e.Event]:
        channel, began, receipts, left = self._channels[name], monotonic(), list[e.Event](), list(jobs)
        while left:
            taken, wait_s = await self._quota.take(name, channel.per_second, len(left))
            now, left = left[:taken], left[taken:]
            if now:
                receipts += await self._send(channel, now)
            if left and monotonic() - began + wait_s > BATCH_S:
                put_off = Sent(Verdict.RETRY, "rate", max(1.0, wait_s))
                return receipts + [self._receipt(job.request, put_off, failed=False) for job in left]
            if left:
                await asyncio.sleep(wait_s)
        return receipts

    async def _send(self, channel: Channel, jobs: Sequence[Job]) -> list[e.Event]:
        standing = await self._desk.standing(list({job.request.alert_id for job in jobs}))
        late = {id(job) for job in jobs if superseded(job, standing.get(job.request.alert_id), clock.now())}
        going = [job for job in jobs if id(job) not in late]
        sent = await channel.send([_message(job) for job in going]) if going else []
        receipts: list[e.Event] = [
            self._receipt(job.request, outcome, idempotent=channel.idempotent)
            for job, outcome in zip(going, sent, strict=True)
        ]
        return receipts + [_superseded(job.request) for job in jobs if id(job) in late]

    async def _late_corrections(
        self, receipts: Sequence[e.Event], requests: Sequence[e.DeliveryRequested]
    ) -> list[e.Event]:
        """Corrections for warnings that went out in the very moment of their recall."""
        shown = {
            x.delivery_id
            for x in receipts
            if isinstance(x, e.ReceiptRecorded) and x.kind == "warning" and x.state in _MAY_BE_OUT
        }
        if not shown:
            return []
        standing = await self._desk.standing(list({x.alert_id for x in requests}))
        return [
            correction_for(x, clock.now())
            for x in requests
            if x.delivery_id in shown and standing.get(x.alert_id, (0, ""))[1] == "recalled"
        ]

    def _receipt(
        self, request: e.DeliveryRequested, sent: Sent, *, failed: bool = True, idempotent: bool = True
    ) -> e.ReceiptRecorded:
        failures = request.failures + (1 if failed and sent.verdict in _FAILED else 0)
        state = settle(sent.verdict, failures >= self._attempts, idempotent)
        retry_at = None
        if state is e.DeliveryState.RETRYING:
            wait_s = sent.retry_after_s or backoff_s(self._base_s, failures)
            retry_at = clock.now() + timedelta(seconds=wait_s)
        return e.ReceiptRecorded(
            event_id=e.derive_id(request.delivery_id, str(request.attempt), "receipt"), at=clock.now(),
            delivery_id=request.delivery_id, alert_id=request.alert_id, version=request.version,
            kind=request.kind, group_id=request.group_id, channel=request.channel, state=state,
            attempt=request.attempt, reason=sent.reason, retry_at=retry_at, failures=failures,
        )  # fmt: skip


_FAILED = frozenset({Verdict.RETRY, Verdict.UNKNOWN})
_MAY_BE_OUT = frozenset({e.DeliveryState.SHOWN, e.DeliveryState.UNKNOWN, e.DeliveryState.RETRYING})
_DONE = frozenset({e.DeliveryState.RETRYING}) | e.SETTLED


def to_be_tried(request: e.DeliveryRequested, row: Row | None) -> bool:
    """Whether this attempt is still to be made: not when the ledger has its outcome, or a later attempt.
    Pure."""
    if row is None:
        return True
    if row.state is e.DeliveryState.RETRYING:
        return row.attempt < request.attempt
    return row.state not in _DONE and row.attempt <= request.attempt


def settle(verdict: Verdict, exhausted: bool, idempotent: bool) -> e.DeliveryState:
    """The state that an attempt's verdict leads to. Pure.

    Unknown is asked again only where a repeat with the same key is harmless; else a person looks.
    """
    if verdict is Verdict.SHOWN:
        return e.DeliveryState.SHOWN
    if verdict is Verdict.REFUSED or (verdict is Verdict.RETRY and exhausted):
        return e.DeliveryState.REFUSED
    if verdict is Verdict.UNKNOWN and (exhausted or not idempotent):
        return e.DeliveryState.UNKNOWN
    return e.DeliveryState.RETRYING


def backoff_s(base_s: float, failures: int) -> float:
    """Seconds to the next attempt: doubling, with a quarter of jitter, at most ten minutes."""
    return min(LONGEST_RETRY_S, base_s * 2.0 ** max(0, failures - 1)) * (1 + random.random() / 4)


def superseded(job: Job, standing: tuple[int, str] | None, now: datetime) -> bool:
    """Whether a warning must not leave any more: recalled, expired, or a newer version stands. Pure."""
    if job.request.kind == "correction":
        return False
    if now >= job.release.expires_at:
        return True
    if standing is None:
        return False
    version, kind = standing
    return version > job.request.version or kind in ("recalled", "expired")


def _superseded(request: e.DeliveryRequested) -> e.ReceiptRecorded:
    return e.ReceiptRecorded(
        event_id=e.derive_id(request.delivery_id, str(request.attempt), "receipt"), at=clock.now(),
        delivery_id=request.delivery_id, alert_id=request.alert_id, version=request.version,
        kind=request.kind,
        group_id=request.group_id, channel=request.channel, state=e.DeliveryState.SUPERSEDED,
        attempt=request.attempt, reason="recalled, expired or replaced", failures=request.failures,
    )  # fmt: skip


def _message(job: Job) -> Message:
    request, release = job.request, job.release
    return Message(
        idempotency_key=request.delivery_id, group_id=request.group_id, target=job.target, kind=request.kind,
        subject=request.alert_id, text=as_sent(release, request.kind), severity=release.severity,
        expires_at=release.expires_at,
    )  # fmt: skip
