"""What people may see of each kind of entity: kept, masked, or replaced by a placeholder.

The table follows the practice of broadcasts: what identifies the scam is kept, what may be a resident's is
masked, what is always somebody's secret is replaced.
"""

import re
from functools import cache
from typing import Literal

from patterns.data.placeholders import PLACEHOLDERS
from patterns.entities.owners import Owner

Treatment = Literal["keep", "mask", "redact"]

TREATMENTS: dict[str, Treatment] = {
    # the bait: links, senders' numbers, names of programs, its codes, the sum asked for
    "url": "keep",
    "sms_port": "keep",
    "service_phone": "keep",
    "spoofed_short": "keep",
    "hotline": "keep",
    "app": "keep",
    "amount": "keep",
    "invite_code": "keep",
    # the fraudster's, a mule's or a stranger's; a resident's is replaced
    "phone": "mask",
    "virtual_phone": "mask",
    "landline": "mask",
    "foreign_phone": "mask",
    "bank_card": "mask",
    "email": "mask",
    "qq": "mask",
    "qq_group": "mask",
    "wechat": "mask",
    "handle": "mask",
    "wallet": "mask",
    # never shown
    "id_number": "redact",
    "document": "redact",
    "verification_code": "redact",
    "password": "redact",
    "card_code": "redact",
    "birthday": "redact",
    "person": "redact",
    "school": "redact",
    "address": "redact",
    "plate": "redact",
    "order": "redact",
    "licence": "redact",
}
"""Every kind there is, of an unknown owner. What is a resident's and not harmless is replaced; the plate of a
fraudster's car is masked."""

_DEFANGED_PATH = 20


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule, re.DOTALL)


def is_mobile(value: str) -> bool:
    """Whether the value is a mainland mobile number of 11 digits."""
    return _compiled(r"1[3-9]\d{9}").fullmatch(value) is not None


def split_link(link: str) -> tuple[str, str, str]:
    """(scheme or "", host with its port, path and the rest) of a link, defanged or not.

    The host ends where a browser ends it (also at a backslash), and only then is a user name before "@"
    dropped: "https://a.example/@gov.cn" leads to a.example.
    """
    scheme, mark, rest = link.strip().partition("://")
    if not mark or _compiled(r"[a-z][a-z0-9+.\-]*").fullmatch(scheme.lower()) is None:
        scheme, rest = "", link.strip()
    host = _compiled(r"[^/?#\\]*").match(rest)
    end = host.end() if host else 0
    return scheme.lower(), rest[:end].rpartition("@")[2].replace("[.]", "."), rest[end:]


def is_payment_link(link: str) -> bool:
    """Whether the link is a code that takes payments: whoever has it pays its owner."""
    scheme, host, _ = split_link(link)
    return scheme == "wxp" or host.lower() in ("qr.alipay.com", "qr.95516.com", "wx.tenpay.com")


def defang(value: str) -> str:
    """A link that no program makes clickable: hxxps, [.], no query, a short path, no long number."""
    scheme, host, rest = split_link(value)
    host = _compiled(r"1[3-9]\d{9}|\d{15,}").sub("xxx", host).replace(".", "[.]")
    path = _compiled(r"[?#]").split(rest, maxsplit=1)[0]
    path = (
        _compiled(r"\d{7,}").sub("***", path.replace("[.]", ".")).replace(".", "[.]").replace("http", "hxxp")
    )
    if len(path) > _DEFANGED_PATH:
        path = path[:_DEFANGED_PATH].rstrip("[.]") + "…"
    if is_payment_link(value):
        host, path = (host and "***", "") if scheme == "wxp" else (host, "/…" if len(path) > 1 else path)
    if not scheme:
        return host + path
    return scheme.replace("http", "hxxp") + "://" + host + path


def _hidden_number(value: str) -> str:
    digits = re.sub(r"\D", "", value)
    return digits[:3] + "****" + digits[-4:] if len(digits) >= 11 else digits[:2] + "****" + digits[-2:]


def _hidden_card(value: str) -> str:
    return value[:4] + "****" + value[-4:]


def _hidden_email(value: str) -> str:
    name, _, host = value.rpartition("@")
    return name[:1] + "***@" + host.replace(".", "[.]")


def _hidden_account(value: str) -> str:
    """The ends of an account's name, fewer of a short one."""
    if is_mobile(value):
        return _hidden_number(value)
    ends = 2 if len(value) >= _ENDS_SHOWN_FROM else 1
    return value[:ends] + "****" + value[-ends:]


def _hidden_abroad(value: str) -> str:
    digits = re.sub(r"[^0-9+]", "", value)
    return digits[:3] + "****" + digits[-3:]


_ENDS_SHOWN_FROM = 7
_MASKS = {
    **dict.fromkeys(("phone", "virtual_phone", "landline"), _hidden_number),
    "foreign_phone": _hidden_abroad,
    "bank_card": _hidden_card,
    "email": _hidden_email,
    "plate": lambda value: _hidden_account(value.upper()),
    **dict.fromkeys(("qq", "qq_group", "wechat", "handle", "wallet"), _hidden_account),
}


def masked_form(kind: str, value: str, owner: Owner = "unknown") -> tuple[str, Treatment]:
    """(the form that people may see, how it was made) of an entity's cleaned value."""
    treatment = _treatment(kind, owner)
    if treatment == "redact":
        return PLACEHOLDERS[kind], treatment
    if treatment == "mask":
        return _MASKS[kind](value), treatment
    return defang(value) if kind == "url" else value, treatment


def _treatment(kind: str, owner: Owner) -> Treatment:
    if owner == "resident" and kind in PLACEHOLDERS:
        return "redact"
    return "mask" if owner == "fraudster" and kind == "plate" else TREATMENTS[kind]
