"""Events of reports: received, matched, unmatched, sighted, handled, replied to."""

from enum import StrEnum
from typing import Literal

import msgspec

from fenghuo.domain.alert import AlertId
from fenghuo.domain.events.base import Event


class ScamStage(StrEnum):
    """How far the scam has come with the person who reports it."""

    RECEIVED = "received"
    IN_CONTACT = "in_contact"
    MONEY_MOVING = "money_moving"
    PAID = "paid"


URGENT = frozenset({ScamStage.MONEY_MOVING, ScamStage.PAID})
"""Stages that go before an officer at once: within minutes the money can still be stopped."""


class UrgentOutcome(StrEnum):
    """What an officer did about an urgent report."""

    CONTACTED = "contacted"
    STOPPED = "stopped"
    FALSE_ALARM = "false_alarm"
    OTHER = "other"


class ReporterKind(StrEnum):
    RESIDENT = "resident"
    OFFICER = "officer"
    SYSTEM = "system"


class ReportPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report comes from; finer than the town only by the group."""

    district: str
    town: str = ""
    group_id: str | None = None


class ReportReceived(Event, frozen=True, kw_only=True, tag="ReportReceived"):
    report_id: str
    text: str
    place: ReportPlace
    reporter: str
    """A keyed pseudonym, never a name or a number."""
    reporter_kind: ReporterKind = ReporterKind.RESIDENT
    stage: ScamStage = ScamStage.RECEIVED
    source: str = "api"


class AlarmReceived(ReportReceived, frozen=True, kw_only=True, tag="AlarmReceived"):
    """A report whose reporter says that money is moving or gone: it does not wait behind others."""


class ReportMatched(Event, frozen=True, kw_only=True, tag="ReportMatched"):
    report_id: str
    place: ReportPlace
    reporter: str
    stage: ScamStage
    masked: str
    pattern_id: str
    fraud_type: str
    title: str
    score: float
    evidence: tuple[int, int] | None = None
    alert_id: AlertId | None = None
    versions: tuple[str, str] = ("", "")
    """Of the normaliser and of the library."""
    stage_by_text: bool = False
    """The reporter chose a lower stage; the words say this one."""
    matter: str = "fraud"
    """fraud, emergency, service or other."""
    trouble: bool = False
    """Told by somebody in trouble, or by their people: never clustered, quoted or drafted from."""
    sealed: str = ""
    """The fraudster's details (``fenghuo/security/details.py``)."""


class ToldTrick(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge read in a report's words: whose voice it is, what fraud it may be, and the slots of its
    story. Words of its own tables only, never of the text."""

    voice: str = "bait"
    likely_types: tuple[tuple[str, float], ...] = ()
    """The likeliest fraud types, each with its share (0 to 1), at most three."""
    clear: bool = False
    """Whether the first of them is clear enough to be named."""
    who: str = ""
    pretext: str = ""
    acts: tuple[str, ...] = ()
    way: str = ""


class ReportUnmatched(Event, frozen=True, kw_only=True, tag="ReportUnmatched"):
    report_id: str
    place: ReportPlace
    reporter: str
    stage: ScamStage
    masked: str
    suspicious: bool
    danger: int
    borderline: bool = msgspec.field(default=False, name="leaning")
    """Suspicious, or just short of it: several such reports of one thing are suspicious together."""
    suspicion: float | None = None
    """Log-odds that fraud is at work in it, 0 for as likely as not; None in an event that a judge has not
    seen."""
    evidence: float | None = None
    """The suspicion, lifted or lowered by cues of bait such as links, accounts and disguise."""
    cue_points: int = 0
    """Points of those cues: from ten on they are those of a bulk advert that leads somewhere."""
    told: ToldTrick = ToldTrick()
    reasons: tuple[str, ...] = ()
    """Why it is suspicious, in Chinese words that a person can read."""
    fraud_type: str | None = None
    suggested_pattern: str | None = None
    suggested_title: str = ""
    suggested_score: float = 0.0
    suggested_reasons: tuple[str, ...] = ()
    """Why it is not taken for known: likeness, advice, known_good, refused, no_hook."""
    indicators: tuple[str, ...] = ()
    """Defanged."""
    versions: tuple[str, ...] = ("", "")
    """Of the normaliser, of the library, and of the judge."""
    stage_by_text: bool = False
    """As in ReportMatched, as the next two."""
    matter: str = "fraud"
    trouble: bool = False
    sealed: str = ""
    """The fraudster's details (``fenghuo/security/details.py``)."""
    model: tuple[str, ...] = ()
    """What the second reader found where that is to be looked at: codes such as model.voice.story."""
    stage_by_model: bool = False
    """The reporter chose a lower stage; the second reader took the words to say this one."""


class UrgentHandled(Event, frozen=True, kw_only=True, tag="UrgentHandled"):
    """A person has seen to an urgent report; of several the first counts."""

    report_id: str
    person_id: str
    outcome: UrgentOutcome


class SightingRecorded(Event, frozen=True, kw_only=True, tag="SightingRecorded"):
    """A further report of something a standing alert already warns of."""

    alert_id: AlertId
    report_id: str
    place: ReportPlace
    reporter: str = ""
    """Of a sighting in words, which counts once a person."""


class ReplyRequested(Event, frozen=True, kw_only=True, tag="ReplyRequested"):
    """An answer owed to the person who reported; ``kind`` orders answers to one report."""

    report_id: str
    kind: Literal["new", "known", "warned", "withdrawn"]
    text: str
    place: ReportPlace
    reporter: str
