"""The Lua that changes the desk: one atomic script for a whole batch of changes.

A change is a tuple ``(command, key, argument...)``. All commands are idempotent: plain set, hash and
sorted-set writes, and PUT, which keeps the newer of two versions:

    PUT key field version payload     HSET field "version:payload" unless a newer version is stored there
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e

APPLY_LUA = """
local function keep_newer(c)
  for i = 5, #c do
    local now = redis.call('HGET', c[2], c[i])
    local version = now and tonumber(string.match(now, '^(%d+):'))
    if not version or version <= tonumber(c[3]) then redis.call('HSET', c[2], c[i], c[3] .. ':' .. c[4]) end
  end
end
local function apply(packed)
  for _, c in ipairs(cmsgpack.unpack(packed)) do
    if c[1] == 'PUT' then keep_newer(c) else redis.call(unpack(c)) end
  end
end
"""

Change = tuple[str | bytes | int, ...]
Fold = Callable[[Any, Keys], list[Change]]
"""An event's changes."""
Folds = Mapping[type[e.Event], Fold]
"""What one noun of the desk takes from each type of event."""
MANY = frozenset({"HSET", "SADD"})
"""Commands of which one call does the work of many."""
_LONGEST = 2_000
"""Arguments of one call, well below what Lua can unpack."""
_ENCODER = msgspec.msgpack.Encoder()


def packed(changes: Sequence[Change]) -> bytes:
    """``changes`` as one argument of a script: MessagePack, since a client is slow with many arguments. Only
    strings: Redis's MessagePack is older than its bytes type, and formats integers differently.

    Changes that differ in the field alone are packed as one (thousands of groups get the same row at once),
    and each key's EXPIRE is called once, after all other changes. Two changes of one field stay in their
    order, as long as no field is both PUT and HSET.
    """
    plain: list[list[str]] = []
    runs: dict[Change, list[str]] = {}
    ends: dict[str | bytes | int, Change] = {}
    seen: set[Change] = set()
    for change in changes:
        if change[0] == "EXPIRE":
            ends[change[1]] = change
            continue
        head, more = _split(change)
        goes_along = change[0] in MANY or (change[0] == "PUT" and change[1:3] not in seen)
        run = runs.get(head) if goes_along else None
        if run is not None and len(run) < _LONGEST:
            run += map(_text, more)
        else:
            plain.append([_text(x) for x in (*head, *more)])
            runs[head] = plain[-1]
        seen.add(change[1:3])
    return _ENCODER.encode([*plain, *([_text(x) for x in change] for change in ends.values())])


def _split(change: Change) -> tuple[Change, Change]:
    """What a change has in common with others that one call can make, and what is its own."""
    if change[0] == "PUT":
        command, key, field, version, payload = change
        return (command, key, version, payload), (field,)
    return change[:2], change[2:]


def packed_texts(texts: Sequence[str | bytes]) -> bytes:
    """``texts`` (UTF-8 where they are bytes) as one argument, like ``packed``."""
    return _ENCODER.encode([_text(x) for x in texts])


def _text(x: str | bytes | int) -> str:
    if isinstance(x, str):
        return x
    return x.decode() if isinstance(x, bytes) else str(x)
