"""What a ledger says: which groups have or may have a warning, a line for each group, and the lines as a
file."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenghuo.clock import from_ms
from fenghuo.domain.alert import Action
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, LedgerRow
from fenghuo.domain.events import SETTLED, AlertChanged, DeliveryState, Group

COLUMNS = (
    "group_id", "name", "town", "station", "owner", "channel", "state", "requested_at", "waiting_at",
    "settled_at", "cause", "by", "attempts", "reason",
)  # fmt: skip
_RELEASES = {
    "warning": frozenset({Action.APPROVE, Action.APPROVE_UPDATE}),
    "correction": frozenset({Action.RECALL}),
}
"""The decisions that request deliveries of each kind."""
_FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n")
"""Characters with which a cell begins that a spreadsheet takes for a formula, full-width ones too."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One group's delivery. ``owner`` is a person's id. A time is None where the delivery has not come so
    far, or where nobody noted it."""

    group_id: str
    name: str
    town: str
    station: str
    owner: str
    members: int
    row: LedgerRow
    requested_at: datetime | None
    waiting_at: datetime | None
    settled_at: datetime | None


def may_have(earlier: Mapping[int, Mapping[str, LedgerRow]]) -> dict[str, LedgerRow]:
    """Each group that has or may have one of the versions, with the row of the latest."""
    return {
        group_id: row for n in sorted(earlier) for group_id, row in earlier[n].items()
        if row.state in MAY_HAVE_ARRIVED or row.may_have_arrived
    }  # fmt: skip


def ledger_lines(
    rows: Mapping[str, LedgerRow],
    groups: Mapping[str, Group],
    history: Sequence[AlertChanged],
    version: int,
    kind: str,
) -> list[LedgerLine]:
    """A line for each delivery on the ledger of ``version``, by group id. ``history``: the alert's
    changes."""
    requested = [
        x.alert.changed_at for x in history if x.action in _RELEASES[kind] and x.alert.version == version
    ]
    return [_line(x, rows[x], groups.get(x), requested[-1] if requested else None) for x in sorted(rows)]


def _line(group_id: str, row: LedgerRow, group: Group | None, requested_at: datetime | None) -> LedgerLine:
    waiting_ms = row.since_ms or (row.at_ms if row.state is DeliveryState.WAITING else 0)
    return LedgerLine(
        group_id=group_id,
        name=group.name if group else "",
        town=group.place.town if group else "",
        station=group.station if group else "",
        owner=group.owner if group else "",
        members=group.members if group else 0,
        row=row,
        requested_at=requested_at,
        waiting_at=from_ms(waiting_ms) if waiting_ms else None,
        settled_at=from_ms(row.at_ms) if row.state in SETTLED else None,
    )


def people_of(lines: Iterable[LedgerLine]) -> set[str]:
    """Ids of the persons on the lines, whose names the file shows."""
    return {person_id for line in lines for person_id in (line.owner, line.row.by) if person_id}


def csv_file(lines: Collection[LedgerLine], names: Mapping[str, str]) -> bytes:
    """The lines as a CSV file with COLUMNS, by town and name: UTF-8 with a byte order mark, China's time with
    its offset, persons by their ``names``, and no cell that a spreadsheet would run as a formula."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for line in sorted(lines, key=lambda x: (x.town, x.name, x.group_id)):
        table.writerow([safe(cell) for cell in _cells(line, names)])
    return out.getvalue().encode("utf-8-sig")


def safe(cell: str) -> str:
    """``cell`` as plain text to a spreadsheet: with an apostrophe in front where it could be a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell


def _cells(line: LedgerLine, names: Mapping[str, str]) -> list[str]:
    row = line.row
    return [
        line.group_id, line.name, line.town, line.station, names.get(line.owner, line.owner), row.channel,
        str(row.state), _time(line.requested_at), _time(line.waiting_at), _time(line.settled_at), row.cause,
        names.get(row.by, row.by), str(row.attempt), row.reason or row.held,
    ]  # fmt: skip


def _time(moment: datetime | None) -> str:
    return moment.astimezone(CHINA).isoformat(timespec="seconds") if moment else ""
