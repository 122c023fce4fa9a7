"""WeCom's mass sends: an owner gets a task, and taps it for all its chats at once, later or never."""

import heapq
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from fenghuo.domain.channels import WECOM_CUSTOMER_GROUP
from fenghuo.simulator.clock import SimClock
from fenghuo.simulator.response_model import Profile, first_tap_s, reminded_tap_s, unit
from fenghuo.simulator.roster import Chat, Corp

MOST_TASKS = 20_000
DISPATCH_S = 5.0
"""For so long after its creation a task is being dispatched, and a request about it gets 41063."""
REMINDERS = 3
REMINDERS_PER_S = 24 * 3600.0
SENT, ALREADY_FULL = 1, 3
CHANNEL = WECOM_CUSTOMER_GROUP.name


@dataclass(slots=True)
class MassSend:
    """One mass send; times in simulated seconds."""

    msgid: str
    corp: str
    owner: str
    chats: tuple[str, ...]
    text: str
    nth: int
    """Number of the owner's task: what they do with it does not depend on others' tasks."""
    created_s: float
    sent_s: float | None = None
    cancelled: bool = False
    reminders: deque[float] = field(default_factory=deque)
    reminded: int = 0
    results: list[tuple[str, int]] = field(default_factory=list)
    """(chat id, 1 sent or 3 quota exhausted), once tapped."""


class Surroundings(Protocol):
    """What mass sends need of the platform."""

    seed: int
    clock: SimClock
    chats: dict[str, Chat]
    owners: dict[str, str]
    profiles: dict[str, Profile]

    def corp_of(self, chat: Chat) -> Corp: ...

    def show(self, group_id: str, text: str, channel: str, at_s: float | None = None) -> None: ...


class MassSends:
    """All tasks and the planned taps. Callers call ``settle`` before they read."""

    def __init__(self, platform: Surroundings) -> None:
        self._platform = platform
        self._tasks: dict[str, MassSend] = {}
        self._due: list[tuple[float, str]] = []
        self._received: dict[str, tuple[str, int]] = {}
        """Of each chat: (the period of its quota, messages received in it)."""
        self._given: Counter[str] = Counter()

    def create(self, corp: Corp, owner: str, chats: tuple[str, ...], text: str) -> MassSend:
        """Give ``owner`` a task."""
        self._given[owner] += 1
        nth, now_s = self._given[owner], self._platform.clock.now_s()
        msgid = f"msgGC{int(unit(self._platform.seed, 'msgid', owner, nth) * 16**14):014x}"
        task = MassSend(msgid, corp.name, owner, chats, text, nth, now_s)
        self._tasks[task.msgid] = task
        if len(self._tasks) > MOST_TASKS:
            del self._tasks[next(iter(self._tasks))]
        will, drawn = self._draws(task, "tap")
        wait_s = first_tap_s(self._profile(task), will, drawn, self._platform.clock.second_of_day(now_s))
        self._plan(task, now_s, wait_s)
        return task

    def find(self, msgid: object, corp: Corp) -> MassSend | None:
        """The task of that id, if it is ``corp``'s."""
        task = self._tasks.get(msgid) if isinstance(msgid, str) else None
        return task if task and task.corp == corp.name else None

    def of(self, corp: Corp) -> Iterator[MassSend]:
        """A corp's tasks, oldest first."""
        return (task for task in self._tasks.values() if task.corp == corp.name)

    def remind(self, task: MassSend) -> bool:
        """Remind the owner; False if that was done three times within a day."""
        now_s = self._platform.clock.now_s()
        while task.reminders and task.reminders[0] <= now_s - REMINDERS_PER_S:
            task.reminders.popleft()
        if len(task.reminders) >= REMINDERS:
            return False
        task.reminders.append(now_s)
        task.reminded += 1
        will, drawn = self._draws(task, f"remind{task.reminded}")
        wait_s = reminded_tap_s(self._profile(task), will, drawn, self._platform.clock.second_of_day(now_s))
        self._plan(task, now_s, wait_s)
        return True

    def settle(self) -> None:
        """Carry out the taps that are due."""
        now_s = self._platform.clock.now_s()
        while self._due and self._due[0][0] <= now_s:
            at_s, msgid = heapq.heappop(self._due)
            task = self._tasks.get(msgid)
            if task and task.sent_s is None and not task.cancelled:
                self._tap(task, at_s)

    def open(self) -> int:
        """Tasks that are neither tapped nor cancelled."""
        return sum(1 for task in self._tasks.values() if task.sent_s is None and not task.cancelled)

    def _tap(self, task: MassSend, at_s: float) -> None:
        task.sent_s = at_s
        for chat_id in task.chats:
            chat = self._platform.chats.get(chat_id)
            if chat is None:
                continue
            if self._full(chat, at_s):
                task.results.append((chat_id, ALREADY_FULL))
            else:
                task.results.append((chat_id, SENT))
                self._platform.show(chat.group_id, task.text, CHANNEL, at_s)

    def _full(self, chat: Chat, at_s: float) -> bool:
        """Whether the chat's quota is exhausted; if not, one message is counted."""
        local = self._platform.clock.local(at_s)
        following = local.replace(year=local.year + local.month // 12, month=local.month % 12 + 1, day=1)
        days = (following.date() - local.date().replace(day=1)).days
        week = local.isocalendar()
        period, most = {
            "month": (f"{local:%Y-%m}", days),
            "week": (f"{week.year}-W{week.week}", 7),
            "day": (f"{local:%Y-%m-%d}", 1),
        }[self._platform.corp_of(chat).quota]
        last, received = self._received.get(chat.chat_id, ("", 0))
        received = received if last == period else 0
        if received >= most:
            return True
        self._received[chat.chat_id] = (period, received + 1)
        return False

    def _profile(self, task: MassSend) -> Profile:
        return self._platform.profiles[self._platform.owners[task.owner]]

    def _draws(self, task: MassSend, what: str) -> tuple[float, float]:
        parts = (self._platform.seed, task.owner, task.nth, what)
        return unit(*parts, "will"), unit(*parts, "delay")

    def _plan(self, task: MassSend, now_s: float, wait_s: float | None) -> None:
        if wait_s is not None:
            heapq.heappush(self._due, (now_s + max(wait_s, DISPATCH_S), task.msgid))
