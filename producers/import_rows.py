"""Converts the rows of a table into reports; ids are derived from the rows, so a repeat is idempotent.
Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fenghuo.domain.calendar import CHINA
from fenghuo.domain.events import ReportReceived, derive_id
from fenghuo.spreadsheets.tables import BadRow, TableRow
from producers.report_form import IMPORTED, check

COLUMNS = {
    "text": True, "id": False, "district": False, "town": False, "group_id": False, "reporter": False,
    "reporter_kind": False, "stage": False, "at": False,
}  # fmt: skip
ALIASES = {
    "内容": "text", "原文": "text", "信息内容": "text", "可疑信息": "text", "message": "text",
    "编号": "id", "区": "district", "区县": "district", "镇街": "town", "街道": "town", "镇": "town",
    "群": "group_id", "群编号": "group_id", "group": "group_id",
    "举报人": "reporter", "举报人类型": "reporter_kind",
    "阶段": "stage", "时间": "at", "举报时间": "at", "time": "at",
}  # fmt: skip
WORDS = {
    "reporter_kind": {"居民": "resident", "群众": "resident", "民警": "officer", "社区干部": "officer"},
    "stage": {"收到": "received", "已联系": "in_contact", "正在转账": "money_moving", "已转账": "paid"},
}  # fmt: skip
"""Chinese words for the values of fields."""
NO_REPORTER = ":import"
"""The reporter of rows that name none: a single one, so that they draft no alert by their number."""
"""What a time without a zone is read in."""
OLDEST = datetime(2000, 1, 1, tzinfo=CHINA)
AHEAD = timedelta(minutes=5)
"""How far ahead of ours another clock may be."""


@dataclass(slots=True)
class ImportBatch:
    """The content of a file: events to publish, refused rows, and counts."""

    events: list[ReportReceived] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    repeated: int = 0
    """Rows that repeat an earlier row cell for cell; they are skipped."""
    nameless: int = 0
    """Rows that name no reporter."""

    @property
    def rows(self) -> int:
        return len(self.events) + len(self.refused) + self.repeated

    def notes(self) -> tuple[str, ...]:
        if not self.nameless:
            return ()
        return (
            f"{self.nameless} rows name no reporter and count as one person's: they raise no alert by number",
        )


def gather(rows: Iterable[TableRow | BadRow], *, district: str, secret: str, now: datetime) -> ImportBatch:
    """All ``rows`` as one batch; ``district`` is the default."""
    batch = ImportBatch()
    seen: set[str] = set()
    for row in rows:
        found = row if isinstance(row, BadRow) else report_of(row, district=district, secret=secret, now=now)
        if isinstance(found, BadRow):
            batch.refused.append(found)
        elif found.report_id in seen:
            batch.repeated += 1
        else:
            seen.add(found.report_id)
            batch.events.append(found)
            batch.nameless += isinstance(row, TableRow) and not row.cells.get("reporter")
    return batch


def report_of(row: TableRow, *, district: str, secret: str, now: datetime) -> ReportReceived | BadRow:
    """The row's event. Its id is derived from the row's cells alone: it is the same in any file."""
    cells = {name: value for name, value in row.cells.items() if value}
    report_id = derive_id("import", json.dumps(cells, sort_keys=True))
    cells.pop("id", None)
    at = _time(cells.pop("at", ""), now)
    if isinstance(at, str):
        return BadRow(row.line, at)
    fields = {name: WORDS.get(name, {}).get(value, value) for name, value in cells.items()}
    report, flaws = check(fields, district=district, reporter=NO_REPORTER, secret=secret)
    if report is None:
        return BadRow(row.line, "; ".join(f"'{x.field}': {x.en}" for x in flaws))
    return report.received(report_id, at, IMPORTED)


def _time(value: str, now: datetime) -> datetime | str:
    """The time in ``value`` (ISO 8601, slashes, 年月日), ``now`` if it is empty, or an error message."""
    if not value:
        return now
    plain = value.replace("/", "-").replace("年", "-").replace("月", "-").replace("日", " ").strip()
    try:
        at = datetime.fromisoformat(_padded(plain))
    except ValueError:
        return "'at' is no time; write it as 2025-03-08 14:30"
    at = at if at.tzinfo else at.replace(tzinfo=CHINA)
    if not OLDEST <= at <= now + AHEAD:
        return "'at' lies in the future or before 2000"
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def _padded(moment: str) -> str:
    """2025-3-8 9:05 as 2025-03-08 09:05."""
    day, _, clock = moment.replace("T", " ", 1).partition(" ")
    parts = "-".join(x.zfill(2) for x in day.split("-"))
    clock = clock.strip()
    return f"{parts} {'0' if clock[1:2] == ':' else ''}{clock}".strip()
