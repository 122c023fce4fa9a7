"""What people may see of each kind of entity: kept, masked, or replaced by a placeholder.

The table follows the practice of broadcasts: what identifies the scam is kept, what may be a resident's is
masked, what is always somebody's secret is replaced.
"""

import re
from functools import cache
from typing import Literal

from patterns.data.placeholders import PLACEHOLDERS

Treatment = Literal["keep", "mask", "redact"]

TREATMENTS: dict[str, Treatment] = {
    # the bait: links, senders' numbers, accounts, names of programs, the sum asked for
    "url": "keep",
    "sms_port": "keep",
    "service_phone": "keep",
    "foreign_phone": "keep",
    "virtual_phone": "keep",
    "spoofed_short": "keep",
    "hotline": "keep",
    "qq": "keep",
    "qq_group": "keep",
    "wechat": "keep",
    "handle": "keep",
    "wallet": "keep",
    "app": "keep",
    "amount": "keep",
    # a fraudster's, a mule's or a victim's: the text does not tell
    "phone": "mask",
    "landline": "mask",
    "bank_card": "mask",
    "email": "mask",
    # never shown
    "id_number": "redact",
    "verification_code": "redact",
    "invite_code": "redact",
    "person": "redact",
    "address": "redact",
    "plate": "redact",
    "order": "redact",
    "licence": "redact",
}
"""Every kind there is. `wechat`, `qq` and `handle` are masked when the account is a mobile number."""

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


_MASKS = {
    "phone": _hidden_number,
    "landline": _hidden_number,
    "bank_card": _hidden_card,
    "email": _hidden_email,
}


def masked_form(kind: str, value: str) -> tuple[str, Treatment]:
    """(the form that people may see, how it was made) of an entity's cleaned value."""
    if kind in ("wechat", "qq", "handle") and is_mobile(value):
        kind = "phone"
    treatment = TREATMENTS[kind]
    if treatment == "redact":
        return PLACEHOLDERS[kind], treatment
    if treatment == "mask":
        return _MASKS[kind](value), treatment
    return defang(value) if kind == "url" else value, treatment
