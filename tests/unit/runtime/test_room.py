"""A room ends when it is told to, whatever its loops are in the middle of."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from fenghuo.runtime.room import Room, _end, _Server, health_pages
from tests.support.builders import settings
from tests.support.waiting import for_ever, others_run


async def test_a_room_ends_although_a_loop_was_in_the_middle_of_a_write_to_redis() -> None:
    """There Python 3.11 may swallow a cancellation: redis-py writes within asyncio.wait_for."""
    swallowed = 0

    async def loop() -> None:
        nonlocal swallowed
        while True:
            try:
                await for_ever()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    async def done() -> None:
        return None

    rest: Any = SimpleNamespace(stop=done, client=SimpleNamespace(aclose=done))
    room = Room("consumers", settings(), rest, rest, port=0)
    task, serving = asyncio.create_task(loop()), asyncio.create_task(done())
    await others_run()
    async with asyncio.timeout(10):
        await _end(room, _Server(health_pages(room, None), "127.0.0.1", 0), serving, [task])
    assert task.cancelled()


async def test_a_room_gives_its_connections_back_once_its_stages_have_ended() -> None:
    ended: list[str] = []

    def ends(what: str) -> Callable[[], Awaitable[None]]:
        async def end() -> None:
            ended.append(what)

        return end

    transport: Any = SimpleNamespace(stop=ends("stages"))
    desk: Any = SimpleNamespace(client=SimpleNamespace(aclose=ends("desk")))
    room = Room("broadcast", settings(), desk, transport, port=0, closing=[ends("webhooks"), ends("robots")])
    serving = asyncio.create_task(others_run())
    await _end(room, _Server(health_pages(room, None), "127.0.0.1", 0), serving, [])
    assert ended == ["stages", "webhooks", "robots", "desk"]
