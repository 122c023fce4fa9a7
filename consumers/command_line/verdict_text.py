"""A verdict in words for people, as ``fenghuo match --pretty`` prints it, in Chinese or English."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from rich.text import Text

from patterns.entities.find import find
from patterns.model import FraudType, Pattern, Verdict

Lang = Literal["zh", "en"]

_INDENT = "    "
_STYLES = {"known": "bold red", "suggested": "bold yellow", "none": "bold"}
_EVIDENCE = "bold underline"
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that move the cursor, reverse the line or cannot be printed: the text is a stranger's."""

_WORDS: dict[str, tuple[str, str]] = {
    "known": ("已知诈骗", "Known scam"),
    "suggested": ("疑似，请人看", "Possible scam, let a person look"),
    "none": ("没有匹配", "No match"),
    "score": ("相似度 {score:.1f}", "likeness {score:.1f}"),
    "pattern": ("像", "Like"),
    "nearest": ("最接近", "Nearest"),
    "why": ("原因", "Why"),
    "text": ("原文", "Text"),
    "indicators": ("线索", "Found in it"),
    "versions": (
        "规范化版本 {normaliser}，模式库版本 {library}",
        "normaliser {normaliser}, library {library}",
    ),
}
_REASONS: dict[str, tuple[str, str]] = {
    "likeness": (
        "和已知骗局相像，但还不足以断定。",
        "It resembles a known scam, but not enough to be sure.",
    ),
    "advice": (
        "这像是一条防骗提醒，引用了骗局的原话。",
        "It reads like a warning that quotes the scam.",
    ),
    "known_good": (
        "骗局引人去的地方，这里写的是官方的网站、号码或窗口。",
        "Where the scam leads astray, it names an official site, number or counter.",
    ),
    "refused": (
        "它在劝人不要做骗局要人做的事。",
        "It tells its reader not to do what the scam asks for.",
    ),
    "no_hook": (
        "它没有把人引向链接、账号、转账等去处。",
        "It leads nowhere: to no link, account or payment.",
    ),
    "none": (
        "和已知骗局都不够像。没有匹配不等于安全。",
        "It resembles no known scam enough. No match does not mean that it is safe.",
    ),
}
_KINDS: dict[str, tuple[str, str]] = {
    "url": ("链接", "link"),
    "email": ("邮箱", "e-mail"),
    "wallet": ("钱包地址", "wallet"),
    "verification_code": ("验证码", "verification code"),
    "order": ("单号", "order number"),
    "id_number": ("身份证号", "identity number"),
    "licence": ("信用代码", "licence number"),
    "bank_card": ("银行卡", "bank card"),
    "handle": ("账号", "account"),
    "wechat": ("微信", "WeChat"),
    "qq_group": ("QQ群", "QQ group"),
    "qq": ("QQ", "QQ"),
    "phone": ("手机号", "mobile number"),
    "virtual_phone": ("虚拟号", "virtual number"),
    "sms_port": ("短信端口", "sender's port"),
    "service_phone": ("服务电话", "service number"),
    "foreign_phone": ("境外电话", "foreign number"),
    "landline": ("座机", "landline"),
    "spoofed_short": ("冒用短号", "spoofed short number"),
    "hotline": ("官方热线", "official hotline"),
    "plate": ("车牌", "number plate"),
    "invite_code": ("邀请码", "invitation code"),
    "address": ("地址", "address"),
    "amount": ("金额", "amount"),
    "person": ("姓名", "name"),
    "app": ("应用", "app"),
}


def explain(
    name: str,
    text: str,
    verdict: Verdict,
    pattern: Pattern | None,
    kinds: Mapping[str, FraudType],
    *,
    lang: Lang,
    styled: bool,
) -> Text:
    """The lines about one message; the evidence is styled, or marked «so» where there is no style."""
    score = _say(_WORDS, "score", lang).format(score=verdict.score)
    block = Text.assemble(
        (_say(_WORDS, verdict.band, lang), _STYLES[verdict.band]), f"  {score}  {_safe(name)}"
    )
    lines = list(_judged(verdict, pattern, kinds, lang))
    lines.append(("text", mark(text, verdict.evidence, styled=styled)))
    if found := _indicators(text, lang):
        lines.append(("indicators", Text(("；" if lang == "zh" else "; ").join(found))))
    for label, value in lines:
        block.append(f"\n  {_say(_WORDS, label, lang)}  ").append_text(value)
    return block


def versions(verdict: Verdict, lang: Lang) -> str:
    """The versions of the normaliser and the library that made the verdict."""
    template = _say(_WORDS, "versions", lang)
    return template.format(normaliser=verdict.normaliser, library=verdict.library)


def _judged(
    verdict: Verdict, pattern: Pattern | None, kinds: Mapping[str, FraudType], lang: Lang
) -> Iterator[tuple[str, Text]]:
    """The pattern that the message resembles, and why that is not certain."""
    if pattern is not None:
        label = "nearest" if verdict.band == "none" else "pattern"
        yield label, Text(_named(pattern, kinds.get(pattern.fraud_type), lang))
    for reason in verdict.reasons or (("none",) if verdict.band == "none" else ()):
        yield "why", Text(_say(_REASONS, reason, lang))


def mark(text: str, evidence: tuple[int, int] | None, *, styled: bool) -> Text:
    """The raw message with its evidence marked and control characters replaced; later lines are indented."""
    shown = _safe(text)
    start, end = evidence or (0, 0)
    middle = shown[start:end]
    parts = Text.assemble(
        shown[:start],
        (middle, _EVIDENCE) if styled or not middle else f"«{middle}»",
        shown[end:],
    )
    return Text(f"\n{_INDENT}").join(parts.split("\n", allow_blank=True))


def _named(pattern: Pattern, kind: FraudType | None, lang: Lang) -> str:
    label = [] if kind is None else [kind.label_zh if lang == "zh" else kind.label_en]
    inside = [_safe(pattern.pattern_id), *label]
    title = _safe(pattern.title)
    return f"{title}（{'，'.join(inside)}）" if lang == "zh" else f"{title} ({', '.join(inside)})"


def _indicators(text: str, lang: Lang) -> dict[str, None]:
    """The indicators in a message, each once, in the masked form."""
    return dict.fromkeys(f"{_say(_KINDS, x.kind, lang)} {_safe(x.shown)}" for x in find(text))


def _say(words: Mapping[str, tuple[str, str]], key: str, lang: Lang) -> str:
    """The word in the language; a key without one is shown itself."""
    zh, en = words.get(key, (key, key))
    return zh if lang == "zh" else en


def _safe(text: str) -> str:
    """The text with U+FFFD in place of each unsafe character; its length stays."""
    return _UNSAFE.sub("\ufffd", text)
