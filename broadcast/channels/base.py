"""The shape of a channel, and its outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What is known after an attempt.

    SHOWN: residents have it. RETRY: not there, try again. REFUSED: never will be. UNKNOWN: the request left
    and
    no answer came; asked again only where the platform takes an idempotency key.
    """

    SHOWN = "shown"
    RETRY = "retry"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """One text for one group. ``idempotency_key`` is the same for every attempt at it."""

    idempotency_key: str
    group_id: str
    target: str
    kind: str
    subject: str
    """The alert (or report) it is about."""
    text: str
    severity: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of one attempt; ``retry_after_s`` when the platform named a time."""

    verdict: Verdict
    reason: str = ""
    retry_after_s: float | None = None

    @property
    def left(self) -> bool:
        """Whether the message may have reached the group."""
        return self.verdict in (Verdict.SHOWN, Verdict.UNKNOWN)


class Channel(Protocol):
    """A way to groups."""

    name: str
    per_second: float
    """Messages a second that the platform takes from us."""
    idempotent: bool
    """Whether the platform ignores a repeat of the same idempotency key, so that unknown may be asked
    again."""

    async def send(self, messages: Sequence[Message]) -> list[Sent]:
        """Try each message once; the outcomes in the same order. Never raises for a single message."""

    async def aclose(self) -> None:
        """Give back what the channel holds."""
