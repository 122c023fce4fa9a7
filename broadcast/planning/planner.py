"""Who gets it, and in which order? Turns a release into parts, each of some hundred groups.

Reads alerts.released; writes parts.planned, receipts.recorded and decisions.made (the beginning). Of a
group it keeps no more than its place in the order, so that a large district costs hardly more memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import MappingProxyType

from broadcast.deliveries.receipts import delivery_of
from fenghuo.clock import from_ms
from fenghuo.desk.desk import Desk
from fenghuo.desk.warning_counts import held_back_groups, is_counted, limits_of
from fenghuo.domain import events as e
from fenghuo.domain.alert import SYSTEM, Action, Order, Role
from fenghuo.domain.audience import in_audience
from fenghuo.domain.channels import FIRST_TO_GO, OWNER_TASKS, TAPPED_HERE, send_order
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.ledger import may_have
from fenghuo.domain.routing import correction_way, ways_to
from fenghuo.domain.warning_limits import GroupQuota
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from fenghuo.transport.stage import Outcome

log = logging.getLogger(__name__)

RECALL_SETTLE_S = 0.2
"""So long after a recall shows on the desk, whatever was marked in that very moment has seen it and taken its
mark back."""
PART = 500
"""Groups of a part: written out in some 30 ms, and sent in at least three times as long."""
PAGE = 1000
"""Groups that are read at a time."""
NOBODY: Mapping[str, str] = MappingProxyType({})


class PlannedGroup(GroupQuota, frozen=True, gc=False, kw_only=True):
    """A group's place in the order of a release. ``owner`` only where the owner gets one task for all."""

    order: int
    members: int
    owner: tuple[str, str, str] | None = None


class Planner:
    """Plans releases. Made again, a plan has the same ids where the register and the shares are the same;
    where they are not, what has been written out stands (``Parts``)."""

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
        release = event.release
        if event.kind == "approved":
            return [*await self._warnings(event, {}), begin(event)]
        await self._wait_for(event)
        await asyncio.sleep(RECALL_SETTLE_S)
        earlier = await self._earlier(release, with_this=event.kind != "updated")
        if event.kind == "updated":
            return [*await self._warnings(event, earlier), *taken_back(event, earlier), begin(event)]
        if event.kind == "recalled":
            return [*await self._corrections(event, earlier), *taken_back(event, earlier)]
        return taken_back(event, earlier)

    async def _wait_for(self, event: e.AlertReleased) -> None:
        """Raise Transient until the desk shows the release.

        A sender marks what it is about to send and only then looks whether the alert stands. So once the
        recall shows, the ledger has every delivery that may have left; and a moment later, hardly another.
        """
        release = event.release
        standing = (await self._desk.releases.latest([release.alert_id])).get(release.alert_id)
        if standing is None or standing[0] < release.version:
            raise Transient(f"{release.alert_id} {release.version} {event.kind} is not on the desk yet")
        if standing[0] == release.version and event.kind == "recalled" != standing[1]:
            raise Transient(f"the recall of {release.alert_id} is not on the desk yet")

    async def _earlier(self, release: e.Release, *, with_this: bool) -> dict[int, dict[str, LedgerRow]]:
        """The ledgers of warnings, by version, up to the release's own (``with_this``) or before it."""
        last = release.version if with_this else release.version - 1
        return {n: await self._desk.deliveries.ledger(release.alert_id, n) for n in range(1, last + 1)}

    async def _warnings(
        self, event: e.AlertReleased, earlier: Mapping[int, Mapping[str, LedgerRow]]
    ) -> list[e.Event]:
        """The parts of those who are meant, and of those who may have an earlier version."""
        release = event.release
        meant = await self._meant(release)
        if earlier:
            meant = list(dict.fromkeys([*meant, *may_have(earlier)]))
        people = await self._desk.directory.people()
        places: list[PlannedGroup] = []
        async for group in self._groups(meant):
            ways = ways_to(group, release.channels, people, exercise=release.exercise)
            counted = is_counted(group, release.channels)
            places.append(place_of(group, ways[0] if ways else None, counted=counted))
        if len(places) < release.groups:
            extra = {"approved": release.groups, "found": len(places)}
            log.warning("fewer groups than approved", extra=extra)
        held = {} if earlier or release.exercise else await self._held_back(release, places)
        return split_into_parts(event, "warning", places, held=held)

    async def _corrections(
        self, event: e.AlertReleased, earlier: Mapping[int, Mapping[str, LedgerRow]]
    ) -> list[e.Event]:
        """The parts of those who have or may have the warning, and of no others; a group that is gone is
        none."""
        came_by = {group_id: row.channel for group_id, row in may_have(earlier).items()}
        people = await self._desk.directory.people()
        places = [
            place_of(group, correction_way(group, event.release, people, came_by[group.group_id]))
            async for group in self._groups(list(came_by))
        ]
        return split_into_parts(event, "correction", places, came_by=came_by)

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
        """Groups that have had their share of warnings, with the reason; this alert's own do not count."""
        return await held_back_groups(
            self._desk, places, alert_id=release.alert_id, severity=release.severity,
            override=release.override, limits=self._limits, now=release.approved_at,
        )  # fmt: skip


def meant_by(release: e.Release, groups: Mapping[str, e.Group]) -> list[str]:
    """The ids of those of ``groups`` that the release's audience means. Pure."""
    return [g.group_id for g in groups.values() if in_audience(g, release.audience)]


def place_of(group: e.Group, way: e.Binding | None, *, counted: bool = False) -> PlannedGroup:
    """Where ``group`` stands when ``way`` leads to it; ``counted``: its platform counts what it gets.
    Pure."""
    order = FIRST_TO_GO if way is None else send_order(way.channel)  # without a way: refused at once
    owner = (group.owner, way.channel, way.credential) if way and way.channel in OWNER_TASKS else None
    return PlannedGroup(
        group_id=group.group_id, platform=counted, per_day=group.quota_day, order=order,
        members=group.members, owner=owner,
    )  # fmt: skip


def split_into_parts(
    event: e.AlertReleased,
    kind: e.Kind,
    places: Iterable[PlannedGroup],
    *,
    held: Mapping[str, str] = NOBODY,
    came_by: Mapping[str, str] = NOBODY,
) -> list[e.Event]:
    """How many groups there are, and the parts in which they get it; an owner's groups that are one task
    stand in one part. Pure."""
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
    """What waits for people first, the largest groups first; the groups of one owner's task together, where
    the largest of them stands. Pure."""
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
    kind: e.Kind,
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


def taken_back(event: e.AlertReleased, earlier: Mapping[int, Mapping[str, LedgerRow]]) -> list[e.Event]:
    """What still waited for an officer's tap, or for a halted channel, does so no longer. Pure.

    A task on a platform is not settled here: whether it was tapped is known only once it has been cancelled
    there.
    """
    return [
        _settled(event, n, group_id, row)
        for n, rows in earlier.items()
        for group_id, row in rows.items()
        if (row.state is e.DeliveryState.WAITING and row.channel in TAPPED_HERE) or row.held
    ]


def _settled(event: e.AlertReleased, version: int, group_id: str, row: LedgerRow) -> e.Event:
    delivery_id = delivery_of(event.release.alert_id, version, "warning", group_id)
    state = e.DeliveryState.UNKNOWN if row.may_have_arrived else e.DeliveryState.SUPERSEDED
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, event.event_id), at=event.at, delivery_id=delivery_id,
        alert_id=event.release.alert_id, version=version, kind="warning", group_id=group_id,
        channel=row.channel, state=state, attempt=row.attempt, reason=f"{event.kind} before it was sent",
        word=row.word, may_have_arrived=row.may_have_arrived, cause="recall", failures=row.failures,
        since=from_ms(row.since_ms or row.at_ms),
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
