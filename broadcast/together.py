"""Work that is done together: what one failure means for the others."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from fenghuo import events as e
from fenghuo.transport.pipeline import end_tasks

LAST_S = 0.9
"""For the answer of a platform that knows no repeats, when the batch has failed."""


async def to_its_end(work: Coroutine[Any, Any, list[e.Event]]) -> list[e.Event]:
    """The result of ``work``; when another delivery has failed and all are ended, what has left gets LAST_S
    more for its answer."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=LAST_S)
        await end([task])
        raise


async def flat(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[e.Event]:
    """The events of all, in their order."""
    return [x for part in await all_of(work) for x in part]


async def all_of(work: Sequence[Coroutine[Any, Any, list[e.Event]]]) -> list[list[e.Event]]:
    """All results; when one fails, the others are ended before its error goes on."""
    tasks = [asyncio.create_task(x) for x in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await end(tasks)
        raise


async def end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """End ``tasks`` because one of them failed; what befell the others is the same."""
    await end_tasks(tasks)
    await asyncio.gather(*tasks, return_exceptions=True)
