"""One process at a time does a loop's work: a lease in Redis that is renewed by working."""

import contextlib

from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.errors import Transient
from fenghuo.transport.redis_lease import is_dead, new_token
from fenghuo.transport.redis_lua import RELEASE_LUA, RENEW_LUA


class LeaderLease:
    """The right to do the work called ``name``; another process gets it ``lasts_s`` after the last ask, or
    at its second one if the first process ran on this host and is dead.

    ``async with`` it: at the end it is given back, so that nobody waits for a room that was ended.
    """

    def __init__(self, desk: Desk, name: str, lasts_s: float) -> None:
        self._client = desk.client
        self._key = desk.keys.lease(name)
        self._token = new_token()
        self._lasts_ms = int(lasts_s * 1000)

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Transient):  # it ends by itself
            async with reaching_redis():
                await self._client.eval(RELEASE_LUA, 1, self._key, self._token)

    async def mine(self) -> bool:
        """Take the turn if it is free, or hold on to it; False while another process has it."""
        async with reaching_redis():
            if await self._client.set(self._key, self._token, nx=True, px=self._lasts_ms):
                return True
            if await self._client.eval(RENEW_LUA, 1, self._key, self._token, self._lasts_ms):
                return True
            holder = (await self._client.get(self._key) or b"").decode()
            if is_dead(holder):
                await self._client.eval(RELEASE_LUA, 1, self._key, holder)
            return False
