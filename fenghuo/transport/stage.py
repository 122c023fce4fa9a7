"""The types that both transports share: stages, their outcomes, followers, the transport itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fenghuo.domain import events as e
from fenghuo.errors import Poison, Refused
from fenghuo.topics import Topic, topic_of

log = logging.getLogger(__name__)

ApplyEvents = Callable[[list[e.Event]], Awaitable[None]]
"""Called with the events of a whole topic, some at a time."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the broker returned it; ``position`` names its place in the topic, for people."""

    key: str
    value: bytes | None
    position: str


@dataclass(slots=True)
class Outcome:
    """The result of a batch: events to publish. They are folded onto the desk in the same commit."""

    events: list[e.Event] = field(default_factory=list)


def _no_cache() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One reader of one topic, known to the broker as ``room.name``.

    ``handle`` is called with the decoded events of a batch, in order, and returns the outcome. It is
    idempotent: the same events and the same desk give the same outcome. Events are redelivered, alone or in
    another batch, after a crash, after a failure, and when a batch took longer than
    ``batch_runner.HANDLE_S`` (then in smaller batches).
    ``reset_cache`` drops what the stage has in memory. It is called when another process may have worked
    meanwhile (start, takeover, rebalance) and after any failure.
    ``fold_input`` folds the read events onto the desk as well, for topics that no stage writes; a function
    selects which of them.
    """

    room: str
    name: str
    topic: Topic
    handle: Callable[[Sequence[e.Event]], Awaitable[Outcome]]
    batch: int = 200
    fold_input: bool | Callable[[e.Event], bool] = False
    reset_cache: Callable[[], None] = _no_cache

    @property
    def group(self) -> str:
        return f"{self.room}.{self.name}"

    def to_fold(self, events: Sequence[e.Event]) -> Sequence[e.Event]:
        """Those of the read ``events`` that this stage folds onto the desk."""
        if callable(self.fold_input):
            return [event for event in events if self.fold_input(event)]
        return events if self.fold_input else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A reader of a whole topic from its start, and live from then on, in every process.

    ``apply`` is called with the events in order per key, some at a time. It has seen all events that were in
    the topic before any stage of this process starts. If it fails, it is called with each event alone.
    """

    topic: Topic
    apply: ApplyEvents


class Transport(Protocol):
    """Carries events between rooms; the two implementations pass one contract suite."""

    async def start(self, stages: Sequence[Stage] = (), follows: Sequence[Follow] = ()) -> None:
        """Provision the topics, read the followed ones to their end, then start the stages.

        Raises Unavailable while the broker is down; may be called again after ``stop``.
        """

    async def publish(self, events: Sequence[e.Event]) -> None:
        """Return once the broker has all ``events``.

        Raises Unavailable or Crowded (then some of them may have been published, or may arrive later: a retry
        has the same ids), Refused if the room is no registered writer (then none was published).
        """

    async def stop(self) -> None:
        """Finish the batches in progress and disconnect; nothing that was accepted is lost."""

    def health_problem(self) -> str | None:
        """Why this process cannot work now, or None."""

    async def ping(self) -> None:
        """Return if the broker answers; raises Unavailable."""

    async def replay(self, topic: Topic, take: ApplyEvents) -> int:
        """Call ``take`` with every event in ``topic`` (and perhaps some that arrive meanwhile), in order per
        key, some at a time; returns how many there were."""

    async def lag(self) -> dict[str, int]:
        """Consumer lag in records, by ``topic room.stage``."""


class StageStopped(Refused):
    """A stage stopped rather than do harm; the text says what a person must repair."""


class Follower:
    """Applies a followed topic's records; one that cannot be decoded or applied is logged and skipped."""

    def __init__(self, follow: Follow) -> None:
        self.topic = follow.topic
        self._apply = follow.apply
        self._decoder = follow.topic.decoder()

    async def take(self, values: Iterable[bytes | None]) -> None:
        events = decode_all(self._decoder, values)
        try:
            await self._apply(events)
        except Exception:
            for event in events:
                await self._take_alone(event)

    async def _take_alone(self, event: e.Event) -> None:
        try:
            await self._apply([event])
        except Exception:
            log.exception("followed event skipped", extra={"topic": self.topic.name, "id": event.event_id})


def decode_all(decoder: object, values: Iterable[bytes | None]) -> list[e.Event]:
    """The events in ``values``; one that cannot be decoded is logged and skipped."""
    events: list[e.Event] = []
    for value in values:
        try:
            events.append(e.decode(decoder, value))  # type: ignore[arg-type]
        except Poison:
            log.exception("record skipped")
    return events


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` until they have ended: Python 3.11's asyncio.wait_for may swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)


def check_writer(room: str, events: Sequence[e.Event]) -> None:
    """Raise Refused when ``room`` is not a registered writer of a topic it is about to publish to."""
    for topic in {id(topic): topic for topic in map(topic_of, events)}.values():
        if room not in topic.writers:
            raise Refused(f"{room} is no registered writer of {topic.name}")
