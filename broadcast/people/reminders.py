"""No tap yet? Notifies the owner, then the deputy, then the station.

Reads the desk; writes notices.requested.

A background loop, which one process at a time runs. What is due is a pure function of the ledger, so a
process that comes late, or again, requests the same notices under the same ids.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from broadcast.leader_lease import LeaderLease
from fenghuo import clock
from fenghuo.clock import from_ms
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import NEEDS_TAP, TAPPED_HERE
from fenghuo.domain.delivery import CurrentRelease, LedgerRow
from fenghuo.domain.quiet_hours import quiet_until, waiting_seconds
from fenghuo.domain.taps import Tappers
from fenghuo.settings import Settings
from fenghuo.transport.stage import Transport

LOOK_EVERY_S = 5.0
SETTLED_S = 30.0
"""How often a release is read whose groups are all settled: only an undo can change that."""
RECALL_KEPT = timedelta(days=3)
"""Corrections of older recalls have long been escalated to the last level."""
UNPROJECTED_KEPT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Times:
    """When who is notified, in seconds of waiting: the owner again, the deputy, the station."""

    severe: tuple[float, float, float]
    moderate: tuple[float, float, float]
    quiet_from: int
    quiet_to: int

    @classmethod
    def of(cls, settings: Settings) -> "Times":
        return cls(settings.remind_s, settings.remind_moderate_s, settings.quiet_from, settings.quiet_to)

    def after(self, severity: str) -> tuple[float, float, float]:
        return self.severe if severity == "severe" else self.moderate


@dataclass(frozen=True, slots=True)
class Waiting:
    """A release of which groups wait for a person; ``rows`` has these groups only.

    ``notified``: when (ms) which (level, person) was notified of it first; ``escalated``: each group's
    levels, and when.
    """

    alert_id: AlertId
    version: int
    kind: e.TextKind
    severity: str
    rows: Mapping[str, LedgerRow]
    notified: Mapping[tuple[str, str], int] = field(default_factory=dict)
    escalated: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class DirectorySnapshot:
    """The groups and the people that are not gone."""

    def __init__(self, groups: Mapping[str, e.Group], people: Mapping[str, e.Person]) -> None:
        self.groups = groups
        self.people = people
        self.on_duty = Tappers(people).on_duty


def due(
    waiting: Waiting, directory: DirectorySnapshot, times: Times, now: datetime
) -> list[e.NoticeRequested]:
    """The notices of ``waiting`` that are due at ``now``, one for each level and person. Pure.

    An owner's groups go together, by the one that waits longest. Where there is no owner, the deputy and the
    station are notified at once; where there is no deputy, the station is notified at the deputy's time.
    """
    quiet = (waiting.severity, times.quiet_from, times.quiet_to)
    if quiet_until(now, *quiet) is not None:
        return []
    remind_s, deputy_s, station_s = times.after(waiting.severity)
    wanted: dict[tuple[str, str], set[str]] = {}

    def notify(level: str, who: str, groups: Iterable[str]) -> None:
        new = [g for g in groups if level not in waiting.escalated.get(g, {})]
        if new:
            wanted.setdefault((level, who), set()).update(new)

    for owner, groups in _by_owner(waiting, directory).items():
        since = min(from_ms(row.since_ms or row.at_ms) for row in (waiting.rows[g] for g in groups))
        waited_s = waiting_seconds(since, now, *quiet)
        if owner:
            todo_ms = waiting.notified.get(("todo", owner))
            if todo_ms is None:
                notify("todo", owner, groups)
            elif min(waited_s, waiting_seconds(from_ms(todo_ms), now, *quiet)) >= remind_s:
                notify("remind", owner, groups)
        for group in (directory.groups[g] for g in groups if waiting.rows[g].channel in TAPPED_HERE):
            deputy = group.deputy if group.deputy in directory.people and group.deputy != owner else ""
            first_s = deputy_s if owner else 0.0
            if deputy and waited_s >= first_s:
                notify("deputy", deputy, [group.group_id])
            if waited_s >= (station_s if owner and deputy else first_s):
                for who in directory.on_duty(group):
                    notify("station", who, [group.group_id])
    return [_notice(waiting, level, who, sorted(g), now) for (level, who), g in wanted.items()]


def _by_owner(waiting: Waiting, directory: DirectorySnapshot) -> dict[str, list[str]]:
    """The waiting groups of each owner; under "" those whose owner is not in the directory."""
    found: dict[str, list[str]] = {}
    for group_id in sorted(waiting.rows):
        group = directory.groups.get(group_id)
        if group is not None:
            found.setdefault(group.owner if group.owner in directory.people else "", []).append(group_id)
    return found


def _notice(
    waiting: Waiting, level: str, who: str, groups: Sequence[str], now: datetime
) -> e.NoticeRequested:
    """The first notice for (person, level) has an id derived from those two only, so it is created once.
    Groups that come to the level later get a notice of their own."""
    later = tuple(groups) if (level, who) in waiting.notified else ()
    parts = (waiting.alert_id, str(waiting.version), waiting.kind, who, level, *later)
    return e.NoticeRequested(
        event_id=e.derive_id("notice", *parts), at=now, person_id=who, alert_id=waiting.alert_id,
        version=waiting.version, kind=waiting.kind, level=level,  # type: ignore[arg-type]
        group_ids=tuple(groups), severity=waiting.severity,
    )  # fmt: skip


class Reminders:
    """Looks every few seconds, in one process at a time; a notice is published before it counts as sent."""

    def __init__(
        self, desk: Desk, transport: Transport, settings: Settings, every_s: float = LOOK_EVERY_S
    ) -> None:
        self._desk = desk
        self._transport = transport
        self._times = Times.of(settings)
        self._every_s = every_s
        self._lease = LeaderLease(desk, "reminders", max(15.0, 3 * every_s))
        self._settled_until: dict[CurrentRelease, datetime] = {}
        """Releases of which no group waits, and until when that is taken for granted."""
        self._unprojected: dict[str, e.NoticeRequested] = {}
        """Notices that were published and may not be on the desk yet, by event id."""

    async def run(self) -> None:
        async with self._lease:
            while True:
                await asyncio.sleep(self._every_s)
                if await self._lease.acquire_or_renew():
                    await self.publish_due(clock.now())

    async def publish_due(self, now: datetime) -> list[e.NoticeRequested]:
        """Publish what is due at ``now``; returns it. Nothing while the desk is being rebuilt."""
        if await self._desk.rebuilding():
            return []
        waiting = [x for key in await self._current(now) if (x := await self._waiting(key, now)) is not None]
        group_ids = sorted({group_id for x in waiting for group_id in x.rows})
        groups = await self._desk.directory.groups_by_id(group_ids)
        here = {group_id: group for group_id, group in groups.items() if not group.gone}
        directory = DirectorySnapshot(here, await self._desk.directory.people() if waiting else {})
        notices = [notice for x in waiting for notice in due(x, directory, self._times, now)]
        self._unprojected = {k: x for k, x in self._unprojected.items() if now - x.at < UNPROJECTED_KEPT}
        notices = [x for x in notices if x.event_id not in self._unprojected]
        if notices:
            await self._transport.publish(notices)
            self._unprojected |= {x.event_id: x for x in notices}
        return notices

    async def _current(self, now: datetime) -> list[CurrentRelease]:
        """The releases whose groups may wait now."""
        self._settled_until = {k: until for k, until in self._settled_until.items() if now < until}
        current = await self._desk.releases.current(now - RECALL_KEPT)
        return [key for key in current if key not in self._settled_until]

    async def _waiting(self, key: CurrentRelease, now: datetime) -> Waiting | None:
        """What waits of one release; None where nothing does, or it has expired."""
        alert_id, version, kind = key
        release = await self._desk.releases.get(alert_id, version)
        if release is not None and kind == "warning" and not NEEDS_TAP & set(release.channels):
            return None
        rows, all_settled = await self._waiting_rows(key)
        if release is None or not rows or (kind == "warning" and now >= release.expires_at):
            if rows or all_settled:
                self._settled_until[key] = now + timedelta(seconds=SETTLED_S)
            return None
        notified: dict[tuple[str, str], int] = {}
        for x in await self._desk.notices.sent(alert_id, version, kind):
            notified.setdefault((x.level, x.person_id), x.at_ms)
        escalated = await self._desk.notices.escalated(alert_id, version, kind)
        await self._add_unprojected(key, notified, escalated)
        severity = "severe" if kind == "correction" else release.severity
        return Waiting(alert_id, version, kind, severity, rows, notified, escalated)

    async def _waiting_rows(self, key: CurrentRelease) -> tuple[dict[str, LedgerRow], bool]:
        """The rows of a release's groups that wait for a person; and whether all its groups are settled."""
        rows: dict[str, LedgerRow] = {}
        read = unsettled = 0
        async for page in self._desk.deliveries.ledger_pages(*key):
            rows |= {g: row for g, row in page.items() if row.state is e.DeliveryState.WAITING}
            read += len(page)
            unsettled += sum(row.state not in e.SETTLED for row in page.values())
        all_settled = bool(read) and not unsettled and await self._is_expanded(key)
        return rows, all_settled

    async def _is_expanded(self, key: CurrentRelease) -> bool:
        """Whether every delivery that was planned is on the ledger."""
        planned = await self._desk.deliveries.planned_count(*key)
        return planned is not None and await self._desk.deliveries.count(*key) >= planned

    async def _add_unprojected(
        self,
        key: CurrentRelease,
        notified: dict[tuple[str, str], int],
        escalated: dict[str, dict[str, int]],
    ) -> None:
        """Count a notice that was published and is not on the desk yet as sent; forget those that are."""
        ours = [x for x in self._unprojected.values() if (x.alert_id, x.version, x.kind) == key]
        recorded = await self._desk.notices.recorded(ours)
        for x in ours:
            if x.event_id in recorded:  # perhaps only since ``notified`` was read: it is added all the same
                del self._unprojected[x.event_id]
            at_ms = clock.to_ms(x.at)
            notified.setdefault((x.level, x.person_id), at_ms)
            for group_id in x.group_ids:
                escalated.setdefault(group_id, {}).setdefault(x.level, at_ms)
