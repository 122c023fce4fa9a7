"""What time takes from the desk, and the orders it leads to."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from consumers.clusters.clustering import Clustering
from consumers.clusters.growth import joined
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.domain.alert import Origin, State
from fenghuo.runtime.room import open_desk
from tests.support.builders import NOON, content, draft, placed, settings, unmatched
from tests.support.rooms_in_process import running_rooms
from tests.support.waiting import until

NOON_MS = clock.to_ms(NOON)


@pytest.fixture
async def desk(redis_url: str, namespace: str) -> AsyncIterator[Desk]:
    opened = open_desk(settings(redis_url=redis_url, namespace=namespace))
    yield opened
    await opened.client.aclose()


async def test_a_cluster_without_news_leaves_the_list_of_dangers_and_is_kept(desk: Desk) -> None:
    held = None
    for n in range(2):
        held = joined(held, placed("c-r0"), unmatched(f"r{n}", "text"), settings(), new=False)
        member = held.members[f"r{n}"]
        await desk.project([e.ClusterChanged(event_id=f"e{n}", at=NOON, cluster=held.head, member=member)])
    later = clock.to_ms(NOON + timedelta(hours=49))
    await desk.prune(clock.to_ms(NOON), cluster_ms=48 * 3_600_000)
    assert [c.cluster_id for c in await desk.clusters.dangerous()] == ["c-r0"]
    await desk.prune(later, cluster_ms=48 * 3_600_000)
    assert await desk.clusters.dangerous() == []
    kept = await desk.clusters.get("c-r0")
    assert kept is not None and [m.report_id for m in kept.members] == ["r0", "r1"]


async def test_a_cluster_is_found_by_its_markers_in_its_district(desk: Desk) -> None:
    held = joined(None, placed("c-r0"), unmatched("r0", "text"), settings(), new=False)
    changed = e.ClusterChanged(
        event_id="e0", at=NOON, cluster=held.head, member=held.members["r0"], markers=("0a", "1b")
    )
    await desk.project([changed])
    district = held.head.district
    found = await desk.clusters.by_marker(district, [("0x", "1b"), (), ("0x",)], NOON_MS + 1)
    assert found == [["c-r0"], [], []]
    assert await desk.clusters.by_marker(district, [("1b",)], NOON_MS) == [[]], "it has news"
    assert await desk.clusters.by_marker("another", [("1b",)], NOON_MS + 1) == [[]]
    assert [c.cluster_id for c in await desk.clusters.get_many(["c-r0", "c-gone"])] == ["c-r0"]


async def test_a_large_cluster_counts_a_report_that_is_read_again_once(desk: Desk) -> None:
    said = "【宠物认领】您走失的猫被好心人送到临江站，请先到 mao.example.com 交寄养押金，逾期送外地。"
    reports = [unmatched(f"r{n}", said, at=NOON + timedelta(milliseconds=n)) for n in range(MEMBERS_KEPT + 3)]
    clustering = Clustering(desk, settings())
    for at in range(0, len(reports), 500):
        await desk.project((await clustering.on_reports_unmatched(reports[at : at + 500])).events)
    clustering.reset_cache()
    assert (await clustering.on_reports_unmatched(reports[-50:])).events == []
    (cluster,) = await desk.clusters.of_district(reports[0].place.district, 0)
    assert (cluster.reports, len(cluster.members)) == (MEMBERS_KEPT + 3, MEMBERS_KEPT)
    assert [cluster.members[0].report_id, cluster.members[-1].report_id] == ["r3", reports[-1].report_id]


async def test_an_alert_whose_time_has_come_expires_and_the_release_with_it(
    redis_url: str, namespace: str
) -> None:
    told = settings(redis_url=redis_url, namespace=namespace)
    async with running_rooms(told, "consumers") as running:
        now = clock.now()
        text = content(expires_at=now + timedelta(milliseconds=300))
        wanted = draft(content=text, origin=Origin(first_report_at=now, fraud_type="BIZ"), at=now)
        assert await running.decide(wanted) == ("ok", "")
        expiry = running.rooms["consumers"].loops[0].__self__  # type: ignore[attr-defined]

        async def expired() -> bool:
            await expiry.expire_due()
            alert = await running.desk.alerts.get("a1")
            return alert is not None and alert.state is State.EXPIRED

        await until(expired, what="the expiry")
        assert await expiry.expire_due() == 0
