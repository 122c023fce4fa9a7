"""The draft of a warning, composed from the fraud type's sentences and the evidence. Pure.

Text skeleton: 【反诈预警】 type, what is happening, how it works, how to tell, what to do, issuer and time
(practice of the field: no link that works, no number but 96110 and 110, no request to reply).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from fenghuo.alerts import TEXT_LIMIT, TITLE_LIMIT, Audience, Content
from fenghuo.audience import CHANNELS
from patterns.model import FraudType
from patterns.redact import forbidden

BEIJING = timezone(timedelta(hours=8))
WHAT_TO_DO = "请不要点链接、不要转账、不要告诉别人验证码；已付款请立即拨打 110，咨询请拨 96110。"
_QUOTE_LIMIT = 28


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a draft is made from."""

    district: str
    towns: Sequence[str]
    reporters: int
    examples: Sequence[str]
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
    said = quote(evidence.examples)
    return (f"{kind.label_zh}：{said}" if said else kind.label_zh)[:TITLE_LIMIT]


def _text(kind: FraudType, evidence: Evidence) -> str:
    """The whole text; what can be spared is left out, the least important first, until it fits."""
    said = quote(evidence.examples)
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


def quote(examples: Sequence[str]) -> str:
    """The first clause of the examples that says something and may be shown to residents; empty if none
    may."""
    for example in examples:
        for clause in re.split(r"[，。,；;！!？?：:\n]", example):
            said = re.sub(r"^[【\[].{1,12}[】\]]", "", clause).strip()
            if (
                len(re.findall(r"[\u4e00-\u9fff]", said)) >= 6
                and len(said) <= _QUOTE_LIMIT
                and not forbidden(said)
            ):
                return said
    return ""
