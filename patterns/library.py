"""Read fraud types and their patterns from the text of seed files (reading the files is the caller's)."""

import tomllib
from typing import Any, cast, get_args

from patterns.model import FraudType, Pattern, Severity, Voice
from patterns.text.slots import SLOTS, unknown_slots


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {key} must be a non-empty string")
    return value.strip()


def _no_others(table: dict[str, Any], allowed: frozenset[str], where: str) -> None:
    others = sorted(set(table) - allowed)
    if others:
        raise ValueError(f"{where}: unknown key {', '.join(others)}")


def _unique(names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"pattern {', '.join(twice)} given more than once")


_TYPE_KEYS = frozenset(
    "code label_zh label_en heading official happening how tell advice severity cues".split()
)
_PATTERN_KEYS = frozenset("pattern_id title voice text source alert_id".split())


def _strings(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = table.get(key)
    if (
        not isinstance(values, list)
        or not values
        or not all(isinstance(v, str) and v.strip() for v in values)
    ):
        raise ValueError(f"{where}: {key} must be a list of non-empty strings")
    return tuple(values)


def _one_of(value: str, choices: tuple[str, ...], key: str, where: str) -> str:
    if value not in choices:
        raise ValueError(f"{where}: {key} must be one of {', '.join(choices)}, not {value}")
    return value


def _type(table: dict[str, Any]) -> FraudType:
    where = f"type {table.get('code') or 'without code'}"
    _no_others(table, _TYPE_KEYS, where)
    fields = {
        key: _text(table, key, where)
        for key in ("code", "label_zh", "label_en", "happening", "how", "advice")
    }
    return FraudType(
        tell=_strings(table, "tell", where),
        severity=cast(
            Severity, _one_of(_text(table, "severity", where), get_args(Severity), "severity", where)
        ),
        cues=_strings(table, "cues", where),
        official=_text(table, "official", where) if "official" in table else None,
        heading=_text(table, "heading", where) if "heading" in table else "",
        **fields,
    )


def _pattern(table: dict[str, Any], fraud_type: str, number: int) -> Pattern:
    where = f"pattern {table.get('pattern_id') or f'#{number}'}"
    _no_others(table, _PATTERN_KEYS, where)
    fields = {key: _text(table, key, where) for key in ("pattern_id", "title", "text")}
    if wrong := unknown_slots(fields["text"]):
        raise ValueError(f"{where}: there is no slot {{{wrong[0]}}}; there are {', '.join(SLOTS)}")
    voice = _one_of(_text(table, "voice", where), get_args(Voice), "voice", where)
    source = _text(table, "source", where) if "source" in table else "seed"
    alert_id = _text(table, "alert_id", where) if "alert_id" in table else None
    return Pattern(
        fraud_type=fraud_type, voice=cast(Voice, voice), source=source, alert_id=alert_id, **fields
    )


def parse_seeds(toml: str) -> tuple[FraudType, tuple[Pattern, ...]]:
    """The [type] and the [[pattern]] tables of a seed file. ValueError names the entry that is wrong."""
    try:
        data = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from error
    _no_others(data, frozenset(("type", "pattern")), "the file")
    kind, patterns = data.get("type"), data.get("pattern")
    if not isinstance(kind, dict):
        raise ValueError("expected one [type] table")  # noqa: TRY004 - of the file, as all else here
    if not isinstance(patterns, list) or not all(isinstance(p, dict) for p in patterns):
        raise ValueError("expected at least one [[pattern]] table")
    found = _type(kind)
    parsed = tuple(_pattern(p, found.code, n) for n, p in enumerate(patterns, 1))
    _unique([p.pattern_id for p in parsed])
    return found, parsed
