"""What both transports promise, on real servers: one class of behaviours, run for each.

What only one of them promises stands in its own class. What is proved on one is not proved on the other.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from faststream import StreamMessage

from fenghuo import topics
from fenghuo.domain import events as e
from fenghuo.errors import Crowded, Refused, Transient, Unavailable
from fenghuo.transport.redis import RedisTransport
from fenghuo.transport.stage import Follow, Outcome, end_tasks
from tests.support.transport_harness import (
    AnyTransport,
    OwnServer,
    RecordingStage,
    TransportHarness,
    answer,
    answer_id,
    carrying,
    kill,
    nothing,
    report,
)
from tests.support.waiting import never, until

RECEIVED, UNMATCHED, LETTERS = topics.REPORTS_RECEIVED, topics.REPORTS_UNMATCHED, topics.DEADLETTERS


class BothTransports:
    """Inherited by a class for each transport, which brings the fixture ``carrier``."""

    async def test_events_of_one_key_keep_their_order(self, carrier: TransportHarness) -> None:
        """Few at a time, and so many that they make batches of their own."""
        memory, at = RecordingStage(), 0
        writer = await carrier.begin(room="producers")
        await carrier.begin(memory.stage(batch=50))
        for count in (40, 200, 10, 120, 30):
            await writer.publish([report(n, key=f"key{n % 7}") for n in range(at, at + count)])
            at += count
        await until(lambda: len(memory.done) >= 400)
        assert sorted(int(text) for _, text in memory.done) == list(range(400))
        for key in {key for key, _ in memory.done}:
            numbers = [int(text) for k, text in memory.done if k == key]
            assert numbers == sorted(numbers)

    async def test_a_batch_that_is_done_is_let_go_at_once(self, carrier: TransportHarness) -> None:
        """Not when the collector of garbage comes by, which is told to be in no hurry."""
        memory, reports = RecordingStage(), [report(n, key="one") for n in range(200)]
        writer = await carrier.begin(room="producers")
        begun = await carrier.begin(memory.stage(batch=4))
        gc.collect()
        gc.disable()
        try:
            await writer.publish(reports)
            await until(lambda: carrier.has_answered(begun, reports))
            held = sum(isinstance(x, StreamMessage) for x in gc.get_objects())
        finally:
            gc.enable()
        assert len(memory.batches) >= 50
        assert held <= 15  # the contexts of what was begun meanwhile hold some

    async def test_a_stage_gets_what_was_published_before_it_ever_began(
        self, carrier: TransportHarness
    ) -> None:
        memory, reports = RecordingStage(), [report(n) for n in range(30)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        await carrier.begin(memory.stage())
        await until(lambda: len(memory.done) >= 30)
        assert len(memory.done) == 30

    async def test_a_batch_whose_handler_fails_for_a_moment_comes_again_whole(
        self, carrier: TransportHarness
    ) -> None:
        failures: list[float] = []

        async def fail_twice(_events: Sequence[e.Event]) -> None:
            if len(failures) < 2:
                failures.append(time.monotonic())
                raise Transient("the world is away")

        memory, reports = RecordingStage(first=fail_twice), [report(n, key="one") for n in range(20)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        begun = await carrier.begin(memory.stage())
        await until(lambda: carrier.has_answered(begun, reports))
        assert memory.batches == [[x.event_id for x in reports]] * 3
        assert failures[1] - failures[0] >= 0.1
        assert await carrier.answered(begun) == [answer_id(x) for x in reports]
        assert memory.forgotten >= 3
        assert begun.health_problem() is None

    async def test_what_a_killed_process_had_under_way_is_done_by_the_next(
        self, carrier: TransportHarness
    ) -> None:
        reports = [report(n) for n in range(600)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        with carrier.worker() as first:

            async def in_the_middle() -> bool:
                return len(await carrier.answered(writer)) >= 60

            await until(in_the_middle, what="the first answers")
            kill(first)
        assert not await carrier.has_answered(writer, reports)
        memory = RecordingStage()
        begun = await carrier.begin(memory.stage())
        await until(lambda: carrier.has_answered(writer, reports), what="all answers")
        assert len(memory.done) < 600
        assert set(await carrier.answered(begun)) == {answer_id(x) for x in reports}

    async def test_poison_becomes_a_dead_letter_and_its_batch_goes_on(
        self, carrier: TransportHarness
    ) -> None:
        async def refuse_seven(events: Sequence[e.Event]) -> None:
            if any(isinstance(x, e.ReportReceived) and x.text == "7" for x in events):
                raise KeyError("seven")

        memory, reports = RecordingStage(first=refuse_seven), [report(n) for n in range(20)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports[:10])
        await carrier.put_raw(RECEIVED, [b"\xff not json", e.encode(answer(reports[0])), b"{}"])
        await writer.publish(reports[10:])
        begun = await carrier.begin(memory.stage())
        good = [x for x in reports if x.text != "7"]
        await until(lambda: carrier.has_answered(begun, good))
        assert sorted(await carrier.answered(begun)) == sorted(answer_id(x) for x in good)

        async def four_letters() -> list[Any]:
            found = await carrier.all_of(LETTERS, begun)
            return found if len(found) >= 4 else []

        letters = await until(four_letters)
        assert len(letters) == len({x.event_id for x in letters}) == 4
        for letter in letters:
            assert (letter.topic, letter.stage) == ("reports.received", "consumers.work")
            assert RECEIVED.address(carrier.namespace) in letter.position
        by_value = {x.value: x for x in letters}
        assert "KeyError: 'seven'" in by_value[e.encode(reports[7])].reason
        assert by_value[e.encode(reports[7])].key == "r7"
        assert by_value[b"\xff not json"].reason
        assert "ReportUnmatched" in by_value[e.encode(answer(reports[0]))].reason
        assert begun.health_problem() is None
        assert await carrier.desk.dead_letters.count() == 4

    async def test_too_much_poison_stops_the_stage_and_leaves_the_topic_as_it_is(
        self, carrier: TransportHarness
    ) -> None:
        async def refuse(_events: Sequence[e.Event]) -> None:
            raise ValueError("a bad release")

        writer = await carrier.begin(room="producers")
        await writer.publish([report(n) for n in range(300)])
        begun = await carrier.begin(RecordingStage(first=refuse).stage(batch=50))
        problem = await until(begun.health_problem)
        assert "more than 100 of the latest" in problem
        assert "a bad release" in problem
        assert len(await carrier.all_of(LETTERS, begun)) <= 100
        await begun.stop()
        mended = RecordingStage()
        again = await carrier.begin(mended.stage(batch=50))
        await until(lambda: len(mended.done) >= 200, what="the rest, once the cause is mended")
        assert again.health_problem() is None

    async def test_a_slow_reader_gets_everything_in_bounded_batches(self, carrier: TransportHarness) -> None:
        async def slowly(_events: Sequence[e.Event]) -> None:
            await asyncio.sleep(0.01)

        memory = RecordingStage(first=slowly)
        writer = await carrier.begin(room="producers")
        await writer.publish([report(n) for n in range(5000)])
        await carrier.begin(memory.stage(batch=100))
        await until(lambda: len(memory.done) >= 5000, within_s=30)
        assert max(len(batch) for batch in memory.batches) <= 100
        assert len(memory.done) == len(set(memory.done)) == 5000

    async def test_a_clean_stop_finishes_the_batch_and_does_nothing_twice(
        self, carrier: TransportHarness
    ) -> None:
        gate, entered = asyncio.Event(), asyncio.Event()

        async def wait_in_the_middle(_events: Sequence[e.Event]) -> None:
            entered.set()
            await gate.wait()

        first, reports = RecordingStage(first=wait_in_the_middle), [report(n) for n in range(200)]
        writer = await carrier.begin(room="producers")
        begun = await carrier.begin(first.stage(batch=20))
        await writer.publish(reports)
        async with asyncio.timeout(20):
            await entered.wait()
        stopping = asyncio.create_task(begun.stop())
        await never(stopping.done, for_s=0.2)
        gate.set()
        async with asyncio.timeout(10):
            await stopping
        assert first.done
        assert len(first.batches) == 1
        second = RecordingStage()
        await carrier.begin(second.stage(batch=20))
        await until(lambda: carrier.has_answered(writer, reports))
        assert sorted(first.done + second.done) == sorted((x.report_id, x.text) for x in reports)
        assert sorted(await carrier.answered(writer)) == sorted(answer_id(x) for x in reports)

    async def test_a_stage_that_waits_for_the_world_stops_at_once(self, carrier: TransportHarness) -> None:
        async def refuse(_events: Sequence[e.Event]) -> None:
            raise Transient("the world is away")

        memory = RecordingStage(first=refuse)
        writer = await carrier.begin(room="producers")
        await writer.publish([report(1)])
        begun = await carrier.begin(memory.stage())
        await until(lambda: len(memory.batches) >= 4)
        async with asyncio.timeout(2):
            await begun.stop()

    async def test_two_workers_on_one_topic_do_everything_once(self, carrier: TransportHarness) -> None:
        one, two, reports = RecordingStage(), RecordingStage(), [report(n) for n in range(300)]
        writer = await carrier.begin(room="producers")
        first = await carrier.begin(one.stage(batch=20))
        await carrier.begin(two.stage(batch=20))
        for at in range(0, 150, 30):
            await writer.publish(reports[at : at + 30])
        await until(lambda: len(one.done + two.done) >= 150)
        await first.stop()
        for at in range(150, 300, 30):
            await writer.publish(reports[at : at + 30])
        await until(lambda: carrier.has_answered(writer, reports), what="the one that is left to do it all")
        assert sorted(one.done + two.done) == sorted((x.report_id, x.text) for x in reports)

    async def test_a_follower_reads_the_whole_topic_before_the_stages_and_then_goes_on(
        self, carrier: TransportHarness
    ) -> None:
        followed: list[str] = []
        known_when_it_began: list[int] = []

        async def look(_events: Sequence[e.Event]) -> None:
            known_when_it_began.append(len(followed))

        reports = [report(n, key=f"key{n % 3}") for n in range(2500)]

        async def take(events: Sequence[e.Event]) -> None:
            if reports[5] in events:
                raise ValueError("must not end the following")
            followed.extend(x.event_id for x in events)

        writer = await carrier.begin(room="producers")
        await writer.publish(reports[:2400])
        await carrier.put_raw(RECEIVED, [b"not json"])
        follow = Follow(topic=RECEIVED, apply=take)
        begun = await carrier.begin(RecordingStage(first=look).stage(), follows=[follow])
        assert len(followed) == 2399
        await writer.publish(reports[2400:])
        await until(lambda: len(followed) >= 2499)
        assert sorted(followed) == sorted(x.event_id for x in reports if x is not reports[5])
        for key in range(3):
            mine = [x.event_id for x in reports if x.report_id == f"key{key}" and x is not reports[5]]
            assert [x for x in followed if x in set(mine)] == mine
        await until(lambda: bool(known_when_it_began))
        assert min(known_when_it_began) >= 2399
        assert begun.health_problem() is None

    async def test_a_room_that_is_no_registered_writer_is_refused(self, carrier: TransportHarness) -> None:
        console = await carrier.begin(room="console")
        with pytest.raises(Refused, match=r"console is no registered writer of reports\.received"):
            await console.publish([report(1)])
        assert await carrier.all_of(RECEIVED, console) == []

    async def test_a_stage_that_publishes_what_its_room_may_not_stops(
        self, carrier: TransportHarness
    ) -> None:
        writer = await carrier.begin(room="producers")
        await writer.publish([report(1)])
        begun = await carrier.begin(RecordingStage().stage(room="broadcast"), room="broadcast")
        problem = await until(begun.health_problem)
        assert "broadcast is no registered writer of reports.unmatched" in problem
        assert await carrier.answered(begun) == []

    async def test_replay_gives_every_event_and_leaves_the_stages_alone(
        self, carrier: TransportHarness
    ) -> None:
        memory, reports = RecordingStage(), [report(n, key=f"key{n % 5}") for n in range(2500)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        await carrier.begin(memory.stage(batch=500))
        await until(lambda: len(memory.done) >= 2500)
        found: list[str] = []

        async def take(events: list[e.Event]) -> None:
            found.extend(x.event_id for x in events)

        assert await writer.replay(RECEIVED, take) == 2500
        assert sorted(found) == sorted(x.event_id for x in reports)
        assert await writer.replay(topics.ALERTS_RELEASED, take) == 0
        assert len(memory.done) == 2500

    async def test_the_desk_changes_with_the_outcome(self, carrier: TransportHarness) -> None:
        memory, reports = RecordingStage(), [report(n) for n in range(10)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        begun = await carrier.begin(memory.stage())
        await until(lambda: carrier.has_answered(begun, reports))

        async def on_the_desk() -> bool:
            return len(await carrier.desk.reports.get_many([x.report_id for x in reports])) == 10

        await until(on_the_desk)

    async def test_the_input_is_put_on_the_desk_where_the_stage_says_so(
        self, carrier: TransportHarness
    ) -> None:
        writer = await carrier.begin(room="producers")
        await writer.publish([report(n) for n in range(10)])
        silent = RecordingStage().stage(handle=nothing, fold_input=True)
        begun = await carrier.begin(silent)

        async def on_the_desk() -> bool:
            return await carrier.desk.reports.count() == 10

        await until(on_the_desk)
        assert await carrier.answered(begun) == []

    async def test_lag_says_what_a_reader_has_yet_to_finish(self, carrier: TransportHarness) -> None:
        gate = asyncio.Event()

        async def wait(events: Sequence[e.Event]) -> None:
            if any(isinstance(x, e.ReportReceived) and x.text == "late" for x in events):
                await gate.wait()

        memory = RecordingStage(first=wait)
        writer = await carrier.begin(room="producers")
        await writer.publish([report(n) for n in range(10)])
        begun = await carrier.begin(memory.stage())

        async def lag() -> int | None:
            return (await begun.lag()).get("reports.received consumers.work")

        await until(lambda: len(memory.done) >= 10)
        await until(lambda: _is(lag, 0))
        await writer.publish([report(n, key="one", text="late") for n in range(10, 15)])
        await until(lambda: _is(lag, 5))
        gate.set()
        await until(lambda: _is(lag, 0))

    async def test_it_answers_unavailable_before_it_starts_and_after_it_stops(
        self, carrier: TransportHarness
    ) -> None:
        transport = carrier.transport("producers")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await transport.publish([report(1)])
            with pytest.raises(Unavailable):
                await transport.ping()
            await transport.start()
            await transport.ping()
            await transport.publish([report(1)])
            await transport.stop()
        await transport.stop()

    async def test_a_killed_server_that_comes_back_has_lost_nothing_it_acknowledged(
        self, own: OwnServer
    ) -> None:
        memory, followed, carrier = RecordingStage(), list[str](), own.carrier
        writer = await carrier.begin(room="producers", timeout_s=1)

        async def take(events: Sequence[e.Event]) -> None:
            followed.extend(x.event_id for x in events)

        follow = Follow(topic=RECEIVED, apply=take)
        begun = await carrier.begin(memory.stage(batch=20), follows=[follow])
        source = Source(writer)
        async with source.running():
            await until(lambda: len(memory.done) >= 100)
            own.kill()
            with pytest.raises(Unavailable):
                await begun.ping()
            await until(lambda: source.refused >= 2, what="publish to say that the broker is away")
            await own.revive()
            back_at = len(source.taken)
            await until(lambda: len(source.taken) >= back_at + 100, within_s=40, what="publish to work again")
        await until(lambda: carrier.has_answered(begun, source.taken), within_s=40, what="all answers")
        stand = {x.event_id for x in await carrier.all_of(RECEIVED, begun)}
        assert {x.event_id for x in source.taken} <= stand
        await until(lambda: {x.event_id for x in source.taken} <= set(followed))
        assert begun.health_problem() is None
        await begun.ping()


@dataclass(slots=True)
class Source:
    """Publishes reports one after another, each till the broker has it."""

    writer: AnyTransport
    taken: list[e.Event] = field(default_factory=list)
    refused: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._publish())
        try:
            yield
        finally:
            await end_tasks([task])

    async def _publish(self) -> None:
        while True:
            one = report(len(self.taken))
            try:
                await self.writer.publish([one])
                self.taken.append(one)
            except Unavailable:
                self.refused += 1
            await asyncio.sleep(0.005)


async def _is(look: Callable[[], Any], wanted: object) -> bool:
    return bool(await look() == wanted)


class TestRedisTransport(BothTransports):
    """Redis Streams: one owner per stage; a source that runs ahead of a reader is held up."""

    @pytest.fixture
    async def carrier(self, namespace: str, redis_url: str) -> AsyncIterator[TransportHarness]:
        async with carrying("redis", namespace, redis_url, "") as carrier:
            yield carrier

    @pytest.fixture
    async def own(self, namespace: str, private_redis: Callable[..., Any]) -> AsyncIterator[OwnServer]:
        server = private_redis()
        async with carrying("redis", namespace, server.url, "") as carrier:
            yield OwnServer(carrier, server, private_redis)

    async def test_the_second_worker_stands_by_and_takes_over_from_a_killed_one(
        self, carrier: TransportHarness
    ) -> None:
        memory, reports = RecordingStage(), [report(n) for n in range(400)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        with carrier.worker() as first:

            async def in_the_middle() -> bool:
                return len(await carrier.answered(writer)) >= 40

            await until(in_the_middle, what="the first answers")
            second = await carrier.begin(memory.stage(batch=20))
            assert isinstance(second, RedisTransport)
            await never(lambda: second.owned or memory.done, for_s=0.5)
            kill(first)
            killed = time.monotonic()
            await until(lambda: second.owned == 1, within_s=5)
        assert time.monotonic() - killed < 5, "a dead owner on this host is seen before its lease runs out"
        await until(lambda: carrier.has_answered(writer, reports))
        assert sorted(await carrier.answered(writer)) == sorted(answer_id(x) for x in reports)

    async def test_a_source_that_runs_ahead_of_a_reader_is_told_it_is_crowded(
        self, carrier: TransportHarness
    ) -> None:
        gate, entered = asyncio.Event(), asyncio.Event()

        async def wait(_events: Sequence[e.Event]) -> None:
            entered.set()
            await gate.wait()

        memory = RecordingStage(first=wait)
        writer = await carrier.begin(room="producers", backlog=100, timeout_s=0.3)
        await carrier.begin(memory.stage(batch=4))
        published = 0
        with pytest.raises(Crowded):
            while True:
                await writer.publish([report(n) for n in range(published, published + 50)])
                published += 50
        assert published == 100
        gate.set()
        await until(lambda: len(memory.done) >= 100)
        await writer.publish([report(100)])
        await until(lambda: len(memory.done) == 101)

    async def test_a_stage_waits_for_the_reader_of_what_it_publishes(self, carrier: TransportHarness) -> None:
        gate, reports = asyncio.Event(), [report(n) for n in range(500)]
        behind: list[int] = []

        async def read_slowly(events: Sequence[e.Event]) -> Outcome:
            await gate.wait()
            behind.append(len(events))
            return Outcome()

        writer = await carrier.begin(room="producers")
        slow = RecordingStage().stage(name="slow", topic=UNMATCHED, handle=read_slowly, batch=10)
        memory = RecordingStage()
        begun = await carrier.begin(memory.stage(batch=50), slow, backlog=100)
        await writer.publish(reports)
        await until(lambda: len(memory.batches) >= 5)
        assert len(await carrier.answered(begun)) == 100
        gate.set()
        await until(lambda: sum(behind) >= 500)
        assert await carrier.answered(begun) == [answer_id(x) for x in reports]


class TestKafkaTransport(BothTransports):
    """Kafka: the workers share the partitions; nothing holds the source up."""

    @pytest.fixture
    async def carrier(
        self, namespace: str, redis_url: str, kafka_bootstrap: str
    ) -> AsyncIterator[TransportHarness]:
        async with carrying("kafka", namespace, redis_url, kafka_bootstrap) as carrier:
            yield carrier

    @pytest.fixture
    async def own(
        self, namespace: str, redis_url: str, private_kafka: Callable[..., Any]
    ) -> AsyncIterator[OwnServer]:
        server = private_kafka()
        async with carrying("kafka", namespace, redis_url, server.bootstrap) as carrier:
            yield OwnServer(carrier, server, private_kafka)

    async def test_two_workers_share_the_partitions(self, carrier: TransportHarness) -> None:
        one, two = RecordingStage(), RecordingStage()
        writer = await carrier.begin(room="producers")
        await carrier.begin(one.stage(batch=20))
        await carrier.begin(two.stage(batch=20))
        published = 0

        async def both_work() -> bool:
            nonlocal published
            await writer.publish([report(n) for n in range(published, published + 24)])
            published += 24
            await asyncio.sleep(0.1)
            return bool(one.done and two.done)

        await until(both_work)
        await until(lambda: len(one.done + two.done) >= published)
        assert not {key for key, _ in one.done} & {key for key, _ in two.done}
        assert len(one.done + two.done) == published

    async def test_the_offset_is_committed_last_and_a_repeat_has_the_same_ids(
        self, carrier: TransportHarness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate, reached, apply = asyncio.Event(), asyncio.Event(), carrier.desk.apply

        async def fail_then_wait(changes: Sequence[Any]) -> None:
            if not reached.is_set():
                reached.set()
                raise Unavailable("the desk is away")
            await gate.wait()
            await apply(changes)

        monkeypatch.setattr(carrier.desk, "apply", fail_then_wait)
        reports = [report(n, key="one") for n in range(5)]
        writer = await carrier.begin(room="producers")
        await writer.publish(reports)
        await carrier.begin(RecordingStage().stage())

        async def answered_twice() -> bool:
            return len(await carrier.answered(writer)) == 10

        await until(answered_twice)
        assert await writer.lag() == {}
        gate.set()
        await until(lambda: _is(writer.lag, {"reports.received consumers.work": 0}))
        assert set(await carrier.answered(writer)) == {answer_id(x) for x in reports}
        assert len(await carrier.answered(writer)) == 10
