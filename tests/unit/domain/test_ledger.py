"""The ledger as a file: every column, in China's time, and nothing that a spreadsheet would run."""

import csv
import io

import pytest

from fenghuo.clock import to_ms
from fenghuo.domain.delivery import Row
from fenghuo.domain.events import DeliveryState
from fenghuo.domain.ledger import COLUMNS, as_csv, safe
from tests.support.builders import NOON, group

AT = to_ms(NOON)


def lines(**rows: Row) -> list[dict[str, str]]:
    groups = {"g0001": group(1, owner="o1", station="东湖所"), "g0002": group(2, name="甲,群\n二")}
    table = as_csv(rows, groups, {"o1": "王警官"}, NOON)
    return list(csv.DictReader(io.StringIO(table)))


def test_a_line_has_every_column_of_a_delivery_that_an_officer_tapped() -> None:
    row = Row(
        state=DeliveryState.SHOWN, at_ms=AT + 90_000, since_ms=AT + 30_000, attempt=2, channel="relay",
        cause="tap", by="o1",
    )  # fmt: skip
    (line,) = lines(g0001=row)
    assert tuple(line) == COLUMNS
    assert line == {
        "group_id": "g0001", "name": "第 1 群", "town": "东湖镇", "station": "东湖所", "owner": "王警官",
        "channel": "relay", "state": "shown", "requested_at": "2026-03-09T12:00:00+08:00",
        "waiting_at": "2026-03-09T12:00:30+08:00", "settled_at": "2026-03-09T12:01:30+08:00", "cause": "tap",
        "by": "王警官", "attempts": "2", "reason": "",
    }  # fmt: skip


def test_what_waits_has_a_beginning_and_no_end_and_what_is_held_says_why() -> None:
    waiting = Row(state=DeliveryState.WAITING, at_ms=AT + 1000)
    held = Row(state=DeliveryState.RETRYING, at_ms=AT + 1000, held="quiet")
    by_id = {x["group_id"]: x for x in lines(g0001=waiting, g0002=held)}
    first, second = by_id["g0001"], by_id["g0002"]
    assert (first["waiting_at"], first["settled_at"]) == ("2026-03-09T12:00:01+08:00", "")
    assert (second["waiting_at"], second["settled_at"], second["reason"]) == ("", "", "quiet")
    assert second["name"] == "甲,群\n二"


def test_a_group_that_is_gone_keeps_its_line() -> None:
    (line,) = lines(g0404=Row(state=DeliveryState.REFUSED, at_ms=AT, reason="机器人已被移除"))
    assert (line["group_id"], line["name"], line["reason"]) == ("g0404", "", "机器人已被移除")


@pytest.mark.parametrize("cell", ["=1+1", "+86", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_could_be_a_formula_is_text(cell: str) -> None:
    assert safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "东湖镇", "1=1", "2026-03-09T12:00:00+08:00"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell
