"""What comes alone goes at once; what comes close behind it goes together."""

import asyncio

from fenghuo.transport.linger import Linger
from tests.support.waiting import others_run

LONG_S = 3600.0
SHORT_S = 0.01


async def test_who_comes_alone_goes_at_once_and_the_next_waits() -> None:
    linger = Linger(LONG_S)
    first = asyncio.create_task(linger.pause())
    await others_run(3)
    second = asyncio.create_task(linger.pause())
    await others_run(3)
    assert first.done()
    assert not second.done()
    second.cancel()


async def test_all_who_wait_go_on_and_who_comes_behind_them_waits_again() -> None:
    linger = Linger(SHORT_S)
    await linger.pause()
    async with asyncio.timeout(10):
        await asyncio.gather(*[linger.pause() for _ in range(50)])
    behind = asyncio.create_task(linger.pause())
    await others_run()
    assert not behind.done()
    async with asyncio.timeout(10):
        await behind


async def test_one_who_gives_up_waiting_holds_nobody_up() -> None:
    linger = Linger(SHORT_S)
    await linger.pause()
    gone, stays = asyncio.create_task(linger.pause()), asyncio.create_task(linger.pause())
    await others_run(3)
    gone.cancel()
    async with asyncio.timeout(10):
        await stays
        await linger.pause()
    assert gone.cancelled()
