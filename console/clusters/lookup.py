"""Reading a cluster by an id that a page or link carries, which may have been merged since."""

from litestar.exceptions import NotFoundException

from console.web.dependencies import Dependencies
from fenghuo.domain.events import Cluster


async def current_cluster(deps: Dependencies, cluster_id: str) -> Cluster | None:
    """The cluster, following a merge; None once it has expired."""
    cluster = await deps.desk.clusters.get(cluster_id)
    while cluster is not None and cluster.merged_into is not None:
        cluster = await deps.desk.clusters.get(cluster.merged_into)
    return cluster


async def current_cluster_or_404(deps: Dependencies, cluster_id: str) -> Cluster:
    """The cluster, following a merge; NotFoundException once it has expired."""
    cluster = await current_cluster(deps, cluster_id)
    if cluster is None:
        raise NotFoundException(cluster_id)
    return cluster
