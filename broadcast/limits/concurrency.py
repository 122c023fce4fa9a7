"""Concurrent work: retrying while Redis is down, and what one failure means for the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fenghuo.domain import events as e
from fenghuo.errors import Unavailable
from fenghuo.transport.stage import end_tasks

RETRY_S = 1.5
"""For how long a command to Redis is tried again before its batch fails."""
_FIRST_PAUSE_S = 0.02

T = TypeVar("T")


async def retry_while_unavailable(work: Callable[[], Awaitable[T]]) -> T:
    """The result of ``work``, which must be idempotent. It is tried again for RETRY_S while it raises
    Unavailable: a lost connection is soon back."""
    began, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except Unavailable:
            if time.monotonic() - began + pause_s > RETRY_S:
                raise
        await asyncio.sleep(pause_s)
        pause_s *= 2


async def gather_events(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[e.Event]:
    """The events of all of ``work``, in its order; see ``gather_or_cancel``."""
    return [x for part in await gather_or_cancel(work) for x in part]


async def gather_or_cancel(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[list[e.Event]]:
    """All results. If one fails, the others are cancelled and waited for before its error is raised."""
    tasks = [asyncio.create_task(x) for x in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await cancel_all(tasks)
        raise


async def cancel_all(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait for their end; their own errors are dropped, as one has failed already."""
    await end_tasks(tasks)
    await asyncio.gather(*tasks, return_exceptions=True)
