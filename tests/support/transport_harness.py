"""What the transports' tests share: a broker to carry on, a stage that remembers, a worker to kill."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from fenghuo import topics
from fenghuo.desk.desk import Desk
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.topics import Topic
from fenghuo.transport.kafka import KafkaTransport
from fenghuo.transport.redis import RedisTransport
from fenghuo.transport.redis_lua import PUBLISH_LUA
from fenghuo.transport.stage import Follow, Outcome, Stage
from tests.support.builders import NOON, place

AnyTransport = RedisTransport | KafkaTransport
WORKER = Path(__file__).with_name("transport_worker.py")
SESSION_S = 6
"""Of Kafka's groups: how long a killed worker keeps its partitions."""


def report(number: int, key: str = "", text: str = "") -> e.ReportReceived:
    """The ``number``th report; reports with the same ``key`` keep their order."""
    return e.ReportReceived(
        event_id=e.derive_id("report", str(number)), at=NOON, report_id=key or f"r{number}",
        text=text or str(number), place=place(), reporter="someone",
    )  # fmt: skip


def answer(event: e.Event) -> e.ReportUnmatched:
    """What the tests' stages publish for a report: an event with an id derived from it."""
    assert isinstance(event, e.ReportReceived)
    return e.ReportUnmatched(
        event_id=answer_id(event), at=event.at, report_id=event.report_id, place=event.place,
        reporter=event.reporter, stage=event.stage, masked=event.text,
        suspicious=False, danger=0,
    )  # fmt: skip


def answer_id(event: e.Event) -> str:
    return e.derive_id(event.event_id, "unmatched")


@dataclass(slots=True)
class RecordingStage:
    """A stage's handler that answers every report and remembers what it was handed.

    ``first``: called with each batch before anything else; it may wait or raise.
    """

    first: Callable[[Sequence[e.Event]], Awaitable[None]] | None = None
    batches: list[list[str]] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    """(key, text) of every report it answered."""
    forgotten: int = 0

    async def handle(self, events: Sequence[e.Event]) -> Outcome:
        self.batches.append([x.event_id for x in events])
        if self.first:
            await self.first(events)
        answers: list[e.Event] = [answer(x) for x in events]
        self.done += [(x.report_id, x.text) for x in events if isinstance(x, e.ReportReceived)]
        return Outcome(answers)

    def reset_cache(self) -> None:
        self.forgotten += 1

    def stage(self, **changes: Any) -> Stage:
        fields: dict[str, Any] = {"room": "consumers", "name": "work", "topic": topics.REPORTS_RECEIVED}
        return Stage(**{**fields, "handle": self.handle, "reset_cache": self.reset_cache, **changes})


@dataclass(slots=True)
class TransportHarness:
    """One broker and one desk under a test's own namespace; ``kind`` is "redis" or "kafka"."""

    kind: str
    namespace: str
    redis_url: str
    kafka: str
    desk: Desk
    started: list[AnyTransport] = field(default_factory=list)

    def transport(self, room: str = "consumers", **options: Any) -> AnyTransport:
        """A transport that the test's end stops."""
        given: dict[str, Any] = {"room": room, "namespace": self.namespace, "timeout_s": 3, **options}
        made: AnyTransport
        if self.kind == "redis":
            made = RedisTransport(self.redis_url, **given)
        else:
            made = KafkaTransport(self.kafka, desk=self.desk, session_s=SESSION_S, **given)
        self.started.append(made)
        return made

    async def begin(
        self, *stages: Stage, room: str = "consumers", follows: Sequence[Follow] = (), **options: Any
    ) -> AnyTransport:
        """A transport of ``room`` that has begun ``stages``."""
        transport = self.transport(room, **options)
        await transport.start(stages, follows)
        return transport

    async def put_raw(self, topic: Topic, values: Sequence[bytes], header: bytes = b"\xff\xfe") -> None:
        """Records that no transport of ours would write; on Kafka with a header, one that is no text."""
        address = topic.address(self.namespace)
        if self.kind == "redis":
            flat = [x for value in values for x in (self.desk.keys.stream(address), "raw", value)]
            await self.desk.client.eval(PUBLISH_LUA, 0, 1_000_000, *flat)
            return
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        for value in values:
            await producer.send_and_wait(address, value, key=b"raw", headers=[("odd", header)])
        await producer.stop()

    async def all_of(self, topic: Topic, transport: AnyTransport) -> list[Any]:
        """Every event that stands in ``topic``."""
        found: list[Any] = []

        async def take(events: list[e.Event]) -> None:
            found.extend(events)

        await transport.replay(topic, take)
        return found

    async def answered(self, transport: AnyTransport) -> list[str]:
        """The ids of all answers that stand in the topic, doubled ones doubled."""
        return [x.event_id for x in await self.all_of(topics.REPORTS_UNMATCHED, transport)]

    async def has_answered(self, transport: AnyTransport, reports: Sequence[e.Event]) -> bool:
        return {answer_id(x) for x in reports} <= set(await self.answered(transport))

    @contextmanager
    def worker(self, kind: str = "answer") -> Iterator[subprocess.Popen[bytes]]:
        """A process that works the stage "work" as ``kind`` says (see the script), killed at the end."""
        about = {
            "kind": kind, "broker": self.kind, "namespace": self.namespace,
            "redis": self.redis_url, "kafka": self.kafka,
        }  # fmt: skip
        process = subprocess.Popen([sys.executable, str(WORKER), json.dumps(about)], cwd=WORKER.parent.parent)
        try:
            yield process
        finally:
            kill(process)


async def nothing(_events: Sequence[e.Event]) -> Outcome:
    """A handler that lets every event pass."""
    return Outcome()


class Server(Protocol):
    """A server of the test's own; ``folder`` starts it again with its data, on the same port."""

    folder: Path
    pid: int

    def kill(self) -> None: ...


@dataclass(slots=True)
class OwnServer:
    """A carrier on a broker that is the test's own to kill."""

    carrier: TransportHarness
    server: Server
    start: Callable[[Path], Server]

    def kill(self) -> None:
        self.server.kill()

    async def revive(self) -> None:
        """Start it again and go on at once when it answers."""
        self.server = await asyncio.to_thread(self.start, self.server.folder)


@asynccontextmanager
async def carrying(kind: str, namespace: str, redis_url: str, kafka: str) -> AsyncIterator[TransportHarness]:
    """A carrier whose transports are all stopped at the end, if the test has not done so."""
    client = Redis.from_url(redis_url, socket_timeout=5)
    carrier = TransportHarness(kind, namespace, redis_url, kafka, Desk(client, Keys(namespace)))
    try:
        yield carrier
    finally:
        await asyncio.gather(*[transport.stop() for transport in carrier.started])
        await client.aclose()


def kill(process: subprocess.Popen[bytes]) -> None:
    """As a crash would, and wait till it is gone."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
