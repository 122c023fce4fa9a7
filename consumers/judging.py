"""The judge in force, and what a report is: its known pattern, its voice, its type, how suspicious it is.

The same functions serve the live stage, ``fenghuo assess`` and ``fenghuo backtest``.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, cast

from consumers.credibility import WATCH, WATCH_ONE
from consumers.judge_folder import ACTIVE, folder_of, judge_at
from fenghuo.domain import events as e
from fenghuo.errors import Refused
from fenghuo.settings import Settings
from patterns.entities.find import Found, found_in_all
from patterns.judgement.assessing import assessed
from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.labels import Matter
from patterns.judgement.weights import read
from patterns.model import Pattern, Verdict
from patterns.signals.urgency import Urgency, urgency
from patterns.text.normalise import clean_batch

log = logging.getLogger(__name__)

Called = Literal["known", "suggested", "like", "none"]

LIKE = WATCH_ONE
"""Evidence (`Judgement.evidence`) from which a reporter is told that it is very like a fraud though no
pattern fits: less than one everyday message in a hundred."""
LIKE_ASKED = 0.8
"""The same for somebody who asks: a question quotes what it asks about, which may be the honest original."""
_SPEAKS_OF_FRAUD = {"bait": LIKE, "story": LIKE, "victim": LIKE, "question": LIKE_ASKED}
SURE_OF_TROUBLE, SURE_OF_EMERGENCY = 0.35, 0.6
"""Share from which the judge's own reading makes somebody's trouble of a text, where no rule does."""
SURE_OF_VOICE, SURE_AGAINST_EMERGENCY, _NO_TROUBLE = 0.7, 0.8, 0.1
"""Share of a voice, and of trouble, by which the judge overrules what the rules take for trouble."""
_SPEAKS_FOR_ITSELF = frozenset(("bait", "warning", "notice"))
_MOVING = ("money_moving", "paid")


class Assessed(NamedTuple):
    """One text as the room sees it."""

    verdict: Verdict
    pattern: Pattern | None
    judgement: Judgement
    said: Urgency
    found: Found

    @property
    def stage(self) -> str:
        """How far it has come by the words: as the rules say, or as the judge is sure."""
        if self.said.stage not in _MOVING and self._sure_of_trouble:
            return "paid" if self.judgement.stage == "paid" else "money_moving"
        return "received" if self._told_by_nobody_in_trouble else self.said.stage

    @property
    def trouble(self) -> bool:
        """Whether it is told by somebody in trouble, or by their people."""
        return self._is_trouble_of_fraud or self.matter == "emergency"

    @property
    def matter(self) -> Matter:
        """What it is about. What could be a scam is no matter for an office."""
        by_rule = self.said.matter == "emergency" and not self._told_by_nobody_in_trouble
        if by_rule or self.judgement.emergency_share >= SURE_OF_EMERGENCY:
            return "emergency"
        if self._is_trouble_of_fraud or self.called != "none" or self.judgement.evidence >= WATCH:
            return "fraud"
        if self.said.matter is not None:
            return cast(Matter, self.said.matter)
        return self.judgement.matter if self.judgement.matter != "emergency" else "other"

    @property
    def _is_trouble_of_fraud(self) -> bool:
        by_rule = self.said.trouble and not self._told_by_nobody_in_trouble
        return by_rule or self._sure_of_trouble

    @property
    def _told_by_nobody_in_trouble(self) -> bool:
        """Whether the judge is sure that it is the fraudster's own words, or a warning, against the rules:
        bait speaks as one in trouble does."""
        judged = self.judgement
        sure = SURE_AGAINST_EMERGENCY if self.said.matter == "emergency" else SURE_OF_VOICE
        return (
            judged.voice in _SPEAKS_FOR_ITSELF
            and judged.voice_share >= sure
            and max(judged.trouble_share, judged.emergency_share) < _NO_TROUBLE
        )

    @property
    def _sure_of_trouble(self) -> bool:
        return self.judgement.trouble_share >= SURE_OF_TROUBLE

    @property
    def called(self) -> Called:
        """What the reporter may be told: a known pattern, one like it, a fraud by its words, or nothing."""
        if self.verdict.band != "none":
            return self.verdict.band
        return "like" if is_like(self.judgement) else "none"

    @property
    def fraud_type(self) -> str | None:
        """The type of the pattern that it is, or is like; else the judge's, None where that is unclear."""
        if self.pattern is not None and self.verdict.band != "none":
            return self.pattern.fraud_type
        return self.judgement.fraud_type


class Told(NamedTuple):
    """A report, what the room sees in it, and the stage in force.

    That is the reporter's, or a more urgent one: that the words say, or that the second reader takes them to
    say. `model` is what that reader found, where it is to be looked at.
    """

    report: e.ReportReceived
    seen: Assessed
    stage: e.ScamStage
    model: tuple[str, ...] = ()

    @property
    def by_text(self) -> bool:
        return self.stage is not self.report.stage and not self.model

    @property
    def by_model(self) -> bool:
        return self.stage is not self.report.stage and bool(self.model)

    @property
    def matter(self) -> str:
        """fraud, emergency, service or other; a report of an urgent stage is one of fraud, unless the second
        reader alone calls it urgent."""
        said = self.seen.matter
        urgent = self.stage in e.URGENT and not self.by_model
        return "fraud" if urgent and said != "emergency" else said


def is_like(judged: Judgement) -> bool:
    """Whether a text without a pattern is so suspicious that its reporter is told so."""
    floor = _SPEAKS_OF_FRAUD.get(judged.voice)
    return floor is not None and judged.evidence >= floor


@cache
def shipped_judge() -> Judge:
    """The judge whose weights ship with ``patterns``."""
    return Judge(read(files("patterns").joinpath("judgement", "shipped.weights").read_bytes()))


def judge_in_force(settings: Settings) -> Judge:
    """The district's own judge where it has put one in force, else the one that ships. A file that cannot
    judge stops nobody: it is logged, and the judge that ships is in force."""
    path = folder_of(settings) / ACTIVE
    try:
        return judge_at(path) or shipped_judge()
    except Refused as error:
        log.warning(
            "the district's own judge is not used, the shipped one is in force; bring back the one before "
            "(`fenghuo library learn --restore`) or remove the file",
            extra={"file": str(path), "why": str(error)},
        )
        return shipped_judge()


def assess_all(
    match: Callable[[Sequence[str]], list[tuple[Verdict, Pattern | None]]], judge: Judge, texts: Sequence[str]
) -> list[Assessed]:
    """Every text against the library and before the judge, in order."""
    cleaned = clean_batch(texts)
    found = found_in_all(texts, cleaned)
    said = [urgency(cleaned.string(n)) for n in range(len(texts))]
    judged = assessed(judge, texts, cleaned, found, said)
    return [
        Assessed(verdict, pattern, own, trouble, here)
        for (verdict, pattern), own, trouble, here in zip(match(texts), judged, said, found, strict=True)
    ]


def judged_texts(judge: Judge, texts: Sequence[str]) -> list[Judgement]:
    """What the judge makes of each text, in order."""
    return assessed(judge, texts, clean_batch(texts))
