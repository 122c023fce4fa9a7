"""Is it known? Reads reports.received and alarms.received; writes reports.matched, reports.unmatched and
replies.requested.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from consumers import reply_texts
from consumers.credibility import DRAFT, WATCH
from consumers.indicators import shown_indicators
from consumers.judging import Assessed, Told, assess_all
from consumers.live_library import LiveLibrary, fraud_types
from consumers.service_table import ANY, Service, service_for, shipped_services
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.security.details import seal_details
from fenghuo.transport.stage import Outcome
from patterns.entities.redact import hide_in
from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.reasons import reasons
from patterns.text.normalise import clean_batch

MATCH_AT_ONCE = 64
"""Texts that a thread judges before it yields to others: some ten milliseconds of work."""


SecondLook = Callable[[Sequence[Told]], Awaitable[list[Told]]]
"""Has the second reader read those that the judge is unsure of (`consumers/second_reader/second_look.py`)."""


class Triage:
    """Judges reports against the library in a thread, so that the loop goes on answering heartbeats."""

    def __init__(
        self,
        library: LiveLibrary,
        judge: Judge,
        key: str = "",
        services: Sequence[Service] | None = None,
        second_look: SecondLook | None = None,
    ) -> None:
        self._library, self._judge, self._key = library, judge, key
        self._second_look = second_look
        self._services = shipped_services() if services is None else services

    async def on_reports_received(self, events: Sequence[e.Event]) -> Outcome:
        reports = [x for x in events if isinstance(x, e.ReportReceived)]
        told = list[Told]()
        for at in range(0, len(reports), MATCH_AT_ONCE):
            told += await asyncio.to_thread(self._assess, reports[at : at + MATCH_AT_ONCE])
        if self._second_look is not None:
            told = await self._second_look(told)
        outcome = Outcome()
        for at in range(0, len(told), MATCH_AT_ONCE):
            outcome.events += await asyncio.to_thread(self._all_events, told[at : at + MATCH_AT_ONCE])
        return outcome

    def _assess(self, reports: Sequence[e.ReportReceived]) -> list[Told]:
        """What is seen in the reports, those in trouble first."""
        seen = assess_all(self._library.match, self._judge, [report.text for report in reports])
        told = [_told(report, one) for report, one in zip(reports, seen, strict=True)]
        told.sort(key=lambda x: not (x.seen.trouble or x.stage in e.URGENT))
        return told

    def _all_events(self, told: Sequence[Told]) -> list[e.Event]:
        return [event for one in told for event in self._events(one)]

    def _events(self, told: Told) -> list[e.Event]:
        if told.seen.called == "known" and told.seen.pattern is not None:
            return _known(told, self._key)
        row = _unmatched(told, self._judge, self._key)
        return [row, reply(row.report_id, "new", self._answer(told), told.report)]

    def _answer(self, told: Told) -> str:
        """The first answer: an emergency before all, what the report is like, or whom to ask."""
        seen, said = told.seen, told.seen.said
        if told.matter == "emergency":
            return reply_texts.emergency(said.emergency, said.calls, told.stage)
        if seen.called == "like":
            kind = fraud_types().get(seen.fraud_type or "")
            if kind is not None:
                return reply_texts.like(kind.label_zh, kind.advice, told.stage)
        if told.matter == "service":
            return reply_texts.service(service_for(told.report.text, self._services) or ANY, told.stage)
        return reply_texts.new(told.stage, seen.called != "none" or seen.judgement.evidence >= WATCH)


def _told(report: e.ReportReceived, seen: Assessed) -> Told:
    by_text = e.ScamStage(seen.stage)
    raised = by_text in e.URGENT and report.stage not in e.URGENT
    return Told(report, seen, by_text if raised else report.stage)


def _known(told: Told, key: str) -> list[e.Event]:
    report, seen, pattern = told.report, told.seen, told.seen.pattern
    assert pattern is not None
    kind, hidden = fraud_types().get(pattern.fraud_type), hide_in(report.text, seen.found)
    matched = e.ReportMatched(
        event_id=e.derive_id(report.report_id, "matched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=told.stage, masked=hidden.text,
        pattern_id=pattern.pattern_id, fraud_type=pattern.fraud_type, title=pattern.title,
        score=seen.verdict.score, evidence=seen.verdict.evidence,
        alert_id=AlertId(pattern.alert_id) if pattern.alert_id else None,
        versions=(seen.verdict.normaliser, seen.verdict.library), sealed=seal_details(hidden.details, key),
        stage_by_text=told.by_text, matter=told.matter, trouble=seen.trouble,
    )  # fmt: skip
    if told.matter == "emergency":
        text = reply_texts.emergency(seen.said.emergency, seen.said.calls, told.stage)
    else:
        text = reply_texts.known(pattern.title, kind.advice if kind else "", told.stage)
    return [matched, reply(report.report_id, "known", text, report)]


def _unmatched(told: Told, judge: Judge, key: str) -> e.ReportUnmatched:
    """The event of a report that is no known pattern, with what the judge read in it."""
    report, seen, judged = told.report, told.seen, told.seen.judgement
    suggested = seen.pattern if seen.verdict.band == "suggested" else None
    hidden = hide_in(report.text, seen.found)
    why: tuple[str, ...] = ()
    if judged.evidence >= WATCH and not seen.trouble:
        why = reasons(judge, judged, clean_batch((hidden.text,)), 0)
    return e.ReportUnmatched(
        event_id=e.derive_id(report.report_id, "unmatched"), at=report.at, report_id=report.report_id,
        place=report.place, reporter=report.reporter, stage=told.stage, masked=hidden.text,
        suspicious=judged.suspicion >= DRAFT, borderline=judged.suspicion >= WATCH,
        suspicion=round(judged.suspicion, 3), evidence=round(judged.evidence, 3), cue_points=judged.points,
        danger=danger_of(judged), fraud_type=seen.fraud_type, told=told_trick(judged), reasons=why,
        suggested_pattern=suggested.pattern_id if suggested else None,
        suggested_title=suggested.title if suggested else "",
        suggested_score=seen.verdict.score if suggested else 0.0,
        suggested_reasons=seen.verdict.reasons if suggested else (),
        indicators=shown_indicators(seen.found.entities),
        versions=(seen.verdict.normaliser, seen.verdict.library, judge.version),
        sealed=seal_details(hidden.details, key),
        stage_by_text=told.by_text, matter=told.matter, trouble=seen.trouble,
        model=told.model, stage_by_model=told.by_model,
    )  # fmt: skip


def danger_of(judged: Judgement) -> int:
    """How dangerous a text is by its words, 0 to 100: how likely fraud is at work in it."""
    return round(100 / (1 + math.exp(-judged.suspicion)))


def told_trick(judged: Judgement) -> e.ToldTrick:
    """What the judge read, as it is kept with the report."""
    slots = judged.slots
    return e.ToldTrick(
        voice=judged.voice, likely_types=judged.likely_types, clear=judged.fraud_type is not None,
        who=slots.who, pretext=slots.pretext, acts=slots.acts, way=slots.way,
    )  # fmt: skip


def reply(report_id: str, kind: str, text: str, about: e.ReportReceived) -> e.ReplyRequested:
    """The request for the reply of ``kind`` to the reporter of ``about``."""
    return e.ReplyRequested(
        event_id=e.derive_id(report_id, "reply", kind), at=about.at, report_id=report_id,
        kind=kind, text=text, place=about.place, reporter=about.reporter,  # type: ignore[arg-type]
    )  # fmt: skip
