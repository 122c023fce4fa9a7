"""Events over Apache Kafka, on FastStream's KafkaBroker (aiokafka): for a district and beyond.

- ``KafkaReader`` (kafka_reader) works a stage; the group's partitions are shared among the processes.
- ``provision`` and ``WholeTopic`` (kafka_topics) make the topics and read them whole.

A crash repeats what was not committed; ids are derived from the input's and changes to the desk are safe to
repeat, so a repeat changes nothing. Not covered: a record that kills its process each time keeps killing the
one that has its partition (on Redis it becomes a dead letter); a person must move the group's offset past it.
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
from fenghuo.transport.kafka_topics import PROVISION_S, WholeTopic, group_lags, provision, reaching_kafka
from fenghuo.transport.kafka_worker import KafkaReader, RawCodec
from fenghuo.transport.linger import Linger
from fenghuo.transport.stage import Follow, Following, Stage, Take, check_writer, decode_all, end_tasks

log = logging.getLogger(__name__)

PUBLISH_AT_ONCE = 500
BATCH_FROM = 50
"""So many events make batches of their own."""
BEAT_S = 0.05
"""What a room publishes closer than this behind something else goes out with what else waits: each request
costs CPU on both sides, and again in every stage behind, whose batches come as they were sent."""
LARGEST_BYTES = 8 * 1024 * 1024
"""Of an event before compression: a frozen audience has some 25 for each group. The broker's own limit (1 MB)
is on what is left of it, a third or so."""
_PARTITIONER = DefaultPartitioner()
"""The producer's own."""
GOODBYE_S = 4
"""How long a client may take to close; all that was promised is acknowledged before."""


class KafkaTransport:
    """The district's transport; ``desk`` is changed within each commit. Raises Unavailable while away."""

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
        self._beat = Linger(BEAT_S)
        self._producer: Any = None
        self._broker: KafkaBroker | None = None
        self._readers: list[KafkaReader] = []
        self._following: list[asyncio.Task[None]] = []

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
            reader = KafkaReader(stage, self.desk, self._publish_now, self._timeout_s)
            address = stage.topic.address(self._namespace)
            reader.subscribe(self._broker, address, self._group(stage.group), self._session_ms)
            self._readers.append(reader)
        await self._broker.start()

    def _group(self, name: str) -> str:
        return f"{self._namespace}.{name}"

    async def publish(self, events: Sequence[e.Event]) -> None:
        check_writer(self.room, events)
        await self._beat.pause()
        await self._publish_now(events)

    async def _publish_now(self, events: Sequence[e.Event]) -> None:
        """For stages too, whose batches keep their own time."""
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
                future.add_done_callback(_heard)

    async def _send_batches(self, events: Sequence[e.Event], sent: list[asyncio.Future[Any]]) -> None:
        """The same in batches of our own: half the time, and one future for all of a batch. Only for many: a
        batch waits until the one before it has left its partition, and takes nothing of others."""
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
                if batch.append(key=key, value=value, timestamp=None) is None:  # it is full
                    sent.append(await self._producer.send_batch(batch, address, partition=partition))
                    batch = self._producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            sent.append(await self._producer.send_batch(batch, address, partition=partition))

    async def stop(self) -> None:
        for reader in self._readers:
            reader.halt()
        await end_tasks(self._following)
        await _within(HANDLE_S + 5, asyncio.gather(*[reader.drained() for reader in self._readers]))
        if self._broker is not None:
            await _within(GOODBYE_S, self._broker.stop())
        if self._producer is not None and not await _within(GOODBYE_S, self._producer.stop()):
            await _within(GOODBYE_S, _abandon(self._producer))
        self._broker, self._producer, self._readers, self._following = None, None, [], []

    def health_problem(self) -> str | None:
        stopped = [reader.stopped for reader in self._readers if reader.stopped]
        if stopped:
            return stopped[0]
        return "following a topic ended" if any(task.done() for task in self._following) else None

    async def ping(self) -> None:
        self._need_producer()
        async with reaching_kafka(self._timeout_s):
            await self._producer.client.fetch_all_metadata()

    def _need_producer(self) -> None:
        if self._producer is None:
            raise Unavailable("the transport has not reached Kafka yet")

    async def _follow(self, follow: Follow) -> None:
        whole = WholeTopic(self._servers, follow.topic.address(self._namespace))
        following = Following(follow)
        try:
            await whole.open()
            async for values in whole.until_end():
                await following.take(values)
        except BaseException:
            await whole.close()
            raise
        self._following.append(asyncio.create_task(_follow_live(following, whole)))

    async def replay(self, topic: Topic, take: Take) -> int:
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


def _heard(future: asyncio.Future[Any]) -> None:
    """What becomes of it is known, or nobody waits for it any more."""
    if not future.cancelled():
        future.exception()


async def _follow_live(following: Following, whole: WholeTopic) -> None:
    try:
        while True:
            try:
                async for values in whole.live():
                    await following.take(values)
            except KafkaError as error:
                log.warning("following paused", extra={"topic": following.topic.name, "why": str(error)})
                await asyncio.sleep(1)
    finally:
        await _within(GOODBYE_S, whole.close())


async def _within(seconds: float, goodbye: Any) -> bool:
    """Whether ``goodbye`` came to its end in time, for better or worse."""
    try:
        async with asyncio.timeout(seconds):
            await goodbye
    except TimeoutError:
        log.warning("Kafka was left without a proper goodbye", extra={"seconds": seconds})
        return False
    except Exception as error:
        log.warning("a Kafka client did not close well", extra={"why": e.reason_of(error)})
    return True


async def _abandon(producer: Any) -> None:
    """Close a producer that still waits for a broker that is away: an idempotent one would wait for ever.

    Its connections go first: that ends the requests which its sender waits for.
    """
    await producer.client.close()
    await producer._sender.close()
