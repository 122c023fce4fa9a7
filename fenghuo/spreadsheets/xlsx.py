"""Reads the first sheet of an Excel workbook (.xlsx) as rows of text, in bounded memory."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

from fenghuo.errors import Refused

MAX_UNPACKED_BYTES = 500 * 1024 * 1024
"""An .xlsx is a zip: one that unpacks to more is taken for a zip bomb."""

SheetRow = tuple[int, list[str]]


def open_workbook(path: Path) -> tuple[Iterator[SheetRow], tuple[str, ...]]:
    """((line, cells) of the first sheet, lines counted from 1; notes on what was assumed).

    Raises Refused, saying what to do, for a file that cannot be read, also during iteration.
    """
    import openpyxl

    guard = _Guard(path)
    with guard:
        _check_size(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheets = book.worksheets
        if not sheets:
            raise Refused(f"{path.name} has no sheet with cells")
        sheets[0].reset_dimensions()
        values = sheets[0].iter_rows(values_only=True)
    notes = (f"read the sheet '{sheets[0].title}', the first of {len(sheets)}",) if len(sheets) > 1 else ()
    return _records(values, guard), notes


def as_text(value: object) -> str:
    """A cell as text: 13800000000.0 is 13800000000, a time is ISO 8601, an empty cell is ""."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


class _Guard:
    """Turns any error of openpyxl into Refused: it raises a dozen kinds for a broken file."""

    def __init__(self, path: Path) -> None:
        self._name = path.name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, Refused):
            advice = "open it, save it again as .xlsx, or as CSV (UTF-8)"
            raise Refused(f"{self._name} is no readable Excel workbook: {advice}") from error


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        size = sum(x.file_size for x in packed.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise Refused(f"{path.name} unpacks to {size:,} bytes, at most {MAX_UNPACKED_BYTES:,}")


def _records(values: Iterator[tuple[object, ...]], guard: _Guard) -> Iterator[SheetRow]:
    line = 0
    while True:
        with guard:
            cells = next(values, None)
        if cells is None:
            return
        line += 1
        yield line, [as_text(x) for x in cells]
