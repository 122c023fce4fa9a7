"""Who gets it? Turns a release into one delivery for each group.

Reads alerts.released; writes deliveries.requested, receipts.recorded and decisions.made (the beginning).
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from fenghuo import events as e
from fenghuo.alerts import SYSTEM, Action, AlertId, Order, Role
from fenghuo.audience import channel_for, in_audience
from fenghuo.errors import Transient
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import Row
from fenghuo.transport.pipeline import Outcome

log = logging.getLogger(__name__)

MAY_HAVE_IT = frozenset({e.DeliveryState.SHOWN, e.DeliveryState.UNKNOWN, e.DeliveryState.HANDED_OVER})
"""Deliveries whose group is owed the correction of a recall; so is any whose earlier attempt may have
left."""


class Planner:
    """Plans releases; the plan of a release is the same however often it is made."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_alerts_released(self, events: Sequence[e.Event]) -> Outcome:
        groups = await self._desk.groups()
        outcome = Outcome()
        for event in events:
            if isinstance(event, e.AlertReleased):
                outcome.events += await self._plan(event, groups)
        return outcome

    async def _plan(self, event: e.AlertReleased, groups: Mapping[str, e.Group]) -> list[e.Event]:
        release = event.release
        if event.kind in ("approved", "updated"):
            return [*warnings(event, groups.values()), begin(event)]
        if event.kind == "recalled":
            await self._wait_for_recall(release)
            if not groups and release.groups:
                raise Transient("no group is on the desk: has `fenghuo rebuild` run?")
            ledger = await self._desk.ledger(release.alert_id, release.version)
            return corrections(event, ledger, groups)
        return []

    async def _wait_for_recall(self, release: e.Release) -> None:
        """Raise Transient until the desk shows the recall.

        A sender marks what it is about to send and only then looks whether the alert stands. So once the
        recall
        shows, the ledger has every delivery that may have left.
        """
        standing = (await self._desk.standing([release.alert_id])).get(release.alert_id)
        if standing is None or (standing[0] <= release.version and standing[1] != "recalled"):
            raise Transient(f"the recall of {release.alert_id} is not on the desk yet")


def warnings(event: e.AlertReleased, groups: Collection[e.Group]) -> list[e.Event]:
    """A delivery for each group of the audience; a refusal for one whose channel was not approved. Pure.

    Raises Transient when the desk knows no group at all although the approval counted some: it is being
    rebuilt.
    """
    release = event.release
    meant = sorted((g for g in groups if in_audience(g, release.audience)), key=lambda g: g.group_id)
    if not groups and release.groups:
        raise Transient(f"no group of {release.groups} is on the desk: has `fenghuo rebuild` run?")
    if len(meant) < release.groups:
        log.warning("fewer groups than approved", extra={"approved": release.groups, "found": len(meant)})
    asked: list[e.Event] = [_delivery(event, group) for group in meant]
    return [_planned(event, "warning", len(meant)), *asked]


def _planned(
    event: e.AlertReleased, kind: Literal["warning", "correction"], groups: int
) -> e.DeliveriesPlanned:
    return e.DeliveriesPlanned(
        event_id=e.derive_id(event.event_id, "planned"), at=event.at, alert_id=event.release.alert_id,
        version=event.release.version, kind=kind, groups=groups,
    )  # fmt: skip


def _delivery(event: e.AlertReleased, group: e.Group) -> e.Event:
    release = event.release
    channel = channel_for(group, release.exercise)
    delivery_id = delivery_of(release.alert_id, release.version, "warning", group.group_id)
    if channel not in release.channels:
        return e.ReceiptRecorded(
            event_id=e.derive_id(delivery_id, "not approved"), at=event.at, delivery_id=delivery_id,
            alert_id=release.alert_id, version=release.version, kind="warning", group_id=group.group_id,
            channel=channel, state=e.DeliveryState.REFUSED, attempt=1, reason="channel not approved",
        )  # fmt: skip
    return _request(release, "warning", group.group_id, channel, event)


def corrections(
    event: e.AlertReleased, ledger: Mapping[str, Row], groups: Mapping[str, e.Group]
) -> list[e.Event]:
    """The correction for each group that has or may have the warning, and for no other. Pure."""
    owed = [(g, row) for g, row in sorted(ledger.items()) if row.state in MAY_HAVE_IT or row.left]
    there = [(g, row) for g, row in owed if g in groups]
    return [
        _planned(event, "correction", len(there)),
        *(_request(event.release, "correction", g, row.channel, event) for g, row in there),
    ]


def _request(
    release: e.Release, kind: Literal["warning", "correction"], group_id: str, channel: str, event: e.Event
) -> e.DeliveryRequested:
    delivery_id = delivery_of(release.alert_id, release.version, kind, group_id)
    return e.DeliveryRequested(
        event_id=e.derive_id(delivery_id, "1"), at=event.at, delivery_id=delivery_id,
        alert_id=release.alert_id,
        version=release.version, kind=kind, group_id=group_id, channel=channel,
    )  # fmt: skip


def delivery_of(alert_id: AlertId, version: int, kind: str, group_id: str) -> str:
    """The id of the delivery of one alert version to one group: its idempotency key on every attempt."""
    return e.derive_id("delivery", alert_id, str(version), kind, group_id)


def begin(event: e.AlertReleased) -> e.DecisionMade:
    """The order that marks the alert as being broadcast."""
    release = event.release
    decision_id = e.derive_id("begin", release.alert_id, str(release.version))
    order = Order(
        decision_id=decision_id, alert_id=release.alert_id, action=Action.BEGIN, actor=SYSTEM,
        role=Role.SYSTEM, at=event.at, version=release.version,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=event.at, order=order)
