"""Waiting for what a test expects, as long as it takes and no longer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
EVERY_S = 0.01


async def until(look: Callable[[], Awaitable[T] | T], within_s: float = 30, what: str = "it") -> T:
    """The first true answer of ``look``; the test fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {within_s} s in vain for {what}"
        await asyncio.sleep(EVERY_S)


def until_now(look: Callable[[], T], within_s: float = 30, what: str = "it") -> T:
    """The same where there is no event loop."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {within_s} s in vain for {what}"
        time.sleep(EVERY_S)
    return found
