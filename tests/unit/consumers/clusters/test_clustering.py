"""Clustering a district's unmatched reports, and the draft at the third distinct reporter."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace

import msgspec

from consumers.clusters.clustering import Clustering
from consumers.clusters.district import LoadedCluster
from consumers.clusters.draft_order import draft_of
from consumers.clusters.growth import joined
from consumers.credibility import CALM
from fenghuo.clock import to_ms
from fenghuo.demo.district import EVERYDAY, NOVEL
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.domain.alert import TEXT_LIMIT, Action, Alert, State
from fenghuo.domain.alert_lifecycle import decide
from patterns.entities.redact import forbidden
from tests.support.builders import DISTRICT, NOON, place, placed, settings, unmatched


class SmallDesk:
    """The reads that clustering makes, from memory; tests/component/test_stories.py has the real one."""

    def __init__(self, clusters: list[e.Cluster] | None = None) -> None:
        self.found_clusters = clusters or []
        self.found_alerts: dict[str, Alert] = {}
        self.asked = 0
        self.new: set[str] = set()
        """Reporters never heard of before; everybody else is known for long."""
        self.reports = SimpleNamespace(first_seen=self.first_seen)
        self.alerts = SimpleNamespace(get=self.alert)
        self.clusters = SimpleNamespace(
            get=self.cluster,
            get_many=self.clusters_by_id,
            of_district=self.of_district,
            by_marker=self.by_marker,
        )

    async def first_seen(self, reporters: list[str]) -> dict[str, int]:
        return {x: 0 for x in reporters if x not in self.new}

    async def alert(self, alert_id: str) -> Alert | None:
        return self.found_alerts.get(alert_id)

    async def by_marker(
        self, district: str, markers: Sequence[Sequence[str]], before_ms: int
    ) -> list[list[str]]:
        return [[] for _ in markers]

    async def clusters_by_id(self, ids: Sequence[str]) -> list[e.Cluster]:
        return [c for c in self.found_clusters if c.cluster_id in ids]

    async def cluster(self, cluster_id: str) -> e.Cluster | None:
        return next(iter(await self.clusters_by_id([cluster_id])), None)

    async def of_district(self, district: str, since_ms: int) -> list[e.Cluster]:
        self.asked += 1
        return [c for c in self.found_clusters if c.district == district and to_ms(c.last_at) >= since_ms]


def clustering(desk: SmallDesk | None = None) -> Clustering:
    return Clustering(desk or SmallDesk(), settings())  # type: ignore[arg-type]


def drafts(events: list[e.Event]) -> list[e.DecisionMade]:
    return [x for x in events if isinstance(x, e.DecisionMade)]


async def test_third_distinct_reporter_raises_one_draft() -> None:
    stage = clustering()
    texts = [*NOVEL, NOVEL[0]]
    outcome = await stage.on_reports_unmatched(
        [unmatched(f"r{n}", text, place=place(f"镇{n}")) for n, text in enumerate(texts)]
    )
    (draft,) = drafts(outcome.events)
    assert draft.order.action is Action.DRAFT
    assert draft.order.origin is not None and draft.order.origin.reports == 3
    assert draft.order.origin.towns == ("镇0", "镇1", "镇2")
    last = [x.cluster for x in outcome.events if isinstance(x, e.ClusterChanged)][-1]
    assert (last.reports, last.reporters, last.alert_id) == (4, 4, draft.order.alert_id)


async def test_who_is_in_trouble_is_never_clustered_nor_drafted_from() -> None:
    desk = SmallDesk()
    told = [unmatched(f"r{n}", text, trouble=True) for n, text in enumerate(NOVEL[:3])]
    outcome = await Clustering(desk, settings()).on_reports_unmatched(told)  # type: ignore[arg-type]
    assert outcome.events == []


async def test_one_reporter_three_times_raises_nothing() -> None:
    outcome = await clustering().on_reports_unmatched(
        [unmatched(f"r{n}", text, reporter="the same") for n, text in enumerate(NOVEL)]
    )
    assert drafts(outcome.events) == []


async def test_a_cluster_without_anything_suspicious_raises_nothing() -> None:
    outcome = await clustering().on_reports_unmatched(
        [unmatched(f"r{n}", text, suspicious=False) for n, text in enumerate(NOVEL)]
    )
    assert drafts(outcome.events) == []


async def test_what_alone_falls_just_short_drafts_at_the_third_person_also_over_a_restart() -> None:
    borderline = [
        unmatched(f"r{n}", text, suspicious=False, borderline=True, place=place(f"镇{n}"))
        for n, text in enumerate(NOVEL)
    ]
    through = await clustering().on_reports_unmatched(borderline)
    two = await clustering().on_reports_unmatched(borderline[:2])
    changes = [x for x in two.events if isinstance(x, e.ClusterChanged)]
    assert not changes[-1].cluster.suspicious and drafts(two.events) == []
    kept = msgspec.structs.replace(changes[-1].cluster, members=tuple(x.member for x in changes))
    third = await clustering(SmallDesk([kept])).on_reports_unmatched(borderline[2:])
    assert third.events == through.events[-2:] and len(drafts(third.events)) == 1
    (last,) = [x.cluster for x in third.events if isinstance(x, e.ClusterChanged)]
    assert last.suspicious and last.danger > CALM


async def test_everyday_talk_makes_no_cluster_of_three() -> None:
    outcome = await clustering().on_reports_unmatched([unmatched(f"r{n}", t) for n, t in enumerate(EVERYDAY)])
    assert all(x.cluster.reports < 3 for x in outcome.events if isinstance(x, e.ClusterChanged))


async def test_a_report_read_twice_counts_once() -> None:
    stage = clustering()
    batch = [unmatched(f"r{n}", text) for n, text in enumerate(NOVEL[:2])]
    await stage.on_reports_unmatched(batch)
    again = await stage.on_reports_unmatched(batch)
    assert again.events == []


async def test_districts_do_not_mix() -> None:
    outcome = await clustering().on_reports_unmatched(
        [unmatched(f"r{n}", text, place=place(district=f"区{n}")) for n, text in enumerate(NOVEL)]
    )
    assert len({x.cluster.cluster_id for x in outcome.events if isinstance(x, e.ClusterChanged)}) == 3


async def test_what_was_forgotten_is_read_from_the_desk_again() -> None:
    first = await clustering().on_reports_unmatched([unmatched("r0", NOVEL[0]), unmatched("r1", NOVEL[1])])
    changes = [x for x in first.events if isinstance(x, e.ClusterChanged)]
    kept = msgspec.structs.replace(changes[-1].cluster, members=tuple(x.member for x in changes))
    desk = SmallDesk([kept])
    stage = clustering(desk)
    outcome = await stage.on_reports_unmatched([unmatched("r2", NOVEL[2])])
    assert len(drafts(outcome.events)) == 1
    stage.reset_cache()
    await stage.on_reports_unmatched([unmatched("r3", NOVEL[2])])
    assert desk.asked == 2


async def test_a_cluster_without_news_for_two_days_is_no_longer_joined() -> None:
    stage = clustering()
    await stage.on_reports_unmatched([unmatched("r0", NOVEL[0]), unmatched("r1", NOVEL[1])])
    later = NOON + timedelta(hours=49)
    outcome = await stage.on_reports_unmatched([unmatched("r2", NOVEL[2], at=later)])
    (changed,) = outcome.events
    assert isinstance(changed, e.ClusterChanged) and changed.cluster.reports == 1


async def test_a_draft_that_ended_unseen_does_not_silence_its_scam() -> None:
    desk = SmallDesk()
    stage = clustering(desk)
    first = await stage.on_reports_unmatched([unmatched(f"r{n}", text) for n, text in enumerate(NOVEL)])
    (draft,) = drafts(first.events)
    alert = decide(None, draft.order, findings=(), reach=(1, 1))
    desk.found_alerts[alert.alert_id] = msgspec.structs.replace(alert, state=State.REJECTED, changed_at=NOON)
    later = NOON + timedelta(hours=1)
    two = await stage.on_reports_unmatched([unmatched(f"s{n}", NOVEL[n], at=later) for n in range(2)])
    assert drafts(two.events) == []
    third = await stage.on_reports_unmatched([unmatched("s2", NOVEL[2], at=later)])
    (again,) = drafts(third.events)
    assert again.order.alert_id != alert.alert_id


async def test_a_standing_alert_is_not_drafted_again() -> None:
    desk = SmallDesk()
    stage = clustering(desk)
    first = await stage.on_reports_unmatched([unmatched(f"r{n}", text) for n, text in enumerate(NOVEL)])
    (draft,) = drafts(first.events)
    desk.found_alerts[draft.order.alert_id] = decide(None, draft.order, findings=(), reach=(1, 1))
    more = await stage.on_reports_unmatched([unmatched(f"s{n}", NOVEL[n % 3]) for n in range(9)])
    assert drafts(more.events) == []


async def test_what_only_one_person_wrote_is_never_quoted() -> None:
    mine = "我是东湖镇锦绣小区三栋的张伟，"
    outcome = await clustering().on_reports_unmatched(
        [unmatched("r0", mine + NOVEL[0]), unmatched("r1", NOVEL[1]), unmatched("r2", NOVEL[2])]
    )
    (draft,) = drafts(outcome.events)
    assert draft.order.content is not None
    assert "张伟" not in draft.order.content.title + draft.order.content.text
    assert "内容是“逾期将列入经营异常名录”" in draft.order.content.text


def test_a_cluster_holds_a_bounded_number_of_members_and_counts_on() -> None:
    held = joined(None, placed("c", exemplar=True), unmatched("r0", "x"), settings(), new=False)
    first, almost = held.members["r0"], MEMBERS_KEPT - 2
    members = {
        f"r{n}": msgspec.structs.replace(first, report_id=f"r{n}", reporter=f"who-r{n}")
        for n in range(almost)
    }
    held = LoadedCluster(msgspec.structs.replace(held.head, reports=almost, reporters=almost), members)
    for n in range(almost, MEMBERS_KEPT + 5):
        held = joined(held, placed("c"), unmatched(f"r{n}", "x"), settings(), new=False)
    assert list(held.members) == [f"r{n}" for n in range(5, MEMBERS_KEPT + 5)]
    assert held.head.reports == MEMBERS_KEPT + 5
    assert held.head.reporters == MEMBERS_KEPT + 5


async def test_twenty_new_accounts_at_once_raise_a_mark_and_no_draft() -> None:
    desk = SmallDesk()
    desk.new = {f"who-r{n}" for n in range(20)}
    stage = clustering(desk)
    flood = await stage.on_reports_unmatched([unmatched(f"r{n}", NOVEL[n % 3]) for n in range(20)])
    assert drafts(flood.events) == []
    last = [x.cluster for x in flood.events if isinstance(x, e.ClusterChanged)][-1]
    assert (last.reporters, last.counted_reporters, last.credibility_flags) == (20, 2, ("new_reporters",))
    one_more = await stage.on_reports_unmatched([unmatched("k0", NOVEL[0])])
    (draft,) = drafts(one_more.events)
    assert draft.order.origin is not None and draft.order.origin.credibility_flags == ("new_reporters",)
    assert draft.order.content is not None and "3 人" in draft.order.content.text


async def test_twenty_reports_by_one_person_raise_a_mark_and_no_draft() -> None:
    outcome = await clustering().on_reports_unmatched(
        [unmatched(f"r{n}", NOVEL[n % 3], reporter="the same") for n in range(20)]
    )
    assert drafts(outcome.events) == []
    last = [x.cluster for x in outcome.events if isinstance(x, e.ClusterChanged)][-1]
    assert (last.counted_reporters, last.credibility_flags) == (1, ("one_reporter",))


async def test_first_reports_from_three_towns_are_believed() -> None:
    desk = SmallDesk()
    desk.new = {f"who-r{n}" for n in range(3)}
    outcome = await clustering(desk).on_reports_unmatched(
        [unmatched(f"r{n}", text, place=place(f"镇{n}")) for n, text in enumerate(NOVEL)]
    )
    (draft,) = drafts(outcome.events)
    assert draft.order.origin is not None and draft.order.origin.credibility_flags == ()


def test_the_draft_fits_passes_the_linter_and_says_where() -> None:
    held = None
    for n, text in enumerate(NOVEL):
        report = unmatched(
            f"r{n}", text, place=place(f"镇{n}"), fraud_type="BIZ", indicators=("gs[.]example",)
        )
        held = joined(held, placed("c-r0"), report, settings(), new=False)
    assert held is not None
    content = draft_of(held.head, NOON, 24, None).order.content
    assert content is not None
    assert len(content.text) <= TEXT_LIMIT
    assert forbidden(content.text) == forbidden(content.title) == forbidden(content.correction) == ()
    for needed in ("镇0、镇1、镇2", "3 人", "96110", "110", "gs[.]example", DISTRICT):
        assert needed in content.text
