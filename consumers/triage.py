"""Is it known? Reads reports.received; writes reports.matched or reports.unmatched, and replies.requested."""

import asyncio
from collections.abc import Sequence

from consumers import reply_texts
from consumers.indicators import shown_indicators
from consumers.live_library import LiveLibrary, fraud_types
from consumers.service_table import ANY, Service, service_for, shipped_services
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.transport.stage import Outcome
from patterns.entities.redact import mask
from patterns.model import Pattern, Verdict
from patterns.signals.urgency import Urgency, urgency
from patterns.text.normalise import clean_batch
from patterns.triage import Assessment, assess

MATCH_AT_ONCE = 64
"""Texts that a thread judges before it yields to others: some ten milliseconds of work."""


class Triage:
    """Judges reports against the library in a thread, so that the loop goes on answering heartbeats."""

    def __init__(self, library: LiveLibrary, services: Sequence[Service] | None = None) -> None:
        self._library = library
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
        reports, words = [x for x, _ in told], [x for _, x in told]
        verdicts = self._library.match([report.text for report in reports])
        found: list[e.Event] = []
        for report, said, (verdict, pattern) in zip(reports, words, verdicts, strict=True):
            if verdict.band == "known" and pattern is not None:
                found += _known(report, verdict, pattern, said)
            else:
                nearest = [(pattern.fraud_type, verdict.score)] if pattern is not None else []
                seen = assess(report.text, fraud_types().values(), nearest)
                found += _unknown(report, verdict, pattern, seen, said=said, services=self._services)
        return found


def by_words(reports: Sequence[e.ReportReceived]) -> list[tuple[e.ReportReceived, Urgency]]:
    """The reports with what their words say of trouble, those in trouble first."""
    cleaned = clean_batch([report.text for report in reports])
    found = [(report, urgency(cleaned.string(at))) for at, report in enumerate(reports)]
    return sorted(found, key=lambda x: not (x[1].trouble or x[0].stage in e.URGENT))


def stage_of(report: e.ReportReceived, said: Urgency) -> e.ScamStage:
    """The stage in force: the reporter's, or a more urgent one that the words say."""
    by_text = e.ScamStage(said.stage)
    return by_text if by_text in e.URGENT and report.stage not in e.URGENT else report.stage


def _known(report: e.ReportReceived, verdict: Verdict, pattern: Pattern, said: Urgency) -> list[e.Event]:
    kind, stage = fraud_types().get(pattern.fraud_type), stage_of(report, said)
    matched = e.ReportMatched(
        event_id=e.derive_id(report.report_id, "matched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=stage, masked=mask(report.text),
        pattern_id=pattern.pattern_id, fraud_type=pattern.fraud_type, title=pattern.title,
        score=verdict.score,
        evidence=verdict.evidence, alert_id=AlertId(pattern.alert_id) if pattern.alert_id else None,
        versions=(verdict.normaliser, verdict.library),
        stage_by_text=stage is not report.stage, matter=_matter(said, suspicious=True), trouble=said.trouble,
    )  # fmt: skip
    if said.matter == "emergency":
        text = reply_texts.emergency(said.emergency, said.calls, stage)
    else:
        text = reply_texts.known(pattern.title, kind.advice if kind else "", stage)
    return [matched, reply(report.report_id, "known", text, report)]


def _unknown(
    report: e.ReportReceived,
    verdict: Verdict,
    pattern: Pattern | None,
    seen: Assessment,
    *,
    said: Urgency,
    services: Sequence[Service],
) -> list[e.Event]:
    suggested = pattern if verdict.band == "suggested" else None
    suspicious, stage = seen.suspicious or suggested is not None, stage_of(report, said)
    matter = _matter(said, suspicious=suspicious or stage in e.URGENT)
    unmatched = e.ReportUnmatched(
        event_id=e.derive_id(report.report_id, "unmatched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=stage,
        masked=mask(report.text), suspicious=seen.suspicious, danger=seen.danger, borderline=seen.borderline,
        fraud_type=seen.fraud_type or (suggested.fraud_type if suggested else None),
        suggested_pattern=suggested.pattern_id if suggested else None,
        suggested_title=suggested.title if suggested else "",
        suggested_score=verdict.score if suggested else 0.0,
        suggested_reasons=verdict.reasons if suggested else (),
        indicators=shown_indicators(verdict.indicators), versions=(verdict.normaliser, verdict.library),
        stage_by_text=stage is not report.stage, matter=matter, trouble=said.trouble,
    )  # fmt: skip
    if matter == "emergency":
        text = reply_texts.emergency(said.emergency, said.calls, stage)
    elif matter == "service":
        text = reply_texts.service(service_for(report.text, services) or ANY)
    else:
        text = reply_texts.new(stage, suspicious)
    return [unmatched, reply(report.report_id, "new", text, report)]


def _matter(said: Urgency, *, suspicious: bool) -> str:
    """fraud, emergency, service or other; what could be a scam is no matter for an office."""
    if said.matter is None or (suspicious and said.matter != "emergency"):
        return "fraud"
    return said.matter


def reply(report_id: str, kind: str, text: str, about: e.ReportReceived) -> e.ReplyRequested:
    """The request for the reply of ``kind`` to the reporter of ``about``."""
    return e.ReplyRequested(
        event_id=e.derive_id(report_id, "reply", kind), at=about.at, report_id=report_id,
        kind=kind, text=text, place=about.place, reporter=about.reporter,  # type: ignore[arg-type]
    )  # fmt: skip
