"""Turns: so many under way at once, in the order in which they were asked for."""

import asyncio

from broadcast.limits.fair_semaphore import FairSemaphore
from tests.support.waiting import others_run


async def test_who_asks_for_more_than_is_free_waits_and_nobody_overtakes() -> None:
    turns, taken = FairSemaphore(4), []

    async def take(name: str, count: int) -> None:
        await turns.acquire(count)
        taken.append(name)

    async with asyncio.TaskGroup() as group:
        for name, count in (("first", 3), ("second", 4), ("third", 1)):
            group.create_task(take(name, count))
        await others_run(2)
        assert taken == ["first"]
        turns.release(2)
        await others_run()
        assert taken == ["first"]
        turns.release(1)
        await others_run(2)
        assert taken == ["first", "second"]
        turns.release(1)
    assert taken == ["first", "second", "third"]


async def test_who_gives_up_waiting_holds_up_nobody_and_keeps_nothing() -> None:
    turns = FairSemaphore(2)
    await turns.acquire(1)
    waiting = asyncio.create_task(turns.acquire(2))
    behind = asyncio.create_task(turns.acquire(1))
    await others_run()
    waiting.cancel()
    await asyncio.wait_for(behind, 1)
    turns.release(2)
    await asyncio.wait_for(turns.acquire(2), 1)


async def test_a_turn_that_comes_as_its_taker_gives_up_is_given_back() -> None:
    turns = FairSemaphore(1)
    await turns.acquire(1)
    waiting = asyncio.create_task(turns.acquire(1))
    await others_run()
    turns.release(1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    await asyncio.wait_for(turns.acquire(1), 1)
