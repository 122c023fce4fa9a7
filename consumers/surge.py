"""Is something known coming back? Counts each pattern's reporters in each district, and drafts at a surge.

Reads reports.matched (keyed by pattern); writes reports.sighted and decisions.made.

For an officer: a known scam surges when so many people report it within half an hour (or within six hours)
that its own last week, at the same time of day, explains it less than once in 10,000 reports. While its
warning is out, further reports are counted as sightings of that warning, and no second one is drafted.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from consumers.credibility import counted_reporters, credibility_flags, is_new
from consumers.drafting import Evidence, compose
from consumers.live_library import OTHER, fraud_types
from fenghuo.clock import from_ms, to_ms
from fenghuo.desk.alerts import Drafted
from fenghuo.desk.desk import Desk
from fenghuo.desk.keys import surge_of
from fenghuo.desk.surges import PatternMatch
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, Alert, AlertId, Order, Origin, Role
from fenghuo.domain.calendar import HOUR_MS
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

COUNTED_KEPT = 50
"""Reports that a draft names as those it counted."""
PLACES_KEPT = 20
"""Towns, and groups, that a draft's evidence counts one by one."""
DAYS = 7
HALF_LIFE_DAYS = 3
"""A day of the past counts half as much as one three days younger."""
BESIDE_H = 3
"""Hours before and after the same time of day that are taken together."""
DAY_H = 24

SurgeKey = tuple[str, str]
"""A pattern and a district."""


@dataclass(frozen=True, slots=True)
class LastAlert:
    """The last alert drafted about a pattern."""

    alert_id: AlertId
    counted_ms: int
    """The time of the last report that the draft counted."""
    counted: frozenset[str]
    """The reports that the draft counted; the others are sightings."""
    open: bool


@dataclass(frozen=True, slots=True)
class Usual:
    """What a pattern's past leads one to expect in a window: a gamma distribution of its rate."""

    shape: float
    mean: float
    """Distinct reporters in the window."""


@dataclass(frozen=True, slots=True)
class DetectedSurge:
    """A surge: the reports that it was seen in, the first first, and what was expected instead."""

    seen: Sequence[e.Member]
    reporters: int
    usual: float
    window_s: int
    credibility_flags: tuple[str, ...]
    """What is doubtful about the latest COUNTED_KEPT of them."""


class Surge:
    """Counts by the desk's sorted sets, so that two processes, a redo and a restart count alike."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._windows = (settings.surge_window_s, settings.surge_slow_window_s)

    async def on_reports_matched(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportMatched)]
        surges = list(dict.fromkeys(_surge(x) for x in reports))
        since = min(x.at for x in reports) - timedelta(seconds=max(self._windows))
        recent = await self._desk.surges.recent_matches(surges, to_ms(since))
        hits = {surge: _hits(matches) for surge, matches in recent.items()}
        alerts = await self._alerts(reports, surges)
        past: dict[SurgeKey, Sequence[int]] = {}
        outcome = Outcome()
        for report in reports:
            surge = _surge(report)
            hits[surge][report.report_id] = _hit_of(report)
            last_alert = alerts.get(surge)
            if last_alert is not None and last_alert.open:
                if report.report_id not in last_alert.counted:
                    outcome.events.append(_sighting(report, last_alert.alert_id))
                continue
            # of an alert that ended only what came after counts anew
            after_ms = last_alert.counted_ms if last_alert is not None else -1
            seen = self._latest([x for x in hits[surge].values() if to_ms(x.at) > after_ms])
            if len({x.reporter for x in seen}) < self._settings.surge_reporters:
                continue
            if surge not in past:
                past[surge] = (await self._desk.surges.hourly_reports([surge]))[surge]
            found = surging(await self._aged(seen), past[surge], self._settings)
            if found is not None:
                previous = last_alert.alert_id if last_alert else ""
                drafted = draft_of(report, found, previous, self._settings.alert_hours)
                counted = frozenset(x.report_id for x in found.seen)
                alerts[surge] = LastAlert(drafted.order.alert_id, to_ms(drafted.at), counted, open=True)
                outcome.events.append(drafted)
        return outcome

    def _latest(self, hits: Sequence[e.Member]) -> list[e.Member]:
        """The hits of the longest window, the first first; it ends with the latest one.

        Reports of one pattern come from several partitions, so the one at hand need not be the latest.
        """
        return _within(sorted(hits, key=lambda x: (x.at, x.report_id)), max(self._windows))

    async def _aged(self, hits: Sequence[e.Member]) -> list[e.Member]:
        """The hits, each with whether its reporter was new."""
        first = await self._desk.reports.first_seen(list({x.reporter for x in hits}))
        return [
            msgspec.structs.replace(x, new=is_new(to_ms(x.at), first.get(x.reporter), self._settings))
            for x in hits
        ]

    async def _alerts(
        self, reports: Sequence[e.ReportMatched], surges: Sequence[SurgeKey]
    ) -> dict[SurgeKey, LastAlert]:
        """The last alert about each surge's pattern in its district, and whether it stands (or is being
        written)."""
        names = {surge_of(*surge): surge for surge in surges}
        found = {names[k]: v for k, v in (await self._desk.alerts.drafted_from(list(names))).items()}
        taught = {_surge(x): x.alert_id for x in reports if x.alert_id is not None}
        alerts = await self._desk.alerts.get_many([*(x.alert_id for x in found.values()), *taught.values()])
        for surge, alert_id in taught.items():
            alert = alerts.get(alert_id)
            if surge not in found and alert is not None and alert.content.audience.district == surge[1]:
                found[surge] = Drafted(alert_id=alert_id, at_ms=0)
        return {surge: _last_alert(drafted, alerts.get(drafted.alert_id)) for surge, drafted in found.items()}


def surging(seen: Sequence[e.Member], past: Sequence[int], settings: Settings) -> DetectedSurge | None:
    """The surge that the reports ``seen`` (the first first, those of the slow window) are, if any. Pure.

    ``past`` are the hours (ms) of the pattern's earlier reports, once for each reporter of the hour. Each of
    the two windows has half of ``surge_false_alarm``. The reporter at hand is there in any case, so the
    question is how likely the others are: as each report is one look, at most that share of all looks is a
    draft by chance.
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


def usual(past: Sequence[int], at_ms: int, window_s: int, settings: Settings) -> Usual:
    """What is to be expected in the window of ``window_s`` that ends at ``at_ms``. Pure.

    The same time of day, three hours to either side, on each of the last seven days that the pattern was
    known, the younger the weightier; and a guess (``surge_usual_a_day``) worth ``surge_usual_days``. However
    much past there is, a day is not taken to repeat itself better than to ``surge_spread``.
    """
    block = 2 * BESIDE_H * HOUR_MS
    middle = at_ms - window_s * 500
    reporters = settings.surge_usual_a_day * settings.surge_usual_days
    days = settings.surge_usual_days
    for day in range(1, DAYS + 1):
        start = middle - day * DAY_H * HOUR_MS - block // 2
        if not past or start < past[0]:
            break
        weight = 0.5 ** ((day - 1) / HALF_LIFE_DAYS)
        reporters += weight * (bisect_left(past, start + block) - bisect_left(past, start))
        days += weight * block / (DAY_H * HOUR_MS)
    shape = min(reporters, 1 / settings.surge_spread**2)
    return Usual(shape, reporters / days * window_s / (DAY_H * 3600))


def chance(count: int, expected: Usual) -> float:
    """The probability of ``count`` or more in a window: a negative binomial, which is a Poisson whose rate
    is known no better than ``expected`` says. Pure."""
    share = expected.mean / (expected.mean + expected.shape)
    term = math.exp(expected.shape * math.log1p(-share))
    below = 0.0
    for n in range(count):
        below += term
        term *= (expected.shape + n) / (n + 1) * share
    return max(0.0, 1.0 - below)


def _within(hits: Sequence[e.Member], window_s: int) -> list[e.Member]:
    """Those of ``hits`` (the first first) in the window that ends with the last."""
    start = hits[-1].at - timedelta(seconds=window_s) if hits else None
    return [x for x in hits if start is None or x.at >= start]


def _last_alert(drafted: Drafted, alert: Alert | None) -> LastAlert:
    """A draft that is not on the desk yet is taken for open: it is being written."""
    is_open = alert is None or alert.state not in ENDED
    return LastAlert(AlertId(drafted.alert_id), drafted.at_ms, frozenset(drafted.counted), open=is_open)


def _surge(report: e.ReportMatched) -> SurgeKey:
    return report.pattern_id, report.place.district


def _hits(matches: Sequence[PatternMatch]) -> dict[str, e.Member]:
    """The matches as members, by report id."""
    return {
        x.report_id: e.Member(
            report_id=x.report_id, reporter=x.reporter, at=from_ms(x.at_ms), town=x.town, group_id=x.group_id
        )
        for x in matches
    }  # fmt: skip


def _hit_of(report: e.ReportMatched) -> e.Member:
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
    """The order that drafts an alert about ``report``'s pattern, of the time of the last of ``found.seen``.

    Its ids come from the pattern, the district and the ``previous`` alert about it, so that a surge that is
    found twice (by another report, after a crash) is drafted once.
    """
    types = fraud_types()
    kind = types.get(report.fraud_type, types[OTHER])
    seen = found.seen
    towns = tuple(dict.fromkeys(hit.town for hit in seen if hit.town))
    at = seen[-1].at
    evidence = Evidence(report.place.district, towns, found.reporters, (report.title,), (), at, life_hours)
    decision_id = e.derive_id("draft", *_surge(report), previous)
    order = Order(
        decision_id=decision_id, alert_id=AlertId(e.derive_id("alert", *_surge(report), previous)),
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
