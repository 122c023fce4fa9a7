"""Events over Apache Kafka, on FastStream's KafkaBroker (aiokafka): for a district and beyond.

The order of a commit: outputs acknowledged by the broker, then the desk, then the offset. A crash in between
repeats the batch; ids are derived from the input's and desk changes are safe to repeat, so a repeat changes
nothing. A raising handler rewinds the batch (NACK_ON_ERROR); MANUAL would let the next ack commit past it.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from fenghuo import events as e
from fenghuo.errors import Transient, Unavailable
from fenghuo.stores.desk import Desk
from fenghuo.topics import TOPICS, Topic, topic_of
from fenghuo.transport.pipeline import Follow, Record, Stage, StageStopped, Workbench, check_writer

log = logging.getLogger(__name__)

HANDLE_S = 25
"""A batch that takes longer is given back; well below the rebalance timeout."""
REBALANCE_S = 60
PUBLISH_AT_ONCE = 500


class RawCodec:
    """Hands records over as they came: decoding is done per record by the stage, so that one bad one is one."""

    async def decode(self, message: Any) -> Any:
        return message.raw_message

    async def encode(self, message: Any, _serializer: Any = None) -> tuple[bytes, str]:
        return bytes(message), "application/json"

    async def decode_batch(self, message: Any) -> Any:
        return message

    async def encode_batch(self, messages: Any, _serializer: Any = None) -> list[tuple[bytes, str]]:
        return [(bytes(x), "application/json") for x in messages]


class Drain(ConsumerRebalanceListener):  # type: ignore[misc]
    """Lets the batch under way finish before its partitions go to another process; forgets after they came."""

    def __init__(self, busy: asyncio.Lock, forget: Callable[[], None]) -> None:
        self._busy = busy
        self._forget = forget

    async def on_partitions_revoked(self, _revoked: Any) -> None:
        async with self._busy:
            self._forget()

    async def on_partitions_assigned(self, _assigned: Any) -> None:
        self._forget()


class Reader:
    """Works one stage in this process, on the partitions the group gives it."""

    def __init__(self, transport: "KafkaTransport", stage: Stage) -> None:
        self._transport = transport
        self._stage = stage
        self._bench = Workbench(stage, transport.desk.keys)
        self.busy = asyncio.Lock()
        self._delay_s = 0.1
        self.stopped: str | None = None

    async def handle(self, message: Any) -> None:
        """One batch: work, publish, desk, ack; or back off and let it come again."""
        if self.stopped:
            await asyncio.sleep(5)
            raise StageStopped(self.stopped)
        try:
            async with self.busy, asyncio.timeout(HANDLE_S):
                records = [_record(x) for x in message.raw_message]
                events, changes = await self._bench.work(records)
                await self._transport.publish(events)
                await self._transport.desk.apply(changes)
                await message.ack()
            self._delay_s = 0.1
        except Exception as error:
            await self._step_back(error)
            raise

    async def _step_back(self, error: Exception) -> None:
        self._stage.forget()
        extra = {"stage": self._stage.group, "why": e.reason_of(error)}
        if isinstance(error, StageStopped):
            self.stopped = str(error)
            log.critical("stage stopped", extra=extra)
        elif isinstance(error, Transient | KafkaError | TimeoutError):
            log.warning("batch to be tried again", extra=extra)
        else:
            log.error("batch failed", exc_info=error, extra=extra)
        await asyncio.sleep(self._delay_s)
        self._delay_s = min(self._delay_s * 2, 5.0)


def _record(raw: Any) -> Record:
    key = (raw.key or b"").decode("utf-8", "replace")
    return Record(key, raw.value, f"{raw.topic}/{raw.partition}/{raw.offset}")


class KafkaTransport:
    """The district's transport. ``desk`` is changed within each commit. Raises Unavailable while it is away."""

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
        self._producer: Any = None
        self._broker: Any = None
        self._readers: list[Reader] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, stages: Sequence[Stage] = (), follows: Sequence[Follow] = ()) -> None:
        async with _reaching_kafka():
            await provision(self._servers, self._namespace, self._replication)
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._servers, enable_idempotence=True, acks="all",
                compression_type="zstd", max_batch_size=131_072, linger_ms=0, request_timeout_ms=10_000,
            )  # fmt: skip
            await self._producer.start()
            for follow in follows:
                await self._follow(follow)
            await self._start_stages(stages)

    async def _start_stages(self, stages: Sequence[Stage]) -> None:
        if not stages:
            return
        self._broker = KafkaBroker(
            self._servers.split(","), apply_types=False, serializer=None, codec=RawCodec(),
            logger=logging.getLogger("faststream"), graceful_timeout=30, allow_auto_create_topics=False,
        )  # fmt: skip
        for stage in stages:
            self._subscribe(stage)
        await self._broker.start()

    def _subscribe(self, stage: Stage) -> None:
        reader = Reader(self, stage)
        self._readers.append(reader)
        self._broker.subscriber(
            stage.topic.address(self._namespace),
            group_id=f"{self._namespace}.{stage.group}",
            auto_offset_reset="earliest",
            batch=True,
            max_records=stage.batch,
            batch_timeout_ms=10,
            listener=Drain(reader.busy, stage.forget),
            ack_policy=AckPolicy.NACK_ON_ERROR,
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=max(1000, self._session_ms // 5),
            rebalance_timeout_ms=REBALANCE_S * 1000,
        )(reader.handle)

    async def publish(self, events: Sequence[e.Event]) -> None:
        check_writer(self.room, events)
        for at in range(0, len(events), PUBLISH_AT_ONCE):
            await self._publish_part(events[at : at + PUBLISH_AT_ONCE])

    async def _publish_part(self, events: Sequence[e.Event]) -> None:
        try:
            async with _reaching_kafka(), asyncio.timeout(self._timeout_s):
                await asyncio.gather(*[await self._send(event) for event in events])
        except TimeoutError as error:
            raise Unavailable(f"Kafka did not acknowledge within {self._timeout_s:g} s") from error

    async def _send(self, event: e.Event) -> Awaitable[Any]:
        topic = topic_of(event)
        sent: Awaitable[Any] = await self._producer.send(
            topic.address(self._namespace), e.encode(event), key=topic.key(event).encode()
        )
        return sent

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for part, limit_s in ((self._broker, 35), (self._producer, 10)):
            if part is not None:
                with contextlib.suppress(TimeoutError, KafkaError):
                    async with asyncio.timeout(limit_s):
                        await part.stop()

    def trouble(self) -> str | None:
        stopped = [reader.stopped for reader in self._readers if reader.stopped]
        return stopped[0] if stopped else None

    async def ping(self) -> None:
        async with _reaching_kafka(), asyncio.timeout(self._timeout_s):
            await self._producer.client.fetch_all_metadata()

    async def _follow(self, follow: Follow) -> None:
        consumer, end = await self._from_the_start(follow.topic)
        partition = next(iter(end))
        decoder = follow.topic.decoder()
        while await consumer.position(partition) < end[partition]:
            _apply(follow, decoder, await consumer.getmany(timeout_ms=500))
        self._tasks.append(asyncio.create_task(self._follow_live(follow, decoder, consumer)))

    async def _follow_live(self, follow: Follow, decoder: Any, consumer: Any) -> None:
        try:
            while True:
                try:
                    _apply(follow, decoder, await consumer.getmany(timeout_ms=500))
                except KafkaError as error:
                    log.warning("following paused", extra={"topic": follow.topic.name, "why": str(error)})
                    await asyncio.sleep(1)
        finally:
            await consumer.stop()

    async def _from_the_start(self, topic: Topic) -> tuple[Any, dict[TopicPartition, int]]:
        """A consumer at the start of all partitions of ``topic``, and the offsets where they now end."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)
        await consumer.start()
        address = topic.address(self._namespace)
        parts = [TopicPartition(address, n) for n in range(topic.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        return consumer, dict(await consumer.end_offsets(parts))

    async def replay(self, topic: Topic, take: Callable[[list[e.Event]], Awaitable[None]]) -> int:
        """Hand every kept event of ``topic`` to ``take``, in order per key; returns how many there were."""
        async with _reaching_kafka():
            consumer, end = await self._from_the_start(topic)
            decoder, seen = topic.decoder(), 0
            try:
                while [tp for tp in end if await consumer.position(tp) < end[tp]]:
                    for records in (await consumer.getmany(timeout_ms=500)).values():
                        events = [x for r in records if (x := _decoded(decoder, r.value)) is not None]
                        seen += len(events)
                        await take(events)
            finally:
                await consumer.stop()
            return seen


def _decoded(decoder: Any, value: bytes | None) -> e.Event | None:
    try:
        return e.decode(decoder, value)
    except Exception:
        log.exception("record left out")
        return None


def _apply(follow: Follow, decoder: Any, batches: dict[TopicPartition, list[Any]]) -> None:
    for records in batches.values():
        for record in records:
            event = _decoded(decoder, record.value)
            if event is not None:
                follow.apply(event)


@asynccontextmanager
async def _reaching_kafka() -> AsyncIterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise Unavailable(f"Kafka does not answer: {e.reason_of(error)}") from error


async def provision(servers: str, namespace: str, replication: int) -> None:
    """Create every topic of the registry with its partitions and retention; existing ones stay as they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        wanted = [
            NewTopic(topic.address(namespace), topic.partitions, replication, topic_configs=_configs(topic))
            for topic in TOPICS
        ]
        reply = await admin.create_topics(wanted)
        for name, code, *rest in reply.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name}: {rest}")
    finally:
        await admin.close()


def _configs(topic: Topic) -> dict[str, str]:
    if topic.compact:
        return {"cleanup.policy": "compact"}
    kept = -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)
    return {"cleanup.policy": "delete", "retention.ms": str(kept)}
