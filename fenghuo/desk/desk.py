"""The desk: what people look at now, read in whole answers and changed only through ``apply``."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from fenghuo.desk.apply_script import APPLY_LUA, Change, packed
from fenghuo.desk.fold import REPORT_KEPT_S, Drafted, ReportRow, planned_field, project
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.domain.alert import Alert, AlertId
from fenghuo.domain.delivery import Row
from fenghuo.domain.taps import is_current_release
from fenghuo.errors import Barred, Unavailable

T = TypeVar("T")
TRACED = 16
"""Clusters that are looked at for one trace."""
_PAGE = 1_000
"""Fields of a large hash that are read at once, so that neither side holds it whole."""
_CHUNK = 2_000
"""Changes a script call applies at once, so that no call holds Redis for long."""


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what became of it."""

    row: ReportRow
    answer: str | None = None
    cluster_id: str | None = None
    handled: e.UrgentHandled | None = None


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


_ALERT = _decoder(Alert)
_CLUSTER = _decoder(e.Cluster)
_MEMBER = _decoder(e.Member)
_DRAFTED = _decoder(Drafted)
_ROW = _decoder(Row)
_REPORT = _decoder(ReportRow)
_GROUP = _decoder(e.Group)
_PERSON = _decoder(e.Person)
_PATTERN = _decoder(e.PatternChanged)
_RELEASE = _decoder(e.Release)
_CHANGED = _decoder(e.AlertChanged)
_TASK = _decoder(e.OpenTask)
_HANDLED = _decoder(e.UrgentHandled)
_HALT = _decoder(e.ChannelChanged)
_IDS = _decoder(tuple[str, ...])


def _payload(value: bytes) -> bytes:
    """The part behind the version that PUT keeps in front."""
    return value.split(b":", 1)[1]


class Desk:
    """Reads and changes the desk in one Redis under one namespace; raises Unavailable when Redis is away."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self.client: Any = client
        self.keys = keys
        self._apply = client.register_script(APPLY_LUA + "apply(ARGV[1])")
        self._mark = client.register_script(
            APPLY_LUA + "apply(ARGV[1]) return redis.call('HMGET', KEYS[1], unpack(ARGV, 2))"
        )

    async def apply(self, changes: Sequence[Change]) -> None:
        """Make ``changes``, in order, some 2,000 at a time, each time all or none; each is safe to repeat, so
        a broken call is too. A PUT and the change behind it are made together: a count and what it counts.
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

    async def drop_old(self, now_ms: int, cluster_ms: int) -> None:
        """Take off the lists what nobody works on any more: reports after 30 days, clusters without news.

        The one change that is no fold of an event; a rebuild brings old entries back until the next call.
        """
        keys, old = self.keys, now_ms - REPORT_KEPT_S * 1000
        async with reaching_redis():
            quiet = await self.client.zrangebyscore(
                keys.clusters_at, "-inf", now_ms - cluster_ms, start=0, num=1000
            )
            pipe = self.client.pipeline(transaction=False)
            for key in (keys.reports, keys.urgent, keys.hit_counts, keys.deadletters):
                pipe.zremrangebyscore(key, "-inf", old)
            if quiet:
                pipe.zrem(keys.clusters, *quiet)
                pipe.zrem(keys.clusters_at, *quiet)
            await pipe.execute()

    async def alert(self, alert_id: str) -> Alert | None:
        return (await self.alerts_by_id([alert_id])).get(alert_id)

    async def alerts_by_id(self, alert_ids: Sequence[str]) -> dict[str, Alert]:
        """The alerts of ``alert_ids`` that exist."""
        return await self._fields(self.keys.alerts, alert_ids, _ALERT)

    async def alerts(self) -> list[Alert]:
        """All alerts, the latest change first."""
        found = await self._all(self.keys.alerts, _ALERT)
        return sorted(found.values(), key=lambda a: a.changed_at, reverse=True)

    async def history(self, alert_id: str) -> list[e.AlertChanged]:
        """Every change of an alert, the first first."""
        async with reaching_redis():
            raw = await self.client.hgetall(self.keys.history(alert_id))
        return sorted((_CHANGED.decode(x) for x in raw.values()), key=lambda x: x.alert.revision)

    async def decision(self, decision_id: str) -> tuple[str, str] | None:
        """(code, message) of a settled decision, code "ok" when it was applied; None while it is under
        way."""
        async with reaching_redis():
            code, message = await self.client.hmget(self.keys.decision(decision_id), "code", "message")
        return None if code is None else (code.decode(), (message or b"").decode())

    async def groups(self) -> dict[str, e.Group]:
        """All groups that are not gone, by id."""
        found = await self._all(self.keys.groups, _GROUP)
        return {group_id: group for group_id, group in found.items() if not group.gone}

    async def groups_by_id(self, group_ids: Sequence[str]) -> dict[str, e.Group]:
        return await self._fields(self.keys.groups, group_ids, _GROUP)

    async def people(self) -> dict[str, e.Person]:
        found = await self._all(self.keys.people, _PERSON)
        return {person_id: person for person_id, person in found.items() if not person.gone}

    async def people_by_id(self, person_ids: Collection[str]) -> dict[str, e.Person]:
        """Those of ``person_ids`` that are there."""
        found = await self._fields(self.keys.people, list(person_ids), _PERSON)
        return {person_id: person for person_id, person in found.items() if not person.gone}

    async def person(self, person_id: str) -> e.Person | None:
        return (await self.people_by_id([person_id])).get(person_id)

    async def patterns(self) -> dict[str, e.PatternChanged]:
        """Patterns learned from alerts, by id (the seeds are not on the desk)."""
        return await self._all(self.keys.patterns, _PATTERN)

    async def cluster(self, cluster_id: str) -> e.Cluster | None:
        found = await self._clusters([cluster_id])
        return found[0] if found else None

    async def clusters_of(self, district: str, since_ms: int) -> list[e.Cluster]:
        """A district's clusters with a report since ``since_ms``, the oldest news first."""
        async with reaching_redis():
            ids = await self.client.zrangebyscore(self.keys.clusters_of(district), since_ms, "+inf")
        return await self._clusters([x.decode() for x in ids])

    async def dangerous_clusters(self, limit: int = 100) -> list[e.Cluster]:
        """Suspicious clusters of two reporters or more, the most dangerous first."""
        async with reaching_redis():
            ids = await self.client.zrevrange(self.keys.clusters, 0, limit - 1)
        return await self._clusters([x.decode() for x in ids])

    async def clusters_by_id(self, ids: Sequence[str]) -> list[e.Cluster]:
        """The clusters of ``ids`` that are kept, each with its members."""
        return await self._clusters(ids)

    async def traced(self, district: str, traces: Sequence[Sequence[str]], before_ms: int) -> list[list[str]]:
        """For each row of traces the district's clusters that have one of them and no report since
        ``before_ms``, the latest few of each."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for trace in (x for row in traces for x in row):
                key = self.keys.trace(district, trace)
                pipe.zrevrangebyscore(key, f"({before_ms}", "-inf", start=0, num=TRACED)
            raw = iter(await pipe.execute())
        return [sorted({x.decode() for _ in row for x in next(raw)}) for row in traces]

    async def _clusters(self, ids: Sequence[str]) -> list[e.Cluster]:
        """The clusters of ``ids`` that are kept, each with its members in the order they came."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for cluster_id in ids:
                pipe.hget(self.keys.cluster(cluster_id), "cluster")
                pipe.hvals(self.keys.members(cluster_id))
            raw = await pipe.execute() if ids else []
        return [_cluster(head, members) for head, members in zip(raw[::2], raw[1::2], strict=True) if head]

    async def hits(
        self, surges: Sequence[tuple[str, str]], since_ms: int
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """(ms, ``report|reporter|group|town``) of each (pattern, district) since ``since_ms``, the first
        first."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for pattern_id, district in surges:
                pipe.zrangebyscore(self.keys.hits(pattern_id, district), since_ms, "+inf", withscores=True)
            raw = await pipe.execute() if surges else []
        return {
            surge: [(int(at_ms), x.decode()) for x, at_ms in found]
            for surge, found in zip(surges, raw, strict=True)
        }

    async def pace(self, surges: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
        """Of each (pattern, district) the hours (their start, ms) in which it was reported in the last days,
        the first first, once for each reporter of that hour."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for pattern_id, district in surges:
                pipe.zrange(self.keys.pace(pattern_id, district), 0, -1, withscores=True)
            raw = await pipe.execute() if surges else []
        return {
            surge: [int(hour_ms) for _, hour_ms in found] for surge, found in zip(surges, raw, strict=True)
        }

    async def first_seen(self, reporters: Sequence[str]) -> dict[str, int]:
        """When (ms) those of ``reporters`` that are remembered were first heard of; an officer: 0."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for reporter in reporters:
                pipe.zscore(self.keys.first_seen(reporter), "first")
            raw = await pipe.execute() if reporters else []
        return {who: int(ms) for who, ms in zip(reporters, raw, strict=True) if ms is not None}

    async def urgent_reports(self, since_ms: int) -> list[ReportView]:
        """The reports since ``since_ms`` in which money is moving or gone, the newest first."""
        async with reaching_redis():
            ids = await self.client.zrevrangebyscore(self.keys.urgent, "+inf", since_ms)
        return await self.reports_by_id([x.decode() for x in ids])

    async def drafted(self, sources: Sequence[str]) -> dict[str, Drafted]:
        """Each of ``sources`` (a cluster id, a surge) to the draft last made from it."""
        return await self._fields(self.keys.drafted, sources, _DRAFTED)

    async def settled(self, decision_ids: Sequence[str]) -> set[str]:
        """Those of ``decision_ids`` whose outcome is known."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for decision_id in decision_ids:
                pipe.exists(self.keys.decision(decision_id))
            raw = await pipe.execute() if decision_ids else []
        return {decision_id for decision_id, there in zip(decision_ids, raw, strict=True) if there}

    async def sightings(self, alert_id: str) -> list[str]:
        """``report|town`` of the further reports of what an alert warns of, the first first."""
        async with reaching_redis():
            raw = await self.client.zrange(self.keys.sightings(alert_id), 0, -1)
        return [x.decode() for x in raw]

    async def release(self, alert_id: str, version: int) -> e.Release | None:
        async with reaching_redis():
            raw = await self.client.get(self.keys.release(alert_id, version))
        return _RELEASE.decode(raw) if raw else None

    async def standing(self, alert_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """(version, kind) of each alert's newest release."""
        if not alert_ids:
            return {}
        async with reaching_redis():
            raw = await self.client.hmget(self.keys.standing, alert_ids)
        return _standing(alert_ids, raw)

    async def mark_and_look(
        self, marks: Sequence[Change], alert_ids: Sequence[str]
    ) -> dict[str, tuple[int, str]]:
        """Make ``marks`` (some hundred at most) and then look, in one step: ``standing`` as it is with
        them."""
        if not alert_ids:
            return {}
        async with reaching_redis():
            raw = await self._mark(keys=[self.keys.standing], args=[packed(marks), *alert_ids])
        return _standing(alert_ids, raw)

    async def asked(self, recalled_since: datetime) -> list[tuple[AlertId, int, e.Kind]]:
        """(alert, version, kind) of what groups are to have now: the warnings that stand, and the corrections
        of what was recalled since ``recalled_since``."""
        async with reaching_redis():
            raw: Mapping[bytes, bytes] = await self.client.hgetall(self.keys.standing)
        told = {k.decode(): _payload(x).decode().split(":", 1) for k, x in raw.items()}
        recalled = await self.alerts_by_id([k for k, (_, kind) in told.items() if kind == "recalled"])
        kinds: tuple[e.Kind, ...] = ("warning", "correction")
        return [
            (AlertId(k), int(version), kind)
            for k, (version, release) in told.items()
            for kind in kinds
            if is_current_release(kind, int(version), (int(version), release))
            and (kind == "warning" or (k in recalled and recalled[k].changed_at >= recalled_since))
        ]

    async def ledger(self, alert_id: str, version: int, kind: str = "warning") -> dict[str, Row]:
        """Every delivery of one alert version, by group id."""
        return await self._all(self.keys.ledger(alert_id, version, kind), _ROW)

    async def asked_for(self, alert_id: str, version: int, kind: str = "warning") -> int:
        """How many deliveries of one alert version have been asked for."""
        async with reaching_redis():
            return int(await self.client.hlen(self.keys.ledger(alert_id, version, kind)))

    async def ledger_pages(
        self, alert_id: str, version: int, kind: str = "warning"
    ) -> AsyncIterator[dict[str, Row]]:
        """Every delivery of one alert version, some at a time; one may come again."""
        async for page in self._pages(self.keys.ledger(alert_id, version, kind)):
            yield {field.decode(): _ROW.decode(_payload(value)) for field, value in page.items()}

    async def planned(self, alert_id: str, version: int, kind: str = "warning") -> int | None:
        """How many deliveries the release led to; None until they are planned."""
        async with reaching_redis():
            raw = await self.client.hget(self.keys.planned, planned_field(alert_id, version, kind))
        return None if raw is None else int(raw)

    async def ledger_rows(self, wanted: Sequence[e.DeliveryRequested | e.TapMade]) -> list[Row | None]:
        """The ledger's row of each wanted delivery, in the same order."""
        by_key: dict[str, list[str]] = {}
        for x in wanted:
            by_key.setdefault(self.keys.ledger(x.alert_id, x.version, x.kind), []).append(x.group_id)
        found = {key: await self._fields(key, group_ids, _ROW) for key, group_ids in by_key.items()}
        return [found[self.keys.ledger(x.alert_id, x.version, x.kind)].get(x.group_id) for x in wanted]

    async def taps_seen(self, taps: Sequence[e.TapMade]) -> set[str]:
        """The ids of those of ``taps`` that have changed a delivery already."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for x in taps:
                pipe.hexists(self.keys.taps(x.alert_id, x.version, x.kind), x.tap_id)
            raw = await pipe.execute() if taps else []
        return {x.tap_id for x, seen in zip(taps, raw, strict=True) if seen}

    async def rebuilding(self) -> bool:
        """Whether the desk is not whole: a rebuild is under way, or was left half done."""
        async with reaching_redis():
            return bool(await self.client.exists(self.keys.rebuilding))

    async def rows_of(
        self, alert_id: str, version: int, kind: str, group_ids: Sequence[str]
    ) -> dict[str, Row]:
        """The ledger's rows of those of ``group_ids`` that have one."""
        return await self._fields(self.keys.ledger(alert_id, version, kind), group_ids, _ROW)

    async def settled_groups(self, alert_id: str, version: int, kind: str = "warning") -> int:
        """How many groups' deliveries have been settled, by now or once."""
        async with reaching_redis():
            return int(await self.client.scard(self.keys.settled_groups(alert_id, version, kind)))

    async def tasks(self) -> dict[str, e.OpenTask]:
        """The tasks that stand on platforms or are to be made, by id."""
        return await self._all(self.keys.tasks, _TASK)

    async def halted(self) -> dict[str, e.ChannelChanged]:
        """The channels, and credentials of channels, that wait until a person resumes them."""
        return await self._all(self.keys.halted, _HALT)

    async def audience(self, digest: str) -> tuple[str, ...] | None:
        """The ids of the groups that were frozen under ``digest``, sorted; None if they are not known."""
        async with reaching_redis():
            raw = await self.client.get(self.keys.audience(digest))
        return _IDS.decode(raw) if raw else None

    async def escalated(self, alert_id: str, version: int, kind: str) -> dict[str, dict[str, int]]:
        """Of each group that was escalated: level (remind, deputy, station) to when (ms)."""
        async with reaching_redis():
            raw: Mapping[bytes, bytes] = await self.client.hgetall(
                self.keys.escalated(alert_id, version, kind)
            )
        found: dict[str, dict[str, int]] = {}
        for field, at_ms in raw.items():
            group_id, _, level = field.decode().rpartition("|")
            found.setdefault(group_id, {})[level] = int(at_ms)
        return found

    async def notices(self, alert_id: str, version: int, kind: str = "warning") -> list[tuple[str, str, int]]:
        """(level, person, ms) of what people were told of an alert's groups that wait for them, the first
        first."""
        async with reaching_redis():
            raw = await self.client.hvals(self.keys.notices(alert_id, version))
        told = [x.decode().split("|") for x in raw]
        mine = ((level, who, int(ms)) for level, who, ms, of in told if of == kind)
        return sorted(mine, key=lambda x: x[2])

    async def notices_made(self, notices: Sequence[e.NoticeRequested]) -> set[str]:
        """The event ids of those of ``notices`` that are on the desk."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for x in notices:
                pipe.hexists(self.keys.notices(x.alert_id, x.version), x.event_id)
            raw = await pipe.execute() if notices else []
        return {x.event_id for x, there in zip(notices, raw, strict=True) if there}

    async def warned(self, day: str) -> AsyncIterator[list[tuple[str, str, str, str]]]:
        """(group, alert, channel, kind) of what groups got or may have got on a day (YYYY-MM-DD in China),
        some at a time; one may come again."""
        async for page in self._pages(self.keys.warned_on(day)):
            yield [(g, a, c, k) for g, a, c, k in (x.decode().split("|") for x in page)]

    async def habits(self, person_ids: Sequence[str]) -> dict[str, list[tuple[int, str, int]]]:
        """Of each person the latest taps, the first first: (ms, ``alert|version|kind``, seconds that it
        waited)."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for person_id in person_ids:
                pipe.zrange(self.keys.habit(person_id), 0, -1, withscores=True)
            raw = await pipe.execute() if person_ids else []
        return {who: [_tap(x, ms) for x, ms in found] for who, found in zip(person_ids, raw, strict=True)}

    async def reports(self, limit: int = 100, offset: int = 0) -> list[ReportView]:
        """The latest reports that have been looked at, the newest first."""
        async with reaching_redis():
            ids = await self.client.zrevrange(self.keys.reports, offset, offset + limit - 1)
        return await self.reports_by_id([x.decode() for x in ids])

    async def reports_by_id(self, report_ids: Sequence[str]) -> list[ReportView]:
        """The reports of ``report_ids`` that are known, in the same order."""
        async with reaching_redis():
            pipe = self.client.pipeline(transaction=False)
            for report_id in report_ids:
                pipe.hmget(self.keys.report(report_id), "row", "answer", "cluster", "handled")
            raw = await pipe.execute() if report_ids else []
        return [_view(*x) for x in raw if x[0]]

    async def report_count(self) -> int:
        async with reaching_redis():
            return int(await self.client.zcard(self.keys.reports))

    async def _all(self, key: str, decoder: msgspec.json.Decoder[T]) -> dict[str, T]:
        async with reaching_redis():
            raw: Mapping[bytes, bytes] = await self.client.hgetall(key)
        found = ((field.decode(), _payload(value)) for field, value in raw.items())
        return {field: decoder.decode(payload) for field, payload in found if payload}

    async def _pages(self, key: str) -> AsyncIterator[Mapping[bytes, bytes]]:
        """A hash, some at a time; what stands in it throughout comes at least once."""
        cursor = 0
        while True:
            async with reaching_redis():
                cursor, page = await self.client.hscan(key, cursor, count=_PAGE)
            yield page
            if not cursor:
                return

    async def _fields(
        self, key: str, fields: Sequence[str], decoder: msgspec.json.Decoder[T]
    ) -> dict[str, T]:
        if not fields:
            return {}
        async with reaching_redis():
            raw = await self.client.hmget(key, fields)
        return {k: decoder.decode(_payload(x)) for k, x in zip(fields, raw, strict=True) if x}


def _standing(alert_ids: Sequence[str], raw: Sequence[bytes | None]) -> dict[str, tuple[int, str]]:
    pairs = {k: _payload(x).decode().split(":", 1) for k, x in zip(alert_ids, raw, strict=True) if x}
    return {k: (int(version), kind) for k, (version, kind) in pairs.items()}


def _tap(told: bytes, at_ms: float) -> tuple[int, str, int]:
    _group, *release, waited_s = told.decode().split("|")
    return int(at_ms), "|".join(release), int(waited_s)


def _view(row: bytes, answer: bytes | None, cluster: bytes | None, handled: bytes | None) -> ReportView:
    return ReportView(
        row=_REPORT.decode(_payload(row)),
        answer=_payload(answer).decode() if answer else None,
        cluster_id=_payload(cluster).decode() if cluster else None,
        handled=_HANDLED.decode(handled) if handled else None,
    )


def _cluster(head: bytes, members: list[bytes]) -> e.Cluster:
    came = sorted((int(version), told) for version, _, told in (x.partition(b":") for x in members) if told)
    found = tuple(_MEMBER.decode(told) for _, told in came)
    return msgspec.structs.replace(_CLUSTER.decode(_payload(head)), members=found)


@asynccontextmanager
async def reaching_redis() -> AsyncIterator[None]:
    """Turn Redis's own errors (away, loading, out of memory) into Unavailable, a closed door into Barred."""
    try:
        yield
    except (AuthenticationError, AuthorizationError) as error:
        raise Barred(f"Redis refused the password in FENGHUO_REDIS_URL: {error}") from error
    except NoPermissionError as error:
        raise Barred(f"Redis does not permit this to the user in FENGHUO_REDIS_URL: {error}") from error
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Unavailable(f"Redis does not answer: {error}") from error
    except RedisError as error:
        raise Unavailable(f"Redis refused: {error}") from error
