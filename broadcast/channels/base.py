"""The shape of a channel, and its outcomes.

Two shapes: a ``Channel`` sends one text to one group; a ``TaskChannel`` gives one owner a task for many
groups, which the owner then taps, and can be asked how far it has come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class SendStatus(StrEnum):
    """What is known after an attempt.

    SHOWN: residents have it. ACCEPTED: a library or relay took it, and whether it was shown cannot be known.
    WAITING: a person must tap. RETRY: not there, try again. REFUSED: this group never will be.
    MISCONFIGURED: nothing will go through this credential until a person mends it. UNKNOWN: the request left
    and no answer came; asked again only where the platform takes an idempotency key or can be asked.
    """

    SHOWN = "shown"
    ACCEPTED = "accepted"
    WAITING = "waiting"
    RETRY = "retry"
    REFUSED = "refused"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


FAILURES = frozenset({SendStatus.RETRY, SendStatus.REFUSED, SendStatus.UNKNOWN, SendStatus.MISCONFIGURED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text for one group. ``idempotency_key`` is the same for every attempt at it."""

    idempotency_key: str
    group_id: str
    target: str
    """The group's address on the channel, unsealed: a URL, a robot's key. Never logged."""
    secret: str = ""
    """The robot's signing secret, unsealed, where it has one."""
    credential: str = ""
    """The name of the credential (fenghuo.credentials) that the group is reached with."""
    kind: str
    """warning, correction, reply or notice."""
    subject: str
    """The alert (or report) it is about."""
    text: str
    severity: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of one attempt; ``retry_after_s`` when the platform named a time, ``throttled`` when it
    said no more than that we were too fast (which is no failure)."""

    verdict: SendStatus
    reason: str = ""
    retry_after_s: float | None = None
    throttled: bool = False

    @property
    def failed(self) -> bool:
        """Whether it counts against the channel; being told that we are too fast does not."""
        return self.verdict in FAILURES and not self.throttled

    @property
    def may_have_arrived(self) -> bool:
        """Whether the message may have reached the group."""
        return self.verdict in (SendStatus.SHOWN, SendStatus.ACCEPTED, SendStatus.UNKNOWN)


class MessageChannel(Protocol):
    """A way to groups."""

    @property
    def name(self) -> str:
        """What groups' bindings call it."""

    @property
    def idempotent(self) -> bool:
        """Whether the platform ignores a repeat of the same idempotency key, so that unknown may be asked
        again."""

    @property
    def together(self) -> int:
        """How many messages ``send`` is best given at once; 1 where each is a request of its own."""

    def per_second(self, credential: str) -> float:
        """Messages a second that the platform takes from one credential."""

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Try each message once; the outcomes in the same order. Never raises for a single message."""

    async def aclose(self) -> None:
        """Give back what the channel holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One text that one owner is to send to some groups; at most 2,000."""

    idempotency_key: str
    credential: str
    sender: str
    """The owner's user id on the platform."""
    chats: tuple[str, ...]
    """The groups' ids on the platform."""
    text: str


@dataclass(frozen=True, slots=True)
class Created:
    """The outcome of making a task: WAITING with its ``task_id`` and the chats that were ``refused``, or why
    not."""

    sent: SendResult
    task_id: str = ""
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task has come. ``chats`` has only those with an outcome: SHOWN, or REFUSED with the reason;
    with the time the platform names. ``known`` False: the platform could not be asked now (``why``)."""

    known: bool
    chats: Mapping[str, tuple[SendResult, datetime]] = field(default_factory=dict)
    tapped: bool = False
    """Whether the owner has tapped: what has no outcome then is refused for a reason the platform does not
    tell."""
    why: str = ""


class TaskChannel(Protocol):
    """A way to groups through a task that their owner taps."""

    @property
    def name(self) -> str:
        """What groups' bindings call it."""

    @property
    def most_chats(self) -> int:
        """Groups that one task takes at most."""

    def per_second(self, credential: str) -> float:
        """Calls a second that the platform takes from one credential."""

    async def create(self, task: Task) -> Created:
        """Make the task once. Never raises; a timeout after the request left is UNKNOWN: ask ``find``
        then."""

    async def find(self, task: Task, since: datetime) -> Created:
        """The task as the platform has it, made since ``since``: WAITING with its id; REFUSED when it has
        none, so that it may be made; RETRY or UNKNOWN when it could not be asked."""

    async def progress(self, task: Task, task_id: str) -> Progress:
        """Ask how far it has come."""

    async def remind(self, task: Task, task_id: str) -> SendResult:
        """Have the platform remind the owner; SHOWN when it did. At most three times a day for one task."""

    async def cancel(self, task: Task, task_id: str) -> SendResult:
        """Stop what the owner has not sent yet; SHOWN when it is stopped. What went out stays out."""

    async def aclose(self) -> None:
        """Give back what the channel holds."""


async def each(
    send: Callable[[Message], Awaitable[SendResult]], messages: Sequence[Message]
) -> list[SendResult]:
    """Send all at the same time, each for itself; the outcomes in the same order."""
    if len(messages) == 1:
        return [await send(messages[0])]
    return list(await asyncio.gather(*[send(message) for message in messages]))
