"""Is a known scam coming back? Counts each pattern's reporters in each district, and drafts at a surge.

Reads reports.matched (keyed by pattern); writes reports.sighted and decisions.made.

For an officer: a known scam surges when so many people report it within half an hour (or within six hours)
that its own last week, at the same time of day, explains it less than once in 10,000 reports. While its
warning is out, further reports are counted as sightings of that warning, and no second one is drafted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from consumers.credibility import counted_reporters, credibility_flags, is_new
from consumers.drafting.draft_text import Evidence, compose
from consumers.live_library import OTHER, fraud_types
from consumers.usual_counts import chance, usual
from fenghuo.clock import from_ms, to_ms
from fenghuo.desk.alerts import Drafted
from fenghuo.desk.desk import Desk
from fenghuo.desk.keys import surge_of
from fenghuo.desk.surges import PatternMatch, SurgeKey
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, Alert, AlertId, Order, Origin, Role
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

COUNTED_KEPT = 50
"""Reports that a draft names as those it counted."""
PLACES_KEPT = 20
"""Towns, and groups, that a draft's evidence counts one by one."""


@dataclass(frozen=True, slots=True)
class LastAlert:
    """The last alert about a pattern in a district."""

    alert_id: AlertId
    counted_ms: int
    """The time of the last report that the draft counted."""
    counted: frozenset[str]
    """The reports that the draft counted; the others are sightings."""
    open: bool


@dataclass(frozen=True, slots=True)
class DetectedSurge:
    """A surge: its reports, oldest first, and how many reporters were expected instead."""

    seen: Sequence[e.Member]
    reporters: int
    usual: float
    window_s: int
    credibility_flags: tuple[str, ...]
    """Credibility flags of the latest COUNTED_KEPT reports."""


class Surge:
    """Counts with the desk's sorted sets, so that a second process, a replay and a restart count the same."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._windows = (settings.surge_window_s, settings.surge_slow_window_s)

    async def on_reports_matched(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportMatched) and not x.trouble]
        if not reports:
            return Outcome()
        keys = list(dict.fromkeys(_key_of(x) for x in reports))
        since = min(x.at for x in reports) - timedelta(seconds=max(self._windows))
        recent = await self._desk.surges.recent_matches(keys, to_ms(since))
        matches = {key: _matches(found) for key, found in recent.items()}
        alerts = await self._last_alerts(reports, keys)
        past: dict[SurgeKey, Sequence[int]] = {}
        outcome = Outcome()
        for report in reports:
            key = _key_of(report)
            matches[key][report.report_id] = _match_of(report)
            last_alert = alerts.get(key)
            if last_alert is not None and last_alert.open:
                if report.report_id not in last_alert.counted:
                    outcome.events.append(_sighting(report, last_alert.alert_id))
                continue
            # once an alert has ended, only later reports count towards the next one
            after_ms = last_alert.counted_ms if last_alert is not None else -1
            seen = self._latest([x for x in matches[key].values() if to_ms(x.at) > after_ms])
            if len({x.reporter for x in seen}) < self._settings.surge_reporters:
                continue
            if key not in past:
                past[key] = (await self._desk.surges.hourly_reports([key]))[key]
            found = surging(await self._with_new(seen), past[key], self._settings)
            if found is not None:
                previous = last_alert.alert_id if last_alert else ""
                drafted = draft_of(report, found, previous, self._settings.alert_hours)
                counted = frozenset(x.report_id for x in found.seen)
                alerts[key] = LastAlert(drafted.order.alert_id, to_ms(drafted.at), counted, open=True)
                outcome.events.append(drafted)
        return outcome

    def _latest(self, matches: Sequence[e.Member]) -> list[e.Member]:
        """The matches within the longest window that ends with the latest one, oldest first.

        Reports of one pattern come from several partitions, so the current one need not be the latest.
        """
        return _within(sorted(matches, key=lambda x: (x.at, x.report_id)), max(self._windows))

    async def _with_new(self, matches: Sequence[e.Member]) -> list[e.Member]:
        """The matches, each with whether its reporter was new."""
        first = await self._desk.reports.first_seen(list({x.reporter for x in matches}))
        return [
            msgspec.structs.replace(x, new=is_new(to_ms(x.at), first.get(x.reporter), self._settings))
            for x in matches
        ]

    async def _last_alerts(
        self, reports: Sequence[e.ReportMatched], keys: Sequence[SurgeKey]
    ) -> dict[SurgeKey, LastAlert]:
        """The last alert about each pattern and district. It is open unless it ended; one that is not on the
        desk yet is open."""
        names = {surge_of(*key): key for key in keys}
        found = {names[k]: v for k, v in (await self._desk.alerts.drafted_from(list(names))).items()}
        taught = {_key_of(x): x.alert_id for x in reports if x.alert_id is not None}
        alerts = await self._desk.alerts.get_many([*(x.alert_id for x in found.values()), *taught.values()])
        for key, alert_id in taught.items():
            alert = alerts.get(alert_id)
            if key not in found and alert is not None and alert.content.audience.district == key[1]:
                found[key] = Drafted(alert_id=alert_id, at_ms=0)
        return {key: _last_alert(drafted, alerts.get(drafted.alert_id)) for key, drafted in found.items()}


def surging(seen: Sequence[e.Member], past: Sequence[int], settings: Settings) -> DetectedSurge | None:
    """The surge among the reports ``seen`` (oldest first, those of the slow window), if there is one. Pure.

    ``past`` are the hours (ms) of the pattern's earlier reports, once for each reporter of the hour. Each of
    the two windows gets half of ``surge_false_alarm``. The current reporter is there in any case, so the test
    asks how likely the others are: each report is one test, so at most that share of all tests drafts by
    chance.
    """
    limit = settings.surge_false_alarm / 2
    for window_s in (settings.surge_window_s, settings.surge_slow_window_s):
        inside = _within(seen, window_s)
        reporters = len(counted_reporters(inside, settings))
        expected = usual(past, to_ms(seen[-1].at), window_s, settings)
        if reporters >= settings.surge_reporters and chance(reporters - 1, expected) <= limit:
            doubtful = {
                x: None for last in inside[-COUNTED_KEPT:] for x in credibility_flags(inside, last, settings)
            }
            return DetectedSurge(inside, reporters, expected.mean, window_s, tuple(doubtful))
    return None


def _within(matches: Sequence[e.Member], window_s: int) -> list[e.Member]:
    """Those of ``matches`` (oldest first) in the window that ends with the last."""
    start = matches[-1].at - timedelta(seconds=window_s) if matches else None
    return [x for x in matches if start is None or x.at >= start]


def _last_alert(drafted: Drafted, alert: Alert | None) -> LastAlert:
    """A draft that is not on the desk yet counts as open: it is being written."""
    is_open = alert is None or alert.state not in ENDED
    return LastAlert(AlertId(drafted.alert_id), drafted.at_ms, frozenset(drafted.counted), open=is_open)


def _key_of(report: e.ReportMatched) -> SurgeKey:
    return report.pattern_id, report.place.district


def _matches(matches: Sequence[PatternMatch]) -> dict[str, e.Member]:
    """The matches as members, by report id."""
    return {
        x.report_id: e.Member(
            report_id=x.report_id, reporter=x.reporter, at=from_ms(x.at_ms), town=x.town, group_id=x.group_id
        )
        for x in matches
    }  # fmt: skip


def _match_of(report: e.ReportMatched) -> e.Member:
    return e.Member(
        report_id=report.report_id, reporter=report.reporter, at=report.at, town=report.place.town,
        group_id=report.place.group_id,
    )  # fmt: skip


def _sighting(report: e.ReportMatched, alert_id: AlertId) -> e.SightingRecorded:
    return e.SightingRecorded(
        event_id=e.derive_id(report.report_id, "sighted"), at=report.at, alert_id=alert_id,
        report_id=report.report_id, place=report.place,
    )  # fmt: skip


def reporters_by(pairs: Iterable[tuple[str | None, str]]) -> tuple[tuple[str, int], ...]:
    """Distinct reporters of each place, out of (place, reporter), most first; at most PLACES_KEPT. Pure."""
    counts = Counter(place for place, _ in dict.fromkeys(pairs) if place)
    return tuple(sorted(counts.items(), key=lambda x: (-x[1], x[0])))[:PLACES_KEPT]


def draft_of(report: e.ReportMatched, found: DetectedSurge, previous: str, life_hours: int) -> e.DecisionMade:
    """The order that drafts an alert about ``report``'s pattern, at the time of the last of ``found.seen``.

    Idempotent: its ids are derived from the pattern, the district and the ``previous`` alert about it, so a
    surge that is found twice (by another report, after a crash) is drafted once.
    """
    types = fraud_types()
    kind = types.get(report.fraud_type, types[OTHER])
    seen = found.seen
    towns = tuple(dict.fromkeys(match.town for match in seen if match.town))
    at = seen[-1].at
    evidence = Evidence(
        report.place.district, towns, found.reporters, (), (), at, life_hours, known_as=report.title
    )
    decision_id = e.derive_id("draft", *_key_of(report), previous)
    order = Order(
        decision_id=decision_id, alert_id=AlertId(e.derive_id("alert", *_key_of(report), previous)),
        action=Action.DRAFT, actor=SYSTEM, role=Role.SYSTEM, at=at, content=compose(kind, evidence),
        origin=Origin(
            first_report_at=seen[0].at, fraud_type=kind.code, pattern_id=report.pattern_id,
            reports=len(seen), towns=towns, examples=(report.masked,),
            counted=tuple(x.report_id for x in seen)[-COUNTED_KEPT:],
            by_town=reporters_by((x.town, x.reporter) for x in seen),
            by_group=reporters_by((x.group_id, x.reporter) for x in seen),
            credibility_flags=found.credibility_flags, window_s=found.window_s, reporters=found.reporters,
            usual=round(found.usual, 2),
        ),
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=at, order=order)
