"""Events over Apache Kafka, on FastStream's KafkaBroker (aiokafka): for a district and beyond.

- ``KafkaStageWorker`` (kafka_worker) works a stage; the processes share the group's partitions.
- ``provision`` and ``WholeTopic`` (kafka_admin) create the topics and read whole ones.

After a crash, uncommitted records are redelivered. That is idempotent: ids are derived from the input's, and
changes to the desk are versioned. Not covered: a record that kills its process each time kills every process
that gets its partition (on Redis it becomes a dead letter); a person must move the group's offset past it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from faststream.kafka import KafkaBroker

from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.errors import Unavailable
from fenghuo.topics import Topic, topic_of
from fenghuo.transport.batch_runner import HANDLE_S
from fenghuo.transport.kafka_admin import PROVISION_S, WholeTopic, group_lags, provision, reaching_kafka
from fenghuo.transport.kafka_worker import KafkaStageWorker, RawCodec
from fenghuo.transport.linger import Linger
from fenghuo.transport.stage import ApplyEvents, Follow, Follower, Stage, check_writer, decode_all, end_tasks

log = logging.getLogger(__name__)

PUBLISH_AT_ONCE = 500
BATCH_FROM = 50
"""From this many events on, the caller builds its own producer batches."""
LINGER_S = 0.05
"""Linger between two publishing requests of a room. Each request costs CPU here, in the broker and in every
later stage, whose batches arrive as they were sent."""
LARGEST_BYTES = 8 * 1024 * 1024
"""Size limit of an event before compression: a frozen audience has some 25 bytes for each group. The broker's
own limit (1 MB) applies after compression, to about a third of that."""
_PARTITIONER = DefaultPartitioner()
"""The same as the producer's."""
CLOSE_S = 4
"""How long a client may take to close; everything accepted has been acknowledged before."""


class KafkaTransport:
    """Kafka as the transport; each commit changes ``desk`` too. Raises Unavailable while Kafka is down."""

    def __init__(
        self,
        servers: str,
        *,
        room: str,
        namespace: str,
        desk: Desk,
        timeout_s: float = 5,
        session_s: float = 15,
        replication: int = 1,
    ) -> None:
        self.room = room
        self.desk = desk
        self._servers = servers
        self._namespace = namespace
        self._timeout_s = timeout_s
        self._session_ms = int(session_s * 1000)
        self._replication = replication
        self._linger = Linger(LINGER_S)
        self._producer: Any = None
        self._broker: KafkaBroker | None = None
        self._workers: list[KafkaStageWorker] = []
        self._followers: list[asyncio.Task[None]] = []

    async def start(self, stages: Sequence[Stage] = (), follows: Sequence[Follow] = ()) -> None:
        async with reaching_kafka(PROVISION_S):
            await provision(self._servers, self._namespace, self._replication)
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers, enable_idempotence=True, acks="all",
                compression_type="zstd", max_batch_size=131_072, linger_ms=0, request_timeout_ms=10_000,
                max_request_size=LARGEST_BYTES,
            )  # fmt: skip
            self._producer = producer
            await producer.start()
        async with reaching_kafka():
            for follow in follows:
                await self._follow(follow)
        if stages:
            async with reaching_kafka(PROVISION_S):
                await self._start_stages(stages)

    async def _start_stages(self, stages: Sequence[Stage]) -> None:
        self._broker = KafkaBroker(
            self._servers.split(","), apply_types=False, serializer=None, codec=RawCodec(),
            logger=logging.getLogger("transport.faststream"), graceful_timeout=HANDLE_S + 5,
            allow_auto_create_topics=False, consumer_only=True,
        )  # fmt: skip
        for stage in stages:
            worker = KafkaStageWorker(stage, self.desk, self._publish_now, self._timeout_s)
            address = stage.topic.address(self._namespace)
            worker.subscribe(self._broker, address, self._group(stage.group), self._session_ms)
            self._workers.append(worker)
        await self._broker.start()

    def _group(self, name: str) -> str:
        return f"{self._namespace}.{name}"

    async def publish(self, events: Sequence[e.Event]) -> None:
        check_writer(self.room, events)
        await self._linger.pause()
        await self._publish_now(events)

    async def _publish_now(self, events: Sequence[e.Event]) -> None:
        """Publish without linger; stages use it, as their batches bundle events already."""
        self._need_producer()
        for at in range(0, len(events), PUBLISH_AT_ONCE):
            async with reaching_kafka(self._timeout_s):
                await self._publish_part(events[at : at + PUBLISH_AT_ONCE])

    async def _publish_part(self, events: Sequence[e.Event]) -> None:
        sent: list[asyncio.Future[Any]] = []
        try:
            if len(events) < BATCH_FROM:
                for event in events:
                    topic = topic_of(event)
                    address, key = topic.address(self._namespace), topic.key(event).encode()
                    sent.append(await self._producer.send(address, e.encode(event), key=key))
            else:
                await self._send_batches(events, sent)
            if sent:
                done, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_EXCEPTION)
                for future in done:
                    future.result()
        finally:
            for future in sent:
                future.add_done_callback(_retrieve_exception)

    async def _send_batches(self, events: Sequence[e.Event], sent: list[asyncio.Future[Any]]) -> None:
        """Publish in producer batches that we build: half the time, and one future for a whole batch. Only
        for many events: a batch waits until the previous one of its partition was sent, and takes no
        others."""
        whole: dict[str, list[int]] = {}
        split: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
        for event in events:
            topic = topic_of(event)
            address, key, value = topic.address(self._namespace), topic.key(event).encode(), e.encode(event)
            if len(key) + len(value) > LARGEST_BYTES:
                raise MessageSizeTooLargeError(f"an event of {len(value)} bytes for {address}")
            if address not in whole:
                whole[address] = sorted(await self._producer.partitions_for(address))
            partition = _PARTITIONER(key, whole[address], whole[address])
            split.setdefault((address, partition), []).append((key, value))
        for (address, partition), records in split.items():
            batch = self._producer.create_batch()
            for key, value in records:
                if batch.append(key=key, value=value, timestamp=None) is None:  # the batch is full
                    sent.append(await self._producer.send_batch(batch, address, partition=partition))
                    batch = self._producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            sent.append(await self._producer.send_batch(batch, address, partition=partition))

    async def stop(self) -> None:
        for worker in self._workers:
            worker.halt()
        await end_tasks(self._followers)
        await _close_in_time(HANDLE_S + 5, asyncio.gather(*[worker.wait_idle() for worker in self._workers]))
        if self._broker is not None:
            await _close_in_time(CLOSE_S, self._broker.stop())
        if self._producer is not None and not await _close_in_time(CLOSE_S, self._producer.stop()):
            await _close_in_time(CLOSE_S, _abandon(self._producer))
        self._broker, self._producer, self._workers, self._followers = None, None, [], []

    def health_problem(self) -> str | None:
        stopped = [worker.stopped for worker in self._workers if worker.stopped]
        if stopped:
            return stopped[0]
        return "following a topic ended" if any(task.done() for task in self._followers) else None

    async def ping(self) -> None:
        self._need_producer()
        async with reaching_kafka(self._timeout_s):
            await self._producer.client.fetch_all_metadata()

    def _need_producer(self) -> None:
        if self._producer is None:
            raise Unavailable("the transport has not reached Kafka yet")

    async def _follow(self, follow: Follow) -> None:
        whole = WholeTopic(self._servers, follow.topic.address(self._namespace))
        follower = Follower(follow)
        try:
            await whole.open()
            async for values in whole.until_end():
                await follower.take(values)
        except BaseException:
            await whole.close()
            raise
        self._followers.append(asyncio.create_task(_follow_live(follower, whole)))

    async def replay(self, topic: Topic, take: ApplyEvents) -> int:
        self._need_producer()
        seen, decoder = 0, topic.decoder()
        async with reaching_kafka():
            async for values in self._values(topic):
                events = decode_all(decoder, values)
                seen += len(events)
                await take(events)
        return seen

    async def _values(self, topic: Topic) -> AsyncIterator[list[bytes | None]]:
        whole = WholeTopic(self._servers, topic.address(self._namespace))
        try:
            await whole.open()
            async for values in whole.until_end():
                yield values
        finally:
            await whole.close()

    async def lag(self) -> dict[str, int]:
        self._need_producer()
        async with reaching_kafka(PROVISION_S):
            return await group_lags(self._servers, self._namespace)


def _retrieve_exception(future: asyncio.Future[Any]) -> None:
    """Mark the exception as retrieved: the caller knows it, or no longer waits for it."""
    if not future.cancelled():
        future.exception()


async def _follow_live(follower: Follower, whole: WholeTopic) -> None:
    try:
        while True:
            try:
                async for values in whole.live():
                    await follower.take(values)
            except KafkaError as error:
                log.warning("following paused", extra={"topic": follower.topic.name, "why": str(error)})
                await asyncio.sleep(1)
    finally:
        await _close_in_time(CLOSE_S, whole.close())


async def _close_in_time(seconds: float, closing: Any) -> bool:
    """Await ``closing`` and log its failure; False if it did not end in time."""
    try:
        async with asyncio.timeout(seconds):
            await closing
    except TimeoutError:
        log.warning("a Kafka client did not close in time", extra={"seconds": seconds})
        return False
    except Exception as error:
        log.warning("a Kafka client did not close well", extra={"why": e.reason_of(error)})
    return True


async def _abandon(producer: Any) -> None:
    """Close a producer while the broker is down; an idempotent one would wait for it for ever.

    Its connections are closed first: that ends the requests that its sender waits for.
    """
    await producer.client.close()
    await producer._sender.close()
