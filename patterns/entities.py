"""Find the things in a text that identify or that can be acted on: links, numbers, accounts, codes, amounts.

They are searched in the normalised text, so full-width, spaced and look-alike forms are found as well.
Every expression is bounded: time grows with the length of the text only.
"""

import re
from functools import cache

from publicsuffixlist import PublicSuffixList

from patterns.model import Entity
from patterns.normalise import Normalised, luhn, normalise

HOTLINES = frozenset(
    "110 112 119 120 122 12110 12119 12305 12306 12309 12313 12315 12318 12320 12321 12328 12329 12333 12337 "
    "12338 12339 12341 12345 12348 12350 12351 12355 12356 12358 12360 12363 12366 12367 12368 12369 "
    "12377 12378 12380 12381 12385 12386 12388 12389 12393 12395 12396 96110 "
    "10000 10010 10086 10099 11185 11183".split()
)
"""Public numbers that are never an indicator; so is every 955xx, 951xx, 953xx (banks, couriers)."""

_LONG_HOTLINE = re.compile(r"95[0135]\d{2,3}")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_hotline(number: str) -> bool:
    """Whether the digits are a known-good public number."""
    return number in HOTLINES or _LONG_HOTLINE.fullmatch(number) is not None


def is_id_number(value: str) -> bool:
    """Whether 18 characters are a resident identity number: birth date and check character (GB 11643)."""
    if not re.fullmatch(r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dxX]", value):
        return False
    total = sum(w * int(d) for w, d in zip(_ID_WEIGHTS, value[:17], strict=True))
    return "10x98765432"[total % 11] == value[17].lower()


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@cache
def _is_tld(label: str) -> bool:
    return _suffixes().publicsuffix(label) == label


def registrable(host: str) -> str | None:
    """The part of a host that somebody registered ("gov.cn.example.net" -> "example.net"), or None."""
    name: str | None = _suffixes().privatesuffix(host.strip(".").lower())
    return name


KNOWN_GOOD = frozenset(
    "12306.cn chsi.com.cn 96110.cn boc.cn icbc.com.cn ccb.com abchina.com bankcomm.com cmbchina.com psbc.com "
    "citicbank.com cebbank.com spdb.com.cn cib.com.cn cmbc.com.cn unionpay.com 95516.com alipay.com "
    "tenpay.com "
    "qq.com weixin.com wechat.com taobao.com tmall.com jd.com pinduoduo.com meituan.com douyin.com ctrip.com "
    "sf-express.com ems.com.cn 11185.cn chinapost.com.cn zto.com yto.net.cn sto.cn yundaex.com jdl.com "
    "10086.cn 10010.com 189.cn 95598.cn sgcc.com.cn csair.com airchina.com ceair.com hnair.com".split()
)
"""Registered domains of banks, payment, post, operators, airlines and shops that scams imitate and name."""


def is_known_good(link: str) -> bool:
    """Whether a link, defanged or not, leads to a government site or a KNOWN_GOOD domain, by its registered
    part."""
    host = link.replace("[.]", ".").rpartition("://")[2]
    host = re.split(r"[/?#:]", host.rpartition("@")[2].lower(), maxsplit=1)[0].strip(".")
    own = registrable(host) or host
    return own in KNOWN_GOOD or own == "gov.cn" or host.endswith(".gov.cn")


_LINK = (
    r"(?:[a-z][a-z0-9+]{1,9}://[^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef\"'<>，。]{1,400})"
    r"|(?<![a-z0-9.\-@])(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,6}(?P<tld>[a-z]{2,18})(?![a-z0-9\-])"
    r"(?::\d{1,5})?(?:[/?#][^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef\"'<>，。]{0,400})?"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])(?::\d{1,5})?(?:/[^\s\u3400-\u9fff\"'<>，。]{0,400})?"
    r"|[\u4e00-\u9fff]{1,12}\.(?:中国|公司|网络|网址|我爱你|中文网)(?:/[!-~]{0,400})?"
)
_RULES: tuple[tuple[str, str], ...] = (  # in order of precedence: an earlier one keeps the span
    ("url", _LINK),
    (
        "verification_code",
        r"(?:验证码|校验码|动态码|短信码|动态密码|确认码)[^0-9\n]{0,12}(?P<v>\d{4,8})(?!\d)",
    ),
    ("verification_code", r"(?<!\d)(?P<v>\d{4,8})[^0-9\n。]{0,8}(?:验证码|校验码|动态码|短信码|动态密码)"),
    ("id_number", r"(?<![\da-z])\d{17}[\dx](?![\da-z])"),
    ("bank_card", r"(?<!\d)[3-6]\d{12,18}(?!\d)"),
    (
        "wechat",
        r"微信(?:号码?|群号?|公众号|id)?[^a-z0-9\n，。,;；]{0,6}(?P<v>[a-z][a-z0-9_\-]{4,19}|1[3-9]\d{9}|\d{6,10})(?![a-z0-9])",
    ),
    (
        "wechat",
        r"加(?:我|薇|微|v|卫|威)[^a-z0-9\n，。,;；]{0,4}(?P<v>[a-z][a-z0-9_\-]{5,19}|1[3-9]\d{9})(?![a-z0-9])",
    ),
    ("qq", r"(?:qq|企鹅|扣)(?:群号?|号码?|交流群)?[^a-z0-9\n，。,;；]{0,4}(?P<v>[1-9]\d{4,10})(?!\d)"),
    ("qq", r"(?:群号|进群|加群|裙号)[^a-z0-9\n，。,;；]{0,4}(?P<v>[1-9]\d{5,10})(?!\d)"),
    ("phone", r"(?<!\d)(?:\+?86[ \-]?)?(?P<v>1[3-9]\d{9})(?!\d)"),
    ("phone", r"(?<!\d)106\d{5,17}(?!\d)|(?:\+|(?<!\d)00)[1-9]\d{7,13}(?!\d)"),
    ("landline", r"(?<!\d)(?:0\d{2,3}[ \-)]{0,2}\d{3,4}[ \-]?\d{4}|[48]00[ \-]?\d{3,4}[ \-]?\d{3,4})(?!\d)"),
    ("landline", r"(?:电话|致电|热线|拨打|座机)[^0-9\n，。]{0,6}(?P<v>[2-8]\d{6,7})(?!\d)"),
    (
        "amount",
        r"[¥$]\s?\d[\d,]{0,14}(?:\.\d{1,2})?(?:元|万元?|亿)?|(?<![\d.])\d[\d,]{0,14}(?:\.\d{1,4})?\s?(?:多?元|多?万元?|亿元?|块|千元)",
    ),
    (
        "invite_code",
        r"(?:邀请码|暗号|口令|推荐码|激活码|工号)[^a-z0-9\n，。]{0,6}(?P<v>[a-z0-9]{3,10})(?![a-z0-9])",
    ),
    (
        "plate",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
        r"[a-z][·.\- ]?[a-z0-9]{5,6}(?![a-z0-9])",
    ),
    (
        "hotline",
        r"(?<![\d.\-])(?P<v>1\d{2}|1[12]\d{3}|100\d{2}|96110|95[0135]\d{2,3})(?![\d.\-%元块万个人次])",
    ),
)


@cache
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(rule)) for kind, rule in _RULES)


def _accepted(kind: str, value: str, match: re.Match[str]) -> bool:
    if kind == "url":
        tld = match["tld"]
        return tld is None or _is_tld(tld)
    if kind == "id_number":
        return is_id_number(value)
    if kind == "bank_card":
        return luhn(value)
    if kind == "hotline":
        return is_hotline(value)
    if kind == "plate":
        return any(c.isdigit() for c in value[2:])
    return True


def _ordered_span(match: re.Match[str]) -> tuple[int, int]:
    return match.span("v") if "v" in match.re.groupindex else match.span()


def _worth_searching(text: str) -> bool:
    return any("0" <= c <= "9" or c == "." for c in text) or "://" in text or "微信" in text or "加" in text


def find_in(norm: Normalised) -> tuple[Entity, ...]:
    """As `find`, for a normalised text; entities do not overlap and come in order of place."""
    text, found = norm.text, []
    if not _worth_searching(text):
        return ()
    taken = bytearray(len(text))
    for kind, rule in _compiled():
        for match in rule.finditer(text):
            start, end = _ordered_span(match)
            value = text[start:end].rstrip(".,;:!?)]" if kind == "url" else "")
            end = start + len(value)
            if any(taken[start:end]) or not _accepted(kind, value, match):
                continue
            taken[start:end] = b"\x01" * (end - start)
            found.append(Entity(kind, *norm.span(start, end), value))
    return tuple(sorted(found, key=lambda e: (e.start, e.end)))


def find(text: str) -> tuple[Entity, ...]:
    """Entities of a raw text in order of place, with raw offsets and cleaned values.

    Kinds: url, phone, hotline (known good), landline, bank_card (Luhn), id_number (check character), qq,
    wechat, invite_code, verification_code, amount, plate.
    """
    return find_in(normalise(text))
