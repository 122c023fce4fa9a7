"""A token bucket for each channel, in Redis, so that all processes together keep a platform's rate."""

from typing import Any

from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import reaching_redis

# Takes as many tokens as there are above ARGV[4], at most ARGV[3]; answers (taken, ms until the next). Time
# is the server's.
_TAKE_LUA = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local rate, burst, want, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1]) or burst
local at = tonumber(held[2]) or now
tokens = math.min(burst, tokens + (now - at) * rate / 1000)
local taken = math.max(0, math.min(want, math.floor(tokens - keep)))
tokens = tokens - taken
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], 600000)
local wait = 0
if taken < want then wait = math.ceil(math.max(0, keep + 1 - tokens) * 1000 / rate) end
return {taken, wait}
"""


class RateLimiter:
    """Takes tokens before each send. Raises Unavailable while Redis is down: nothing is sent then."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self._keys = keys
        self._take = client.register_script(_TAKE_LUA)

    async def take(
        self, name: str, per_second: float, want: int, *, after_alerts: bool = False
    ) -> tuple[int, float]:
        """(how many of ``want`` may go now, seconds until the next one may). The bucket holds one second's
        worth.

        ``after_alerts``: leave half of the bucket to alerts, which take all they can get and so go first.
        """
        burst = max(1, int(per_second))
        keep = burst // 2 if after_alerts else 0
        async with reaching_redis():
            taken, wait_ms = await self._take(
                keys=[self._keys.bucket(name)], args=[per_second, burst, want, keep]
            )
        return int(taken), int(wait_ms) / 1000
