"""Is it known? Reads reports.received and alarms.received; writes reports.matched, reports.unmatched and
replies.requested.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from consumers import reply_texts
from consumers.indicators import shown_indicators
from consumers.live_library import LiveLibrary, fraud_types
from consumers.service_table import ANY, Service, service_for, shipped_services
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.security.details import seal_details
from fenghuo.transport.stage import Outcome
from patterns.entities.redact import hide
from patterns.model import Pattern, Verdict
from patterns.signals.urgency import Urgency, urgency
from patterns.text.normalise import clean_batch
from patterns.triage import Assessment, assess

MATCH_AT_ONCE = 64
"""Texts that a thread judges before it yields to others: some ten milliseconds of work."""


class Told(NamedTuple):
    """A report, what its words say of trouble, and the stage in force.

    That is the reporter's, or a more urgent one that the words say.
    """

    report: e.ReportReceived
    said: Urgency
    stage: e.ScamStage

    @property
    def by_text(self) -> bool:
        return self.stage is not self.report.stage

    def matter(self, *, suspicious: bool) -> str:
        """fraud, emergency, service or other; what could be a scam is no matter for an office."""
        if self.said.matter is None or (suspicious and self.said.matter != "emergency"):
            return "fraud"
        return self.said.matter


class Triage:
    """Judges reports against the library in a thread, so that the loop goes on answering heartbeats."""

    def __init__(
        self, library: LiveLibrary, key: str = "", services: Sequence[Service] | None = None
    ) -> None:
        self._library, self._key = library, key
        self._services = shipped_services() if services is None else services

    async def on_reports_received(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportReceived)]
        outcome = Outcome()
        for at in range(0, len(reports), MATCH_AT_ONCE):
            part = reports[at : at + MATCH_AT_ONCE]
            outcome.events += await asyncio.to_thread(self._judge, part)
        return outcome

    def _judge(self, reports: Sequence[e.ReportReceived]) -> list[e.Event]:
        told = by_words(reports)
        verdicts = self._library.match([x.report.text for x in told])
        found: list[e.Event] = []
        for one, (verdict, pattern) in zip(told, verdicts, strict=True):
            if verdict.band == "known" and pattern is not None:
                found += _known(one, verdict, pattern, self._key)
            else:
                nearest = [(pattern.fraud_type, verdict.score)] if pattern is not None else []
                seen = assess(one.report.text, fraud_types().values(), nearest)
                found += self._unknown(one, verdict, pattern, seen)
        return found

    def _unknown(
        self, told: Told, verdict: Verdict, pattern: Pattern | None, seen: Assessment
    ) -> list[e.Event]:
        report, said, stage = told
        suggested = pattern if verdict.band == "suggested" else None
        suspicious = seen.suspicious or suggested is not None
        matter = told.matter(suspicious=suspicious or stage in e.URGENT)
        row = _unmatched(told, verdict, suggested, seen, self._key, matter=matter)
        if matter == "emergency":
            text = reply_texts.emergency(said.emergency, said.calls, stage)
        elif matter == "service":
            text = reply_texts.service(service_for(report.text, self._services) or ANY)
        else:
            text = reply_texts.new(stage, suspicious)
        return [row, reply(report.report_id, "new", text, report)]


def by_words(reports: Sequence[e.ReportReceived]) -> list[Told]:
    """The reports with what their words say, those in trouble first."""
    cleaned = clean_batch([report.text for report in reports])
    found = [_told(report, urgency(cleaned.string(at))) for at, report in enumerate(reports)]
    return sorted(found, key=lambda x: not (x.said.trouble or x.stage in e.URGENT))


def _told(report: e.ReportReceived, said: Urgency) -> Told:
    by_text = e.ScamStage(said.stage)
    raised = by_text in e.URGENT and report.stage not in e.URGENT
    return Told(report, said, by_text if raised else report.stage)


def _known(told: Told, verdict: Verdict, pattern: Pattern, key: str) -> list[e.Event]:
    report, said, stage = told
    kind, hidden = fraud_types().get(pattern.fraud_type), hide(report.text)
    matched = e.ReportMatched(
        event_id=e.derive_id(report.report_id, "matched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=stage, masked=hidden.text,
        pattern_id=pattern.pattern_id, fraud_type=pattern.fraud_type, title=pattern.title,
        score=verdict.score,
        evidence=verdict.evidence, alert_id=AlertId(pattern.alert_id) if pattern.alert_id else None,
        versions=(verdict.normaliser, verdict.library), sealed=seal_details(hidden.details, key),
        stage_by_text=told.by_text, matter=told.matter(suspicious=True), trouble=said.trouble,
    )  # fmt: skip
    if said.matter == "emergency":
        text = reply_texts.emergency(said.emergency, said.calls, stage)
    else:
        text = reply_texts.known(pattern.title, kind.advice if kind else "", stage)
    return [matched, reply(report.report_id, "known", text, report)]


def _unmatched(
    told: Told, verdict: Verdict, suggested: Pattern | None, seen: Assessment, key: str, *, matter: str
) -> e.ReportUnmatched:
    report, hidden = told.report, hide(told.report.text)
    return e.ReportUnmatched(
        event_id=e.derive_id(report.report_id, "unmatched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=told.stage,
        masked=hidden.text, suspicious=seen.suspicious, danger=seen.danger, borderline=seen.borderline,
        fraud_type=seen.fraud_type or (suggested.fraud_type if suggested else None),
        suggested_pattern=suggested.pattern_id if suggested else None,
        suggested_title=suggested.title if suggested else "",
        suggested_score=verdict.score if suggested else 0.0,
        suggested_reasons=verdict.reasons if suggested else (),
        indicators=shown_indicators(verdict.indicators), versions=(verdict.normaliser, verdict.library),
        sealed=seal_details(hidden.details, key),
        stage_by_text=told.by_text, matter=matter, trouble=told.said.trouble,
    )  # fmt: skip


def reply(report_id: str, kind: str, text: str, about: e.ReportReceived) -> e.ReplyRequested:
    """The request for the reply of ``kind`` to the reporter of ``about``."""
    return e.ReplyRequested(
        event_id=e.derive_id(report_id, "reply", kind), at=about.at, report_id=report_id,
        kind=kind, text=text, place=about.place, reporter=about.reporter,  # type: ignore[arg-type]
    )  # fmt: skip
