"""Channels that answer as they are told, and the room of delivering around them, driven by hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from broadcast.channels.base import (
    Created,
    Message,
    MessageChannel,
    Progress,
    SendResult,
    SendStatus,
    Task,
    TaskChannel,
)
from broadcast.completion import Completion
from broadcast.limits.circuit_breaker import FailureWindow
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.owner_tasks.task_maker import TaskMaker
from broadcast.owner_tasks.task_poller import TaskPoller
from broadcast.planning.part_writer import PartWriter
from broadcast.planning.planner import Planner
from broadcast.sending.answer_journal import AnswerJournal
from broadcast.sending.retry_loop import RetryLoop
from broadcast.sending.sender import Sender
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.errors import Unavailable
from fenghuo.runtime.room import open_desk
from fenghuo.settings import Settings
from tests.support.builders import group_changed, released

CUSTOMERS = "wecom_customer_group"
AHEAD = timedelta(hours=24)
Answers = Callable[[Message], SendResult | Awaitable[SendResult]]


class Scripted:
    """A channel that answers each message with ``answer``; counts what it was asked and what was shown."""

    def __init__(
        self, name: str, *, idempotent: bool = True, per_second: float = 1e6, answer: Answers | None = None
    ) -> None:
        self.name = name
        self.idempotent = idempotent
        self.together = 500 if name in ("sandbox", "relay") else 1
        self.rate = per_second
        self.answer: Answers = answer or (lambda _message: SendResult(SendStatus.SHOWN))
        self.asked: list[Message] = []
        self.at_once = self.most_at_once = 0

    def per_second(self, credential: str) -> float:
        return self.rate

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        self.at_once += len(messages)
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return [await self._say(message) for message in messages]
        finally:
            self.at_once -= len(messages)

    async def _say(self, message: Message) -> SendResult:
        self.asked.append(message)
        said = self.answer(message)
        return said if isinstance(said, SendResult) else await said

    async def aclose(self) -> None:
        return None

    @property
    def groups(self) -> list[str]:
        """The groups it was asked to send to, in order."""
        return [message.group_id for message in self.asked]

    @property
    def times(self) -> Counter[tuple[str, str]]:
        """How often it was asked for each (group, kind)."""
        return Counter((message.group_id, message.kind) for message in self.asked)


class ScriptedTasks:
    """A platform on which owners tap. ``created`` are its tasks by id; ``create_says`` and ``find_says`` may
    answer instead of it (a timeout after which the task stands: ``loses_answers``)."""

    name = CUSTOMERS
    most_chats = 2000

    def __init__(self) -> None:
        self.created: dict[str, Task] = {}
        self.shown: dict[str, dict[str, tuple[SendResult, datetime]]] = {}
        self.tapped: set[str] = set()
        self.cancelled: list[str] = []
        self.reminded: list[str] = []
        self.finds = 0
        self.refuses: frozenset[str] = frozenset()
        self.loses_answers = False
        self.create_says: SendResult | None = None
        self.find_says: SendResult | None = None
        self.cancel_says = SendResult(SendStatus.SHOWN)
        self.on_create: Callable[[], Awaitable[None]] | None = None

    def per_second(self, credential: str) -> float:
        return 1e6

    async def create(self, task: Task) -> Created:
        if self.on_create is not None:
            await self.on_create()
        if self.create_says is not None:
            return Created(self.create_says)
        task_id = f"m{len(self.created) + 1}"
        self.created[task_id] = task
        if self.loses_answers:
            return Created(SendResult(SendStatus.UNKNOWN, "no answer"))
        return Created(SendResult(SendStatus.WAITING), task_id, self.refuses & set(task.chats))

    async def find(self, task: Task, since: datetime) -> Created:
        self.finds += 1
        if self.find_says is not None:
            return Created(self.find_says)
        for task_id, known in self.created.items():
            if (known.sender, known.text) == (task.sender, task.text):
                return Created(SendResult(SendStatus.WAITING), task_id)
        return Created(SendResult(SendStatus.REFUSED, "none"))

    async def progress(self, task: Task, task_id: str) -> Progress:
        return Progress(True, self.shown.get(task_id, {}), task_id in self.tapped)

    async def remind(self, task: Task, task_id: str) -> SendResult:
        self.reminded.append(task_id)
        return SendResult(SendStatus.SHOWN)

    async def cancel(self, task: Task, task_id: str) -> SendResult:
        if self.cancel_says.verdict is SendStatus.SHOWN:
            self.cancelled.append(task_id)
        return self.cancel_says

    async def aclose(self) -> None:
        return None

    def tap(self, task_id: str, *chats: str, at: datetime) -> None:
        """The owner sends the task, and these groups show it."""
        self.tapped.add(task_id)
        self.shown.setdefault(task_id, {}).update(
            {chat: (SendResult(SendStatus.SHOWN), at) for chat in chats}
        )


class Wire:
    """A transport that keeps what loops publish."""

    def __init__(self) -> None:
        self.sent: list[e.Event] = []

    async def publish(self, events: Sequence[e.Event]) -> None:
        self.sent.extend(events)


class BroadcastHarness:
    """The room of delivering on a real Redis, stage by stage: each ``deliver`` is a batch that commits."""

    def __init__(
        self, desk: Desk, told: Settings, channels: Sequence[MessageChannel], tasks: TaskChannel | None = None
    ) -> None:
        self.desk = desk
        self.told = told
        self.direct = {x.name: x for x in channels}
        self.tasks = {CUSTOMERS: tasks} if tasks is not None else {}
        self.wire = Wire()
        self.planner = Planner(desk, told)
        self.completion = Completion(desk)
        self.poller = TaskPoller(desk, self.wire, self.tasks, told)  # type: ignore[arg-type]
        self.retries = RetryLoop(desk, self.wire)  # type: ignore[arg-type]
        self.begin_again()

    def begin_again(self) -> None:
        """A new process of the sender: nothing of what the last one held in memory."""
        quota, tally = RateLimiter(self.desk.client, self.desk.keys), FailureWindow(10, 0.1)
        maker = TaskMaker(self.desk, quota, self.tasks, self.told)
        self.sender = Sender(self.desk, quota, self.direct, maker, AnswerJournal(self.desk), tally, self.told)

    async def know(self, *groups: e.Group) -> None:
        await self.desk.project([group_changed(each) for each in groups])

    async def release(self, kind: str = "approved", **changes: Any) -> list[e.Event]:
        """A release on the desk and what its plan leads to, committed; returns what is to be sent."""
        now = clock.now()
        fields: dict[str, Any] = {
            "expires_at": now + AHEAD, "approved_at": now, "groups": 1, "channels": ("sandbox", "webhook",
            "dingtalk", "feishu", "relay", CUSTOMERS),
        } | changes  # fmt: skip
        event = released(kind, **fields)
        await self.desk.project([event])
        outcome = await self.planner.on_alerts_released([event])
        outcome.events += await written_out(self.desk, outcome.events)
        await self.desk.project(outcome.events)
        return wanted(outcome.events)

    async def deliver(self, requests: Sequence[e.Event], *, commit: bool = True) -> list[e.Event]:
        """A batch of the sender; its events, committed unless it is killed before that."""
        outcome = await self.sender.on_deliveries_requested(list(requests))
        if commit:
            await self.desk.project(outcome.events)
        return outcome.events

    async def retry(self) -> list[e.Event]:
        """What the retries publish now."""
        self.wire.sent.clear()
        await self.retries.publish_due()
        return list(self.wire.sent)

    async def hurry(self) -> None:
        """As if the time that each retry waits had passed."""
        keys, client = self.desk.keys, self.desk.client
        if waiting := await client.zrange(keys.retries, 0, -1):
            await client.zadd(keys.retries, dict.fromkeys(waiting, 0), xx=True)

    async def poll(self) -> list[e.Event]:
        """A look of the poller, its receipts folded as the outcome stage does; all that it published."""
        self.wire.sent.clear()
        await self.poller.cancel_recalled()
        await self.poller.poll_open()
        found = list(self.wire.sent)
        await self.desk.project(
            [x for x in found if not isinstance(x, e.DeliveryRequested | e.TaskRequested)]
        )
        return found

    async def owed(self, events: Sequence[e.Event]) -> list[e.Event]:
        """What the outcome stage makes of ``events``."""
        outcome = await self.completion.on_receipts_recorded(list(events))
        await self.desk.project(outcome.events)
        return outcome.events

    async def states(self, version: int = 1, kind: str = "warning") -> dict[str, e.DeliveryState]:
        rows = await self.desk.deliveries.ledger(AlertId("a1"), version, kind)
        return {group_id: row.state for group_id, row in sorted(rows.items())}


async def written_out(desk: Desk, events: Sequence[e.Event]) -> list[e.Event]:
    """What the parts among ``events`` lead to."""
    parts = [x for x in events if isinstance(x, e.PartPlanned)]
    return (await PartWriter(desk).on_parts_planned(parts)).events


def wanted(events: Sequence[e.Event]) -> list[e.Event]:
    """The deliveries and tasks among ``events``."""
    return [x for x in events if isinstance(x, e.DeliveryRequested | e.TaskRequested)]


def receipts(events: Sequence[e.Event]) -> dict[str, e.ReceiptRecorded]:
    """The receipts among ``events`` by group; no group has two."""
    found = [x for x in events if isinstance(x, e.ReceiptRecorded)]
    assert len({x.group_id for x in found}) == len(found)
    return {x.group_id: x for x in found}


@asynccontextmanager
async def room(
    told: Settings, *channels: Scripted, tasks: ScriptedTasks | None = None
) -> AsyncIterator[BroadcastHarness]:
    desk = open_desk(told)
    try:
        yield BroadcastHarness(desk, told, channels, tasks)
    finally:
        await desk.client.aclose()


class Redis:
    """A Redis client some of whose calls fail as if the server were away."""

    def __init__(self, client: Any, *names: str) -> None:
        self._client = client
        self.away = set(names)

    def __getattr__(self, name: str) -> Any:
        if name in self.away:
            raise Unavailable("Redis is away")
        return getattr(self._client, name)


async def hang(_message: Message) -> SendResult:
    """An answer that never comes."""
    await asyncio.Event().wait()
    raise AssertionError
