"""The desk: what people look at now, read noun by noun and changed only through ``apply``."""

from collections.abc import Iterable, Sequence
from typing import Any

from fenghuo.desk.alerts import Alerts
from fenghuo.desk.apply_script import APPLY_LUA, Change, packed
from fenghuo.desk.clusters import Clusters
from fenghuo.desk.dead_letters import DeadLetters
from fenghuo.desk.deliveries import Deliveries
from fenghuo.desk.directory import Directory
from fenghuo.desk.fold import project
from fenghuo.desk.keys import Keys
from fenghuo.desk.notices import Notices
from fenghuo.desk.order_outcomes import OrderOutcomes
from fenghuo.desk.redis import reaching_redis
from fenghuo.desk.releases import Releases
from fenghuo.desk.reports import Reports
from fenghuo.desk.retention import REPORT_KEPT_S
from fenghuo.desk.surges import Surges
from fenghuo.domain import events as e

_CHUNK = 2_000
"""Changes per script call, so that no call blocks Redis for long."""


class Desk:
    """The front of the desk's nouns in one Redis under one namespace; raises Unavailable when Redis is
    away."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self.client: Any = client
        self.keys = keys
        self.reports = Reports(client, keys)
        self.surges = Surges(client, keys)
        self.clusters = Clusters(client, keys)
        self.alerts = Alerts(client, keys)
        self.order_outcomes = OrderOutcomes(client, keys)
        self.releases = Releases(client, keys, self.alerts)
        self.deliveries = Deliveries(client, keys)
        self.notices = Notices(client, keys)
        self.directory = Directory(client, keys)
        self.dead_letters = DeadLetters(client, keys)
        self._apply = client.register_script(APPLY_LUA + "apply(ARGV[1])")

    async def apply(self, changes: Sequence[Change]) -> None:
        """Make ``changes`` in order, some 2,000 per script call. Each call is atomic and each change
        idempotent, so a broken call can be repeated. A PUT and the change that follows it share a call: a
        count must not be visible without what it counts.
        """
        async with reaching_redis():
            at = 0
            while at < len(changes):
                end = at + _CHUNK
                while end < len(changes) and changes[end - 1][0] == "PUT":
                    end += 1
                await self._apply(args=[packed(changes[at:end])])
                at = end

    async def project(self, events: Iterable[e.Event]) -> None:
        """Fold ``events`` into the desk."""
        await self.apply([change for event in events for change in project(event, self.keys)])

    async def prune(self, now_ms: int, cluster_ms: int) -> None:
        """Take off the lists what nobody works on any more: reports after 30 days, clusters without a report
        for ``cluster_ms``. This is no fold of an event: a rebuild restores old entries until the next call.
        """
        keys, old = self.keys, now_ms - REPORT_KEPT_S * 1000
        async with reaching_redis():
            quiet = await self.client.zrangebyscore(
                keys.clusters_at, "-inf", now_ms - cluster_ms, start=0, num=1000
            )
            pipe = self.client.pipeline(transaction=False)
            for key in (keys.reports, keys.urgent, keys.matched_patterns, keys.dead_letters):
                pipe.zremrangebyscore(key, "-inf", old)
            if quiet:
                pipe.zrem(keys.clusters, *quiet)
                pipe.zrem(keys.clusters_at, *quiet)
            await pipe.execute()

    async def rebuilding(self) -> bool:
        """Whether the desk is incomplete: a rebuild is under way, or was interrupted."""
        async with reaching_redis():
            return bool(await self.client.exists(self.keys.rebuilding))
