"""The desk as a fold of the events: ``project(event)`` gives the changes.

Beside the fold stand only the sender's mark (``handed_over``), the retries that are taken off when they are
published, and ``Desk.drop_old``.

Each change is safe to repeat and to come late, so a redelivered batch, a replay and ``fenghuo rebuild`` all
lead to the same desk.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk.apply_script import Change
from fenghuo.desk.keys import Keys, surge_of
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action
from fenghuo.domain.calendar import DAY_S, HOUR_MS, day_of
from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, Row, ledger_rank, next_attempt

REPORT_KEPT_S = 30 * DAY_S
LONE_KEPT_S, CLUSTER_KEPT_S = 7 * DAY_S, 30 * DAY_S
"""For what one person reported, and for what more did: a campaign comes back after weeks."""
MEMBERS_KEPT = 2_000
"""Members of a cluster that are held one by one, the latest; beyond it is counted."""
HITS_KEPT_S = 2 * DAY_S
HITS_KEPT = 5_000
"""Latest hits of a surge that are held one by one: by far enough to tell that it is one."""
PACE_KEPT_S = 8 * DAY_S
PACE_KEPT = 10_000
"""Latest (hour, reporter) pairs of a surge's past that are held."""
REPORTER_KEPT_S = 30 * DAY_S
"""As long as reports.received is kept, so that a rebuild knows the same reporters."""
URGENT_KEPT_S = DAY_S
URGENT_KEPT = 1_000
DECISION_KEPT_S = DAY_S
WARNED_KEPT_S = 40 * DAY_S
"""As long as the longest quota looks back: a platform's month."""
HABIT_KEPT = 50
"""Latest taps of a person from which the next one is foretold."""


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """The last draft made from a cluster or a surge, and the time of what it counted last."""

    alert_id: str
    at_ms: int
    counted: tuple[str, ...] = ()


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


_JSON = msgspec.json.Encoder()


def project(event: e.Event, keys: Keys) -> list[Change]:
    """The desk's changes for ``event``; an empty list for a fact that is not shown."""
    fold = _FOLDS.get(type(event))
    return fold(event, keys) if fold else []


def projects(kind: type[e.Event]) -> bool:
    """Whether events of ``kind`` reach the desk at all."""
    return kind in _FOLDS


def _report_row(keys: Keys, row: ReportRow, version: int) -> list[Change]:
    key = keys.report(row.report_id)
    return [
        ("PUT", key, "row", version, _JSON.encode(row)),
        ("EXPIRE", key, REPORT_KEPT_S),
        ("ZADD", keys.reports, row.received_ms, row.report_id),
        *(_urgent(keys, row) if row.stage in e.URGENT else ()),
    ]


def _urgent(keys: Keys, row: ReportRow) -> list[Change]:
    """Money is moving: the report goes before an officer at once, known or new, alone or not."""
    return [
        ("ZADD", keys.urgent, row.received_ms, row.report_id),
        ("ZREMRANGEBYSCORE", keys.urgent, "-inf", row.received_ms - URGENT_KEPT_S * 1000),
        ("ZREMRANGEBYRANK", keys.urgent, 0, -URGENT_KEPT - 1),
    ]


def _received(x: e.ReportReceived, keys: Keys) -> list[Change]:
    """An officer is known from the beginning of time, anybody else from the first report."""
    first_ms = 0 if x.reporter_kind is e.ReporterKind.OFFICER else to_ms(x.at)
    reporter = keys.first_seen(x.reporter)
    return [
        ("ZADD", keys.reports, to_ms(x.at), x.report_id),
        ("ZADD", reporter, "LT", first_ms, "first"),
        ("EXPIRE", reporter, REPORTER_KEPT_S),
    ]


def _matched(x: e.ReportMatched, keys: Keys) -> list[Change]:
    row = ReportRow(
        report_id=x.report_id, received_ms=to_ms(x.at), place=x.place, stage=x.stage, state="known",
        masked=x.masked, fraud_type=x.fraud_type, title=x.title, pattern_id=x.pattern_id, score=x.score,
        danger=100,
    )  # fmt: skip
    hit = f"{x.report_id}|{x.reporter}|{x.place.group_id or ''}|{x.place.town}"
    hits = keys.hits(x.pattern_id, x.place.district)
    pace = keys.pace(x.pattern_id, x.place.district)
    hour_ms = to_ms(x.at) // HOUR_MS * HOUR_MS
    return [
        *_report_row(keys, row, 2),
        ("ZADD", hits, to_ms(x.at), hit),
        ("ZREMRANGEBYSCORE", hits, "-inf", to_ms(x.at) - HITS_KEPT_S * 1000),
        ("ZREMRANGEBYRANK", hits, 0, -HITS_KEPT - 1),
        ("EXPIRE", hits, HITS_KEPT_S),
        ("ZADD", pace, hour_ms, f"{hour_ms}|{x.reporter}"),
        ("ZREMRANGEBYSCORE", pace, "-inf", hour_ms - PACE_KEPT_S * 1000),
        ("ZREMRANGEBYRANK", pace, 0, -PACE_KEPT - 1),
        ("EXPIRE", pace, PACE_KEPT_S),
        ("ZADD", keys.hit_counts, to_ms(x.at), x.pattern_id),
    ]


def _unmatched(x: e.ReportUnmatched, keys: Keys) -> list[Change]:
    row = ReportRow(
        report_id=x.report_id, received_ms=to_ms(x.at), place=x.place, stage=x.stage,
        state="suggested" if x.suggested_pattern else "new",
        masked=x.masked, fraud_type=x.fraud_type, title=x.suggested_title, pattern_id=x.suggested_pattern,
        score=x.suggested_score, reasons=x.suggested_reasons,
        danger=x.danger,
    )  # fmt: skip
    return _report_row(keys, row, 1)


def _handled(x: e.UrgentHandled, keys: Keys) -> list[Change]:
    key = keys.report(x.report_id)
    return [
        ("HSETNX", key, "handled", e.encode(x)),
        ("EXPIRE", key, REPORT_KEPT_S),
        *_settled(keys, x.event_id, "ok", ""),
    ]


def _cluster(x: e.ClusterChanged, keys: Keys) -> list[Change]:
    c, link = x.cluster, keys.report(x.member.report_id)
    put, *beside = _head(c, x.traces, keys)
    return [
        put, _member(c.cluster_id, c.revision, x.member, keys), *beside,
        ("PUT", link, "cluster", 0, c.cluster_id), ("EXPIRE", link, REPORT_KEPT_S),
        ("EXPIRE", keys.members(c.cluster_id), kept_s(c)),
    ]  # fmt: skip


def _member(cluster_id: str, revision: int, member: e.Member | None, keys: Keys) -> Change:
    """A cluster's member, or nobody, under the revision that brought it; the one MEMBERS_KEPT before goes."""
    told = b"" if member is None else _JSON.encode(member)
    return ("PUT", keys.members(cluster_id), revision % MEMBERS_KEPT, revision, told)


def _redrawn(x: e.ClusterRedrawn, keys: Keys) -> list[Change]:
    """All members anew, as if they were the latest that came; what else stood there is taken off."""
    c, members = x.cluster, x.cluster.members[-MEMBERS_KEPT:]
    changes = _head(msgspec.structs.replace(c, members=()), x.traces, keys)
    for n in range(min(MEMBERS_KEPT, c.revision + 1)):
        member = members[-1 - n] if n < len(members) else None
        changes.append(_member(c.cluster_id, c.revision - n, member, keys))
    for member in members:
        link = keys.report(member.report_id)  # two clusters' events come in any order: the later word counts
        changes.append(("PUT", link, "cluster", to_ms(x.at), c.cluster_id))
        changes.append(("EXPIRE", link, REPORT_KEPT_S))
    if c.merged_into is not None:
        changes += [("ZREM", keys.clusters, c.cluster_id), ("ZREM", keys.clusters_at, c.cluster_id)]
    for note in c.corrections[-1:]:
        changes += _settled(keys, note.correction_id, "ok", "")
    return [*changes, ("EXPIRE", keys.members(c.cluster_id), kept_s(c))]


def _correction_refused(x: e.CorrectionRefused, keys: Keys) -> list[Change]:
    return _settled(keys, x.correction_id, "stale", "")


def kept_s(cluster: e.Cluster) -> int:
    """How long a cluster stays on the desk after its last report: what one person reported, less."""
    return LONE_KEPT_S if cluster.reports < 2 else CLUSTER_KEPT_S


def _head(c: e.Cluster, traces: Sequence[str], keys: Keys) -> list[Change]:
    """A cluster without its members, what it is found by, and its place among the dangerous."""
    key, district, last_ms = keys.cluster(c.cluster_id), keys.clusters_of(c.district), to_ms(c.last_at)
    changes: list[Change] = [
        ("PUT", key, "cluster", c.revision, _JSON.encode(c)),
        ("EXPIRE", key, kept_s(c)),
        ("ZADD", district, "GT", last_ms, c.cluster_id),
        ("ZREMRANGEBYSCORE", district, "-inf", last_ms - LONE_KEPT_S * 1000),
    ]
    for trace in traces:
        changes.append(("ZADD", keys.trace(c.district, trace), "GT", last_ms, c.cluster_id))
        changes.append(("EXPIRE", keys.trace(c.district, trace), CLUSTER_KEPT_S))
    if c.reporters >= 2 and c.suspicious:
        changes.append(("ZADD", keys.clusters, c.danger, c.cluster_id))
        changes.append(("ZADD", keys.clusters_at, "GT", last_ms, c.cluster_id))
    return changes


def _sighting(x: e.SightingRecorded, keys: Keys) -> list[Change]:
    return [("ZADD", keys.sightings(x.alert_id), to_ms(x.at), f"{x.report_id}|{x.place.town}")]


def _decision(x: e.DecisionMade, keys: Keys) -> list[Change]:
    order = x.order
    if order.action is not Action.DRAFT or order.origin is None:
        return []
    origin = order.origin
    source = origin.cluster_id
    if origin.pattern_id and order.content:
        source = surge_of(origin.pattern_id, order.content.audience.district)
    drafted = _JSON.encode(Drafted(alert_id=order.alert_id, at_ms=to_ms(order.at), counted=origin.counted))
    return [("PUT", keys.drafted, source, to_ms(order.at), drafted)] if source else []


def _settled(keys: Keys, decision_id: str, code: str, message: str) -> list[Change]:
    key = keys.decision(decision_id)
    return [("HSET", key, "code", code, "message", message), ("EXPIRE", key, DECISION_KEPT_S)]


def _alert(x: e.AlertChanged, keys: Keys) -> list[Change]:
    a = x.alert
    return [
        ("PUT", keys.alerts, a.alert_id, a.revision, _JSON.encode(a)),
        ("HSET", keys.history(a.alert_id), a.revision, e.encode(x)),
        *_settled(keys, x.decision_id, "ok", ""),
    ]


def _refused(x: e.DecisionRefused, keys: Keys) -> list[Change]:
    return _settled(keys, x.decision_id, x.code, x.message)


_STANDING = {"approved": 0, "updated": 0, "expired": 1, "recalled": 2}


def _released(x: e.AlertReleased, keys: Keys) -> list[Change]:
    r = x.release
    return [
        ("SET", keys.release(r.alert_id, r.version), _JSON.encode(r)),
        ("PUT", keys.standing, r.alert_id, r.version * 10 + _STANDING[x.kind], f"{r.version}:{x.kind}"),
    ]


def _requested(x: e.DeliveryRequested, keys: Keys) -> list[Change]:
    row = Row(
        state=e.DeliveryState.REQUESTED,
        at_ms=to_ms(x.at),
        attempt=x.attempt,
        channel=x.channel,
        may_have_arrived=x.may_have_arrived,
    )
    return [_on_ledger(keys, x, x.group_id, row)]


def _task_requested(x: e.TaskRequested, keys: Keys) -> list[Change]:
    if x.attempt > 1:  # its groups' receipts say more: whether an earlier attempt may have made it
        return []
    row = Row(state=e.DeliveryState.REQUESTED, at_ms=to_ms(x.at), attempt=x.attempt, channel=x.channel)
    return [_on_ledger(keys, x, group_id, row) for group_id in x.group_ids]


def sending_mark(
    x: e.DeliveryRequested | e.TaskRequested,
    group_id: str,
    at: datetime,
    keys: Keys,
    *,
    may_have_arrived: bool = True,
) -> Change:
    """The mark that ``x`` is about to leave for a group: the one change that is written before its event, by
    the sender. ``may_have_arrived`` False takes it back: it was held in the last moment."""
    row = Row(
        state=e.DeliveryState.HANDED_OVER,
        at_ms=to_ms(at),
        attempt=x.attempt,
        channel=x.channel,
        may_have_arrived=may_have_arrived,
    )
    return _on_ledger(keys, x, group_id, row)


def _on_ledger(
    keys: Keys, x: e.DeliveryRequested | e.TaskRequested | e.ReceiptRecorded, group_id: str, row: Row
) -> Change:
    rank = ledger_rank(row.state, row.attempt, row.word)
    return ("PUT", keys.ledger(x.alert_id, x.version, x.kind), group_id, rank, _JSON.encode(row))


def _receipt(x: e.ReceiptRecorded, keys: Keys) -> list[Change]:
    row = Row(
        state=x.state, at_ms=to_ms(x.at), attempt=x.attempt, channel=x.channel, reason=x.reason,
        may_have_arrived=x.may_have_arrived,
        cause=x.cause, by=x.by, word=x.word, since_ms=to_ms(x.since) if x.since else 0, held=x.held,
        failures=x.failures,
    )  # fmt: skip
    changes = [_on_ledger(keys, x, x.group_id, row)]
    if x.tap_id:
        changes.append(("HSET", keys.taps(x.alert_id, x.version, x.kind), x.tap_id, "1"))
    if x.state is e.DeliveryState.RETRYING:
        changes += _again(x, keys)
    if x.state in e.SETTLED:
        changes.append(("SADD", keys.settled_groups(x.alert_id, x.version, x.kind), x.group_id))
    if x.state in MAY_HAVE_ARRIVED:
        day = keys.warned_on(day_of(x.at))
        changes.append(("HSET", day, f"{x.group_id}|{x.alert_id}|{x.channel}|{x.kind}", "1"))
        changes.append(("EXPIRE", day, WARNED_KEPT_S))
    if x.by and x.since and x.state is e.DeliveryState.SHOWN:
        changes += _tapped(x, x.since, keys)
    return changes


def _again(x: e.ReceiptRecorded, keys: Keys) -> list[Change]:
    """When it is tried again: at its time, or when a person has resumed its channel."""
    request = e.encode(next_attempt(x))
    _, _, halted = x.held.partition("halted:")
    if halted:
        return [("ZADD", keys.held(halted), to_ms(x.at), request)]
    return [("ZADD", keys.retries, to_ms(x.retry_at), request)] if x.retry_at is not None else []


def _tapped(x: e.ReceiptRecorded, since: datetime, keys: Keys) -> list[Change]:
    waited_s = max(0, int((x.at - since).total_seconds()))
    tap = f"{x.group_id}|{x.alert_id}|{x.version}|{x.kind}|{waited_s}"
    habit = keys.habit(x.by)
    return [("ZADD", habit, to_ms(x.at), tap), ("ZREMRANGEBYRANK", habit, 0, -HABIT_KEPT - 1)]


def _task_changed(x: e.TaskChanged, keys: Keys) -> list[Change]:
    told = b"" if x.task.closed else _JSON.encode(x.task)
    return [("PUT", keys.tasks, x.task.task_id, x.task.revision, told)]


def _notice(x: e.NoticeRequested, keys: Keys) -> list[Change]:
    at_ms = to_ms(x.at)
    told = keys.notices(x.alert_id, x.version)
    escalated = keys.escalated(x.alert_id, x.version, x.kind)
    return [
        ("HSET", told, x.event_id, f"{x.level}|{x.person_id}|{at_ms}|{x.kind}"),
        *(("HSET", escalated, f"{group}|{x.level}", at_ms) for group in x.group_ids if x.level != "todo"),
    ]


def _channel(x: e.ChannelChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.halted, x.name, to_ms(x.at), _JSON.encode(x) if x.halted else b"")]


def _frozen(x: e.AudienceFrozen, keys: Keys) -> list[Change]:
    return [("SET", keys.audience(x.digest), _JSON.encode(x.group_ids))]


def planned_field(alert_id: str, version: int, kind: str) -> str:
    """The field of ``keys.planned`` for one alert version."""
    return f"{alert_id}:{version}:{kind}"


def _planned(x: e.DeliveriesPlanned, keys: Keys) -> list[Change]:
    return [("HSET", keys.planned, planned_field(x.alert_id, x.version, x.kind), x.groups)]


def _pattern(x: e.PatternChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.patterns, x.pattern_id, to_ms(x.at), _JSON.encode(x))]


def _group(x: e.GroupChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.groups, x.group.group_id, to_ms(x.at), _JSON.encode(x.group))]


def _person(x: e.PersonChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.people, x.person.person_id, to_ms(x.at), _JSON.encode(x.person))]


_ANSWER_RANK = {"new": 1, "known": 2, "warned": 3, "withdrawn": 4}


def _reply(x: e.ReplyRequested, keys: Keys) -> list[Change]:
    key = keys.report(x.report_id)
    return [("PUT", key, "answer", _ANSWER_RANK[x.kind], x.text), ("EXPIRE", key, REPORT_KEPT_S)]


def _deadletter(x: e.DeadLettered, keys: Keys) -> list[Change]:
    slim = {
        "topic": x.topic,
        "stage": x.stage,
        "position": x.position,
        "reason": x.reason,
        "event_id": x.event_id,
    }
    return [("ZADD", keys.deadletters, to_ms(x.at), _JSON.encode(slim))]


_FOLDS: dict[type[e.Event], Callable[[Any, Keys], list[Change]]] = {
    e.ReportReceived: _received,
    e.ReportMatched: _matched,
    e.ReportUnmatched: _unmatched,
    e.UrgentHandled: _handled,
    e.ClusterChanged: _cluster,
    e.ClusterRedrawn: _redrawn,
    e.CorrectionRefused: _correction_refused,
    e.SightingRecorded: _sighting,
    e.DecisionMade: _decision,
    e.AlertChanged: _alert,
    e.DecisionRefused: _refused,
    e.AlertReleased: _released,
    e.AudienceFrozen: _frozen,
    e.DeliveryRequested: _requested,
    e.TaskRequested: _task_requested,
    e.TaskChanged: _task_changed,
    e.NoticeRequested: _notice,
    e.ChannelChanged: _channel,
    e.ReceiptRecorded: _receipt,
    e.DeliveriesPlanned: _planned,
    e.PatternChanged: _pattern,
    e.GroupChanged: _group,
    e.PersonChanged: _person,
    e.ReplyRequested: _reply,
    e.DeadLettered: _deadletter,
}
