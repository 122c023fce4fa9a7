"""What a ledger tells: which groups have or may have a warning, and a table of it for a spreadsheet. Pure."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime

from fenghuo.clock import from_ms
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.delivery import Row
from fenghuo.domain.events import SETTLED, DeliveryState, Group, ReportPlace

MAY_HAVE_IT = frozenset({DeliveryState.SHOWN, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN})
"""Deliveries whose group is owed the correction of a recall; so is any of which an attempt may have left."""
COLUMNS = (
    "group_id", "name", "town", "station", "owner", "channel", "state", "requested_at", "waiting_at",
    "settled_at", "cause", "by", "attempts", "reason",
)  # fmt: skip
_NOWHERE = ReportPlace(district="")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def may_have(earlier: Mapping[int, Mapping[str, Row]]) -> dict[str, Row]:
    """Each group that has or may have one of the versions, with the row of the latest."""
    return {
        group_id: row for n in sorted(earlier) for group_id, row in earlier[n].items()
        if row.state in MAY_HAVE_IT or row.left
    }  # fmt: skip


def as_csv(
    rows: Mapping[str, Row], groups: Mapping[str, Group], names: Mapping[str, str], requested_at: datetime
) -> str:
    """The ledger with COLUMNS, by town and name; times are China's, persons are called by their ``names``.

    A cell that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for group_id, row in sorted(rows.items(), key=lambda x: _order(x[0], groups)):
        table.writerow([safe(cell) for cell in _cells(group_id, row, groups, names, requested_at)])
    return out.getvalue()


def safe(cell: str) -> str:
    """``cell`` as plain text to a spreadsheet."""
    return "'" + cell if cell.startswith(_FORMULA) else cell


def _order(group_id: str, groups: Mapping[str, Group]) -> tuple[str, str, str]:
    group = groups.get(group_id)
    return (group.place.town, group.name, group_id) if group else ("", "", group_id)


def _cells(
    group_id: str, row: Row, groups: Mapping[str, Group], names: Mapping[str, str], requested_at: datetime
) -> list[str]:
    group = groups.get(group_id) or Group(group_id=group_id, name="", place=_NOWHERE)
    waiting_ms = row.since_ms or (row.at_ms if row.state is DeliveryState.WAITING else 0)
    settled_ms = row.at_ms if row.state in SETTLED else 0
    return [
        group_id, group.name, group.place.town, group.station, names.get(group.owner, group.owner),
        row.channel, str(row.state), _told(requested_at), _at(waiting_ms), _at(settled_ms), row.cause,
        names.get(row.by, row.by), str(row.attempt), row.reason or row.held,
    ]  # fmt: skip


def _at(ms: int) -> str:
    return _told(from_ms(ms)) if ms else ""


def _told(moment: datetime) -> str:
    return moment.astimezone(CHINA).isoformat(timespec="seconds")
