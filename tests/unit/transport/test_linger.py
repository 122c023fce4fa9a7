"""What comes alone goes at once; what comes close behind it goes together."""

import asyncio

from fenghuo.transport.linger import Linger
from tests.support.waiting import others_run

LONG_S = 3600.0
SHORT_S = 0.01


async def test_who_comes_alone_goes_at_once_and_the_next_waits() -> None:
    beat = Linger(LONG_S)
    first = asyncio.create_task(beat.pause())
    await others_run(3)
    second = asyncio.create_task(beat.pause())
    await others_run(3)
    assert first.done()
    assert not second.done()
    second.cancel()


async def test_all_who_wait_go_on_and_who_comes_behind_them_waits_again() -> None:
    beat = Linger(SHORT_S)
    await beat.pause()
    async with asyncio.timeout(10):
        await asyncio.gather(*[beat.pause() for _ in range(50)])
    behind = asyncio.create_task(beat.pause())
    await others_run()
    assert not behind.done()
    async with asyncio.timeout(10):
        await behind


async def test_one_who_gives_up_waiting_holds_nobody_up() -> None:
    beat = Linger(SHORT_S)
    await beat.pause()
    gone, stays = asyncio.create_task(beat.pause()), asyncio.create_task(beat.pause())
    await others_run(3)
    gone.cancel()
    async with asyncio.timeout(10):
        await stays
        await beat.pause()
    assert gone.cancelled()
