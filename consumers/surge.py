"""Is something known coming back? Counts each pattern's reports in each district, and drafts at a surge.

Reads reports.matched (keyed by pattern); writes reports.sighted and decisions.made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from consumers.drafting import Evidence, compose
from consumers.library import OTHER, fraud_types
from fenghuo import events as e
from fenghuo.alerts import ENDED, SYSTEM, Action, Alert, AlertId, Order, Origin, Role
from fenghuo.clock import from_ms, to_ms
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.keys import surge_of
from fenghuo.stores.projection import Drafted
from fenghuo.transport.pipeline import Outcome

COUNTED_KEPT = 50
"""Reports that a draft names as those it counted."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One report of a pattern."""

    at_ms: int
    reporter: str
    town: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The last alert drafted about a pattern."""

    alert_id: AlertId
    counted_ms: int
    """The time of the last report that the draft counted."""
    counted: frozenset[str]
    """The reports that the draft counted; the others are sightings."""
    open: bool


class Surge:
    """Counts by the desk's sorted sets, so that two processes, a redo and a restart count alike."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._reporters = settings.surge_reporters
        self._window = timedelta(seconds=settings.surge_window_s)
        self._life_hours = settings.alert_hours

    async def on_reports_matched(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportMatched)]
        surges = list(dict.fromkeys(_surge(x) for x in reports))
        since = min(x.at for x in reports) - self._window
        hits = {k: _hits(v) for k, v in (await self._desk.hits(surges, to_ms(since))).items()}
        alerts = await self._alerts(reports, surges)
        outcome = Outcome()
        for report in reports:
            surge = _surge(report)
            hits[surge][report.report_id] = _hit_of(report)
            seen = self._latest(hits[surge])
            standing = alerts.get(surge)
            if standing is not None and standing.open:
                if report.report_id not in standing.counted:
                    outcome.events.append(_sighting(report, standing.alert_id))
                continue
            if standing is not None:  # of an alert that ended only what came after counts anew
                seen = {k: hit for k, hit in seen.items() if hit.at_ms > standing.counted_ms}
            if len({hit.reporter for hit in seen.values()}) >= self._reporters:
                previous = standing.alert_id if standing else ""
                drafted = draft_of(report, seen, previous, self._life_hours)
                counted = frozenset(seen)
                alerts[surge] = Standing(drafted.order.alert_id, to_ms(drafted.at), counted, open=True)
                outcome.events.append(drafted)
        return outcome

    def _latest(self, hits: dict[str, Hit]) -> dict[str, Hit]:
        """The hits of the window that ends with the latest one, the first first.

        Reports of one pattern come from several partitions, so the one at hand need not be the latest.
        """
        start_ms = max(hit.at_ms for hit in hits.values()) - int(self._window.total_seconds() * 1000)
        return dict(
            sorted(((k, x) for k, x in hits.items() if x.at_ms >= start_ms), key=lambda kx: kx[1].at_ms)
        )

    async def _alerts(
        self, reports: Sequence[e.ReportMatched], surges: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Standing]:
        """The last alert about each surge's pattern in its district, and whether it stands (or is being
        written)."""
        names = {surge_of(*surge): surge for surge in surges}
        found = {names[k]: v for k, v in (await self._desk.drafted(list(names))).items()}
        taught = {_surge(x): x.alert_id for x in reports if x.alert_id is not None}
        alerts = await self._desk.alerts_by_id([*(x.alert_id for x in found.values()), *taught.values()])
        for surge, alert_id in taught.items():
            alert = alerts.get(alert_id)
            if surge not in found and alert is not None and alert.content.audience.district == surge[1]:
                found[surge] = Drafted(alert_id=alert_id, at_ms=0)
        return {surge: _standing(drafted, alerts.get(drafted.alert_id)) for surge, drafted in found.items()}


def _standing(drafted: Drafted, alert: Alert | None) -> Standing:
    """A draft that is not on the desk yet is taken for open: it is being written."""
    is_open = alert is None or alert.state not in ENDED
    return Standing(AlertId(drafted.alert_id), drafted.at_ms, frozenset(drafted.counted), open=is_open)


def _surge(report: e.ReportMatched) -> tuple[str, str]:
    return report.pattern_id, report.place.district


def _hits(found: Sequence[tuple[int, str]]) -> dict[str, Hit]:
    """The hits by report id."""
    split = [(at_ms, hit.split("|", 2)) for at_ms, hit in found]
    return {report_id: Hit(at_ms, reporter, town) for at_ms, (report_id, reporter, town) in split}


def _hit_of(report: e.ReportMatched) -> Hit:
    return Hit(to_ms(report.at), report.reporter, report.place.town)


def _sighting(report: e.ReportMatched, alert_id: AlertId) -> e.SightingRecorded:
    return e.SightingRecorded(
        event_id=e.derive_id(report.report_id, "sighted"), at=report.at, alert_id=alert_id,
        report_id=report.report_id, place=report.place,
    )  # fmt: skip


def draft_of(
    report: e.ReportMatched, hits: Mapping[str, Hit], previous: str, life_hours: int
) -> e.DecisionMade:
    """The order that drafts an alert about ``report``'s pattern, of the time of the last of ``hits``.

    Its ids come from the pattern, the district and the ``previous`` alert about it, so that a surge that is
    found
    twice (by another report, after a crash) is drafted once.
    """
    types = fraud_types()
    kind = types.get(report.fraud_type, types[OTHER])
    seen = list(hits.values())
    towns = tuple(dict.fromkeys(hit.town for hit in seen if hit.town))
    reporters = len({hit.reporter for hit in seen})
    at = from_ms(seen[-1].at_ms)
    evidence = Evidence(report.place.district, towns, reporters, (report.title,), (), at, life_hours)
    decision_id = e.derive_id("draft", *_surge(report), previous)
    order = Order(
        decision_id=decision_id, alert_id=AlertId(e.derive_id("alert", *_surge(report), previous)),
        action=Action.DRAFT, actor=SYSTEM, role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=from_ms(seen[0].at_ms), fraud_type=kind.code, pattern_id=report.pattern_id,
            reports=len(seen), towns=towns, examples=(report.masked,), counted=tuple(hits)[-COUNTED_KEPT:],
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
