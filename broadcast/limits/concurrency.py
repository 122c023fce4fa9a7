"""Work that is done together: what one failure means for the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fenghuo.domain import events as e
from fenghuo.errors import Unavailable
from fenghuo.transport.stage import end_tasks

INSIST_S = 1.5
"""For how long a command to Redis is tried again before the batch fails."""
_FIRST_PAUSE_S = 0.02

T = TypeVar("T")


async def retry_while_unavailable(work: Callable[[], Awaitable[T]]) -> T:
    """The result of ``work``, which is safe to do twice; where it is Unavailable, it is tried again for
    INSIST_S: a lost connection is soon made again."""
    began, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except Unavailable:
            if time.monotonic() - began + pause_s > INSIST_S:
                raise
        await asyncio.sleep(pause_s)
        pause_s *= 2


async def gather_events(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[e.Event]:
    """The events of all, in their order."""
    return [x for part in await gather_or_cancel(work) for x in part]


async def gather_or_cancel(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[list[e.Event]]:
    """All results; when one fails, the others are ended before its error goes on."""
    tasks = [asyncio.create_task(x) for x in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await cancel_all(tasks)
        raise


async def cancel_all(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """End ``tasks`` because one of them failed; what befell the others is the same."""
    await end_tasks(tasks)
    await asyncio.gather(*tasks, return_exceptions=True)
