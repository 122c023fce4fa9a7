"""The Lua that changes the desk: one atomic script for a whole batch of changes.

A change is a tuple ``(command, key, argument...)``. All commands are safe to repeat: plain set, hash and
sorted-set writes, and PUT, which keeps the newer of two versions:

    PUT key field version payload     HSET field "version:payload" unless a newer version stands there
"""

APPLY_LUA = """
local function apply(i)
  local last = #ARGV
  while i <= last do
    local n = tonumber(ARGV[i])
    if ARGV[i+1] == 'PUT' then
      local key, field, version = ARGV[i+2], ARGV[i+3], tonumber(ARGV[i+4])
      local now = redis.call('HGET', key, field)
      local stands = now and tonumber(string.match(now, '^(%d+):'))
      if not stands or stands <= version then
        redis.call('HSET', key, field, ARGV[i+4] .. ':' .. ARGV[i+5])
      end
    else
      redis.call(ARGV[i+1], unpack(ARGV, i+2, i+n))
    end
    i = i + n + 1
  end
end
"""

Change = tuple[str | bytes | int, ...]


def flatten(changes: list[Change]) -> list[str | bytes | int]:
    """``changes`` as script arguments: each preceded by its length."""
    return [x for change in changes for x in (len(change), *change)]
