"""Makes the tasks that owners tap: one call for all the groups of an owner.

A task is made once: after a crash or a timeout the platform is asked for it before it is made again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from broadcast.channels.base import Created, SendResult, SendStatus, Task, TaskChannel
from broadcast.deliveries.receipts import (
    FAILED,
    as_delivery,
    backoff_s,
    outcome_of,
    receipt,
    superseded,
    superseded_receipt,
    to_be_tried,
)
from broadcast.deliveries.requests import require_all
from broadcast.limits.circuit_breaker import FailureWindow, breaker_key, halt
from broadcast.limits.rate_limiter import RateLimiter
from fenghuo import clock
from fenghuo.clock import from_ms
from fenghuo.desk.deliveries import sending_mark
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.delivery import Row
from fenghuo.domain.quiet_hours import quiet_until
from fenghuo.domain.routing import route, way_of
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_text import as_sent
from fenghuo.security.sealing import unseal
from fenghuo.settings import Settings

LATE = timedelta(seconds=1)
STILL_COMING = timedelta(seconds=5)
"""So long after a request was cut off it may still reach the platform: before, "no such task" proves
nothing."""
EARLIER = timedelta(minutes=5)
"""How far the platform's clock may lie behind ours when it is asked for a task."""


@dataclass(frozen=True, slots=True)
class TaskAttempt:
    """A task on its way, with what its groups' receipts need."""

    request: e.TaskRequested
    release: e.Release
    groups: Mapping[str, e.Group]
    tappers: Tappers
    chats: Mapping[str, str]
    """Group id to what the platform calls the group."""
    rows: Mapping[str, Row]
    sender: str
    text: str

    @property
    def name(self) -> str:
        return breaker_key(self.request.channel, self.request.credential)

    @property
    def may_have_arrived(self) -> bool:
        """Whether an earlier attempt may have made it."""
        return any(row.may_have_arrived for row in self.rows.values())

    @property
    def asked_at(self) -> datetime | None:
        """When an attempt began of which nothing is known: it was cut off; None if there is none."""
        marked = [
            row.at_ms for row in self.rows.values()
            if row.may_have_arrived and row.state is e.DeliveryState.HANDED_OVER
        ]  # fmt: skip
        return from_ms(max(marked)) if marked else None

    def delivery(self, group_id: str) -> e.DeliveryRequested:
        return as_delivery(self.request, group_id, self.rows.get(group_id))

    def further(self, group_id: str) -> str:
        """The channel of the group's next way."""
        return route(self.groups[group_id], self.release, self.tappers, after=self.request.channel).channel

    def task(self) -> Task:
        x = self.request
        return Task(
            idempotency_key=x.task_id, credential=x.credential, sender=self.sender,
            chats=tuple(self.chats.values()), text=self.text,
        )  # fmt: skip


class TaskMaker:
    """Makes tasks; what comes of each is events for its groups, and where it stands from now on."""

    def __init__(
        self,
        desk: Desk,
        quota: RateLimiter,
        channels: Mapping[str, TaskChannel],
        tally: FailureWindow,
        settings: Settings,
    ) -> None:
        self._desk = desk
        self._quota = quota
        self._channels = channels
        self._tally = tally
        self._settings = settings
        self._key = settings.secret_key.get_secret_value()

    async def make(
        self, request: e.TaskRequested, release: e.Release, halted: set[str], *, late: bool = False
    ) -> list[e.Event]:
        """Make the task unless the ledger says that it is made; ``halted`` gets the name of what must stop.
        ``late``: its batch has no time left for it."""
        rows = await self._desk.deliveries.of_groups(
            request.alert_id, request.version, request.kind, request.group_ids
        )
        wanted = [x for x in request.group_ids if to_be_tried(as_delivery(request, x), rows.get(x))]
        if not wanted:
            return []
        groups = await self._desk.directory.groups_by_id(wanted)
        require_all(wanted, groups)
        tappers = Tappers(await self._desk.directory.people())
        events: list[e.Event] = []
        chats: dict[str, str] = {}
        for group_id in wanted:
            group = groups[group_id]
            row = rows.get(group_id)
            delivery = msgspec.structs.replace(
                as_delivery(request, group_id), may_have_arrived=row is not None and row.may_have_arrived
            )
            way = None if group.gone else way_of(group, request.channel)
            if group.gone:
                events.append(self._refused(delivery, "the group is gone"))
            elif release.exercise:
                events.append(self._refused(delivery, "an exercise goes to the sandbox alone"))
            elif way is None or request.channel not in self._channels:
                further = route(group, release, tappers, without={request.channel}).channel
                events.append(self._refused(delivery, "no such channel here", further))
            else:
                chats[group_id] = unseal(way.target, self._key)
        if not chats:
            return events
        some = groups[next(iter(chats))]
        text = as_sent(release, request.kind)
        making = TaskAttempt(request, release, groups, tappers, chats, rows, tappers.owner_userid(some), text)
        return events + await self._make(making, halted, late)

    async def _make(self, making: TaskAttempt, halted: set[str], late: bool) -> list[e.Event]:
        held = self._held(making, halted)
        if held:
            return held
        if late:
            return self._later(making, "rate", clock.now() + LATE)
        channel = self._channels[making.request.channel]
        per_second = channel.per_second(making.request.credential)
        taken, wait_s = await self._quota.take(making.name, per_second, 1)
        if not taken:
            return self._later(making, "rate", clock.now() + timedelta(seconds=max(0.2, wait_s)))
        if (asked_at := making.asked_at) is not None and clock.now() < asked_at + STILL_COMING:
            return self._later(making, "", asked_at + STILL_COMING, reason="its answer was lost")
        over = await self._is_over(making)
        created = await self._once(channel, making, over=over)
        if over and created.sent.verdict is SendStatus.REFUSED:
            return [
                superseded_receipt(making.delivery(x), clock.now(), may_have_arrived=False)
                for x in making.chats
            ]
        return self._settle(making, created, halted)

    async def _is_over(self, making: TaskAttempt) -> bool:
        """Mark, then look, as for every send: whether the alert does not stand any more."""
        x, now, keys = making.request, clock.now(), self._desk.keys
        await self._desk.apply([sending_mark(x, group_id, now, keys) for group_id in making.chats])
        standing = (await self._desk.releases.latest([x.alert_id])).get(x.alert_id)
        over = superseded(x.kind, x.version, making.release.expires_at, standing, clock.now())
        if over and not making.may_have_arrived:
            await self._desk.apply(
                [sending_mark(x, k, now, keys, may_have_arrived=False) for k in making.chats]
            )
        return over

    async def _once(self, channel: TaskChannel, making: TaskAttempt, *, over: bool) -> Created:
        """The task as it was made before or is made now; REFUSED when it is over and was never made."""
        found = Created(SendResult(SendStatus.REFUSED, "never made"))
        if making.may_have_arrived:
            found = await channel.find(making.task(), making.release.approved_at - EARLIER)
            if await self._is_anothers(found.task_id, making.request.task_id):
                found = Created(SendResult(SendStatus.REFUSED, "never made"))
        if over or found.sent.verdict is not SendStatus.REFUSED:
            return found
        return await channel.create(making.task())

    async def _is_anothers(self, platform_id: str, task_id: str) -> bool:
        """Whether the platform's task is one that we made for other groups of the same owner."""
        tasks = (await self._desk.deliveries.open_tasks()).values() if platform_id else ()
        return any(x.platform_id == platform_id and x.task_id != task_id for x in tasks)

    def _held(self, making: TaskAttempt, halted: Collection[str]) -> list[e.Event]:
        now, x = clock.now(), making.request
        if making.name in halted:
            return self._elsewhere(making, now)
        settings = self._settings
        until = quiet_until(now, making.release.severity, settings.quiet_from, settings.quiet_to)
        if until and x.kind == "warning":
            return self._later(making, "quiet", until)
        return []

    def _settle(self, making: TaskAttempt, created: Created, halted: set[str]) -> list[e.Event]:
        """The receipts of the task's groups, and the task as it stands."""
        now, sent, name = clock.now(), created.sent, making.name
        if sent.verdict is SendStatus.MISCONFIGURED:
            stopped = [] if name in halted else [halt(name, sent.reason, now)]
            halted.add(name)
            return [*stopped, *self._elsewhere(making, now)]
        failed = sent.verdict in FAILED and not sent.throttled
        events: list[e.Event] = []
        if self._tally.add(name, failed=failed) and name not in halted:
            halted.add(name)
            events.append(halt(name, self._tally.told(name), now))
        if sent.verdict is SendStatus.WAITING:
            return [*events, *self._opened(making, created, now)]
        failures = making.request.failures + failed
        if sent.verdict is SendStatus.REFUSED or failures >= self._settings.delivery_attempts:
            last = SendResult(
                SendStatus.UNKNOWN if sent.verdict is SendStatus.UNKNOWN else SendStatus.REFUSED, sent.reason
            )
            return [*events, *(self._ended(making, x, last) for x in making.chats)]
        wait_s = sent.retry_after_s or backoff_s(self._settings.retry_base_s, failures)
        may_have_arrived = sent.verdict is SendStatus.UNKNOWN or making.may_have_arrived
        due = now + timedelta(seconds=wait_s)
        if sent.verdict is SendStatus.UNKNOWN:
            due = max(due, now + STILL_COMING)
        held = "rate" if sent.throttled else ""
        return [
            *events,
            *self._later(
                making, held, due, reason=sent.reason, failures=failures, may_have_arrived=may_have_arrived
            ),
        ]

    def _opened(self, making: TaskAttempt, created: Created, now: datetime) -> list[e.Event]:
        refused = [x for x, chat in making.chats.items() if chat in created.refused]
        chats = {x: chat for x, chat in making.chats.items() if x not in refused}
        events: list[e.Event] = [
            self._ended(making, x, SendResult(SendStatus.REFUSED, "the platform does not know the group"))
            for x in refused
        ]
        unsent = {x: as_delivery(making.request, x) for x in chats}  # whatever an earlier attempt feared
        events += [receipt(x, e.DeliveryState.WAITING, "", now) for x in unsent.values()]
        task = self._task(making, created.task_id, chats.items(), now)
        return [*events, task_changed(task, "opened", now)] if chats else events

    def _ended(self, making: TaskAttempt, group_id: str, sent: SendResult) -> e.Event:
        return self._outcome(making.delivery(group_id), sent, making.further(group_id))

    def _outcome(self, request: e.DeliveryRequested, sent: SendResult, further: str) -> e.Event:
        return outcome_of(
            request, sent, now=clock.now(), attempts=1, base_s=self._settings.retry_base_s, askable=False,
            next_channel=further,
        )  # fmt: skip

    def _elsewhere(self, making: TaskAttempt, now: datetime) -> list[e.Event]:
        """The groups that have another way go by it; the task waits with the others for a person to mend the
        channel."""
        events: list[e.Event] = []
        staying: list[str] = []
        for group_id in making.chats:
            if making.further(group_id) and not making.may_have_arrived:
                events.append(self._ended(making, group_id, SendResult(SendStatus.REFUSED, "halted")))
            else:
                staying.append(group_id)
        return events + (self._later(making, "halted", now, only=staying) if staying else [])

    def _later(
        self,
        making: TaskAttempt,
        held: str,
        due: datetime,
        *,
        reason: str = "",
        failures: int | None = None,
        may_have_arrived: bool = False,
        only: Sequence[str] | None = None,
    ) -> list[e.Event]:
        """To be made at ``due``; a halted one when its channel is resumed."""
        now = clock.now()
        may_have_arrived = may_have_arrived or making.may_have_arrived
        chats = {x: making.chats[x] for x in (only if only is not None else making.chats)}
        receipts = [
            receipt(
                making.delivery(x), e.DeliveryState.RETRYING, reason or held, now,
                failures=failures, held=held, may_have_arrived=may_have_arrived,
            ) for x in chats
        ]  # fmt: skip
        task = self._task(making, "", chats.items(), now, due=due, failures=failures)
        return [*receipts, task_changed(task, held or "retry", now)]

    def _refused(self, request: e.DeliveryRequested, reason: str, further: str = "") -> e.Event:
        return self._outcome(request, SendResult(SendStatus.REFUSED, reason), further)

    def _task(
        self,
        making: TaskAttempt,
        platform_id: str,
        chats: Collection[tuple[str, str]],
        now: datetime,
        *,
        due: datetime | None = None,
        failures: int | None = None,
    ) -> e.OpenTask:
        x = making.request
        return e.OpenTask(
            task_id=x.task_id, platform_id=platform_id, alert_id=x.alert_id, version=x.version, kind=x.kind,
            owner=x.owner, sender=making.sender, channel=x.channel, credential=x.credential,
            chats=tuple(chats), since=now, due=due, attempt=x.attempt,
            failures=x.failures if failures is None else failures, revision=x.attempt * 100,
        )  # fmt: skip


def task_changed(task: e.OpenTask, cause: str, at: datetime) -> e.TaskChanged:
    """The event that a task stands differently now; one for each of its revisions."""
    return e.TaskChanged(
        event_id=e.derive_id(task.task_id, str(task.revision), cause), at=at, task=task, cause=cause
    )


def retry_request(task: e.OpenTask, at: datetime) -> e.TaskRequested:
    """The request to make a task once more."""
    return e.TaskRequested(
        event_id=e.derive_id(task.task_id, str(task.attempt + 1)), at=at, task_id=task.task_id,
        alert_id=task.alert_id, version=task.version, kind=task.kind, owner=task.owner, channel=task.channel,
        credential=task.credential, group_ids=tuple(group_id for group_id, _ in task.chats),
        attempt=task.attempt + 1, failures=task.failures,
    )  # fmt: skip


def task_closed(task: e.OpenTask, at: datetime) -> e.TaskChanged:
    """The event that a task is over."""
    ended = msgspec.structs.replace(task, closed=True, revision=task.revision + 1)
    return task_changed(ended, "closed", at)
