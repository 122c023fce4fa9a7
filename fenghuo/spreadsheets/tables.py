"""Reads tables (.csv, .tsv, .jsonl, .xlsx): an invalid row is reported, and the others are read on.

The caller names its columns and their aliases (内容 for text). Refused is raised for a whole file: an unknown
or missing column, or a file that is too big, empty, broken or of another kind.
"""

import csv
import difflib
import io
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fenghuo.errors import Refused
from fenghuo.spreadsheets.xlsx import as_text, open_workbook

MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_ROWS = 200_000
MAX_CELL = 10_000
"""Characters in one cell."""
DELIMITERS = (",", ";", "\t")
KINDS = (".csv", ".tsv", ".jsonl", ".xlsx")

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BROKEN = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row's cells by column name, stripped; every known column is present, "" if the row has no cell."""

    line: int
    """The line where it begins in the file, counted from 1."""
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A refused row, with the reason for a person; the reason quotes no cell."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The caller's columns: name to whether it is required, aliases, and headers to skip."""

    required: Mapping[str, bool]
    aliases: Mapping[str, str] = field(default_factory=dict)
    ignored: Collection[str] = ()

    def name_of(self, header: str) -> str:
        """The column that ``header`` names, "" for one to skip; raises Refused if it is unknown."""
        plain = _plain(header)
        if plain in {_plain(x) for x in self.ignored}:
            return ""
        names = {_plain(x): x for x in self.required} | {_plain(k): v for k, v in self.aliases.items()}
        if plain not in names:
            raise Refused(unknown("column", header.strip(), self.required, self.aliases))
        return names[plain]


@dataclass(frozen=True, slots=True)
class Table:
    """An open file: iterate over it once. ``notes`` say what was assumed (an encoding, a sheet)."""

    rows: Iterator[TableRow | BadRow]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[TableRow | BadRow]:
        return self.rows


def read_rows(
    path: Path,
    columns: Mapping[str, bool],
    aliases: Mapping[str, str] | None = None,
    ignored: Collection[str] = (),
) -> Table:
    """The rows of ``path``, read lazily.

    ``columns``: name to whether each row must have it; ``aliases``: header to column name; ``ignored``:
    headers to skip. Raises Refused at once for a file that cannot be read at all, and during iteration for
    one that is longer than MAX_ROWS or truncated.
    """
    wanted = Columns(required=columns, aliases=aliases or {}, ignored=ignored)
    kind = _check_file(path)
    if kind == ".xlsx":
        records, notes = open_workbook(path)
        return Table(_limited(_first_read(_sheet_rows(records, wanted))), notes)
    text, notes = _decode(path)
    read = _json_rows if kind == ".jsonl" else _csv_rows
    rows = _first_read(read(text, wanted))
    return Table(_limited(rows), notes)


def unknown(what: str, name: str, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str:
    """A line such as "unknown column 'txet'; did you mean 'text'? known: text, town"."""
    known = list(known)
    choices = {_plain(x): x for x in known} | {_plain(k): k for k in aliases or {}}
    close = difflib.get_close_matches(_plain(name), choices, n=1, cutoff=0.6)
    hint = f"; did you mean '{choices[close[0]]}'?" if close else ";"
    return f"unknown {what} '{name[:60]}'{hint} known: {', '.join(known)}"


def _plain(header: str) -> str:
    """A header normalised for comparison: full-width forms, case, spaces and hyphens do not matter."""
    folded = unicodedata.normalize("NFKC", header).strip().strip("\ufeff").casefold()
    return folded.replace(" ", "_").replace("-", "_")


def _check_file(path: Path) -> str:
    """The file's kind; raises Refused if it is unknown, too big, empty, or not what its name says."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise Refused(f"{path.name}: a table ends in {', '.join(KINDS)}; save it as one of these")
    try:
        with path.open("rb") as file:
            head = file.read(4)
        size = path.stat().st_size
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from error
    if not head:
        raise Refused(f"{path.name} is empty")
    if size > MAX_FILE_BYTES:
        raise Refused(f"{path.name} has {size:,} bytes, at most {MAX_FILE_BYTES:,}: split it")
    if head == _OLE:
        raise Refused(f"{path.name} is an old .xls or has a password: save it as .xlsx without one")
    if (head == _ZIP) != (kind == ".xlsx"):
        other = "an Excel workbook (or another zip)" if head == _ZIP else "no Excel workbook"
        raise Refused(f"{path.name} is {other}, not what its name says: save it again as {kind}")
    return kind


def _decode(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a file and notes on its encoding; an invalid byte becomes a lone surrogate."""
    raw = path.read_bytes()
    if raw[:2] in _UTF16:
        return raw.decode("utf-16", "surrogatepass"), ("read as UTF-16",)
    if b"\0" in raw[:65_536]:
        raise Refused(f"{path.name} is a binary file, not a table: save it as CSV (UTF-8) or .xlsx")
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    tried = {name: raw.decode(name, "surrogateescape") for name in ("utf-8-sig", "gb18030")}
    broken = {name: len(_BROKEN.findall(text)) for name, text in tried.items()}
    name = min(broken, key=lambda x: broken[x])
    if broken[name] > max(len(tried[name]) // 100, 1):
        raise Refused(f"{path.name} is neither UTF-8 nor GB18030 text: save it as CSV (UTF-8)")
    shown = "GB18030 (GBK)" if name == "gb18030" else "UTF-8"
    but = " with broken bytes, in rows that are refused" if broken[name] else ""
    return tried[name], (f"read as {shown}{but}",)


def _first_read(rows: Iterator[TableRow | BadRow]) -> Iterator[TableRow | BadRow]:
    """``rows`` with the first one read already, so that an invalid header is refused at once."""
    first = next(rows, None)

    def again() -> Iterator[TableRow | BadRow]:
        if first is not None:
            yield first
            yield from rows

    return again()


def _limited(rows: Iterator[TableRow | BadRow]) -> Iterator[TableRow | BadRow]:
    for count, row in enumerate(rows):
        if count >= MAX_ROWS:
            raise Refused(f"more than {MAX_ROWS:,} rows: split the file")
        yield row


def _csv_rows(text: str, columns: Columns) -> Iterator[TableRow | BadRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, columns), strict=True)
    numbered = _records(reader)
    header = next((x for x in numbered if isinstance(x, BadRow) or any(c.strip() for c in x[1])), None)
    if header is None:
        raise Refused("the table is empty")
    if isinstance(header, BadRow):
        raise Refused(f"the header cannot be read: {header.reason}")
    yield from _named(_headers(header[1], columns), numbered, columns)


def _delimiter(text: str, columns: Columns) -> str:
    """The delimiter with which the header has the most known columns, then the most columns."""
    line = next((x for x in io.StringIO(text[:MAX_CELL]) if x.strip()), "")
    known = {_plain(x) for x in (*columns.required, *columns.aliases)}

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            return 0, 0
        return sum(_plain(x) in known for x in cells), len(cells)

    return max(DELIMITERS, key=score)


def _records(reader: Any) -> Iterator[tuple[int, list[str]] | BadRow]:
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            open_quote = "unexpected end of data" in str(error) or "field limit" in str(error)
            why = (
                "a quote is opened and not closed; the lines after it are lost" if open_quote else str(error)
            )
            yield BadRow(line, f"not readable as CSV: {why}")


def _headers(cells: Sequence[str], columns: Columns) -> list[str | None]:
    """The column of each position: a name, "" to skip it, None if the header is empty."""
    names = [columns.name_of(x) if x.strip() else None for x in cells]
    for name in names:
        if name and names.count(name) > 1:
            raise Refused(f"the column '{name}' stands twice in the header: keep one")
    for name, required in columns.required.items():
        if required and name not in names:
            also = [alias for alias, meant in columns.aliases.items() if meant == name]
            called = f"'{name}' (or {', '.join(also)})" if also else f"'{name}'"
            raise Refused(
                f"there is no column {called}; the header has: {', '.join(x.strip() for x in cells)}"
            )
    return names


def _named(
    names: Sequence[str | None], records: Iterable[tuple[int, Sequence[str]] | BadRow], columns: Columns
) -> Iterator[TableRow | BadRow]:
    for record in records:
        if isinstance(record, BadRow):
            yield record
            continue
        line, cells = record
        stray = [i for i, x in enumerate(cells) if x.strip() and (i >= len(names) or names[i] is None)]
        if stray:
            yield BadRow(line, f"cell {stray[0] + 1} stands under no header (a comma that wants quotes?)")
        elif any(x.strip() for x in cells):
            found = {name: x for name, x in zip(names, cells, strict=False) if name}
            yield _checked(line, found, columns)


def _checked(line: int, found: Mapping[str, str], columns: Columns) -> TableRow | BadRow:
    cells = {name: found.get(name, "").strip() for name in columns.required}
    for name, value in cells.items():
        if not value and columns.required[name]:
            return BadRow(line, f"'{name}' is empty")
        if len(value) > MAX_CELL:
            return BadRow(line, f"'{name}' has {len(value):,} characters, at most {MAX_CELL:,}")
        if _SURROGATE.search(value):
            return BadRow(line, f"'{name}' holds bytes that are not in the file's encoding")
    return TableRow(line, cells)


def _json_rows(text: str, columns: Columns) -> Iterator[TableRow | BadRow]:
    seen = False
    for line, raw in enumerate(io.StringIO(text), 1):
        if not raw.strip():
            continue
        row = _json_row(line, raw, columns, first=not seen)
        seen = seen or isinstance(row, TableRow)
        yield row


def _json_row(line: int, raw: str, columns: Columns, *, first: bool) -> TableRow | BadRow:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return BadRow(line, f"not JSON: {getattr(error, 'msg', 'nested too deep')}")
    if not isinstance(value, dict):
        return BadRow(line, "not a JSON object")
    try:
        found = {columns.name_of(name): x for name, x in value.items()}
    except Refused as error:
        if first:
            raise
        return BadRow(line, str(error))
    nested = [name for name, x in found.items() if name and isinstance(x, dict | list)]
    if nested:
        return BadRow(line, f"'{nested[0]}' is a list or an object; a text or a number is wanted")
    return _checked(line, {name: as_text(x) for name, x in found.items() if name}, columns)


def _sheet_rows(records: Iterator[tuple[int, list[str]]], columns: Columns) -> Iterator[TableRow | BadRow]:
    header = next((cells for _, cells in records if any(x.strip() for x in cells)), None)
    if header is None:
        raise Refused("the table is empty")
    yield from _named(_headers(header, columns), records, columns)
