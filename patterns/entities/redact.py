"""Hide personal data from screens, and keep dangerous content out of a warning before it is broadcast.

Both fail closed: what looks like a personal number is hidden, and what might be a request is reported.
Source of the rules: 12381 messages carry no link, account or number and ask for no reply.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple
from unicodedata import normalize

from patterns.data.hook_phrases import NO_REFUSAL
from patterns.data.placeholders import UNREAD
from patterns.entities.entity import Entity
from patterns.entities.find import Found, find, found_in
from patterns.entities.identifiers import is_hotline, is_known_good
from patterns.entities.masking import defang, is_payment_link
from patterns.text.normalise import normalise

__all__ = ["Finding", "defang", "forbidden", "mask"]

_LONGEST = 4_000


# ---------------------------------------------------------------- screens


def _piece(entity: Entity, raw: str) -> str:
    """The replacement of an entity: its raw text if it is kept, but never a working link."""
    return raw if entity.treatment == "keep" and entity.kind != "url" else entity.shown


_FEWEST_HIDDEN = 7


def _like_a_digit(char: str) -> bool:
    return char.isnumeric() or char in "幺两oOlI"


@cache
def _long_number() -> re.Pattern[str]:
    return re.compile(r"\d(?:[ \-*._]?\d){6,}[xX]?")


@cache
def _time() -> re.Pattern[str]:
    """A day of these years, with the hour."""
    return re.compile(
        r"20[2-4]\d([\-._]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?: (?:[01]?\d|2[0-3]))?"
    )


def _hide_rest(piece: str) -> str:
    """Replace every run of seven digits or more that no rule knows by stars."""
    if len(piece) < _FEWEST_HIDDEN or sum(map(_like_a_digit, piece)) < _FEWEST_HIDDEN:
        return piece
    norm = normalise(piece)
    for match in reversed(list(_long_number().finditer(norm.text))):
        if _time().fullmatch(match[0]):
            continue
        start, end = norm.span(*match.span())
        piece = piece[:start] + "****" + piece[end:]
    return piece


@cache
def _turning() -> re.Pattern[str]:
    return re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Detail(NamedTuple):
    """A number, account or name of the fraudster, unmasked: only to be sealed."""

    kind: str
    value: str


class Hidden(NamedTuple):
    """A text as people see it, and what of the fraudster's was masked in it, each once."""

    text: str
    details: tuple[Detail, ...]


def hide(text: str) -> Hidden:
    """The text as officers see it, and the fraudster's details: what is a resident's is replaced, the
    fraudster's numbers and accounts masked, links defanged, what turns the writing's direction dropped."""
    return hide_in(text, found_in(normalise(text)))


def hide_in(text: str, found: Found) -> Hidden:
    """As `hide`, of a text whose entities were found already; what was not read for them is left out."""
    read, left = text[: found.read], len(text) - found.read
    pieces, last = [], 0
    for entity in found.entities:
        start = max(entity.start, last)
        pieces += [_hide_rest(read[last:start]), _piece(entity, read[start : entity.end])]
        last = max(last, entity.end)
    shown = _turning().sub("", "".join(pieces) + _hide_rest(read[last:]))
    return Hidden(shown + (UNREAD.format(left) if left else ""), fraudsters_details(text, found.entities))


def fraudsters_details(text: str, entities: Iterable[Entity]) -> tuple[Detail, ...]:
    """The details of the fraudster among the ``entities`` of ``text``, each once, in order, at most
    `DETAILS_KEPT`. Codes that take payments count as the fraudster's; as in wallets, their case matters."""
    theirs = (
        Detail(x.kind, normalize("NFKC", text[x.start : x.end]) if x.kind in ("wallet", "url") else x.value)
        for x in entities
        if (x.owner == "fraudster" and x.treatment != "keep")
        or (x.kind == "url" and is_payment_link(x.value))
    )
    return tuple(dict.fromkeys(theirs))[:DETAILS_KEPT]


DETAILS_KEPT = 20


def mask(text: str) -> str:
    """`hide(text).text`."""
    return hide(text).text


# ---------------------------------------------------------------- warnings

Finding = tuple[str, str]

_DEFANGED = r"(?<![a-z0-9\-])(?:hxxps?://)?[a-z0-9\-]+(?:\[\.\][a-z0-9\-]+)+(?![a-z0-9\-]|\[\.\]|\.[a-z0-9])(?:\.\.\.)?"
_NEGATION = r"不|勿|莫|别|拒绝|谨防|警惕|防止|避免|切忌|停止|无需|无须|没有|未|严禁|禁止|并非|非"
_BLAMED = (
    r"骗子|对方|诈骗(?:分子|团伙|人员)|犯罪(?:分子|嫌疑人)|不法分子|嫌疑人|冒充|假冒|伪装|谎称|诱导|诱骗|哄骗|声称|自称|虚构|威胁"
    r"|以.{1,20}?为(?:由|名)|凡是|凡|要求|催着|催促|让人|让你|拉人|套取|骗取|盗取|收到.{0,8}短信"
)
_VERDICT = r"诈骗|骗局|骗术|上当|是骗"
_TOLD = (
    r"(?:如已|已经?|正在|刚刚?)(?:{0})|(?:{0})(?:之?前|后|过|密码|记录|方式|都是|多核实|先核实|不得|不可信|的(?:人|居民|请)?)"
).format("点击|点开|转账|汇款|打款|付款|支付|缴费|充值|下载|安装|填写|输入|扫码|回复|添加|进群|共享屏幕")
_HEADING = r"(?:识别|辨别|特征|手法|套路|骗术|伎俩|怎么骗)[^,。:]{0,6}[:】]"
_INVITES = r"请(?!求)|可(?!能|疑|信|见)|欢迎|(?<![快迅急加])速"
"""Words that address the reader: an action behind them is a request, even behind a mention of fraudsters."""
_URGES = _INVITES + r"|务必|立即|立刻|尽快|马上|赶快|赶紧|抓紧|及时|需|应当?|必须"
_THREAT_BEHIND = r"无法|冻结|失效|影响|处罚|作废|注销|后果|不能"
_ACTIONS: tuple[tuple[str, str], ...] = (
    ("qr", r"二维码|小程序码|扫一扫|扫码|扫描|识别图中|长按识别"),
    ("reply", r"回复|回拨|回电|回信|私信|退订|短信至|发送至|回[a-z0-9]{1,3}(?![a-z0-9])"),
    (
        "contact",
        r"加(?:我|v|微信|qq|客服|专员|助理|好友|老师|群)|添加|进群|入群|加入群|联系(?:我|本人|客服|专员|在线)",
    ),
    (
        "request",
        r"点击|点开|点此|点链接|戳链接|打开链接|访问|登[录陆]|转账|汇款|打款|付款|缴费|缴纳|支付|充值|下载|安装|"
        r"共享屏幕|屏幕共享|远程协助|提供(?:验证码|密码|银行卡)|填写|输入",
    ),
)


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


def _without_defanged(text: str) -> str:
    return _compiled(_DEFANGED).sub(" ", text)


def _links(text: str) -> list[Finding]:
    bare = _without_defanged(text)
    rule = (
        r"(?:[a-z][a-z0-9+]{1,9}|微信)://\S{0,60}|(?<![a-z0-9])[a-z0-9\-]{1,63}(?:\.[a-z0-9\-]{1,63}){0,6}\.[a-z]{2,18}(?![a-z])"
        r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d)|[\u4e00-\u9fff]{1,12}\.(?:中国|公司|网络|网址|中文网)"
        r"|www\.\S{1,60}|[a-z0-9._\-]{1,64}@[a-z0-9.\-]{1,64}"
    )
    return [("link", m[0].strip()) for m in _compiled(rule).finditer(bare)]


def _accused(text: str) -> list[Finding]:
    """Sites of the state, banks and shops that the text seems to accuse."""
    named = (m[0] for m in _compiled(_DEFANGED).finditer(text))
    return [("known_good", name) for name in named if is_known_good(name)]


_DATE = r"20[2-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_KINDS = {
    **dict.fromkeys(
        ("phone", "virtual_phone", "sms_port", "service_phone", "foreign_phone", "landline", "spoofed_short"),
        "phone",
    ),
    "bank_card": "bank_card",
    "id_number": "id_number",
    "verification_code": "verification_code",
    **dict.fromkeys(("qq", "qq_group", "wechat", "handle", "wallet"), "contact"),
    **dict.fromkeys(
        (
            "address",
            "plate",
            "order",
            "licence",
            "invite_code",
            "document",
            "password",
            "card_code",
            "birthday",
            "school",
        ),
        "personal",
    ),
}
"""Kinds to codes. Names are left to the reader: a title alone (王警官) is too easily somebody's office."""


def _numbers(text: str) -> list[Finding]:
    plain = _without_defanged(text)
    found = [(_KINDS[e.kind], e.value) for e in find(plain) if e.kind in _KINDS and not is_hotline(e.value)]
    known = {value for _, value in found}
    for match in _compiled(r"\d{7,}x?").finditer(plain):
        if match[0] not in known and not _compiled(_DATE).fullmatch(match[0]):
            found.append(("bank_card" if len(match[0]) >= 13 else "phone", match[0]))
    for match in _compiled(
        r"(?:拨打|致电|来电|电话|热线|咨询)[^\d\n。]{0,8}(\d{3,6})(?![\d年月日时分元条人起])"
    ).finditer(plain):
        if not is_hotline(match[1]):
            found.append(("phone", match[1]))
    return found


def _sentences(text: str) -> Iterator[str]:
    """Sentences of the raw text, normalised; each item under a heading such as 识别要点 keeps the heading."""
    for line in text.splitlines():
        norm = _without_defanged(normalise(line).text)
        heading = _compiled(_HEADING).search(norm)
        for sentence in re.split(r"[。!?;]", norm):
            yield f"骗子,{sentence}" if heading and norm.find(sentence) >= heading.start() else sentence


def _clauses(sentence: str) -> list[str]:
    return [c for c in re.split(r"[,，、:：]", sentence) if c]


def _negated(before: str) -> bool:
    before = _compiled(NO_REFUSAL).sub("请", before)
    return _compiled(f"(?:{_NEGATION})[^请]{{0,12}}$").search(before) is not None


def _refused(clause: str, start: int, end: int) -> bool:
    """Whether the clause forbids the action (不点击) or only mentions it (如已转账, 转账前先核实)."""
    if _compiled(_TOLD).search(clause[max(0, start - 3) : end + 8]):
        return True
    return _negated(clause[:start]) and not _compiled(_THREAT_BEHIND).search(clause[end:])


def _last_end(rule: str, text: str) -> int:
    return max((m.end() for m in _compiled(rule).finditer(text)), default=-1)


def _clause_asks(clause: str, match: re.Match[str], earlier: str, sentence: str) -> bool:
    """Whether the clause asks the reader for the action of `match`; yes if in doubt."""
    if _refused(clause, *match.span()):
        return False
    before = clause[: match.start()]
    blamed_at = _last_end(_BLAMED, before)
    if _last_end(_INVITES, before) > blamed_at or (blamed_at < 0 and _last_end(_URGES, before) >= 0):
        return True
    if blamed_at >= 0 or _compiled(_BLAMED).search(earlier):
        return False
    return not _compiled(_VERDICT).search(sentence)


def _requests(text: str) -> list[Finding]:
    found = []
    for sentence in _sentences(text):
        earlier = ""
        for clause in _clauses(sentence):
            for code, rule in _ACTIONS:
                hits = [
                    m for m in _compiled(rule).finditer(clause) if _clause_asks(clause, m, earlier, sentence)
                ]
                found += [(code, clause.strip()[:40]) for _ in hits[:1]]
            earlier += clause + ","
    return found


def forbidden(text: str) -> tuple[Finding, ...]:
    """Everything in a warning that must never be broadcast, as (code, excerpt); empty if it may be broadcast.

    Codes: link, qr, reply, contact, request, phone, bank_card, id_number, verification_code, personal
    (an address, plate, order, licence or invitation code), known_good (a site of the state, a bank or a
    shop named beside an accusation), too_long (over 4,000 characters, not searched).
    Advice against an action (不点链接), a description of the fraudster's trick (骗子诱导扫码) and defanged
    links pass; in doubt it reports.
    """
    if len(text) > _LONGEST:
        return (("too_long", text[:40]),)
    norm = normalise(text).text
    found = [*_links(norm), *_accused(norm), *_numbers(norm), *_requests(text)]
    return tuple(dict.fromkeys(found))
