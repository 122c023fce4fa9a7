"""Publishes again the attempts whose time has come, or whose channel a person has resumed.

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
LEASE_S = 5.0


class RetryLoop:
    """Looks twice a second. An attempt leaves the desk only after the broker has it, so a kill loses
    nothing."""

    def __init__(self, desk: Desk, transport: Transport) -> None:
        self._desk = desk
        self._transport = transport
        self._decoder = topics.DELIVERIES_REQUESTED.decoder()
        self._lease = LeaderLease(desk, "retries", LEASE_S)

    async def run(self) -> None:
        async with self._lease:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                if await self._lease.acquire_or_renew():
                    while await self.publish_due() == AT_ONCE:
                        pass

    async def publish_due(self) -> int:
        """Publish what is due, at most AT_ONCE of each list; returns how many of the longest list."""
        keys, now_ms = self._desk.keys, clock.to_ms(clock.now())
        halted = await self._desk.deliveries.halted()
        async with reaching_redis():
            ever_halted = [x.decode() for x in await self._desk.client.hkeys(keys.halted)]
        count = await self._publish(keys.retries, str(now_ms))
        for name in ever_halted:
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
