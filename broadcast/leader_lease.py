"""One process at a time runs a background loop: a lease in Redis that the loop renews while it works."""

import contextlib

from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.errors import Transient
from fenghuo.transport.redis_lua import RELEASE_LUA, RENEW_LUA
from fenghuo.transport.stage_lease import is_dead, new_token


class LeaderLease:
    """Leader lease of the loop ``name``. It expires ``lasts_s`` after the last renewal; the lease of a dead
    process on this host is released at once.

    Used with ``async with``: on exit the lease is released, so that no other process waits for it.
    """

    def __init__(self, desk: Desk, name: str, lasts_s: float) -> None:
        self._client = desk.client
        self._key = desk.keys.lease(name)
        self._token = new_token()
        self._lasts_ms = int(lasts_s * 1000)

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Transient):  # without Redis it expires by itself
            async with reaching_redis():
                await self._client.eval(RELEASE_LUA, 1, self._key, self._token)

    async def acquire_or_renew(self) -> bool:
        """Acquire or renew the lease; False while another process holds it."""
        async with reaching_redis():
            if await self._client.set(self._key, self._token, nx=True, px=self._lasts_ms):
                return True
            if await self._client.eval(RENEW_LUA, 1, self._key, self._token, self._lasts_ms):
                return True
            holder = (await self._client.get(self._key) or b"").decode()
            if is_dead(holder):
                await self._client.eval(RELEASE_LUA, 1, self._key, holder)
            return False
