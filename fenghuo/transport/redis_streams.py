"""Redis streams under FastStream: pending entries first, groups, pages, trimming.

FastStream never redelivers entries that a kill left pending, and a nack sends nothing. So ``StreamsBroker``
gives it a client whose group reads begin with the pending entries, in order.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

from faststream.redis import RedisBroker
from faststream.redis.configs import RedisConnectionState
from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from fenghuo.transport.redis_lua import DECLARE_LUA

log = logging.getLogger(__name__)

StreamEntry = tuple[bytes, dict[bytes, bytes]]
CONSUMER = "owner"
"""The consumer name of every process: pending entries have one owner, the holder of the lease."""
PAGE = 1000
SOCKET_S = 5.0
"""Socket timeout; well above the time that a read blocks for entries."""
_RETRY_S = 0.5


class PendingFirst(Redis):
    """A client whose group reads begin with the pending entries, after a start and after any failure.

    A read never raises an error of Redis, which FastStream would answer with a busy loop, a sleep of five
    seconds or the end of the subscriber: it waits a moment and returns nothing.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._fresh: set[tuple[str, str]] = set()
        self._one_by_one: set[tuple[str, str]] = set()

    def reread(self, stream: str, group: str, *, one_by_one: bool = False) -> None:
        """Begin the next read with the pending entries; ``one_by_one``: one at a time until none is left."""
        self._fresh.discard((stream, group))
        if one_by_one:
            self._one_by_one.add((stream, group))

    def is_one_by_one(self, stream: str, group: str) -> bool:
        """Whether the last read returned a pending entry alone."""
        return (stream, group) in self._one_by_one

    async def xreadgroup(  # type: ignore[override]
        self,
        groupname: str,
        consumername: str,
        streams: dict[str, str],
        count: int | None = None,
        block: int | None = None,
        **_options: Any,
    ) -> list[tuple[bytes, list[StreamEntry]]]:
        """``[(stream, entries)]`` or []; the id in ``streams`` is ignored."""
        (stream,) = streams
        try:
            entries = await self._read(groupname, consumername, stream, count, block)
        except (RedisError, OSError) as error:
            self.reread(stream, groupname)
            await self._wait_after(error, stream, groupname)
            return []
        return [(stream.encode(), entries)] if entries else []

    async def _read(
        self, group: str, consumer: str, stream: str, count: int | None, block: int | None
    ) -> list[StreamEntry]:
        key = (stream, group)
        if key not in self._fresh:
            few = 1 if key in self._one_by_one else count
            pending = entries_of(await super().xreadgroup(group, consumer, {stream: "0"}, count=few))
            if pending:
                return await self._without_trimmed(pending, stream, group)
            self._fresh.add(key)
            self._one_by_one.discard(key)
        return entries_of(await super().xreadgroup(group, consumer, {stream: ">"}, count=count, block=block))

    async def _without_trimmed(
        self, pending: list[StreamEntry], stream: str, group: str
    ) -> list[StreamEntry]:
        """Without entries that were trimmed while pending: that loss is logged, and they are acknowledged."""
        gone = [entry for entry, fields in pending if not fields]
        if gone:
            log.critical("pending entries were trimmed away", extra={"stream": stream, "entries": len(gone)})
            acknowledged = await self.xack(stream, group, *gone)
            await self.incrby(f"{stream}:n:{group}", acknowledged)
        return [(entry, fields) for entry, fields in pending if fields]

    async def _wait_after(self, error: Exception, stream: str, group: str) -> None:
        extra = {"stream": stream, "why": str(error)}
        if isinstance(error, ResponseError) and "NOGROUP" in str(error):
            log.critical("the stream was deleted under its reader; reading from its start", extra=extra)
            try:
                await declare_group(self, stream, group)
                return
            except (RedisError, OSError) as worse:
                extra["why"] = str(worse)
        down = isinstance(error, RedisConnectionError | RedisTimeoutError | OSError)
        log.warning("Redis is down" if down else "Redis refuses to be read", extra=extra)
        await asyncio.sleep(_RETRY_S)


class _BrokerConnection(RedisConnectionState):
    async def connect(self) -> Any:
        self._client = PendingFirst.from_pool(ConnectionPool(**self._options))
        self._connected = True
        return self._client


class StreamsBroker(RedisBroker):
    """RedisBroker with a PendingFirst client (through a private hook of FastStream, hence the pinned
    version).

    Without retries: a silent retry could publish an event twice.
    """

    def __init__(self, url: str, *, graceful_s: float) -> None:
        super().__init__(
            url,
            apply_types=False,
            logger=logging.getLogger("transport.faststream"),
            graceful_timeout=graceful_s,
            socket_timeout=SOCKET_S,
            socket_connect_timeout=SOCKET_S,
            max_connections=10_000,
        )

    def _make_connection_state(self, options: Any, _kwargs: Any) -> RedisConnectionState:
        return _BrokerConnection({**options, "retry": Retry(NoBackoff(), 0)})


def entries_of(reply: Any) -> list[StreamEntry]:
    """The entries of a one-stream reply, a list (RESP2) or a map (RESP3)."""
    if not reply:
        return []
    found = next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1]
    return cast(list[StreamEntry], found)


async def declare_group(client: Any, stream: str, group: str) -> None:
    """Create ``group`` on ``stream`` at its first entry. Idempotent."""
    await client.eval(DECLARE_LUA, 1, stream, group)


async def pages(client: Any, stream: str) -> AsyncIterator[list[StreamEntry]]:
    """The entries that are in ``stream`` now, oldest first, up to PAGE at a time."""
    newest = await client.xrevrange(stream, count=1)
    start = "-"
    while newest:
        page: list[StreamEntry] = await client.xrange(stream, start, newest[0][0], count=PAGE)
        if not page:
            return
        yield page
        start = f"({page[-1][0].decode()}"


async def trim(client: Any, stream: str, keep_ms: int) -> int:
    """Drop entries older than ``keep_ms`` that every group has acknowledged; returns how many.

    A stream without groups is trimmed by time alone.
    """
    if not await client.exists(stream):
        return 0
    seconds, micros = await client.time()
    first_kept = [(seconds * 1000 + micros // 1000 - keep_ms, 0)]
    for group in await client.xinfo_groups(stream):
        if group["pending"]:
            first_kept.append(_entry_id((await client.xpending(stream, group["name"]))["min"]))
        ms, sequence = _entry_id(group["last-delivered-id"])
        first_kept.append((ms, sequence + 1))
    return int(await client.xtrim(stream, minid="{}-{}".format(*min(first_kept)), approximate=False))


def _entry_id(raw: bytes | str) -> tuple[int, int]:
    text = raw.decode() if isinstance(raw, bytes) else raw
    ms, _, seq = text.partition("-")
    return int(ms), int(seq or 0)
