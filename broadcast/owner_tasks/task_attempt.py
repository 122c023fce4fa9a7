"""One attempt to create an owner's task, and the events that tell how a task stands. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from broadcast.channels.base import Task
from broadcast.deliveries.receipts import as_delivery
from broadcast.limits.circuit_breaker import breaker_key
from broadcast.limits.last_look import Departure
from fenghuo.clock import from_ms
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_text import as_sent


@dataclass(frozen=True, slots=True)
class TaskAttempt:
    """A task that is being created, with what its groups' receipts need."""

    request: e.TaskRequested
    release: e.Release
    groups: Mapping[str, e.Group]
    tappers: Tappers
    chats: Mapping[str, str]
    """Group id to the group's id on the platform."""
    rows: Mapping[str, LedgerRow]
    sender: str
    """The owner's user id on the platform."""

    @property
    def breaker(self) -> str:
        """The name of what is halted when it fails too often."""
        return breaker_key(self.request.channel, self.request.credential)

    @property
    def may_have_arrived(self) -> bool:
        """Whether an earlier attempt may have created it."""
        return any(row.may_have_arrived for row in self.rows.values())

    @property
    def cut_off_at(self) -> datetime | None:
        """When an earlier attempt began whose outcome is not known, since its process ended; None if there is
        none."""
        marked = [
            row.at_ms for row in self.rows.values()
            if row.may_have_arrived and row.state is e.DeliveryState.HANDED_OVER
        ]  # fmt: skip
        return from_ms(max(marked)) if marked else None

    def delivery(self, group_id: str) -> e.DeliveryRequested:
        """One group's share of the task."""
        return as_delivery(self.request, group_id, self.rows.get(group_id))

    def departures(self) -> list[Departure]:
        return [
            Departure(self.delivery(x), self.release.expires_at, self.may_have_arrived) for x in self.chats
        ]

    def next_channel(self, group_id: str) -> str:
        """The channel of the group's next way."""
        group = self.groups[group_id]
        return route(group, self.release, self.tappers, after=self.request.channel).channel

    def task(self) -> Task:
        """The task as the platform gets it."""
        x = self.request
        return Task(
            idempotency_key=x.task_id, credential=x.credential, sender=self.sender,
            chats=tuple(self.chats.values()), text=as_sent(self.release, x.kind),
        )  # fmt: skip

    def open_task(
        self,
        group_ids: Collection[str],
        now: datetime,
        *,
        platform_id: str = "",
        due: datetime | None = None,
        failures: int | None = None,
    ) -> e.OpenTask:
        """The task as it stands after the attempt, for those of its groups that still wait for it."""
        x = self.request
        return e.OpenTask(
            task_id=x.task_id, platform_id=platform_id, alert_id=x.alert_id, version=x.version, kind=x.kind,
            owner=x.owner, sender=self.sender, channel=x.channel, credential=x.credential,
            chats=tuple((group_id, self.chats[group_id]) for group_id in group_ids), since=now, due=due,
            attempt=x.attempt, failures=x.failures if failures is None else failures,
            revision=x.attempt * 100,
        )  # fmt: skip


def task_changed(task: e.OpenTask, cause: str, at: datetime) -> e.TaskChanged:
    """The event that a task has changed; one for each of its revisions."""
    return e.TaskChanged(
        event_id=e.derive_id(task.task_id, str(task.revision), cause), at=at, task=task, cause=cause
    )


def task_closed(task: e.OpenTask, at: datetime) -> e.TaskChanged:
    """The event that nobody waits for a task any more."""
    ended = msgspec.structs.replace(task, closed=True, revision=task.revision + 1)
    return task_changed(ended, "closed", at)


def retry_request(task: e.OpenTask, at: datetime) -> e.TaskRequested:
    """The request to create a task once more."""
    return e.TaskRequested(
        event_id=e.derive_id(task.task_id, str(task.attempt + 1)), at=at, task_id=task.task_id,
        alert_id=task.alert_id, version=task.version, kind=task.kind, owner=task.owner, channel=task.channel,
        credential=task.credential, group_ids=tuple(group_id for group_id, _ in task.chats),
        attempt=task.attempt + 1, failures=task.failures,
    )  # fmt: skip


def as_task(task: e.OpenTask, release: e.Release) -> Task:
    """An open task as the platform knows it."""
    return Task(
        idempotency_key=task.task_id, credential=task.credential, sender=task.sender,
        chats=tuple(chat for _, chat in task.chats), text=as_sent(release, task.kind),
    )  # fmt: skip
