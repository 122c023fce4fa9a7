"""Attempts whose time has come: publishes them again. Reads the desk; writes deliveries.requested."""

import asyncio

from fenghuo import clock, topics
from fenghuo import events as e
from fenghuo.stores.desk import Desk, reaching_redis
from fenghuo.transport.pipeline import Transport

LOOK_EVERY_S = 0.5
AT_ONCE = 500


class Retries:
    """Looks twice a second; removed from the desk only after the broker has it, so a kill loses nothing."""

    def __init__(self, desk: Desk, transport: Transport) -> None:
        self._desk = desk
        self._transport = transport
        self._decoder = topics.DELIVERIES_REQUESTED.decoder()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            while await self.look() == AT_ONCE:
                pass

    async def look(self) -> int:
        """Publish what is due, at most 500; returns how many."""
        key, now_ms = self._desk.keys.retries, clock.to_ms(clock.now())
        async with reaching_redis():
            due = await self._desk.client.zrangebyscore(key, "-inf", now_ms, start=0, num=AT_ONCE)
        if due:
            await self._transport.publish([e.decode(self._decoder, raw) for raw in due])
            async with reaching_redis():
                await self._desk.client.zrem(key, *due)
        return len(due)
