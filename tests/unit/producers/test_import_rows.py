"""Rows of a table as reports: ids, words, times, repeats."""

from datetime import UTC, datetime, timedelta

import pytest

from fenghuo.domain import events as e
from fenghuo.domain.calendar import CHINA
from fenghuo.spreadsheets.tables import BadRow, TableRow
from producers.import_rows import COLUMNS, gather, report_of

SECRET = "s" * 32
NOW = datetime(2025, 3, 8, 6, 30, tzinfo=UTC)


def row(**cells: str) -> TableRow:
    return TableRow(7, {name: cells.get(name, "") for name in COLUMNS})


def taken(**cells: str) -> e.ReportReceived:
    event = report_of(row(**({"text": "转账"} | cells)), district="示范区", secret=SECRET, now=NOW)
    assert isinstance(event, e.ReportReceived), event
    return event


def test_a_row_keeps_its_id_whatever_stands_beside_it() -> None:
    again = report_of(row(text="转账"), district="他区", secret=SECRET, now=NOW + timedelta(days=1))
    assert isinstance(again, e.ReportReceived)
    assert again.report_id == taken().report_id and again.event_id == taken().event_id
    assert again.place.district == "他区"


def test_rows_of_the_same_id_with_other_cells_are_two_reports() -> None:
    assert taken(id="1").report_id != taken(id="1", text="另一条").report_id


def test_rows_without_a_reporter_are_one_persons() -> None:
    assert taken().reporter == taken(text="另一条").reporter
    assert taken().reporter != taken(reporter="x").reporter


def test_chinese_words_stand_for_values() -> None:
    event = taken(stage="正在转账", reporter_kind="民警")
    assert (event.stage, event.reporter_kind) == (e.ScamStage.MONEY_MOVING, e.ReporterKind.OFFICER)


@pytest.mark.parametrize(
    "moment",
    ["2025-03-08 09:05", "2025/3/8 9:05", "2025年3月8日 9:05", "2025-03-08T01:05:00Z", "20250308T0905"],
)
def test_times_are_read_as_people_write_them(moment: str) -> None:
    assert taken(at=moment).at == datetime(2025, 3, 8, 9, 5, tzinfo=CHINA)


@pytest.mark.parametrize(
    "moment", ["昨天", "2025-13-01", "2025-03-09", "1999-01-01", "0001-01-01", "2025-3-8 25:00"]
)
def test_times_that_are_none_are_refused(moment: str) -> None:
    found = report_of(row(text="x", at=moment), district="d", secret=SECRET, now=NOW)
    assert isinstance(found, BadRow) and found.line == 7 and "'at'" in found.reason


def test_repeated_rows_are_one_report_and_are_counted() -> None:
    batch = gather(
        [row(text="a"), row(text="a"), BadRow(9, "x"), row(text="")], district="d", secret=SECRET, now=NOW
    )
    assert (len(batch.events), batch.repeated, len(batch.refused), batch.rows) == (1, 1, 2, 4)
    assert batch.notes()[0].startswith("1 rows name no reporter")
