"""Events over Redis Streams, on FastStream's RedisBroker: the embedded default.

FastStream gives the subscriber, its life and its loop. Its own acknowledgement on streams keeps none of our
promises (a nack sends nothing, entries left pending by a kill are never read again, a batch with one bad record
stays stuck), so three things of ours stand around it:

- ``PendingFirst`` reads an owner's own pending entries, in order, before any new one;
- ``Lease`` lets one process own a (stage, stream); others stand by and take over;
- one Lua script commits a batch: it checks the lease, refuses when a reader is too far behind, adds the outputs,
  changes the desk, acknowledges. It happens whole or not at all.
"""

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.configs import RedisConnectionState
from faststream.redis.message import RedisBatchStreamMessage
from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from fenghuo import events as e
from fenghuo.errors import Crowded, Transient, Unavailable
from fenghuo.stores.desk import reaching_redis
from fenghuo.stores.keys import Keys
from fenghuo.stores.projection import project
from fenghuo.stores.scripts import APPLY_LUA, flatten
from fenghuo.topics import TOPICS, Topic, topic_of
from fenghuo.transport.pipeline import (
    Follow,
    Record,
    Stage,
    StageStopped,
    Workbench,
    check_writer,
    dead_letter,
)

log = logging.getLogger(__name__)

LEASE_MS = 10_000
"""How long a silent owner on another host keeps its stage; on the same host a dead one is seen at once."""
POLL_MS = 500
PUBLISH_AT_ONCE = 500
TRIM_EVERY_S = 60.0
KILLS_BEFORE_ALONE = 2
KILLS_BEFORE_LETTER = 3
OWNER = "owner"
"""The consumer name of every owner; the lease says which process that is, so pending entries have one name."""

_PUT_LUA = """
local function put(i, n, limit)
  local count = {}
  for j = 0, n - 1 do local s = ARGV[i+3*j]; count[s] = (count[s] or 0) + 1 end
  for s in pairs(count) do
    local total = tonumber(redis.call('GET', s .. ':n') or '0')
    for _, g in ipairs(redis.call('SMEMBERS', s .. ':groups')) do
      if total - tonumber(redis.call('GET', s .. ':n:' .. g) or '0') >= limit then
        return redis.error_reply('FULL ' .. s)
      end
    end
  end
  for j = 0, n - 1 do redis.call('XADD', ARGV[i+3*j], '*', 'k', ARGV[i+3*j+1], 'v', ARGV[i+3*j+2]) end
  for s, m in pairs(count) do redis.call('INCRBY', s .. ':n', m) end
end
"""
PUBLISH_LUA = _PUT_LUA + "return put(2, (#ARGV - 1) / 3, tonumber(ARGV[1])) or 1"
# KEYS: lease, stream, crashes. ARGV: token, lease ms, group, limit, outputs, ids, then those, then the changes.
COMMIT_LUA = (
    _PUT_LUA
    + APPLY_LUA
    + """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED ' .. KEYS[1]) end
local outputs, ids = tonumber(ARGV[5]), tonumber(ARGV[6])
local full = put(7, outputs, tonumber(ARGV[4]))
if full then return full end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[3])
local first, done = 7 + 3 * outputs, 0
for j = first, first + ids - 1, 1000 do
  done = done + redis.call('XACK', KEYS[2], ARGV[3], unpack(ARGV, j, math.min(j + 999, first + ids - 1)))
end
redis.call('INCRBY', KEYS[2] .. ':n:' .. ARGV[3], done)
apply(first + ids)
return done
"""
)
IF_MINE_LUA = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3)) end
return 0
"""


class PendingFirst(Redis):  # type: ignore[misc]
    """A client whose group reads begin with the owner's pending entries, after a start and after any failure."""

    def marks(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """(streams whose pending entries are all read, streams to be read one entry at a time)."""
        kept = self.__dict__
        return kept.setdefault("_fresh", set()), kept.setdefault("_alone", set())

    def again(self, stream: str, group: str) -> None:
        """Make the next read of ``stream`` begin with what is pending."""
        self.marks()[0].discard((stream, group))

    async def xreadgroup(  # type: ignore[override]
        self,
        groupname: str,
        consumername: str,
        streams: dict[str, str],
        count: int | None = None,
        block: int | None = None,
        **options: Any,
    ) -> Any:
        (name, _), = streams.items()  # fmt: skip
        key = (name, groupname)
        fresh, alone = self.marks()
        read = super().xreadgroup
        try:
            if key not in fresh:
                pending = await read(groupname, consumername, {name: "0"}, count=1 if key in alone else count)
                rows = _rows(pending)
                gone = [entry for entry, fields in rows if not fields]
                if gone:
                    log.critical(
                        "pending entries were trimmed away", extra={"stream": name, "entries": len(gone)}
                    )
                    await self.xack(name, groupname, *gone)
                if rows:
                    return [[name.encode(), [row for row in rows if row[1]]]] if len(gone) < len(rows) else []
                fresh.add(key)
                alone.discard(key)
            return await read(groupname, consumername, {name: ">"}, count=count, block=block)
        except ResponseError as error:
            fresh.clear()
            if "NOGROUP" in str(error):
                await self._regrow(name, groupname)
                return []
            raise RedisConnectionError(str(error)) from error  # FastStream then waits instead of spinning
        except (RedisConnectionError, RedisTimeoutError):
            fresh.clear()
            raise

    async def _regrow(self, stream: str, group: str) -> None:
        log.critical("the stream was deleted under its reader; starting anew", extra={"stream": stream})
        await declare_group(self, stream, group)


def _rows(reply: Any) -> list[tuple[bytes, Any]]:
    """The entries of a one-stream reply, whether it came as a list (RESP2) or as a map (RESP3)."""
    if not reply:
        return []
    return cast(
        list[tuple[bytes, Any]], next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1]
    )


async def declare_group(client: "Redis[Any]", stream: str, group: str) -> None:
    """Make ``group`` read ``stream`` from its very first entry; harmless if it does already."""
    await cast(Awaitable[int], client.sadd(f"{stream}:groups", group))
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


class _State(RedisConnectionState):
    async def connect(self) -> "Redis[bytes]":
        self._client = PendingFirst.from_pool(ConnectionPool(**self._options))
        self._connected = True
        return self._client


class StreamsBroker(RedisBroker):
    """RedisBroker on a PendingFirst client (through a private hook of FastStream, hence the pinned version)."""

    def _make_connection_state(self, options: Any, _kwargs: Any) -> RedisConnectionState:
        return _State(options)


class Lease:
    """Who owns one (stage, stream). The token names host and process, so a dead owner on this host is seen."""

    def __init__(self, client: Any, keys: Keys, group: str, stream: str) -> None:
        self._client = client
        self.key = keys.lease(f"{group}:{stream}")
        self.crash_key = keys.lease(f"{group}:{stream}:starts")
        self.token = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.crashes = 0
        """Starts since the last commit or clean stop: how often a process died over the same entries."""

    async def take(self) -> bool:
        """Take the lease if it is free or its owner on this host is dead; False while another holds it."""
        if not await self._client.set(self.key, self.token, nx=True, px=LEASE_MS):
            holder = (await self._client.get(self.key) or b"").decode()
            if holder != self.token:
                if holder and _is_dead(holder):
                    await self._client.eval(IF_MINE_LUA, 1, self.key, holder, "DEL")
                return False
        self.crashes = int(await self._client.incr(self.crash_key)) - 1
        return True

    async def renew(self) -> bool:
        """Hold on for another LEASE_MS; False when the lease is no longer ours."""
        return bool(await self._client.eval(IF_MINE_LUA, 1, self.key, self.token, "PEXPIRE", LEASE_MS))

    async def release(self) -> None:
        await self._client.delete(self.crash_key)
        await self._client.eval(IF_MINE_LUA, 1, self.key, self.token, "DEL")


def _is_dead(holder: str) -> bool:
    host, pid, *_ = (holder + "::").split(":")
    if host != socket.gethostname() or not pid.isdigit() or not Path("/proc").is_dir():
        return False
    return not Path("/proc", pid).exists()


async def _parse(message: Any, _original: Any = None) -> RedisBatchStreamMessage:
    return RedisBatchStreamMessage(
        raw_message=message, body=message["data"], consumer=None, group=None,
        message_id=message["message_ids"][0].decode(), correlation_id="",
    )  # fmt: skip


async def _decode(message: Any, _original: Any = None) -> Any:
    return message


class Owner:
    """Works one stage in this process: stands by for the lease, reads, commits, gives way when fenced."""

    def __init__(self, broker: StreamsBroker, keys: Keys, stage: Stage, namespace: str, limit: int) -> None:
        self._broker = broker
        self._client = cast(PendingFirst, broker._connection)
        self._stage = stage
        self._stream = keys.stream(stage.topic.address(namespace))
        self._address: Callable[[Topic], str] = lambda topic: keys.stream(topic.address(namespace))
        self._lease = Lease(self._client, keys, stage.group, self._stream)
        self._bench = Workbench(stage, keys)
        self._commit_script = self._client.register_script(COMMIT_LUA)
        self._limit = limit
        self._delay_s = 0.1
        self._lost = asyncio.Event()
        self._halt = asyncio.Event()
        self.owning = False
        self.stopped: str | None = None
        """Why the stage stopped for good, if it did."""

    async def run(self) -> None:
        """Until ``halt``: take the lease, work, give it back; again after a loss."""
        while not self._halt.is_set():
            try:
                if await self._lease.take():
                    await self._own()
            except (RedisError, OSError) as error:
                log.warning("stage cannot reach Redis", extra={"stage": self._stage.group, "why": str(error)})
            await self._wait(self._halt, 0.3)

    def halt(self) -> None:
        self._halt.set()

    async def _own(self) -> None:
        self._lost.clear()
        self._stage.forget()
        self._client.again(self._stream, self._stage.group)
        if self._lease.crashes >= KILLS_BEFORE_ALONE:
            self._client.marks()[1].add((self._stream, self._stage.group))
        await declare_group(self._client, self._stream, self._stage.group)
        subscriber = self._broker.subscriber(
            stream=StreamSub(
                self._stream, group=self._stage.group, consumer=OWNER, batch=True,
                max_records=self._stage.batch, polling_interval=POLL_MS,
            ),
            ack_policy=AckPolicy.MANUAL, parser=_parse, decoder=_decode,
        )  # fmt: skip
        subscriber(self._handle)
        await subscriber.start()
        self.owning = True
        log.info("stage owned", extra={"stage": self._stage.group})
        try:
            await self._hold()
        finally:
            self.owning = False
            await subscriber.stop()
            with contextlib.suppress(RedisError, OSError):
                await self._lease.release()

    async def _hold(self) -> None:
        while not self._halt.is_set() and not self._lost.is_set():
            await self._wait(self._halt, LEASE_MS / 3000)
            try:
                if not await self._lease.renew():
                    return
            except (RedisError, OSError):
                log.warning("lease not renewed, Redis is away", extra={"stage": self._stage.group})

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

    async def _handle(self, message: Any) -> None:
        ids: list[bytes] = message.raw_message["message_ids"]
        records = [
            Record(
                (row.get(b"k") or b"").decode("utf-8", "replace"),
                row.get(b"v"),
                f"{self._stream}/{i.decode()}",
            )
            for i, row in zip(ids, message.body, strict=True)
        ]
        try:
            await self._work(records, ids)
            self._delay_s = 0.1
        except StageStopped as stop:
            self.stopped = str(stop)
            log.critical("stage stopped", extra={"stage": self._stage.group, "why": str(stop)})
            self._halt.set()
        except Exception as error:
            await self._step_back(error)

    async def _work(self, records: list[Record], ids: list[bytes]) -> None:
        if len(ids) == 1 and self._lease.crashes >= KILLS_BEFORE_LETTER:
            self._lease.crashes = 0
            letter = dead_letter(self._stage, records[0], "the process died each time it handled this record")
            events, changes = [cast(e.Event, letter)], project(letter, self._bench.keys)
        else:
            events, changes = await self._bench.work(records)
        check_writer(self._stage.room, events)
        outputs = entries(events, self._address)
        done = await self._commit_script(
            keys=[self._lease.key, self._stream, self._lease.crash_key],
            args=[
                self._lease.token, LEASE_MS, self._stage.group, self._limit, len(outputs) // 3, len(ids),
                *outputs, *ids, *flatten(changes),
            ],
        )  # fmt: skip
        if done != len(ids):
            log.warning(
                "acknowledged fewer than read", extra={"stage": self._stage.group, "short": len(ids) - done}
            )

    async def _step_back(self, error: Exception) -> None:
        self._client.again(self._stream, self._stage.group)
        self._stage.forget()
        if "FENCED" in str(error):
            self._lost.set()
            self._halt_wait()
            log.warning("lease lost, another process works now", extra={"stage": self._stage.group})
        elif isinstance(error, Transient | RedisError | OSError):
            log.warning(
                "batch to be tried again", extra={"stage": self._stage.group, "why": e.reason_of(error)}
            )
        else:
            log.error("batch failed", exc_info=error, extra={"stage": self._stage.group})
        await asyncio.sleep(self._delay_s)
        self._delay_s = min(self._delay_s * 2, 2.0)

    def _halt_wait(self) -> None:
        """Nothing to wake: ``_hold`` sees the loss at its next look, and every commit until then is fenced."""


def entries(events: Sequence[e.Event], address: Callable[[Topic], str]) -> list[Any]:
    """``events`` as flat (stream, key, value) triples."""
    flat: list[Any] = []
    for event in events:
        topic = topic_of(event)
        flat += (address(topic), topic.key(event), e.encode(event))
    return flat


class RedisTransport:
    """The embedded transport: streams beside the desk in one Redis. Raises Unavailable while it is away."""

    def __init__(
        self, url: str, *, room: str, namespace: str, backlog: int = 50_000, timeout_s: float = 5
    ) -> None:
        self.room = room
        self._url = url
        self._namespace = namespace
        self._keys = Keys(namespace)
        self._limit = backlog
        self._timeout_s = timeout_s
        self._broker = StreamsBroker(url, logger=logging.getLogger("faststream"), graceful_timeout=30)
        self._client: Any = None
        self._owners: list[Owner] = []
        self._tasks: list[asyncio.Task[None]] = []

    def _stream(self, topic: Topic) -> str:
        return self._keys.stream(topic.address(self._namespace))

    async def start(self, stages: Sequence[Stage] = (), follows: Sequence[Follow] = ()) -> None:
        async with reaching_redis():
            await self._broker.connect()
            self._client = self._broker._connection
            self._publish_script = self._client.register_script(PUBLISH_LUA)
            await self._client.ping()
            for stage in stages:
                await declare_group(self._client, self._stream(stage.topic), stage.group)
            for follow in follows:
                await self._follow(follow)
            await self._broker.start()
        self._owners = [Owner(self._broker, self._keys, s, self._namespace, self._limit) for s in stages]
        self._tasks += [asyncio.create_task(owner.run()) for owner in self._owners]
        if stages:
            self._tasks.append(asyncio.create_task(self._trim_for_ever({s.topic for s in stages})))

    async def publish(self, events: Sequence[e.Event]) -> None:
        check_writer(self.room, events)
        flat = entries(events, self._stream)
        async with reaching_redis():
            for at in range(0, len(flat), PUBLISH_AT_ONCE * 3):
                await self._publish_part(flat[at : at + PUBLISH_AT_ONCE * 3])

    async def _publish_part(self, flat: list[Any]) -> None:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        while True:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._publish_script(args=[self._limit, *flat])
                return
            except TimeoutError as error:
                raise Unavailable("Redis did not answer in time") from error
            except ResponseError as error:
                if "FULL" not in str(error):
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    raise Crowded(f"a reader is {self._limit} behind: {error}") from error
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        for owner in self._owners:
            owner.halt()
        for task in self._tasks[len(self._owners) :]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            with contextlib.suppress(TimeoutError, RedisError, OSError):
                async with asyncio.timeout(10):
                    await self._broker.stop()

    def trouble(self) -> str | None:
        stopped = [owner.stopped for owner in self._owners if owner.stopped]
        return stopped[0] if stopped else None

    @property
    def owned(self) -> int:
        """How many of this process's stages it works itself; the others stand by."""
        return sum(owner.owning for owner in self._owners)

    async def ping(self) -> None:
        async with reaching_redis():
            await self._client.ping()

    async def _follow(self, follow: Follow) -> None:
        stream, decoder = self._stream(follow.topic), follow.topic.decoder()
        last = b"0"
        while rows := await self._client.xrange(
            stream, f"({last.decode()}" if last != b"0" else "-", count=1000
        ):
            last = rows[-1][0]
            _apply_rows(follow, decoder, rows)
        self._tasks.insert(0, asyncio.create_task(self._follow_live(follow, decoder, stream, last)))
        self._tasks.append(self._tasks.pop(0))

    async def _follow_live(self, follow: Follow, decoder: Any, stream: str, last: bytes) -> None:
        while True:
            try:
                rows = _rows(await self._client.xread({stream: last}, count=1000, block=POLL_MS))
            except (RedisError, OSError) as error:
                log.warning("following paused", extra={"stream": stream, "why": str(error)})
                await asyncio.sleep(1)
                continue
            if rows:
                last = rows[-1][0]
                _apply_rows(follow, decoder, rows)

    async def replay(self, topic: Topic, take: Callable[[list[e.Event]], Awaitable[None]]) -> int:
        """Hand every kept event of ``topic`` to ``take``, in order, in batches; returns how many there were."""
        stream, decoder, last, seen = self._stream(topic), topic.decoder(), "-", 0
        while True:
            async with reaching_redis():
                rows = await self._client.xrange(stream, last, count=1000)
            if not rows:
                return seen
            last, seen = f"({rows[-1][0].decode()}", seen + len(rows)
            await take([x for _, row in rows if (x := _decoded(decoder, row)) is not None])

    async def lag(self) -> dict[str, int]:
        """Entries not yet acknowledged, by ``stream group``."""
        found: dict[str, int] = {}
        async with reaching_redis():
            for topic in TOPICS:
                stream = self._stream(topic)
                total = int(await self._client.get(f"{stream}:n") or 0)
                for group in await self._client.smembers(f"{stream}:groups"):
                    done = int(await self._client.get(f"{stream}:n:{group.decode()}") or 0)
                    found[f"{topic.name} {group.decode()}"] = total - done
        return found

    async def _trim_for_ever(self, topics: set[Topic]) -> None:
        while True:
            await asyncio.sleep(TRIM_EVERY_S)
            for topic in topics:
                if topic.retention is not None:
                    with contextlib.suppress(RedisError, OSError):
                        await trim(
                            self._client, self._stream(topic), int(topic.retention.total_seconds() * 1000)
                        )


def _decoded(decoder: Any, row: dict[bytes, bytes]) -> e.Event | None:
    try:
        return e.decode(decoder, row.get(b"v"))
    except Exception:
        log.exception("record left out")
        return None


def _apply_rows(follow: Follow, decoder: Any, rows: list[tuple[bytes, Any]]) -> None:
    for _, row in rows:
        event = _decoded(decoder, row)
        if event is not None:
            follow.apply(event)


async def trim(client: Any, stream: str, keep_ms: int) -> int:
    """Drop entries older than ``keep_ms`` that every group has acknowledged; returns how many."""
    groups = await client.xinfo_groups(stream)
    seconds, micros = await client.time()
    low = [(seconds * 1000 + micros // 1000 - keep_ms, 0)]
    for group in groups:
        pending = (await client.xpending(stream, group["name"]))["min"] if group["pending"] else None
        low.append(_entry_id(pending or group["last-delivered-id"]))
    return (
        int(await client.xtrim(stream, minid="{}-{}".format(*min(low)), approximate=False)) if groups else 0
    )


def _entry_id(raw: bytes | str) -> tuple[int, int]:
    text = raw.decode() if isinstance(raw, bytes) else raw
    ms, _, seq = text.partition("-")
    return int(ms), int(seq or 0)
