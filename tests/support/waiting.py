"""Waiting for what a test expects, as long as it takes and no longer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
EVERY_S = 0.01


async def until(
    look: Callable[[], Awaitable[T] | T], within_s: float = 30, what: str = "it", every_s: float = EVERY_S
) -> T:
    """The first true answer of ``look``; the test fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {within_s} s in vain for {what}"
        await asyncio.sleep(every_s)


def until_now(look: Callable[[], T], within_s: float = 30, what: str = "it") -> T:
    """The same where there is no event loop."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {within_s} s in vain for {what}"
        time.sleep(EVERY_S)
    return found


async def never(look: Callable[[], object], for_s: float) -> None:
    """Fail as soon as ``look`` is true within ``for_s``: for what must not happen, and would by then."""
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        assert not look()
        await asyncio.sleep(EVERY_S)


async def others_run(times: int = 1) -> None:
    """Let every other task that can go on do so, so many times."""
    for _ in range(times):
        await asyncio.sleep(0)


async def for_ever() -> None:
    """What never comes to an end by itself."""
    await asyncio.Event().wait()
