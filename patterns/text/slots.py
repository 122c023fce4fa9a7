"""Slots of a pattern: values that senders change, written {link}, {amount}, {name} ..."""

import re
from functools import cache

from patterns.characters.compiled_tables import GAP, HANDLE, LINK, NUMBER
from patterns.data.placeholders import PLACEHOLDERS

SLOTS: dict[str, tuple[str, str]] = {
    "link": (chr(LINK), "https://k3.example.com/a9"),
    "phone": (chr(HANDLE), "13800138000"),
    "wechat": (chr(HANDLE), "zhuanyuan_88"),
    "qq": (chr(HANDLE), "23456789"),
    "number": (chr(NUMBER), "62000012345"),
    "code": (chr(NUMBER), "8821"),
    "amount": (chr(NUMBER) + chr(GAP), "6800元"),
    "date": (chr(NUMBER) + chr(GAP), "12月17日"),
    "time": (chr(NUMBER) + chr(GAP), "30分钟"),
    "name": (chr(GAP), "王强"),
    "org": (chr(GAP), "建设"),
    "place": (chr(GAP), "东湖"),
    "app": (chr(GAP), "云讯app"),
    "item": (chr(GAP), "手表"),
}
"""By name of the slot: its replacement where texts are compared (a mark, or a gap that no gram crosses), and
an example."""


@cache
def _slot() -> re.Pattern[str]:
    return re.compile(r"\{(" + "|".join(SLOTS) + r")\}")


def filled(text: str) -> str:
    """A pattern's text with its slots as marks; other braces are text."""
    return _slot().sub(lambda match: SLOTS[match[1]][0], text)


def example(text: str) -> str:
    """A pattern's text as a message, with invented values in its slots."""
    return _slot().sub(lambda match: SLOTS[match[1]][1], text)


def slots(text: str) -> tuple[str, ...]:
    """The slots of a pattern's text, in order."""
    return tuple(_slot().findall(text))


def unknown_slots(text: str) -> tuple[str, ...]:
    """The names in braces that are not slots."""
    return tuple(name for name in re.findall(r"\{([^{}]*)\}", text) if name not in SLOTS)


STAND_INS = {
    "URL": "{link}", "CELLPHONE": "{phone}", "PHONE": "{phone}", "WECHAT": "{wechat}", "DIGIT": "{code}",
    "NAME": "", "PLACE": "",
}  # fmt: skip
"""The words in capitals that replace removed values in anonymised records, and their slots."""


@cache
def _stand_in() -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])({'|'.join(STAND_INS)})(?![A-Z])(?:(?<=URL)[a-z0-9./]+)?")


def from_record(text: str) -> str:
    """The text of an anonymised record as a pattern, with slots for the removed values; `example` makes a
    message of it. Not for messages that people send: there such a word is a word."""
    return _stand_in().sub(lambda match: STAND_INS[match[1]], text)


_HIDDEN = {
    PLACEHOLDERS[kind]: slot
    for kind, slot in {
        "person": "{name}", "address": "{place}", "verification_code": "{code}", "invite_code": "{code}",
        "id_number": "{number}", "plate": "{number}", "order": "{number}", "licence": "{number}",
        "document": "{number}", "password": "{code}", "card_code": "{code}", "birthday": "{date}",
        "school": "{place}", "phone": "{phone}", "bank_card": "{number}", "email": "{link}",
        "wechat": "{wechat}",
    }.items()
}  # fmt: skip


@cache
def _hidden() -> re.Pattern[str]:
    return re.compile(
        "|".join(map(re.escape, _HIDDEN))
        + r"|[0-9]*\*{3,}[0-9]*(?![A-Za-z])|(?<![A-Za-z0-9])[A-Za-z0-9_\-]{1,2}\*{4}[A-Za-z0-9_\-]{1,2}"
    )


def from_masked(masked: str) -> str:
    """A masked message as a pattern: a slot for each hidden value, since each victim gets another value."""
    return _hidden().sub(lambda match: _HIDDEN.get(match[0], "{number}"), masked)
