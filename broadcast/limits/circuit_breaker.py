"""Stops a channel that fails too much, until a person resumes it: the counting, and the event that tells."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from fenghuo.domain import events as e
from fenghuo.transport.stage import Outcome

LATEST = 200
"""Sends that are looked back at."""


def breaker_key(channel: str, credential: str) -> str:
    """What is halted as one: all that goes through one credential, or through the settings' own (the
    channel's bare name).
    """
    return f"{channel}/{credential}" if credential else channel


class FailureWindow:
    """The latest outcomes of each name, in this process."""

    def __init__(self, failures: int, share: float) -> None:
        self._failures = failures
        self._share = share
        self._latest: dict[str, deque[bool]] = {}

    def add(self, name: str, *, failed: bool) -> bool:
        """Count one outcome; whether ``name`` now has too many failures."""
        latest = self._latest.setdefault(name, deque(maxlen=LATEST))
        latest.append(failed)
        count = sum(latest)
        return failed and count > self._failures and count > self._share * len(latest)

    def forget(self, name: str) -> None:
        """Begin anew: its failures were answered by a halt."""
        self._latest.pop(name, None)

    async def on_channels_changed(self, events: Sequence[e.Event]) -> Outcome:
        """A person's resume begins anew as well; that it reaches the desk is the stage's doing."""
        for x in events:
            if isinstance(x, e.ChannelChanged):
                self.forget(x.name)
        return Outcome()

    def told(self, name: str) -> str:
        """The count for a person, such as "12 of the latest 40 failed"."""
        latest = self._latest.get(name, deque())
        return f"{sum(latest)} of the latest {len(latest)} failed"


def halt(name: str, reason: str, at: datetime) -> e.ChannelChanged:
    """The event that halts ``name``."""
    return e.ChannelChanged(
        event_id=e.derive_id("halt", name, at.isoformat()), at=at, name=name, halted=True, reason=reason[:300]
    )
