"""The draft of a warning, composed from the fraud type's sentences and the evidence. Pure.

Skeleton: 【反诈预警】 heading; what is happening, where, to how many, the bait in its own words; how it
works; how to tell; what to do; issuer and time (practice of the field: no link that works, no number but
96110 and 110, no request to reply). Heading, what to do and issuer are always there; the others are left
out, the least important first, until at most DRAFT_LENGTH characters are left: a person can add a line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumers.drafting.quotation import quote
from consumers.drafting.release_check import names_in
from consumers.drafting.severity import Gravity, severity_of
from consumers.live_library import OTHER, fraud_types
from fenghuo.domain.alert import SEVERE, TEXT_LIMIT, TITLE_LIMIT, Audience, Content
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.warning_text import WARNING_MARK, issuer
from patterns.entities.redact import forbidden
from patterns.model import FraudType
from patterns.text.language import foreign_language

DRAFT_LENGTH = 220
WHERE_TO_CALL = "已付款的马上打 110，拿不准的打 96110。"
_TOWNS_NAMED = 3
_TOLD_NAMED = 4
_KNOWN_AS_LIMIT = 16
_PLAIN = 3
"""Characters of a type's phrase from which it speaks for a scam of an unknown type too."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a draft is made from."""

    district: str
    towns: Sequence[str]
    reporters: int
    shared: Sequence[str]
    """Clauses of bait that came from several people: a clause of one person may identify them, so it is never
    quoted."""
    indicators: Sequence[str]
    at: datetime
    life_hours: int
    told: Sequence[str] = ()
    """What people tell of the scam, in ready words: who it is said to be, the pretext, the act, the way
    (冒充客服, 要求共享屏幕)."""
    texts: Sequence[str] = ()
    """Masked texts of the reports, from which the language is told; never quoted."""
    worst: int = 0
    """The danger of the worst text, 0 to 100."""
    paying: int = 0
    """Reporters who are paying or have paid."""
    known_as: str = ""
    """The title of the known pattern that they reported; "" if it is a guess."""


def compose(kind: FraudType, evidence: Evidence) -> Content:
    """The content of a draft for ``kind`` (OTHER if the type is not known): at most TEXT_LIMIT characters,
    for the whole district."""
    return Content(
        title=heading_of(kind)[:TITLE_LIMIT],
        text=_text(kind, evidence),
        correction=_correction(kind, evidence),
        audience=Audience(district=evidence.district),
        channels=GROUP_CHANNELS,
        severity=severity_of(_gravity(kind, evidence)),
        expires_at=evidence.at + timedelta(hours=evidence.life_hours),
    )


def _gravity(kind: FraudType, evidence: Evidence) -> Gravity:
    proved = bool(evidence.known_as) and kind.severity == SEVERE
    return Gravity(evidence.reporters, len(evidence.towns), evidence.worst, evidence.paying, proved)


def heading_of(kind: FraudType) -> str:
    """The title of a warning about ``kind``: the type's own heading, or one by its label."""
    if kind.heading:
        return kind.heading
    label = kind.label_zh
    if label.endswith(("诈骗", "敲诈", "骗局")):
        return f"谨防{label}"
    if label.startswith(("冒充", "谎称", "假冒")):
        return f"谨防{label}的骗局"
    return f"谨防{label}骗局" if label.startswith("虚假") else f"谨防“{label}”骗局"


# ---------------------------------------------------------------- the text


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts that may be left out, and how much of them is in."""

    happening: bool = True
    bait: int = 2
    """Clauses that are quoted, at most."""
    how: bool = True
    tell: int = 3
    link: bool = True


def _text(kind: FraudType, evidence: Evidence) -> str:
    """The text with as many of its parts as fit and may go out; the required ones alone if none may."""
    foot = f"{issuer(evidence.district)} {evidence.at.astimezone(CHINA):%m月%d日 %H:%M}"
    to_do = f"提醒：{kind.advice}{WHERE_TO_CALL}"
    quotes = _quotes(kind, evidence)
    shortest = ""
    for parts in _fewer_and_fewer(says=bool(quotes[1] or _told(evidence))):
        lines = (f"{WARNING_MARK}{heading_of(kind)}", *_lines(kind, evidence, parts, quotes), to_do, foot)
        shortest = "\n".join(lines)
        if len(shortest) <= DRAFT_LENGTH and not forbidden(shortest):
            return shortest
    return shortest[:TEXT_LIMIT]


def _fewer_and_fewer(*, says: bool) -> Iterator[_Parts]:
    """Which parts to keep: all of them first, then without the least important, and so on.

    Unless something is quoted or told (``says``), what is happening says what the scam is, so it goes later.
    """
    yield from (_Parts(), _Parts(tell=2))
    if says:
        for bait, tell in ((2, 3), (2, 2), (1, 2), (2, 0), (1, 0)):
            yield _Parts(happening=False, bait=bait, tell=tell)
        yield _Parts(happening=False, bait=1, tell=0, link=False)
        yield _Parts(happening=False, bait=1, tell=0, how=False, link=False)
    else:
        yield from (_Parts(tell=0), _Parts(happening=False, tell=0), _Parts(tell=0, link=False))
        yield _Parts(happening=False, tell=0, link=False)
    yield _Parts(happening=False, bait=0, tell=0, how=False, link=False)


def _lines(kind: FraudType, evidence: Evidence, parts: _Parts, quotes: Sequence[str]) -> Iterator[str]:
    """The lines between heading and what to do."""
    happening = kind.happening if parts.happening else ""
    yield happening + _news(evidence, parts, quotes[parts.bait])
    if parts.how:
        yield f"骗术：{kind.how}"
    if parts.tell:
        yield f"识别：{'；'.join(kind.tell[: parts.tell])}。"


def _news(evidence: Evidence, parts: _Parts, quoted: str) -> str:
    """Where and how many, and what they got or tell: a quotation, or else the slots of their stories."""
    named = "、".join(evidence.towns[:_TOWNS_NAMED])
    where = f"{named}等地" if len(evidence.towns) > _TOWNS_NAMED else named
    end = evidence.district[-1:]
    ours = f"我{end}" if end in tuple("区县市旗") else "本地"
    found = f"{ours}{where}已有 {evidence.reporters} 人举报"
    if quoted:
        found += f"，内容是“{quoted}”"
    elif parts.bait and (told := _told(evidence)):
        found += f"，说对方{told}"
    elif name := _known_as(evidence):
        found += f"“{name}”这类骗局"
    site = _site(evidence) if parts.link else ""
    return f"{found}{f'，网址如 {site}' if site else ''}。{_language(evidence)}"


def _quotes(kind: FraudType, evidence: Evidence) -> tuple[str, str, str]:
    """What is quoted with no clause, one clause, and two."""
    phrases = _phrases(kind)
    return "", quote(evidence.shared, phrases, clauses=1), quote(evidence.shared, phrases)


def _phrases(kind: FraudType) -> Sequence[str]:
    """The phrases of the type; of an unknown one those of all types that say enough by themselves."""
    if kind.code != OTHER:
        return kind.cues
    return tuple(cue for each in fraud_types().values() for cue in each.cues if len(cue) >= _PLAIN)


def _told(evidence: Evidence) -> str:
    """What people tell, as one clause; "" if a word of it may not go out."""
    told = "，".join(dict.fromkeys(x.strip("，。；") for x in evidence.told if x.strip("，。；")[:1]))
    told = "，".join(told.split("，")[:_TOLD_NAMED])
    return "" if not told or forbidden(f"骗子{told}") or names_in(told) else told


def _known_as(evidence: Evidence) -> str:
    """The known pattern's title where it is a name for the scam, and not a warning's heading."""
    name = evidence.known_as
    fits = 0 < len(name) <= _KNOWN_AS_LIMIT and not name.startswith("谨防") and "骗局" not in name
    return name if fits and not forbidden(name) and not names_in(name) else ""


def _language(evidence: Evidence) -> str:
    language = foreign_language(evidence.texts)
    return f"信息是用{language}写的，看不懂的不要照做。" if language else ""


def _site(evidence: Evidence) -> str:
    """The bait's site without the path, which may identify its addressee; "" if each could be somebody
    honest's."""
    sites = (re.split(r"[/?#]", re.sub(r"^\w+://", "", x))[0] for x in evidence.indicators)
    return next((x for x in sites if not forbidden(x) and not names_in(x)), "")


def _correction(kind: FraudType, evidence: Evidence) -> str:
    return (
        f"【更正】此前发布的“{heading_of(kind).replace('“', '').replace('”', '')}”预警经核实有误，现予撤回，"
        f"请以本条为准。给您带来不便，敬请谅解。如有疑问请拨打 96110。\n{issuer(evidence.district)}"
    )
