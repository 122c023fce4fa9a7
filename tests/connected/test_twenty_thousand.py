"""20,000 mixed reports through intake, triage and clustering on the real Kafka, with two consumer
processes."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenghuo import clock, topics
from fenghuo import events as e
from fenghuo.demo.district import KNOWN, NOVEL, everyday
from fenghuo.runtime import open_desk, open_transport
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings
from tests.inside import until
from tests.making import place, settings

REPORTS = 20_000
DISTRICTS = ("东区", "西区", "南区", "北区")


@pytest.fixture
def told(kafka_bootstrap: str, redis_url: str, namespace: str) -> Settings:
    return settings(
        broker="kafka", kafka_servers=kafka_bootstrap, redis_url=redis_url, namespace=namespace,
        kafka_session_timeout_s=6, publish_timeout_s=20,
    )  # fmt: skip


@pytest.fixture
def two_consumers(told: Settings, tmp_path: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Two processes of the consumers room, as docker-compose would run two replicas."""
    running = [_consumers(told, tmp_path / f"consumers-{n}.log") for n in (1, 2)]
    yield running
    for process in running:
        process.terminate()
    for process in running:
        assert process.wait(40) == 0


def _consumers(told: Settings, log: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "FENGHUO_BROKER": "kafka",
        "FENGHUO_KAFKA_SERVERS": told.kafka_servers,
        "FENGHUO_REDIS_URL": told.redis_url,
        "FENGHUO_NAMESPACE": told.namespace,
        "FENGHUO_KAFKA_SESSION_TIMEOUT_S": "6",
        "FENGHUO_CONSUMERS_PORT": str(free_port()),
    }
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "fenghuo", "room", "consumers"], env=environment, stdout=out, stderr=out
        )


def mixed(n: int) -> e.ReportReceived:
    """One in ten known, one in a hundred of a campaign, the others everyday talk."""
    district = DISTRICTS[n % 4]
    text = KNOWN if n % 10 == 0 else NOVEL[n // 101 % 3] if n % 101 == 7 else everyday(n)
    return e.ReportReceived(
        event_id=f"e{n}", at=clock.now(), report_id=f"r{n}", text=text, place=place(f"镇{n % 7}",
        district=district),
        reporter=f"who{n}",
    )  # fmt: skip


async def test_every_one_of_twenty_thousand_reports_is_accounted_for(
    told: Settings, two_consumers: list["subprocess.Popen[bytes]"]
) -> None:
    desk = open_desk(told)
    producers = open_transport(told, "producers", desk)
    await producers.start()
    try:
        for at in range(0, REPORTS, 1000):
            await producers.publish([mixed(n) for n in range(at, at + 1000)])
            # some of them twice, as after a publish that timed out and was delivered late
            await producers.publish([mixed(n) for n in range(at, at + 20)])

        async def all_judged() -> bool:
            assert all(process.poll() is None for process in two_consumers)
            return await judged(desk) == REPORTS

        await until(all_judged, 240, "a verdict on each report")
        await until(lambda: all_clustered(desk, producers), 240, "a cluster for each unmatched report")
        await accounted(desk, producers)
    finally:
        await producers.stop()
        await desk.client.aclose()


async def judged(desk: object) -> int:
    """Reports with a row on the desk."""
    client, keys = desk.client, desk.keys  # type: ignore[attr-defined]
    ids = await client.zrange(keys.reports, 0, -1)
    pipe = client.pipeline(transaction=False)
    for report_id in ids:
        pipe.hexists(keys.report(report_id.decode()), "row")
    found: int = sum(await pipe.execute())
    await asyncio.sleep(1)
    return found


async def seen_ids(transport: object, topic: topics.Topic) -> Counter[str]:
    found: Counter[str] = Counter()

    async def take(events: list[e.Event]) -> None:
        found.update(x.report_id for x in events)  # type: ignore[attr-defined]

    await transport.replay(topic, take)  # type: ignore[attr-defined]
    return found


async def clustered(transport: object) -> dict[str, set[str]]:
    """District to the reports that its clusters hold."""
    held: dict[str, set[str]] = {name: set() for name in DISTRICTS}

    async def take(events: list[e.Event]) -> None:
        for x in events:
            if isinstance(x, e.ClusterChanged):
                held[x.cluster.district].add(x.cluster.members[-1].report_id)

    await transport.replay(topics.CLUSTERS_CHANGED, take)  # type: ignore[attr-defined]
    return held


async def all_clustered(desk: object, transport: object) -> bool:
    held = await clustered(transport)
    unmatched = await seen_ids(transport, topics.REPORTS_UNMATCHED)
    await asyncio.sleep(1)
    return sum(map(len, held.values())) == len(unmatched)


async def accounted(desk: object, transport: object) -> None:
    matched = await seen_ids(transport, topics.REPORTS_MATCHED)
    unmatched = await seen_ids(transport, topics.REPORTS_UNMATCHED)
    assert matched.keys() | unmatched.keys() == {f"r{n}" for n in range(REPORTS)}
    assert not matched.keys() & unmatched.keys()
    assert {f"r{n}" for n in range(0, REPORTS, 10)} == matched.keys()
    alerts = await desk.alerts()  # type: ignore[attr-defined]
    sources = Counter((a.content.audience.district, bool(a.origin.cluster_id)) for a in alerts)
    assert all(sources[district, True] == 1 for district in DISTRICTS), sources
    assert max(sources.values()) == 1, f"twin drafts: {sources}"
    assert await seen_letters(transport) == 0


async def seen_letters(transport: object) -> int:
    async def take(_events: list[e.Event]) -> None:
        return None

    return int(await transport.replay(topics.DEADLETTERS, take))  # type: ignore[attr-defined]
