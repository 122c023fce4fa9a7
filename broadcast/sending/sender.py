"""Sends. Reads deliveries.requested; writes receipts.recorded, and channels.changed when a channel is halted.

Safe to kill at any instant. A delivery carries the same idempotency key on every attempt, and a delivery that
the ledger knows to be settled is not sent again. Right before each send the delivery is marked on the ledger
and its alert looked at once more, so that nothing leaves after a recall or expiry unseen by the planner that
corrects it. On a platform that is not idempotent one delivery at a time is under way, and its answer is
recorded until it is committed: a kill leaves at most that one unknown.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from broadcast.channels.base import Message, MessageChannel, SendResult, SendStatus
from broadcast.deliveries.eligibility import when_halted
from broadcast.deliveries.receipts import (
    attempt_receipt,
    latest_attempt_each,
    postponed_receipt,
    superseded_receipt,
    withheld_receipt,
    without_duplicates,
)
from broadcast.deliveries.requests import as_task
from broadcast.limits.circuit_breaker import FailureWindow, breaker_key
from broadcast.limits.concurrency import cancel_all, gather_events
from broadcast.limits.fair_semaphore import FairSemaphore
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.owner_tasks.task_maker import TaskMaker
from broadcast.sending.answer_journal import AnswerJournal
from broadcast.sending.batch import Batch, BatchPreparer, SendJob
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.channels import OWNER_TASKS, ROBOTS
from fenghuo.domain.warning_text import as_sent
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

TASKS_AT_ONCE = 8
CHUNK = 25
"""Deliveries that are marked and looked at together, right before they leave."""
AHEAD = 2
"""Prefetch factor: mark up to AHEAD x the concurrency limit in advance, so that a free slot never waits for
Redis. What is marked leaves within the time of one request."""
SAME_TIME = timedelta(milliseconds=10)
"""Answers of a chunk that come closer together get one time: their rows are then one change of the desk."""


class Sender:
    """Sends the deliveries of a batch, those of each credential at its own rate."""

    def __init__(  # noqa: PLR0917 - the parts that the room puts together once
        self,
        desk: Desk,
        rate_limiter: RateLimiter,
        channels: Mapping[str, MessageChannel],
        maker: TaskMaker,
        journal: AnswerJournal,
        window: FailureWindow,
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._rate_limiter = rate_limiter
        self._channels = channels
        self._maker = maker
        self._journal = journal
        self._settings = settings
        self._preparer = BatchPreparer(desk, channels, journal, window, settings)
        self._one_at_a_time = asyncio.Semaphore(settings.unkeyed_at_once)

    async def on_deliveries_requested(self, events: Sequence[e.Event]) -> Outcome:
        await self._journal.wait_idle()
        requests = latest_attempt_each(x for x in events if isinstance(x, e.DeliveryRequested))
        tasks = [x for x in events if isinstance(x, e.TaskRequested)]
        tasks += await self._as_tasks([x for x in requests if x.channel in OWNER_TASKS])
        tasks = without_duplicates(tasks)
        batch = await self._preparer.open([x for x in requests if x.channel not in OWNER_TASKS], tasks)
        jobs, settled = await self._preparer.prepare(batch)
        by_channel: dict[str, list[SendJob]] = {}
        for job in jobs:
            by_channel.setdefault(job.request.channel, []).append(job)
        sending = [self._send_all(name, part, batch) for name, part in by_channel.items()]
        return Outcome(settled + await gather_events([self._make_all(tasks, batch), *sending]))

    async def _as_tasks(self, requests: Sequence[e.DeliveryRequested]) -> list[e.TaskRequested]:
        """A task for each group whose first way refused it and that goes on by its owner's tap."""
        groups = await self._desk.directory.groups_by_id([x.group_id for x in requests])
        return [as_task(x, groups.get(x.group_id)) for x in requests]

    async def _make_all(self, tasks: Sequence[e.TaskRequested], batch: Batch) -> list[e.Event]:
        slots = asyncio.Semaphore(TASKS_AT_ONCE)

        async def make(task: e.TaskRequested) -> list[e.Event]:
            async with slots:
                return await self._maker.make(
                    task, batch.release_of(task), batch.breakers, batch.last_look, late=batch.is_late()
                )

        return await gather_events([make(task) for task in tasks])

    async def _send_all(self, name: str, jobs: Sequence[SendJob], batch: Batch) -> list[e.Event]:
        channel = self._channels[name]
        if not channel.idempotent:
            return await gather_events([self._send_alone(channel, job, batch) for job in jobs])
        by_credential: dict[str, list[SendJob]] = {}
        for job in jobs:
            by_credential.setdefault(job.way.credential, []).append(job)
        return await gather_events([self._send_idempotent(channel, x, batch) for x in by_credential.values()])

    async def _send_idempotent(
        self, channel: MessageChannel, jobs: Sequence[SendJob], batch: Batch
    ) -> list[e.Event]:
        """Send through one credential at its rate, many messages at once; a slow answer holds up its own slot
        alone."""
        at_once, credential = self._settings.webhook_at_once, jobs[0].way.credential
        chunk = channel.together if channel.together > 1 else min(CHUNK, at_once)
        slots = FairSemaphore(max(AHEAD * at_once, chunk))
        bucket, rate = breaker_key(channel.name, credential), channel.per_second(credential)
        waiting = list(jobs)
        under_way: list[asyncio.Task[list[e.Event]]] = []
        late: list[e.Event] = []
        try:
            while waiting:
                taken, wait_s = await self._rate_limiter.take(bucket, rate, len(waiting))
                for at in range(0, taken, chunk):
                    part = waiting[at : min(at + chunk, taken)]
                    under_way.append(asyncio.create_task(self._send_chunk(channel, part, slots, batch)))
                waiting = waiting[taken:]
                if waiting and batch.is_late(wait_s):
                    late = [_rate_limited(job, max(1.0, wait_s) + n / rate) for n, job in enumerate(waiting)]
                    break
                if waiting:
                    await asyncio.sleep(wait_s)
            parts = await asyncio.gather(*under_way)
        except BaseException:
            await cancel_all(under_way)
            raise
        return [x for part in parts for x in part] + late

    async def _send_chunk(
        self, channel: MessageChannel, jobs: Sequence[SendJob], slots: FairSemaphore, batch: Batch
    ) -> list[e.Event]:
        await slots.acquire(len(jobs))
        leaving, receipts = await self._mark_and_look(jobs, batch)
        slots.release(len(jobs) - len(leaving))
        at = clock.now()

        async def send(part: Sequence[SendJob]) -> list[e.Event]:
            nonlocal at
            sent = await channel.send([_message(job) for job in part])
            slots.release(len(part))
            now = clock.now()
            at = now if now - at > SAME_TIME else at
            results = zip(part, sent, strict=True)
            return [x for job, result in results for x in self._settle(job, result, batch, at=at)]

        step = channel.together
        return receipts + await gather_events(
            [send(leaving[n : n + step]) for n in range(0, len(leaving), step)]
        )

    async def _send_alone(self, channel: MessageChannel, job: SendJob, batch: Batch) -> list[e.Event]:
        """One delivery on a platform that is not idempotent: its answer is recorded at once."""
        async with self._one_at_a_time:
            held = self._halted_meanwhile(job, batch)
            if held is not None:
                return [held]
            if batch.is_late():
                return [_rate_limited(job, 1.0)]
            bucket = breaker_key(channel.name, _digest(job.target) if channel.name in ROBOTS else "")
            taken, wait_s = await self._rate_limiter.take(bucket, channel.per_second(job.way.credential), 1)
            if not taken:
                return [_rate_limited(job, max(1.0, wait_s))]
            leaving, receipts = await self._mark_and_look([job], batch)
            if not leaving:
                return receipts
            return await self._journal.run_to_completion(self._send_and_record(channel, job, batch))

    async def _send_and_record(self, channel: MessageChannel, job: SendJob, batch: Batch) -> list[e.Event]:
        sent = await channel.send([_message(job)])
        settled = self._settle(job, sent[0], batch)
        await self._journal.record(job.request, settled)
        return settled

    def _halted_meanwhile(self, job: SendJob, batch: Batch) -> e.ReceiptRecorded | None:
        """The receipt of a delivery whose channel was halted since its batch was prepared."""
        return self._preparer.held_back(job, batch) if batch.breakers.open_name(job.breaker) else None

    async def _mark_and_look(
        self, jobs: Sequence[SendJob], batch: Batch
    ) -> tuple[list[SendJob], list[e.Event]]:
        """Those of ``jobs`` that may leave, marked and looked at; the receipts of the others."""
        receipts: list[e.Event] = []
        able: list[SendJob] = []
        for job in jobs:
            held = self._halted_meanwhile(job, batch)
            if held is None:
                able.append(job)
            else:
                receipts.append(held)
        look = batch.last_look
        await look.mark_and_look([job.departure for job in able])
        now = clock.now()
        receipts += [
            superseded_receipt(job.request, now, may_have_arrived=job.may_have_arrived)
            for job in able if look.stops(job.request)
        ]  # fmt: skip
        return [job for job in able if not look.stops(job.request)], receipts

    def _settle(
        self, job: SendJob, sent: SendResult, batch: Batch, *, at: datetime | None = None
    ) -> list[e.Event]:
        """The receipt of an attempt; and the halt of its channel, when this was one failure too many."""
        request, now = job.request, at or clock.now()
        own_credential = request.channel in ROBOTS
        if sent.verdict is SendStatus.MISCONFIGURED and not own_credential:
            return self._misconfigured(job, sent, batch, now)
        settled = attempt_receipt(
            request, sent, now=now, attempts=self._settings.delivery_attempts,
            base_s=self._settings.retry_base_s, can_ask=self._channels[request.channel].idempotent,
            next_channel=job.next_channel, may_have_arrived=job.may_have_arrived,
        )  # fmt: skip
        return [settled, *batch.breakers.record(job.breaker, failed=sent.failed)]

    def _misconfigured(self, job: SendJob, sent: SendResult, batch: Batch, now: datetime) -> list[e.Event]:
        """Its credential is halted; the delivery goes by another way, or waits until a person has mended
        that."""
        decision = when_halted(
            job.breaker, sent.reason,
            next_channel=job.next_channel, may_have_arrived=job.may_have_arrived,
        )  # fmt: skip
        receipt = withheld_receipt(decision, job.request, now, may_have_arrived=job.may_have_arrived)
        return [*batch.breakers.trip(job.breaker, sent.reason), receipt]


def _message(job: SendJob) -> Message:
    request, release = job.request, job.release
    return Message(
        idempotency_key=request.delivery_id, group_id=request.group_id, kind=request.kind,
        target=job.target, secret=job.secret, credential=job.way.credential,
        subject=request.alert_id, text=as_sent(release, request.kind), severity=release.severity,
        expires_at=release.expires_at,
    )  # fmt: skip


def _rate_limited(job: SendJob, wait_s: float) -> e.ReceiptRecorded:
    now = clock.now()
    return postponed_receipt(
        job.request, "rate", now, now + timedelta(seconds=wait_s), may_have_arrived=job.may_have_arrived
    )


def _digest(target: str) -> str:
    return hashlib.blake2b(target.encode(), digest_size=8).hexdigest()
