"""What is new? Clusters the unmatched reports of each district, and drafts at the third distinct reporter.

Reads reports.unmatched (keyed by district, so that one process holds a district); writes clusters.changed and
decisions.made. Memory is a copy of the desk: it is read again whenever another process may have worked.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from consumers.corrections import merged, split
from consumers.credibility import counted_reporters, credibility_flags, danger, is_new, suspected
from consumers.drafting import Evidence, compose, in_order, shared_clauses
from consumers.live_library import OTHER, fraud_types
from fenghuo.clock import to_ms
from fenghuo.desk.desk import Desk
from fenghuo.desk.retention import MEMBERS_KEPT
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, AlertId, Order, Origin, Role
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome
from patterns.clustering import MARKS_KEPT, Clusterer, Placement, markers

RELATED_KEPT = 8
INDICATORS_KEPT = 10
SHARED_KEPT = 8
DISTRICTS_HELD = 100
"""Districts in memory at once; one that is not heard of for long is read from the desk again."""


@dataclass(slots=True)
class LoadedCluster:
    """One cluster in memory: its head, and its latest members by report."""

    head: e.Cluster
    members: dict[str, e.Member] = field(default_factory=dict)


@dataclass(slots=True)
class DistrictClusters:
    """One district's clusters in memory, those with the oldest news first."""

    clusterer: Clusterer
    clusters: dict[str, LoadedCluster] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    """Report id to cluster id: a redelivered report is not counted twice."""

    def hold(self, cluster: e.Cluster) -> LoadedCluster:
        """Have a cluster in memory as the desk has it, with its members; replaces what was held of it."""
        members = {member.report_id: member for member in cluster.members}
        held = LoadedCluster(msgspec.structs.replace(cluster, members=()), members)
        self.clusters[cluster.cluster_id] = held
        self.placed |= dict.fromkeys(members, cluster.cluster_id)
        self.clusterer.restore(cluster.cluster_id, cluster.exemplars, cluster.marks)
        for other_id in cluster.cannot_link:
            self.clusterer.cannot_link(cluster.cluster_id, other_id)
        return held

    def drop(self, cluster_id: str) -> None:
        """Have a cluster in memory no longer; it stays on the desk."""
        self.clusterer.forget(cluster_id)
        for report_id in self.clusters.pop(cluster_id).members:
            self.placed.pop(report_id, None)

    def oldest(self) -> e.Cluster | None:
        """The cluster with the oldest news."""
        return next(iter(self.clusters.values())).head if self.clusters else None


class Clustering:
    """Places reports; drafts an alert when enough people report one new thing; does as a person says."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._reporters = settings.cluster_reporters
        self._kept = timedelta(hours=settings.cluster_hours)
        self._life_hours = settings.alert_hours
        self._districts: dict[str, DistrictClusters] = {}
        first = Clusterer()  # what is compiled at the first call is ready before the first report
        first.restore("", [""], [0])
        first.place("", "")

    def reset_cache(self) -> None:
        self._districts.clear()

    async def on_reports_unmatched(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        new = await self._new(events)
        for name, some in _by_district(events):
            district = await self._district(name, some[0].at)
            reports = list[e.ReportUnmatched]()
            for event in some:
                if isinstance(event, e.ReportUnmatched):
                    if self._is_aged(district, event.at):
                        outcome.events += await self._place(district, reports, new)
                        reports = []
                        self._age(district, event.at)
                    reports.append(event)
                elif isinstance(event, e.ClusterCorrected):
                    outcome.events += await self._place(district, reports, new)
                    reports = []
                    outcome.events += await self._correct(district, event)
            outcome.events += await self._place(district, reports, new)
        return outcome

    async def _new(self, events: Sequence[e.Event]) -> frozenset[str]:
        """The reports among ``events`` whose reporters were heard of only lately."""
        reports = [x for x in events if isinstance(x, e.ReportUnmatched)]
        first = await self._desk.reports.first_seen(list({x.reporter for x in reports}))
        return frozenset(
            x.report_id for x in reports if is_new(to_ms(x.at), first.get(x.reporter), self._settings)
        )

    async def _district(self, name: str, at: datetime) -> DistrictClusters:
        held = self._districts.pop(name, None) or await self._read(name, at)
        self._districts[name] = held
        if len(self._districts) > DISTRICTS_HELD:
            del self._districts[next(iter(self._districts))]
        return held

    async def _read(self, name: str, at: datetime) -> DistrictClusters:
        district = DistrictClusters(Clusterer())
        for cluster in await self._desk.clusters.of_district(name, to_ms(at - self._kept)):
            if cluster.merged_into is None:
                district.hold(cluster)
        return district

    def _is_aged(self, district: DistrictClusters, at: datetime) -> bool:
        """Whether a cluster has been without news for too long."""
        oldest = district.oldest()
        return oldest is not None and oldest.last_at < at - self._kept

    def _age(self, district: DistrictClusters, at: datetime) -> None:
        """Have the clusters no longer that have been without news for too long."""
        while self._is_aged(district, at):
            oldest = district.oldest()
            assert oldest is not None
            district.drop(oldest.cluster_id)

    async def _place(
        self, district: DistrictClusters, reports: Sequence[e.ReportUnmatched], new: Set[str]
    ) -> list[e.Event]:
        """Reports of one district, the ``new`` by people heard of only lately, put where they belong."""
        wanted = list({x.report_id: x for x in reports if x.report_id not in district.placed}.values())
        changes = list[e.Event]()
        at = 0
        for stop, returned in [*(await self._returned(district, wanted)), (len(wanted), ())]:
            changes += await self._place_all(district, wanted[at:stop], new)
            if returned:
                changes += await self._place_beside(district, wanted[stop], returned, new)
            at = stop + (1 if returned else 0)
        return changes

    async def _returned(
        self, district: DistrictClusters, reports: Sequence[e.ReportUnmatched]
    ) -> list[tuple[int, Sequence[e.Cluster]]]:
        """(place of a report, clusters out of memory that it may belong to), in order of place."""
        wanted = markers([report.masked for report in reports])
        if not any(wanted):
            return []
        before_ms = to_ms(reports[0].at - self._kept)
        found = await self._desk.clusters.by_marker(reports[0].place.district, wanted, before_ms)
        ids = [[x for x in some if x not in district.clusters] for some in found]
        aged = {
            c.cluster_id: c
            for c in await self._desk.clusters.get_many(sorted({x for some in ids for x in some}))
        }
        return [
            (n, clusters)
            for n, some in enumerate(ids)
            if (clusters := [aged[x] for x in some if x in aged and aged[x].merged_into is None])
        ]

    async def _place_beside(
        self, district: DistrictClusters, report: e.ReportUnmatched, aged: Sequence[e.Cluster], new: Set[str]
    ) -> list[e.Event]:
        """Place one report where clusters that had aged out of memory are back for it; those that it does not
        join are out again."""
        for cluster in aged:
            district.hold(cluster)
        changes = await self._place_all(district, [report], new)
        joined_id = district.placed[report.report_id]
        for cluster in aged:
            if cluster.cluster_id != joined_id:
                district.drop(cluster.cluster_id)
        return changes

    async def _place_all(
        self, district: DistrictClusters, reports: Sequence[e.ReportUnmatched], new: Set[str]
    ) -> list[e.Event]:
        placements = district.clusterer.place_batch(
            [report.report_id for report in reports], [report.masked for report in reports]
        )
        changes = list[e.Event]()
        for report, placement in zip(reports, placements, strict=True):
            changes += await self._join(district, placement, report, report.report_id in new)
        return changes

    async def _join(
        self, district: DistrictClusters, placement: Placement, report: e.ReportUnmatched, new: bool
    ) -> list[e.Event]:
        before = district.clusters.pop(placement.cluster_id, None)
        held = joined(before, placement, report, self._settings, new=new)
        drafted = await self._draft(held, report.at)
        if drafted is not None:
            held.head = msgspec.structs.replace(held.head, alert_id=drafted.order.alert_id)
        district.clusters[held.head.cluster_id] = held
        district.placed[report.report_id] = held.head.cluster_id
        changed = e.ClusterChanged(
            event_id=e.derive_id(report.report_id, "clustered"), at=report.at, cluster=held.head,
            member=held.members[report.report_id],
            markers=_markers_of(held.head) if placement.exemplar or held.head.reports == 2 else (),
        )  # fmt: skip
        return [changed] if drafted is None else [changed, drafted]

    async def _correct(self, district: DistrictClusters, said: e.ClusterCorrected) -> list[e.Event]:
        """Do as a person says, once; what cannot be any more (it was corrected meanwhile) is left alone."""
        wanted = [said.cluster_id, said.other_id] if said.kind == "merge" else [said.cluster_id]
        found = [await self._whole(district, said.district, x) for x in wanted]
        before = {c.cluster_id: c for c in found if c is not None}
        if any(said.event_id == note.correction_id for c in before.values() for note in c.corrections):
            return []
        possible = len(before) == len(set(wanted)) == len(wanted)
        after = await self._corrected(said, *before.values()) if possible else []
        if not after:
            refused = e.CorrectionRefused(
                event_id=e.derive_id(said.event_id, "refused"), at=said.at, cluster_id=said.cluster_id,
                correction_id=said.event_id,
            )  # fmt: skip
            return [refused]
        for cluster in after:
            if cluster.cluster_id in district.clusters:
                district.drop(cluster.cluster_id)
        changes = list[e.Event]()
        for cluster in after:
            was = before[cluster.cluster_id].members if cluster.cluster_id in before else ()
            changes += await self._redraw(district, cluster, was, said)
        district.clusters = dict(sorted(district.clusters.items(), key=lambda x: x[1].head.last_at))
        return changes

    async def _redraw(
        self,
        district: DistrictClusters,
        cluster: e.Cluster,
        was: Sequence[e.Member],
        said: e.ClusterCorrected,
    ) -> list[e.Event]:
        """Have a cluster as a person said it is; ``was`` are its members before."""
        drafted = None
        if cluster.merged_into is None:
            drafted = await self._draft(district.hold(cluster), said.at)
        if drafted is not None:
            cluster = msgspec.structs.replace(cluster, alert_id=drafted.order.alert_id)
            district.hold(cluster)
        stays = {member.report_id for member in cluster.members}
        redrawn = e.ClusterRedrawn(
            event_id=e.derive_id(said.event_id, cluster.cluster_id), at=said.at, cluster=cluster,
            gone=tuple(m.report_id for m in was if m.report_id not in stays), markers=_markers_of(cluster),
        )  # fmt: skip
        return [redrawn] if drafted is None else [redrawn, drafted]

    async def _corrected(self, said: e.ClusterCorrected, *clusters: e.Cluster) -> list[e.Cluster]:
        if said.kind == "merge":
            into, other = clusters
            return merged(into, other, said, self._settings)
        (cluster,) = clusters
        views = await self._desk.reports.get_many([m.report_id for m in cluster.members])
        texts = {view.row.report_id: view.row.masked for view in views}
        return split(cluster, said, texts, self._settings)

    async def _whole(self, district: DistrictClusters, name: str, cluster_id: str) -> e.Cluster | None:
        """A cluster of the district ``name`` with its members, from memory or the desk; else None."""
        held = district.clusters.get(cluster_id)
        if held is not None:
            return msgspec.structs.replace(held.head, members=tuple(held.members.values()))
        found = await self._desk.clusters.get(cluster_id)
        stands = found is not None and found.merged_into is None and found.district == name
        return found if stands else None

    async def _draft(self, held: LoadedCluster, at: datetime) -> e.DecisionMade | None:
        """The draft that is due: at enough people who count, or at as many anew since the last alert
        ended."""
        if not held.head.suspicious or held.head.counted_reporters < self._reporters:
            return None
        previous, since = held.head.alert_id, None
        if previous is not None:
            alert = await self._desk.alerts.get(previous)
            if alert is None or alert.state not in ENDED:
                return None
            since = alert.changed_at
        anew = [m for m in held.members.values() if since is None or m.at > since]
        people = counted_reporters(anew, self._settings)
        return draft_of(held.head, at, self._life_hours, previous) if len(people) >= self._reporters else None


def alert_of(cluster_id: str, previous: AlertId | None = None) -> AlertId:
    """The id of the alert drafted from a cluster after ``previous``: the same however often it is drafted."""
    return AlertId(e.derive_id("alert", cluster_id, *([previous] if previous else [])))


def _by_district(events: Sequence[e.Event]) -> list[tuple[str, list[e.ReportUnmatched | e.ClusterCorrected]]]:
    """The events of each district, in their order."""
    found: dict[str, list[e.ReportUnmatched | e.ClusterCorrected]] = {}
    for event in events:
        if isinstance(event, e.ReportUnmatched):
            found.setdefault(event.place.district, []).append(event)
        elif isinstance(event, e.ClusterCorrected):
            found.setdefault(event.district, []).append(event)
    return list(found.items())


def _markers_of(cluster: e.Cluster) -> tuple[str, ...]:
    """What a cluster that is no longer in memory is found by; one with a single report is not found again."""
    if cluster.reports < 2 or cluster.merged_into is not None:
        return ()
    return tuple(dict.fromkeys(marker for some in markers(cluster.exemplars) for marker in some))


def joined(
    before: LoadedCluster | None,
    placement: Placement,
    report: e.ReportUnmatched,
    settings: Settings,
    *,
    new: bool,
) -> LoadedCluster:
    """The cluster that a report, by somebody ``new`` or not, was placed into, with it in; ``before`` stays as
    it is. Pure."""
    member = e.Member(
        report_id=report.report_id, reporter=report.reporter, town=report.place.town, at=report.at,
        suspicious=report.suspicious, borderline=report.borderline, group_id=report.place.group_id, new=new,
    )  # fmt: skip
    members = {**(before.members if before else {}), member.report_id: member}
    if len(members) > MEMBERS_KEPT:
        del members[next(iter(members))]
    head = before.head if before else _founded(placement.cluster_id, report)
    new_here = before is not None and all(m.reporter != member.reporter for m in before.members.values())
    shared = (
        shared_clauses(head.exemplars, report.masked) if new_here and len(head.shared) < SHARED_KEPT else []
    )
    reporters = head.reporters + 1 if new_here or before is None else head.reporters
    towns = _more(head.towns, [report.place.town] if report.place.town else [])
    suspicious = head.suspicious or suspected(members.values(), settings)
    adds = placement.exemplar or before is None
    counted, worst = counted_reporters(members.values(), settings), max(head.worst, report.danger)
    head = msgspec.structs.replace(
        head,
        revision=head.revision + 1,
        last_at=max(head.last_at, report.at),
        exemplars=(*head.exemplars, report.masked) if adds else head.exemplars,
        marks=tuple(dict.fromkeys((*head.marks, *placement.marks)))[:MARKS_KEPT],
        related=_more(head.related, (*placement.linked, *placement.near))[:RELATED_KEPT],
        reports=head.reports + 1,
        reporters=reporters,
        towns=towns,
        suspicious=suspicious,
        danger=danger(counted, worst, settings, suspicious=suspicious),
        fraud_type=head.fraud_type or report.fraud_type,
        indicators=_more(head.indicators, report.indicators)[:INDICATORS_KEPT],
        shared=_more(head.shared, shared)[:SHARED_KEPT],
        worst=worst,
        counted_reporters=len(counted),
        credibility_flags=_more(
            head.credibility_flags, credibility_flags(members.values(), member, settings)
        ),
    )
    return LoadedCluster(head, members)


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
        cluster.district, cluster.towns, cluster.counted_reporters, shared, cluster.indicators, at, life_hours
    )
    alert_id = alert_of(cluster.cluster_id, previous)
    decision_id = e.derive_id("draft", alert_id)
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.DRAFT, actor=SYSTEM,
        role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=cluster.first_at, fraud_type=kind.code, cluster_id=cluster.cluster_id,
            reports=cluster.reports, towns=cluster.towns, examples=cluster.exemplars,
            credibility_flags=cluster.credibility_flags,
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
