"""Sends. Reads deliveries.requested; writes receipts.recorded, and channels.changed when a channel is halted.

Safe to kill at any instant: a delivery carries the same idempotency key on every attempt, and what the ledger
knows to be settled is not sent again. Right before each send the delivery is marked on the ledger and the
alert looked at once more, so that nothing leaves after its recall or expiry unseen by the one who corrects
it. On a platform that knows no repeats one delivery at a time is under way, and its answer is kept until it
is committed: so a kill leaves at most that one unknown.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from broadcast.channels.base import Channel, Message, Sent, Verdict
from broadcast.halts import Tally, halt, name_of
from broadcast.outbox import Outbox
from broadcast.quota import Quota
from broadcast.requests import TASKS, as_task, moved_to, next_way, way_of
from broadcast.rules import (
    FAILED,
    each_once,
    held_back,
    latest_attempts,
    outcome_of,
    put_off,
    receipt,
    superseded,
    to_be_tried,
    was_cut_off,
)
from broadcast.tasks import TaskMaker
from fenghuo import clock
from fenghuo import events as e
from fenghuo.errors import Refused, Transient
from fenghuo.quiet import quiet_until
from fenghuo.sealing import unseal
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import Row, handed_over
from fenghuo.transport.pipeline import Outcome, end_tasks
from fenghuo.warning import as_sent

BATCH_S = 8.0
"""What has not been sent within this long is put off, so that a slow channel does not hold its batch."""
LAST_S = 0.9
"""For the answer of a platform that knows no repeats, when the batch has failed."""
TASKS_AT_ONCE = 8
CHUNK = 16
"""Deliveries that are marked and looked at together, right before they leave."""
CHUNKS = {"sandbox": 500, "relay": 500}
"""The same for channels that take many at once."""
ROBOTS = frozenset({"wecom_robot", "dingtalk", "feishu"})
"""Channels where each target is a credential of its own."""


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery with all that its sending needs."""

    request: e.DeliveryRequested
    release: e.Release
    way: e.Binding
    target: str = field(repr=False)
    secret: str = field(repr=False)
    """The way's, unsealed."""
    next_channel: str = ""
    may_be_out: bool = False
    """Whether an earlier attempt, or this one before a crash, may have reached the group."""

    @property
    def version(self) -> tuple[str, int, str]:
        """What it is one delivery of."""
        return self.request.alert_id, self.request.version, self.request.kind

    @property
    def name(self) -> str:
        """What is halted when it fails too often."""
        return name_of(self.request.channel, self.way.credential)


class Sender:
    """Sends the deliveries of a batch, each credential at its own rate."""

    def __init__(  # noqa: PLR0917 - the parts that the room puts together once
        self,
        desk: Desk,
        quota: Quota,
        channels: Mapping[str, Channel],
        maker: TaskMaker,
        outbox: Outbox,
        tally: Tally,
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._quota = quota
        self._channels = channels
        self._maker = maker
        self._outbox = outbox
        self._tally = tally
        self._settings = settings
        self._key = settings.secret_key.get_secret_value()
        self._unkeyed = asyncio.Semaphore(settings.unkeyed_at_once)
        self._halted: set[str] = set()
        self._over: set[tuple[str, int, str]] = set()
        """What the batch has found recalled, expired or replaced."""
        self._unsent: dict[tuple[str, int], int] = {}
        """When (ms) we marked an attempt that cannot have left: Redis was lost before the look."""

    async def on_deliveries_requested(self, events: Sequence[e.Event]) -> Outcome:
        self._halted, self._over = set(await self._desk.halted()), set()
        asked = latest_attempts(x for x in events if isinstance(x, e.DeliveryRequested))
        requests = [x for x in asked if x.channel not in TASKS]
        tasks = [x for x in events if isinstance(x, e.TaskRequested)]
        tasks = each_once([*tasks, *await self._as_tasks([x for x in asked if x.channel in TASKS])])
        releases = await self._releases([*requests, *tasks])
        outcome = Outcome()
        rows = await self._desk.ledger_rows(requests)
        wanted: list[tuple[e.DeliveryRequested, Row | None]] = []
        for x, row in zip(requests, rows, strict=True):
            if to_be_tried(x, row):
                wanted.append((x, row))
        jobs = await self._prepare(wanted, releases, outcome)
        by_channel: dict[str, list[Job]] = {}
        for job in jobs:
            by_channel.setdefault(job.request.channel, []).append(job)
        sending = [self._send_all(name, part) for name, part in by_channel.items()]
        outcome.events += await _flat([self._make_all(tasks, releases), *sending])
        return outcome

    async def _make_all(
        self, tasks: Sequence[e.TaskRequested], releases: Mapping[tuple[str, int], e.Release]
    ) -> list[e.Event]:
        gate, began = asyncio.Semaphore(TASKS_AT_ONCE), time.monotonic()

        async def make(task: e.TaskRequested) -> list[e.Event]:
            async with gate:
                late = time.monotonic() - began > BATCH_S
                release = releases[task.alert_id, task.version]
                return await self._maker.make(task, release, self._halted, late=late)

        return await _flat([make(task) for task in tasks])

    async def _as_tasks(self, requests: Sequence[e.DeliveryRequested]) -> list[e.TaskRequested]:
        """A task for each group that goes on by its owner's tap, as its first way refused it."""
        groups = await self._desk.groups_by_id([x.group_id for x in requests])
        return [as_task(x, groups.get(x.group_id)) for x in requests]

    async def _releases(
        self, requests: Iterable[e.DeliveryRequested | e.TaskRequested]
    ) -> dict[tuple[str, int], e.Release]:
        found: dict[tuple[str, int], e.Release] = {}
        for alert_id, version in {(x.alert_id, x.version) for x in requests}:
            release = await self._desk.release(alert_id, version)
            if release is None:
                raise Transient(f"release {alert_id} {version} is not on the desk yet")
            found[alert_id, version] = release
        return found

    async def _prepare(
        self,
        wanted: Sequence[tuple[e.DeliveryRequested, Row | None]],
        releases: Mapping[tuple[str, int], e.Release],
        outcome: Outcome,
    ) -> list[Job]:
        """Jobs for what can be sent now; receipts for what cannot, and for what was cut off."""
        groups = await self._desk.groups_by_id([x.group_id for x, _ in wanted])
        cut = [
            x for x, row in wanted
            if was_cut_off(x, row) and not self._is_keyed(x.channel) and not self._is_unsent(x, row)
        ]  # fmt: skip
        kept = {x.delivery_id: [_cut_off(x)] for x in cut} | await self._outbox.find(cut)
        standing = await self._desk.standing(list({x.alert_id for x, _ in wanted}))
        jobs: list[Job] = []
        for request, row in wanted:
            release, group = releases[request.alert_id, request.version], groups.get(request.group_id)
            out = request.left or (row is not None and row.left and not self._is_unsent(request, row))
            if request.delivery_id in kept:
                outcome.events += kept[request.delivery_id]
                continue
            job = self._job(request, release, group, out)
            if isinstance(job, e.ReceiptRecorded):
                outcome.events.append(job)
                continue
            held = self._held(job)
            stands, now = standing.get(request.alert_id), clock.now()
            if held is None:
                jobs.append(job)
            elif superseded(request.kind, request.version, release.expires_at, stands, now):
                outcome.events.append(held_back(request, now, may_be_out=out))
            else:
                outcome.events.append(held)
        return jobs

    def _job(
        self, request: e.DeliveryRequested, release: e.Release, group: e.Group | None, out: bool
    ) -> Job | e.ReceiptRecorded:
        """The job, or the refusal of what has no way to its group; ``out``: an earlier attempt may have
        left."""

        def refused(why: str, further: str = "") -> e.ReceiptRecorded:
            return self._outcome(request, Sent(Verdict.REFUSED, why), further, askable=True, left=out)

        if group is None or group.gone:
            return refused("the group is gone")
        if release.exercise and request.channel != "sandbox":
            return refused("an exercise goes to the sandbox alone")
        way = way_of(group, request.channel)
        if way is None or request.channel not in self._channels:
            return refused("no such channel here", moved_to(group, release, request.channel))
        further = next_way(group, release, request.channel)
        try:
            target, secret = unseal(way.target, self._key), unseal(way.secret, self._key)
        except Refused as error:
            return refused(str(error), further)
        return Job(request, release, way, target, secret, further, out)

    def _is_unsent(self, request: e.DeliveryRequested, row: Row | None) -> bool:
        """Whether the mark on the ledger is our own, of an attempt that never left."""
        return row is not None and self._unsent.get((request.delivery_id, request.attempt)) == row.at_ms

    def _is_keyed(self, name: str) -> bool:
        channel = self._channels.get(name)
        return channel is None or channel.idempotent

    def _held(self, job: Job) -> e.Event | None:
        """The receipt of what is not to be sent now: its channel is halted, or people sleep; else None."""
        now = clock.now()
        if self._is_halted(job):
            if job.next_channel and not job.may_be_out:
                refusal = Sent(Verdict.REFUSED, f"halted:{job.name}")
                return self._outcome(job.request, refusal, job.next_channel, askable=True)
            return put_off(job.request, f"halted:{job.name}", now, None, left=job.may_be_out)
        if job.request.kind == "correction":
            return None
        until = quiet_until(now, job.release.severity, self._settings.quiet_from, self._settings.quiet_to)
        return put_off(job.request, "quiet", now, until, left=job.may_be_out) if until else None

    def _is_halted(self, job: Job) -> bool:
        return job.name in self._halted

    async def _send_all(self, name: str, jobs: Sequence[Job]) -> list[e.Event]:
        channel = self._channels[name]
        if not channel.idempotent:
            began = time.monotonic()
            return await _flat([self._send_alone(channel, job, began) for job in jobs])
        by_credential: dict[str, list[Job]] = {}
        for job in jobs:
            by_credential.setdefault(job.way.credential, []).append(job)
        return await _flat([self._send_keyed(channel, x, part) for x, part in by_credential.items()])

    async def _send_keyed(self, channel: Channel, credential: str, jobs: Sequence[Job]) -> list[e.Event]:
        """Send at the credential's rate, so many chunks at once; a slow answer holds up nobody else."""
        chunk = CHUNKS.get(channel.name, CHUNK)
        gate = asyncio.Semaphore(max(1, self._settings.webhook_at_once // chunk))
        began, left = time.monotonic(), list(jobs)
        under_way: list[asyncio.Task[list[e.Event]]] = []
        late: list[e.Event] = []
        try:
            while left:
                bucket = name_of(channel.name, credential)
                taken, wait_s = await self._quota.take(bucket, channel.per_second(credential), len(left))
                for at in range(0, taken, chunk):
                    part = left[at : min(at + chunk, taken)]
                    under_way.append(asyncio.create_task(self._send_chunk(channel, part, gate)))
                left = left[taken:]
                if left and time.monotonic() - began + wait_s > BATCH_S:
                    late = [_rated(job, max(1.0, wait_s)) for job in left]
                    break
                if left:
                    await asyncio.sleep(wait_s)
            parts = await asyncio.gather(*under_way)
        except BaseException:
            await _end(under_way)
            raise
        return [x for part in parts for x in part] + late

    async def _send_chunk(
        self, channel: Channel, jobs: Sequence[Job], gate: asyncio.Semaphore
    ) -> list[e.Event]:
        async with gate:
            held = [x for x in (self._held(job) for job in jobs if self._is_halted(job)) if x is not None]
            jobs = [job for job in jobs if not self._is_halted(job)]
            going, receipts = await self._mark_and_look(jobs, clock.now())
            receipts += held
            sent = await channel.send([self._message(job) for job in going]) if going else []
        for job, outcome in zip(going, sent, strict=True):
            receipts += self._settle(job, outcome, askable=True)
        return receipts

    async def _send_alone(self, channel: Channel, job: Job, began: float) -> list[e.Event]:
        """One delivery on a platform that knows no repeats: its answer is kept at once."""
        async with self._unkeyed:
            if self._is_halted(job):
                held = self._held(job)
                return [held] if held else []
            if time.monotonic() - began > BATCH_S:
                return [_rated(job, 1.0)]
            bucket = name_of(channel.name, _digest(job.target) if channel.name in ROBOTS else "")
            taken, wait_s = await self._quota.take(bucket, channel.per_second(job.way.credential), 1)
            if not taken:
                return [_rated(job, max(1.0, wait_s))]
            attempt, now = (job.request.delivery_id, job.request.attempt), clock.now()
            self._unsent[attempt] = clock.to_ms(now)
            going, receipts = await self._mark_and_look([job], now)
            del self._unsent[attempt]
            return await _to_its_end(self._send_and_keep(channel, job)) if going else receipts

    async def _send_and_keep(self, channel: Channel, job: Job) -> list[e.Event]:
        sent = await channel.send([self._message(job)])
        settled = self._settle(job, sent[0], askable=False)
        await self._outbox.keep(job.request, settled)
        return settled

    async def _mark_and_look(self, jobs: Sequence[Job], now: datetime) -> tuple[list[Job], list[e.Event]]:
        """Mark, then look, and only then may they leave: so a recall sees the mark, or we see the recall.

        What does not leave loses its mark at once, and what is known to be over gets none, so that nobody is
        corrected who never had it.
        """
        keys = self._desk.keys
        marked = [job for job in jobs if job.version not in self._over]
        await self._desk.apply([handed_over(job.request, job.request.group_id, now, keys) for job in marked])
        standing = await self._desk.standing(list({job.request.alert_id for job in marked}))
        for job in marked:
            x = job.request
            if superseded(x.kind, x.version, job.release.expires_at, standing.get(x.alert_id), clock.now()):
                self._over.add(job.version)
        await self._desk.apply(
            [
                handed_over(job.request, job.request.group_id, now, keys, left=job.may_be_out)
                for job in marked
                if job.version in self._over
            ]
        )
        stopped = [job for job in jobs if job.version in self._over]
        receipts: list[e.Event] = [
            held_back(job.request, clock.now(), may_be_out=job.may_be_out) for job in stopped
        ]
        return [job for job in jobs if job.version not in self._over], receipts

    def _settle(self, job: Job, sent: Sent, *, askable: bool) -> list[e.Event]:
        """The receipt of an attempt; and the halt of its channel, when this was one failure too many."""
        own = job.request.channel in ROBOTS
        if sent.verdict is Verdict.MISCONFIGURED and not own:
            return self._misconfigured(job, sent)
        settled: list[e.Event] = [
            self._outcome(job.request, sent, job.next_channel, askable=askable, left=job.may_be_out)
        ]
        failed = sent.verdict in FAILED and not sent.throttled
        if self._tally.add(job.name, failed=failed):
            settled += self._halt(job.name, self._tally.told(job.name))
        return settled

    def _misconfigured(self, job: Job, sent: Sent) -> list[e.Event]:
        """Its credential is halted; it goes by another way, or waits until a person has mended that."""
        halted = self._halt(job.name, sent.reason)
        if job.next_channel and not job.may_be_out:
            refusal = Sent(Verdict.REFUSED, sent.reason)
            return [*halted, self._outcome(job.request, refusal, job.next_channel, askable=True)]
        return [*halted, put_off(job.request, f"halted:{job.name}", clock.now(), None, left=job.may_be_out)]

    def _halt(self, name: str, reason: str) -> list[e.Event]:
        if name in self._halted:
            return []
        self._halted.add(name)
        self._tally.forget(name)
        return [halt(name, reason, clock.now())]

    def _outcome(
        self, request: e.DeliveryRequested, sent: Sent, further: str, *, askable: bool, left: bool = False
    ) -> e.ReceiptRecorded:
        return outcome_of(
            request, sent, now=clock.now(), attempts=self._settings.delivery_attempts,
            base_s=self._settings.retry_base_s, askable=askable, next_channel=further, left=left,
        )  # fmt: skip

    def _message(self, job: Job) -> Message:
        request, release = job.request, job.release
        return Message(
            idempotency_key=request.delivery_id, group_id=request.group_id, kind=request.kind,
            target=job.target, secret=job.secret, credential=job.way.credential,
            subject=request.alert_id, text=as_sent(release, request.kind), severity=release.severity,
            expires_at=release.expires_at,
        )  # fmt: skip


def _cut_off(request: e.DeliveryRequested) -> e.Event:
    reason = "the process ended while it was being sent, and the platform cannot be asked"
    return receipt(request, e.DeliveryState.UNKNOWN, reason, clock.now(), left=True)


def _rated(job: Job, wait_s: float) -> e.ReceiptRecorded:
    now = clock.now()
    return put_off(job.request, "rate", now, now + timedelta(seconds=wait_s), left=job.may_be_out)


def _digest(target: str) -> str:
    return hashlib.blake2b(target.encode(), digest_size=8).hexdigest()


async def _to_its_end(work: Coroutine[Any, Any, list[e.Event]]) -> list[e.Event]:
    """The result of ``work``; when another delivery has failed and all are ended, what has left gets LAST_S
    more for its answer."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=LAST_S)
        await _end([task])
        raise


async def _flat(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[e.Event]:
    return [x for part in await _all_of(work) for x in part]


async def _all_of(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[list[e.Event]]:
    """All results; when one fails, the others are ended before its error goes on."""
    tasks = [asyncio.create_task(x) for x in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await _end(tasks)
        raise


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """End ``tasks`` because one of them failed; what befell the others is the same."""
    await end_tasks(tasks)
    await asyncio.gather(*tasks, return_exceptions=True)
