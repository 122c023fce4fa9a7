"""What waits for whose tap, what they have sent already, and what they must not send any more.

One answer from the desk serves every viewer for a second; each one's own part is picked from it in memory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from console.web.dependencies import Dependencies
from fenghuo.clock import from_ms, now, to_ms
from fenghuo.domain import events as e
from fenghuo.domain import warning_text
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.taps import OPEN_TO_TAP, Level, level_for

FRESH_S = 1.0
RECALL_KEPT = timedelta(days=7)
STOPPED_KEPT = timedelta(days=1)
"""How long a recalled warning is still named, for whoever had sent it already."""
DONE_SHOWN = 100
_ORDER: dict[Level, int] = {"owner": 0, "deputy": 1, "station": 2}
_STOPPED = OPEN_TO_TAP - {e.DeliveryState.WAITING}


class TodoGroup(msgspec.Struct, frozen=True, kw_only=True):
    group_id: str
    name: str
    level: Level
    members: int
    owner: str
    """The owner's name, where the viewer stands in."""
    opened: bool
    """Whether it is the viewer's to send now: a duty account sees groups before they are."""


class TodoItem(msgspec.Struct, frozen=True, kw_only=True):
    """One text, and the viewer's groups that wait for it; ``since_ms``: the longest."""

    alert_id: AlertId
    version: int
    kind: e.Kind
    title: str
    text: str
    severity: str
    since_ms: int
    groups: tuple[TodoGroup, ...]

    @property
    def mine(self) -> list[TodoGroup]:
        return [g for g in self.groups if g.opened]

    @property
    def later(self) -> list[TodoGroup]:
        return [g for g in self.groups if not g.opened]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A tap that counted; ``undo_until_ms`` 0 where the viewer cannot take it back."""

    alert_id: AlertId
    version: int
    kind: e.Kind
    title: str
    group_id: str
    name: str
    by: str
    by_name: str
    at_ms: int
    undo_until_ms: int


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A warning that was recalled before the viewer said to have sent it to ``groups``."""

    alert_id: AlertId
    version: int
    kind: e.Kind
    title: str
    recalled_ms: int
    groups: tuple[TodoGroup, ...]


class Worklist(msgspec.Struct, frozen=True, kw_only=True):
    """One viewer's to-do."""

    todos: tuple[TodoItem, ...]
    done: tuple[Done, ...]
    stopped: tuple[Stopped, ...]

    @property
    def waiting(self) -> int:
        """How many taps are asked of the viewer now."""
        return sum(len(todo.mine) for todo in self.todos)


@dataclass(frozen=True, slots=True)
class Released:
    """A release with its deliveries; ``asked`` False: it was recalled, and ``at_ms`` says when."""

    release: e.Release
    kind: e.Kind
    asked: bool
    at_ms: int
    rows: Mapping[str, LedgerRow]
    escalated: Mapping[str, Mapping[str, int]]

    @property
    def severity(self) -> str:
        return "severe" if self.kind == "correction" else self.release.severity


@dataclass(frozen=True, slots=True)
class DistrictWorklist:
    """Everything that waits in the district, and whose each group is."""

    released: Sequence[Released]
    groups: Mapping[str, e.Group]
    people: Mapping[str, e.Person]
    by_person: Mapping[str, Sequence[str]]
    by_station: Mapping[tuple[str, str], Sequence[str]]

    def groups_of(self, person: e.Person) -> Iterator[e.Group]:
        """Each group that ``person`` may tap for, once."""
        ids = dict.fromkeys(self.by_person.get(person.person_id, ()))
        if person.duty and person.station:
            ids |= dict.fromkeys(self.by_station.get((person.district, person.station), ()))
        return (self.groups[group_id] for group_id in ids)


async def book(house: Dependencies, fresh_s: float = FRESH_S) -> DistrictWorklist:
    """The book, at most ``fresh_s`` old."""
    return await house.shared.get("todo", lambda: _load(house), fresh_s)


async def _load(house: Dependencies) -> DistrictWorklist:
    at, desk = now(), house.desk
    groups, people = await house.groups(), await house.people()
    released: list[Released] = []
    for alert_id, version, kind in await desk.releases.current(at - RECALL_KEPT):
        release = await desk.releases.get(alert_id, version)
        if release is None or (kind == "warning" and at >= release.expires_at):
            continue
        released.append(await _released(house, release, kind))
        if kind == "correction":
            alert = await desk.alerts.get(alert_id)
            if alert is not None and at - alert.changed_at < STOPPED_KEPT:
                released.append(await _released(house, release, "warning", to_ms(alert.changed_at)))
    by_person: dict[str, list[str]] = {}
    by_station: dict[tuple[str, str], list[str]] = {}
    for group_id, group in groups.items():
        for person_id in {group.owner, group.deputy} - {""}:
            by_person.setdefault(person_id, []).append(group_id)
        by_station.setdefault((group.place.district, group.station), []).append(group_id)
    return DistrictWorklist(released, groups, people, by_person, by_station)


async def _released(
    house: Dependencies, release: e.Release, kind: e.Kind, recalled_ms: int | None = None
) -> Released:
    rows = await house.desk.deliveries.ledger(release.alert_id, release.version, kind)
    escalated = await house.desk.notices.escalated(release.alert_id, release.version, kind) if rows else {}
    asked = recalled_ms is None
    return Released(release, kind, asked, recalled_ms or 0, rows, escalated)


def view_of(found: DistrictWorklist, person: e.Person, at: datetime, undo_s: float) -> Worklist:
    """What ``person`` sees at ``at``: corrections first, then the severe, then what waits longest. Pure."""
    mine = list(found.groups_of(person))
    todos: list[TodoItem] = []
    done: list[Done] = []
    stopped: list[Stopped] = []
    for released in found.released:
        every = ((group, released.rows.get(group.group_id)) for group in mine)
        rows = [(group, row) for group, row in every if row is not None and row.channel in TAPPED_HERE]
        if released.asked:
            todos += _todo(found, person, released, rows)
            done += _done(found, released, rows)
        else:
            stopped += _stopped(found, person, released, rows)
    todos.sort(key=lambda x: (not x.mine, x.kind != "correction", x.severity != "severe", x.since_ms))
    done.sort(key=lambda x: (-x.at_ms, x.name))
    latest = tuple(_undoable(x, person, undo_s, to_ms(at)) for x in done[:DONE_SHOWN])
    return Worklist(todos=tuple(todos), done=latest, stopped=tuple(stopped))


Rows = Sequence[tuple[e.Group, LedgerRow]]


def _todo(found: DistrictWorklist, person: e.Person, released: Released, rows: Rows) -> list[TodoItem]:
    waiting = [(group, row) for group, row in rows if row.state is e.DeliveryState.WAITING]
    shown = _as_shown(found, person, released, [group for group, _ in waiting])
    if not shown:
        return []
    opened = {g.group_id for g in shown if g.opened} or {g.group_id for g in shown}
    since_ms = min(row.since_ms or row.at_ms for group, row in waiting if group.group_id in opened)
    release = released.release
    return [
        TodoItem(
            alert_id=release.alert_id, version=release.version, kind=released.kind, title=release.title,
            text=warning_text.as_sent(release, released.kind), severity=released.severity, since_ms=since_ms,
            groups=tuple(shown),
        )
    ]  # fmt: skip


def _as_shown(
    found: DistrictWorklist, person: e.Person, released: Released, groups: Sequence[e.Group]
) -> list[TodoGroup]:
    """The groups that are open to ``person``: their own, then those they stand in for, then the station's."""
    shown = []
    for group in groups:
        levels = released.escalated.get(group.group_id, {})
        level = level_for(person, group, levels, found.people)
        if level is None:
            continue
        owner = found.people.get(group.owner)
        shown.append(
            TodoGroup(
                group_id=group.group_id, name=group.name, level=level, members=group.members,
                owner="" if level == "owner" or owner is None else owner.name,
                opened=level != "station" or "station" in levels or owner is None,
            )
        )  # fmt: skip
    return sorted(shown, key=lambda g: (not g.opened, _ORDER[g.level], natural_sort_key(g.name)))


def _done(found: DistrictWorklist, released: Released, rows: Rows) -> Iterator[Done]:
    for group, row in rows:
        if row.state is e.DeliveryState.SHOWN and row.cause == "tap":
            by = found.people.get(row.by)
            yield Done(
                alert_id=released.release.alert_id, version=released.release.version, kind=released.kind,
                title=released.release.title, group_id=group.group_id, name=group.name, by=row.by,
                by_name=by.name if by else row.by, at_ms=row.at_ms, undo_until_ms=0,
            )  # fmt: skip


def _undoable(done: Done, person: e.Person, undo_s: float, at_ms: int) -> Done:
    """With the time until which ``person`` may take it back, if that is theirs and has not passed."""
    until_ms = done.at_ms + int(undo_s * 1000)
    mine = done.by == person.person_id and until_ms > at_ms
    return msgspec.structs.replace(done, undo_until_ms=until_ms) if mine else done


def _stopped(found: DistrictWorklist, person: e.Person, released: Released, rows: Rows) -> list[Stopped]:
    groups = [group for group, row in rows if row.state in _STOPPED]
    shown = [g for g in _as_shown(found, person, released, groups) if g.opened]
    if not shown:
        return []
    release = released.release
    return [
        Stopped(
            alert_id=release.alert_id, version=release.version, kind=released.kind, title=release.title,
            recalled_ms=released.at_ms, groups=tuple(shown),
        )
    ]  # fmt: skip


def natural_sort_key(name: str) -> list[str | int]:
    """A key that sorts names as people count: 7 群 before 12 群. Pure."""
    return [int(x) if n % 2 else x for n, x in enumerate(re.split(r"([0-9]+)", name))]


def clamp_tap_time(tapped_at_ms: int, at: datetime, released_at: datetime) -> datetime:
    """When a tap was made, by the device's word as far as it can be true: between the release and ``at``, and
    within the last day; else ``at``. Pure."""
    at_ms = to_ms(at)
    if not at_ms - 86_400_000 <= tapped_at_ms <= at_ms:
        return at
    return max(from_ms(tapped_at_ms), released_at)
