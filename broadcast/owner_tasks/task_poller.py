"""Asks the platforms how far the owners' tasks have come; reminds, and cancels what is recalled.

Reads the desk; writes receipts.recorded and deliveries.requested (tasks that are to be made again).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from broadcast.channels.base import Progress, SendResult, SendStatus, Task, TaskChannel
from broadcast.deliveries.eligibility import is_superseded
from broadcast.deliveries.receipts import delivery_of
from broadcast.leader_lease import LeaderLease
from broadcast.limits.circuit_breaker import breaker_key
from broadcast.owner_tasks.task_attempt import retry_request, task_changed, task_closed
from broadcast.owner_tasks.task_maker import EARLIER, STILL_COMING
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.quiet_hours import waiting_seconds
from fenghuo.domain.routing import next_way
from fenghuo.domain.warning_text import as_sent
from fenghuo.settings import Settings
from fenghuo.transport.stage import Transport

LOOK_EVERY_S = 0.25
"""How soon a recall reaches the platforms."""
YOUNG_S = 900
SLOWER = 4
"""A task that is older than YOUNG_S is asked about this much less often."""
AT_ONCE = 20
HELD_S = 5.0
MOST_REMINDERS = 3
POLLED = frozenset({"closed", "reminded", "not reminded"})
"""Why the poller says that a task stands differently now."""
ACTED = timedelta(seconds=2)
"""What was asked for is not asked for again within this time: the desk lags behind what we publish."""
LAST_WORD = timedelta(seconds=60)
"""When an owner has tapped and the platform has not told of a group for this long, the group did not get
it."""


class Poller:
    """Looks four times a second at the open tasks; one process at a time does so."""

    def __init__(
        self, desk: Desk, transport: Transport, channels: Mapping[str, TaskChannel], settings: Settings
    ) -> None:
        self._desk = desk
        self._transport = transport
        self._channels = channels
        self._settings = settings
        self._turn = LeaderLease(desk, "polling", HELD_S)
        self._asked: dict[str, datetime] = {}
        self._tapped: dict[str, datetime] = {}
        self._acted: dict[str, tuple[int, datetime]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._recalls = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Ask, for ever."""
        await self._for_ever(self.look_on)

    async def run_recalls(self) -> None:
        """Take back, for ever; beside ``run``, so that a slow platform does not hold a recall up."""
        await self._for_ever(self.look_back)

    async def _for_ever(self, look: Callable[[], Awaitable[None]]) -> None:
        async with self._turn:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                if await self._turn.mine():
                    await look()

    async def look_on(self) -> None:
        """Ask about every task that is due."""
        await self._look(recalls=False)

    async def look_back(self) -> None:
        """Take back every task whose alert stands no longer."""
        await self._look(recalls=True)

    async def _look(self, *, recalls: bool) -> None:
        tasks = await self._desk.deliveries.open_tasks()
        self._asked = {k: at for k, at in self._asked.items() if k in tasks}
        self._tapped = {k: at for k, at in self._tapped.items() if k in tasks}
        self._acted = {k: acted for k, acted in self._acted.items() if k in tasks}
        if not tasks:
            return
        halted = set(await self._desk.deliveries.halted())
        standing = await self._desk.releases.latest(list({x.alert_id for x in tasks.values()}))
        versions = {(x.alert_id, x.version) for x in tasks.values()}
        releases = {key: await self._desk.releases.get(*key) for key in versions}
        work = []
        for task in tasks.values():
            release = releases[task.alert_id, task.version]
            if release is None:
                continue
            now = clock.now()
            over = is_superseded(
                task.kind, task.version, release.expires_at, standing.get(task.alert_id), now
            )
            if over is not recalls:
                continue
            if over:
                work.append(self._take_back(task, release))
            elif not task.platform_id:
                if (task.due is None or task.due <= now) and not _is_halted(task, halted):
                    work.append(self._make(task))
            elif now >= self._next(task):
                work.append(self._ask(task, release))
        await asyncio.gather(*work)

    def _next(self, task: e.OpenTask) -> datetime:
        """When the platform is asked about it next."""
        every_s = self._settings.task_poll_s
        asked = self._asked.get(task.task_id)
        if asked is None:
            return task.since + timedelta(seconds=min(every_s, 1.0))
        age_s = (clock.now() - task.since).total_seconds()
        return asked + timedelta(seconds=every_s if age_s < YOUNG_S else every_s * SLOWER)

    async def _ask(self, task: e.OpenTask, release: e.Release) -> None:
        async with self._gate:
            self._asked[task.task_id] = clock.now()
            progress = await self._channels[task.channel].progress(_as_task(task, release), task.platform_id)
            if not progress.known:
                return
            rows = await self._open_rows(task)
            groups = await self._desk.directory.groups_by_id(list(rows))
            further = {k: next_way(group, release, task.channel) for k, group in groups.items()}
            settled = self._settled(task, progress, rows, further)
            ended = {x.group_id for x in settled}
            events: list[e.Event] = [*settled]
            open_groups = {k: further.get(k, "") for k in rows if k not in ended}
            if not open_groups:
                events.append(task_closed(task, clock.now()))
            elif (
                all(open_groups.values())
                and not progress.tapped
                and self._waited(task, release) >= MOST_REMINDERS
            ):
                events += await self._go_on(task, release, open_groups)
            else:
                events += await self._remind(task, release)
            await self._publish(events)

    async def _make(self, task: e.OpenTask) -> None:
        """Have it made (again), unless its groups have gone on without it."""
        if self._is_under_way(task):
            return
        rows = await self._rows(task)
        now = clock.now()
        if any(_waits(row, task) for row in rows.values()):
            await self._publish([retry_request(task, now)])
        elif not any(_is_being_made(row, task) for row in rows.values()):
            await self._publish([task_closed(task, now)])

    def _is_under_way(self, task: e.OpenTask) -> bool:
        """Whether this revision was acted upon a moment ago, and the desk may not show it yet."""
        now = clock.now()
        revision, at = self._acted.get(task.task_id, (-1, now))
        if revision == task.revision and now - at < ACTED:
            return True
        self._acted[task.task_id] = task.revision, now
        return False

    async def _rows(self, task: e.OpenTask) -> dict[str, LedgerRow]:
        group_ids = [group_id for group_id, _ in task.chats]
        return await self._desk.deliveries.of_groups(task.alert_id, task.version, task.kind, group_ids)

    async def _go_on(self, task: e.OpenTask, release: e.Release, further: Mapping[str, str]) -> list[e.Event]:
        """Its owner does not answer: it is cancelled, and the groups are reached by their next way, where
        others tap."""
        progress = await self._stop(task, release)
        if not progress.known:
            return []
        now = clock.now()
        events: list[e.Event] = [
            _polled(task, k, *progress.chats.get(chat, (_NO_ANSWER, now)), further[k])
            for k, chat in task.chats if k in further
        ]  # fmt: skip
        return [*events, task_closed(task, now)]

    async def _open_rows(self, task: e.OpenTask) -> dict[str, LedgerRow]:
        rows = await self._rows(task)
        return {k: row for k, row in rows.items() if row.state is e.DeliveryState.WAITING}

    def _settled(
        self, task: e.OpenTask, progress: Progress, rows: Mapping[str, LedgerRow], further: Mapping[str, str]
    ) -> list[e.ReceiptRecorded]:
        now = clock.now()
        tapped = self._tapped.setdefault(task.task_id, now) if progress.tapped else None
        settled: list[e.ReceiptRecorded] = []
        for group_id, chat in task.chats:
            if group_id not in rows:
                continue
            if chat in progress.chats:
                sent, at = progress.chats[chat]
                settled.append(_polled(task, group_id, sent, at, further.get(group_id, "")))
            elif tapped is not None and now - tapped >= LAST_WORD:
                sent = SendResult(SendStatus.REFUSED, "the owner has sent it, but not to this group")
                settled.append(_polled(task, group_id, sent, now))
        return settled

    async def _remind(self, task: e.OpenTask, release: e.Release) -> list[e.Event]:
        """Have the platform remind the owner at the times at which officers are reminded."""
        if self._waited(task, release) <= task.reminded or task.reminded >= MOST_REMINDERS:
            return []
        now = clock.now()
        sent = await self._channels[task.channel].remind(_as_task(task, release), task.platform_id)
        if sent.verdict is SendStatus.RETRY:
            return []
        told = msgspec.structs.replace(task, reminded=task.reminded + 1, revision=task.revision + 1)
        return [task_changed(told, "reminded" if sent.verdict is SendStatus.SHOWN else "not reminded", now)]

    def _waited(self, task: e.OpenTask, release: e.Release) -> int:
        """How many of the times after which officers are reminded, and others told, have passed."""
        severe = release.severity == "severe" or task.kind == "correction"
        times = self._settings.remind_s if severe else self._settings.remind_moderate_s
        severity, settings = "severe" if severe else release.severity, self._settings
        waited_s = waiting_seconds(task.since, clock.now(), severity, settings.quiet_from, settings.quiet_to)
        return sum(waited_s >= after_s for after_s in times)

    async def _take_back(self, task: e.OpenTask, release: e.Release) -> None:
        """Cancel it; what the owner had sent by then is shown, the rest never will be."""
        async with self._recalls:
            if self._is_under_way(task):
                return
            rows = await self._rows(task)
            may_have_arrived = any(
                row.may_have_arrived and row.channel == task.channel for row in rows.values()
            )
            progress = await self._stop(task, release, may_have_arrived=may_have_arrived)
            if not progress.known:
                return
            now = clock.now()
            events: list[e.Event] = []
            for group_id, chat in task.chats:
                row = rows.get(group_id)
                if row is None or row.state in e.SETTLED or row.attempt > task.attempt:
                    continue
                sent, at = progress.chats.get(chat, (_TAKEN_BACK, now))
                events.append(_polled(task, group_id, sent, at))
            await self._publish([*events, task_closed(task, now)])

    async def _stop(
        self, task: e.OpenTask, release: e.Release, *, may_have_arrived: bool = False
    ) -> Progress:
        """Cancel it on the platform, and ask how far it had come; one that ``may_have_arrived`` there and
        never answered is looked for first."""
        channel, asked, platform_id = self._channels[task.channel], _as_task(task, release), task.platform_id
        if not platform_id and may_have_arrived:
            found = await channel.find(asked, release.approved_at - EARLIER)
            none_yet = found.sent.verdict is SendStatus.REFUSED and clock.now() < task.since + STILL_COMING
            if none_yet or found.sent.verdict not in (SendStatus.WAITING, SendStatus.REFUSED):
                return Progress(known=False)
            platform_id = found.task_id
        if not platform_id:
            return Progress(known=True)
        stopped = await channel.cancel(asked, platform_id)
        if stopped.verdict not in (SendStatus.SHOWN, SendStatus.REFUSED):
            return Progress(known=False)
        return await channel.progress(asked, platform_id)

    async def _publish(self, events: list[e.Event]) -> None:
        if events:
            await self._transport.publish(events)


def is_from_polling(event: e.Event) -> bool:
    """Whether the poller published it: no stage has brought it onto the desk then."""
    if isinstance(event, e.TaskChanged):
        return event.cause in POLLED
    return isinstance(event, e.ReceiptRecorded) and event.cause == "poll"


_NO_ANSWER = SendResult(SendStatus.REFUSED, "the owner did not tap")
_TAKEN_BACK = SendResult(SendStatus.RETRY, "recalled, expired or replaced before the owner sent it")
_STATES = {
    SendStatus.SHOWN: e.DeliveryState.SHOWN,
    SendStatus.REFUSED: e.DeliveryState.REFUSED,
    SendStatus.RETRY: e.DeliveryState.SUPERSEDED,
}


def _polled(
    task: e.OpenTask, group_id: str, sent: SendResult, at: datetime, further: str = ""
) -> e.ReceiptRecorded:
    """What the platform told of one group, the same however often it is told; what it refused goes on by the
    group's ``further`` way."""
    state = _STATES[sent.verdict]
    goes_on = bool(further) and state is e.DeliveryState.REFUSED
    if goes_on:
        state = e.DeliveryState.RETRYING
    delivery_id = delivery_of(task.alert_id, task.version, task.kind, group_id)
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, str(task.attempt), state), at=at, delivery_id=delivery_id,
        alert_id=task.alert_id, version=task.version, kind=task.kind, group_id=group_id, channel=task.channel,
        state=state, attempt=task.attempt, reason=sent.reason,
        may_have_arrived=state is e.DeliveryState.SHOWN,
        cause="poll", by=task.owner, since=task.since, next_channel=further if goes_on else "",
        retry_at=at if goes_on else None,
    )  # fmt: skip


def _as_task(task: e.OpenTask, release: e.Release) -> Task:
    return Task(
        idempotency_key=task.task_id, credential=task.credential, sender=task.sender,
        chats=tuple(chat for _, chat in task.chats), text=as_sent(release, task.kind),
    )  # fmt: skip


def _is_halted(task: e.OpenTask, halted: set[str]) -> bool:
    return breaker_key(task.channel, task.credential) in halted


def _waits(row: LedgerRow, task: e.OpenTask) -> bool:
    """Whether the group still waits for the task to be made (again)."""
    return (row.state, row.channel, row.attempt) == (e.DeliveryState.RETRYING, task.channel, task.attempt)


def _is_being_made(row: LedgerRow, task: e.OpenTask) -> bool:
    at_work = row.state in (e.DeliveryState.REQUESTED, e.DeliveryState.HANDED_OVER)
    return at_work and row.channel == task.channel and row.attempt > task.attempt
