"""What is new? Clusters the unmatched reports of each district, and drafts at the third distinct reporter.

Reads reports.unmatched (keyed by district: one process has all of a district); writes clusters.changed and
decisions.made, for sightings in words reports.sighted and replies.requested. Memory is a copy of the desk:
it is read again whenever another process may have worked.
"""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta

import msgspec

from consumers.clusters.corrections import merged, split
from consumers.clusters.district import DistrictClusters, LoadedCluster
from consumers.clusters.draft_order import draft_of
from consumers.clusters.growth import joined
from consumers.clusters.retellings import drafts_alone, told_alike
from consumers.clusters.sightings import sightings_in_words
from consumers.credibility import counted_reporters, is_new
from fenghuo.clock import to_ms
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome
from patterns.clustering import Clusterer, Placement, markers

TOLD_ALIKE = "说法不同，讲的是同一种骗局"
"""The reason of a merge by the system."""
DISTRICTS_LOADED = 100
"""Districts in memory at once; the least recently used one is dropped."""


class Clustering:
    """Places reports, drafts an alert when enough people report one new thing, and applies corrections."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._reporters = settings.cluster_reporters
        self._kept = timedelta(hours=settings.cluster_hours)
        self._life_hours = settings.alert_hours
        self._districts: dict[str, DistrictClusters] = {}
        _compile_kernels()

    def reset_cache(self) -> None:
        self._districts.clear()

    async def on_reports_unmatched(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        new = await self._by_new_reporters(events)
        told = [x for x in events if isinstance(x, e.ReportUnmatched)]
        sighted, outcome.events = await sightings_in_words(self._desk, told)
        for name, some in _by_district(events):
            district = await self._district(name, some[0].at)
            reports = list[e.ReportUnmatched]()
            for event in some:
                if isinstance(event, e.ReportUnmatched):
                    if self._has_expired(district, event.at):
                        outcome.events += await self._place(district, reports, new)
                        reports = []
                        self._drop_expired(district, event.at)
                    if not event.trouble and event.report_id not in sighted:
                        reports.append(event)
                elif isinstance(event, e.ClusterCorrected):
                    outcome.events += await self._place(district, reports, new)
                    reports = []
                    outcome.events += await self._correct(district, event)
            outcome.events += await self._place(district, reports, new)
        return outcome

    async def _by_new_reporters(self, events: Sequence[e.Event]) -> frozenset[str]:
        """Ids of the reports among ``events`` whose reporters are new (``FENGHUO_NEW_REPORTER_S``)."""
        reports = [x for x in events if isinstance(x, e.ReportUnmatched)]
        first = await self._desk.reports.first_seen(list({x.reporter for x in reports}))
        return frozenset(
            x.report_id for x in reports if is_new(to_ms(x.at), first.get(x.reporter), self._settings)
        )

    async def _district(self, name: str, at: datetime) -> DistrictClusters:
        """The district's clusters, read from the desk unless they are in memory; now the last used ones."""
        loaded = self._districts.pop(name, None) or await self._read(name, at)
        self._districts[name] = loaded
        if len(self._districts) > DISTRICTS_LOADED:
            del self._districts[next(iter(self._districts))]
        return loaded

    async def _read(self, name: str, at: datetime) -> DistrictClusters:
        district = DistrictClusters()
        for cluster in await self._desk.clusters.of_district(name, to_ms(at - self._kept)):
            if cluster.merged_into is None:
                district.load(cluster)
        return district

    def _has_expired(self, district: DistrictClusters, at: datetime) -> bool:
        """Whether a cluster in memory has had no report for ``FENGHUO_CLUSTER_HOURS``."""
        oldest = district.oldest()
        return oldest is not None and oldest.last_at < at - self._kept

    def _drop_expired(self, district: DistrictClusters, at: datetime) -> None:
        """Drop clusters without a report for ``FENGHUO_CLUSTER_HOURS``."""
        while self._has_expired(district, at):
            oldest = district.oldest()
            assert oldest is not None
            district.unload(oldest.cluster_id)

    async def _place(
        self, district: DistrictClusters, reports: Sequence[e.ReportUnmatched], new: Set[str]
    ) -> list[e.Event]:
        """Place ``reports`` of one district in order; ``new`` are the ids of those by new reporters.

        Idempotent: a report that has been placed is skipped.
        """
        wanted = list({x.report_id: x for x in reports if x.report_id not in district.placed}.values())
        changes = list[e.Event]()
        at = 0
        for stop, expired in [*(await self._expired_candidates(district, wanted)), (len(wanted), ())]:
            changes += await self._place_all(district, wanted[at:stop], new)
            if expired:
                changes += await self._place_beside(district, wanted[stop], expired, new)
            at = stop + (1 if expired else 0)
        return changes

    async def _expired_candidates(
        self, district: DistrictClusters, reports: Sequence[e.ReportUnmatched]
    ) -> list[tuple[int, Sequence[e.Cluster]]]:
        """(index of a report, expired clusters on the desk that it shares a marker with), by index."""
        sought = markers([report.masked for report in reports])
        if not any(sought):
            return []
        before_ms = to_ms(reports[0].at - self._kept)
        found = await self._desk.clusters.by_marker(reports[0].place.district, sought, before_ms)
        ids = [[x for x in some if x not in district.clusters] for some in found]
        expired = {
            c.cluster_id: c
            for c in await self._desk.clusters.get_many(sorted({x for some in ids for x in some}))
        }
        return [
            (n, clusters)
            for n, some in enumerate(ids)
            if (clusters := [expired[x] for x in some if x in expired and expired[x].merged_into is None])
        ]

    async def _place_beside(
        self,
        district: DistrictClusters,
        report: e.ReportUnmatched,
        expired: Sequence[e.Cluster],
        new: Set[str],
    ) -> list[e.Event]:
        """Place one report with ``expired`` clusters loaded; unload those that it does not join."""
        for cluster in expired:
            district.load(cluster)
        changes = await self._place_all(district, [report], new)
        joined_id = district.placed[report.report_id]
        for cluster in expired:
            if cluster.cluster_id != joined_id:
                district.unload(cluster.cluster_id)
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
        after = joined(before, placement, report, self._settings, new=new)
        drafted = await self._draft(after, report.at)
        if drafted is not None:
            after.head = msgspec.structs.replace(after.head, alert_id=drafted.order.alert_id)
        district.clusters[after.head.cluster_id] = after
        district.placed[report.report_id] = after.head.cluster_id
        changed = e.ClusterChanged(
            event_id=e.derive_id(report.report_id, "clustered"), at=report.at, cluster=after.head,
            member=after.members[report.report_id],
            markers=_markers_of(after.head) if placement.exemplar or after.head.reports == 2 else (),
        )  # fmt: skip
        if drafted is not None:
            return [changed, drafted]
        return [changed, *await self._put_together(district, after, report)]

    async def _put_together(
        self, district: DistrictClusters, own: LoadedCluster, report: e.ReportUnmatched
    ) -> list[e.Event]:
        """Merge the clusters of reports that tell the trick of ``report`` in words of their own, if they are
        more than the district's past explains."""
        changes = list[e.Event]()
        for other in told_alike(report, own, district, self._settings)[1:]:
            into = district.clusters[own.head.cluster_id]
            merge = e.ClusterCorrected(
                event_id=e.derive_id(report.report_id, "told alike", other.head.cluster_id), at=report.at,
                district=report.place.district, kind="merge", actor=SYSTEM, reason=TOLD_ALIKE,
                cluster_id=into.head.cluster_id, other_id=other.head.cluster_id,
            )  # fmt: skip
            one, gone = merged(into.whole(), other.whole(), merge, self._settings)
            district.unload(other.head.cluster_id)
            one = msgspec.structs.replace(one, told_alike=True)
            changes += await self._redraw(district, gone, tuple(other.members.values()), merge)
            changes += await self._redraw(district, one, tuple(into.members.values()), merge)
        if changes:
            district.sort()
        return changes

    async def _correct(self, district: DistrictClusters, correction: e.ClusterCorrected) -> list[e.Event]:
        """Apply a person's correction. Idempotent; refused if its clusters were corrected meanwhile."""
        wanted = (
            [correction.cluster_id, correction.other_id]
            if correction.kind == "merge"
            else [correction.cluster_id]
        )
        found = [await self._whole(district, correction.district, x) for x in wanted]
        before = {c.cluster_id: c for c in found if c is not None}
        if any(correction.event_id == note.correction_id for c in before.values() for note in c.corrections):
            return []
        possible = len(before) == len(set(wanted)) == len(wanted)
        after = await self._corrected(correction, *before.values()) if possible else []
        if not after:
            refused = e.CorrectionRefused(
                event_id=e.derive_id(correction.event_id, "refused"), at=correction.at,
                cluster_id=correction.cluster_id, correction_id=correction.event_id,
            )  # fmt: skip
            return [refused]
        for cluster in after:
            if cluster.cluster_id in district.clusters:
                district.unload(cluster.cluster_id)
        changes = list[e.Event]()
        for cluster in after:
            members = before[cluster.cluster_id].members if cluster.cluster_id in before else ()
            changes += await self._redraw(district, cluster, members, correction)
        district.sort()
        return changes

    async def _redraw(
        self,
        district: DistrictClusters,
        cluster: e.Cluster,
        before: Sequence[e.Member],
        correction: e.ClusterCorrected,
    ) -> list[e.Event]:
        """Load a corrected cluster and publish it; ``before`` are its members before the correction."""
        drafted = None
        if cluster.merged_into is None:
            drafted = await self._draft(district.load(cluster), correction.at)
        if drafted is not None:
            cluster = msgspec.structs.replace(cluster, alert_id=drafted.order.alert_id)
            district.load(cluster)
        kept = {member.report_id for member in cluster.members}
        redrawn = e.ClusterRedrawn(
            event_id=e.derive_id(correction.event_id, cluster.cluster_id), at=correction.at, cluster=cluster,
            gone=tuple(m.report_id for m in before if m.report_id not in kept), markers=_markers_of(cluster),
        )  # fmt: skip
        return [redrawn] if drafted is None else [redrawn, drafted]

    async def _corrected(self, correction: e.ClusterCorrected, *clusters: e.Cluster) -> list[e.Cluster]:
        if correction.kind == "merge":
            into, other = clusters
            return merged(into, other, correction, self._settings)
        (cluster,) = clusters
        views = await self._desk.reports.get_many([m.report_id for m in cluster.members])
        texts = {view.row.report_id: view.row.masked for view in views}
        return split(cluster, correction, texts, self._settings)

    async def _whole(self, district: DistrictClusters, name: str, cluster_id: str) -> e.Cluster | None:
        """A cluster of the district ``name`` with its members, from memory or the desk; else None."""
        loaded = district.clusters.get(cluster_id)
        if loaded is not None:
            return loaded.whole()
        found = await self._desk.clusters.get(cluster_id)
        exists = found is not None and found.merged_into is None and found.district == name
        return found if exists else None

    async def _draft(self, loaded: LoadedCluster, at: datetime) -> e.DecisionMade | None:
        """The order to draft an alert, if enough reporters count: in all, or since the last alert ended."""
        head = loaded.head
        if not head.suspicious or head.counted_reporters < self._reporters or not drafts_alone(loaded):
            return None
        previous, since = head.alert_id, None
        if previous is not None:
            alert = await self._desk.alerts.get(previous)
            if alert is None or alert.state not in ENDED:
                return None
            since = alert.changed_at
        recent = [m for m in loaded.members.values() if since is None or m.at > since]
        people = counted_reporters(recent, self._settings)
        return draft_of(head, at, self._life_hours, previous) if len(people) >= self._reporters else None


def _compile_kernels() -> None:
    """Call the clusterer once: numba compiles at the first call, which must not wait for the first report."""
    clusterer = Clusterer()
    clusterer.restore("", [""], [0])
    clusterer.place("", "")


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
    """The markers by which a cluster is found once it has expired from memory; none with a single report."""
    if cluster.reports < 2 or cluster.merged_into is not None:
        return ()
    return tuple(dict.fromkeys(marker for some in markers(cluster.exemplars) for marker in some))
