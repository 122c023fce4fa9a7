"""Is something known coming back? Counts the reports of each pattern and drafts when enough people report it.

Reads reports.matched (keyed by pattern); writes reports.sighted, decisions.made and replies.requested.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from consumers.drafting import Evidence, compose
from consumers.library import OTHER, fraud_types
from fenghuo import events as e
from fenghuo.alerts import ENDED, SYSTEM, Action, Alert, AlertId, Order, Origin, Role
from fenghuo.clock import to_ms
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.transport.pipeline import Outcome


class Surge:
    """Counts by the desk's sorted sets, so that two processes, a redo and a restart count alike."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._reporters = settings.surge_reporters
        self._window = timedelta(seconds=settings.surge_window_s)
        self._life_hours = settings.alert_hours

    async def on_reports_matched(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportMatched)]
        pattern_ids = list(dict.fromkeys(x.pattern_id for x in reports))
        since = min(x.at for x in reports) - self._window
        hits = {k: _hits(v) for k, v in (await self._desk.hits(pattern_ids, to_ms(since))).items()}
        open_alerts = await self._open_alerts(reports, pattern_ids)
        outcome = Outcome()
        for report in reports:
            seen = hits[report.pattern_id]
            seen[report.report_id] = (report.reporter, report.place.town)
            alert_id = open_alerts.get(report.pattern_id)
            if alert_id is None and len({who for who, _ in seen.values()}) >= self._reporters:
                drafted = draft_of(report, seen, self._life_hours)
                open_alerts[report.pattern_id] = drafted.order.alert_id
                outcome.events.append(drafted)
            elif alert_id is not None:
                outcome.events.append(_sighting(report, alert_id))
        return outcome

    async def _open_alerts(
        self, reports: Sequence[e.ReportMatched], pattern_ids: Sequence[str]
    ) -> dict[str, AlertId]:
        """The alert that stands (or is being written) about each pattern."""
        found = {k: AlertId(v) for k, v in (await self._desk.drafted(pattern_ids)).items()}
        found |= {x.pattern_id: x.alert_id for x in reports if x.alert_id is not None}
        alerts: dict[str, Alert] = await self._desk.alerts_by_id(list(found.values()))
        return {k: v for k, v in found.items() if v not in alerts or alerts[v].state not in ENDED}


def _hits(found: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Report id to (reporter, town)."""
    split = (x.split("|", 2) for x in found)
    return {report_id: (reporter, town) for report_id, reporter, town in split}


def _sighting(report: e.ReportMatched, alert_id: AlertId) -> e.SightingRecorded:
    return e.SightingRecorded(
        event_id=e.derive_id(report.report_id, "sighted"), at=report.at, alert_id=alert_id,
        report_id=report.report_id, place=report.place,
    )  # fmt: skip


def draft_of(report: e.ReportMatched, hits: dict[str, tuple[str, str]], life_hours: int) -> e.DecisionMade:
    """The order that drafts an alert about ``report``'s pattern; the same for the same report."""
    types = fraud_types()
    kind = types.get(report.fraud_type, types[OTHER])
    towns = tuple(dict.fromkeys(town for _, town in hits.values() if town))
    reporters = len({who for who, _ in hits.values()})
    at: datetime = report.at
    evidence = Evidence(report.place.district, towns, reporters, (report.masked,), (), at, life_hours)
    decision_id = e.derive_id("draft", report.pattern_id, report.report_id)
    order = Order(
        decision_id=decision_id, alert_id=AlertId(e.derive_id("alert", report.pattern_id, report.report_id)),
        action=Action.DRAFT, actor=SYSTEM, role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=at, fraud_type=kind.code, pattern_id=report.pattern_id, reports=len(hits),
            towns=towns, examples=(report.masked,),
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
