"""Is it known? Reads reports.received; writes reports.matched or reports.unmatched, and replies.requested."""

import asyncio
from collections.abc import Sequence

from consumers import reply_texts
from consumers.indicators import shown_indicators
from consumers.live_library import LiveLibrary, fraud_types
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.security.details import seal_details
from fenghuo.transport.stage import Outcome
from patterns.entities.redact import hide
from patterns.model import Pattern, Verdict
from patterns.triage import Assessment, assess

MATCH_AT_ONCE = 64
"""Texts that a thread judges before it yields to others: some ten milliseconds of work."""


class Triage:
    """Judges reports against the library in a thread, so that the loop goes on answering heartbeats."""

    def __init__(self, library: LiveLibrary, key: str = "") -> None:
        self._library, self._key = library, key

    async def on_reports_received(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportReceived)]
        outcome = Outcome()
        for at in range(0, len(reports), MATCH_AT_ONCE):
            part = reports[at : at + MATCH_AT_ONCE]
            outcome.events += await asyncio.to_thread(self._judge, part)
        return outcome

    def _judge(self, reports: Sequence[e.ReportReceived]) -> list[e.Event]:
        verdicts = self._library.match([report.text for report in reports])
        found: list[e.Event] = []
        for report, (verdict, pattern) in zip(reports, verdicts, strict=True):
            if verdict.band == "known" and pattern is not None:
                found += _known(report, verdict, pattern, self._key)
            else:
                nearest = [(pattern.fraud_type, verdict.score)] if pattern is not None else []
                seen = assess(report.text, fraud_types().values(), nearest)
                found += _unknown(report, verdict, pattern, seen, self._key)
        return found


def _known(report: e.ReportReceived, verdict: Verdict, pattern: Pattern, key: str) -> list[e.Event]:
    kind, hidden = fraud_types().get(pattern.fraud_type), hide(report.text)
    matched = e.ReportMatched(
        event_id=e.derive_id(report.report_id, "matched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=report.stage, masked=hidden.text,
        pattern_id=pattern.pattern_id, fraud_type=pattern.fraud_type, title=pattern.title,
        score=verdict.score,
        evidence=verdict.evidence, alert_id=AlertId(pattern.alert_id) if pattern.alert_id else None,
        versions=(verdict.normaliser, verdict.library), sealed=seal_details(hidden.details, key),
    )  # fmt: skip
    text = reply_texts.known(pattern.title, kind.advice if kind else "", report.stage)
    return [matched, reply(report.report_id, "known", text, report)]


def _unknown(
    report: e.ReportReceived, verdict: Verdict, pattern: Pattern | None, seen: Assessment, key: str
) -> list[e.Event]:
    suggested, hidden = pattern if verdict.band == "suggested" else None, hide(report.text)
    unmatched = e.ReportUnmatched(
        event_id=e.derive_id(report.report_id, "unmatched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=report.stage,
        masked=hidden.text, suspicious=seen.suspicious, danger=seen.danger, borderline=seen.borderline,
        fraud_type=seen.fraud_type or (suggested.fraud_type if suggested else None),
        suggested_pattern=suggested.pattern_id if suggested else None,
        suggested_title=suggested.title if suggested else "",
        suggested_score=verdict.score if suggested else 0.0,
        suggested_reasons=verdict.reasons if suggested else (),
        indicators=shown_indicators(verdict.indicators), versions=(verdict.normaliser, verdict.library),
        sealed=seal_details(hidden.details, key),
    )  # fmt: skip
    text = reply_texts.new(report.stage, seen.suspicious or suggested is not None)
    return [unmatched, reply(report.report_id, "new", text, report)]


def reply(report_id: str, kind: str, text: str, about: e.ReportReceived) -> e.ReplyRequested:
    """The request for the reply of ``kind`` to the reporter of ``about``."""
    return e.ReplyRequested(
        event_id=e.derive_id(report_id, "reply", kind), at=about.at, report_id=report_id,
        kind=kind, text=text, place=about.place, reporter=about.reporter,  # type: ignore[arg-type]
    )  # fmt: skip
