"""What can be sent now, and what not: deliveries with all that their sending needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from broadcast.channels.base import Channel, SendResult, SendStatus
from broadcast.deliveries.receipts import (
    outcome_of,
    postponed_receipt,
    receipt,
    superseded,
    superseded_receipt,
    was_cut_off,
)
from broadcast.deliveries.requests import require_all
from broadcast.limits.circuit_breaker import breaker_key
from broadcast.sending.answer_journal import AnswerJournal
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.channels import SANDBOX
from fenghuo.domain.delivery import Row
from fenghuo.domain.quiet_hours import quiet_until
from fenghuo.domain.routing import route, way_of
from fenghuo.domain.taps import Tappers
from fenghuo.errors import Refused
from fenghuo.security.sealing import unseal
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome


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
    def version(self) -> tuple[str, int, str]:
        """What it is one delivery of."""
        return self.request.alert_id, self.request.version, self.request.kind

    @property
    def name(self) -> str:
        """What is halted when it fails too often."""
        return breaker_key(self.request.channel, self.way.credential)


class BatchPreparer:
    """Makes jobs of a batch's requests. ``halted`` are the names of what nothing goes through now."""

    def __init__(
        self, desk: Desk, channels: Mapping[str, Channel], outbox: AnswerJournal, settings: Settings
    ) -> None:
        self._desk = desk
        self._channels = channels
        self._outbox = outbox
        self._settings = settings
        self._key = settings.secret_key.get_secret_value()
        self.halted: set[str] = set()
        self.unsent: dict[tuple[str, int], int] = {}
        """When (ms) we marked an attempt that cannot have left: Redis was lost before the look."""

    async def prepare(
        self,
        wanted: Sequence[tuple[e.DeliveryRequested, Row | None]],
        releases: Mapping[tuple[str, int], e.Release],
        outcome: Outcome,
    ) -> list[SendJob]:
        """Jobs for what can be sent now; receipts for what cannot, and for what was cut off."""
        group_ids = [x.group_id for x, _ in wanted]
        groups = await self._desk.directory.groups_by_id(group_ids)
        require_all(group_ids, groups)
        tappers = await self._desk.directory.tappers(groups.values())
        cut = [
            x for x, row in wanted
            if was_cut_off(x, row) and not self._is_keyed(x.channel) and not self._is_unsent(x, row)
        ]  # fmt: skip
        kept = {x.delivery_id: [_cut_off(x)] for x in cut} | await self._outbox.find(cut)
        standing = await self._desk.releases.latest(list({x.alert_id for x, _ in wanted}))
        jobs: list[SendJob] = []
        for request, row in wanted:
            release, group = releases[request.alert_id, request.version], groups[request.group_id]
            may_have_arrived = request.may_have_arrived or (
                row is not None and row.may_have_arrived and not self._is_unsent(request, row)
            )
            if request.delivery_id in kept:
                outcome.events += kept[request.delivery_id]
                self.halted |= {x.name for x in kept[request.delivery_id] if isinstance(x, e.ChannelChanged)}
                continue
            job = self._job(request, release, group, tappers, may_have_arrived)
            if isinstance(job, e.ReceiptRecorded):
                outcome.events.append(job)
                continue
            held = self.held(job)
            stands, now = standing.get(request.alert_id), clock.now()
            if held is None:
                jobs.append(job)
            elif superseded(request.kind, request.version, release.expires_at, stands, now):
                outcome.events.append(superseded_receipt(request, now, may_have_arrived=may_have_arrived))
            else:
                outcome.events.append(held)
        return jobs

    def _job(
        self,
        request: e.DeliveryRequested,
        release: e.Release,
        group: e.Group,
        tappers: Tappers,
        may_have_arrived: bool,
    ) -> SendJob | e.ReceiptRecorded:
        """The job, or the refusal of a delivery that has no way to its group."""

        def refused(why: str, further: str = "") -> e.ReceiptRecorded:
            sent = SendResult(SendStatus.REFUSED, why)
            return self.outcome(
                request, sent, further, clock.now(), askable=True, may_have_arrived=may_have_arrived
            )

        if group.gone:
            return refused("the group is gone")
        if release.exercise and request.channel != SANDBOX.name:
            return refused("an exercise goes to the sandbox alone")
        way = way_of(group, request.channel)
        if way is None or request.channel not in self._channels:
            other = route(group, release, tappers, without={request.channel})
            return refused("no such channel here", other.channel)
        further = route(group, release, tappers, after=request.channel).channel
        try:
            target, secret = unseal(way.target, self._key), unseal(way.secret, self._key)
        except Refused as error:
            return refused(str(error), further)
        return SendJob(request, release, way, target, secret, further, may_have_arrived)

    def _is_unsent(self, request: e.DeliveryRequested, row: Row | None) -> bool:
        """Whether the mark on the ledger is our own, of an attempt that never left."""
        return row is not None and self.unsent.get((request.delivery_id, request.attempt)) == row.at_ms

    def _is_keyed(self, name: str) -> bool:
        channel = self._channels.get(name)
        return channel is None or channel.idempotent

    def held(self, job: SendJob) -> e.Event | None:
        """The receipt of what is not to be sent now: its channel is halted, or people sleep; else None."""
        now = clock.now()
        if self.is_halted(job):
            if job.next_channel and not job.may_have_arrived:
                refusal = SendResult(SendStatus.REFUSED, f"halted:{job.name}")
                return self.outcome(job.request, refusal, job.next_channel, now, askable=True)
            return postponed_receipt(
                job.request, f"halted:{job.name}", now, None, may_have_arrived=job.may_have_arrived
            )
        if job.request.kind == "correction":
            return None
        until = quiet_until(now, job.release.severity, self._settings.quiet_from, self._settings.quiet_to)
        return (
            postponed_receipt(job.request, "quiet", now, until, may_have_arrived=job.may_have_arrived)
            if until
            else None
        )

    def is_halted(self, job: SendJob) -> bool:
        """Whether a person must first resume the job's channel."""
        return job.name in self.halted

    def outcome(
        self,
        request: e.DeliveryRequested,
        sent: SendResult,
        further: str,
        now: datetime,
        *,
        askable: bool,
        may_have_arrived: bool = False,
    ) -> e.ReceiptRecorded:
        """The receipt of an attempt at ``request``, as the settings have it."""
        return outcome_of(
            request, sent, now=now, attempts=self._settings.delivery_attempts,
            base_s=self._settings.retry_base_s, askable=askable, next_channel=further,
            may_have_arrived=may_have_arrived,
        )  # fmt: skip


def _cut_off(request: e.DeliveryRequested) -> e.Event:
    reason = "the process ended while it was being sent, and the platform cannot be asked"
    return receipt(request, e.DeliveryState.UNKNOWN, reason, clock.now(), may_have_arrived=True)
