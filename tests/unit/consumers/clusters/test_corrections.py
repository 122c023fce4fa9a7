"""What persons say of clusters, and that it holds."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from consumers.clusters.clustering import Clustering
from fenghuo.demo.district import NOVEL
from fenghuo.domain import events as e
from patterns.clustering import markers
from tests.support.builders import DISTRICT, NOON, place, settings, unmatched
from tests.unit.consumers.clusters.test_clustering import SmallDesk, drafts

PARCEL = "您好，您寄往新疆的包裹里被查出违禁药品，海关已立案，请马上联系刘干事做笔录，否则冻结名下账户。"
TEXTS = {"a0": NOVEL[0], "a1": NOVEL[1], "b0": PARCEL}


class Desk(SmallDesk):
    """A desk that folds what clustering publishes, as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.markers: dict[str, list[str]] = {}
        self.reports.get_many = self.reports_by_id

    def fold(self, events: list[e.Event]) -> None:
        held = {c.cluster_id: c for c in self.found_clusters}
        for event in events:
            if isinstance(event, e.ClusterChanged):
                before = held.get(event.cluster.cluster_id)
                members = {m.report_id: m for m in before.members} if before else {}
                members[event.member.report_id] = event.member
                held[event.cluster.cluster_id] = msgspec.structs.replace(
                    event.cluster, members=tuple(members.values())
                )
            elif isinstance(event, e.ClusterRedrawn):
                held[event.cluster.cluster_id] = event.cluster
            if isinstance(event, e.ClusterChanged | e.ClusterRedrawn):
                for marker in event.markers:
                    self.markers.setdefault(marker, []).append(event.cluster.cluster_id)
        self.found_clusters = list(held.values())

    async def by_marker(
        self, district: str, markers: Sequence[Sequence[str]], before_ms: int
    ) -> list[list[str]]:
        return [sorted({x for marker in row for x in self.markers.get(marker, ())}) for row in markers]

    async def reports_by_id(self, report_ids: list[str]) -> list[object]:
        class Row:
            def __init__(self, report_id: str, masked: str) -> None:
                self.row, self.report_id, self.masked = self, report_id, masked

        return [Row(x, self.texts[x]) for x in report_ids if x in self.texts]


class Bench:
    """One clustering and its desk."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.stage = Clustering(self.desk, settings())  # type: ignore[arg-type]

    async def told(self, *events: e.Event) -> list[e.Event]:
        self.desk.texts |= {x.report_id: x.masked for x in events if isinstance(x, e.ReportUnmatched)}
        outcome = await self.stage.on_reports_unmatched(events)
        self.desk.fold(outcome.events)
        return outcome.events

    async def report(self, report_id: str, text: str, minutes: int = 0) -> str:
        """The cluster that a new report went to."""
        at = NOON + timedelta(minutes=minutes)
        events = await self.told(unmatched(report_id, text, at=at, place=place(f"镇{report_id}")))
        return next(x.cluster.cluster_id for x in events if isinstance(x, e.ClusterChanged))

    def cluster(self, cluster_id: str) -> e.Cluster:
        return next(c for c in self.desk.found_clusters if c.cluster_id == cluster_id)

    def restart(self) -> None:
        self.stage = Clustering(self.desk, settings())  # type: ignore[arg-type]


def merge(cluster_id: str, other_id: str, said: str = "m1") -> e.ClusterCorrected:
    return e.ClusterCorrected(
        event_id=said, at=NOON, district=DISTRICT, kind="merge", cluster_id=cluster_id, other_id=other_id,
        actor="zhao", reason="同一伙人",
    )  # fmt: skip


def split(cluster_id: str, *report_ids: str, said: str = "s1") -> e.ClusterCorrected:
    return e.ClusterCorrected(
        event_id=said, at=NOON, district=DISTRICT, kind="split", cluster_id=cluster_id, report_ids=report_ids,
        actor="zhao", reason="不是一回事",
    )  # fmt: skip


async def two_clusters() -> Bench:
    bench = Bench()
    for report_id, text in TEXTS.items():
        await bench.report(report_id, text)
    assert {c.cluster_id for c in bench.desk.found_clusters} == {"c-a0", "c-b0"}
    return bench


async def test_two_that_are_one_are_counted_as_one_and_drafted() -> None:
    bench = await two_clusters()
    events = await bench.told(merge("c-a0", "c-b0"))
    one, gone = bench.cluster("c-a0"), bench.cluster("c-b0")
    assert (one.reports, one.reporters, len(one.members), set(one.towns)) == (
        3,
        3,
        3,
        {"镇a0", "镇a1", "镇b0"},
    )
    assert (gone.merged_into, gone.reports, gone.members) == ("c-a0", 0, ())
    assert [(x.kind, x.actor, x.reason, x.other_id) for x in one.corrections] == [
        ("merge", "zhao", "同一伙人", "c-b0")
    ]
    assert len(drafts(events)) == 1, "three people now report one thing"


async def test_what_falls_just_short_counts_together_once_merged_and_no_more_once_split() -> None:
    bench = Bench()
    for report_id, text in TEXTS.items():
        await bench.told(
            unmatched(report_id, text, suspicious=False, borderline=True, place=place(f"镇{report_id}"))
        )
    assert not any(c.suspicious for c in bench.desk.found_clusters)
    events = await bench.told(merge("c-a0", "c-b0"))
    assert bench.cluster("c-a0").suspicious and len(drafts(events)) == 1
    await bench.told(split("c-a0", "b0"))
    assert not bench.cluster("c-a0").suspicious and not bench.cluster("c-s1").suspicious


async def test_what_was_merged_stays_merged_over_a_restart() -> None:
    bench = await two_clusters()
    await bench.told(merge("c-a0", "c-b0"))
    for _ in range(2):
        assert await bench.report(f"x{_}", PARCEL) == "c-a0"
        bench.restart()
    assert await bench.report("y", NOVEL[2]) == "c-a0"


async def test_what_was_split_off_stays_apart_over_a_restart() -> None:
    bench = await two_clusters()
    await bench.told(split("c-a0", "a1"))
    rest, other = bench.cluster("c-a0"), bench.cluster("c-s1")
    assert ([m.report_id for m in rest.members], rest.exemplars, rest.reports) == (["a0"], (NOVEL[0],), 1)
    assert ([m.report_id for m in other.members], other.exemplars, other.reports) == (["a1"], (NOVEL[1],), 1)
    assert (rest.cannot_link, other.cannot_link) == (("c-s1",), ("c-a0",))
    for _ in range(2):
        assert await bench.report(f"x{_}", NOVEL[1]) == "c-s1"
        assert await bench.report(f"y{_}", NOVEL[0]) == "c-a0"
        assert "c-s1" not in bench.cluster("c-a0").related
        bench.restart()


async def test_a_correction_read_twice_is_done_once() -> None:
    bench = await two_clusters()
    await bench.told(split("c-a0", "a1"))
    for _ in range(2):
        assert await bench.told(split("c-a0", "a1")) == []
        bench.restart()
    await bench.told(merge("c-a0", "c-s1"))
    assert await bench.told(merge("c-a0", "c-s1")) == []
    assert bench.cluster("c-a0").reports == 2


async def test_a_report_that_was_moved_and_is_read_again_counts_once() -> None:
    bench = await two_clusters()
    await bench.told(merge("c-a0", "c-b0"))
    assert await bench.told(unmatched("b0", PARCEL), unmatched("a1", NOVEL[1])) == []
    await bench.told(split("c-a0", "a1"))
    assert await bench.told(unmatched("b0", PARCEL), unmatched("a1", NOVEL[1])) == []


async def test_a_correction_of_what_is_not_there_any_more_is_refused() -> None:
    bench = await two_clusters()
    await bench.told(merge("c-a0", "c-b0"))
    before = bench.desk.found_clusters
    for late in (
        merge("c-a0", "c-b0", "m2"), merge("c-a0", "c-a0", "m3"), split("c-b0", "b0", said="s1"),
        split("c-no", "a0", said="s2"), split("c-a0", "nobody", said="s3"),
        split("c-a0", "a0", "a1", "b0", said="s4"),
    ):  # fmt: skip
        (refused,) = await bench.told(late)
        assert isinstance(refused, e.CorrectionRefused) and refused.correction_id == late.event_id
    assert bench.desk.found_clusters == before


async def test_two_that_were_split_may_be_said_to_be_one_again() -> None:
    bench = await two_clusters()
    await bench.told(split("c-a0", "a1"))
    await bench.told(merge("c-a0", "c-s1"))
    one = bench.cluster("c-a0")
    assert (one.reports, one.cannot_link) == (2, ())
    bench.restart()
    assert await bench.report("x", NOVEL[1]) == "c-a0"


async def test_a_correction_among_reports_is_done_in_its_turn() -> None:
    bench = Bench()
    events = await bench.told(
        unmatched("a0", NOVEL[0]), unmatched("b0", PARCEL), merge("c-a0", "c-b0"), unmatched("b1", PARCEL)
    )
    last = [x for x in events if isinstance(x, e.ClusterChanged)][-1]
    assert (last.cluster.cluster_id, last.cluster.reports) == ("c-a0", 3)


# ---------------------------------------------------------------- out of memory, and back

DAYS = 24 * 60


async def test_a_campaign_that_comes_back_after_weeks_is_found_again() -> None:
    bench = await two_clusters()
    assert await bench.report("x", PARCEL.replace("刘干事", "王干事"), minutes=20 * DAYS) == "c-x", (
        "one report is let go"
    )
    for n in range(2):
        assert await bench.report(f"y{n}", NOVEL[n], minutes=20 * DAYS) == "c-a0"
    assert bench.cluster("c-a0").reports == 4


async def test_what_is_looked_at_and_not_joined_is_out_of_memory_again() -> None:
    bench = await two_clusters()
    bench.desk.markers = {marker: ["c-a0"] for marker in markers([PARCEL])[0]}
    assert await bench.report("x", PARCEL, minutes=20 * DAYS) == "c-x"
    district = bench.stage._districts[DISTRICT]
    assert (list(district.clusters), list(district.placed), len(district.clusterer)) == (["c-x"], ["x"], 1)


async def test_what_a_person_said_holds_for_what_was_out_of_memory() -> None:
    bench = await two_clusters()
    await bench.told(merge("c-a0", "c-b0"))
    assert await bench.report("x", PARCEL, minutes=20 * DAYS) == "c-a0"


def test_alike_texts_share_a_trace_and_others_do_not() -> None:
    first, second, other = (set(some) for some in markers([NOVEL[0], NOVEL[1], PARCEL]))
    assert first & second
    assert not first & other
    assert markers(["好的", ""]) == [(), ()]
