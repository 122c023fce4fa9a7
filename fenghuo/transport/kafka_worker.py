"""Works one stage on Kafka, on the partitions that the group assigned to this process.

The order of a commit: outputs acknowledged by the broker, then the desk, then the offset. The worker's lock
is held from the first to the last, so a rebalance waits for the batch in progress. A failed batch is rewound
under the same lock, before the backoff: a rewind after a rebalance could undo another process's work.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.message import AckStatus

from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.errors import Transient
from fenghuo.transport.batch_runner import BatchResult, BatchRunner
from fenghuo.transport.kafka_admin import reaching_kafka
from fenghuo.transport.stage import Record, Stage, StageStopped

log = logging.getLogger(__name__)

REBALANCE_S = 60
"""How long the group waits for a member's batch in progress; well above batch_runner.HANDLE_S."""
FETCH_WAIT_MS = 100
"""How long the broker holds a fetch that finds nothing. During a batch of over 0.1 s aiokafka fetches the
idle partitions alone, and the busy one only after that answer: with its default of 500 ms it would stand
still."""
_BACK_OFF_S = 0.1
_LONGEST_BACK_OFF_S = 5.0

Publish = Callable[[Sequence[e.Event]], Awaitable[None]]


class RawCodec:
    """Passes records on undecoded: they are decoded one by one later, so a bad one spoils only itself."""

    async def decode(self, message: Any) -> Any:
        return message

    async def encode(self, message: Any, _serializer: Any = None) -> tuple[bytes, str]:
        return bytes(message), "application/json"

    async def decode_batch(self, message: Any) -> Any:
        return message

    async def encode_batch(self, messages: Any, _serializer: Any = None) -> list[tuple[bytes, str]]:
        return [(bytes(x), "application/json") for x in messages]


class KafkaStageWorker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Works one stage in this process, and makes a rebalance wait for its batch."""

    def __init__(self, stage: Stage, desk: Desk, publish: Publish, timeout_s: float) -> None:
        self.stage = stage
        self._timeout_s = timeout_s
        self._desk = desk
        self._publish = publish
        self._runner = BatchRunner(stage, desk.keys)
        self._working = asyncio.Lock()
        self._rebalancing = False
        self._stopping = asyncio.Event()
        self._back_off_s = _BACK_OFF_S
        self._consumer: Any = None
        self._subscriber: Any = None
        self._committed: dict[TopicPartition, int] = {}
        self.stopped: str | None = None
        """Why the stage stopped for good, or None."""

    def subscribe(self, broker: KafkaBroker, address: str, group: str, session_ms: int) -> None:
        """Read ``address`` from its first record, once the broker starts."""
        self._subscriber = broker.subscriber(
            address,
            group_id=group,
            auto_offset_reset="earliest",
            batch=True,
            max_records=self.stage.batch,
            batch_timeout_ms=10,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            listener=self,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            parser=self._parse,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(1000, session_ms // 5),
            rebalance_timeout_ms=REBALANCE_S * 1000,
        )
        self._subscriber(self._on_batch)

    async def _parse(self, message: Any, _original: Any = None) -> KafkaAckableMessage:
        """Ignore the headers: FastStream's parser fails on one that is no text, and drops the batch."""
        return KafkaAckableMessage(
            raw_message=message, body=b"", consumer=self._subscriber.consumer, correlation_id=""
        )

    def halt(self) -> None:
        """Finish the batch in progress and start no other."""
        self._stopping.set()

    async def wait_idle(self) -> None:
        """Return when no batch is in progress (after ``halt``: for good)."""
        async with self._working:
            return

    async def on_partitions_revoked(self, _revoked: Any) -> None:
        async with self._working:
            self._rebalancing = True
            self.stage.reset_cache()

    async def on_partitions_assigned(self, _assigned: Any) -> None:
        async with self._working:
            self._rebalancing = False
            self.stage.reset_cache()

    async def _on_batch(self, message: Any) -> None:
        """Run one batch in slices; what was not committed is rewound and redelivered after a backoff."""
        message.clear_cache()  # a reference cycle would keep the batch until a garbage collection
        self._consumer, self._committed = message.consumer, {}
        records = [_record(raw) for raw in message.raw_message]
        failure: Exception | None = None
        for part in self._runner.slices(records):
            async with self._working:
                failure = await self._work(part, records)
            if failure is not None:
                break
        message.committed = AckStatus.ACKED  # so that FastStream neither commits nor rewinds
        if failure is not None:
            await self._back_off(failure)

    async def _work(self, part: Sequence[Record], batch: Sequence[Record]) -> Exception | None:
        """Run ``part``; if it fails, rewind the rest of ``batch`` and return the error."""
        try:
            await self._check_assigned(batch)
            self._check_running()
            await self._runner.run(part, self._commit)
        except _Rebalanced as error:
            return error
        except Exception as error:
            self._rewind(batch)
            return error
        self._back_off_s = _BACK_OFF_S
        return None

    async def _commit(self, work: BatchResult) -> None:
        await self._publish(work.events)
        await self._desk.apply(work.changes)
        ends = _ends(work.records)
        async with reaching_kafka(self._timeout_s):  # aiokafka's commit has no timeout
            await self._consumer.commit(ends)
        self._committed |= ends

    async def _check_assigned(self, batch: Sequence[Record]) -> None:
        """Raise _Rebalanced if a rebalance came after ``batch`` was fetched: it is redelivered then."""
        ends, ours = _ends(batch), self._consumer.assignment()
        if self._rebalancing or not ends.keys() <= ours:
            raise _Rebalanced
        try:
            async with asyncio.timeout(1):
                if any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
                    raise _Rebalanced
        except (TimeoutError, IllegalStateError):
            raise _Rebalanced from None

    def _check_running(self) -> None:
        if self._stopping.is_set() or self.stopped:
            raise _Stopping

    def _rewind(self, batch: Sequence[Record]) -> None:
        """Seek to the first uncommitted record of ``batch``."""
        ours = self._consumer.assignment()
        for tp, first in _starts(batch).items():
            if tp in ours:
                self._consumer.seek(tp, max(first, self._committed.get(tp, 0)))

    async def _back_off(self, error: Exception) -> None:
        if isinstance(error, _Rebalanced | _Stopping):
            await self._wait_or_stop(1.0 if self.stopped else 0)
            return
        self.stage.reset_cache()
        extra = {"stage": self.stage.group, "why": e.reason_of(error)}
        if isinstance(error, StageStopped):
            self.stopped = str(error)
            log.critical("stage stopped", extra=extra)
        elif isinstance(error, Transient | KafkaError | OSError):
            log.warning("batch will be retried", extra=extra)
        else:
            log.error("batch failed", exc_info=error, extra=extra)
        await self._wait_or_stop(self._back_off_s)
        self._back_off_s = min(self._back_off_s * 2, _LONGEST_BACK_OFF_S)

    async def _wait_or_stop(self, seconds: float) -> None:
        """Wait, unless the stage is stopping."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


class _Rebalanced(Exception):
    """The batch's partitions were revoked or assigned anew after it was fetched."""


class _Stopping(Exception):
    """The stage starts no more batches."""


def _record(raw: Any) -> Record:
    key = (raw.key or b"").decode("utf-8", "replace")
    return Record(key, raw.value, f"{raw.topic}/{raw.partition}/{raw.offset}")


def _places(records: Iterable[Record]) -> Iterable[tuple[TopicPartition, int]]:
    for record in records:
        topic, partition, offset = record.position.rsplit("/", 2)
        yield TopicPartition(topic, int(partition)), int(offset)


def _ends(records: Iterable[Record]) -> dict[TopicPartition, int]:
    """The offset after the last of ``records``, for each partition."""
    return {tp: offset + 1 for tp, offset in _places(records)}


def _starts(records: Sequence[Record]) -> dict[TopicPartition, int]:
    """The offset of the first of ``records``, for each partition."""
    return dict(_places(reversed(records)))
