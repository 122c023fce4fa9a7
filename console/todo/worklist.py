"""Worklists of officers: which texts wait for their tap, what they have sent, what must not be sent any more.

The district's worklist is loaded once for all viewers; each viewer's own part is selected in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from console.web.dependencies import Dependencies
from console.web.sorting import natural_sort_key
from fenghuo.clock import now, to_ms
from fenghuo.domain import events as e
from fenghuo.domain import warning_text
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import TAPPED_HERE
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.taps import OPEN_TO_TAP, Level, level_for

FRESH_S = 1.0
LOOK_BACK = timedelta(days=7)
"""Age of the oldest release whose deliveries may still wait."""
STOPPED_SHOWN = timedelta(days=1)
"""How long a recalled warning stays on the list of officers who may have sent it already."""
DONE_SHOWN = 100
_LEVEL_ORDER: dict[Level, int] = {"owner": 0, "deputy": 1, "station": 2}
_MAY_BE_SENT = OPEN_TO_TAP - {e.DeliveryState.WAITING}


class TodoGroup(msgspec.Struct, frozen=True, kw_only=True):
    group_id: str
    name: str
    level: Level
    members: int
    owner: str
    """The owner's name, if the viewer stands in for the owner."""
    opened: bool
    """Whether the viewer should send now; a duty account sees groups before they are escalated to it."""


class TodoItem(msgspec.Struct, frozen=True, kw_only=True):
    """One text and the viewer's groups that wait for it; ``since_ms``: since when the first of them waits."""

    alert_id: AlertId
    version: int
    kind: e.TextKind
    title: str
    text: str
    severity: str
    since_ms: int
    groups: tuple[TodoGroup, ...]

    @property
    def open_groups(self) -> list[TodoGroup]:
        return [g for g in self.groups if g.opened]

    @property
    def later_groups(self) -> list[TodoGroup]:
        return [g for g in self.groups if not g.opened]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A tap that was counted; ``undo_until_ms`` is 0 if the viewer cannot undo it."""

    alert_id: AlertId
    version: int
    kind: e.TextKind
    title: str
    group_id: str
    name: str
    by: str
    by_name: str
    at_ms: int
    undo_until_ms: int


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """A warning that was recalled before the viewer tapped for ``groups``."""

    alert_id: AlertId
    version: int
    kind: e.TextKind
    title: str
    recalled_ms: int
    groups: tuple[TodoGroup, ...]


class Worklist(msgspec.Struct, frozen=True, kw_only=True):
    """One viewer's to-do list."""

    todos: tuple[TodoItem, ...]
    done: tuple[Done, ...]
    stopped: tuple[Stopped, ...]

    @property
    def pending_count(self) -> int:
        """Number of taps that the viewer should make now."""
        return sum(len(todo.open_groups) for todo in self.todos)


@dataclass(frozen=True, slots=True)
class ReleaseDeliveries:
    """A release with its ledger rows."""

    release: e.Release
    kind: e.TextKind
    recalled_ms: int | None
    """When a warning was recalled; None while groups should get the text."""
    rows: Mapping[str, LedgerRow]
    escalated: Mapping[str, Mapping[str, int]]

    @property
    def is_recalled(self) -> bool:
        return self.recalled_ms is not None

    @property
    def severity(self) -> str:
        return "severe" if self.kind == "correction" else self.release.severity


@dataclass(frozen=True, slots=True)
class DistrictWorklist:
    """The releases whose deliveries may wait for a tap, and who may tap for each group."""

    releases: Sequence[ReleaseDeliveries]
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


async def district_worklist(deps: Dependencies, fresh_s: float = FRESH_S) -> DistrictWorklist:
    """The district's worklist, at most ``fresh_s`` old."""
    return await deps.cache.get_or_load("todo", lambda: _load(deps), fresh_s)


async def _load(deps: Dependencies) -> DistrictWorklist:
    groups, people = await deps.groups(), await deps.people()
    by_person: dict[str, list[str]] = {}
    by_station: dict[tuple[str, str], list[str]] = {}
    for group_id, group in groups.items():
        for person_id in {group.owner, group.deputy} - {""}:
            by_person.setdefault(person_id, []).append(group_id)
        by_station.setdefault((group.place.district, group.station), []).append(group_id)
    return DistrictWorklist(await _load_releases(deps), groups, people, by_person, by_station)


async def _load_releases(deps: Dependencies) -> list[ReleaseDeliveries]:
    at, desk = now(), deps.desk
    found: list[ReleaseDeliveries] = []
    for alert_id, version, kind in await desk.releases.current(at - LOOK_BACK):
        release = await desk.releases.get(alert_id, version)
        if release is None or (kind == "warning" and at >= release.expires_at):
            continue
        found.append(await _with_rows(deps, release, kind))
        if kind == "correction":
            alert = await desk.alerts.get(alert_id)
            if alert is not None and at - alert.changed_at < STOPPED_SHOWN:
                found.append(await _with_rows(deps, release, "warning", to_ms(alert.changed_at)))
    return found


async def _with_rows(
    deps: Dependencies, release: e.Release, kind: e.TextKind, recalled_ms: int | None = None
) -> ReleaseDeliveries:
    rows = await deps.desk.deliveries.ledger(release.alert_id, release.version, kind)
    escalated = await deps.desk.notices.escalated(release.alert_id, release.version, kind) if rows else {}
    return ReleaseDeliveries(release, kind, recalled_ms, rows, escalated)


def worklist_for(district: DistrictWorklist, person: e.Person, at: datetime, undo_s: float) -> Worklist:
    """The worklist of ``person``: corrections first, then severe warnings, then by waiting time. Pure."""
    own = list(district.groups_of(person))
    todos: list[TodoItem] = []
    done: list[Done] = []
    stopped: list[Stopped] = []
    for deliveries in district.releases:
        found = ((group, deliveries.rows.get(group.group_id)) for group in own)
        rows = [(group, row) for group, row in found if row is not None and row.channel in TAPPED_HERE]
        if deliveries.is_recalled:
            stopped += _stopped(district, person, deliveries, rows)
        else:
            todos += _todo(district, person, deliveries, rows)
            done += _done(district, deliveries, rows)
    todos.sort(key=lambda x: (not x.open_groups, x.kind != "correction", x.severity != "severe", x.since_ms))
    done.sort(key=lambda x: (-x.at_ms, x.name))
    latest = tuple(_with_undo(x, person, undo_s, to_ms(at)) for x in done[:DONE_SHOWN])
    return Worklist(todos=tuple(todos), done=latest, stopped=tuple(stopped))


Rows = Sequence[tuple[e.Group, LedgerRow]]


def _todo(
    district: DistrictWorklist, person: e.Person, deliveries: ReleaseDeliveries, rows: Rows
) -> list[TodoItem]:
    waiting = [(group, row) for group, row in rows if row.state is e.DeliveryState.WAITING]
    shown = _visible_groups(district, person, deliveries, [group for group, _ in waiting])
    if not shown:
        return []
    counted = {g.group_id for g in shown if g.opened} or {g.group_id for g in shown}
    since_ms = min(row.since_ms or row.at_ms for group, row in waiting if group.group_id in counted)
    release = deliveries.release
    return [
        TodoItem(
            alert_id=release.alert_id, version=release.version, kind=deliveries.kind, title=release.title,
            text=warning_text.as_sent(release, deliveries.kind), severity=deliveries.severity,
            since_ms=since_ms, groups=tuple(shown),
        )
    ]  # fmt: skip


def _visible_groups(
    district: DistrictWorklist,
    person: e.Person,
    deliveries: ReleaseDeliveries,
    groups: Sequence[e.Group],
) -> list[TodoGroup]:
    """Those of ``groups`` that ``person`` sees: their own, then as a deputy, then as the duty account."""
    shown = []
    for group in groups:
        levels = deliveries.escalated.get(group.group_id, {})
        level = level_for(person, group, levels, district.people)
        if level is None:
            continue
        owner = district.people.get(group.owner)
        shown.append(
            TodoGroup(
                group_id=group.group_id, name=group.name, level=level, members=group.members,
                owner="" if level == "owner" or owner is None else owner.name,
                opened=level != "station" or "station" in levels or owner is None,
            )
        )  # fmt: skip
    return sorted(shown, key=lambda g: (not g.opened, _LEVEL_ORDER[g.level], natural_sort_key(g.name)))


def _done(district: DistrictWorklist, deliveries: ReleaseDeliveries, rows: Rows) -> Iterator[Done]:
    release = deliveries.release
    for group, row in rows:
        if row.state is e.DeliveryState.SHOWN and row.cause == "tap":
            by = district.people.get(row.by)
            yield Done(
                alert_id=release.alert_id, version=release.version, kind=deliveries.kind,
                title=release.title, group_id=group.group_id, name=group.name, by=row.by,
                by_name=by.name if by else row.by, at_ms=row.at_ms, undo_until_ms=0,
            )  # fmt: skip


def _with_undo(done: Done, person: e.Person, undo_s: float, at_ms: int) -> Done:
    """With the time until which ``person`` may undo it, if the tap is theirs and there is time left."""
    until_ms = done.at_ms + int(undo_s * 1000)
    may_undo = done.by == person.person_id and until_ms > at_ms
    return msgspec.structs.replace(done, undo_until_ms=until_ms) if may_undo else done


def _stopped(
    district: DistrictWorklist, person: e.Person, deliveries: ReleaseDeliveries, rows: Rows
) -> list[Stopped]:
    groups = [group for group, row in rows if row.state in _MAY_BE_SENT]
    shown = [g for g in _visible_groups(district, person, deliveries, groups) if g.opened]
    if not shown:
        return []
    release = deliveries.release
    return [
        Stopped(
            alert_id=release.alert_id, version=release.version, kind=deliveries.kind, title=release.title,
            recalled_ms=deliveries.recalled_ms or 0, groups=tuple(shown),
        )
    ]  # fmt: skip
