"""The Lua scripts of the Redis transport: what must be atomic.

Each stream ``s`` has counters: ``s:n`` entries ever added, ``s:n:<group>`` entries that the group has
acknowledged, and the set ``s:groups``. The difference is the group's lag, on every version of Redis, for
free. A script makes all checks before it writes: Redis does not roll back the writes of a script that fails.
"""

from fenghuo.desk.apply_script import APPLY_LUA

_PUT_LUA = """
local function counts(flat)
  local count = {}
  for j = 1, #flat, 3 do local s = flat[j]; count[s] = (count[s] or 0) + 1 end
  return count
end
local function full(count, limit)
  for s in pairs(count) do
    local total = tonumber(redis.call('GET', s .. ':n') or '0')
    for _, g in ipairs(redis.call('SMEMBERS', s .. ':groups')) do
      if total - tonumber(redis.call('GET', s .. ':n:' .. g) or '0') >= limit then
        return redis.error_reply('FULL ' .. s .. ' for ' .. g)
      end
    end
  end
end
local function put(flat, count)
  for j = 1, #flat, 3 do redis.call('XADD', flat[j], '*', 'k', flat[j+1], 'v', flat[j+2]) end
  for s, m in pairs(count) do redis.call('INCRBY', s .. ':n', m) end
end
"""

PUBLISH_LUA = (
    _PUT_LUA
    + """
local flat = {unpack(ARGV, 2)}
local count = counts(flat)
local refused = full(count, tonumber(ARGV[1]))
if refused then return refused end
put(flat, count)
return #flat / 3
"""
)
"""ARGV: limit, then (stream, key, value) of each entry, 500 at most. Error FULL when a reader is ``limit``
behind."""

COMMIT_LUA = (
    _PUT_LUA
    + APPLY_LUA
    + """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED ' .. KEYS[1]) end
local flat, ids = cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local count = counts(flat)
local refused = full(count, tonumber(ARGV[4]))
if refused then return refused end
apply(ARGV[7])
put(flat, count)
local done = 0
for j = 1, #ids, 1000 do
  done = done + redis.call('XACK', KEYS[2], ARGV[3], unpack(ids, j, math.min(j + 999, #ids)))
end
redis.call('INCRBY', KEYS[2] .. ':n:' .. ARGV[3], done)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[3])
return done
"""
)
"""KEYS: lease, stream, deaths. ARGV: token, lease ms, group, limit, then packed: the outputs as (stream, key,
value), the ids, the changes to the desk. Errors FENCED and FULL. Returns how many ids it acknowledged. The
desk comes first: a change that Redis refuses must leave the batch as it was."""

DECLARE_LUA = """
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP') then return redis.error_reply(made.err) end
redis.call('SADD', KEYS[1] .. ':groups', ARGV[1])
if made.err then return 0 end
local total = tonumber(redis.call('GET', KEYS[1] .. ':n') or '0')
redis.call('SET', KEYS[1] .. ':n:' .. ARGV[1], total - redis.call('XLEN', KEYS[1]))
return 1
"""
"""KEYS: stream. ARGV: group. A new group's lag counts what is in the stream, not what was trimmed."""

RENEW_LUA = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
RELEASE_LUA = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', unpack(KEYS)) end
return 0
"""
