"""Which other clusters may be one with this one: those that share something with it first, each with why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup, escape

from console.web.dependencies import Dependencies
from console.web.text_diff import marked
from fenghuo import clock
from fenghuo.domain.alert import Alert
from fenghuo.domain.events import Cluster

LIVE_HOURS = 48
DANGEROUS = 200
OTHERS_SHOWN = 10
"""Of those that share nothing, the most dangerous."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cluster to merge with: its text (differences marked where it is related), and why it stands here."""

    cluster: Cluster
    text: Markup
    why: str
    """The word key of ``related.*``: same_indicator, alike, apart, other."""
    shared: Sequence[str]
    """Links and accounts that both carry."""
    alert: Alert | None


async def dangerous(house: Dependencies) -> list[Cluster]:
    """Clusters with news in the last LIVE_HOURS, the most dangerous first."""
    since = clock.now() - timedelta(hours=LIVE_HOURS)
    found = await house.shared.get("dangerous", lambda: house.desk.clusters.dangerous(DANGEROUS))
    return [cluster for cluster in found if cluster.last_at > since]


async def candidates_of(house: Dependencies, cluster: Cluster) -> list[Candidate]:
    """What ``cluster`` can be merged with: clusters of its district, the related ones first."""
    related = await house.desk.clusters.get_many(cluster.related)
    known = {c.cluster_id: c for c in [*related, *await dangerous(house)]}
    mine = [c for c in known.values() if _may_be_one(cluster, c)]
    far = [c for c in mine if why(cluster, c) == "other"][OTHERS_SHOWN:]
    chosen = [c for c in mine if c not in far]
    chosen.sort(key=lambda c: _ORDER.index(why(cluster, c)))
    alerts = await house.desk.alerts.get_many([c.alert_id for c in chosen if c.alert_id])
    return [_candidate(cluster, c, alerts.get(c.alert_id or "")) for c in chosen]


def _may_be_one(cluster: Cluster, other: Cluster) -> bool:
    return (
        other.cluster_id != cluster.cluster_id
        and other.merged_into is None
        and other.district == cluster.district
    )


_ORDER = ("same_indicator", "alike", "other", "apart")


def why(cluster: Cluster, other: Cluster) -> str:
    """In which way ``other`` is related to ``cluster``."""
    if other.cluster_id in cluster.cannot_link or cluster.cluster_id in other.cannot_link:
        return "apart"
    if shared_by(cluster, other):
        return "same_indicator"
    near = other.cluster_id in cluster.related or cluster.cluster_id in other.related
    return "alike" if near else "other"


def shared_by(cluster: Cluster, other: Cluster) -> list[str]:
    """Links and accounts that both carry, as they are shown."""
    return [x for x in cluster.indicators if x in other.indicators]


def _candidate(cluster: Cluster, other: Cluster, alert: Alert | None) -> Candidate:
    first = cluster.exemplars[0] if cluster.exemplars else ""
    text = other.exemplars[0] if other.exemplars else ""
    reason = why(cluster, other)
    shown = marked(first, text) if reason == "alike" and first else escape(text)
    return Candidate(other, shown, reason, shared_by(cluster, other), alert)
