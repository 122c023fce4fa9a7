"""The form of a report, whoever sends it: checks the fields and builds the event. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from fenghuo.domain.events import (
    URGENT,
    AlarmReceived,
    ReporterKind,
    ReportPlace,
    ReportReceived,
    ScamStage,
    derive_id,
)
from fenghuo.security.passwords import pseudonym
from fenghuo.spreadsheets.tables import unknown

LONGEST_TEXT = 10_000
IMPORTED = "import"
"""The source of what comes from a table: a table of old ones would fill the alarms' lane."""
LONGEST_NAME = 100
"""Characters of a district, town, group or reporter."""
FIELDS = ("text", "district", "town", "group_id", "reporter", "reporter_kind", "stage")
_UNSEEN = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Mn", "Me", "Mc"])
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")
"""Characters that Unicode classifies as letters or symbols but that are invisible."""

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Flaw:
    """An error in one field, for programs (code) and for people in both languages."""

    field: str
    code: str
    zh: str
    en: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A valid report: cleaned, with defaults; ``reporter`` is a pseudonym."""

    text: str
    district: str
    town: str
    group_id: str | None
    reporter: str
    reporter_kind: ReporterKind
    stage: ScamStage

    def received(self, report_id: str, at: datetime, source: str) -> ReportReceived:
        """The event, an alarm if urgent and not imported; its id is derived from ``report_id``."""
        fields: dict[str, Any] = {
            "event_id": derive_id("received", report_id), "at": at, "report_id": report_id, "text": self.text,
            "place": ReportPlace(district=self.district, town=self.town, group_id=self.group_id),
            "reporter": self.reporter, "reporter_kind": self.reporter_kind, "stage": self.stage,
            "source": source,
        }  # fmt: skip
        urgent = self.stage in URGENT and source != IMPORTED
        return AlarmReceived(**fields) if urgent else ReportReceived(**fields)


def check(
    fields: Mapping[str, object], *, district: str, reporter: str, secret: str
) -> tuple[Report | None, list[Flaw]]:
    """(report, []) or (None, all flaws). ``district`` and ``reporter`` are the defaults."""
    flaws = [_unknown(name) for name in fields if name not in FIELDS]
    text = _text(fields.get("text"), flaws)
    names = {x: _name(fields, x, flaws) for x in ("district", "town", "group_id", "reporter")}
    kind = _choice(fields, "reporter_kind", ReporterKind.RESIDENT, flaws)
    stage = _choice(fields, "stage", ScamStage.RECEIVED, flaws)
    if flaws:
        return None, flaws
    return Report(
        text=text, district=names["district"] or district, town=names["town"],
        group_id=names["group_id"] or None, reporter=pseudonym(secret, names["reporter"] or reporter),
        reporter_kind=kind, stage=stage,
    ), []  # fmt: skip


def clean(text: str) -> str:
    """``text`` with plain line ends, without control characters and outer blanks; zero-width characters
    stay."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(x for x in lines if x in "\n\t" or unicodedata.category(x) != "Cc").strip()


def is_visible(text: str) -> bool:
    """Whether a person would see anything of ``text``."""
    return any(unicodedata.category(x) not in _UNSEEN and x not in _BLANK for x in text)


def _unknown(name: str) -> Flaw:
    line = unknown("field", name, FIELDS)
    return Flaw(name[:60], "unknown", f"没有这个字段。{line}", line)


def _text(value: object, flaws: list[Flaw]) -> str:
    if not isinstance(value, str):
        flaws.append(
            Flaw("text", "required", "请填写可疑信息的原文（文字）。", "send the message's text, a string")
        )
        return ""
    if _cannot_be_stored(value):
        flaws.append(_bad_characters("text"))
    text = clean(value)
    if not is_visible(text):
        flaws.append(Flaw("text", "blank", "原文里没有看得见的文字。", "the text holds nothing visible"))
    if len(text) > LONGEST_TEXT:
        zh = f"原文有 {len(text)} 个字，最多 {LONGEST_TEXT} 个；请只发可疑的部分。"
        en = f"{len(text)} characters, at most {LONGEST_TEXT}: send the suspicious part only"
        flaws.append(Flaw("text", "too_long", zh, en))
    return text


def _name(fields: Mapping[str, object], field: str, flaws: list[Flaw]) -> str:
    value = fields.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        flaws.append(Flaw(field, "type", "应为文字。", "must be a string"))
        return ""
    value = value.strip()
    if _cannot_be_stored(value) or any(unicodedata.category(x) == "Cc" for x in value):
        flaws.append(_bad_characters(field))
    elif len(value) > LONGEST_NAME:
        flaws.append(
            Flaw(field, "too_long", f"最多 {LONGEST_NAME} 个字。", f"at most {LONGEST_NAME} characters")
        )
    return value


def _choice(fields: Mapping[str, object], field: str, default: Choice, flaws: list[Flaw]) -> Choice:
    value = fields.get(field)
    if value is None:
        return default
    kind = type(default)
    if isinstance(value, str) and value in set(kind):
        return kind(value)
    known = ", ".join(kind)
    flaws.append(Flaw(field, "choice", f"只能是：{known}。", f"must be one of: {known}"))
    return default


def _cannot_be_stored(value: str) -> bool:
    """Whether it has NUL, which some stores cannot keep, or lone surrogates, which are no text."""
    return "\0" in value or any("\ud800" <= x <= "\udfff" for x in value)


def _bad_characters(field: str) -> Flaw:
    return Flaw(
        field, "characters", "含有不能保存的控制字符。", "holds control characters that cannot be kept"
    )
