"""Asks the platforms how far the owners' tasks have come; reminds owners, and cancels what is recalled.

Reads the desk; writes receipts.recorded and deliveries.requested (tasks that are to be created again).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from broadcast.channels.base import Progress, SendResult, SendStatus, TaskChannel
from broadcast.deliveries.eligibility import is_superseded
from broadcast.deliveries.receipts import polled_receipt
from broadcast.leader_lease import LeaderLease
from broadcast.limits.circuit_breaker import breaker_key
from broadcast.owner_tasks.task_attempt import as_task, retry_request, task_changed, task_closed
from broadcast.owner_tasks.task_maker import EARLIER, STILL_COMING
from broadcast.planning.recall import cancelled
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.quiet_hours import waiting_seconds
from fenghuo.domain.routing import route
from fenghuo.settings import Settings
from fenghuo.transport.stage import Transport

LOOK_EVERY_S = 0.25
"""How soon a recall reaches the platforms."""
YOUNG_S = 900
SLOWER = 4
"""A task that is older than YOUNG_S is asked about this much less often."""
AT_ONCE = 20
LEASE_S = 5.0
MOST_REMINDERS = 3
POLLER_CAUSES = frozenset({"closed", "reminded", "not reminded"})
"""Causes of the changes of tasks that the poller publishes."""
DESK_LAG = timedelta(seconds=2)
"""A revision of a task that was acted upon is left alone for this long: the desk lags behind what is
published."""
LAST_WORD = timedelta(seconds=60)
"""A group of which the platform says nothing for this long after the owner has tapped did not get it."""
_NO_ANSWER = SendResult(SendStatus.REFUSED, "the owner did not tap")
_NOT_SENT = SendResult(SendStatus.REFUSED, "the owner has sent it, but not to this group")


class _OpenTask(NamedTuple):
    """An open task, with the release whose text it carries."""

    task: e.OpenTask
    release: e.Release
    superseded: bool


class TaskPoller:
    """Looks at the open tasks four times a second, in one process at a time."""

    def __init__(
        self, desk: Desk, transport: Transport, channels: Mapping[str, TaskChannel], settings: Settings
    ) -> None:
        self._desk = desk
        self._transport = transport
        self._channels = channels
        self._settings = settings
        self._lease = LeaderLease(desk, "polling", LEASE_S)
        self._polled_at: dict[str, datetime] = {}
        self._tapped_at: dict[str, datetime] = {}
        self._acted_on: dict[str, tuple[int, datetime]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._recall_slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Poll open tasks until cancelled."""
        await self._run_as_leader(self.poll_open)

    async def run_recalls(self) -> None:
        """Cancel superseded tasks until cancelled; beside ``run``, so that a slow platform does not hold up a
        recall."""
        await self._run_as_leader(self.cancel_recalled)

    async def _run_as_leader(self, look: Callable[[], Awaitable[None]]) -> None:
        async with self._lease:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                if await self._lease.acquire_or_renew():
                    await look()

    async def poll_open(self) -> None:
        """Ask about every task that is due, and request again what is to be created again."""
        work = []
        current = [x for x in await self._open_tasks() if not x.superseded]
        halted = set(await self._desk.deliveries.halted()) if current else set()
        for task, release, _ in current:
            now = clock.now()
            if task.platform_id:
                if now >= self._next_poll(task):
                    work.append(self._poll(task, release))
            elif (task.due is None or task.due <= now) and not _is_halted(task, halted):
                work.append(self._request_again(task))
        await asyncio.gather(*work)

    async def cancel_recalled(self) -> None:
        """Cancel every task whose warning is superseded."""
        work = [self._cancel(x.task, x.release) for x in await self._open_tasks() if x.superseded]
        await asyncio.gather(*work)

    async def _open_tasks(self) -> list[_OpenTask]:
        tasks = await self._desk.deliveries.open_tasks()
        self._polled_at = {k: at for k, at in self._polled_at.items() if k in tasks}
        self._tapped_at = {k: at for k, at in self._tapped_at.items() if k in tasks}
        self._acted_on = {k: acted for k, acted in self._acted_on.items() if k in tasks}
        latest = await self._desk.releases.latest(list({x.alert_id for x in tasks.values()}))
        versions = {(x.alert_id, x.version) for x in tasks.values()}
        releases = {key: await self._desk.releases.get(*key) for key in versions}
        now = clock.now()
        found = []
        for x in tasks.values():
            release = releases[x.alert_id, x.version]
            if release is not None:
                newest = latest.get(x.alert_id)
                over = is_superseded(x.kind, x.version, release.expires_at, newest, now)
                found.append(_OpenTask(x, release, over))
        return found

    def _next_poll(self, task: e.OpenTask) -> datetime:
        """When the platform is asked about it next."""
        every_s = self._settings.task_poll_s
        polled_at = self._polled_at.get(task.task_id)
        if polled_at is None:
            return task.since + timedelta(seconds=min(every_s, 1.0))
        age_s = (clock.now() - task.since).total_seconds()
        return polled_at + timedelta(seconds=every_s if age_s < YOUNG_S else every_s * SLOWER)

    async def _poll(self, task: e.OpenTask, release: e.Release) -> None:
        async with self._slots:
            self._polled_at[task.task_id] = clock.now()
            progress = await self._channels[task.channel].progress(as_task(task, release), task.platform_id)
            if progress.known:
                await self._publish(await self._follow_up(task, release, progress))

    async def _follow_up(self, task: e.OpenTask, release: e.Release, progress: Progress) -> list[e.Event]:
        """What a platform's answer leads to: receipts, a reminder, another way, or the end of the task."""
        rows = await self._rows(task)
        waiting = {k: row for k, row in rows.items() if row.state is e.DeliveryState.WAITING}
        groups = await self._desk.directory.groups_by_id(list(waiting))
        tappers = await self._desk.directory.tappers(groups.values())
        next_channels = {
            k: route(group, release, tappers, after=task.channel).channel for k, group in groups.items()
        }
        settled = self._settled(task, progress, waiting, next_channels)
        ended = {x.group_id for x in settled}
        still_open = {k: next_channels.get(k, "") for k in waiting if k not in ended}
        if not still_open:
            return [*settled, task_closed(task, clock.now())]
        all_have_another = all(still_open.values())
        if all_have_another and not progress.tapped and self._passed(task, release) >= MOST_REMINDERS:
            return [*settled, *await self._fall_back(task, release, still_open)]
        return [*settled, *await self._remind(task, release)]

    def _settled(
        self,
        task: e.OpenTask,
        progress: Progress,
        waiting: Mapping[str, LedgerRow],
        next_channels: Mapping[str, str],
    ) -> list[e.ReceiptRecorded]:
        now = clock.now()
        tapped_at = self._tapped_at.setdefault(task.task_id, now) if progress.tapped else None
        settled: list[e.ReceiptRecorded] = []
        for group_id, chat in task.chats:
            if group_id not in waiting:
                continue
            if chat in progress.chats:
                sent, at = progress.chats[chat]
                settled.append(polled_receipt(task, group_id, sent, at, next_channels.get(group_id, "")))
            elif tapped_at is not None and now - tapped_at >= LAST_WORD:
                settled.append(polled_receipt(task, group_id, _NOT_SENT, now))
        return settled

    async def _request_again(self, task: e.OpenTask) -> None:
        """Request that it is created, unless its groups have gone on without it."""
        if self._was_just_acted_on(task):
            return
        rows = await self._rows(task)
        now = clock.now()
        if any(_waits_for(task, row) for row in rows.values()):
            await self._publish([retry_request(task, now)])
        elif not any(_is_in_progress(task, row) for row in rows.values()):
            await self._publish([task_closed(task, now)])

    def _was_just_acted_on(self, task: e.OpenTask) -> bool:
        """Whether this revision was acted upon a moment ago, and the desk may not show it yet; if not, it is
        from now on."""
        now = clock.now()
        revision, at = self._acted_on.get(task.task_id, (-1, now))
        if revision == task.revision and now - at < DESK_LAG:
            return True
        self._acted_on[task.task_id] = task.revision, now
        return False

    async def _rows(self, task: e.OpenTask) -> dict[str, LedgerRow]:
        group_ids = [group_id for group_id, _ in task.chats]
        return await self._desk.deliveries.of_groups(task.alert_id, task.version, task.kind, group_ids)

    async def _fall_back(
        self, task: e.OpenTask, release: e.Release, next_channels: Mapping[str, str]
    ) -> list[e.Event]:
        """The owner does not answer: cancel the task, and reach its groups by their next ways."""
        progress = await self._cancel_and_check(task, release)
        if not progress.known:
            return []
        now = clock.now()
        receipts = [
            polled_receipt(task, k, *progress.chats.get(chat, (_NO_ANSWER, now)), next_channels[k])
            for k, chat in task.chats if k in next_channels
        ]  # fmt: skip
        return [*receipts, task_closed(task, now)]

    async def _remind(self, task: e.OpenTask, release: e.Release) -> list[e.Event]:
        """Have the platform remind the owner at the times at which officers are reminded."""
        if self._passed(task, release) <= task.reminded or task.reminded >= MOST_REMINDERS:
            return []
        now = clock.now()
        sent = await self._channels[task.channel].remind(as_task(task, release), task.platform_id)
        if sent.verdict is SendStatus.RETRY:
            return []
        changed = msgspec.structs.replace(task, reminded=task.reminded + 1, revision=task.revision + 1)
        return [
            task_changed(changed, "reminded" if sent.verdict is SendStatus.SHOWN else "not reminded", now)
        ]

    def _passed(self, task: e.OpenTask, release: e.Release) -> int:
        """How many of the times at which officers are reminded have passed since the task was created."""
        settings = self._settings
        severity = "severe" if task.kind == "correction" else release.severity
        times = settings.remind_s if severity == "severe" else settings.remind_moderate_s
        waited_s = waiting_seconds(task.since, clock.now(), severity, settings.quiet_from, settings.quiet_to)
        return sum(waited_s >= after_s for after_s in times)

    async def _cancel(self, task: e.OpenTask, release: e.Release) -> None:
        """Cancel a superseded task; what becomes of its groups is said in planning/recall.py."""
        async with self._recall_slots:
            if self._was_just_acted_on(task):
                return
            rows = await self._rows(task)
            may_have_arrived = any(
                row.may_have_arrived and row.channel == task.channel for row in rows.values()
            )
            progress = await self._cancel_and_check(task, release, may_have_arrived=may_have_arrived)
            if progress.known:
                now = clock.now()
                await self._publish([*cancelled(task, rows, progress, now), task_closed(task, now)])

    async def _cancel_and_check(
        self, task: e.OpenTask, release: e.Release, *, may_have_arrived: bool = False
    ) -> Progress:
        """Cancel the task on the platform, and ask how far it had come. If the platform's answer to its
        creation was lost (``may_have_arrived``), look for it first."""
        channel, platform_task = self._channels[task.channel], as_task(task, release)
        platform_id = task.platform_id
        if not platform_id and may_have_arrived:
            found = await channel.find(platform_task, release.approved_at - EARLIER)
            none_yet = found.sent.verdict is SendStatus.REFUSED and clock.now() < task.since + STILL_COMING
            if none_yet or found.sent.verdict not in (SendStatus.WAITING, SendStatus.REFUSED):
                return Progress(known=False)
            platform_id = found.task_id
        if not platform_id:
            return Progress(known=True)
        stopped = await channel.cancel(platform_task, platform_id)
        if stopped.verdict not in (SendStatus.SHOWN, SendStatus.REFUSED):
            return Progress(known=False)
        return await channel.progress(platform_task, platform_id)

    async def _publish(self, events: list[e.Event]) -> None:
        if events:
            await self._transport.publish(events)


def is_from_poller(event: e.Event) -> bool:
    """Whether the poller published the event. The stage that reads it puts it on the desk: as it comes from
    no stage, nothing has done so yet."""
    if isinstance(event, e.TaskChanged):
        return event.cause in POLLER_CAUSES
    return isinstance(event, e.ReceiptRecorded) and event.cause == "poll"


def _is_halted(task: e.OpenTask, halted: set[str]) -> bool:
    return breaker_key(task.channel, task.credential) in halted


def _waits_for(task: e.OpenTask, row: LedgerRow) -> bool:
    """Whether the group still waits for the task to be created (again)."""
    return (row.state, row.channel, row.attempt) == (e.DeliveryState.RETRYING, task.channel, task.attempt)


def _is_in_progress(task: e.OpenTask, row: LedgerRow) -> bool:
    """Whether a later attempt at the task is under way."""
    at_work = row.state in (e.DeliveryState.REQUESTED, e.DeliveryState.HANDED_OVER)
    return at_work and row.channel == task.channel and row.attempt > task.attempt
