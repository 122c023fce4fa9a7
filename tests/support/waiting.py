"""Waiting for what a test expects, as long as it takes and no longer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LONGEST_PAUSE_S = 0.02


def pause_s(waited_s: float) -> float:
    """Until the next look: a twentieth of what has been waited, so that no test waits much longer than what
    it waits for, and a long wait costs little."""
    return min(max(waited_s / 20, 0.001), LONGEST_PAUSE_S)


async def until(
    look: Callable[[], Awaitable[T] | T], within_s: float = 30, what: str = "it", every_s: float = 0
) -> T:
    """The first true answer of ``look``; the test fails when there is none in time.

    ``every_s``: for a look that takes long itself.
    """
    began = time.monotonic()
    while True:
        found = look()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        waited_s = time.monotonic() - began
        assert waited_s < within_s, f"waited {within_s} s in vain for {what}"
        await asyncio.sleep(every_s or pause_s(waited_s))


def until_now(look: Callable[[], T], within_s: float = 30, what: str = "it") -> T:
    """The same where there is no event loop."""
    began = time.monotonic()
    while not (found := look()):
        waited_s = time.monotonic() - began
        assert waited_s < within_s, f"waited {within_s} s in vain for {what}"
        time.sleep(pause_s(waited_s))
    return found


async def never(look: Callable[[], object], for_s: float) -> None:
    """Fail as soon as ``look`` is true within ``for_s``: for what must not happen, and would by then."""
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        assert not look()
        await asyncio.sleep(LONGEST_PAUSE_S)


async def others_run(times: int = 1) -> None:
    """Let every other task that can go on do so, so many times."""
    for _ in range(times):
        await asyncio.sleep(0)


async def for_ever() -> None:
    """What never comes to an end by itself."""
    await asyncio.Event().wait()
