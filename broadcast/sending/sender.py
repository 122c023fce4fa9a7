"""Sends. Reads deliveries.requested; writes receipts.recorded, and channels.changed when a channel is halted.

Safe to kill at any instant: a delivery carries the same idempotency key on every attempt, and what the ledger
knows to be settled is not sent again. Right before each send the delivery is marked on the ledger and the
alert looked at once more, so that nothing leaves after its recall or expiry unseen by the one who corrects
it. On a platform that knows no repeats one delivery at a time is under way, and its answer is kept until it
is committed: so a kill leaves at most that one unknown.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from broadcast.channels.base import Channel, Message, SendResult, SendStatus
from broadcast.deliveries.receipts import (
    FAILED,
    latest_attempt_each,
    postponed_receipt,
    superseded,
    superseded_receipt,
    to_be_tried,
    without_duplicates,
)
from broadcast.deliveries.requests import as_task
from broadcast.limits.circuit_breaker import FailureWindow, breaker_key, halt
from broadcast.limits.concurrency import cancel_all, gather_events, retry_while_unavailable
from broadcast.limits.fair_semaphore import FairSemaphore
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.owner_tasks.task_maker import TaskMaker
from broadcast.sending.answer_journal import AnswerJournal
from broadcast.sending.batch import BatchPreparer, SendJob
from fenghuo import clock
from fenghuo.desk.deliveries import sending_mark
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.channels import OWNER_TASKS, ROBOTS
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.warning_text import as_sent
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

BATCH_S = 8.0
"""What has not been sent within this long is put off, so that a slow channel does not hold its batch."""
TASKS_AT_ONCE = 8
CHUNK = 25
"""Deliveries that are marked and looked at together, right before they leave."""
AHEAD = 2
"""So many times what may be under way at once has been marked and waits for its turn, so that no turn is
empty; it leaves within the time of one request."""
TOLD_APART = timedelta(milliseconds=10)
"""Answers of a chunk that come closer together have one time: their rows are then one change."""


class Sender:
    """Sends the deliveries of a batch, each credential at its own rate."""

    def __init__(  # noqa: PLR0917 - the parts that the room puts together once
        self,
        desk: Desk,
        quota: RateLimiter,
        channels: Mapping[str, Channel],
        maker: TaskMaker,
        outbox: AnswerJournal,
        tally: FailureWindow,
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._quota = quota
        self._channels = channels
        self._maker = maker
        self._outbox = outbox
        self._tally = tally
        self._settings = settings
        self._jobs = BatchPreparer(desk, channels, outbox, settings)
        self._unkeyed = asyncio.Semaphore(settings.unkeyed_at_once)
        self._over: set[tuple[str, int, str]] = set()
        """What the batch has found recalled, expired or replaced."""

    async def on_deliveries_requested(self, events: Sequence[e.Event]) -> Outcome:
        await self._outbox.at_rest()
        self._jobs.halted, self._over = set(await self._desk.deliveries.halted()), set()
        asked = latest_attempt_each(x for x in events if isinstance(x, e.DeliveryRequested))
        requests = [x for x in asked if x.channel not in OWNER_TASKS]
        tasks = [x for x in events if isinstance(x, e.TaskRequested)]
        tasks = without_duplicates(
            [*tasks, *await self._as_tasks([x for x in asked if x.channel in OWNER_TASKS])]
        )
        releases = await self._releases([*requests, *tasks])
        outcome = Outcome()
        rows = await self._desk.deliveries.rows(requests)
        wanted: list[tuple[e.DeliveryRequested, LedgerRow | None]] = []
        for x, row in zip(requests, rows, strict=True):
            if to_be_tried(x, row):
                wanted.append((x, row))
        jobs = await self._jobs.prepare(wanted, releases, outcome)
        by_channel: dict[str, list[SendJob]] = {}
        for job in jobs:
            by_channel.setdefault(job.request.channel, []).append(job)
        sending = [self._send_all(name, part) for name, part in by_channel.items()]
        outcome.events += await gather_events([self._make_all(tasks, releases), *sending])
        return outcome

    async def _make_all(
        self, tasks: Sequence[e.TaskRequested], releases: Mapping[tuple[str, int], e.Release]
    ) -> list[e.Event]:
        gate, began = asyncio.Semaphore(TASKS_AT_ONCE), time.monotonic()

        async def make(task: e.TaskRequested) -> list[e.Event]:
            async with gate:
                late = time.monotonic() - began > BATCH_S
                release = releases[task.alert_id, task.version]
                return await self._maker.make(task, release, self._jobs.halted, late=late)

        return await gather_events([make(task) for task in tasks])

    async def _as_tasks(self, requests: Sequence[e.DeliveryRequested]) -> list[e.TaskRequested]:
        """A task for each group that goes on by its owner's tap, as its first way refused it."""
        groups = await self._desk.directory.groups_by_id([x.group_id for x in requests])
        return [as_task(x, groups.get(x.group_id)) for x in requests]

    async def _releases(
        self, requests: Iterable[e.DeliveryRequested | e.TaskRequested]
    ) -> dict[tuple[str, int], e.Release]:
        found: dict[tuple[str, int], e.Release] = {}
        for alert_id, version in {(x.alert_id, x.version) for x in requests}:
            release = await self._desk.releases.get(alert_id, version)
            if release is None:
                raise Transient(f"release {alert_id} {version} is not on the desk yet")
            found[alert_id, version] = release
        return found

    async def _send_all(self, name: str, jobs: Sequence[SendJob]) -> list[e.Event]:
        channel = self._channels[name]
        if not channel.idempotent:
            began = time.monotonic()
            return await gather_events([self._send_alone(channel, job, began) for job in jobs])
        by_credential: dict[str, list[SendJob]] = {}
        for job in jobs:
            by_credential.setdefault(job.way.credential, []).append(job)
        return await gather_events([self._send_keyed(channel, x, part) for x, part in by_credential.items()])

    async def _send_keyed(self, channel: Channel, credential: str, jobs: Sequence[SendJob]) -> list[e.Event]:
        """Send at the credential's rate, so many messages at once; a slow answer holds up its own turn
        alone."""
        at_once = self._settings.webhook_at_once
        chunk = channel.together if channel.together > 1 else min(CHUNK, at_once)
        turns = FairSemaphore(max(AHEAD * at_once, chunk))
        began, waiting = time.monotonic(), list(jobs)
        under_way: list[asyncio.Task[list[e.Event]]] = []
        late: list[e.Event] = []
        try:
            while waiting:
                bucket = breaker_key(channel.name, credential)
                taken, wait_s = await self._quota.take(bucket, channel.per_second(credential), len(waiting))
                for at in range(0, taken, chunk):
                    part = waiting[at : min(at + chunk, taken)]
                    under_way.append(asyncio.create_task(self._send_chunk(channel, part, turns)))
                waiting = waiting[taken:]
                if waiting and time.monotonic() - began + wait_s > BATCH_S:
                    rate = channel.per_second(credential)
                    late = [_rated(job, max(1.0, wait_s) + n / rate) for n, job in enumerate(waiting)]
                    break
                if waiting:
                    await asyncio.sleep(wait_s)
            parts = await asyncio.gather(*under_way)
        except BaseException:
            await cancel_all(under_way)
            raise
        return [x for part in parts for x in part] + late

    async def _send_chunk(
        self, channel: Channel, jobs: Sequence[SendJob], turns: FairSemaphore
    ) -> list[e.Event]:
        await turns.take(len(jobs))
        held = [x for job in jobs if self._jobs.is_halted(job) and (x := self._jobs.held(job))]
        able = [job for job in jobs if not self._jobs.is_halted(job)]
        going, receipts = await self._mark_and_look(able, clock.now())
        receipts += held
        turns.give(len(jobs) - len(going))
        at = clock.now()

        async def send(part: Sequence[SendJob]) -> list[e.Event]:
            nonlocal at
            sent = await channel.send([self._message(job) for job in part])
            turns.give(len(part))
            now = clock.now()
            at = now if now - at > TOLD_APART else at
            outcomes = zip(part, sent, strict=True)
            return [x for job, said in outcomes for x in self._settle(job, said, at, askable=True)]

        step = channel.together
        return receipts + await gather_events([send(going[n : n + step]) for n in range(0, len(going), step)])

    async def _send_alone(self, channel: Channel, job: SendJob, began: float) -> list[e.Event]:
        """One delivery on a platform that knows no repeats: its answer is kept at once."""
        async with self._unkeyed:
            if self._jobs.is_halted(job):
                held = self._jobs.held(job)
                return [held] if held else []
            if time.monotonic() - began > BATCH_S:
                return [_rated(job, 1.0)]
            bucket = breaker_key(channel.name, _digest(job.target) if channel.name in ROBOTS else "")
            taken, wait_s = await self._quota.take(bucket, channel.per_second(job.way.credential), 1)
            if not taken:
                return [_rated(job, max(1.0, wait_s))]
            attempt, now = (job.request.delivery_id, job.request.attempt), clock.now()
            self._jobs.unsent[attempt] = clock.to_ms(now)
            going, receipts = await self._mark_and_look([job], now)
            del self._jobs.unsent[attempt]
            return await self._outbox.to_its_end(self._send_and_keep(channel, job)) if going else receipts

    async def _send_and_keep(self, channel: Channel, job: SendJob) -> list[e.Event]:
        sent = await channel.send([self._message(job)])
        settled = self._settle(job, sent[0], clock.now(), askable=False)
        await self._outbox.keep(job.request, settled)
        return settled

    async def _mark_and_look(
        self, jobs: Sequence[SendJob], now: datetime
    ) -> tuple[list[SendJob], list[e.Event]]:
        """Mark, then look, and only then may they leave: so a recall sees the mark, or we see the recall.

        What does not leave loses its mark at once, and what is known to be over gets none, so that nobody is
        corrected who never had it.
        """
        keys = self._desk.keys
        marked = [job for job in jobs if job.version not in self._over]
        marks = [sending_mark(job.request, job.request.group_id, now, keys) for job in marked]
        alert_ids = list({job.request.alert_id for job in marked})
        standing = await retry_while_unavailable(lambda: self._desk.releases.mark_and_look(marks, alert_ids))
        looked = clock.now()
        for job in marked:
            x = job.request
            if superseded(x.kind, x.version, job.release.expires_at, standing.get(x.alert_id), looked):
                self._over.add(job.version)
        late = [job for job in marked if job.version in self._over]
        taken_back = [
            sending_mark(job.request, job.request.group_id, now, keys, may_have_arrived=job.may_have_arrived)
            for job in late
        ]
        await retry_while_unavailable(lambda: self._desk.apply(taken_back))
        stopped = [job for job in jobs if job.version in self._over]
        receipts: list[e.Event] = [
            superseded_receipt(job.request, clock.now(), may_have_arrived=job.may_have_arrived)
            for job in stopped
        ]
        return [job for job in jobs if job.version not in self._over], receipts

    def _settle(self, job: SendJob, sent: SendResult, now: datetime, *, askable: bool) -> list[e.Event]:
        """The receipt of an attempt; and the halt of its channel, when this was one failure too many."""
        own = job.request.channel in ROBOTS
        if sent.verdict is SendStatus.MISCONFIGURED and not own:
            return self._misconfigured(job, sent, now)
        settled: list[e.Event] = [
            self._jobs.outcome(
                job.request,
                sent,
                job.next_channel,
                now,
                askable=askable,
                may_have_arrived=job.may_have_arrived,
            )
        ]
        failed = sent.verdict in FAILED and not sent.throttled
        if self._tally.add(job.name, failed=failed):
            settled += self._halt(job.name, self._tally.told(job.name))
        return settled

    def _misconfigured(self, job: SendJob, sent: SendResult, now: datetime) -> list[e.Event]:
        """Its credential is halted; it goes by another way, or waits until a person has mended that."""
        halted = self._halt(job.name, sent.reason)
        if job.next_channel and not job.may_have_arrived:
            refusal = SendResult(SendStatus.REFUSED, sent.reason)
            return [*halted, self._jobs.outcome(job.request, refusal, job.next_channel, now, askable=True)]
        return [
            *halted,
            postponed_receipt(
                job.request, f"halted:{job.name}", now, None, may_have_arrived=job.may_have_arrived
            ),
        ]

    def _halt(self, name: str, reason: str) -> list[e.Event]:
        if name in self._jobs.halted:
            return []
        self._jobs.halted.add(name)
        self._tally.forget(name)
        return [halt(name, reason, clock.now())]

    def _message(self, job: SendJob) -> Message:
        request, release = job.request, job.release
        return Message(
            idempotency_key=request.delivery_id, group_id=request.group_id, kind=request.kind,
            target=job.target, secret=job.secret, credential=job.way.credential,
            subject=request.alert_id, text=as_sent(release, request.kind), severity=release.severity,
            expires_at=release.expires_at,
        )  # fmt: skip


def _rated(job: SendJob, wait_s: float) -> e.ReceiptRecorded:
    now = clock.now()
    return postponed_receipt(
        job.request, "rate", now, now + timedelta(seconds=wait_s), may_have_arrived=job.may_have_arrived
    )


def _digest(target: str) -> str:
    return hashlib.blake2b(target.encode(), digest_size=8).hexdigest()
