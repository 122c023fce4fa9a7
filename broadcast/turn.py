"""One process at a time does a loop's work: a lease in Redis that is renewed by working."""

import uuid

from fenghuo.stores.desk import Desk, reaching_redis
from fenghuo.transport.redis_scripts import RENEW_LUA


class Turn:
    """The right to do the work called ``name``; another process gets it ``lasts_s`` after the last ask."""

    def __init__(self, desk: Desk, name: str, lasts_s: float) -> None:
        self._client = desk.client
        self._key = desk.keys.lease(name)
        self._token = uuid.uuid4().hex
        self._lasts_ms = int(lasts_s * 1000)

    async def mine(self) -> bool:
        """Take the turn if it is free, or hold on to it; False while another process has it."""
        async with reaching_redis():
            if await self._client.set(self._key, self._token, nx=True, px=self._lasts_ms):
                return True
            return bool(await self._client.eval(RENEW_LUA, 1, self._key, self._token, self._lasts_ms))
