"""The clusters of one district in memory: a copy of the desk that the clustering stage works on."""

from dataclasses import dataclass, field

import msgspec

from fenghuo.domain import events as e
from patterns.clustering import Clusterer


@dataclass(slots=True)
class LoadedCluster:
    """One cluster in memory: its head, and its latest members by report."""

    head: e.Cluster
    members: dict[str, e.Member] = field(default_factory=dict)

    def whole(self) -> e.Cluster:
        """The cluster with its members, as the desk has it."""
        return msgspec.structs.replace(self.head, members=tuple(self.members.values()))


@dataclass(slots=True)
class DistrictClusters:
    """One district's clusters in memory, the one with the oldest last report first."""

    clusterer: Clusterer = field(default_factory=Clusterer)
    clusters: dict[str, LoadedCluster] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    """Report id to cluster id: a redelivered report is not counted twice."""

    def load(self, cluster: e.Cluster) -> LoadedCluster:
        """Load a cluster with its members as the desk has it; replaces an older copy."""
        members = {member.report_id: member for member in cluster.members}
        loaded = LoadedCluster(msgspec.structs.replace(cluster, members=()), members)
        self.clusters[cluster.cluster_id] = loaded
        self.placed |= dict.fromkeys(members, cluster.cluster_id)
        self.clusterer.restore(cluster.cluster_id, cluster.exemplars, cluster.marks)
        for other_id in cluster.cannot_link:
            self.clusterer.cannot_link(cluster.cluster_id, other_id)
        return loaded

    def unload(self, cluster_id: str) -> None:
        """Drop a cluster from memory; it stays on the desk."""
        self.clusterer.forget(cluster_id)
        for report_id in self.clusters.pop(cluster_id).members:
            self.placed.pop(report_id, None)

    def oldest(self) -> e.Cluster | None:
        """The cluster whose last report is the oldest."""
        return next(iter(self.clusters.values())).head if self.clusters else None

    def sort(self) -> None:
        """Restore the order by last report after clusters were loaded out of order."""
        self.clusters = dict(sorted(self.clusters.items(), key=lambda x: x[1].head.last_at))
