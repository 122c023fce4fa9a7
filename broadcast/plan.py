"""Who gets it? Turns a release into one delivery for each group.

Reads alerts.released; writes deliveries.requested, receipts.recorded and decisions.made (the beginning).
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from broadcast.requests import TASKS, Plan, correction_way, requests, ways_to
from broadcast.rules import delivery_of
from fenghuo import events as e
from fenghuo.alerts import SYSTEM, Action, Order, Role
from fenghuo.audience import in_audience
from fenghuo.clock import from_ms
from fenghuo.errors import Transient
from fenghuo.ledger import may_have
from fenghuo.settings import Settings
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import Row
from fenghuo.stores.shares import PLATFORMS, held_back_groups, limits_of
from fenghuo.transport.pipeline import Outcome

log = logging.getLogger(__name__)

LOOKED_S = 0.2
"""So long after a recall shows on the desk, whatever was marked in that very moment has seen it and taken its
mark back."""


@dataclass(frozen=True, slots=True)
class World:
    """What a plan is made from."""

    groups: Mapping[str, e.Group]
    people: Mapping[str, e.Person]


class Planner:
    """Plans releases; the plan of a release is the same however often it is made."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._limits = limits_of(settings)

    async def on_alerts_released(self, events: Sequence[e.Event]) -> Outcome:
        world = World(await self._desk.groups(), await self._desk.people())
        outcome = Outcome()
        for event in events:
            if isinstance(event, e.AlertReleased):
                outcome.events += await self._plan(event, world)
        return outcome

    async def _plan(self, event: e.AlertReleased, world: World) -> list[e.Event]:
        release = event.release
        if not world.groups and release.groups:
            raise Transient("no group is on the desk: has `fenghuo rebuild` run?")
        if event.kind == "approved":
            return [*await self._warnings(event, world, {}), begin(event)]
        await self._wait_for(event)
        await asyncio.sleep(LOOKED_S)
        earlier = await self._earlier(release, with_this=event.kind != "updated")
        if event.kind == "updated":
            warnings = await self._warnings(event, world, earlier)
            return [*warnings, *taken_back(event, earlier), begin(event)]
        if event.kind == "recalled":
            return [*corrections(event, earlier, world), *taken_back(event, earlier)]
        return taken_back(event, earlier)

    async def _wait_for(self, event: e.AlertReleased) -> None:
        """Raise Transient until the desk shows the release.

        A sender marks what it is about to send and only then looks whether the alert stands. So once the
        recall shows, the ledger has every delivery that may have left; and a moment later, hardly another.
        """
        release = event.release
        standing = (await self._desk.standing([release.alert_id])).get(release.alert_id)
        if standing is None or standing[0] < release.version:
            raise Transient(f"{release.alert_id} {release.version} {event.kind} is not on the desk yet")
        if standing[0] == release.version and event.kind == "recalled" != standing[1]:
            raise Transient(f"the recall of {release.alert_id} is not on the desk yet")

    async def _earlier(self, release: e.Release, *, with_this: bool) -> dict[int, dict[str, Row]]:
        """The ledgers of warnings, by version, up to the release's own (``with_this``) or before it."""
        last = release.version if with_this else release.version - 1
        return {n: await self._desk.ledger(release.alert_id, n) for n in range(1, last + 1)}

    async def _warnings(
        self, event: e.AlertReleased, world: World, earlier: Mapping[int, Mapping[str, Row]]
    ) -> list[e.Event]:
        release = event.release
        frozen = await self._frozen(release)
        meant = {g.group_id: g for g in meant_by(release, world.groups, frozen)}
        meant |= {x: world.groups[x] for x in may_have(earlier) if x in world.groups}
        if len(meant) < release.groups:
            log.warning("fewer groups than approved", extra={"approved": release.groups, "found": len(meant)})
        held = {} if earlier or release.exercise else await self._held_back(release, meant)
        return warnings(event, meant, held, world.people)

    async def _frozen(self, release: e.Release) -> tuple[str, ...] | None:
        digest = release.audience.frozen
        if not digest:
            return None
        frozen = await self._desk.audience(digest)
        if frozen is None:
            raise Transient(f"the audience of {release.alert_id} is not on the desk yet")
        return frozen

    async def _held_back(self, release: e.Release, meant: Mapping[str, e.Group]) -> Mapping[str, str]:
        """Groups that have had their share of warnings, with the reason; this alert's own do not count."""
        return await held_back_groups(
            self._desk, meant.values(), alert_id=release.alert_id, channels=release.channels,
            severity=release.severity, override=release.override, limits=self._limits,
            now=release.approved_at,
        )  # fmt: skip


def meant_by(
    release: e.Release, groups: Mapping[str, e.Group], frozen: Sequence[str] | None
) -> Iterable[e.Group]:
    """The groups that were frozen when it was submitted, those gone since excepted."""
    if frozen is None:
        return [g for g in groups.values() if in_audience(g, release.audience)]
    return [groups[x] for x in frozen if x in groups]


def warnings(
    event: e.AlertReleased,
    meant: Mapping[str, e.Group],
    held: Mapping[str, str],
    people: Mapping[str, e.Person],
) -> list[e.Event]:
    """A delivery for each group that is meant; a refusal with its reason for one that has no approved way or
    has had its share of warnings. Pure."""
    release = event.release
    wanted: list[tuple[e.Group, e.Binding]] = []
    refusals: list[e.Event] = []
    for group in meant.values():
        ways = ways_to(group, release.channels, people, exercise=release.exercise)
        reason = held.get(group.group_id)
        free = [way for way in ways if way.channel not in TASKS]
        if reason in PLATFORMS and free:
            wanted.append((group, free[0]))
        elif reason:
            refusals.append(_refusal(event, group, f"held back: {reason}"))
        elif not ways:
            refusals.append(_refusal(event, group, "channel not approved"))
        else:
            wanted.append((group, ways[0]))
    plan = Plan(release, "warning", event)
    return [_planned(event, "warning", len(meant)), *refusals, *requests(plan, wanted)]


def corrections(
    event: e.AlertReleased, earlier: Mapping[int, Mapping[str, Row]], world: World
) -> list[e.Event]:
    """The correction for each group that has or may have the warning, and for no other, by the way it came;
    a refusal for one that no approved way leads to any more. Pure; a group that is gone is none."""
    wanted: list[tuple[e.Group, e.Binding]] = []
    refusals: list[e.Event] = []
    for group_id, row in may_have(earlier).items():
        group = world.groups.get(group_id)
        if group is None:
            continue
        way = correction_way(group, event.release, world.people, row.channel)
        if way is None:
            refusals.append(_refusal(event, group, "no approved way leads to it any more", "correction"))
        else:
            wanted.append((group, way))
    planned = _planned(event, "correction", len(wanted) + len(refusals))
    return [planned, *refusals, *requests(Plan(event.release, "correction", event), wanted)]


def taken_back(event: e.AlertReleased, earlier: Mapping[int, Mapping[str, Row]]) -> list[e.Event]:
    """What still waited for an officer's tap, or for a halted channel, does so no longer. Pure.

    A task on a platform is not settled here: whether it was tapped is known only once it has been cancelled
    there.
    """
    return [
        _settled(event, n, group_id, row)
        for n, rows in earlier.items()
        for group_id, row in rows.items()
        if (row.state is e.DeliveryState.WAITING and row.channel == "relay") or row.held
    ]


def _settled(event: e.AlertReleased, version: int, group_id: str, row: Row) -> e.Event:
    delivery_id = delivery_of(event.release.alert_id, version, "warning", group_id)
    state = e.DeliveryState.UNKNOWN if row.left else e.DeliveryState.SUPERSEDED
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, event.event_id), at=event.at, delivery_id=delivery_id,
        alert_id=event.release.alert_id, version=version, kind="warning", group_id=group_id,
        channel=row.channel, state=state, attempt=row.attempt, reason=f"{event.kind} before it was sent",
        word=row.word, left=row.left, cause="recall", failures=row.failures,
        since=from_ms(row.since_ms or row.at_ms),
    )  # fmt: skip


def _planned(event: e.AlertReleased, kind: e.Kind, groups: int) -> e.DeliveriesPlanned:
    return e.DeliveriesPlanned(
        event_id=e.derive_id(event.event_id, "planned"), at=event.at, alert_id=event.release.alert_id,
        version=event.release.version, kind=kind, groups=groups,
    )  # fmt: skip


def _refusal(
    event: e.AlertReleased, group: e.Group, reason: str, kind: e.Kind = "warning"
) -> e.ReceiptRecorded:
    release = event.release
    delivery_id = delivery_of(release.alert_id, release.version, kind, group.group_id)
    return e.ReceiptRecorded(
        event_id=e.derive_id(delivery_id, "refused"), at=event.at, delivery_id=delivery_id,
        alert_id=release.alert_id, version=release.version, kind=kind, group_id=group.group_id,
        channel=group.channel, state=e.DeliveryState.REFUSED, attempt=1, reason=reason, cause="plan",
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
