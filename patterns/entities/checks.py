"""Second checks of what a regular expression found: is it the entity, and where does it begin and end?

They reject look-alikes: sentence ends and file names that look like links, quantities and extensions that
look like short numbers, words that look like a name with a title.
"""

import re
from collections.abc import Callable
from functools import cache

from patterns.entities.identifiers import is_hotline, is_id_number, is_licence_number, is_tld
from patterns.entities.persons import person
from patterns.text.normalise import luhn

Span = tuple[str, int, int, str]
"""(kind, start, end, value) in the normalised text."""
Place = tuple[str, int, int]


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule, re.ASCII)


def _before(rule: str, text: str, at: int, width: int = 8) -> bool:
    return _compiled(rule).search(text[max(0, at - width) : at]) is not None


# ---------------------------------------------------------------- links

_NEXT_WORDS = frozenset(
    "am as at be by do here how in is it li me mo my new no now of open pm re so st to us we you wang".split()
)
"""Top-level domains that are how the next sentence (ok.so) or a surname (mr.li) begins."""
_FILES = frozenset("md mov pl ps py rs sh zip".split())
"""Top-level domains that are also how a file's name ends."""
_ABBREVIATED = frozenset("dr e etc i inc jr ltd mr mrs ms no p prof sr st u vs".split())
_POINTED_TO = r"(?:网址|网站|官网|链接|域名|访问|打开|点击?|登[录陆]|浏览器|输入|戳|进入|www)[^。]{0,4}$"
_LEADS_TO = r"[^.]*(?:网址|网站|官网|链接|域名|访问|打开|点击?|登[录陆]|输入|进入|请|是|到|在|上)(?=[^.])"
_NOT_AN_ADDRESS = r"(?:版本号?|固件|系统|ver(?:sion)?|第|v)[ :]?$"


def _url(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    value = match[0].rstrip(".,;:!?)]*")
    host_only = "tld" in match.re.groupindex and match["tld"] is not None
    fits = _plausible_host(match, text) if host_only else "://" in value or _plausible_address(match, text)
    if not fits:
        return None
    lead = _compiled(_LEADS_TO).match(value) if host_only and _is_han(value[0]) else None
    return ("url", match.start() + (lead.end() if lead else 0), match.start() + len(value))


def _plausible_host(match: re.Match[str], text: str) -> bool:
    tld = match["tld"]
    labels = text[match.start() : match.end("tld")].split(".")
    if not is_tld(tld) or (len(labels) == 2 and labels[0] in _ABBREVIATED):
        return False
    if len(labels) > 2 or match.end() > match.end("tld") or tld not in _NEXT_WORDS | _FILES:
        return True
    odd = len(labels[0]) > 2 and tld not in _FILES and not labels[0].isalpha()
    return odd or _before(_POINTED_TO, text, match.start())


def _plausible_address(match: re.Match[str], text: str) -> bool:
    parts = re.split(r"[.:/?#]", match[0], maxsplit=4)[:4]
    return (
        all(int(part) < 256 for part in parts)
        and not _before(_NOT_AN_ADDRESS, text, match.start())
        and text[match.end() : match.end() + 1] not in set("条项款章节版题")
    )


def _email(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
    return ("email", *match.span()) if is_tld(match[0].rpartition(".")[2]) else None


# ---------------------------------------------------------------- numbers

_MEASURED = r"(?:[第共约近超达至¥$]|尾号|编号|单号|门牌号?|分机|转|邮编|余额|序号|房)[:是为]?[ ]?$"
_CALLED = r"(?:电话|来电|拨|致电|热线|客服|号码|短信|短号|咨询|询|联系|打|call|from)[^。0-9]{0,4}$"
_CALLS = r"[\])】]|来电|打来|发来|的?(?:短信|客服|电话|热线)|$"
_ETH, _TRON = r"0x[0-9a-f]{40}", r"t[1-9a-z]{33}"
_BTC = r"bc1[02-9ac-hj-np-z]{11,71}|[13][1-9a-z]{25,33}"


def _wallet(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
    value = match[0]
    digits = sum(char.isdigit() for char in value)
    mixed = digits >= 3 and len(value) - digits >= 5
    shaped = _compiled(f"{_ETH}|{_TRON}|{_BTC}").fullmatch(value) is not None
    return ("wallet", *match.span()) if shaped and mixed else None


def _identity(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
    """By its check character, or in the groups of region, birth date and rest."""
    plain = re.sub("[^0-9x]", "", match[0])
    return ("id_number", *match.span()) if len(match[0]) > len(plain) or is_id_number(plain) else None


def _card(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
    """By its check digit, by its groups of four, or by the word before it."""
    value = match[match.lastindex or 0]
    sure = match.lastindex or not value.isdigit() or luhn(value)
    return ("bank_card", *match.span(match.lastindex or 0)) if sure else None


def _phone(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
    start, end = match.span(match.lastindex or 0)
    virtual = match.string.startswith(_VIRTUAL, start)
    return ("virtual_phone" if virtual else "phone", start, end)


_VIRTUAL = ("162", "165", "167", "170", "171")
"""Prefixes of operators without a network of their own."""


def _short(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    """A hotline, or a 95xxx that is nobody's: that one only where somebody calls or is to be called."""
    start, end = match.span()
    if _before(_MEASURED, text, start, 5):
        return None
    if is_hotline(match[0]):
        return ("hotline", start, end)
    called = _before(_CALLED, text, start) or (_compiled(_CALLS).match(text, end) and len(match[0]) == 5)
    return ("spoofed_short", start, end) if called and match[0].startswith("95") else None


def _code(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    value = match[match.lastindex or 0]
    start, end = match.span(match.lastindex or 0)
    fits = (
        any(char.isdigit() for char in value) and not is_hotline(value) and not _before("尾号$", text, start)
    )
    return ("verification_code", start, end) if fits else None


def _order(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
    value = match[1]
    year = _compiled(r"20\d\d").fullmatch(value) is not None
    fits = sum(char.isdigit() for char in value) >= 4 and not year and not is_hotline(value)
    return ("order", *match.span(1)) if fits else None


def _amount(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    start, end = match.span(match.lastindex or 0)
    return ("amount", start, start + len(text[start:end].rstrip(",")))


def _if(kind: str, test: Callable[[str], bool]) -> Callable[[re.Match[str], str, bytearray], Place | None]:
    """A check of the value alone."""

    def check(match: re.Match[str], _text: str, _taken: bytearray) -> Place | None:
        group = match.lastindex or 0
        return (kind, *match.span(group)) if test(match[group]) else None

    return check


# ---------------------------------------------------------------- places

_STREET_ENDS_AT = frozenset("市区县镇乡州省在住到于是来去至的我家你他她寄送和与从往沿过址,。、;:!?() ")
_STREET_ENDS = "在于是的至从往和与叫"
_HAN_NUMBERS = frozenset("一二三四五六七八九十")
_NO_STREET = frozenset("线网电思一走上这那出活套退公铁")
_ESTATE = frozenset("苑园城府庭湾居村寓厦场里院郡邸墅坊轩阁区")
_FINER = r"路|街(?!道)|巷|弄|号|栋|幢|楼|室|单元|组|屯|[村社]头|大队|[0-9]"
_BEHIND_ADDRESS = r"电话|联系|手机|收件|请|的|,|。"


def _address(match: re.Match[str], text: str, taken: bytearray) -> Place | None:
    """Street level and finer; a district, town or neighbourhood alone may be shown."""
    start, end = match.span(match.lastindex or 0)
    first_taken = taken.find(1, start, end)
    end = first_taken if first_taken >= 0 else end
    if match.lastindex:
        stop = _compiled(_BEHIND_ADDRESS).search(text, start, end)
        end = stop.start() if stop else end
        return ("address", start, end) if _compiled(_FINER).search(text, start, end) else None
    if text[start].isascii() or text[start] in _HAN_NUMBERS:
        return ("address", _named_from(text, start, taken), end)
    before = text[start - 1] if start else " "
    if before in _NO_STREET or before in _STREET_ENDS_AT or not _is_han(before):
        return None
    return ("address", _left(text, start, 6, taken), end)


def _named_from(text: str, start: int, taken: bytearray) -> int:
    """Where the estate's name in front of a building's number begins; the number itself if there is none."""
    if not start or text[start - 1] not in _ESTATE or taken[start - 1]:
        return start
    return _left(text, start - 1, 6, taken)


def _left(text: str, start: int, most: int, taken: bytearray) -> int:
    low = max(0, start - most)
    while start > low and _is_han(text[start - 1]) and text[start - 1] not in _STREET_ENDS_AT:
        if taken[start - 1]:
            break
        start -= 1
    return start


def _is_han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def _school(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    """A class, with the school before it."""
    left = text[max(0, match.start() - 12) : match.start()]
    school = _compiled(
        rf"(?:.*[{_STREET_ENDS}女儿子上读])?([\u4e00-\u9fff]{{1,8}}"
        r"(?:小学|中学|幼儿园|学校|附小|附中|[一二三四五六七八九十]中))的?[, ]?$"
    ).search(left)
    return ("school", match.start() - len(left) + school.start(1) if school else match.start(), match.end())


# ---------------------------------------------------------------- programs

_GENERIC_APPS = frozenset(
    "官方 最新 正版 指定 我们 一个 这个 该 本 手机 会议 视频 视频会议 在线会议 线上会议 直播 聊天 办公 理财 "
    "投资 贷款 软件 小众 相关 对应 专用 安卓 苹果 之后 银行 手机银行 购物 交友 炒股 兼职 app apk ios "
    "android http https www the and from our this to in for it".split()
)
_APP_PREFIX = (
    r"(?:官方|最新版?|正版|指定的?|我们的?|我行|本行|一[个款]|这[个款]|某[个款]|陌生的?"
    r"|不明的?|[该并了好的您你他她]|手机)+"
)


def _app(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    start, end = match.span(match.lastindex or 0)
    for verb in _compiled("下载|安装|更新|打开|登录|装").finditer(text, start, end):
        start = verb.end()
    prefix = _compiled(_APP_PREFIX).match(text, start, end)
    start = prefix.end() if prefix else start
    name = text[start:end].strip().removesuffix("官方")
    start += text[start:end].find(name) if name else 0
    if (
        len(name) < 2
        or name in _GENERIC_APPS
        or name.startswith(("请", "在", "通过"))
        or name[-1] in "的里上与和或"
    ):
        return None
    return ("app", start, start + len(name))


# ---------------------------------------------------------------- all of them

_NOT_A_CODE = frozenset("app apk http https www com".split())
_NOT_AN_ACCOUNT = frozenset("weixin wechat https http verification verify".split())
_CHECKS: dict[str, Callable[[re.Match[str], str, bytearray], Place | None]] = {
    "url": _url,
    "email": _email,
    "wallet": _wallet,
    "verification_code": _code,
    "order": _order,
    "id_number": _identity,
    "bank_card": _card,
    "school": _school,
    "licence": _if("licence", is_licence_number),
    "amount": _amount,
    "wechat": _if("wechat", lambda value: value not in _NOT_AN_ACCOUNT),
    "phone": _phone,
    "plate": _if("plate", lambda value: any(char.isdigit() for char in value[2:])),
    "invite_code": _if("invite_code", lambda value: value not in _NOT_A_CODE),
    "address": _address,
    "person": person,
    "app": _app,
    "hotline": _short,
}
_SEPARATORS = {
    "verification_code": r"[ \-]",
    "foreign_phone": r"[ \-()]",
    "landline": r"[()]",
    "bank_card": "[^0-9]",
    "phone": "[^0-9]",
    "virtual_phone": "[^0-9]",
    "id_number": "[^0-9x]",
}
"""Characters that are removed from the value."""
_HAN_DIGITS = str.maketrans("零〇一二三四五六七八九幺两", "0012345678912")


def accept(kind: str, match: re.Match[str], text: str, taken: bytearray) -> Span | None:
    """The span that a `match` of a rule of `kind` yields, if any; `taken` marks what earlier rules found."""
    check = _CHECKS.get(kind)
    place = check(match, text, taken) if check else (kind, *match.span(match.lastindex or 0))
    if place is None or place[1] >= place[2]:
        return None
    value, separators = text[place[1] : place[2]], _SEPARATORS.get(kind)
    if kind == "phone":
        value = value.translate(_HAN_DIGITS)
    return (*place, _compiled(separators).sub("", value) if separators else value)
