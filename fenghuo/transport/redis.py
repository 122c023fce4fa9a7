"""Events over Redis Streams, on FastStream's RedisBroker: the embedded default.

FastStream provides the subscriber and its loop. Its acknowledgement on streams gives none of our guarantees
(a nack sends nothing, entries left pending by a kill are never redelivered, one bad record blocks its batch),
so three things replace it:

- ``PendingFirst`` (redis_streams) reads the pending entries, in order, before any new one;
- ``Lease`` (stage_lease) lets one process work a (stage, stream); others stand by and take over;
- one script (redis_lua) commits a batch atomically: it checks the lease, refuses when a reader is too far
  behind, changes the desk, adds the outputs, acknowledges.

Retention: a topic with a retention is trimmed by time, but keeps what a group has not acknowledged. A
compacted topic is kept whole, so its followers read every version (Kafka drops the older ones).
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError, ResponseError

from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain import events as e
from fenghuo.errors import Crowded, Unavailable
from fenghuo.topics import TOPICS, Topic
from fenghuo.transport.batch_runner import HANDLE_S
from fenghuo.transport.redis_lua import PUBLISH_LUA
from fenghuo.transport.redis_streams import PAGE, StreamsBroker, declare_group, entries_of, pages, trim
from fenghuo.transport.redis_worker import POLL_MS, RedisStageWorker, entries
from fenghuo.transport.stage import ApplyEvents, Follow, Follower, Stage, check_writer, decode_all, end_tasks

log = logging.getLogger(__name__)

PUBLISH_AT_ONCE = 500
PUBLISHERS = 32
"""Concurrent calls of ``publish``; the others wait."""
TRIM_EVERY_S = 60.0
CLOSE_S = 5
"""How long the connections may take to close; everything accepted has been stored before."""


class RedisTransport:
    """The embedded transport: streams beside the desk in one Redis. Raises Unavailable while it is down.

    ``backlog``: the lag of a reader at which its writers are throttled; then ``publish`` waits up to
    ``timeout_s`` and raises Crowded, and a stage retries its batch.
    """

    def __init__(
        self, url: str, *, room: str, namespace: str, backlog: int = 50_000, timeout_s: float = 5
    ) -> None:
        self.room = room
        self._url = url
        self._namespace = namespace
        self._keys = Keys(namespace)
        self._limit = backlog
        self._timeout_s = timeout_s
        self._broker: StreamsBroker | None = None
        self._client: Any = None
        self._publishing = asyncio.Semaphore(PUBLISHERS)
        self._workers: list[RedisStageWorker] = []
        self._running: list[asyncio.Task[None]] = []
        self._background: list[asyncio.Task[None]] = []

    def _stream(self, topic: Topic) -> str:
        return self._keys.stream(topic.address(self._namespace))

    async def start(self, stages: Sequence[Stage] = (), follows: Sequence[Follow] = ()) -> None:
        self._broker = broker = StreamsBroker(self._url, graceful_s=HANDLE_S + 5)
        async with reaching_redis():
            client: Any = await broker.connect()
            await client.ping()
            for stage in stages:
                await declare_group(client, self._stream(stage.topic), stage.group)
            self._publish_script = client.register_script(PUBLISH_LUA)
            self._client = client
            for follow in follows:
                await self._follow(follow)
        self._workers = [
            RedisStageWorker(broker, self._keys, stage, self._stream, self._limit) for stage in stages
        ]
        self._running = [asyncio.create_task(worker.run()) for worker in self._workers]
        if stages:
            self._background.append(asyncio.create_task(self._trim_for_ever()))

    async def publish(self, events: Sequence[e.Event]) -> None:
        check_writer(self.room, events)
        self._need_client()
        flat = entries(events, self._stream)
        async with reaching_redis():
            for at in range(0, len(flat), PUBLISH_AT_ONCE * 3):
                await self._publish_part(flat[at : at + PUBLISH_AT_ONCE * 3])

    async def _publish_part(self, flat: list[str | bytes]) -> None:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        while True:
            try:
                async with asyncio.timeout_at(deadline), self._publishing:
                    await self._publish_script(args=[self._limit, *flat])
                return
            except TimeoutError as error:
                raise Unavailable(f"Redis did not answer within {self._timeout_s:g} s") from error
            except ResponseError as error:
                if not str(error).startswith("FULL"):
                    raise
                if asyncio.get_running_loop().time() + 0.05 >= deadline:
                    raise Crowded(f"a reader is {self._limit} behind: {error}") from error
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        for worker in self._workers:
            worker.halt()
        await asyncio.gather(end_tasks(self._background), *self._running, return_exceptions=True)
        self._workers, self._running, self._background, self._client = [], [], [], None
        if self._broker is not None:
            with contextlib.suppress(TimeoutError, RedisError, OSError):
                async with asyncio.timeout(CLOSE_S):
                    await self._broker.stop()
            self._broker = None

    def health_problem(self) -> str | None:
        stopped = [worker.stopped for worker in self._workers if worker.stopped]
        if stopped:
            return stopped[0]
        return (
            "a task of the transport ended"
            if any(x.done() for x in self._running + self._background)
            else None
        )

    @property
    def owned(self) -> int:
        """How many stages this process works itself; for the others it stands by."""
        return sum(worker.owned for worker in self._workers)

    async def ping(self) -> None:
        self._need_client()
        try:
            async with reaching_redis(), asyncio.timeout(self._timeout_s):
                await self._client.ping()
        except TimeoutError as error:
            raise Unavailable(f"Redis did not answer within {self._timeout_s:g} s") from error

    def _need_client(self) -> None:
        if self._client is None:
            raise Unavailable("the transport has not reached Redis yet")

    async def _follow(self, follow: Follow) -> None:
        stream, follower, last = self._stream(follow.topic), Follower(follow), b"0"
        async for page in pages(self._client, stream):
            await follower.take(fields.get(b"v") for _, fields in page)
            last = page[-1][0]
        self._background.append(asyncio.create_task(self._follow_live(follower, stream, last)))

    async def _follow_live(self, follower: Follower, stream: str, last: bytes) -> None:
        while True:
            try:
                reply = await self._client.xread({stream: last}, count=PAGE, block=POLL_MS)
            except (RedisError, OSError) as error:
                log.warning("following paused", extra={"stream": stream, "why": str(error)})
                await asyncio.sleep(1)
                continue
            if page := entries_of(reply):
                last = page[-1][0]
                await follower.take(fields.get(b"v") for _, fields in page)

    async def replay(self, topic: Topic, take: ApplyEvents) -> int:
        self._need_client()
        decoder, seen = topic.decoder(), 0
        async with reaching_redis():
            async for page in pages(self._client, self._stream(topic)):
                events = decode_all(decoder, [fields.get(b"v") for _, fields in page])
                seen += len(events)
                await take(events)
        return seen

    async def lag(self) -> dict[str, int]:
        self._need_client()
        found: dict[str, int] = {}
        async with reaching_redis():
            for topic in TOPICS:
                stream = self._stream(topic)
                total = int(await self._client.get(f"{stream}:n") or 0)
                for group in await self._client.smembers(f"{stream}:groups"):
                    done = int(await self._client.get(f"{stream}:n:{group.decode()}") or 0)
                    found[f"{topic.name} {group.decode()}"] = total - done
        return found

    async def _trim_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TRIM_EVERY_S)
            for topic in TOPICS:
                if topic.retention is not None and not topic.compact:
                    kept_ms = int(topic.retention.total_seconds() * 1000)
                    try:
                        await trim(self._client, self._stream(topic), kept_ms)
                    except (RedisError, OSError) as error:
                        log.warning("not trimmed", extra={"topic": topic.name, "why": str(error)})
