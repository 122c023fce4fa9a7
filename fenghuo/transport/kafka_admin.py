"""The registry's topics on Kafka: creates them with partitions and retention, and reads whole ones."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, for_code

from fenghuo.domain import events as e
from fenghuo.errors import Unavailable
from fenghuo.topics import TOPICS, Topic

log = logging.getLogger(__name__)

PROVISION_S = 30
_POLL_S = 0.1
_GETMANY_MS = 200
_SILENT_S = 30
"""If a topic that is not at its end returns nothing for so long, it cannot be read now."""


@asynccontextmanager
async def reaching_kafka(timeout_s: float | None = None) -> AsyncIterator[None]:
    """Turn Kafka's errors, and a wait of more than ``timeout_s``, into Unavailable."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise Unavailable(f"Kafka did not answer within {timeout_s or _SILENT_S:g} s") from error
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka does not answer: {e.reason_of(error)}") from error


async def provision(servers: str, namespace: str, replication: int) -> None:
    """Create every topic of the registry with its partitions and retention, and wait until they are usable.

    Existing topics stay as they are; a different number of partitions is logged. Without the wait, a group
    that joins early would get no partitions until its metadata expires (5 minutes).
    """
    async with _admin(servers) as admin:
        names = {topic.address(namespace): topic for topic in TOPICS}
        made = [
            NewTopic(name, topic.partitions, replication, topic_configs=configs(topic))
            for name, topic in names.items()
        ]
        _raise_first((await admin.create_topics(made)).topic_errors)
        found = await _wait_until_usable(admin, list(names))
    for name, partitions in found.items():
        if partitions != names[name].partitions:
            extra = {"topic": name, "has": partitions, "registry": names[name].partitions}
            log.warning("topic has other partitions than the registry's", extra=extra)


@asynccontextmanager
async def _admin(servers: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _raise_first(topic_errors: Sequence[Any]) -> None:
    for name, code, *rest in topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)(f"{name}: {rest}")


async def _wait_until_usable(admin: Any, names: list[str]) -> dict[str, int]:
    """The number of partitions of each topic, once every partition has a leader."""
    while True:
        about = await admin.describe_topics(names)
        if all(_is_usable(topic) for topic in about):
            return {topic["topic"]: len(topic["partitions"]) for topic in about}
        await asyncio.sleep(_POLL_S)


def _is_usable(topic: dict[str, Any]) -> bool:
    parts = topic["partitions"]
    return topic["error_code"] == 0 and bool(parts) and all(x["leader"] >= 0 for x in parts)


def configs(topic: Topic) -> dict[str, str]:
    """The broker's configuration of ``topic``."""
    if topic.compact:
        return {"cleanup.policy": "compact"}
    kept = -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)
    return {"cleanup.policy": "delete", "retention.ms": str(kept)}


class WholeTopic:
    """Reads all partitions of one topic without a group: from the start to their present end, then live."""

    def __init__(self, servers: str, address: str) -> None:
        self._consumer: Any = AIOKafkaConsumer(
            address, group_id=None, bootstrap_servers=servers, auto_offset_reset="earliest"
        )
        self._end: dict[TopicPartition, int] = {}

    async def open(self) -> None:
        """Connect, and note where the topic ends now."""
        await self._consumer.start()
        self._end = dict(await self._consumer.end_offsets(list(self._consumer.assignment())))

    async def until_end(self) -> AsyncIterator[list[bytes | None]]:
        """The values that were in the topic when it was opened (or arrived since), in order per partition.

        Raises TimeoutError or KafkaTimeoutError when nothing arrives for _SILENT_S.
        """
        silent_ms = 0
        while silent_ms < _SILENT_S * 1000:
            async with asyncio.timeout(_SILENT_S):
                if not await self._is_behind():
                    return
                found = await self._some()
            for values in found:
                yield values
            silent_ms = 0 if found else silent_ms + _GETMANY_MS
        raise KafkaTimeoutError("the topic is not at its end, but nothing more comes")

    async def _is_behind(self) -> bool:
        return any([await self._consumer.position(tp) < end for tp, end in self._end.items()])

    async def live(self) -> AsyncIterator[list[bytes | None]]:
        """The values after that, until cancelled; raises KafkaError while Kafka is down, and may be called
        again."""
        while True:
            for values in await self._some():
                yield values

    async def _some(self) -> list[list[bytes | None]]:
        found = await self._consumer.getmany(timeout_ms=_GETMANY_MS)
        return [[record.value for record in records] for records in found.values()]

    async def close(self) -> None:
        await self._consumer.stop()


async def group_lags(servers: str, namespace: str) -> dict[str, int]:
    """Consumer lag in records by ``topic room.stage``, for groups that committed any offset."""
    names = {topic.address(namespace): topic.name for topic in TOPICS}
    lags: dict[str, int] = {}
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=servers)
    async with _admin(servers) as admin:
        parts = [
            TopicPartition(topic["topic"], x["partition"])
            for topic in await admin.describe_topics(list(names))
            for x in topic["partitions"]
        ]
        try:
            await consumer.start()
            consumer.assign(parts)  # loads the leaders; nothing is fetched, as all are paused
            consumer.pause(*parts)
            starts, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        finally:
            await consumer.stop()
        for group in [x[0] for x in await admin.list_consumer_groups() if x[0].startswith(f"{namespace}.")]:
            done = {tp: x.offset for tp, x in (await admin.list_consumer_group_offsets(group)).items()}
            for topic in {tp.topic for tp in done} & names.keys():
                ours = [tp for tp in parts if tp.topic == topic]
                left = sum(ends[tp] - max(starts[tp], done.get(tp, 0)) for tp in ours)
                lags[f"{names[topic]} {group.removeprefix(f'{namespace}.')}"] = left
    return lags
