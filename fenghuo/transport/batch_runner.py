"""Runs one stage's batches: decodes, handles, dead-letters poison, and stops the stage if there is too much.

It knows no broker: the transport passes records and a ``commit``, which publishes the events, changes the
desk and acknowledges the records.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from fenghuo import clock
from fenghuo.desk.apply_script import Change
from fenghuo.desk.fold import project
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.errors import Poison, Refused, Transient
from fenghuo.transport.stage import Outcome, Record, Stage, StageStopped, check_writer

log = logging.getLogger(__name__)

HANDLE_S = 25
"""A batch that takes longer, its commit included, is cancelled and retried with half the records."""
POISON_MOST = 100
POISON_WINDOW = 200
"""If more than POISON_MOST of the latest POISON_WINDOW records are poison, the release is at fault, not
they."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of some records, to be committed as one."""

    records: Sequence[Record]
    events: list[e.Event]
    changes: list[Change]


Commit = Callable[[BatchResult], Awaitable[None]]


class BatchRunner:
    """Runs one stage's batches and remembers which of the latest records were poison."""

    def __init__(self, stage: Stage, keys: Keys) -> None:
        self.stage = stage
        self.keys = keys
        self._decoder = stage.topic.decoder()
        self._recent: deque[bool] = deque(maxlen=POISON_WINDOW)
        self._at_once = stage.batch

    def slices(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """``records`` in order, in slices that the stage can handle within HANDLE_S."""
        at_once = self._at_once
        for at in range(0, len(records), at_once):
            yield records[at : at + at_once]

    async def run(self, records: Sequence[Record], commit: Commit) -> None:
        """Handle ``records`` and commit the result; poison among them becomes dead letters.

        Raises Transient when the same records must be retried, StageStopped when a person must act, and
        whatever ``commit`` raises.
        """
        try:
            async with asyncio.timeout(HANDLE_S):
                await self._work(records, commit)
        except TimeoutError as error:
            self._at_once = max(1, len(records) // 2)
            raise Transient(f"{len(records)} records took longer than {HANDLE_S} s") from error
        self._at_once = min(self._at_once * 2, self.stage.batch)

    async def _work(self, records: Sequence[Record], commit: Commit) -> None:
        good, letters = self._decode(records)
        try:
            events, changes = await self._handle(good)
        except Transient:
            raise
        except (ConnectionError, TimeoutError, RedisError) as error:
            raise Transient(f"the world is away: {e.reason_of(error)}") from error
        except Exception as error:
            self.stage.reset_cache()
            if len(records) > 1:
                await self._one_by_one(records, commit, error)
                return
            events, changes, letters = [], [], [dead_letter(self.stage, records[0], e.reason_of(error))]
        await self._finish(records, events, changes, letters, commit)

    async def _one_by_one(self, records: Sequence[Record], commit: Commit, error: Exception) -> None:
        """Run each record alone with its own commit: that isolates the poison and keeps the good work."""
        extra = {"stage": self.stage.group, "records": len(records)}
        log.warning("batch failed, retrying its records one by one", exc_info=error, extra=extra)
        for record in records:
            await self._work([record], commit)

    def _decode(self, records: Sequence[Record]) -> tuple[list[e.Event], list[e.DeadLettered]]:
        good: list[e.Event] = []
        letters: list[e.DeadLettered] = []
        for record in records:
            try:
                good.append(e.decode(self._decoder, record.value))
            except Poison as error:
                letters.append(dead_letter(self.stage, record, e.reason_of(error)))
        return good, letters

    async def _handle(self, good: list[e.Event]) -> tuple[list[e.Event], list[Change]]:
        outcome = await self.stage.handle(good) if good else Outcome()
        to_fold = self.stage.to_fold(good)
        changes = [change for event in (*to_fold, *outcome.events) for change in project(event, self.keys)]
        return outcome.events, changes

    async def _finish(
        self,
        records: Sequence[Record],
        events: list[e.Event],
        changes: list[Change],
        letters: list[e.DeadLettered],
        commit: Commit,
    ) -> None:
        latest = self._check_poison(records, {letter.position: letter.reason for letter in letters})
        work = BatchResult(records, [*events, *letters], [*changes, *letter_changes(letters, self.keys)])
        try:
            check_writer(self.stage.room, work.events)
        except Refused as error:
            raise StageStopped(f"{self.stage.group}: {error}") from error
        await commit(work)
        self._recent = latest
        for letter in letters:
            extra = {"stage": letter.stage, "position": letter.position, "reason": letter.reason}
            log.error("dead letter", extra=extra)

    def _check_poison(self, records: Sequence[Record], bad: dict[str, str]) -> deque[bool]:
        """The window of recent records with these added; StageStopped if too many of them are poison."""
        latest = self._recent.copy()
        for record in records:
            latest.append(record.position in bad)
            if record.position in bad and sum(latest) > POISON_MOST:
                raise StageStopped(
                    f"{self.stage.group}: more than {POISON_MOST} of the latest {len(latest)} records could "
                    f"not be handled, the last at {record.position} ({bad[record.position]}). It and what "
                    "follows stay where they are: mend the cause, start again."
                )
        return latest


def letter_changes(letters: Sequence[e.DeadLettered], keys: Keys) -> list[Change]:
    """The changes that fold ``letters`` onto the desk."""
    return [change for letter in letters for change in project(letter, keys)]


def dead_letter(stage: Stage, record: Record, reason: str) -> e.DeadLettered:
    """The dead letter of ``record``, with its reason and origin; the id is derived from its position."""
    return e.DeadLettered(
        event_id=e.derive_id("dead", stage.group, record.position), at=clock.now(), topic=stage.topic.name,
        stage=stage.group, position=record.position, reason=reason, key=record.key, value=record.value or b"",
    )  # fmt: skip
