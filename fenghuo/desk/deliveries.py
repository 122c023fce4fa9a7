"""Deliveries: the ledger, how much of it is planned, retries, halts, owners' tasks, and people's taps."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk import retention
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import JSON, Reader, decoder, payload, reaching_redis
from fenghuo.domain import events as e
from fenghuo.domain.calendar import day_of
from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, LedgerRow, halted_name, ledger_rank, next_attempt


class WarnedGroup(msgspec.Struct, frozen=True, gc=False):
    """What a group got or may have got. Field ``group|alert|channel|kind`` of a hash by day."""

    group_id: str
    alert_id: str
    channel: str
    kind: str

    def encode(self) -> str:
        return f"{self.group_id}|{self.alert_id}|{self.channel}|{self.kind}"

    @classmethod
    def decode(cls, field: bytes) -> "WarnedGroup":
        return cls(*field.decode().split("|"))


class TapTime(msgspec.Struct, frozen=True, gc=False):
    """A person's tap and how long its group had waited for it. Member ``group|alert|version|kind|seconds`` of
    a sorted set by time (ms)."""

    at_ms: int
    group_id: str
    alert_id: str
    version: int
    kind: str
    waited_s: int

    def encode(self) -> str:
        return f"{self.group_id}|{self.alert_id}|{self.version}|{self.kind}|{self.waited_s}"

    @classmethod
    def decode(cls, member: bytes, at_ms: float) -> "TapTime":
        group_id, alert_id, version, kind, waited_s = member.decode().split("|")
        return cls(int(at_ms), group_id, alert_id, int(version), kind, int(waited_s))


class WallEntry(msgspec.Struct, frozen=True, gc=False):
    """A message on a sandbox wall, which broadcast writes and console reads. Member ``group|idempotency key``
    of a sorted set by time (ms)."""

    group_id: str
    idempotency_key: str

    def encode(self) -> str:
        return f"{self.group_id}|{self.idempotency_key}"

    @classmethod
    def decode(cls, member: bytes) -> "WallEntry":
        group_id, _, idempotency_key = member.decode().partition("|")
        return cls(group_id, idempotency_key)


_ROW = decoder(LedgerRow)
_TASK = decoder(e.OpenTask)
_HALT = decoder(e.ChannelChanged)


class Deliveries(Reader):
    """Reads deliveries. One alert version and kind has one ledger: group id to the state of its delivery."""

    async def ledger(self, alert_id: str, version: int, kind: str = "warning") -> dict[str, LedgerRow]:
        """The whole ledger, by group id."""
        return await self._hash(self._keys.ledger(alert_id, version, kind), _ROW)

    async def ledger_pages(
        self, alert_id: str, version: int, kind: str = "warning"
    ) -> AsyncIterator[dict[str, LedgerRow]]:
        """The whole ledger in pages; a row may come twice."""
        async for page in self._pages(self._keys.ledger(alert_id, version, kind)):
            yield {field.decode(): _ROW.decode(payload(value)) for field, value in page.items()}

    async def of_groups(
        self, alert_id: str, version: int, kind: str, group_ids: Sequence[str]
    ) -> dict[str, LedgerRow]:
        """The ledger's rows of those of ``group_ids`` that have one."""
        return await self._fields(self._keys.ledger(alert_id, version, kind), group_ids, _ROW)

    async def rows(self, wanted: Sequence[e.DeliveryRequested | e.TapMade]) -> list[LedgerRow | None]:
        """The ledger's row of each wanted delivery, in the same order."""
        by_key: dict[str, list[str]] = {}
        for x in wanted:
            by_key.setdefault(self._keys.ledger(x.alert_id, x.version, x.kind), []).append(x.group_id)
        found = {key: await self._fields(key, group_ids, _ROW) for key, group_ids in by_key.items()}
        return [found[self._keys.ledger(x.alert_id, x.version, x.kind)].get(x.group_id) for x in wanted]

    async def count(self, alert_id: str, version: int, kind: str = "warning") -> int:
        """Number of deliveries that have been requested."""
        async with reaching_redis():
            return int(await self._client.hlen(self._keys.ledger(alert_id, version, kind)))

    async def planned_count(self, alert_id: str, version: int, kind: str = "warning") -> int | None:
        """Number of deliveries that the release leads to; None until they are planned."""
        async with reaching_redis():
            raw = await self._client.hget(self._keys.planned, _planned_field(alert_id, version, kind))
        return None if raw is None else int(raw)

    async def settled_count(self, alert_id: str, version: int, kind: str = "warning") -> int:
        """Number of groups whose delivery ever reached a final state (it may have been reopened since)."""
        async with reaching_redis():
            return int(await self._client.scard(self._keys.settled_groups(alert_id, version, kind)))

    async def open_tasks(self) -> dict[str, e.OpenTask]:
        """The owners' tasks that are open on a platform or still to be created, by id."""
        return await self._hash(self._keys.tasks, _TASK)

    async def halted(self) -> dict[str, e.ChannelChanged]:
        """The channels, and single credentials of channels, that are halted until a person resumes them."""
        return await self._hash(self._keys.halted, _HALT)

    async def applied_taps(self, taps: Sequence[e.TapMade]) -> set[str]:
        """The ids of those of ``taps`` that have already changed a delivery."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for x in taps:
                pipe.hexists(self._keys.taps(x.alert_id, x.version, x.kind), x.tap_id)
            raw = await pipe.execute() if taps else []
        return {x.tap_id for x, seen in zip(taps, raw, strict=True) if seen}

    async def recent_tap_times(self, person_ids: Sequence[str]) -> dict[str, list[TapTime]]:
        """The latest taps of each person, the oldest first."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for person_id in person_ids:
                pipe.zrange(self._keys.tap_times(person_id), 0, -1, withscores=True)
            raw = await pipe.execute() if person_ids else []
        decode = TapTime.decode
        return {who: [decode(x, ms) for x, ms in found] for who, found in zip(person_ids, raw, strict=True)}

    async def warned_on(self, day: str) -> AsyncIterator[list[WarnedGroup]]:
        """What groups got or may have got on a day (YYYY-MM-DD in China), in pages; one may come twice."""
        decode = WarnedGroup.decode
        async for page in self._pages(self._keys.warned_on(day)):
            yield [decode(x) for x in page]


def sending_mark(
    x: e.DeliveryRequested | e.TaskRequested,
    group_id: str,
    at: datetime,
    keys: Keys,
    *,
    may_have_arrived: bool = True,
) -> Change:
    """The mark that ``x`` is about to leave for a group. The sender writes it before the event: no other
    change of the desk precedes its event. ``may_have_arrived`` False takes it back: ``x`` was
    held in the last moment."""
    row = LedgerRow(
        state=e.DeliveryState.HANDED_OVER, at_ms=to_ms(at), attempt=x.attempt, channel=x.channel,
        may_have_arrived=may_have_arrived,
    )  # fmt: skip
    return _put(keys, x, group_id, row)


def _put(
    keys: Keys, x: e.DeliveryRequested | e.TaskRequested | e.ReceiptRecorded, group_id: str, row: LedgerRow
) -> Change:
    rank = ledger_rank(row.state, row.attempt, row.word)
    return ("PUT", keys.ledger(x.alert_id, x.version, x.kind), group_id, rank, JSON.encode(row))


def _requested(x: e.DeliveryRequested, keys: Keys) -> list[Change]:
    row = LedgerRow(
        state=e.DeliveryState.REQUESTED, at_ms=to_ms(x.at), attempt=x.attempt, channel=x.channel,
        may_have_arrived=x.may_have_arrived,
    )  # fmt: skip
    return [_put(keys, x, x.group_id, row)]


def _task_requested(x: e.TaskRequested, keys: Keys) -> list[Change]:
    if x.attempt > 1:  # the groups' receipts know more: whether an earlier attempt may have created the task
        return []
    row = LedgerRow(state=e.DeliveryState.REQUESTED, at_ms=to_ms(x.at), attempt=x.attempt, channel=x.channel)
    return [_put(keys, x, group_id, row) for group_id in x.group_ids]


def _receipt(x: e.ReceiptRecorded, keys: Keys) -> list[Change]:
    row = LedgerRow(
        state=x.state, at_ms=to_ms(x.at), attempt=x.attempt, channel=x.channel, reason=x.reason,
        may_have_arrived=x.may_have_arrived, cause=x.cause, by=x.by, word=x.word,
        since_ms=to_ms(x.since) if x.since else 0, held=x.held, failures=x.failures,
    )  # fmt: skip
    changes = [_put(keys, x, x.group_id, row)]
    if x.tap_id:
        changes.append(("HSET", keys.taps(x.alert_id, x.version, x.kind), x.tap_id, "1"))
    if x.state is e.DeliveryState.RETRYING:
        changes += _retry(x, keys)
    if x.state in e.SETTLED:
        changes.append(("SADD", keys.settled_groups(x.alert_id, x.version, x.kind), x.group_id))
    if x.state in MAY_HAVE_ARRIVED:
        day = keys.warned_on(day_of(x.at))
        changes.append(("HSET", day, WarnedGroup(x.group_id, x.alert_id, x.channel, x.kind).encode(), "1"))
        changes.append(("EXPIRE", day, retention.WARNED_KEPT_S))
    if x.by and x.since and x.state is e.DeliveryState.SHOWN:
        changes += _tapped(x, x.since, keys)
    return changes


def _retry(x: e.ReceiptRecorded, keys: Keys) -> list[Change]:
    """The next attempt: due at its time, or when a person has resumed its channel."""
    request = e.encode(next_attempt(x))
    if halted := halted_name(x.held):
        return [("ZADD", keys.held(halted), to_ms(x.at), request)]
    return [("ZADD", keys.retries, to_ms(x.retry_at), request)] if x.retry_at is not None else []


def _tapped(x: e.ReceiptRecorded, since: datetime, keys: Keys) -> list[Change]:
    at_ms, waited_s = to_ms(x.at), max(0, int((x.at - since).total_seconds()))
    tap = TapTime(at_ms, x.group_id, x.alert_id, x.version, x.kind, waited_s)
    taps = keys.tap_times(x.by)
    return [
        ("ZADD", taps, at_ms, tap.encode()),
        ("ZREMRANGEBYRANK", taps, 0, -retention.TAP_TIMES_KEPT - 1),
    ]


def _task_changed(x: e.TaskChanged, keys: Keys) -> list[Change]:
    """A closed task is kept as an empty value, so that an older event does not bring it back."""
    value = b"" if x.task.closed else JSON.encode(x.task)
    return [("PUT", keys.tasks, x.task.task_id, x.task.revision, value)]


def _channel(x: e.ChannelChanged, keys: Keys) -> list[Change]:
    """A resumed channel is kept as an empty value, so that an older halt does not come back."""
    return [("PUT", keys.halted, x.name, to_ms(x.at), JSON.encode(x) if x.halted else b"")]


def _planned_field(alert_id: str, version: int, kind: str) -> str:
    return f"{alert_id}:{version}:{kind}"


def _planned(x: e.DeliveriesPlanned, keys: Keys) -> list[Change]:
    return [("HSET", keys.planned, _planned_field(x.alert_id, x.version, x.kind), x.groups)]


FOLDS: Folds = {
    e.DeliveryRequested: _requested,
    e.TaskRequested: _task_requested,
    e.ReceiptRecorded: _receipt,
    e.DeliveriesPlanned: _planned,
    e.TaskChanged: _task_changed,
    e.ChannelChanged: _channel,
}
