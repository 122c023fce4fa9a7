"""Reports as people see them: what each was recognised as, its cluster, its answer, and who was urgent."""

from collections.abc import Sequence

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk import retention
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import JSON, Reader, decoder, payload, reaching_redis
from fenghuo.domain import events as e


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """A report as people see it; the raw text stays in the event and off the desk."""

    report_id: str
    received_ms: int
    place: e.ReportPlace
    stage: e.ScamStage
    state: str
    masked: str
    fraud_type: str | None = None
    title: str = ""
    pattern_id: str | None = None
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    danger: int = 0
    stage_by_text: bool = False
    stage_by_model: bool = False
    matter: str = "fraud"

    @property
    def urgent(self) -> bool:
        """Whether a person must see to it at once: money is going or gone, or it is an emergency."""
        return self.stage in e.URGENT or self.matter == "emergency"


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what became of it."""

    row: ReportRow
    answer: str | None = None
    cluster_id: str | None = None
    handled: e.UrgentHandled | None = None

    @property
    def lowered(self) -> bool:
        """Whether a person has said that the words were no alarm: the stage by the words, or by the second
        reader, does not count."""
        said = self.handled is not None and self.handled.outcome is e.UrgentOutcome.FALSE_ALARM
        row = self.row
        return said and (row.stage_by_text or row.stage_by_model or row.matter == "emergency")

    @property
    def stage(self) -> e.ScamStage:
        """The stage in force, once a person may have lowered it."""
        return e.ScamStage.RECEIVED if self.lowered else self.row.stage


_ROW = decoder(ReportRow)
_HANDLED = decoder(e.UrgentHandled)
_ANSWER_RANK = {"new": 1, "known": 2, "warned": 3, "withdrawn": 4}


class Reports(Reader):
    """Reads reports and what is known of their reporters."""

    async def latest(self, limit: int = 100, offset: int = 0) -> list[ReportView]:
        """The latest reports that have been triaged, the newest first."""
        async with reaching_redis():
            ids = await self._client.zrevrange(self._keys.reports, offset, offset + limit - 1)
        return await self.get_many([x.decode() for x in ids])

    async def urgent(self, since_ms: int) -> list[ReportView]:
        """The reports since ``since_ms`` in which money is moving or gone, the newest first."""
        async with reaching_redis():
            ids = await self._client.zrevrangebyscore(self._keys.urgent, "+inf", since_ms)
        return await self.get_many([x.decode() for x in ids])

    async def get_many(self, report_ids: Sequence[str]) -> list[ReportView]:
        """The reports of ``report_ids`` that are known, in the same order."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for report_id in report_ids:
                pipe.hmget(self._keys.report(report_id), "row", "answer", "cluster", "handled")
            raw = await pipe.execute() if report_ids else []
        return [_view(*x) for x in raw if x[0]]

    async def sealed(self, report_id: str) -> str:
        """The fraudster's details of a report, under seal (`fenghuo/security/details.py`); "" if none are
        kept."""
        async with reaching_redis():
            value = await self._client.hget(self._keys.report(report_id), "sealed")
        return payload(value).decode() if value else ""

    async def count(self) -> int:
        """How many reports are kept."""
        async with reaching_redis():
            return int(await self._client.zcard(self._keys.reports))

    async def first_seen(self, reporters: Sequence[str]) -> dict[str, int]:
        """When (ms) those of ``reporters`` that are remembered sent their first report; an officer: 0."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for reporter in reporters:
                pipe.zscore(self._keys.first_seen(reporter), "first")
            raw = await pipe.execute() if reporters else []
        return {who: int(ms) for who, ms in zip(reporters, raw, strict=True) if ms is not None}


def _view(row: bytes, answer: bytes | None, cluster: bytes | None, handled: bytes | None) -> ReportView:
    return ReportView(
        row=_ROW.decode(payload(row)),
        answer=payload(answer).decode() if answer else None,
        cluster_id=payload(cluster).decode() if cluster else None,
        handled=_HANDLED.decode(handled) if handled else None,
    )


def _received(x: e.ReportReceived, keys: Keys) -> list[Change]:
    """An officer counts as known from the beginning of time, anybody else from the first report on."""
    first_ms = 0 if x.reporter_kind is e.ReporterKind.OFFICER else to_ms(x.at)
    reporter = keys.first_seen(x.reporter)
    return [
        ("ZADD", keys.reports, to_ms(x.at), x.report_id),
        ("ZADD", reporter, "LT", first_ms, "first"),
        ("EXPIRE", reporter, retention.REPORTER_KEPT_S),
    ]


def _matched(x: e.ReportMatched, keys: Keys) -> list[Change]:
    row = ReportRow(
        report_id=x.report_id, received_ms=to_ms(x.at), place=x.place, stage=x.stage, state="known",
        masked=x.masked, fraud_type=x.fraud_type, title=x.title, pattern_id=x.pattern_id, score=x.score,
        danger=100, stage_by_text=x.stage_by_text, matter=x.matter,
    )  # fmt: skip
    return _put_row(keys, row, 2, x.sealed)


def _unmatched(x: e.ReportUnmatched, keys: Keys) -> list[Change]:
    row = ReportRow(
        report_id=x.report_id, received_ms=to_ms(x.at), place=x.place, stage=x.stage,
        state="suggested" if x.suggested_pattern else "new",
        masked=x.masked, fraud_type=x.fraud_type, title=x.suggested_title, pattern_id=x.suggested_pattern,
        score=x.suggested_score, reasons=x.suggested_reasons, danger=x.danger,
        stage_by_text=x.stage_by_text, stage_by_model=x.stage_by_model, matter=x.matter,
    )  # fmt: skip
    return _put_row(keys, row, 1, x.sealed)


def _put_row(keys: Keys, row: ReportRow, version: int, sealed: str) -> list[Change]:
    return [
        *_put(keys, row.report_id, "row", version, JSON.encode(row)),
        *(_put(keys, row.report_id, "sealed", version, sealed) if sealed else ()),
        ("ZADD", keys.reports, row.received_ms, row.report_id),
        *(_urgent(keys, row) if row.urgent else ()),
    ]


def _urgent(keys: Keys, row: ReportRow) -> list[Change]:
    """Money is moving, or an emergency: an officer sees the report at once, known or new, alone or in a
    cluster.
    """
    return [
        ("ZADD", keys.urgent, row.received_ms, row.report_id),
        ("ZREMRANGEBYSCORE", keys.urgent, "-inf", row.received_ms - retention.URGENT_KEPT_S * 1000),
        ("ZREMRANGEBYRANK", keys.urgent, 0, -retention.URGENT_KEPT - 1),
    ]


def _handled(x: e.UrgentHandled, keys: Keys) -> list[Change]:
    key = keys.report(x.report_id)
    return [("HSETNX", key, "handled", e.encode(x)), ("EXPIRE", key, retention.REPORT_KEPT_S)]


def _clustered(x: e.ClusterChanged, keys: Keys) -> list[Change]:
    return _put(keys, x.member.report_id, "cluster", 0, x.cluster.cluster_id)


def _reclustered(x: e.ClusterRedrawn, keys: Keys) -> list[Change]:
    """The events of two clusters come in any order, so the later correction wins by its time."""
    changes: list[Change] = []
    for member in x.cluster.members[-retention.MEMBERS_KEPT :]:
        changes += _put(keys, member.report_id, "cluster", to_ms(x.at), x.cluster.cluster_id)
    return changes


def _answered(x: e.ReplyRequested, keys: Keys) -> list[Change]:
    return _put(keys, x.report_id, "answer", _ANSWER_RANK[x.kind], x.text)


def _put(keys: Keys, report_id: str, field: str, version: int, value: str | bytes) -> list[Change]:
    key = keys.report(report_id)
    return [("PUT", key, field, version, value), ("EXPIRE", key, retention.REPORT_KEPT_S)]


FOLDS: Folds = {
    e.ReportReceived: _received,
    e.AlarmReceived: _received,
    e.ReportMatched: _matched,
    e.ReportUnmatched: _unmatched,
    e.UrgentHandled: _handled,
    e.ClusterChanged: _clustered,
    e.ClusterRedrawn: _reclustered,
    e.ReplyRequested: _answered,
}
