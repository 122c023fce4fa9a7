"""Where a matter that is no fraud belongs: the table of services that ships, or the file of the settings.

The table is TOML, one ``[[service]]`` after the other, each with ``kind``, ``words``, ``name``, ``number``
and ``say``; the service with the most of its words in a text is the one.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from fenghuo.errors import Refused

_FIELDS = {"kind": str, "words": list, "name": str, "number": str, "say": str}
_NUMBER = re.compile(r"\d[\d-]{2,14}")
LONGEST = 60
"""Characters of a name, a word or what is said."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """An office: what it is for, by which words a text is for it, and what the reporter is told."""

    kind: str
    words: tuple[str, ...]
    name: str
    number: str
    say: str = ""


def service_for(text: str, table: Sequence[Service]) -> Service | None:
    """The service with the most of its words in ``text``, of equals the first; None if none has any."""
    counts = [sum(word in text for word in service.words) for service in table]
    most = max(counts, default=0)
    return table[counts.index(most)] if most else None


def parse_services(text: str, name: str) -> tuple[Service, ...]:
    """The table in ``text``; raises Refused with the file's ``name``, line and field for what is wrong."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{name}: {error}") from None
    entries = found.get("service")
    unknown = sorted(set(found) - {"service"})
    if unknown or not isinstance(entries, list) or not entries:
        what = f"{unknown[0]}: only [[service]] is known" if unknown else "no [[service]] in it"
        raise Refused(f"{name}: {what}")
    return tuple(_service(entry, text, at, name) for at, entry in enumerate(entries))


def _service(entry: dict[str, object], text: str, at: int, name: str) -> Service:
    for field in [*entry, *_FIELDS]:
        flaw = _flaw(field, entry.get(field))
        if flaw:
            raise Refused(f"{name}: line {_line_of(text, at, field)}: {field}: {flaw}")
    return msgspec.convert(entry, Service)


def _flaw(field: str, value: object) -> str:
    """What is wrong with a field's value; "" if nothing."""
    if field not in _FIELDS:
        return f"unknown; known are {', '.join(_FIELDS)}"
    if value is None or (field == "say" and value == ""):
        return "" if field == "say" else "missing"
    if not isinstance(value, _FIELDS[field]):
        return "a list of words is needed" if field == "words" else "text in quotation marks is needed"
    words = value if isinstance(value, list) else [value]
    if not words or not all(isinstance(x, str) and x.strip() and len(x) <= LONGEST for x in words):
        return f"1 to {LONGEST} characters each, nothing empty"
    if field == "number" and _NUMBER.fullmatch(str(value)) is None:
        return "a telephone number of 3 to 15 digits is needed"
    return ""


def _line_of(text: str, at: int, field: str) -> int:
    """The line (from 1) of ``field`` in service number ``at``; of its heading where it is missing."""
    lines = text.splitlines()
    heads = [n for n, line in enumerate(lines) if line.strip().startswith("[[service]]")]
    if at >= len(heads):
        return 1
    end = heads[at + 1] if at + 1 < len(heads) else len(lines)
    inside = (n for n in range(heads[at], end) if re.match(rf"\s*{re.escape(field)}\s*=", lines[n]))
    return next(inside, heads[at]) + 1


ANY = Service(kind="其他", words=(), name="政务服务便民热线", number="12345")
"""For a matter that no service of the table is for."""


@cache
def shipped_services() -> tuple[Service, ...]:
    """The table with the national numbers."""
    return parse_services(files("consumers").joinpath("services.toml").read_text("utf-8"), "services.toml")


def load_services(file: str) -> tuple[Service, ...]:
    """The table in ``file`` (of the settings), "" for the shipped one; raises Refused if it is wrong."""
    if not file:
        return shipped_services()
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"FENGHUO_SERVICES_FILE: {file} cannot be read: {error}") from None
    return parse_services(text, file)
