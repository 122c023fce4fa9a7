"""Clusters of unmatched reports, each with its members, and what a cluster is found by."""

from collections.abc import Sequence

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk import retention
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import JSON, Reader, decoder, payload, reaching_redis
from fenghuo.domain import events as e

PER_MARKER = 16
"""Clusters that are looked up for one marker, the latest."""
_CLUSTER = decoder(e.Cluster)
_MEMBER = decoder(e.Member)


class Clusters(Reader):
    """Reads clusters, each with its members in the order in which they came."""

    async def get(self, cluster_id: str) -> e.Cluster | None:
        found = await self.get_many([cluster_id])
        return found[0] if found else None

    async def get_many(self, ids: Sequence[str]) -> list[e.Cluster]:
        """The clusters of ``ids`` that are kept."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for cluster_id in ids:
                pipe.hget(self._keys.cluster(cluster_id), "cluster")
                pipe.hvals(self._keys.members(cluster_id))
            raw = await pipe.execute() if ids else []
        return [_decoded(head, members) for head, members in zip(raw[::2], raw[1::2], strict=True) if head]

    async def of_district(self, district: str, since_ms: int) -> list[e.Cluster]:
        """A district's clusters with a report since ``since_ms``, the one without news for longest first."""
        async with reaching_redis():
            ids = await self._client.zrangebyscore(self._keys.clusters_of(district), since_ms, "+inf")
        return await self.get_many([x.decode() for x in ids])

    async def dangerous(self, limit: int = 100) -> list[e.Cluster]:
        """Clusters that are shown to the team, the most dangerous first."""
        async with reaching_redis():
            ids = await self._client.zrevrange(self._keys.clusters, 0, limit - 1)
        return await self.get_many([x.decode() for x in ids])

    async def by_marker(
        self, district: str, markers: Sequence[Sequence[str]], before_ms: int
    ) -> list[list[str]]:
        """For each row of markers the ids of the district's clusters that have one of them and no report
        since ``before_ms``: the latest PER_MARKER for each marker."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for marker in (x for row in markers for x in row):
                key = self._keys.marker(district, marker)
                pipe.zrevrangebyscore(key, f"({before_ms}", "-inf", start=0, num=PER_MARKER)
            raw = iter(await pipe.execute())
        return [sorted({x.decode() for _ in row for x in next(raw)}) for row in markers]


def _decoded(head: bytes, members: list[bytes]) -> e.Cluster:
    parts = (x.partition(b":") for x in members)
    by_revision = sorted((int(revision), value) for revision, _, value in parts if value)
    found = tuple(_MEMBER.decode(value) for _, value in by_revision)
    return msgspec.structs.replace(_CLUSTER.decode(payload(head)), members=found)


def kept_s(cluster: e.Cluster) -> int:
    """How long a cluster stays on the desk after its last report: one with a single report less long."""
    return retention.LONE_KEPT_S if cluster.reports < 2 else retention.CLUSTER_KEPT_S


def _changed(x: e.ClusterChanged, keys: Keys) -> list[Change]:
    c = x.cluster
    put, *others = _head(c, x.markers, keys)
    # The head counts the member, so the script must write both in one call (see Desk.apply).
    return [
        put, _member(c.cluster_id, c.revision, x.member, keys), *others,
        ("EXPIRE", keys.members(c.cluster_id), kept_s(c)),
    ]  # fmt: skip


def _redrawn(x: e.ClusterRedrawn, keys: Keys) -> list[Change]:
    """A correction replaces all members: the new ones take the latest revisions, the other places are
    emptied."""
    c, members = x.cluster, x.cluster.members[-retention.MEMBERS_KEPT :]
    changes = _head(msgspec.structs.replace(c, members=()), x.markers, keys)
    for n in range(min(retention.MEMBERS_KEPT, c.revision + 1)):
        member = members[-1 - n] if n < len(members) else None
        changes.append(_member(c.cluster_id, c.revision - n, member, keys))
    if c.merged_into is not None:
        changes += [("ZREM", keys.clusters, c.cluster_id), ("ZREM", keys.clusters_at, c.cluster_id)]
    return [*changes, ("EXPIRE", keys.members(c.cluster_id), kept_s(c))]


def _member(cluster_id: str, revision: int, member: e.Member | None, keys: Keys) -> Change:
    """A member (None: nobody) under the revision that brought it. The field is the revision modulo
    MEMBERS_KEPT, so it replaces the member that came MEMBERS_KEPT revisions before."""
    value = b"" if member is None else JSON.encode(member)
    return ("PUT", keys.members(cluster_id), revision % retention.MEMBERS_KEPT, revision, value)


def _head(c: e.Cluster, markers: Sequence[str], keys: Keys) -> list[Change]:
    """A cluster without its members, its markers, and its rank among the dangerous ones."""
    key, district, last_ms = keys.cluster(c.cluster_id), keys.clusters_of(c.district), to_ms(c.last_at)
    changes: list[Change] = [
        ("PUT", key, "cluster", c.revision, JSON.encode(c)),
        ("EXPIRE", key, kept_s(c)),
        ("ZADD", district, "GT", last_ms, c.cluster_id),
        ("ZREMRANGEBYSCORE", district, "-inf", last_ms - retention.LONE_KEPT_S * 1000),
    ]
    for marker in markers:
        changes.append(("ZADD", keys.marker(c.district, marker), "GT", last_ms, c.cluster_id))
        changes.append(("EXPIRE", keys.marker(c.district, marker), retention.CLUSTER_KEPT_S))
    if c.tier != "none" or (c.reporters >= 2 and c.suspicious):
        changes.append(("ZADD", keys.clusters, c.danger, c.cluster_id))
        changes.append(("ZADD", keys.clusters_at, "GT", last_ms, c.cluster_id))
    else:
        changes += [("ZREM", keys.clusters, c.cluster_id), ("ZREM", keys.clusters_at, c.cluster_id)]
    return changes


FOLDS: Folds = {e.ClusterChanged: _changed, e.ClusterRedrawn: _redrawn}
