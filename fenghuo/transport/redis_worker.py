"""Works one stage on Redis: stands by for the lease, reads, commits, gives way when fenced."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

from faststream import AckPolicy
from faststream.redis import StreamSub
from faststream.redis.message import RedisBatchStreamMessage
from redis.exceptions import RedisError

from fenghuo.desk.apply_script import packed, packed_texts
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.errors import Transient
from fenghuo.topics import Topic, topic_of
from fenghuo.transport.batch_runner import BatchResult, BatchRunner, dead_letter, letter_changes
from fenghuo.transport.redis_lease import LEASE_MS, Lease
from fenghuo.transport.redis_lua import COMMIT_LUA
from fenghuo.transport.redis_streams import OWNER, PendingFirst, StreamsBroker, declare_group
from fenghuo.transport.stage import Record, Stage, StageStopped, end_tasks

log = logging.getLogger(__name__)

POLL_MS = 500
STAND_BY_S = 0.3
DEATHS_BEFORE_ALONE = 2
"""So many owners dead over the same entries, and these are worked one by one: then the deadly one shows."""
DEATHS_BEFORE_LETTER = 3
"""Then the entry that stands first, and was alone when the last owner died, becomes a dead letter."""
_BACK_OFF_S = 0.1
_LONGEST_BACK_OFF_S = 2.0

StreamOf = Callable[[Topic], str]


async def _parse(message: Any, _original: Any = None) -> RedisBatchStreamMessage:
    return RedisBatchStreamMessage(
        raw_message=message, body=message["data"], consumer=cast(Any, None), group=None,
        message_id=message["message_ids"][0].decode(), correlation_id="",
    )  # fmt: skip


async def _decode(message: Any, _original: Any = None) -> Any:
    return message


class RedisStageWorker:
    """Works one stage in this process whenever it holds the stage's lease."""

    def __init__(
        self, broker: StreamsBroker, keys: Keys, stage: Stage, address: StreamOf, limit: int
    ) -> None:
        self._client = cast(PendingFirst, broker._connection)
        self._stage = stage
        self._stream = address(stage.topic)
        self._address = address
        self._limit = limit
        self._lease = Lease(self._client, keys, stage.group, self._stream)
        self._bench = BatchRunner(stage, keys)
        self._commit_script = self._client.register_script(COMMIT_LUA)
        self._subscriber = self._subscribe(broker)
        self._leave = asyncio.Event()
        self._halted = False
        self._back_off_s = _BACK_OFF_S
        self.owning = False
        self.stopped: str | None = None
        """Why the stage stopped for good, if it did."""

    def _subscribe(self, broker: StreamsBroker) -> Any:
        stream = StreamSub(
            self._stream, group=self._stage.group, consumer=OWNER, batch=True,
            max_records=self._stage.batch, polling_interval=POLL_MS,
        )  # fmt: skip
        subscriber = broker.subscriber(
            stream=stream, ack_policy=AckPolicy.MANUAL, parser=_parse, decoder=_decode
        )
        subscriber(self._on_batch)
        return subscriber

    async def run(self) -> None:
        """Until ``halt``: take the lease, work, give it back; again after a loss."""
        while not self._halted:
            self._leave.clear()
            try:
                await declare_group(self._client, self._stream, self._stage.group)
                if await self._lease.take():
                    await self._own()
            except (RedisError, OSError) as error:
                log.warning("stage cannot reach Redis", extra=self._extra(why=str(error)))
            except Exception:
                log.exception("stage failed, starting it again", extra=self._extra())
            if not self._halted:
                self._leave.clear()
                await self._rest(STAND_BY_S)

    def halt(self) -> None:
        """Finish the batch under way and end."""
        self._halted = True
        self._leave.set()

    async def _own(self) -> None:
        self._stage.reset_cache()
        alone = self._lease.deaths >= DEATHS_BEFORE_ALONE
        self._client.again(self._stream, self._stage.group, alone=alone)
        try:
            await self._subscriber.start()
            self.owning = True
            log.info("stage owned", extra=self._extra())
            await self._hold()
        finally:
            self.owning = False
            reading = list(self._subscriber.tasks)
            await self._subscriber.stop()
            await end_tasks(reading)
            with contextlib.suppress(RedisError, OSError):
                await self._lease.release()

    async def _hold(self) -> None:
        """Renew the lease until it is lost or the stage is to leave."""
        while not await self._rest(LEASE_MS / 3000):
            try:
                if not await self._lease.renew():
                    log.warning("lease lost", extra=self._extra())
                    return
            except (RedisError, OSError) as error:
                log.warning("lease not renewed, Redis is away", extra=self._extra(why=str(error)))

    async def _rest(self, seconds: float) -> bool:
        """Wait, but not when the stage is to leave; whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leave.wait()
        return self._leave.is_set()

    async def _on_batch(self, message: Any) -> None:
        """One batch, in parts; what has not been committed is read again, before anything new."""
        message.clear_cache()  # it holds itself: a batch would stay until the collector comes by
        try:
            for part in self._bench.parts(self._records(message)):
                if self._leave.is_set():
                    self._client.again(self._stream, self._stage.group)
                    return
                await self._work(part)
            self._back_off_s = _BACK_OFF_S
        except StageStopped as stop:
            self.stopped = str(stop)
            log.critical("stage stopped", extra=self._extra(why=str(stop)))
            self.halt()
        except Exception as error:
            await self._step_back(error)

    def _records(self, message: Any) -> list[Record]:
        return [
            Record(
                fields.get(b"k", b"").decode("utf-8", "replace"),
                fields.get(b"v"),
                f"{self._stream}/{entry.decode()}",
            )
            for entry, fields in zip(message.raw_message["message_ids"], message.body, strict=True)
        ]

    async def _work(self, records: Sequence[Record]) -> None:
        alone = self._client.is_alone(self._stream, self._stage.group)
        if alone and self._lease.deaths >= DEATHS_BEFORE_LETTER:
            letter = dead_letter(self._stage, records[0], "the process died each time it handled this record")
            log.error("dead letter", extra=self._extra(position=letter.position, reason=letter.reason))
            await self._commit(BatchResult(records, [letter], letter_changes([letter], self._bench.keys)))
            self._lease.deaths = 0
        else:
            await self._bench.work(records, self._commit)

    async def _commit(self, work: BatchResult) -> None:
        ids = [record.position.rpartition("/")[2] for record in work.records]
        done = await self._commit_script(
            keys=[self._lease.key, self._stream, self._lease.deaths_key],
            args=[
                self._lease.token, LEASE_MS, self._stage.group, self._limit,
                packed_texts(entries(work.events, self._address)), packed_texts(ids), packed(work.changes),
            ],
        )  # fmt: skip
        if done != len(ids):
            log.warning("acknowledged fewer than read", extra=self._extra(short=len(ids) - done))

    async def _step_back(self, error: Exception) -> None:
        """Make the same entries come again, after a while; leave at once if another owns the stage now."""
        self._stage.reset_cache()
        fenced = "FENCED" in str(error)
        self._client.again(self._stream, self._stage.group, alone=fenced)
        if fenced:
            log.warning("lease lost before the commit", extra=self._extra())
            self._leave.set()
        elif isinstance(error, Transient | RedisError | OSError):
            log.warning("batch to be tried again", extra=self._extra(why=e.reason_of(error)))
        else:
            log.error("batch failed", exc_info=error, extra=self._extra())
        await self._rest(self._back_off_s)
        self._back_off_s = min(self._back_off_s * 2, _LONGEST_BACK_OFF_S)

    def _extra(self, **more: object) -> dict[str, object]:
        return {"stage": self._stage.group, **more}


def entries(events: Sequence[e.Event], address: StreamOf) -> list[str | bytes]:
    """``events`` as flat (stream, key, value) triples."""
    flat: list[str | bytes] = []
    for event in events:
        topic = topic_of(event)
        flat += (address(topic), topic.key(event), e.encode(event))
    return flat
