"""Who works a loop that only one process should work; the next takes over when it is gone."""

from fenghuo.stores.desk import Desk, reaching_redis

HELD_MS = 5_000
_TAKE_LUA = """
local holder = redis.call('GET', KEYS[1])
if holder == false or holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
"""


class Lease:
    """A lease called ``name`` on Redis for this ``holder``; it ends by itself. What is done under it is safe
    to do twice: it saves work, and proves nothing."""

    def __init__(self, desk: Desk, name: str, holder: str) -> None:
        self._key = desk.keys.lease(name)
        self._holder = holder
        self._take = desk.client.register_script(_TAKE_LUA)

    async def held(self) -> bool:
        """Take or renew it; whether it is ours now."""
        async with reaching_redis():
            return bool(await self._take(keys=[self._key], args=[self._holder, HELD_MS]))
