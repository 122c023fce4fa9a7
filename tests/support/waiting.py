"""Waiting in tests: poll a condition until it holds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T] | T], within_s: float = 30, what: str = "it") -> T:
    """The first true result of ``look``; the test fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {within_s} s in vain for {what}"
        await asyncio.sleep(0.02)
