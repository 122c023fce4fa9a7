"""One batch of deliveries: what it knows while it lasts, and which of them can be sent now."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from broadcast.channels.base import MessageChannel
from broadcast.deliveries.eligibility import Conditions, Refusal, hold_back, open_way
from broadcast.deliveries.receipts import cut_off_receipt, to_be_tried, was_cut_off, withheld_receipt
from broadcast.deliveries.requests import require_all
from broadcast.limits.circuit_breaker import Breakers, FailureWindow, breaker_key
from broadcast.limits.last_look import Departure, LastLook, UnsentMarks
from broadcast.sending.answer_journal import AnswerJournal
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers
from fenghuo.errors import Refused, Transient
from fenghuo.security.sealing import unseal
from fenghuo.settings import Settings

BATCH_S = 8.0
"""What has not been sent within this long is postponed, so that a slow channel does not hold up its batch."""


@dataclass(frozen=True, slots=True)
class SendJob:
    """One delivery with all that its sending needs."""

    request: e.DeliveryRequested
    release: e.Release
    way: e.Binding
    target: str = field(repr=False)
    secret: str = field(repr=False)
    """The way's, unsealed."""
    next_channel: str = ""
    may_have_arrived: bool = False
    """Whether an earlier attempt, or this one before a crash, may have reached the group."""

    @property
    def breaker(self) -> str:
        """The name of what is halted when it fails too often."""
        return breaker_key(self.request.channel, self.way.credential)

    @property
    def departure(self) -> Departure:
        return Departure(self.request, self.release.expires_at, self.may_have_arrived)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch has read from the desk and found out since; it ends with the batch."""

    messages: Sequence[e.DeliveryRequested]
    """Those that the ledger does not know to be done."""
    rows: Mapping[str, LedgerRow | None]
    """The ledger's row of each message, by delivery id."""
    groups: Mapping[str, e.Group]
    """The groups of the messages. A task's are read when it is created: there may be thousands."""
    tappers: Tappers
    releases: Mapping[tuple[str, int], e.Release]
    breakers: Breakers
    last_look: LastLook
    began_s: float = field(default_factory=time.monotonic)

    def release_of(self, request: e.DeliveryRequested | e.TaskRequested) -> e.Release:
        return self.releases[request.alert_id, request.version]

    def is_late(self, in_s: float = 0.0) -> bool:
        """Whether the batch has no time left, ``in_s`` seconds from now."""
        return time.monotonic() - self.began_s + in_s > BATCH_S


class BatchPreparer:
    """Opens batches, and makes jobs of their messages. Keeps nothing of a batch but its unsent marks."""

    def __init__(
        self,
        desk: Desk,
        channels: Mapping[str, MessageChannel],
        journal: AnswerJournal,
        window: FailureWindow,
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._channels = channels
        self._journal = journal
        self._window = window
        self._quiet_hours = settings.quiet_from, settings.quiet_to
        self._key = settings.secret_key.get_secret_value()
        self._unsent = UnsentMarks()

    async def open(self, messages: Sequence[e.DeliveryRequested], tasks: Sequence[e.TaskRequested]) -> Batch:
        """The batch of ``messages`` and ``tasks``. Raises Transient while the desk lacks what they need."""
        halted = await self._desk.deliveries.halted()
        requests: list[e.DeliveryRequested | e.TaskRequested] = [*messages, *tasks]
        releases = await self._releases(requests)
        raw = await self._desk.deliveries.rows(messages)
        rows = [row and self._unsent.corrected(x, row) for x, row in zip(messages, raw, strict=True)]
        wanted = [x for x, row in zip(messages, rows, strict=True) if to_be_tried(x, row)]
        group_ids = [x.group_id for x in wanted]
        groups = await self._desk.directory.groups_by_id(group_ids)
        require_all(group_ids, groups)
        tappers = await self._desk.directory.tappers(groups.values())
        latest = await self._desk.releases.latest(list({x.alert_id for x in requests}))
        return Batch(
            messages=wanted, rows={x.delivery_id: row for x, row in zip(messages, rows, strict=True)},
            groups=groups, tappers=tappers, releases=releases, breakers=Breakers(halted, self._window),
            last_look=LastLook(self._desk, self._unsent, latest),
        )  # fmt: skip

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

    async def prepare(self, batch: Batch) -> tuple[list[SendJob], list[e.Event]]:
        """Jobs for what can be sent now; receipts for what cannot, and for what was cut off."""
        answers = await self._answers(batch)
        settled = [x for answer in answers.values() for x in answer]
        batch.breakers.add(settled)
        jobs: list[SendJob] = []
        for request in batch.messages:
            if request.delivery_id in answers:
                continue
            job = self._job(request, batch)
            if isinstance(job, SendJob):
                held = self.held_back(job, batch)
                if held is None:
                    jobs.append(job)
                    continue
                job = held
            settled.append(job)
        return jobs, settled

    async def _answers(self, batch: Batch) -> dict[str, list[e.Event]]:
        """What became of the messages that were cut off before, where a repeat would be a second message."""
        cut_off = [
            x for x in batch.messages
            if was_cut_off(x, batch.rows[x.delivery_id]) and not self._is_idempotent(x.channel)
        ]  # fmt: skip
        unknown: dict[str, list[e.Event]] = {
            x.delivery_id: [cut_off_receipt(x, clock.now())] for x in cut_off
        }
        return unknown | await self._journal.lookup(cut_off)

    def _is_idempotent(self, name: str) -> bool:
        channel = self._channels.get(name)
        return channel is None or channel.idempotent

    def _job(self, request: e.DeliveryRequested, batch: Batch) -> SendJob | e.ReceiptRecorded:
        """The job, or the refusal of a delivery that has no open way to its group."""
        group, release = batch.groups[request.group_id], batch.release_of(request)
        row = batch.rows[request.delivery_id]
        may_have_arrived = request.may_have_arrived or (row is not None and row.may_have_arrived)
        way = open_way(request.channel, group, release, batch.tappers, self._channels)
        if isinstance(way, Refusal):
            return withheld_receipt(way, request, clock.now(), may_have_arrived=may_have_arrived)
        further = route(group, release, batch.tappers, after=request.channel).channel
        try:
            target, secret = unseal(way.target, self._key), unseal(way.secret, self._key)
        except Refused as error:
            refusal = Refusal(str(error), further)
            return withheld_receipt(refusal, request, clock.now(), may_have_arrived=may_have_arrived)
        return SendJob(request, release, way, target, secret, further, may_have_arrived)

    def held_back(self, job: SendJob, batch: Batch) -> e.ReceiptRecorded | None:
        """The receipt of a delivery that is not to be sent now; None: send it."""
        now = clock.now()
        conditions = Conditions(
            now=now, latest=batch.last_look.latest(job.request.alert_id),
            open_breaker=batch.breakers.open_name(job.breaker), quiet_hours=self._quiet_hours,
        )  # fmt: skip
        decision = hold_back(
            job.request, job.release, conditions,
            next_channel=job.next_channel, may_have_arrived=job.may_have_arrived,
        )  # fmt: skip
        if decision is None:
            return None
        return withheld_receipt(decision, job.request, now, may_have_arrived=job.may_have_arrived)
