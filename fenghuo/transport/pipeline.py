"""What both transports share: stages, outcomes, and ``work``, which runs one batch and sets poison aside."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fenghuo import clock
from fenghuo import events as e
from fenghuo.errors import Poison, Refused, Transient
from fenghuo.stores.keys import Keys
from fenghuo.stores.projection import project
from fenghuo.stores.scripts import Change
from fenghuo.topics import Topic, topic_of

log = logging.getLogger(__name__)

POISON_IN_A_ROW = 100
"""Records that may fail one after another before the stage stops: then the release is bad, not the record."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the broker gave it; ``position`` is its place in the topic, for people."""

    key: str
    value: bytes | None
    position: str


@dataclass(slots=True)
class Outcome:
    """What a batch leads to: events to publish. Their projection onto the desk is committed with them."""

    events: list[e.Event] = field(default_factory=list)


def _forget_nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One reader of one topic, known to the broker as ``room.name``.

    ``handle`` gets the decoded events of a batch, in order, and returns the outcome; given the same events and
    the same desk it gives the same answer. ``forget`` drops what the stage holds in memory: it is called when
    another process may have worked in between (start, takeover, rebalance) and after any failure.
    ``projects_input`` folds the read events onto the desk as well: for topics that are fed from outside stages.
    """

    room: str
    name: str
    topic: Topic
    handle: Callable[[Sequence[e.Event]], Awaitable[Outcome]]
    batch: int = 200
    projects_input: bool = False
    forget: Callable[[], None] = _forget_nothing

    @property
    def group(self) -> str:
        return f"{self.room}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A reader that takes a whole topic from its start and then follows it live, in every process.

    ``apply`` is called for each event, in order, before anything is acknowledged anywhere; it must not fail.
    """

    topic: Topic
    apply: Callable[[e.Event], None]


class Transport(Protocol):
    """Carries events between rooms; the two implementations pass one contract suite."""

    async def start(self, stages: Sequence[Stage] = (), follows: Sequence[Follow] = ()) -> None:
        """Provision the topics, read the followed ones to their end, then begin the stages."""

    async def publish(self, events: Sequence[e.Event]) -> None:
        """Return once the broker has all ``events``; raises Unavailable or Crowded (then some may be there)."""

    async def stop(self) -> None:
        """Finish the batches under way, then leave; nothing accepted is lost."""

    def trouble(self) -> str | None:
        """Why this process cannot do its work now, or None."""

    async def ping(self) -> None:
        """Return if the broker answers; raises Unavailable."""


class StageStopped(Refused):
    """A stage met so much poison that it stopped rather than emptying its topic into dead letters."""


class Workbench:
    """Runs one stage's batches; remembers how many records in a row were poison."""

    def __init__(self, stage: Stage, keys: Keys) -> None:
        self.stage = stage
        self.keys = keys
        self._decoder = stage.topic.decoder()
        self._poison_in_a_row = 0
        self._counted: set[str] = set()

    async def work(self, records: Sequence[Record]) -> tuple[list[e.Event], list[Change]]:
        """(events to publish, changes to the desk) of one batch; poison among the records becomes dead letters.

        Raises Transient when the same batch must be tried again, StageStopped when there was too much poison.
        """
        good, letters = self._decode(records)
        outcome, more = await self._handle(good)
        letters += more
        self._count(letters, healthy=bool(good))
        events = [*outcome.events, *letters]
        folded = [event for _, event in good] if self.stage.projects_input else []
        changes = [change for event in (*folded, *events) for change in project(event, self.keys)]
        return events, changes

    def _decode(self, records: Sequence[Record]) -> tuple[list[tuple[Record, e.Event]], list[e.Event]]:
        good: list[tuple[Record, e.Event]] = []
        letters: list[e.Event] = []
        for record in records:
            try:
                good.append((record, e.decode(self._decoder, record.value)))
            except Poison as error:
                letters.append(self._letter(record, error))
        return good, letters

    async def _handle(self, good: list[tuple[Record, e.Event]]) -> tuple[Outcome, list[e.Event]]:
        letters: list[e.Event] = []
        while good:
            try:
                return await self.stage.handle([event for _, event in good]), letters
            except Transient:
                raise
            except Exception as error:
                self.stage.forget()
                log.exception("batch failed, looking for poison", extra={"stage": self.stage.group})
                bad = await self._culprits(good)
                if not bad:
                    raise Transient(f"the batch failed as a whole: {e.reason_of(error)}") from error
                letters += [self._letter(good[i][0], why) for i, why in bad.items()]
                good[:] = [pair for i, pair in enumerate(good) if i not in bad]
        return Outcome(), letters

    async def _culprits(self, good: list[tuple[Record, e.Event]]) -> dict[int, Exception]:
        bad: dict[int, Exception] = {}
        for i, (_, event) in enumerate(good):
            try:
                await self.stage.handle([event])
            except Transient:
                raise
            except Exception as error:
                bad[i] = error
            self.stage.forget()
        return bad

    def _letter(self, record: Record, error: Exception) -> e.Event:
        return dead_letter(self.stage, record, e.reason_of(error))

    def _count(self, letters: Sequence[e.Event], healthy: bool) -> None:
        for letter in letters:
            log.error(
                "dead letter", extra={"stage": self.stage.group, "reason": getattr(letter, "reason", "")}
            )
        self._poison_in_a_row = 0 if healthy else self._poison_in_a_row + len(letters)
        if self._poison_in_a_row > POISON_IN_A_ROW:
            raise StageStopped(
                f"{self.stage.group}: {self._poison_in_a_row} records in a row could not be handled; nothing more "
                "was moved to dead letters. Look at the last reasons in the log, mend the cause, start again."
            )


def dead_letter(stage: Stage, record: Record, reason: str) -> e.DeadLettered:
    """The dead letter of ``record``: whole, with its reason and origin; the same id for the same place."""
    return e.DeadLettered(
        event_id=e.derive_id("dead", stage.group, record.position), at=clock.now(), topic=stage.topic.name,
        stage=stage.group, position=record.position, reason=reason, key=record.key, value=record.value or b"",
    )  # fmt: skip


def check_writer(room: str, events: Sequence[e.Event]) -> None:
    """Raise Refused when ``room`` is not a registered writer of a topic it is about to publish to."""
    for kind in {type(event) for event in events}:
        topic = topic_of(next(x for x in events if type(x) is kind))
        if room not in topic.writers:
            raise Refused(f"{room} is no registered writer of {topic.name}")
