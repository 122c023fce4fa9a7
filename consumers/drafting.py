"""The draft of a warning, composed from the fraud type's sentences and the evidence. Pure.

Text skeleton: 【反诈预警】 type, what is happening, how it works, how to tell, what to do, issuer and time
(practice of the field: no link that works, no number but 96110 and 110, no request to reply).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from rapidfuzz import fuzz

from fenghuo.alerts import TEXT_LIMIT, TITLE_LIMIT, Audience, Content
from fenghuo.audience import CHANNELS
from patterns.model import FraudType
from patterns.normalise import fold
from patterns.redact import forbidden

BEIJING = timezone(timedelta(hours=8))
WHAT_TO_DO = "请不要点链接、不要转账、不要告诉别人验证码；已付款请立即拨打 110，咨询请拨 96110。"
_QUOTE_LIMIT = 28
_QUOTE_SHORTEST = 6
_SAME_CLAUSE = 80
"""rapidfuzz partial_ratio of two folded clauses that say the same."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a draft is made from."""

    district: str
    towns: Sequence[str]
    reporters: int
    shared: Sequence[str]
    """Clauses that came from several people: what only one wrote may tell who that is, and is never
    quoted."""
    indicators: Sequence[str]
    at: datetime
    life_hours: int


def compose(kind: FraudType, evidence: Evidence) -> Content:
    """The content of a draft for ``kind``: at most TEXT_LIMIT characters; the whole district is its
    audience."""
    return Content(
        title=_title(kind, evidence),
        text=_text(kind, evidence),
        correction=_correction(kind, evidence),
        audience=Audience(district=evidence.district),
        channels=CHANNELS,
        severity=kind.severity,
        expires_at=evidence.at + timedelta(hours=evidence.life_hours),
    )


def _title(kind: FraudType, evidence: Evidence) -> str:
    said = quote(evidence.shared)
    return (f"{kind.label_zh}：{said}" if said else kind.label_zh)[:TITLE_LIMIT]


def _text(kind: FraudType, evidence: Evidence) -> str:
    """The whole text; what can be spared is left out, the least important first, until it fits."""
    said = quote(evidence.shared)
    where = (
        f"（{'、'.join(evidence.towns[:4])}{'等地' if len(evidence.towns) > 4 else ''}）"
        if evidence.towns
        else ""
    )
    head = f"【反诈预警】{kind.label_zh}。"
    news = f"近期我区已有 {evidence.reporters} 人{where}收到同类信息" + (
        f"，内容为“{said}”。" if said else "。"
    )
    link = f"涉诈网址形如 {evidence.indicators[0]}，并非官方网址" if evidence.indicators else ""
    foot = f"{evidence.district}反诈中心 {evidence.at.astimezone(BEIJING):%m月%d日 %H:%M}"
    how, all_marks = f"手法：{kind.how}", list(kind.tell)
    for happening, marks, shown_link in _ever_shorter(kind.happening, all_marks, link):
        tell = "识别要点：" + "；".join(x.rstrip("。") for x in marks) if marks else ""
        full = _joined(head, news, [x for x in (happening, how, tell, shown_link) if x], kind.advice, foot)
        if len(full) <= TEXT_LIMIT:
            return full
    return _joined(head, news, [], kind.advice, foot)[:TEXT_LIMIT]


def _ever_shorter(happening: str, marks: list[str], link: str) -> Iterator[tuple[str, list[str], str]]:
    """What a text may carry beside its necessary parts, from all of it to ever less."""
    yield happening, marks, link
    for count in range(len(marks), -1, -1):
        yield "", marks[:count], link
    yield "", [], ""


def _joined(head: str, news: str, spare: Sequence[str], advice: str, foot: str) -> str:
    body = "".join(_sentence(x) for x in (news, *spare, advice, WHAT_TO_DO))
    return f"{head}{body}\n{foot}"


def _sentence(text: str) -> str:
    return text if text.endswith(("。", "！", "？")) else text + "。"


def _correction(kind: FraudType, evidence: Evidence) -> str:
    return (
        f"【更正】此前关于“{kind.label_zh}”的预警经核实有误，现予撤回，请以本条为准。"
        f"给您带来不便，敬请谅解。如有疑问请拨打 96110。\n{evidence.district}反诈中心"
    )


def quote(shared: Sequence[str]) -> str:
    """The first of the ``shared`` clauses that may be shown to residents; empty if none may."""
    return next((said for said in shared if _may_be_quoted(said)), "")


def _may_be_quoted(said: str) -> bool:
    return len(said) <= _QUOTE_LIMIT and not forbidden(said)


def clauses(text: str) -> list[str]:
    """The clauses of a masked message that say something (six Han characters or more), without their
    heading."""
    pieces = (
        re.sub(r"^[【\[].{1,12}[】\]]", "", x).strip() for x in re.split(r"[，。,；;！!？?：:\n]", text)
    )
    return [x for x in pieces if len(re.findall(r"[\u4e00-\u9fff]", x)) >= _QUOTE_SHORTEST]


def shared_clauses(exemplars: Sequence[str], text: str) -> list[str]:
    """The clauses of ``exemplars`` that ``text``, from somebody else, says too (by sound, altered signs and
    all)."""
    folded = fold(text)
    said = dict.fromkeys(clause for exemplar in exemplars for clause in clauses(exemplar))
    return [x for x in said if fuzz.partial_ratio(fold(x), folded, score_cutoff=_SAME_CLAUSE) > 0]


def in_order(shared: Sequence[str], exemplars: Sequence[str]) -> list[str]:
    """The ``shared`` clauses as a reader meets them in the exemplars: what is claimed comes before the
    threat."""
    met = list(dict.fromkeys(clause for text in exemplars for clause in clauses(text)))
    return sorted(shared, key=lambda clause: met.index(clause) if clause in met else len(met))
