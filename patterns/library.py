"""Read fraud types and patterns from the text of TOML files (reading the files is the caller's)."""

import tomllib
from typing import Any, cast

from patterns.model import FraudType, Pattern, Severity

_SEVERITIES = ("moderate", "severe")


def _tables(toml: str, name: str) -> list[dict[str, Any]]:
    try:
        data = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from error
    tables = data.get(name)
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ValueError(f"expected at least one [[{name}]] table")
    return tables


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {key} must be a non-empty string")
    return value.strip()


def _no_others(table: dict[str, Any], allowed: frozenset[str], where: str) -> None:
    others = sorted(set(table) - allowed)
    if others:
        raise ValueError(f"{where}: unknown key {', '.join(others)}")


def _unique(names: list[str], what: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"{what} {', '.join(twice)} given more than once")


_TYPE_KEYS = frozenset("code label_zh label_en happening how tell advice severity".split())
_PATTERN_KEYS = frozenset("pattern_id fraud_type title text source alert_id".split())


def _type(table: dict[str, Any], number: int) -> FraudType:
    where = f"type {table.get('code') or f'#{number}'}"
    _no_others(table, _TYPE_KEYS, where)
    tell = table.get("tell")
    if not isinstance(tell, list) or not tell or not all(isinstance(t, str) and t.strip() for t in tell):
        raise ValueError(f"{where}: tell must be a list of non-empty strings")
    severity = _text(table, "severity", where)
    if severity not in _SEVERITIES:
        raise ValueError(f"{where}: severity must be one of {', '.join(_SEVERITIES)}, not {severity}")
    fields = {
        key: _text(table, key, where)
        for key in ("code", "label_zh", "label_en", "happening", "how", "advice")
    }
    return FraudType(tell=tuple(tell), severity=cast(Severity, severity), **fields)


def _pattern(table: dict[str, Any], number: int) -> Pattern:
    where = f"pattern {table.get('pattern_id') or f'#{number}'}"
    _no_others(table, _PATTERN_KEYS, where)
    fields = {key: _text(table, key, where) for key in ("pattern_id", "fraud_type", "title", "text")}
    source = _text(table, "source", where) if "source" in table else "seed"
    alert_id = _text(table, "alert_id", where) if "alert_id" in table else None
    return Pattern(source=source, alert_id=alert_id, **fields)


def parse_types(toml: str) -> tuple[FraudType, ...]:
    """The [[type]] tables of a TOML text. ValueError names the entry that is wrong or given twice."""
    types = tuple(_type(t, n) for n, t in enumerate(_tables(toml, "type"), 1))
    _unique([t.code for t in types], "type")
    return types


def parse_patterns(toml: str) -> tuple[Pattern, ...]:
    """The [[pattern]] tables of a TOML text. ValueError names the entry that is wrong or given twice."""
    patterns = tuple(_pattern(t, n) for n, t in enumerate(_tables(toml, "pattern"), 1))
    _unique([p.pattern_id for p in patterns], "pattern")
    return patterns
