"""The traps between Redis Streams and FastStream, shown as they are, and that our transport is not in them.

A test whose name begins with ``trap`` runs FastStream as it comes: when one fails after an upgrade, the trap
is gone, and what stands around it in fenghuo/transport may go too.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub

from fenghuo import topics
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.transport.redis import RedisTransport
from fenghuo.transport.redis_streams import CONSUMER, declare_group, trim
from fenghuo.transport.stage_lease import Lease, is_dead
from tests.support.transport_harness import (
    OwnServer,
    RecordingStage,
    TransportHarness,
    answer_id,
    carrying,
    kill,
    nothing,
    report,
)
from tests.support.waiting import never, until

RECEIVED, UNMATCHED, LETTERS = topics.REPORTS_RECEIVED, topics.REPORTS_UNMATCHED, topics.DEADLETTERS
GROUP = "consumers.work"


@pytest.fixture
async def carrier(namespace: str, redis_url: str) -> AsyncIterator[TransportHarness]:
    async with carrying("redis", namespace, redis_url, "") as carrier:
        yield carrier


@pytest.fixture
async def own(namespace: str, private_redis: Callable[..., Any]) -> AsyncIterator[OwnServer]:
    server = private_redis()
    async with carrying("redis", namespace, server.url, "") as carrier:
        yield OwnServer(carrier, server, private_redis)


ALL = -1000
"""Keep nothing, not even what comes in this very millisecond."""


def stream_of(carrier: TransportHarness, topic: topics.Topic = RECEIVED) -> str:
    return carrier.desk.keys.stream(topic.address(carrier.namespace))


async def test_trap_a_nack_on_a_stream_sends_nothing_and_the_entry_never_comes_again(
    carrier: TransportHarness,
) -> None:
    client, stream, seen = carrier.desk.client, f"{carrier.namespace}:raw", list[str]()

    async def fail(message: str) -> None:
        seen.append(message)
        raise RuntimeError("not now")

    await client.xgroup_create(stream, "raw", id="0", mkstream=True)
    for restart in range(2):
        broker = RedisBroker(carrier.redis_url, logger=logging.getLogger("silent"))
        sub = StreamSub(stream, group="raw", consumer="one", polling_interval=20)
        broker.subscriber(stream=sub, ack_policy=AckPolicy.NACK_ON_ERROR)(fail)
        await broker.start()
        await broker.publish(f"word {restart}", stream=stream)
        await until(lambda: f"word {restart}" in seen)  # noqa: B023 (awaited at once)
        await never(lambda: len(seen) > restart + 1, for_s=0.3)  # noqa: B023 (awaited at once)
        await broker.stop()
    assert seen == ["word 0", "word 1"]
    assert (await client.xpending(stream, "raw"))["pending"] == 2


async def test_trap_without_a_count_a_backlog_comes_as_one_batch(carrier: TransportHarness) -> None:
    client, stream, sizes = carrier.desk.client, f"{carrier.namespace}:raw", list[int]()

    async def take(batch: list[Any]) -> None:
        sizes.append(len(batch))

    await client.xgroup_create(stream, "raw", id="0", mkstream=True)
    broker = RedisBroker(carrier.redis_url, logger=logging.getLogger("silent"))
    broker.subscriber(stream=StreamSub(stream, group="raw", consumer="one", batch=True))(take)
    await broker.connect()
    for number in range(1000):
        await broker.publish(number, stream=stream)
    await broker.start()
    await until(lambda: bool(sizes))
    await broker.stop()
    assert sizes == [1000]


async def test_what_a_killed_owner_left_pending_is_read_before_anything_new(
    carrier: TransportHarness,
) -> None:
    memory, reports = RecordingStage(), [report(n, key="one") for n in range(50)]
    writer = await carrier.begin(room="producers")
    await declare_group(carrier.desk.client, stream_of(carrier), GROUP)
    await writer.publish(reports[:30])
    await carrier.desk.client.xreadgroup(GROUP, CONSUMER, {stream_of(carrier): ">"}, count=20)
    await writer.publish(reports[30:])
    await carrier.begin(memory.stage(batch=15))
    await until(lambda: len(memory.done) >= 50)
    assert [text for _, text in memory.done] == [str(n) for n in range(50)]


async def test_a_fenced_owner_cannot_commit_and_leaves_at_once(carrier: TransportHarness) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()

    async def wait(_events: Sequence[e.Event]) -> None:
        entered.set()
        await gate.wait()

    memory, reports = RecordingStage(first=wait), [report(n) for n in range(10)]
    writer = await carrier.begin(room="producers")
    await writer.publish(reports)
    begun = await carrier.begin(memory.stage())
    assert isinstance(begun, RedisTransport)
    async with asyncio.timeout(10):
        await entered.wait()
    lease = carrier.desk.keys.lease(f"{GROUP}:{stream_of(carrier)}")
    await carrier.desk.client.set(lease, "elsewhere/1:1:abc", px=60_000)
    gate.set()
    await until(
        lambda: begun.owned == 0, within_s=1.5, what="the owner to leave long before its next renewal"
    )
    assert memory.done
    assert await carrier.answered(begun) == []
    assert (await begun.lag())[f"reports.received {GROUP}"] == 10
    await carrier.desk.client.delete(lease)
    await until(lambda: carrier.has_answered(begun, reports))
    assert await carrier.answered(begun) == [answer_id(x) for x in reports]


async def test_a_lease_stolen_while_idle_is_noticed_and_taken_back(
    carrier: TransportHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenghuo.transport.redis_worker.LEASE_MS", 600)
    memory = RecordingStage()
    writer = await carrier.begin(room="producers")
    begun = await carrier.begin(memory.stage())
    assert isinstance(begun, RedisTransport)
    await until(lambda: begun.owned == 1)
    lease = carrier.desk.keys.lease(f"{GROUP}:{stream_of(carrier)}")
    await carrier.desk.client.set(lease, "elsewhere/1:1:abc", px=1000)
    await until(lambda: begun.owned == 0, within_s=2)
    await until(lambda: begun.owned == 1, within_s=4)
    await writer.publish([report(1)])
    await until(lambda: carrier.has_answered(begun, [report(1)]))


async def test_a_record_that_kills_its_process_ends_in_dead_letters(carrier: TransportHarness) -> None:
    reports = [report(n, text="deadly" if n == 25 else "") for n in range(60)]
    good = [x for x in reports if x.text != "deadly"]
    writer = await carrier.begin(room="producers")
    await writer.publish(reports)
    deaths = 0
    while not await carrier.has_answered(writer, good):
        assert deaths < 9
        with carrier.worker("deadly") as worker:

            async def ended_or_done(worker: subprocess.Popen[bytes] = worker) -> bool:
                return worker.poll() is not None or await carrier.has_answered(writer, good)

            await until(ended_or_done)
            deaths += worker.poll() == 9
    letters = await carrier.all_of(LETTERS, writer)
    assert [x.value for x in letters] == [e.encode(reports[25])]
    assert "the process died each time" in letters[0].reason
    assert await carrier.answered(writer) == [answer_id(x) for x in good]
    assert deaths >= 3


async def test_only_deaths_over_pending_entries_are_held_against_them(carrier: TransportHarness) -> None:
    """Or an idle process that is killed three times would cost the next innocent record its life."""
    client, keys, stream = carrier.desk.client, carrier.desk.keys, stream_of(carrier)
    writer = await carrier.begin(room="producers")
    await declare_group(client, stream, GROUP)

    async def die() -> int:
        lease = Lease(client, keys, GROUP, stream)
        assert await lease.acquire()
        await client.delete(lease.key)
        return lease.deaths

    assert [await die() for _ in range(4)] == [0, 0, 0, 0]
    await writer.publish([report(1)])
    await client.xreadgroup(GROUP, CONSUMER, {stream: ">"})
    assert [await die() for _ in range(3)] == [1, 2, 3]
    survivor = Lease(client, keys, GROUP, stream)
    assert await survivor.acquire()
    assert survivor.deaths == 4
    await client.delete(survivor.key)
    assert await survivor.acquire()
    assert survivor.deaths == 4, "who lost the lease and lives has not died"
    await survivor.release()
    assert await client.exists(survivor.key, survivor.deaths_key) == 0


async def test_giving_a_lost_lease_back_leaves_the_new_owner_alone(carrier: TransportHarness) -> None:
    client, keys, stream = carrier.desk.client, carrier.desk.keys, stream_of(carrier)
    await declare_group(client, stream, GROUP)
    old, new = Lease(client, keys, GROUP, stream), Lease(client, keys, GROUP, stream)
    assert await old.acquire()
    assert not await new.acquire()
    await client.delete(old.key)
    assert await new.acquire()
    assert not await old.renew()
    await old.release()
    assert await new.renew()
    assert await client.exists(new.deaths_key)


def test_a_dead_holder_is_known_on_this_host_only() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.DEVNULL)
    host = Lease(None, Keys("any"), GROUP, "stream").token.split(":")[0]
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(f"{host}:{child.pid}:abc"), "a zombie works no more"
    child.wait()
    assert is_dead(f"{host}:{child.pid}:abc")
    assert not is_dead(f"{host}:{os.getpid()}:abc")
    assert not is_dead(f"elsewhere:{child.pid}:abc")
    assert not is_dead(f"{socket.gethostname()}/1:{child.pid}:abc"), "another container's ids are not ours"
    assert not is_dead("")


async def test_flushall_under_a_reader_is_told_and_survived(
    own: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    memory, carrier = RecordingStage(), own.carrier
    writer = await carrier.begin(room="producers")
    begun = await carrier.begin(memory.stage())
    await writer.publish([report(n) for n in range(5)])
    await until(lambda: len(memory.done) >= 5)
    await carrier.desk.client.flushall()
    await until(lambda: any(x.levelno == logging.CRITICAL for x in caplog.records), within_s=5)
    reports = [report(n) for n in range(5, 15)]
    await writer.publish(reports)
    await until(lambda: carrier.has_answered(writer, reports))
    assert begun.health_problem() is None
    assert (await begun.lag())[f"reports.received {GROUP}"] == 0


async def test_a_change_that_redis_refuses_leaves_the_batch_as_it_was(carrier: TransportHarness) -> None:
    """Redis does not undo what a failing script has written: the outputs must not stand without the desk."""
    client, keys, reports = carrier.desk.client, carrier.desk.keys, [report(n) for n in range(10)]
    await client.set(keys.reports, "not a sorted set")
    memory = RecordingStage()
    writer = await carrier.begin(room="producers")
    await writer.publish(reports)
    begun = await carrier.begin(memory.stage())
    await until(lambda: len(memory.batches) >= 3)
    assert await carrier.answered(writer) == []
    assert (await begun.lag())[f"reports.received {GROUP}"] == 10
    await client.delete(keys.reports)
    await until(lambda: carrier.has_answered(writer, reports))
    assert await carrier.answered(writer) == [answer_id(x) for x in reports]
    assert await carrier.desk.reports.count() == 10


async def test_trimming_keeps_what_a_group_has_yet_to_finish(carrier: TransportHarness) -> None:
    client, stream = carrier.desk.client, stream_of(carrier)
    writer = await carrier.begin(room="producers")
    await declare_group(client, stream, GROUP)
    await declare_group(client, stream, "consumers.other")
    await writer.publish([report(n) for n in range(30)])
    assert await trim(client, stream, keep_ms=ALL) == 0
    for group, count in ((GROUP, 20), ("consumers.other", 30)):
        ids = [x[0] for x in next(iter(await _read(client, group, stream, count)))]
        await client.xack(stream, group, *ids[: count - 5])
    assert await trim(client, stream, keep_ms=3_600_000) == 0
    assert await trim(client, stream, keep_ms=ALL) == 15
    assert [x.text for x in await carrier.all_of(RECEIVED, writer)] == [str(n) for n in range(15, 30)]


async def _read(client: Any, group: str, stream: str, count: int) -> list[Any]:
    reply = await client.xreadgroup(group, CONSUMER, {stream: ">"}, count=count)
    return list(reply.values()) if isinstance(reply, dict) else [reply[0][1]]


async def test_a_topic_that_no_group_reads_is_trimmed_by_time_alone(carrier: TransportHarness) -> None:
    writer = await carrier.begin(room="producers")
    await writer.publish([report(n) for n in range(10)])
    assert await trim(carrier.desk.client, stream_of(carrier), keep_ms=3_600_000) == 0
    assert await trim(carrier.desk.client, stream_of(carrier), keep_ms=ALL) == 10
    assert await trim(carrier.desk.client, stream_of(carrier, topics.REPORTS_SIGHTED), keep_ms=ALL) == 0


async def test_the_running_transport_trims_what_is_older_than_its_topics_retention(
    carrier: TransportHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenghuo.transport.redis.TRIM_EVERY_S", 0.05)
    client, old, compacted = (
        carrier.desk.client,
        stream_of(carrier),
        stream_of(carrier, topics.GROUPS_CHANGED),
    )
    letters = stream_of(carrier, LETTERS)
    for stream in (old, compacted, letters):
        await client.xadd(stream, {"k": "one", "v": e.encode(report(1))}, id="1-1")
    await carrier.begin(RecordingStage().stage(handle=nothing))

    async def trimmed() -> bool:
        return not await client.xlen(old) and not await client.xlen(letters)

    await until(trimmed)
    assert await client.xlen(compacted) == 1, "a compacted topic stays whole"


async def test_a_group_that_comes_late_is_not_behind_by_what_was_trimmed_before(
    carrier: TransportHarness,
) -> None:
    """Or its lag would never come down to nothing, and in the end its source would be crowded for ever."""
    writer = await carrier.begin(room="producers", backlog=30, timeout_s=0.3)
    for at in range(0, 100, 20):
        await writer.publish([report(n) for n in range(at, at + 20)])
    await carrier.desk.client.xtrim(stream_of(carrier), maxlen=10, approximate=False)
    memory = RecordingStage()
    begun = await carrier.begin(memory.stage())
    await until(lambda: len(memory.done) >= 10)

    async def no_lag() -> bool:
        return (await begun.lag())[f"reports.received {GROUP}"] == 0

    await until(no_lag)
    await writer.publish([report(100)])


async def test_entries_trimmed_while_pending_are_told_and_do_not_stay_as_lag(
    carrier: TransportHarness, caplog: pytest.LogCaptureFixture
) -> None:
    client, stream = carrier.desk.client, stream_of(carrier)
    writer = await carrier.begin(room="producers")
    await declare_group(client, stream, GROUP)
    await writer.publish([report(n) for n in range(10)])
    await client.xreadgroup(GROUP, CONSUMER, {stream: ">"}, count=10)
    await client.xtrim(stream, maxlen=4, approximate=False)
    memory = RecordingStage()
    begun = await carrier.begin(memory.stage())
    await until(lambda: len(memory.done) >= 4)

    async def no_lag() -> bool:
        return (await begun.lag())[f"reports.received {GROUP}"] == 0

    await until(no_lag)
    assert [x.__dict__["entries"] for x in caplog.records if x.levelno == logging.CRITICAL] == [6]


async def test_a_worker_that_is_killed_over_and_over_loses_and_doubles_nothing(
    carrier: TransportHarness,
) -> None:
    reports = [report(n, key=f"key{n % 3}") for n in range(500)]
    writer = await carrier.begin(room="producers")
    await writer.publish(reports)
    for round_ in range(1, 4):
        with carrier.worker() as worker:

            async def further(wanted: int = round_ * 120) -> bool:
                return len(await carrier.answered(writer)) >= wanted

            await until(further)
            kill(worker)
    await carrier.begin(RecordingStage().stage())
    await until(lambda: carrier.has_answered(writer, reports))
    assert await carrier.answered(writer) == [answer_id(x) for x in reports]
