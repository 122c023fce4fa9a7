"""The Lua that changes the desk: one atomic script for a whole batch of changes.

A change is a tuple ``(command, key, argument...)``. All commands are safe to repeat: plain set, hash and
sorted-set writes, and PUT, which keeps the newer of two versions:

    PUT key field version payload     HSET field "version:payload" unless a newer version stands there
"""

from collections.abc import Sequence

import msgspec

APPLY_LUA = """
local function apply(packed)
  for _, c in ipairs(cmsgpack.unpack(packed)) do
    if c[1] == 'PUT' then
      local now = redis.call('HGET', c[2], c[3])
      local stands = now and tonumber(string.match(now, '^(%d+):'))
      if not stands or stands <= tonumber(c[4]) then
        redis.call('HSET', c[2], c[3], c[4] .. ':' .. c[5])
      end
    else
      redis.call(unpack(c))
    end
  end
end
"""

Change = tuple[str | bytes | int, ...]
_ENCODER = msgspec.msgpack.Encoder()


def packed(changes: Sequence[Change]) -> bytes:
    """``changes`` as the scripts' one argument: MessagePack, since a client is slow with very many. Only
    strings: Redis knows MessagePack from before it had bytes, and would write whole numbers its own way. An
    EXPIRE is made once for each key, after all else."""
    plain = [change for change in changes if change[0] != "EXPIRE"]
    ends = {change[1]: change for change in changes if change[0] == "EXPIRE"}
    return _ENCODER.encode([[_text(x) for x in change] for change in (*plain, *ends.values())])


def _text(x: str | bytes | int) -> str:
    if isinstance(x, str):
        return x
    return x.decode() if isinstance(x, bytes) else str(x)
