"""Works one stage on Redis: waits for the lease, reads, commits, and yields when it was fenced."""

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
from fenghuo.transport.redis_lua import COMMIT_LUA
from fenghuo.transport.redis_streams import CONSUMER, PendingFirst, StreamsBroker, declare_group
from fenghuo.transport.stage import Record, Stage, StageStopped, end_tasks
from fenghuo.transport.stage_lease import LEASE_MS, Lease

log = logging.getLogger(__name__)

POLL_MS = 500
STAND_BY_S = 0.3
DEATHS_BEFORE_ALONE = 2
"""After so many processes died over the same entries, they are read one by one: that isolates the deadly
one."""
DEATHS_BEFORE_LETTER = 3
"""Then the first pending entry, which was alone when the last process died, becomes a dead letter."""
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
    """Works one stage in this process while it holds the stage's lease."""

    def __init__(
        self, broker: StreamsBroker, keys: Keys, stage: Stage, address: StreamOf, limit: int
    ) -> None:
        self._client = cast(PendingFirst, broker._connection)
        self._stage = stage
        self._stream = address(stage.topic)
        self._address = address
        self._limit = limit
        self._lease = Lease(self._client, keys, stage.group, self._stream)
        self._runner = BatchRunner(stage, keys)
        self._commit_script = self._client.register_script(COMMIT_LUA)
        self._subscriber = self._subscribe(broker)
        self._stopping = asyncio.Event()
        self._halted = False
        self._back_off_s = _BACK_OFF_S
        self.owned = False
        self.stopped: str | None = None
        """Why the stage stopped for good, or None."""

    def _subscribe(self, broker: StreamsBroker) -> Any:
        stream = StreamSub(
            self._stream, group=self._stage.group, consumer=CONSUMER, batch=True,
            max_records=self._stage.batch, polling_interval=POLL_MS,
        )  # fmt: skip
        subscriber = broker.subscriber(
            stream=stream, ack_policy=AckPolicy.MANUAL, parser=_parse, decoder=_decode
        )
        subscriber(self._on_batch)
        return subscriber

    async def run(self) -> None:
        """Until ``halt``: acquire the lease, work, release it; acquire it again after a loss."""
        while not self._halted:
            self._stopping.clear()
            try:
                await declare_group(self._client, self._stream, self._stage.group)
                if await self._lease.acquire():
                    await self._work_while_leased()
            except (RedisError, OSError) as error:
                log.warning("stage cannot reach Redis", extra=self._extra(why=str(error)))
            except Exception:
                log.exception("stage failed, starting it again", extra=self._extra())
            if not self._halted:
                self._stopping.clear()
                await self._wait_or_stop(STAND_BY_S)

    def halt(self) -> None:
        """Finish the batch in progress and end."""
        self._halted = True
        self._stopping.set()

    async def _work_while_leased(self) -> None:
        self._stage.reset_cache()
        one_by_one = self._lease.deaths >= DEATHS_BEFORE_ALONE
        self._client.reread(self._stream, self._stage.group, one_by_one=one_by_one)
        try:
            await self._subscriber.start()
            self.owned = True
            log.info("stage owned", extra=self._extra())
            await self._renew_lease()
        finally:
            self.owned = False
            reading = list(self._subscriber.tasks)
            await self._subscriber.stop()
            await end_tasks(reading)
            with contextlib.suppress(RedisError, OSError):
                await self._lease.release()

    async def _renew_lease(self) -> None:
        """Renew the lease until it is lost or the stage is stopping."""
        while not await self._wait_or_stop(LEASE_MS / 3000):
            try:
                if not await self._lease.renew():
                    log.warning("lease lost", extra=self._extra())
                    return
            except (RedisError, OSError) as error:
                log.warning("lease not renewed, Redis is down", extra=self._extra(why=str(error)))

    async def _wait_or_stop(self, seconds: float) -> bool:
        """Wait, unless the stage is stopping; returns whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    async def _on_batch(self, message: Any) -> None:
        """Run one batch in slices; what was not committed is redelivered before anything new."""
        message.clear_cache()  # a reference cycle would keep the batch until a garbage collection
        try:
            for part in self._runner.slices(self._records(message)):
                if self._stopping.is_set():
                    self._client.reread(self._stream, self._stage.group)
                    return
                await self._work(part)
            self._back_off_s = _BACK_OFF_S
        except StageStopped as stop:
            self.stopped = str(stop)
            log.critical("stage stopped", extra=self._extra(why=str(stop)))
            self.halt()
        except Exception as error:
            await self._back_off(error)

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
        one_by_one = self._client.is_one_by_one(self._stream, self._stage.group)
        if one_by_one and self._lease.deaths >= DEATHS_BEFORE_LETTER:
            letter = dead_letter(self._stage, records[0], "the process died each time it handled this record")
            log.error("dead letter", extra=self._extra(position=letter.position, reason=letter.reason))
            await self._commit(BatchResult(records, [letter], letter_changes([letter], self._runner.keys)))
            self._lease.deaths = 0
        else:
            await self._runner.run(records, self._commit)

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

    async def _back_off(self, error: Exception) -> None:
        """Have the same entries redelivered after a backoff; stop at once if another process holds the
        lease."""
        self._stage.reset_cache()
        fenced = "FENCED" in str(error)
        self._client.reread(self._stream, self._stage.group, one_by_one=fenced)
        if fenced:
            log.warning("lease lost before the commit", extra=self._extra())
            self._stopping.set()
        elif isinstance(error, Transient | RedisError | OSError):
            log.warning("batch will be retried", extra=self._extra(why=e.reason_of(error)))
        else:
            log.error("batch failed", exc_info=error, extra=self._extra())
        await self._wait_or_stop(self._back_off_s)
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
