"""What is new? Clusters the unmatched reports of each district, and drafts at the third distinct reporter.

Reads reports.unmatched (keyed by district, so that one process holds a district); writes clusters.changed and
decisions.made. Memory is a copy of the desk: it is read again whenever another process may have worked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from consumers.drafting import Evidence, compose
from consumers.library import OTHER, fraud_types
from fenghuo import events as e
from fenghuo.alerts import SYSTEM, Action, AlertId, Order, Origin, Role
from fenghuo.clock import to_ms
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.transport.pipeline import Outcome
from patterns.clustering import Clusterer

MEMBERS_KEPT = 500
EXEMPLARS_KEPT = 4
INDICATORS_KEPT = 10


@dataclass(slots=True)
class District:
    """One district's clusters in memory."""

    clusterer: Clusterer
    clusters: dict[str, e.Cluster] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    """Report id to cluster id: a redelivered report is not counted twice."""


class Clustering:
    """Places reports; drafts an alert when enough distinct people report one new thing."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._reporters = settings.cluster_reporters
        self._kept = timedelta(hours=settings.cluster_hours)
        self._life_hours = settings.alert_hours
        self._districts: dict[str, District] = {}

    def forget(self) -> None:
        self._districts.clear()

    async def on_reports_unmatched(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        for event in events:
            if isinstance(event, e.ReportUnmatched):
                district = await self._district(event.place.district, event.at)
                outcome.events += self._place(district, event)
        return outcome

    async def _district(self, name: str, at: datetime) -> District:
        if name not in self._districts:
            held = District(Clusterer())
            for cluster in await self._desk.clusters_of(name, to_ms(at - self._kept)):
                held.clusterer.restore(cluster.cluster_id, cluster.exemplars)
                held.clusters[cluster.cluster_id] = cluster
                held.placed |= {member.report_id: cluster.cluster_id for member in cluster.members}
            self._districts[name] = held
        self._age(self._districts[name], at)
        return self._districts[name]

    def _age(self, district: District, at: datetime) -> None:
        """Forget clusters without news for too long; they are kept in the order of their last news."""
        while district.clusters:
            oldest = next(iter(district.clusters.values()))
            if oldest.last_at >= at - self._kept:
                return
            del district.clusters[oldest.cluster_id]
            district.clusterer.forget(oldest.cluster_id)
            for member in oldest.members:
                district.placed.pop(member.report_id, None)

    def _place(self, district: District, report: e.ReportUnmatched) -> list[e.Event]:
        if report.report_id in district.placed:
            return []
        placement = district.clusterer.place(report.report_id, report.masked)
        before = district.clusters.pop(placement.cluster_id, None)
        cluster = joined(before, placement.cluster_id, report, placement.exemplar or before is None)
        drafted = self._drafts(cluster)
        if drafted:
            cluster = msgspec.structs.replace(cluster, alert_id=alert_of(cluster.cluster_id))
        district.clusters[cluster.cluster_id] = cluster
        district.placed[report.report_id] = cluster.cluster_id
        changed = e.ClusterChanged(
            event_id=e.derive_id(report.report_id, "clustered"), at=report.at, cluster=cluster
        )
        return [changed, draft_of(cluster, report.at, self._life_hours)] if drafted else [changed]

    def _drafts(self, cluster: e.Cluster) -> bool:
        enough = cluster.reporters >= self._reporters
        return enough and cluster.alert_id is None and any(m.suspicious for m in cluster.members)


def alert_of(cluster_id: str) -> AlertId:
    """The id of the alert that is drafted from a cluster: the same however often it is drafted."""
    return AlertId(e.derive_id("alert", cluster_id))


def joined(before: e.Cluster | None, cluster_id: str, report: e.ReportUnmatched, exemplar: bool) -> e.Cluster:
    """The cluster with ``report`` in it; pure."""
    member = e.Member(
        report_id=report.report_id, reporter=report.reporter, town=report.place.town, at=report.at,
        suspicious=report.suspicious,
    )  # fmt: skip
    members = (*(before.members if before else ()), member)
    kept = members[-MEMBERS_KEPT:]
    exemplars = before.exemplars if before else ()
    if exemplar:
        exemplars = (*exemplars, report.masked)[:EXEMPLARS_KEPT]
    known = before.reporters if before and len(members) > MEMBERS_KEPT else 0
    reporters = max(known, len({m.reporter for m in members}))
    towns = tuple(dict.fromkeys([*(before.towns if before else ()), *filter(None, [report.place.town])]))
    indicators = dict.fromkeys([*(before.indicators if before else ()), *report.indicators])
    return e.Cluster(
        cluster_id=cluster_id,
        district=report.place.district,
        revision=before.revision + 1 if before else 1,
        first_at=before.first_at if before else report.at,
        last_at=max(before.last_at, report.at) if before else report.at,
        exemplars=exemplars,
        members=kept,
        reports=before.reports + 1 if before else 1,
        reporters=reporters,
        towns=towns,
        danger=danger(kept, reporters, len(towns), max(report.danger, before.danger if before else 0)),
        fraud_type=(before.fraud_type if before else None) or report.fraud_type,
        alert_id=before.alert_id if before else None,
        indicators=tuple(indicators)[:INDICATORS_KEPT],
    )


def danger(members: Sequence[e.Member], reporters: int, towns: int, worst: int) -> int:
    """How urgent a cluster is, 0 to 1000: distinct reporters x places x reports of its last 30 minutes."""
    if not any(m.suspicious for m in members):
        return min(worst, 10)
    since = members[-1].at - timedelta(minutes=30)
    recent = sum(m.at >= since for m in members)
    return min(1000, worst // 4 + 20 * reporters + 10 * max(0, towns - 1) + 5 * recent)


def draft_of(cluster: e.Cluster, at: datetime, life_hours: int) -> e.DecisionMade:
    """The order that drafts an alert from ``cluster``; the same for the same cluster."""
    types = fraud_types()
    kind = types.get(cluster.fraud_type or OTHER, types[OTHER])
    evidence = Evidence(
        cluster.district,
        cluster.towns,
        cluster.reporters,
        cluster.exemplars,
        cluster.indicators,
        at,
        life_hours,
    )
    decision_id = e.derive_id("draft", cluster.cluster_id)
    order = Order(
        decision_id=decision_id, alert_id=alert_of(cluster.cluster_id), action=Action.DRAFT, actor=SYSTEM,
        role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=cluster.first_at, fraud_type=kind.code, cluster_id=cluster.cluster_id,
            reports=cluster.reports, towns=cluster.towns, examples=cluster.exemplars,
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
