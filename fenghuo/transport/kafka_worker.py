"""Works one stage on Kafka, on the partitions that its group gives to this process.

The order of a commit: outputs acknowledged by the broker, then the desk, then the offset. The reader's lock
is held from the first to the last, so that a rebalance waits for the work under way. What fails is rewound in
the same lock, and only then does the reader back off: a rewind after a rebalance could undo another's work.
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
from fenghuo.transport.kafka_topics import reaching_kafka
from fenghuo.transport.stage import Record, Stage, StageStopped

log = logging.getLogger(__name__)

REBALANCE_S = 60
"""How long the group waits for a member's work under way; well above workbench.HANDLE_S."""
FETCH_WAIT_MS = 100
"""How long the broker holds a fetch that finds nothing. During work of over 0.1 s aiokafka asks for the idle
partitions alone, and for the busy one only once that is answered: its own 500 ms would all be standstill."""
_BACK_OFF_S = 0.1
_LONGEST_BACK_OFF_S = 5.0

Publish = Callable[[Sequence[e.Event]], Awaitable[None]]


class RawCodec:
    """Hands records over as they came: they are decoded one by one later, so that one bad one is one."""

    async def decode(self, message: Any) -> Any:
        return message

    async def encode(self, message: Any, _serializer: Any = None) -> tuple[bytes, str]:
        return bytes(message), "application/json"

    async def decode_batch(self, message: Any) -> Any:
        return message

    async def encode_batch(self, messages: Any, _serializer: Any = None) -> list[tuple[bytes, str]]:
        return [(bytes(x), "application/json") for x in messages]


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """Works one stage in this process, and lets a rebalance wait for it."""

    def __init__(self, stage: Stage, desk: Desk, publish: Publish, timeout_s: float) -> None:
        self.stage = stage
        self._timeout_s = timeout_s
        self._desk = desk
        self._publish = publish
        self._bench = BatchRunner(stage, desk.keys)
        self._busy = asyncio.Lock()
        self._between = False
        self._leave = asyncio.Event()
        self._back_off_s = _BACK_OFF_S
        self._consumer: Any = None
        self._subscriber: Any = None
        self._done: dict[TopicPartition, int] = {}
        self.stopped: str | None = None
        """Why the stage stopped for good, if it did."""

    def subscribe(self, broker: KafkaBroker, address: str, group: str, session_ms: int) -> None:
        """Read ``address`` from its very first record, once the broker starts."""
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
        """No look at the headers: FastStream's parser fails on one that is no text, and drops the batch."""
        return KafkaAckableMessage(
            raw_message=message, body=b"", consumer=self._subscriber.consumer, correlation_id=""
        )

    def halt(self) -> None:
        """Finish the work under way and begin no other."""
        self._leave.set()

    async def drained(self) -> None:
        """Return when no work is under way (after ``halt``: for good)."""
        async with self._busy:
            return

    async def on_partitions_revoked(self, _revoked: Any) -> None:
        async with self._busy:
            self._between = True
            self.stage.reset_cache()

    async def on_partitions_assigned(self, _assigned: Any) -> None:
        async with self._busy:
            self._between = False
            self.stage.reset_cache()

    async def _on_batch(self, message: Any) -> None:
        """One batch, in parts; what could not be committed is rewound and comes again, after a while."""
        message.clear_cache()  # it holds itself: a batch would stay until the collector comes by
        self._consumer, self._done = message.consumer, {}
        records = [_record(raw) for raw in message.raw_message]
        failure: Exception | None = None
        for part in self._bench.parts(records):
            async with self._busy:
                failure = await self._work(part, records)
            if failure is not None:
                break
        message.committed = AckStatus.ACKED  # FastStream has nothing left to commit or to rewind
        if failure is not None:
            await self._step_back(failure)

    async def _work(self, part: Sequence[Record], batch: Sequence[Record]) -> Exception | None:
        """What went wrong, the rest of ``batch`` being rewound then."""
        try:
            await self._check_ours(batch)
            self._check_going_on()
            await self._bench.work(part, self._commit)
        except _NotOurs as error:
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
        async with reaching_kafka(self._timeout_s):  # aiokafka's own commit would wait for ever
            await self._consumer.commit(ends)
        self._done |= ends

    async def _check_ours(self, batch: Sequence[Record]) -> None:
        """Raise _NotOurs if a rebalance came after ``batch`` was read: then it is read again."""
        ends, ours = _ends(batch), self._consumer.assignment()
        if self._between or not ends.keys() <= ours:
            raise _NotOurs
        try:
            async with asyncio.timeout(1):
                if any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
                    raise _NotOurs
        except (TimeoutError, IllegalStateError):
            raise _NotOurs from None

    def _check_going_on(self) -> None:
        if self._leave.is_set() or self.stopped:
            raise _Leaving

    def _rewind(self, batch: Sequence[Record]) -> None:
        """Make what is not committed of ``batch`` come again."""
        ours = self._consumer.assignment()
        for tp, first in _starts(batch).items():
            if tp in ours:
                self._consumer.seek(tp, max(first, self._done.get(tp, 0)))

    async def _step_back(self, error: Exception) -> None:
        if isinstance(error, _NotOurs | _Leaving):
            await self._rest(1.0 if self.stopped else 0)
            return
        self.stage.reset_cache()
        extra = {"stage": self.stage.group, "why": e.reason_of(error)}
        if isinstance(error, StageStopped):
            self.stopped = str(error)
            log.critical("stage stopped", extra=extra)
        elif isinstance(error, Transient | KafkaError | OSError):
            log.warning("batch to be tried again", extra=extra)
        else:
            log.error("batch failed", exc_info=error, extra=extra)
        await self._rest(self._back_off_s)
        self._back_off_s = min(self._back_off_s * 2, _LONGEST_BACK_OFF_S)

    async def _rest(self, seconds: float) -> None:
        """Wait, but not when the stage is to leave."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leave.wait()


class _NotOurs(Exception):
    """The batch's partitions went away, or were given anew, after it was read."""


class _Leaving(Exception):
    """The stage begins nothing more."""


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
