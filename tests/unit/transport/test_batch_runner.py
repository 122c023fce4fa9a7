"""The batch runner decides what happens to a batch; it knows no broker, so a list replaces one here."""

from collections.abc import Sequence

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.errors import Transient
from fenghuo.transport.batch_runner import POISON_MOST, BatchResult, BatchRunner, dead_letter
from fenghuo.transport.stage import Record, Stage, StageStopped
from tests.support.transport_harness import RecordingStage, answer_id, nothing, report
from tests.support.waiting import for_ever


def record(number: int, value: bytes | None = b"") -> Record:
    """The ``number``th report as a record, or one with ``value``."""
    return Record(f"r{number}", e.encode(report(number)) if value == b"" else value, f"stream/{number}")


class Book:
    """What a transport would have committed."""

    def __init__(self) -> None:
        self.works: list[BatchResult] = []
        self.failures: list[Exception] = []

    async def commit(self, work: BatchResult) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.works.append(work)

    @property
    def events(self) -> list[e.Event]:
        return [event for work in self.works for event in work.events]

    @property
    def reasons(self) -> list[str]:
        return [x.reason for x in self.events if isinstance(x, e.DeadLettered)]


def runner_of(stage: Stage) -> BatchRunner:
    return BatchRunner(stage, Keys("unit"))


async def fail_on_five(events: Sequence[e.Event]) -> None:
    if any(isinstance(x, e.ReportReceived) and x.text == "5" for x in events):
        raise KeyError("five")


async def test_a_good_batch_is_handled_and_committed_as_one() -> None:
    memory, book = RecordingStage(), Book()
    await runner_of(memory.stage()).run([record(n) for n in range(10)], book.commit)
    assert len(memory.batches) == len(book.works) == 1
    assert [x.event_id for x in book.events] == [answer_id(report(n)) for n in range(10)]
    assert book.works[0].changes


async def test_a_batch_that_fails_is_worked_one_by_one_each_with_its_commit() -> None:
    memory, book = RecordingStage(first=fail_on_five), Book()
    records = [record(n) for n in range(8)]
    await runner_of(memory.stage()).run(records, book.commit)
    assert [len(batch) for batch in memory.batches] == [8, *[1] * 8]
    assert [list(work.records) for work in book.works] == [[x] for x in records]
    assert book.reasons == ["KeyError: 'five'"]
    assert memory.forgotten == 2


async def test_a_batch_that_fails_only_as_a_whole_loses_nothing() -> None:
    async def fail_in_company(events: Sequence[e.Event]) -> None:
        if len(events) > 1:
            raise ValueError("too many")

    book = Book()
    await runner_of(RecordingStage(first=fail_in_company).stage()).run(
        [record(n) for n in range(5)], book.commit
    )
    assert len(book.events) == 5
    assert book.reasons == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff", ""),
        (None, "no body"),
        (b"{}", "event_id"),
        (b'{"type":"Other"}', "Other"),
        (b"[" * 100_000, ""),
    ],
)
async def test_a_record_that_cannot_be_read_is_set_aside_whole(value: bytes | None, reason: str) -> None:
    memory, book = RecordingStage(), Book()
    await runner_of(memory.stage()).run([record(1), record(2, value), record(3)], book.commit)
    assert len(memory.done) == 2
    (letter,) = [x for x in book.events if isinstance(x, e.DeadLettered)]
    assert reason in letter.reason
    assert (letter.position, letter.key, letter.value) == ("stream/2", "r2", value or b"")


@pytest.mark.parametrize(
    "error",
    [Transient("later"), ConnectionError("gone"), TimeoutError("slow"), RedisConnectionError("away")],
)
async def test_when_the_world_is_away_nothing_is_poison(error: Exception) -> None:
    async def fail(_events: Sequence[e.Event]) -> None:
        raise error

    memory, book = RecordingStage(first=fail), Book()
    with pytest.raises(Transient):
        await runner_of(memory.stage()).run([record(n) for n in range(5)], book.commit)
    assert len(memory.batches) == 1
    assert book.works == []


async def test_work_that_takes_too_long_comes_again_in_halves_and_grows_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fenghuo.transport.batch_runner.HANDLE_S", 0.2)

    async def take_long(events: Sequence[e.Event]) -> None:
        if len(events) > 3:
            await for_ever()

    book, records = Book(), [record(n) for n in range(8)]
    runner = runner_of(RecordingStage(first=take_long).stage(batch=8))
    for sizes in ([8], [4, 4]):
        slices = list(runner.slices(records))
        assert [len(some) for some in slices] == sizes
        with pytest.raises(Transient, match="took longer"):
            await runner.run(slices[0], book.commit)
    slices = list(runner.slices(records))
    assert [len(some) for some in slices] == [2, 2, 2, 2]
    for some in slices:
        await runner.run(some, book.commit)
    assert len(book.events) == 8
    assert [len(some) for some in runner.slices(records)] == [8]


async def test_a_bad_release_is_stopped_before_it_empties_the_topic() -> None:
    async def fail(_events: Sequence[e.Event]) -> None:
        raise ValueError("a bad release")

    book = Book()
    with pytest.raises(StageStopped, match=r"more than 100 of the latest 101 .*a bad release"):
        await runner_of(RecordingStage(first=fail).stage()).run([record(n) for n in range(500)], book.commit)
    assert len(book.reasons) == POISON_MOST


async def test_now_and_then_a_good_record_does_not_hide_a_bad_release() -> None:
    book, runner = Book(), runner_of(RecordingStage().stage())
    with pytest.raises(StageStopped):
        for at in range(0, 1000, 10):
            await runner.run([record(n, b"bad" if n % 10 else b"") for n in range(at, at + 10)], book.commit)
    assert len(book.reasons) <= POISON_MOST


async def test_scattered_poison_stops_nothing() -> None:
    book, runner = Book(), runner_of(RecordingStage().stage())
    for at in range(0, 2000, 50):
        await runner.run([record(n, b"" if n % 3 else b"bad") for n in range(at, at + 50)], book.commit)
    assert len(book.reasons) > 5 * POISON_MOST


async def test_a_batch_that_is_tried_again_counts_its_poison_once() -> None:
    book, runner = Book(), runner_of(RecordingStage().stage())
    bad = [record(n, b"bad") for n in range(40)]
    book.failures = [Transient("the broker is away") for _ in range(10)]
    for _ in range(10):
        with pytest.raises(Transient):
            await runner.run(bad, book.commit)
    await runner.run(bad, book.commit)
    assert len(book.reasons) == 40


async def test_a_stage_that_publishes_what_its_room_may_not_stops() -> None:
    book = Book()
    with pytest.raises(StageStopped, match=r"broadcast is no registered writer of reports\.unmatched"):
        await runner_of(RecordingStage().stage(room="broadcast")).run([record(1)], book.commit)
    assert book.works == []


async def test_the_input_reaches_the_desk_only_where_the_stage_says_so() -> None:
    for wanted in (False, True):
        book = Book()
        stage = RecordingStage().stage(handle=nothing, fold_input=wanted)
        await runner_of(stage).run([record(1)], book.commit)
        assert bool(book.works[0].changes) is wanted


def test_a_record_s_dead_letter_has_the_same_id_each_time() -> None:
    stage = RecordingStage().stage()
    one, again, other = (dead_letter(stage, record(n), "why") for n in (1, 1, 2))
    assert one.event_id == again.event_id != other.event_id


async def test_an_empty_outcome_is_committed_too() -> None:
    book = Book()
    await runner_of(RecordingStage().stage(handle=nothing)).run([record(1)], book.commit)
    assert [(len(work.records), work.events) for work in book.works] == [(1, [])]
