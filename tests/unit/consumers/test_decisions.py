"""Who is told what came of a report: those whose words led to the warning."""

from types import SimpleNamespace
from typing import Any, NamedTuple

from fenghuo.domain import events as e
from fenghuo.domain.alert import SYSTEM, Action, Origin
from tests.support.builders import DISTRICT, NOON, place, unmatched
from tests.unit.domain.test_alert_lifecycle_two_persons import SmallDesk, approval, by

MEMBERS = {
    "suspicious": {"suspicious": True, "borderline": True},
    "borderline": {"borderline": True},
    "remark": {},
}


class View(NamedTuple):
    row: e.ReportUnmatched


class ClusterDesk(SmallDesk):
    """One that has a cluster of three reports too."""

    def __init__(self) -> None:
        super().__init__()
        self.clusters = SimpleNamespace(get=self.cluster)
        self.reports = SimpleNamespace(get_many=self.reports_by_id)

    async def cluster(self, cluster_id: str) -> e.Cluster:
        members = tuple(
            e.Member(report_id=x, reporter=f"who-{x}", town="东湖镇", at=NOON, **seen)
            for x, seen in MEMBERS.items()
        )
        return e.Cluster(
            cluster_id=cluster_id, district=DISTRICT, revision=3, first_at=NOON, last_at=NOON, exemplars=(),
            reports=3, reporters=3, towns=(), danger=0, members=members,
        )  # fmt: skip

    async def reports_by_id(self, report_ids: Any) -> list[View]:
        return [View(unmatched(x, "原文", place=place())) for x in report_ids]


async def test_those_whose_reports_were_bait_or_just_short_of_it_hear_of_a_withdrawal() -> None:
    desk = ClusterDesk()
    origin = Origin(first_report_at=NOON, fraud_type="BIZ", cluster_id="c-1")
    await desk.give(by(SYSTEM, Action.DRAFT, origin=origin), by("analyst", Action.SUBMIT))
    assert await desk.code(approval(desk, "three")) == "ok"
    events = await desk.give(by("two", Action.RECALL))
    told = [(x.report_id, x.kind) for x in events if isinstance(x, e.ReplyRequested)]
    assert told == [("suspicious", "withdrawn"), ("borderline", "withdrawn")]
