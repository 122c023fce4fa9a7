"""Every error response of the intake as application/problem+json (RFC 9457), in Chinese or English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fenghuo.errors import Refused
from producers.report_form import Flaw

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem: (Chinese, English) title, and what to do."""

    name: str
    status: int
    title: tuple[str, str]
    detail: tuple[str, str]

    @property
    def type(self) -> str:
        return f"urn:fenghuo:problem:{self.name}"


MALFORMED = ProblemKind(
    "malformed", 400, ("请求不是有效的 JSON", "Not valid JSON"),
    ("请发送 UTF-8 编码的 JSON 对象。{where}", "Send one JSON object in UTF-8. {where}"),
)  # fmt: skip
BAD_KEY = ProblemKind(
    "idempotency-key", 400, ("Idempotency-Key 无效", "Idempotency-Key is not valid"),
    ("请使用 1 至 200 个可见的 ASCII 字符。", "Use 1 to 200 visible ASCII characters."),
)  # fmt: skip
UNAUTHORIZED = ProblemKind(
    "unauthorized", 401, ("没有有效的令牌", "No valid token"),
    ("请在 Authorization 头中写 Bearer 和令牌；令牌用 fenghuo tokens issue 发放。",
     "Send the header Authorization: Bearer TOKEN; tokens are made with `fenghuo tokens issue`."),
)  # fmt: skip
NOT_FOUND = ProblemKind(
    "not-found", 404, ("没有找到", "Not found"),
    ("没有这个地址或这条举报；请检查编号。", "There is no such address or report: check its id."),
)  # fmt: skip
NOT_ALLOWED = ProblemKind(
    "method-not-allowed", 405, ("不支持这种请求方法", "Method not allowed"),
    ("请使用 Allow 头中列出的方法。", "Use a method that the Allow header lists."),
)  # fmt: skip
TOO_SLOW = ProblemKind(
    "too-slow", 408, ("请求发送得太慢", "The request came too slowly"),
    ("请在 {seconds} 秒内发完，然后重试。", "Send it within {seconds} s; try again."),
)  # fmt: skip
CONFLICT = ProblemKind(
    "conflict", 409, ("同一个 Idempotency-Key，内容不同", "Same Idempotency-Key, another body"),
    ("这个键已用于另一条举报；新的举报请换一个键。",
     "The key belongs to another report: use a new key for a new report."),
)  # fmt: skip
TOO_LARGE = ProblemKind(
    "too-large", 413, ("请求太大", "The request is too large"),
    ("请求最多 {limit} 字节；请只发可疑的文字。", "At most {limit} bytes: send the suspicious text only."),
)  # fmt: skip
NOT_JSON = ProblemKind(
    "media-type", 415, ("请求类型不支持", "Unsupported media type"),
    ("请用 Content-Type: application/json 发送，不要压缩。",
     "Send it with Content-Type: application/json, uncompressed."),
)  # fmt: skip
FIELDS_WRONG = ProblemKind(
    "fields", 422, ("有字段不正确", "Some fields are not right"),
    ("请按 errors 中的说明修改后重发。", "Mend what errors lists, then send it again."),
)  # fmt: skip
TOO_MANY = ProblemKind(
    "too-many", 429, ("举报太频繁", "Too many reports"),
    ("这个令牌每分钟最多 {limit} 条；请在 {seconds} 秒后重试。",
     "This token may send {limit} a minute: try again in {seconds} s."),
)  # fmt: skip
FAULT = ProblemKind(
    "fault", 500, ("系统出错", "Internal error"),
    ("举报没有收下，请重试；仍不行请联系管理员。",
     "The report was not accepted: try again; if it stays so, tell the administrator."),
)  # fmt: skip
AWAY = ProblemKind(
    "unavailable", 503, ("系统暂时不可用", "Unavailable for the moment"),
    ("举报没有收下，请在 {seconds} 秒后用同一个 Idempotency-Key 重发。",
     "The report was not accepted: send it again in {seconds} s with the same Idempotency-Key."),
)  # fmt: skip
CROWDED = ProblemKind(
    "crowded", 503, ("系统繁忙", "Too much under way"),
    ("举报没有收下，请在 {seconds} 秒后用同一个 Idempotency-Key 重发。",
     "The report was not accepted: send it again in {seconds} s with the same Idempotency-Key."),
)  # fmt: skip
KINDS = (
    MALFORMED, BAD_KEY, UNAUTHORIZED, NOT_FOUND, NOT_ALLOWED, TOO_SLOW, CONFLICT, TOO_LARGE, NOT_JSON,
    FIELDS_WRONG, TOO_MANY, FAULT, AWAY, CROWDED,
)  # fmt: skip


class Problem(Refused):
    """Raised anywhere in the intake; ``values`` fill the placeholders of the detail."""

    def __init__(
        self,
        kind: ProblemKind,
        *,
        flaws: Sequence[Flaw] = (),
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.flaws = flaws
        self.headers = dict(headers or {})
        self.values = values

    def body(self, language: str) -> bytes:
        """The problem as JSON in ``language`` ("zh" or "en")."""
        pick = 0 if language == "zh" else 1
        problem: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title[pick],
            "status": self.kind.status,
            "detail": self.kind.detail[pick].format(**self.values).strip(),
        }
        if self.flaws:
            problem["errors"] = [
                {"field": x.field, "code": x.code, "detail": x.zh if pick == 0 else x.en} for x in self.flaws
            ]
        return msgspec.json.encode(problem)


def retry_later(kind: ProblemKind, seconds: int, limit: int = 0) -> Problem:
    """``kind`` with a Retry-After of ``seconds``."""
    return Problem(kind, headers={"Retry-After": str(seconds)}, seconds=seconds, limit=limit)


def language_of(accept: str) -> str:
    """ "en" where the Accept-Language header prefers it to Chinese, else "zh"."""
    best = {"zh": 0.0, "en": 0.0}
    for part in accept[:500].split(","):
        tag, _, weight = part.partition(";")
        name = tag.strip().lower().split("-")[0]
        if name in best:
            best[name] = max(best[name], _weight(weight))
    return "en" if best["en"] > best["zh"] else "zh"


def _weight(text: str) -> float:
    _, _, number = text.partition("q=")
    try:
        return float(number) if number else 1.0
    except ValueError:
        return 0.0
