"""Is it known? Reads reports.received; writes reports.matched or reports.unmatched, and replies.requested."""

import asyncio
import math
from collections.abc import Sequence

from consumers import reply_texts
from consumers.credibility import DRAFT, WATCH
from consumers.indicators import shown_indicators
from consumers.judging import Assessed, assess_all
from consumers.live_library import LiveLibrary, fraud_types
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.transport.stage import Outcome
from patterns.entities.redact import mask
from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.reasons import reasons
from patterns.model import Pattern, Verdict
from patterns.text.normalise import clean_batch

MATCH_AT_ONCE = 64
"""Texts that a thread judges before it yields to others: some ten milliseconds of work."""


class Triage:
    """Judges reports against the library in a thread, so that the loop goes on answering heartbeats."""

    def __init__(self, library: LiveLibrary, judge: Judge) -> None:
        self._library = library
        self._judge = judge

    async def on_reports_received(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportReceived)]
        outcome = Outcome()
        for at in range(0, len(reports), MATCH_AT_ONCE):
            part = reports[at : at + MATCH_AT_ONCE]
            outcome.events += await asyncio.to_thread(self._assess, part)
        return outcome

    def _assess(self, reports: Sequence[e.ReportReceived]) -> list[e.Event]:
        found: list[e.Event] = []
        seen = assess_all(self._library.match, self._judge, [report.text for report in reports])
        for report, one in zip(reports, seen, strict=True):
            if one.called == "known" and one.pattern is not None:
                found += _known(report, one.verdict, one.pattern)
            else:
                found += self._unknown(report, one)
        return found

    def _unknown(self, report: e.ReportReceived, seen: Assessed) -> list[e.Event]:
        unmatched = unmatched_of(report, seen, self._judge)
        suspicious = unmatched.suspicious or unmatched.suggested_pattern is not None
        return [unmatched, reply(report.report_id, "new", reply_texts.new(report.stage, suspicious), report)]


def _known(report: e.ReportReceived, verdict: Verdict, pattern: Pattern) -> list[e.Event]:
    kind = fraud_types().get(pattern.fraud_type)
    matched = e.ReportMatched(
        event_id=e.derive_id(report.report_id, "matched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=report.stage, masked=mask(report.text),
        pattern_id=pattern.pattern_id, fraud_type=pattern.fraud_type, title=pattern.title,
        score=verdict.score,
        evidence=verdict.evidence, alert_id=AlertId(pattern.alert_id) if pattern.alert_id else None,
        versions=(verdict.normaliser, verdict.library),
    )  # fmt: skip
    text = reply_texts.known(pattern.title, kind.advice if kind else "", report.stage)
    return [matched, reply(report.report_id, "known", text, report)]


def unmatched_of(report: e.ReportReceived, seen: Assessed, judge: Judge) -> e.ReportUnmatched:
    """The event of a report that is no known pattern, with what the judge read in it."""
    verdict, judged = seen.verdict, seen.judgement
    suggested = seen.pattern if verdict.band == "suggested" else None
    masked = mask(report.text)
    why: tuple[str, ...] = ()
    if judged.suspicion >= WATCH:
        why = reasons(judge, judged, clean_batch((masked,)), 0)
    return e.ReportUnmatched(
        event_id=e.derive_id(report.report_id, "unmatched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=report.stage, masked=masked,
        suspicious=judged.suspicion >= DRAFT, borderline=judged.suspicion >= WATCH,
        suspicion=round(judged.suspicion, 3), evidence=round(judged.evidence, 3), cue_points=judged.points,
        danger=danger_of(judged), fraud_type=seen.fraud_type, told=told_trick(judged), reasons=why,
        suggested_pattern=suggested.pattern_id if suggested else None,
        suggested_title=suggested.title if suggested else "",
        suggested_score=verdict.score if suggested else 0.0,
        suggested_reasons=verdict.reasons if suggested else (),
        indicators=shown_indicators(verdict.indicators),
        versions=(verdict.normaliser, verdict.library, judge.version),
    )  # fmt: skip


def danger_of(judged: Judgement) -> int:
    """How dangerous a text is by its words, 0 to 100: how likely fraud is at work in it."""
    return round(100 / (1 + math.exp(-judged.suspicion)))


def told_trick(judged: Judgement) -> e.ToldTrick:
    """What the judge read, as it is kept with the report."""
    slots = judged.slots
    return e.ToldTrick(
        voice=judged.voice,
        likely_types=judged.likely_types,
        clear=judged.fraud_type is not None,
        who=slots.who, pretext=slots.pretext, acts=slots.acts, way=slots.way,
    )  # fmt: skip


def reply(report_id: str, kind: str, text: str, about: e.ReportReceived) -> e.ReplyRequested:
    """The request for the reply of ``kind`` to the reporter of ``about``."""
    return e.ReplyRequested(
        event_id=e.derive_id(report_id, "reply", kind), at=about.at, report_id=report_id,
        kind=kind, text=text, place=about.place, reporter=about.reporter,  # type: ignore[arg-type]
    )  # fmt: skip
