"""Alerts with their history and sightings, the last draft from each source, and the patterns they taught."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys, surge_of
from fenghuo.desk.redis import JSON, Reader, decoder, reaching_redis
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, Alert


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """The last draft made from a cluster or a surge, and the time of what it counted last."""

    alert_id: str
    at_ms: int
    counted: tuple[str, ...] = ()


class Sighting(NamedTuple):
    """A further report of what an alert warns of. Member ``report|town`` of a sorted set by time (ms).

    In words: ``reporter|``.
    """

    report_id: str
    town: str

    def encode(self) -> str:
        return f"{self.report_id}|{self.town}"

    @classmethod
    def decode(cls, member: bytes) -> "Sighting":
        report_id, _, town = member.decode().partition("|")
        return cls(report_id, town)


_ALERT = decoder(Alert)
_CHANGED = decoder(e.AlertChanged)
_DRAFTED = decoder(Drafted)
_PATTERN = decoder(e.PatternChanged)


class Alerts(Reader):
    """Reads alerts and what belongs to them."""

    async def get(self, alert_id: str) -> Alert | None:
        return (await self.get_many([alert_id])).get(alert_id)

    async def get_many(self, alert_ids: Sequence[str]) -> dict[str, Alert]:
        """The alerts of ``alert_ids`` that exist."""
        return await self._fields(self._keys.alerts, alert_ids, _ALERT)

    async def all(self) -> list[Alert]:
        """All alerts, the latest change first."""
        found = await self._hash(self._keys.alerts, _ALERT)
        return sorted(found.values(), key=lambda a: a.changed_at, reverse=True)

    async def history(self, alert_id: str) -> list[e.AlertChanged]:
        """Every change of an alert, the oldest first."""
        async with reaching_redis():
            raw = await self._client.hgetall(self._keys.history(alert_id))
        return sorted((_CHANGED.decode(x) for x in raw.values()), key=lambda x: x.alert.revision)

    async def sightings(self, alert_id: str) -> list[Sighting]:
        """The further reports of what an alert warns of, the oldest first."""
        async with reaching_redis():
            raw = await self._client.zrange(self._keys.sightings(alert_id), 0, -1)
        return [Sighting.decode(x) for x in raw]

    async def drafted_from(self, sources: Sequence[str]) -> dict[str, Drafted]:
        """The last draft made from each of ``sources`` (cluster ids, surges) that has one."""
        return await self._fields(self._keys.drafted, sources, _DRAFTED)

    async def patterns(self) -> dict[str, e.PatternChanged]:
        """Patterns learned from alerts, by id (the seeds are not on the desk)."""
        return await self._hash(self._keys.patterns, _PATTERN)


def _ordered(x: e.DecisionMade, keys: Keys) -> list[Change]:
    order = x.order
    if order.action is not Action.DRAFT or order.origin is None:
        return []
    origin = order.origin
    source = origin.cluster_id
    if origin.pattern_id and order.content:
        source = surge_of(origin.pattern_id, order.content.audience.district)
    drafted = Drafted(alert_id=order.alert_id, at_ms=to_ms(order.at), counted=origin.counted)
    return [("PUT", keys.drafted, source, to_ms(order.at), JSON.encode(drafted))] if source else []


def _changed(x: e.AlertChanged, keys: Keys) -> list[Change]:
    a = x.alert
    return [
        ("PUT", keys.alerts, a.alert_id, a.revision, JSON.encode(a)),
        ("HSET", keys.history(a.alert_id), a.revision, e.encode(x)),
    ]


def _sighted(x: e.SightingRecorded, keys: Keys) -> list[Change]:
    """A sighting in words is kept by its reporter, so that one person counts once."""
    by = Sighting(x.reporter or x.report_id, x.place.town if not x.reporter else "")
    return [("ZADD", keys.sightings(x.alert_id), to_ms(x.at), by.encode())]


def _learned(x: e.PatternChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.patterns, x.pattern_id, to_ms(x.at), JSON.encode(x))]


FOLDS: Folds = {
    e.DecisionMade: _ordered,
    e.AlertChanged: _changed,
    e.SightingRecorded: _sighted,
    e.PatternChanged: _learned,
}
