"""Messages, patterns and reports as lines: JSON objects {"id", "text"} or plain text; and rows written."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from fenghuo.errors import Refused

if TYPE_CHECKING:
    from consumers.learning.backtest import ReportLine


class MessageLine(msgspec.Struct):
    """One message of the input."""

    id: str
    text: str


class PatternLine(MessageLine):
    """One pattern of the input; its id is not empty."""

    id: Annotated[str, msgspec.Meta(min_length=1)]


def read_lines(
    source: Iterable[bytes], name: str, form: type[MessageLine] = MessageLine
) -> Iterator[MessageLine]:
    """The messages (or patterns) of a JSONL source; raises Refused for a line that is none."""
    for number, raw in enumerate(source, 1):
        if raw.strip():
            yield _line(raw, f"{name}, line {number}", form)


def read_texts(source: Iterable[bytes], name: str) -> Iterator[MessageLine]:
    """As ``read_lines``; a line that is no JSON object is the text itself, and its number the id."""
    for number, raw in enumerate(source, 1):
        where = f"{name}, line {number}"
        if _is_object(raw):
            yield _line(raw, where)
        elif raw.strip():
            yield MessageLine(str(number), _plain(raw, where))


def read_reports(source: Iterable[bytes], name: str) -> "Iterator[ReportLine]":
    """The past reports of a JSONL source; raises Refused for a line that is none."""
    from consumers.learning.backtest import ReportLine

    for number, raw in enumerate(source, 1):
        if raw.strip():
            try:
                yield msgspec.json.decode(raw, type=ReportLine)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Refused(f"{name}, line {number}: {error}") from None


def _line(raw: bytes, where: str, form: type[MessageLine] = MessageLine) -> MessageLine:
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(f'{where}: {error}; wanted {{"id": "...", "text": "..."}}') from None


def _plain(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refused(f"{where}: it is not UTF-8; save the text as UTF-8") from None


def _is_object(raw: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(raw), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def write_rows(rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line to standard output."""
    for row in rows:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
