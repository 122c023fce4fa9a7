"""Who gets it, and in which order? Turns a release into parts, each of some hundred groups.

Reads alerts.released; writes parts.planned, receipts.recorded and decisions.made (the order that marks the
alert as being broadcast). Of a group it keeps no more than its place in the order, so that a large district
costs hardly more memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import MappingProxyType

from broadcast.planning.recall import (
    EFFECTS,
    Ledgers,
    came_by,
    ended_versions,
    missing_on_desk,
    withdrawn,
)
from fenghuo.desk.desk import Desk
from fenghuo.desk.warning_counts import held_back_groups, limits_of
from fenghuo.domain import events as e
from fenghuo.domain.alert import SYSTEM, Action, Order, Role
from fenghuo.domain.audience import in_audience
from fenghuo.domain.channels import COUNTED, FIRST_TO_GO, OWNER_TASKS, send_order
from fenghuo.domain.routing import Route, route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_quotas import GroupQuota
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

log = logging.getLogger(__name__)

RECALL_SETTLE_S = 0.2
"""Wait between seeing a recall on the desk and reading the ledger: a sender that marked a delivery in that
very moment has seen the recall by then, and has taken its mark back."""
PART = 500
"""Groups of a part: expanded in some 30 ms, and sent in at least three times as long."""
PAGE = 1000
"""Groups that are read at a time."""
NOBODY: Mapping[str, str] = MappingProxyType({})


class PlannedGroup(GroupQuota, frozen=True, gc=False, kw_only=True):
    """A group's place in the order of a release. ``owner`` only where the owner gets one task for all."""

    order: int
    members: int
    owner: tuple[str, str, str] | None = None


class Planner:
    """Plans releases. A plan that is made again has the same ids while the group list and the limits are the
    same; where they have changed, ``PartWriter`` leaves alone what it has expanded before."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._limits = limits_of(settings)

    async def on_alerts_released(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        for event in events:
            if isinstance(event, e.AlertReleased):
                outcome.events += await self._plan(event)
        return outcome

    async def _plan(self, event: e.AlertReleased) -> list[e.Event]:
        effect, ended = EFFECTS[event.kind], await self._ended(event)
        planned: list[e.Event] = []
        if effect.warns:
            planned += await self._warnings(event, ended)
        if effect.corrects:
            planned += await self._corrections(event, ended)
        planned += withdrawn(event, ended)
        return [*planned, begin(event)] if effect.warns else planned

    async def _ended(self, event: e.AlertReleased) -> Ledgers:
        """The ledgers of the versions that the release ends, with every delivery that may have left.

        Raises Transient until the desk shows the release: before, senders may still let deliveries leave.
        """
        versions = ended_versions(event)
        if not versions:
            return {}
        alert_id = event.release.alert_id
        missing = missing_on_desk(event, (await self._desk.releases.latest([alert_id])).get(alert_id))
        if missing:
            raise Transient(f"{missing} is not on the desk yet")
        await asyncio.sleep(RECALL_SETTLE_S)
        return {n: await self._desk.deliveries.ledger(alert_id, n) for n in versions}

    async def _warnings(self, event: e.AlertReleased, earlier: Ledgers) -> list[e.Event]:
        """The parts of those who are meant, and of those who may have an earlier version."""
        release = event.release
        meant = await self._meant(release)
        if earlier:
            meant = list(dict.fromkeys([*meant, *came_by(earlier)]))
        tappers = Tappers(await self._desk.directory.people())
        places = [place_of(group, route(group, release, tappers)) async for group in self._groups(meant)]
        if len(places) < release.groups:
            extra = {"approved": release.groups, "found": len(places)}
            log.warning("fewer groups than approved", extra=extra)
        held = {} if earlier or release.exercise else await self._held_back(release, places)
        return split_into_parts(event, "warning", places, held=held)

    async def _corrections(self, event: e.AlertReleased, ended: Ledgers) -> list[e.Event]:
        """The parts of those who have or may have the warning, and of no others; a group that is gone is
        none."""
        channels = came_by(ended)
        tappers = Tappers(await self._desk.directory.people())
        places = [
            place_of(group, route(group, event.release, tappers, came_by=channels[group.group_id]))
            async for group in self._groups(list(channels))
        ]
        return split_into_parts(event, "correction", places, came_by=channels)

    async def _groups(self, group_ids: Sequence[str]) -> AsyncIterator[e.Group]:
        """Those of ``group_ids`` that are there. Raises Transient when the desk has none of them."""
        known = 0
        for at in range(0, len(group_ids), PAGE):
            for group in (await self._desk.directory.groups_by_id(group_ids[at : at + PAGE])).values():
                known += 1
                if not group.gone:
                    yield group
        if group_ids and not known:
            raise Transient("no group is on the desk: has `fenghuo rebuild` run?")

    async def _meant(self, release: e.Release) -> Sequence[str]:
        """The ids of the groups that were frozen when it was submitted; of those in its audience now, where
        none were."""
        digest = release.audience.frozen
        if not digest:
            groups = await self._desk.directory.groups()
            if not groups and release.groups:
                raise Transient("no group is on the desk: has `fenghuo rebuild` run?")
            return meant_by(release, groups)
        frozen = await self._desk.releases.audience(digest)
        if frozen is None:
            raise Transient(f"the audience of {release.alert_id} is not on the desk yet")
        return frozen

    async def _held_back(self, release: e.Release, places: Sequence[PlannedGroup]) -> Mapping[str, str]:
        """Groups that have reached a limit of warnings, with the reason; this alert's own do not count."""
        return await held_back_groups(
            self._desk, places, alert_id=release.alert_id, severity=release.severity,
            override=release.override, limits=self._limits, now=release.approved_at,
        )  # fmt: skip


def meant_by(release: e.Release, groups: Mapping[str, e.Group]) -> list[str]:
    """The ids of those of ``groups`` that the release's audience means. Pure."""
    return [g.group_id for g in groups.values() if in_audience(g, release.audience)]


def place_of(group: e.Group, found: Route) -> PlannedGroup:
    """The place of ``group``, which gets it by the route ``found``. Pure."""
    way = found.way
    order = FIRST_TO_GO if way is None else send_order(way.channel)  # without a way: refused at once
    owner = (group.owner, way.channel, way.credential) if way and way.channel in OWNER_TASKS else None
    return PlannedGroup(
        group_id=group.group_id, platform=found.channel in COUNTED, per_day=group.quota_day, order=order,
        members=group.members, owner=owner,
    )  # fmt: skip


def split_into_parts(
    event: e.AlertReleased,
    kind: e.TextKind,
    places: Iterable[PlannedGroup],
    *,
    held: Mapping[str, str] = NOBODY,
    came_by: Mapping[str, str] = NOBODY,
) -> list[e.Event]:
    """The number of groups, and the parts in which they get it; an owner's groups that get one task are in
    one part. Pure."""
    ordered = in_order(places)
    parts: list[list[PlannedGroup]] = []
    for place in ordered:
        last = parts[-1] if parts else None
        same = last is not None and place.owner is not None and place.owner == last[-1].owner
        if last is not None and (len(last) < PART or same):
            last.append(place)
        else:
            parts.append([place])
    release = event.release
    planned = e.DeliveriesPlanned(
        event_id=e.derive_id(event.event_id, "planned"), at=event.at, alert_id=release.alert_id,
        version=release.version, kind=kind, groups=len(ordered),
    )  # fmt: skip
    return [planned, *(_part(event, kind, part, held, came_by) for part in parts)]


def in_order(places: Iterable[PlannedGroup]) -> list[PlannedGroup]:
    """By the channel's send order, the largest groups first; the groups of one owner's task together, at the
    place of the largest of them. Pure."""
    ordered = sorted(places, key=lambda x: x.group_id)
    ordered.sort(key=lambda x: -x.members)
    ordered.sort(key=lambda x: x.order)  # one after the other: a key of three for each would be 10 MiB
    owned: dict[tuple[str, str, str], list[PlannedGroup]] = {}
    for place in ordered:
        if place.owner is not None:
            owned.setdefault(place.owner, []).append(place)
    found: list[PlannedGroup] = []
    for place in ordered:
        if place.owner is None:
            found.append(place)
        else:
            found += owned.pop(place.owner, ())
    return found


def _part(
    event: e.AlertReleased,
    kind: e.TextKind,
    places: Sequence[PlannedGroup],
    held: Mapping[str, str],
    came_by: Mapping[str, str],
) -> e.PartPlanned:
    ids = tuple(place.group_id for place in places)
    return e.PartPlanned(
        event_id=e.derive_id(event.event_id, "part", ids[0]), at=event.at, alert_id=event.release.alert_id,
        version=event.release.version, kind=kind, group_ids=ids,
        held=tuple((x, str(held[x])) for x in ids if x in held),
        came_by=tuple((x, came_by[x]) for x in ids if x in came_by),
    )  # fmt: skip


def begin(event: e.AlertReleased) -> e.DecisionMade:
    """The order that marks the alert as being broadcast."""
    release = event.release
    decision_id = e.derive_id("begin", release.alert_id, str(release.version))
    order = Order(
        decision_id=decision_id, alert_id=release.alert_id, action=Action.BEGIN, actor=SYSTEM,
        role=Role.SYSTEM, at=event.at, version=release.version,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=event.at, order=order)
