"""kill -9 of a consumers process while reports flow: no twin clusters, no report lost or counted twice, and
in the end the very clusters that an undisturbed run makes."""

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2

from consumers.clusters.clustering import Clustering
from fenghuo import clock, topics
from fenghuo.demo.district import everyday
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.runtime.room import AnyTransport, open_desk, open_transport
from fenghuo.settings import Settings
from tests.support.builders import DISTRICT, altered, invented_scam, place, settings, unmatched
from tests.support.room_processes import RoomProcess, shares
from tests.support.waiting import until

ALERT_HOURS = 168
"""Longer than the reports are old: no draft expires, and none is made anew, in the middle of a test."""


@pytest.fixture(params=["redis", "kafka"])
def told(request: pytest.FixtureRequest, redis_url: str, namespace: str) -> Settings:
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    return settings(
        broker=request.param, kafka_servers=kafka, redis_url=redis_url, namespace=namespace,
        kafka_session_timeout_s=6, publish_timeout_s=20, alert_hours=ALERT_HOURS,
    )  # fmt: skip


@pytest.fixture
def consumers(told: Settings, tmp_path: Path) -> Iterator[Callable[[], RoomProcess]]:
    """A new process of the consumers room at each call, begun."""
    running: list[RoomProcess] = []

    def begin() -> RoomProcess:
        running.append(RoomProcess("consumers", told, tmp_path / f"consumers-{len(running)}.log"))
        running[-1].begin()
        return running[-1]

    yield begin
    for process in running:
        process.end()


@pytest.fixture
async def desk(told: Settings) -> AsyncIterator[Desk]:
    desk = open_desk(told)
    yield desk
    await desk.client.aclose()


async def clustered(desk: Desk, report_ids: Sequence[str]) -> bool:
    """Whether each of the reports is in a cluster."""
    pipe = desk.client.pipeline(transaction=False)
    for report_id in report_ids:
        pipe.hexists(desk.keys.report(report_id), "cluster")
    return all(await pipe.execute())


async def nothing_left(transport: AnyTransport) -> bool:
    """Whether the consumers have finished all there is, repeats included."""
    lags = {name: lag for name, lag in (await transport.lag()).items() if " consumers." in name}
    assert lags
    return not any(lags.values())


async def all_of(transport: AnyTransport, topic: topics.Topic) -> list[Any]:
    found: list[Any] = []

    async def take(events: list[e.Event]) -> None:
        found.extend(events)

    await transport.replay(topic, take)
    return found


# --- one district, against an undisturbed run -------------------------------------------------------------

REPORTS = 10_000
KILLED_AT = (2_500, 6_000)
"""After so many reports the process is killed."""


def one_district() -> list[e.ReportUnmatched]:
    """Four days of a district: sixty campaigns, one of them of more than a thousand reports, everyday talk,
    and what only one person writes. Meanwhile clusters are silent for two days and forgotten; people report
    more than once."""
    dice, start = random.Random(1), clock.now() - timedelta(days=4)
    found = []
    for n in range(REPORTS):
        kind = dice.random()
        text = everyday(n)
        if kind < 0.5:
            text = invented_scam(int(dice.paretovariate(0.6)) % 60)
        elif kind < 0.7:
            text = invented_scam(100 + n)
        found.append(
            unmatched(
                f"r{n}", altered(text, dice, dice.choice((0, 0, 2, 6))), f"who{dice.randrange(6000)}",
                at=start + n * timedelta(days=4) / REPORTS, place=place(f"镇{n % 7}"),
                danger=dice.randrange(90),
            )
        )  # fmt: skip
    return found


async def undisturbed(told: Settings, reports: Sequence[e.ReportUnmatched]) -> list[e.Cluster]:
    """The clusters that one process makes of ``reports`` without a stop, on a desk of its own."""
    desk = open_desk(told.model_copy(update={"namespace": f"{told.namespace}-calm"}))
    clustering = Clustering(desk, told)
    try:
        for at in range(0, len(reports), 100):
            await desk.project((await clustering.on_reports_unmatched(reports[at : at + 100])).events)
        return await desk.clusters.of_district(DISTRICT, 0)
    finally:
        await desk.client.aclose()


def difference(cluster_id: str, wanted: e.Cluster | None, found: e.Cluster | None) -> str:
    """Where two states of one cluster differ, in short."""
    if wanted is None or found is None:
        return f"{cluster_id} is only in the {'disturbed' if wanted is None else 'undisturbed'} run"
    fields = [x for x in wanted.__struct_fields__ if getattr(wanted, x) != getattr(found, x)]
    return f"{cluster_id}: " + ", ".join(
        f"{x} {str(getattr(wanted, x))[:80]} became {str(getattr(found, x))[:80]}" for x in fields
    )


async def test_a_killed_process_leaves_the_clusters_of_an_undisturbed_run(
    told: Settings, desk: Desk, consumers: Callable[[], RoomProcess]
) -> None:
    reports = one_district()
    publisher = open_transport(told, "consumers", desk)
    await publisher.start()
    try:
        await publisher.publish(reports)
        process = consumers()
        for n in KILLED_AT:
            await until(lambda n=n: clustered(desk, [f"r{n}"]), 60, f"report {n} in a cluster")  # type: ignore[misc]
            process.kill()
            assert not await clustered(desk, [f"r{REPORTS - 1}"]), "all was done before the kill"
            process.begin()
        expected = {cluster.cluster_id: cluster for cluster in await undisturbed(told, reports)}
        await until(lambda: clustered(desk, [f"r{REPORTS - 1}"]), 60, "the last report in a cluster")
        await until(lambda: nothing_left(publisher), 60, "the end of the work")
    finally:
        await publisher.stop()
    found = {cluster.cluster_id: cluster for cluster in await desk.clusters.of_district(DISTRICT, 0)}
    wrong = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
    assert not wrong, [difference(k, expected.get(k), found.get(k)) for k in wrong[:5]]
    assert sum(cluster.reports for cluster in found.values()) == REPORTS
    drafts = sorted(alert.alert_id for alert in await desk.alerts.all())
    assert drafts == sorted(cluster.alert_id for cluster in found.values() if cluster.alert_id)
    assert len(drafts) > 50


# --- four districts, two processes ------------------------------------------------------------------------

CAMPAIGNS = 6
BITE = 40
BITES_AFTER = 10


@dataclass(slots=True)
class Flow:
    """Reports without a pause: a bite leaves as soon as the last but one is in clusters."""

    desk: Desk
    producers: AnyTransport
    districts: Sequence[str]
    campaign_of: dict[str, tuple[str, int] | None] = field(default_factory=dict)
    """Each report's (district, campaign); None for everyday talk."""
    done: list[str] = field(default_factory=list)
    """The reports known to be in clusters."""

    async def bite(self) -> list[str]:
        reports = [self._next() for _ in range(BITE)]
        await self.producers.publish(reports)
        return [report.report_id for report in reports]

    async def run(self, is_enough: Callable[[], Awaitable[bool]]) -> None:
        """Until ``is_enough``, and then until all is in clusters."""
        under_way = [await self.bite()]
        while under_way:
            if not await is_enough():
                under_way.append(await self.bite())
            oldest = under_way.pop(0)
            await until(lambda oldest=oldest: clustered(self.desk, oldest), 60, "a bite in clusters")  # type: ignore[misc]
            self.done += oldest

    def _next(self) -> e.ReportReceived:
        n = len(self.campaign_of)
        dice = random.Random(n)
        district, campaign = dice.choice(self.districts), dice.randrange(CAMPAIGNS * 2)
        of_one = campaign < CAMPAIGNS
        self.campaign_of[f"r{n}"] = (district, campaign) if of_one else None
        text = altered(invented_scam(campaign), dice, dice.randrange(3)) if of_one else everyday(n)
        return e.ReportReceived(
            event_id=f"e{n}", at=clock.now(), report_id=f"r{n}", text=text, reporter=f"who{n}",
            place=place(f"镇{n % 7}", district=district),
        )  # fmt: skip


async def four_districts(told: Settings) -> list[str]:
    """Four names; on Kafka each of the two processes has two of them."""
    names = [f"第{n}区" for n in range(100)]
    if told.broker == "redis":
        return names[:4]
    parts = topics.REPORTS_UNMATCHED.partitions
    shared = await shares(told, "consumers.cluster")
    held = [[x for x in names if (murmur2(x.encode()) & 0x7FFFFFFF) % parts in share] for share in shared]
    return [*held[0][:2], *held[1][:2]]


async def shared_by(told: Settings, count: int, processes: Sequence[RoomProcess]) -> bool:
    """Whether so many processes are ready and, on Kafka, have shared the districts out among them."""
    if not all([await process.ready() for process in processes]):
        return False
    return told.broker == "redis" or len(await shares(told, "consumers.cluster")) == count


async def test_a_process_that_dies_and_comes_back_makes_no_twins_and_loses_nothing(
    told: Settings, desk: Desk, consumers: Callable[[], RoomProcess]
) -> None:
    producers = open_transport(told, "producers", desk)
    await producers.start()
    try:
        first = consumers()  # on Redis this one works all there is, and the second stands by
        await until(lambda: shared_by(told, 1, [first]), 60, "the first process")
        second = consumers()
        await until(lambda: shared_by(told, 2, [first, second]), 60, "both processes")
        flow = Flow(desk, producers, await four_districts(told))
        back_at = 0

        async def is_enough() -> bool:
            """Kill one, start it when the other has taken over, and go on till well after it is back."""
            nonlocal back_at
            bites = len(flow.done) // BITE
            if bites == BITES_AFTER:
                first.kill()
            elif bites == 2 * BITES_AFTER:
                first.begin()
            elif bites > 2 * BITES_AFTER and not back_at and await shared_by(told, 2, [first, second]):
                back_at = bites
            return bool(back_at) and bites > back_at + BITES_AFTER

        await flow.run(is_enough)
        await until(lambda: nothing_left(producers), 60, "the end of the work")
        await no_twins(desk, flow)
        await one_event_one_effect(producers, flow)
    finally:
        await producers.stop()


async def no_twins(desk: Desk, flow: Flow) -> None:
    """Each report is a member of one cluster, each campaign of a district is one, with one draft."""
    clusters = [x for district in flow.districts for x in await desk.clusters.of_district(district, 0)]
    seen = Counter(member.report_id for cluster in clusters for member in cluster.members)
    assert seen == Counter(flow.campaign_of.keys())
    assert [(x.reports, x.reporters) for x in clusters] == [(len(x.members),) * 2 for x in clusters]
    inside = [
        (cluster.cluster_id, Counter(flow.campaign_of[member.report_id] for member in cluster.members))
        for cluster in clusters
    ]
    campaigns = [(cluster_id, counted) for cluster_id, counted in inside if set(counted) != {None}]
    wanted = Counter(x for x in flow.campaign_of.values() if x is not None)
    assert [len(counted) for _, counted in campaigns] == [1] * len(flow.districts) * CAMPAIGNS
    assert sum((counted for _, counted in campaigns), Counter()) == wanted
    drafts = Counter(x.origin.cluster_id for x in await desk.alerts.all())
    assert {drafts[cluster_id] for cluster_id, _ in campaigns} == {1}
    assert max(drafts.values()) == 1


async def one_event_one_effect(producers: AnyTransport, flow: Flow) -> None:
    """What was published again after the kill says the same as the first time, and no letter is dead."""
    said: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for event in await all_of(producers, topics.CLUSTERS_CHANGED):
        said[event.event_id].add((event.cluster.cluster_id, event.member.report_id))
    assert len(said) == len(flow.campaign_of)
    assert {len(effects) for effects in said.values()} == {1}
    assert await all_of(producers, topics.DEADLETTERS) == []
