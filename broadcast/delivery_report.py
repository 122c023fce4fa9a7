"""An alert's ledger as people read it: a line for each group, and sums by state, channel, station or town.
Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenghuo.clock import from_ms
from fenghuo.domain.alert import Action
from fenghuo.domain.delivery import Row
from fenghuo.domain.events import SETTLED, AlertChanged, DeliveryState, Group

_RELEASES = {
    "warning": frozenset({Action.APPROVE, Action.APPROVE_UPDATE}),
    "correction": frozenset({Action.RECALL}),
}
"""The decisions that ask for deliveries of each kind."""


@dataclass(frozen=True, slots=True)
class Line:
    """One group's delivery; times are None where it has not come so far, or nobody noted it."""

    group_id: str
    name: str
    town: str
    station: str
    owner: str
    members: int
    row: Row
    requested_at: datetime | None
    waiting_at: datetime | None
    settled_at: datetime | None

    @property
    def cells(self) -> list[str]:
        """The columns of the file, as text."""
        times = (self.requested_at, self.waiting_at, self.settled_at)
        return [
            self.group_id, self.name, self.town, self.station, self.owner, self.row.channel, self.row.state,
            *(x.isoformat(timespec="seconds") if x else "" for x in times),
            self.row.cause, self.row.by, str(self.row.attempt), self.row.reason or self.row.held,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """The deliveries of one state, channel, station or town; ``states`` in the order of their size."""

    name: str
    groups: int
    residents: int
    states: dict[str, int]


def lines_of(
    ledger: Mapping[str, Row],
    groups: Mapping[str, Group],
    history: Sequence[AlertChanged],
    version: int,
    kind: str,
) -> list[Line]:
    """A line for each delivery on the ledger of ``version``, by group id."""
    asked = [
        x.alert.changed_at for x in history if x.action in _RELEASES[kind] and x.alert.version == version
    ]
    return [_line(x, ledger[x], groups.get(x), asked[-1] if asked else None) for x in sorted(ledger)]


def _line(group_id: str, row: Row, group: Group | None, asked_at: datetime | None) -> Line:
    at = from_ms(row.at_ms)
    waits = row.state is DeliveryState.WAITING
    return Line(
        group_id=group_id,
        name=group.name if group else "",
        town=group.place.town if group else "",
        station=group.station if group else "",
        owner=group.owner if group else "",
        members=group.members if group else 0,
        row=row,
        requested_at=asked_at,
        waiting_at=from_ms(row.since_ms) if row.since_ms else at if waits else None,
        settled_at=at if row.state in SETTLED else None,
    )


def parts_by(lines: Sequence[Line], by: str) -> list[Part]:
    """The sums of ``lines`` by state, channel, station or town, the largest first."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(_name(line, by), []).append(line)
    parts = [
        Part(
            name, len(mine), sum(x.members for x in mine),
            dict(Counter(str(x.row.state) for x in mine).most_common()),
        )
        for name, mine in found.items()
    ]  # fmt: skip
    return sorted(parts, key=lambda x: (-x.groups, x.name))


def _name(line: Line, by: str) -> str:
    names = {"state": line.row.state, "channel": line.row.channel, "station": line.station, "town": line.town}
    return str(names[by]) or "-"
