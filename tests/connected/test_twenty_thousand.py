"""20,000 mixed reports through intake, triage and clustering on the real Kafka, with two consumer
processes."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError

from fenghuo import clock, topics
from fenghuo.demo.district import KNOWN, NOVEL, everyday
from fenghuo.domain import events as e
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings
from tests.support.builders import place, settings
from tests.support.waiting import until

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
        await until(lambda: shared_by_two(told), 60, "two members of the triage group")
        for at in range(0, REPORTS, 1000):
            await producers.publish([mixed(n) for n in range(at, at + 1000)])
            # some of them twice, as after a publish that timed out and was delivered late
            await producers.publish([mixed(n) for n in range(at, at + 20)])

        async def all_done() -> bool:
            assert all(process.poll() is None for process in two_consumers)
            return await nothing_left(producers)

        await until(all_done, 240, "the end of the consumers' work", every_s=1)
        await until(lambda: judged(desk, REPORTS), 60, "a verdict on each report", every_s=1)
        await accounted(desk, producers)
        assert await shared_by_two(told), "one of the two had no part in the work"
    finally:
        await producers.stop()
        await desk.client.aclose()


async def judged(desk: object, count: int) -> bool:
    """Whether so many reports have a row on the desk."""
    client, keys = desk.client, desk.keys  # type: ignore[attr-defined]
    ids = await client.zrange(keys.reports, 0, -1)
    pipe = client.pipeline(transaction=False)
    for report_id in ids:
        pipe.hexists(keys.report(report_id.decode()), "row")
    return sum(await pipe.execute()) == count


async def seen_ids(transport: object, topic: topics.Topic) -> Counter[str]:
    found: Counter[str] = Counter()

    async def take(events: list[e.Event]) -> None:
        found.update(x.report_id for x in events)  # type: ignore[attr-defined]

    await transport.replay(topic, take)  # type: ignore[attr-defined]
    return found


async def shared_by_two(told: Settings) -> bool:
    """Whether two processes have partitions of the reports that come in, and together have all of them.

    Reports go to all partitions, so who has some throughout has worked.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=told.kafka_servers)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([f"{told.namespace}.consumers.triage"])
    except GroupCoordinatorNotAvailableError:  # a broker that has had no group yet
        return False
    finally:
        await admin.close()
    [(_error, _group, state, _kind, _protocol, members, *_)] = answer.groups
    if state != "Stable":
        return False
    shares = [len(ConsumerProtocolMemberAssignment.decode(assigned).partitions()) for *_, assigned in members]
    return len(shares) == 2 and min(shares) > 0 and sum(shares) == topics.REPORTS_RECEIVED.partitions


async def nothing_left(transport: object) -> bool:
    """Whether the consumers have nothing left to read, repeats included."""
    lags = await transport.lag()  # type: ignore[attr-defined]
    ours = {name: lag for name, lag in lags.items() if "consumers." in name}
    return bool(ours) and not any(ours.values())  # no group has committed anything before its first batch


async def in_clusters(desk: object) -> int:
    """How many reports the clusters on the desk count, all together."""
    found = [await desk.clusters.of_district(district, 0) for district in DISTRICTS]  # type: ignore[attr-defined]
    return sum(cluster.reports for clusters in found for cluster in clusters)


async def accounted(desk: object, transport: object) -> None:
    matched = await seen_ids(transport, topics.REPORTS_MATCHED)
    unmatched = await seen_ids(transport, topics.REPORTS_UNMATCHED)
    assert matched.keys() | unmatched.keys() == {f"r{n}" for n in range(REPORTS)}
    assert not matched.keys() & unmatched.keys()
    assert {f"r{n}" for n in range(0, REPORTS, 10)} == matched.keys()
    assert await in_clusters(desk) == len(unmatched), "a report that came twice counts once"
    alerts = await desk.alerts.all()  # type: ignore[attr-defined]
    sources = Counter((a.content.audience.district, bool(a.origin.cluster_id)) for a in alerts)
    assert all(sources[district, True] == 1 for district in DISTRICTS), sources
    assert max(sources.values()) == 1, f"twin drafts: {sources}"
    assert await seen_letters(transport) == 0


async def seen_letters(transport: object) -> int:
    async def take(_events: list[e.Event]) -> None:
        return None

    return int(await transport.replay(topics.DEADLETTERS, take))  # type: ignore[attr-defined]
