"""Sends. Reads deliveries.requested; writes receipts.recorded.

Safe to kill at any instant: a delivery carries the same idempotency key on every attempt, and what the ledger
knows to be settled is not sent again. Right before each send the delivery is marked on the ledger and the
alert
looked at once more, so that nothing leaves after its recall or expiry unseen by the one who corrects it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadcast.channels.base import Channel, Message, Sent, Verdict
from broadcast.quota import Quota
from fenghuo import clock
from fenghuo import events as e
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import Row, handed_over
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
    may_be_out: bool = False
    """Whether an earlier attempt, or this one before a crash, may have reached the group."""


class Sender:
    """Sends the deliveries of a batch, each channel at its own rate."""

    def __init__(self, desk: Desk, quota: Quota, channels: Mapping[str, Channel], settings: Settings) -> None:
        self._desk = desk
        self._quota = quota
        self._channels = channels
        self._attempts = settings.delivery_attempts
        self._base_s = settings.retry_base_s

    async def on_deliveries_requested(self, events: Sequence[e.Event]) -> Outcome:
        requests = latest_attempts(x for x in events if isinstance(x, e.DeliveryRequested))
        rows = await self._desk.ledger_rows(requests)
        wanted = [(x, row) for x, row in zip(requests, rows, strict=True) if to_be_tried(x, row)]
        jobs, outcome = await self._prepare(wanted)
        by_channel: dict[str, list[Job]] = {}
        for job in jobs:
            by_channel.setdefault(job.request.channel, []).append(job)
        parts = await asyncio.gather(*[self._send_all(name, part) for name, part in by_channel.items()])
        outcome.events += [receipt for part in parts for receipt in part]
        return outcome

    async def _prepare(
        self, wanted: Sequence[tuple[e.DeliveryRequested, Row | None]]
    ) -> tuple[list[Job], Outcome]:
        """Jobs for what can be sent, receipts for what cannot."""
        versions = {(x.alert_id, x.version) for x, _ in wanted}
        releases = {key: await self._desk.release(*key) for key in versions}
        groups = await self._desk.groups_by_id([x.group_id for x, _ in wanted])
        jobs: list[Job] = []
        outcome = Outcome()
        for request, row in wanted:
            release, group = releases[request.alert_id, request.version], groups.get(request.group_id)
            out = request.left or (row is not None and row.left)
            if release is None:
                raise Transient(f"release {request.alert_id} {request.version} is not on the desk yet")
            if group is None or group.gone:
                outcome.events.append(
                    self._receipt(request, Sent(Verdict.REFUSED, "the group is gone"), left=out)
                )
            elif request.channel not in self._channels:
                outcome.events.append(
                    self._receipt(request, Sent(Verdict.REFUSED, "no such channel here"), left=out)
                )
            else:
                jobs.append(Job(request, release, group.target, may_be_out=out))
        return jobs, outcome

    async def _send_all(self, name: str, jobs: Sequence[Job]) -> list[e.Event]:
        """Send at the channel's rate; a slow answer does not hold up what may go in the meantime."""
        under_way: list[asyncio.Task[list[e.Event]]] = []
        try:
            put_off = await self._begin(self._channels[name], jobs, under_way)
            parts = await asyncio.gather(*under_way)
        except BaseException:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            raise
        return [receipt for part in parts for receipt in part] + put_off

    async def _begin(
        self, channel: Channel, jobs: Sequence[Job], under_way: list[asyncio.Task[list[e.Event]]]
    ) -> list[e.Event]:
        """Start a task for each part that may go now; receipts for what is put off after BATCH_S."""
        began, left = time.monotonic(), list(jobs)
        while left:
            taken, wait_s = await self._quota.take(channel.name, channel.per_second, len(left))
            if taken:
                under_way.append(asyncio.create_task(self._send(channel, left[:taken])))
            left = left[taken:]
            if left and time.monotonic() - began + wait_s > BATCH_S:
                later = Sent(Verdict.RETRY, "rate", max(1.0, wait_s))
                return [self._receipt(job.request, later, failed=False, left=job.may_be_out) for job in left]
            if left:
                await asyncio.sleep(wait_s)
        return []

    async def _send(self, channel: Channel, jobs: Sequence[Job]) -> list[e.Event]:
        """Mark, look, send, in this order: so a recall sees the mark, or the send sees the recall."""
        now = clock.now()
        await self._desk.apply([handed_over(job.request, now, self._desk.keys) for job in jobs])
        standing = await self._desk.standing(list({job.request.alert_id for job in jobs}))
        late = {id(job) for job in jobs if superseded(job, standing.get(job.request.alert_id), clock.now())}
        going = [job for job in jobs if id(job) not in late]
        sent = await channel.send([_message(job) for job in going]) if going else []
        receipts: list[e.Event] = [
            self._receipt(job.request, outcome, idempotent=channel.idempotent, left=job.may_be_out)
            for job, outcome in zip(going, sent, strict=True)
        ]
        return receipts + [_held_back(job) for job in jobs if id(job) in late]

    def _receipt(
        self,
        request: e.DeliveryRequested,
        sent: Sent,
        *,
        failed: bool = True,
        idempotent: bool = True,
        left: bool = False,
    ) -> e.ReceiptRecorded:
        failures = request.failures + (1 if failed and sent.verdict in _FAILED else 0)
        left = left or request.left or sent.left
        state = settle(sent.verdict, failures >= self._attempts, idempotent)
        if state is e.DeliveryState.REFUSED and left:
            state = e.DeliveryState.UNKNOWN  # this attempt was refused, an earlier one may have been shown
        retry_at = None
        if state is e.DeliveryState.RETRYING:
            wait_s = sent.retry_after_s or backoff_s(self._base_s, failures)
            retry_at = clock.now() + timedelta(seconds=wait_s)
        return _recorded(
            request,
            state,
            sent.reason,
            retry_at=retry_at,
            failures=failures,
            left=left,
        )


def latest_attempts(requests: Iterable[e.DeliveryRequested]) -> list[e.DeliveryRequested]:
    """Each delivery once, by its highest attempt. Pure."""
    latest: dict[str, e.DeliveryRequested] = {}
    for x in requests:
        if x.delivery_id not in latest or latest[x.delivery_id].attempt < x.attempt:
            latest[x.delivery_id] = x
    return list(latest.values())


_FAILED = frozenset({Verdict.RETRY, Verdict.UNKNOWN})
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


def _held_back(job: Job) -> e.ReceiptRecorded:
    """The receipt of what does not leave any more; unknown where an earlier attempt may have."""
    if job.may_be_out:
        reason = "may have left before it was recalled, expired or replaced"
        return _recorded(job.request, e.DeliveryState.UNKNOWN, reason, left=True)
    return _recorded(job.request, e.DeliveryState.SUPERSEDED, "recalled, expired or replaced")


def _recorded(
    request: e.DeliveryRequested,
    state: e.DeliveryState,
    reason: str,
    *,
    retry_at: datetime | None = None,
    failures: int | None = None,
    left: bool = False,
) -> e.ReceiptRecorded:
    return e.ReceiptRecorded(
        event_id=e.derive_id(request.delivery_id, str(request.attempt), "receipt"), at=clock.now(),
        delivery_id=request.delivery_id, alert_id=request.alert_id, version=request.version,
        kind=request.kind,
        group_id=request.group_id, channel=request.channel, state=state, attempt=request.attempt,
        reason=reason,
        retry_at=retry_at, failures=request.failures if failures is None else failures, left=left,
    )  # fmt: skip


def _message(job: Job) -> Message:
    request, release = job.request, job.release
    return Message(
        idempotency_key=request.delivery_id, group_id=request.group_id, target=job.target, kind=request.kind,
        subject=request.alert_id, text=as_sent(release, request.kind), severity=release.severity,
        expires_at=release.expires_at,
    )  # fmt: skip
