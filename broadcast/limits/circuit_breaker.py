"""Stops a channel that fails too often, until a person resumes it.

A breaker is named for what is halted with it: a channel, or one credential of it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.transport.stage import Outcome

LATEST = 200
"""Sends that are looked back at."""


def breaker_key(channel: str, credential: str) -> str:
    """The name of the breaker of ``channel`` with ``credential``; the channel's name alone where the
    credential is the settings' own."""
    return f"{channel}/{credential}" if credential else channel


class FailureWindow:
    """The latest outcomes of each breaker, in this process."""

    def __init__(self, failures: int, share: float) -> None:
        self._failures = failures
        self._share = share
        self._latest: dict[str, deque[bool]] = {}

    def record(self, name: str, *, failed: bool) -> bool:
        """Count one outcome; returns whether ``name`` now has too many failures."""
        latest = self._latest.setdefault(name, deque(maxlen=LATEST))
        latest.append(failed)
        count = sum(latest)
        return failed and count > self._failures and count > self._share * len(latest)

    def forget(self, name: str) -> None:
        """Start counting anew: the failures so far have led to a halt."""
        self._latest.pop(name, None)

    async def on_channels_changed(self, events: Sequence[e.Event]) -> Outcome:
        """Start anew after a person's resume as well. The stage itself puts the events on the desk."""
        for x in events:
            if isinstance(x, e.ChannelChanged):
                self.forget(x.name)
        return Outcome()

    def summary(self, name: str) -> str:
        """The count for a person, such as "12 of the latest 40 failed"."""
        latest = self._latest.get(name, deque())
        return f"{sum(latest)} of the latest {len(latest)} failed"


class Breakers:
    """The breakers as one batch sees them: those that were open when it began, and those it opens."""

    def __init__(self, open_names: Iterable[str], window: FailureWindow) -> None:
        self._open = set(open_names)
        self._window = window

    def open_name(self, name: str) -> str:
        """``name`` if it is open; empty while it is not."""
        return name if name in self._open else ""

    def record(self, name: str, *, failed: bool) -> list[e.Event]:
        """Count one outcome; the halt, when this was one failure too many."""
        if not self._window.record(name, failed=failed):
            return []
        return self.trip(name, self._window.summary(name))

    def trip(self, name: str, reason: str) -> list[e.Event]:
        """The event that halts ``name``; nothing if it is halted already."""
        if name in self._open:
            return []
        self._open.add(name)
        self._window.forget(name)
        return [halt(name, reason, clock.now())]

    def add(self, events: Iterable[e.Event]) -> None:
        """Take over the halts among ``events``, which an earlier batch decided upon."""
        self._open |= {x.name for x in events if isinstance(x, e.ChannelChanged) and x.halted}


def halt(name: str, reason: str, at: datetime) -> e.ChannelChanged:
    """The event that halts ``name``."""
    return e.ChannelChanged(
        event_id=e.derive_id("halt", name, at.isoformat()), at=at, name=name, halted=True, reason=reason[:300]
    )
