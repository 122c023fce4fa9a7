"""The traps between Kafka, aiokafka and FastStream, shown as they are, and that our transport is not in them.

A test whose name begins with ``trap`` runs FastStream as it comes: when one fails after an upgrade, the trap
is gone, and what stands around it in fenghuo/transport may go too.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from fenghuo import topics
from fenghuo.domain import events as e
from fenghuo.errors import Transient, Unavailable
from fenghuo.topics import TOPICS
from fenghuo.transport.kafka import KafkaTransport
from fenghuo.transport.kafka_worker import FETCH_WAIT_MS
from tests.support.transport_harness import (
    OwnServer,
    RecordingStage,
    TransportHarness,
    answer_id,
    carrying,
    report,
)
from tests.support.waiting import never, until

RECEIVED = topics.REPORTS_RECEIVED
SILENT = logging.getLogger("silent")


@pytest.fixture
async def carrier(namespace: str, redis_url: str, kafka_bootstrap: str) -> AsyncIterator[TransportHarness]:
    async with carrying("kafka", namespace, redis_url, kafka_bootstrap) as carrier:
        yield carrier


@asynccontextmanager
async def faststream(
    carrier: TransportHarness, handler: Callable[..., Awaitable[None]], **options: Any
) -> AsyncIterator[None]:
    """FastStream as it comes, in the group ``<namespace>.raw`` on reports.received."""
    broker = KafkaBroker(carrier.kafka, logger=SILENT, allow_auto_create_topics=False)
    broker.subscriber(
        RECEIVED.address(carrier.namespace), group_id=f"{carrier.namespace}.raw",
        auto_offset_reset="earliest", session_timeout_ms=6000, **options,
    )(handler)  # fmt: skip
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()


async def lag(carrier: TransportHarness, transport: Any, group: str = "raw") -> int | None:
    """What the group has yet to commit; None when it never committed."""
    found: dict[str, int] = await transport.lag()
    return found.get(f"reports.received {group}")


async def test_trap_the_default_policy_commits_what_its_handler_failed_on(carrier: TransportHarness) -> None:
    failed: list[KafkaMessage] = []

    async def fail(message: KafkaMessage) -> None:
        failed.append(message)
        raise RuntimeError("lost")

    writer = await carrier.begin(room="producers")
    await writer.publish([report(1)])
    async with faststream(carrier, fail):
        await until(lambda: bool(failed))
    assert len(failed) == 1
    assert await lag(carrier, writer) == 0


async def test_ours_commits_nothing_its_handler_failed_on(carrier: TransportHarness) -> None:
    async def fail(_events: Sequence[e.Event]) -> None:
        raise Transient("not now")

    memory, reports = RecordingStage(first=fail), [report(n) for n in range(5)]
    writer = await carrier.begin(room="producers")
    await writer.publish(reports)
    begun = await carrier.begin(memory.stage())
    await until(lambda: len(memory.batches) >= 3)
    await begun.stop()
    assert await lag(carrier, writer, "consumers.work") is None
    mended = RecordingStage()
    await carrier.begin(mended.stage())
    await until(lambda: carrier.has_answered(writer, reports))


async def test_trap_manual_acknowledgement_commits_past_an_exception_that_escapes(
    carrier: TransportHarness,
) -> None:
    seen: list[int] = []

    async def fail_on_the_first(message: KafkaMessage) -> None:
        seen.append(len(seen))
        if len(seen) == 1:
            raise RuntimeError("lost")
        await message.ack()

    writer = await carrier.begin(room="producers")
    await writer.publish([report(n, key="one") for n in range(3)])
    async with faststream(carrier, fail_on_the_first, ack_policy=AckPolicy.MANUAL):
        await until(lambda: len(seen) >= 3)
    assert len(seen) == 3
    assert await lag(carrier, writer) == 0


async def test_trap_one_undecodable_record_drops_its_whole_batch(carrier: TransportHarness) -> None:
    handled: list[dict[str, Any]] = []

    async def take(batch: list[dict[str, Any]]) -> None:
        handled.extend(batch)

    writer = await carrier.begin(room="producers")
    await writer.publish([report(n, key="one") for n in range(10)])
    await carrier.put_raw(RECEIVED, [b"\xff not json"], header=b"text")

    async def all_committed() -> bool:
        return await lag(carrier, writer) == 0

    async with faststream(carrier, take, batch=True, max_records=100, ack_policy=AckPolicy.ACK):
        await until(all_committed)
    assert len(handled) < 11


async def test_trap_after_long_work_the_next_fetch_waits_for_the_idle_partitions(
    carrier: TransportHarness,
) -> None:
    """aiokafka asked for them alone while the work lasted; the broker holds that for fetch_max_wait_ms."""
    seen: list[Any] = []
    may_end = asyncio.Event()

    async def take(batch: Any) -> None:
        seen.extend(batch)
        await may_end.wait()

    writer = await carrier.begin(room="producers")
    async with faststream(carrier, take, batch=True, batch_timeout_ms=10, fetch_max_wait_ms=6000):
        await writer.publish([report(1, key="one")])
        await until(lambda: len(seen) == 1)
        await writer.publish([report(2, key="one")])
        await never(
            lambda: len(seen) > 1, for_s=1
        )  # 2 is fetched ahead, and 0.1 s later the idle partitions are asked for
        may_end.set()
        await until(lambda: len(seen) == 2)
        await writer.publish([report(3, key="one")])
        await never(lambda: len(seen) > 2, for_s=1)
        await until(lambda: len(seen) == 3)
    assert FETCH_WAIT_MS <= 100


async def test_a_header_that_is_no_text_drops_a_batch_of_theirs_and_none_of_ours(
    carrier: TransportHarness,
) -> None:
    handled: list[Any] = []

    async def take(batch: Any) -> None:
        handled.append(batch)

    writer = await carrier.begin(room="producers")
    await carrier.put_raw(RECEIVED, [e.encode(report(n)) for n in range(3)])
    async with faststream(carrier, take, batch=True, max_records=100, ack_policy=AckPolicy.NACK_ON_ERROR):
        await never(lambda: handled, for_s=1)  # there is nothing to see: the batch is gone in silence
    memory = RecordingStage()
    await carrier.begin(memory.stage())
    await until(lambda: carrier.has_answered(writer, [report(n) for n in range(3)]))


async def test_topics_are_made_with_the_registrys_partitions_and_retention(carrier: TransportHarness) -> None:
    await carrier.begin(room="producers")
    await carrier.begin(room="producers")
    admin = AIOKafkaAdminClient(bootstrap_servers=carrier.kafka)
    await admin.start()
    try:
        names = {topic.address(carrier.namespace): topic for topic in TOPICS}
        about = {x["topic"]: len(x["partitions"]) for x in await admin.describe_topics(list(names))}
        assert about == {name: topic.partitions for name, topic in names.items()}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        for response in await admin.describe_configs(wanted):
            for resource in response.resources:
                found[resource[3]] = {entry[0]: entry[1] for entry in resource[4]}
    finally:
        await admin.close()
    for name, topic in names.items():
        assert found[name]["cleanup.policy"] == ("compact" if topic.compact else "delete")
        if topic.retention is not None:
            assert int(found[name]["retention.ms"]) == topic.retention.total_seconds() * 1000
        elif not topic.compact:
            assert found[name]["retention.ms"] == "-1"


async def test_a_rebalance_waits_for_the_batch_under_way(carrier: TransportHarness) -> None:
    entered, slow = asyncio.Event(), 0.7

    async def slowly(_events: Sequence[e.Event]) -> None:
        entered.set()
        await asyncio.sleep(slow)

    one, two = RecordingStage(first=slowly), RecordingStage(first=slowly)
    writer = await carrier.begin(room="producers")
    reports = [report(n) for n in range(120)]
    await writer.publish(reports)
    first = await carrier.begin(one.stage(batch=20))
    async with asyncio.timeout(20):
        await entered.wait()
    await carrier.begin(two.stage(batch=20))
    await until(lambda: len(two.done) >= 20)
    await first.stop()
    await until(lambda: carrier.has_answered(writer, reports))
    assert sorted(one.done + two.done) == sorted((x.report_id, x.text) for x in reports)
    assert sorted(await carrier.answered(writer)) == sorted(answer_id(x) for x in reports)


@pytest.fixture
async def own(namespace: str, redis_url: str, private_kafka: Callable[..., Any]) -> AsyncIterator[OwnServer]:
    server = private_kafka()
    async with carrying("kafka", namespace, redis_url, server.bootstrap) as carrier:
        yield OwnServer(carrier, server, private_kafka)


async def test_while_the_broker_hangs_publish_says_so_and_what_comes_late_has_the_same_ids(
    own: OwnServer,
) -> None:
    """And what is stopped meanwhile comes to an end, although an idempotent producer never gives up."""
    memory, carrier = RecordingStage(), own.carrier
    writer = await carrier.begin(room="producers", timeout_s=1)
    begun = await carrier.begin(memory.stage(), timeout_s=1)
    assert isinstance(begun, KafkaTransport)
    await writer.publish([report(0)])
    await until(lambda: carrier.has_answered(writer, [report(0)]))
    os.kill(own.server.pid, signal.SIGSTOP)
    try:
        newcomer = asyncio.create_task(carrier.transport("producers").start())
        for _ in range(2):
            asked = time.monotonic()
            with pytest.raises(Unavailable):
                await writer.publish([report(1)])
            assert time.monotonic() - asked < 3
        with pytest.raises(Unavailable):
            await writer.ping()
        with pytest.raises(Unavailable):
            await newcomer
    finally:
        os.kill(own.server.pid, signal.SIGCONT)
    await until(lambda: carrier.has_answered(writer, [report(1)]), within_s=30)
    await writer.publish([report(1)])
    late = [x.event_id for x in await carrier.all_of(RECEIVED, writer) if x.text == "1"]
    assert len(late) >= 2
    assert set(late) == {report(1).event_id}
    os.kill(own.server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable):
            await writer.publish([report(2)])
        began = time.monotonic()
        await asyncio.gather(writer.stop(), begun.stop())
        assert time.monotonic() - began < 20
    finally:
        os.kill(own.server.pid, signal.SIGCONT)
