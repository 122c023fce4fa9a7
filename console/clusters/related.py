"""Clusters that a cluster could be merged with, each with its relation; related ones come first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup, escape

from console.web.dependencies import Dependencies
from console.web.text_diff import mark_differences
from fenghuo import clock
from fenghuo.domain.alert import Alert
from fenghuo.domain.events import Cluster

LIVE_HOURS = 48
MOST_DANGEROUS = 200
OTHERS_SHOWN = 10
"""Number of unrelated clusters that are listed, the most dangerous ones."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cluster to merge with; in ``text`` the differences are marked if it is alike."""

    cluster: Cluster
    text: Markup
    relation: str
    """Word key of ``related.*``: same_indicator, alike, apart, other."""
    shared: Sequence[str]
    """Links and accounts that both contain."""
    alert: Alert | None


async def live_clusters(deps: Dependencies) -> list[Cluster]:
    """Clusters with a report in the last LIVE_HOURS, the most dangerous first."""
    since = clock.now() - timedelta(hours=LIVE_HOURS)
    found = await deps.cache.get_or_load("dangerous", lambda: deps.desk.clusters.dangerous(MOST_DANGEROUS))
    return [cluster for cluster in found if cluster.last_at > since]


async def candidates_of(deps: Dependencies, cluster: Cluster) -> list[Candidate]:
    """The clusters of the same district that ``cluster`` can be merged with, related ones first."""
    related = await deps.desk.clusters.get_many(cluster.related)
    known = {c.cluster_id: c for c in [*related, *await live_clusters(deps)]}
    possible = [c for c in known.values() if _can_merge(cluster, c)]
    unrelated = [c for c in possible if relation(cluster, c) == "other"]
    excess = unrelated[OTHERS_SHOWN:]
    chosen = [c for c in possible if c not in excess]
    chosen.sort(key=lambda c: _ORDER.index(relation(cluster, c)))
    alerts = await deps.desk.alerts.get_many([c.alert_id for c in chosen if c.alert_id])
    return [_candidate(cluster, c, alerts.get(c.alert_id or "")) for c in chosen]


def _can_merge(cluster: Cluster, other: Cluster) -> bool:
    return (
        other.cluster_id != cluster.cluster_id
        and other.merged_into is None
        and other.district == cluster.district
    )


_ORDER = ("same_indicator", "alike", "other", "apart")


def relation(cluster: Cluster, other: Cluster) -> str:
    """How ``other`` is related to ``cluster``: one of _ORDER."""
    if other.cluster_id in cluster.cannot_link or cluster.cluster_id in other.cannot_link:
        return "apart"
    if shared_indicators(cluster, other):
        return "same_indicator"
    is_near = other.cluster_id in cluster.related or cluster.cluster_id in other.related
    return "alike" if is_near else "other"


def shared_indicators(cluster: Cluster, other: Cluster) -> list[str]:
    """Links and accounts that both contain, as they are shown."""
    return [x for x in cluster.indicators if x in other.indicators]


def _candidate(cluster: Cluster, other: Cluster, alert: Alert | None) -> Candidate:
    first = cluster.exemplars[0] if cluster.exemplars else ""
    text = other.exemplars[0] if other.exemplars else ""
    related_as = relation(cluster, other)
    marked = mark_differences(first, text) if related_as == "alike" and first else escape(text)
    return Candidate(other, marked, related_as, shared_indicators(cluster, other), alert)
