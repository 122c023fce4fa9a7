"""Attempts whose time has come, or whose channel a person has resumed: publishes them again.

Reads the desk; writes deliveries.requested.
"""

import asyncio

from broadcast.leader_lease import LeaderLease
from fenghuo import clock, topics
from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain import events as e
from fenghuo.transport.stage import Transport

LOOK_EVERY_S = 0.5
AT_ONCE = 500
HELD_S = 5.0


class Retries:
    """Looks twice a second; removed from the desk only after the broker has it, so a kill loses nothing."""

    def __init__(self, desk: Desk, transport: Transport) -> None:
        self._desk = desk
        self._transport = transport
        self._decoder = topics.DELIVERIES_REQUESTED.decoder()
        self._turn = LeaderLease(desk, "retries", HELD_S)

    async def run(self) -> None:
        async with self._turn:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                if await self._turn.mine():
                    while await self.look() == AT_ONCE:
                        pass

    async def look(self) -> int:
        """Publish what is due, at most 500 of a kind; returns how many of the largest."""
        keys, now_ms = self._desk.keys, clock.to_ms(clock.now())
        halted = await self._desk.deliveries.halted()
        async with reaching_redis():
            names = [x.decode() for x in await self._desk.client.hkeys(keys.halted)]
        count = await self._publish(keys.retries, str(now_ms))
        for name in names:
            if name not in halted:
                count = max(count, await self._publish(keys.held(name), "+inf"))
        return count

    async def _publish(self, key: str, until: str) -> int:
        async with reaching_redis():
            due = await self._desk.client.zrangebyscore(key, "-inf", until, start=0, num=AT_ONCE)
        if due:
            await self._transport.publish([e.decode(self._decoder, raw) for raw in due])
            async with reaching_redis():
                await self._desk.client.zrem(key, *due)
        return len(due)
