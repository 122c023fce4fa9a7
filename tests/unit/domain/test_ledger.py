"""The ledger as a file: every column, in China's time, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from fenghuo.clock import to_ms
from fenghuo.domain.alert import Action, Role
from fenghuo.domain.alert_lifecycle import decide
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import AlertChanged, DeliveryState
from fenghuo.domain.ledger import COLUMNS, csv_file, ledger_lines, people_of, safe
from tests.support.builders import NOON, draft, group

AT = to_ms(NOON)


def changed(action: Action, at: datetime, *, version: int = 1) -> AlertChanged:
    alert = replace(decide(None, draft(), findings=(), reach=(0, 0)), changed_at=at, version=version)
    return AlertChanged(
        event_id=f"{action}{version}", at=at, alert=alert, decision_id="d", action=action, actor="boss",
        role=Role.APPROVER,
    )  # fmt: skip


RELEASED = [changed(Action.APPROVE, NOON)]


def lines(**rows: LedgerRow) -> list[dict[str, str]]:
    groups = {"g0001": group(1, owner="o1", station="东湖所"), "g0002": group(2, name="甲,群\n二")}
    table = csv_file(ledger_lines(rows, groups, RELEASED, 1, "warning"), {"o1": "王警官"})
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))


def test_a_line_has_every_column_of_a_delivery_that_an_officer_tapped() -> None:
    row = LedgerRow(
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
    waiting = LedgerRow(state=DeliveryState.WAITING, at_ms=AT + 1000)
    held = LedgerRow(state=DeliveryState.RETRYING, at_ms=AT + 1000, held="quiet")
    by_id = {x["group_id"]: x for x in lines(g0001=waiting, g0002=held)}
    first, second = by_id["g0001"], by_id["g0002"]
    assert (first["waiting_at"], first["settled_at"]) == ("2026-03-09T12:00:01+08:00", "")
    assert (second["waiting_at"], second["settled_at"], second["reason"]) == ("", "", "quiet")
    assert second["name"] == "甲,群\n二"


def test_a_group_that_is_gone_keeps_its_line() -> None:
    (line,) = lines(g0404=LedgerRow(state=DeliveryState.REFUSED, at_ms=AT, reason="机器人已被移除"))
    assert (line["group_id"], line["name"], line["reason"]) == ("g0404", "", "机器人已被移除")


def test_the_file_is_for_spreadsheets_and_in_the_order_of_towns_and_names() -> None:
    groups = {f"g{n}": group(n, name=name) for n, name in enumerate(("乙", "甲", "丙"))}
    rows = dict.fromkeys(groups, LedgerRow(state=DeliveryState.SHOWN, at_ms=AT))
    found = ledger_lines(rows, groups, RELEASED, 1, "warning")
    table = csv_file(found, {})
    assert table.startswith(b"\xef\xbb\xbfgroup_id,name,")
    assert [x.split(",")[1] for x in table.decode("utf-8-sig").splitlines()[1:]] == ["丙", "乙", "甲"]
    assert csv_file(list(reversed(found)), {}) == table


def test_a_line_has_the_time_of_the_release_of_its_own_version_and_kind() -> None:
    rows = {"g0001": LedgerRow(state=DeliveryState.WAITING, at_ms=AT)}
    history = [
        *RELEASED, changed(Action.EDIT, NOON + timedelta(minutes=1)),
        changed(Action.APPROVE_UPDATE, NOON + timedelta(minutes=2), version=2),
        changed(Action.RECALL, NOON + timedelta(minutes=3), version=2),
    ]  # fmt: skip
    asked = [(1, "warning"), (2, "warning"), (2, "correction"), (1, "correction")]
    times = [ledger_lines(rows, {}, history, n, kind)[0].requested_at for n, kind in asked]
    assert times == [NOON, NOON + timedelta(minutes=2), NOON + timedelta(minutes=3), None]


def test_the_people_of_the_lines_are_owners_and_those_who_tapped() -> None:
    shown = LedgerRow(state=DeliveryState.SHOWN, at_ms=AT)
    rows = {"g0001": replace(shown, by="o2"), "g0002": shown}
    groups = {"g0001": group(1, owner="o1")}
    assert people_of(ledger_lines(rows, groups, RELEASED, 1, "warning")) == {"o1", "o2"}


@pytest.mark.parametrize(
    "cell", ["=1+1", "＝1+1", "＋86", "－1", "＠x", "+86", "-1", "@x", "\t=1", "\r=1", "\n=1"]
)
def test_a_cell_that_could_be_a_formula_is_text(cell: str) -> None:
    assert safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "东湖镇", "1=1", "2026-03-09T12:00:00+08:00"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell
