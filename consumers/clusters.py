"""What is new? Clusters the unmatched reports of each district, and drafts at the third distinct reporter.

Reads reports.unmatched (keyed by district, so that one process holds a district); writes clusters.changed and
decisions.made. Memory is a copy of the desk: it is read again whenever another process may have worked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from consumers.danger import credible, danger, doubts, is_new
from consumers.drafting import Evidence, compose, in_order, shared_clauses
from consumers.library import OTHER, fraud_types
from fenghuo import events as e
from fenghuo.alerts import ENDED, SYSTEM, Action, AlertId, Order, Origin, Role
from fenghuo.clock import to_ms
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import MEMBERS_KEPT
from fenghuo.transport.pipeline import Outcome
from patterns.clustering import Clusterer

EXEMPLARS_KEPT = 4
INDICATORS_KEPT = 10
SHARED_KEPT = 8
DISTRICTS_HELD = 100
"""Districts in memory at once; one that is not heard of for long is read from the desk again."""


@dataclass(slots=True)
class Held:
    """One cluster in memory: its head, and its latest members by report."""

    head: e.Cluster
    members: dict[str, e.Member] = field(default_factory=dict)


@dataclass(slots=True)
class District:
    """One district's clusters in memory, those with the oldest news first."""

    clusterer: Clusterer
    clusters: dict[str, Held] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    """Report id to cluster id: a redelivered report is not counted twice."""


class Clustering:
    """Places reports; drafts an alert when enough distinct people report one new thing."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._reporters = settings.cluster_reporters
        self._kept = timedelta(hours=settings.cluster_hours)
        self._life_hours = settings.alert_hours
        self._districts: dict[str, District] = {}

    def forget(self) -> None:
        self._districts.clear()

    async def on_reports_unmatched(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        reports = [x for x in events if isinstance(x, e.ReportUnmatched)]
        first_seen = await self._desk.first_seen(list({x.reporter for x in reports}))
        for report in reports:
            district = await self._district(report.place.district, report.at)
            if report.report_id not in district.placed:
                new = is_new(to_ms(report.at), first_seen.get(report.reporter), self._settings)
                outcome.events += await self._place(district, report, new)
        return outcome

    async def _district(self, name: str, at: datetime) -> District:
        held = self._districts.pop(name, None) or await self._read(name, at)
        self._districts[name] = held
        if len(self._districts) > DISTRICTS_HELD:
            del self._districts[next(iter(self._districts))]
        self._age(held, at)
        return held

    async def _read(self, name: str, at: datetime) -> District:
        held = District(Clusterer())
        for cluster in await self._desk.clusters_of(name, to_ms(at - self._kept)):
            held.clusterer.restore(cluster.cluster_id, cluster.exemplars)
            members = {member.report_id: member for member in cluster.members}
            held.clusters[cluster.cluster_id] = Held(msgspec.structs.replace(cluster, members=()), members)
            held.placed |= dict.fromkeys(members, cluster.cluster_id)
        return held

    def _age(self, district: District, at: datetime) -> None:
        """Forget clusters without news for too long."""
        while district.clusters:
            oldest = next(iter(district.clusters.values()))
            if oldest.head.last_at >= at - self._kept:
                return
            del district.clusters[oldest.head.cluster_id]
            district.clusterer.forget(oldest.head.cluster_id)
            for report_id in oldest.members:
                district.placed.pop(report_id, None)

    async def _place(self, district: District, report: e.ReportUnmatched, new: bool) -> list[e.Event]:
        placement = district.clusterer.place(report.report_id, report.masked)
        before = district.clusters.pop(placement.cluster_id, None)
        exemplar = placement.exemplar or before is None
        held = joined(before, placement.cluster_id, report, self._settings, exemplar=exemplar, new=new)
        drafted = await self._draft(held, report.at)
        if drafted is not None:
            held.head = msgspec.structs.replace(held.head, alert_id=drafted.order.alert_id)
        district.clusters[held.head.cluster_id] = held
        district.placed[report.report_id] = held.head.cluster_id
        changed = e.ClusterChanged(
            event_id=e.derive_id(report.report_id, "clustered"), at=report.at, cluster=held.head,
            member=held.members[report.report_id],
        )  # fmt: skip
        return [changed] if drafted is None else [changed, drafted]

    async def _draft(self, held: Held, at: datetime) -> e.DecisionMade | None:
        """The draft that is due: at enough people who count, or at as many anew since the last alert
        ended."""
        if not held.head.suspicious or held.head.credible < self._reporters:
            return None
        previous, since = held.head.alert_id, None
        if previous is not None:
            alert = await self._desk.alert(previous)
            if alert is None or alert.state not in ENDED:
                return None
            since = alert.changed_at
        anew = [m for m in held.members.values() if since is None or m.at > since]
        people = credible(anew, self._settings)
        return draft_of(held.head, at, self._life_hours, previous) if len(people) >= self._reporters else None


def alert_of(cluster_id: str, previous: AlertId | None = None) -> AlertId:
    """The id of the alert drafted from a cluster after ``previous``: the same however often it is drafted."""
    return AlertId(e.derive_id("alert", cluster_id, *([previous] if previous else [])))


def joined(
    before: Held | None, cluster_id: str, report: e.ReportUnmatched, settings: Settings, *, exemplar: bool,
    new: bool,
) -> Held:  # fmt: skip
    """The cluster with ``report`` in it, whose reporter is ``new`` or not; ``before`` stays as it is.
    Pure."""
    member = e.Member(
        report_id=report.report_id, reporter=report.reporter, town=report.place.town, at=report.at,
        suspicious=report.suspicious, group_id=report.place.group_id, new=new,
    )  # fmt: skip
    members = {**(before.members if before else {}), member.report_id: member}
    if len(members) > MEMBERS_KEPT:
        del members[next(iter(members))]
    head = before.head if before else _founded(cluster_id, report)
    new_here = before is not None and all(m.reporter != member.reporter for m in before.members.values())
    shared = (
        shared_clauses(head.exemplars, report.masked) if new_here and len(head.shared) < SHARED_KEPT else []
    )
    reporters = head.reporters + 1 if new_here or before is None else head.reporters
    towns = _more(head.towns, [report.place.town] if report.place.town else [])
    suspicious = head.suspicious or report.suspicious
    counted, worst = credible(members.values(), settings), max(head.worst, report.danger)
    head = msgspec.structs.replace(
        head,
        revision=head.revision + 1,
        last_at=max(head.last_at, report.at),
        exemplars=(*head.exemplars, report.masked)[:EXEMPLARS_KEPT] if exemplar else head.exemplars,
        reports=head.reports + 1,
        reporters=reporters,
        towns=towns,
        suspicious=suspicious,
        danger=danger(counted, worst, settings, suspicious=suspicious),
        fraud_type=head.fraud_type or report.fraud_type,
        indicators=_more(head.indicators, report.indicators)[:INDICATORS_KEPT],
        shared=_more(head.shared, shared)[:SHARED_KEPT],
        worst=worst,
        credible=len(counted),
        doubts=_more(head.doubts, doubts(members.values(), member, settings)),
    )
    return Held(head, members)


def _founded(cluster_id: str, report: e.ReportUnmatched) -> e.Cluster:
    """The head of a cluster before its first report."""
    return e.Cluster(
        cluster_id=cluster_id, district=report.place.district, revision=0, first_at=report.at,
        last_at=report.at, exemplars=(), reports=0, reporters=0, towns=(), danger=0,
    )  # fmt: skip


def _more(known: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *found]))


def draft_of(cluster: e.Cluster, at: datetime, life_hours: int, previous: AlertId | None) -> e.DecisionMade:
    """The order that drafts an alert from ``cluster`` after ``previous``; the same for the same cluster."""
    types = fraud_types()
    kind = types.get(cluster.fraud_type or OTHER, types[OTHER])
    shared = in_order(cluster.shared, cluster.exemplars)
    evidence = Evidence(
        cluster.district, cluster.towns, cluster.credible, shared, cluster.indicators, at, life_hours
    )
    alert_id = alert_of(cluster.cluster_id, previous)
    decision_id = e.derive_id("draft", alert_id)
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.DRAFT, actor=SYSTEM,
        role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=cluster.first_at, fraud_type=kind.code, cluster_id=cluster.cluster_id,
            reports=cluster.reports, towns=cluster.towns, examples=cluster.exemplars,
            doubts=cluster.doubts,
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
