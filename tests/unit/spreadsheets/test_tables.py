"""fenghuo.tables: what people bring is read, and what is wrong with it is told."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from fenghuo.errors import Refused
from fenghuo.spreadsheets import tables, xlsx
from fenghuo.spreadsheets.tables import BadRow, TableRow, read_rows, unknown

COLUMNS = {"text": True, "town": False, "at": False}
ALIASES = {"内容": "text", "镇街": "town", "时间": "at"}
Bring = Callable[..., Path]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    def write(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def read(path: Path, **options: object) -> list[TableRow | BadRow]:
    return list(read_rows(path, COLUMNS, ALIASES, **options))  # type: ignore[arg-type]


def cells(text: str, town: str = "", at: str = "") -> dict[str, str]:
    return {"text": text, "town": town, "at": at}


def book(path: Path, *rows: tuple[object, ...], more: tuple[str, ...] = ()) -> Path:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for name in more:
        made.create_sheet(name)
    made.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "notes"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("gbk", ("read as GB18030 (GBK)",)),
        ("gb18030", ("read as GB18030 (GBK)",)),
        ("utf-16", ("read as UTF-16",)),
    ],
)
def test_encoding_is_found_and_told(bring: Bring, encoding: str, notes: tuple[str, ...]) -> None:
    table = read_rows(bring("a.csv", "内容,镇街\n法人信息到期,东关\n", encoding), COLUMNS, ALIASES)
    assert list(table) == [TableRow(2, cells("法人信息到期", "东关"))]
    assert table.notes == notes


@pytest.mark.parametrize(("encoding", "good"), [("utf-8", "UTF-8"), ("gbk", "GB18030 (GBK)")])
def test_broken_bytes_cost_their_row_only(bring: Bring, encoding: str, good: str) -> None:
    rows = "内容,镇街\n".encode(encoding) + "法人信息到期,东关\n".encode(encoding) * 100
    table = read_rows(bring("a.csv", rows + b"\xff\xff,x\n"), COLUMNS, ALIASES)
    found = list(table)
    assert found[:100] == [TableRow(n, cells("法人信息到期", "东关")) for n in range(2, 102)]
    assert isinstance(found[100], BadRow) and "encoding" in found[100].reason
    assert table.notes[0].startswith(f"read as {good} with broken bytes")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiter_is_sniffed_from_the_header(bring: Bring, mark: str) -> None:
    text = f'内容{mark}镇街\n"转账，立即;马上,点击"{mark}东关\n'
    assert read(bring("a.csv", text)) == [TableRow(2, cells("转账，立即;马上,点击", "东关"))]


def test_text_over_several_lines_keeps_its_first_line_number(bring: Bring) -> None:
    found = read(bring("a.csv", '内容\n"一\n二"\n三\n'))
    assert found == [TableRow(2, cells("一\n二")), TableRow(4, cells("三"))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read(bring: Bring, end: str) -> None:
    assert [x.line for x in read(bring("a.csv", end.join(["内容", "一", "", "二", ""])))] == [2, 4]


def test_header_may_be_full_width_and_in_capitals(bring: Bring) -> None:
    assert read(bring("a.csv", "Ｔｅｘｔ, TOWN \nx,y\n")) == [TableRow(2, cells("x", "y"))]


def test_unknown_column_is_refused_with_the_nearest(bring: Bring) -> None:
    with pytest.raises(
        Refused, match=r"^unknown column 'txet'; did you mean 'text'\? known: text, town, at$"
    ):
        read_rows(bring("a.csv", "txet\nx\n"), COLUMNS, ALIASES)


def test_unknown_name_far_from_all_gets_no_guess() -> None:
    assert unknown("field", "zzz", ["text"]) == "unknown field 'zzz'; known: text"


def test_column_to_ignore_is_skipped(bring: Bring) -> None:
    assert read(bring("a.csv", "内容,备注\nx,y\n"), ignored=["备注"]) == [TableRow(2, cells("x"))]


def test_missing_required_column_is_refused_with_its_other_names(bring: Bring) -> None:
    with pytest.raises(Refused, match=r"there is no column 'text' \(or 内容\); the header has: 镇街"):
        read_rows(bring("a.csv", "镇街\nx\n"), COLUMNS, ALIASES)


def test_column_that_stands_twice_is_refused(bring: Bring) -> None:
    with pytest.raises(Refused, match="'text' stands twice"):
        read_rows(bring("a.csv", "内容,text\nx,y\n"), COLUMNS, ALIASES)


def test_bad_rows_are_told_and_the_others_go_on(bring: Bring) -> None:
    long = "x" * (tables.MAX_CELL + 1)
    found = read(bring("a.csv", f'内容,镇街\n,东关\n{long},\na,b,c\n"a"b,c\nok,\n'))
    assert [x.line for x in found] == [2, 3, 4, 5, 6]
    reasons = [x.reason for x in found if isinstance(x, BadRow)]
    assert reasons[0] == "'text' is empty"
    assert reasons[1] == "'text' has 10,001 characters, at most 10,000"
    assert "cell 3 stands under no header" in reasons[2]
    assert "not readable as CSV" in reasons[3]
    assert found[4] == TableRow(6, cells("ok"))


def test_open_quote_is_told(bring: Bring) -> None:
    found = read(bring("a.csv", '内容\nok\n"open\nlost\n'))
    assert found[0] == TableRow(2, cells("ok"))
    assert isinstance(found[1], BadRow) and "a quote is opened" in found[1].reason


def test_reasons_hold_no_cell_text(bring: Bring) -> None:
    lines = [
        {"text": "13800001111", "town": ["x"]},
        {"text": "秘密" * 9_000},
        {"text": "a", "镇街": "b" * 10_001},
    ]
    found = read(bring("a.jsonl", "".join(json.dumps(x) + "\n" for x in lines) + "{13800001111"))
    assert [type(x) for x in found] == [BadRow] * 4
    assert not any("13800001111" in str(x) or "秘密" in str(x) for x in found)


def test_json_lines_are_checked_one_by_one(bring: Bring) -> None:
    lines = [
        '{"text":"a","town":5,"at":null}',
        "",
        "{bad",
        "[1]",
        '{"txet":1}',
        '{"text":""}',
        '{"内容":"b"}',
    ]
    found = read(bring("a.jsonl", "\n".join(lines)))
    assert found[0] == TableRow(1, cells("a", "5"))
    assert [x.line for x in found] == [1, 3, 4, 5, 6, 7]
    assert [type(x) for x in found] == [TableRow, BadRow, BadRow, BadRow, BadRow, TableRow]


def test_json_lines_with_an_unknown_field_at_once_are_refused(bring: Bring) -> None:
    with pytest.raises(Refused, match="unknown column 'txet'"):
        read_rows(bring("a.jsonl", '{"txet": "x"}'), COLUMNS, ALIASES)


def test_json_nested_without_end_is_a_bad_row(bring: Bring) -> None:
    assert [type(x) for x in read(bring("a.jsonl", "[" * 100_000))] == [BadRow]


def test_workbook_gives_numbers_and_times_as_text(tmp_path: Path) -> None:
    moment = datetime(2025, 3, 8, 14, 30)
    path = book(
        tmp_path / "a.xlsx", ("内容", "镇街", "时间"), ("x", 13800001111, moment), (None,), ("y", 1.5, None)
    )
    assert read(path) == [
        TableRow(2, cells("x", "13800001111", "2025-03-08T14:30:00")),
        TableRow(4, cells("y", "1.5")),
    ]


def test_workbook_of_several_sheets_tells_which_one_was_read(tmp_path: Path) -> None:
    table = read_rows(book(tmp_path / "a.xlsx", ("内容",), ("x",), more=("二",)), COLUMNS, ALIASES)
    assert table.notes == ("read the sheet 'Sheet', the first of 2",)
    assert len(list(table)) == 1


def test_workbook_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ("内容",), *((f"行{n}",) for n in range(200)))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(Refused, match="no readable Excel workbook"):
        read(path)


def test_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(Refused, match="unpacks to"):
        read(book(tmp_path / "a.xlsx", ("内容",), ("x",)))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n \n", "the table is empty"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary file"),
        ("a.csv", bytes(range(1, 256)) * 20, "neither UTF-8 nor GB18030"),
        ("a.csv", b"PK\x03\x04xxxx", "is an Excel workbook"),
        ("a.xlsx", b"PK\x03\x04xxxx", "no readable Excel workbook"),
        ("a.xlsx", b"text,town\n", "is no Excel workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0xxxx", "old .xls or has a password"),
        ("a.txt", b"text\nx\n", "a table ends in .csv"),
    ],
)
def test_files_that_are_no_table_are_refused(bring: Bring, name: str, content: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says):
        read_rows(bring(name, content), COLUMNS, ALIASES)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        read_rows(tmp_path / "a.csv", COLUMNS)


def test_too_many_rows_are_refused(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    with pytest.raises(Refused, match="more than 2 rows"):
        read(bring("a.csv", "内容\na\nb\nc\n"))


def test_too_big_a_file_is_refused_unread(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_FILE_BYTES", 5)
    with pytest.raises(Refused, match="at most 5"):
        read(bring("a.csv", "内容\na\n"))


def test_header_alone_gives_no_rows(bring: Bring) -> None:
    assert read(bring("a.csv", "内容\n")) == []
