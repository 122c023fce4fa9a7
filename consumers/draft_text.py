"""The draft of a warning, composed from the fraud type's sentences and the evidence. Pure.

Text skeleton: 【反诈预警】 type; what is happening, where, to how many, the bait in its own words; how it
works; how to tell; what to do; issuer and time (practice of the field: no link that works, no number but
96110 and 110, no request to reply).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from fenghuo.domain.alert import TEXT_LIMIT, TITLE_LIMIT, Audience, Content
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.warning_text import issuer
from patterns.entities.redact import forbidden
from patterns.model import FraudType
from patterns.text.normalise import clean, fold, fold_with_offsets

WHERE_TO_CALL = "已付款的，马上拨打 110；拿不准的，拨打 96110。"
_TOWNS_NAMED = 3
_QUOTE_LIMIT = 36
_QUOTE_SHORTEST = 6
_SAME_CLAUSE = 80
"""rapidfuzz partial_ratio from which two folded clauses say the same."""
_RUN = 2
"""Folded codes in a row that two texts must share to be quoted."""
_MORE_WORDS = 4
"""Extra folded codes that the other text may have at either end of the clause."""
_ANOTHER_CLAUSE = 60
"""partial_ratio below which two clauses say different things."""
_CUT = "…"
_HEAD = re.compile(r"^[【\[].{1,12}[】\]]|^(?:并且?|而且|同时|以及)")
_MASK = re.compile(r"\[[^\]]{1,12}已隐藏\]|\w{0,4}\*{2,}\w{0,4}", re.ASCII)
_SIGNS_WITHIN = re.compile(r"(?<=[\u4e00-\u9fff])(?:[/.·~_+\- ]+|\*)(?=[\u4e00-\u9fff])")
_NO_BEGINNING = "的地得将被也就"
_ACCOUNT = r"[A-Za-z][\w\-]{5,}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a draft is made from."""

    district: str
    towns: Sequence[str]
    reporters: int
    shared: Sequence[str]
    """Clauses that came from several people: a clause of one person may identify them, so it is never
    quoted."""
    indicators: Sequence[str]
    at: datetime
    life_hours: int


def compose(kind: FraudType, evidence: Evidence) -> Content:
    """The content of a draft for ``kind``: at most TEXT_LIMIT characters, for the whole district."""
    return Content(
        title=_title(kind, evidence),
        text=_text(kind, evidence),
        correction=_correction(kind, evidence),
        audience=Audience(district=evidence.district),
        channels=GROUP_CHANNELS,
        severity=kind.severity,
        expires_at=evidence.at + timedelta(hours=evidence.life_hours),
    )


def _title(kind: FraudType, evidence: Evidence) -> str:
    """The fraud type and, if it fits whole, the bait."""
    room = TITLE_LIMIT - len(kind.label_zh) - 1
    bait = quote([x for x in evidence.shared if len(x) <= room], kind.cues, limit=room)
    return f"{kind.label_zh}：{bait}" if bait else kind.label_zh[:TITLE_LIMIT]


def _text(kind: FraudType, evidence: Evidence) -> str:
    """The whole text; the least important lines are left out until it fits."""
    foot = f"{issuer(evidence.district)} {evidence.at.astimezone(CHINA):%m月%d日 %H:%M}"
    texts = (
        "\n".join((_heading(kind), *lines, f"提醒：{kind.advice}{WHERE_TO_CALL}", foot))
        for lines in _shorter_and_shorter(kind, evidence)
    )
    shortest = ""
    for text in texts:
        shortest = text
        if len(text) <= TEXT_LIMIT and not forbidden(text):
            return text
    return shortest[:TEXT_LIMIT]


def _heading(kind: FraudType) -> str:
    label = kind.label_zh.removeprefix("其他")
    named = label if label.endswith(("诈骗", "敲诈")) else f"“{label}”骗局"
    return f"【反诈预警】谨防{named}"


def _shorter_and_shorter(kind: FraudType, evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """The lines between heading and advice: all of them first, then fewer and fewer."""
    at_length = _news(evidence, quote(evidence.shared, kind.cues))
    news = _news(evidence, quote(evidence.shared, kind.cues, clauses=1))
    how, link = f"骗术：{kind.how}", _link(evidence)
    for lead, fewest in ((at_length, 2), (news, 1)):
        for count in range(len(kind.tell), fewest - 1, -1):
            yield f"{kind.happening}{lead}", how, f"识别：{'；'.join(kind.tell[:count])}。{link}"
    yield f"{kind.happening}{news}", how
    yield news, how
    yield (_news(evidence, ""),)


def _news(evidence: Evidence, bait: str) -> str:
    named = "、".join(evidence.towns[:_TOWNS_NAMED])
    where = f"{named}等地" if len(evidence.towns) > _TOWNS_NAMED else named
    end = evidence.district[-1:]
    ours = f"我{end}" if end in tuple("区县市旗") else "本地"
    return f"{ours}{where}已有 {evidence.reporters} 人举报" + (f"，收到的内容是“{bait}”。" if bait else "。")


def _link(evidence: Evidence) -> str:
    """A sentence about the bait's site, without the path, which may identify its addressee."""
    if not evidence.indicators:
        return ""
    site = re.split(r"[/?#]", re.sub(r"^\w+://", "", evidence.indicators[0]))[0]
    return f"骗子的网址如 {site}，不要打开。"


def _correction(kind: FraudType, evidence: Evidence) -> str:
    return (
        f"【更正】此前关于“{kind.label_zh}”的预警经核实有误，现予撤回，请以本条为准。"
        f"给您带来不便，敬请谅解。如有疑问请拨打 96110。\n{issuer(evidence.district)}"
    )


# ---------------------------------------------------------------- the bait in its own words


def quote(
    shared: Sequence[str], phrases: Sequence[str] = (), limit: int = _QUOTE_LIMIT, clauses: int = 2
) -> str:
    """The most telling of the ``shared`` clauses that may be shown to residents; "" if none may.

    With ``clauses`` 2, two of them if both fit into ``limit`` characters. ``phrases`` are the fraud type's.
    """
    known = [clean(phrase) for phrase in phrases]
    quotable = [x for x in shared if len(x) <= limit and _is_quotable(x)]
    if not quotable:
        return ""
    best = max(quotable, key=lambda x: _weight(x, known))
    for other in sorted(quotable, key=lambda x: -_weight(x, known)) if clauses > 1 else ():
        if fuzz.partial_ratio(fold(best), fold(other)) < _ANOTHER_CLAUSE and _weight(other, known) > 0:
            both = "，".join(sorted((best, other), key=quotable.index))
            if len(both) <= limit and _is_quotable(both):
                return both
    return best


def _weight(clause: str, phrases: Sequence[str]) -> float:
    """How much a clause says about the bait: a claim more than a demand; gaps make it hard to read."""
    shown = clause.replace(_CUT, "")
    plain = clean(shown)
    found = sum(len(phrase) for phrase in phrases if phrase in plain)
    hard = 6 * (plain != shown.lower()) + 2 * (shown != clause) + 8 * clause.startswith("请")
    return found + len(clause) / _QUOTE_LIMIT - hard


def _is_quotable(clause: str) -> bool:
    return not re.search(rf"[\[\]*]|{_ACCOUNT}", clause, re.ASCII) and not forbidden(clause)


def clauses(text: str) -> list[str]:
    """The clauses of a masked message with six Han characters or more, without their heading and the signs
    that disguise them; masked parts become a gap."""
    pieces = (_HEAD.sub("", x.strip()) for x in re.split(r"[，。,；;！!？?：:\n]", _undisguised(text)))
    return [x for x in pieces if _says_something(x)]


def _undisguised(text: str) -> str:
    seen = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "So", "Mn", "Me", "Sk"})
    return _SIGNS_WITHIN.sub("", _MASK.sub(_CUT, seen))


def _says_something(clause: str) -> bool:
    return len(re.findall(r"[\u4e00-\u9fff]", clause)) >= _QUOTE_SHORTEST


def shared_clauses(exemplars: Sequence[str], text: str) -> list[str]:
    """What both the clauses of ``exemplars`` and ``text``, by another person, say (compared by sound, so
    disguises match): words and figures of the exemplar alone become a gap (…)."""
    folded, figures = fold(text), set(_figures(text))
    theirs = dict.fromkeys(clause for exemplar in exemplars for clause in clauses(exemplar))
    found = (_without_figures(_said_by_both(clause, folded), figures) for clause in theirs)
    return [x for x in dict.fromkeys(found) if _says_something(x)]


def _said_by_both(clause: str, folded: str) -> str:
    """The part of a clause that a folded text has too; "" if they do not say the same."""
    own = fold_with_offsets(clause)
    if own.text in folded:
        return clause
    at = fuzz.partial_ratio_alignment(own.text, folded, score_cutoff=_SAME_CLAUSE)
    if at is None:
        return ""
    there = folded[max(0, at.dest_start - _MORE_WORDS) : at.dest_end + _MORE_WORDS]
    same = [
        (op.src_start, op.src_end)
        for op in Indel.opcodes(own.text, there)
        if op.tag == "equal" and op.src_end - op.src_start >= _RUN
    ]
    common, last = "", None
    for start, end in same:
        first, behind = own.span(start, end)
        common += ("" if last in {None, start} else _CUT) + clause[first:behind]
        last = end
    return common


def _figures(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", clean(text))


def _without_figures(clause: str, known: set[str]) -> str:
    """``clause`` with a gap for every number and Latin word that is not in ``known``."""
    cut = re.sub(
        r"[A-Za-z0-9\uff10-\uff5a]+", lambda m: m[0] if set(_figures(m[0])) <= known else _CUT, clause
    )
    return re.sub(f"{_CUT}+", _CUT, cut).strip(_CUT).lstrip(_NO_BEGINNING)


def in_order(shared: Sequence[str], exemplars: Sequence[str]) -> list[str]:
    """The ``shared`` clauses in the exemplars' order: the claim comes before the threat."""
    met = list(dict.fromkeys(clause for text in exemplars for clause in clauses(text)))

    def place(clause: str) -> int:
        runs = clause.split(_CUT)
        return next((n for n, clause in enumerate(met) if all(run in clause for run in runs)), len(met))

    return sorted(shared, key=place)
