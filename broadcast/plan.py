"""Who gets it? Turns a release into one delivery for each group.

Reads alerts.released; writes deliveries.requested, receipts.recorded and decisions.made (the beginning).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fenghuo import events as e
from fenghuo.alerts import SYSTEM, Action, AlertId, Order, Role
from fenghuo.audience import in_audience
from fenghuo.errors import Transient
from fenghuo.stores.desk import Desk
from fenghuo.stores.projection import Row
from fenghuo.transport.pipeline import Outcome

log = logging.getLogger(__name__)

SANDBOX = "sandbox"
MAY_HAVE_IT = frozenset({e.DeliveryState.SHOWN, e.DeliveryState.UNKNOWN, e.DeliveryState.HANDED_OVER})
"""Deliveries whose group is owed the correction of a recall."""


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
            ledger = await self._desk.ledger(release.alert_id, release.version)
            return corrections(event, ledger, groups)
        return []


def warnings(event: e.AlertReleased, groups: Iterable[e.Group]) -> list[e.Event]:
    """A delivery for each group of the audience; a refusal for one whose channel was not approved. Pure.

    Raises Transient when the desk knows no group although the approval counted some: it is being rebuilt.
    """
    release = event.release
    meant = sorted((g for g in groups if in_audience(g, release.audience)), key=lambda g: g.group_id)
    if not meant and release.groups:
        raise Transient(f"no group of {release.groups} is on the desk: has `fenghuo rebuild` run?")
    asked: list[e.Event] = [_delivery(event, group) for group in meant]
    planned = e.DeliveriesPlanned(
        event_id=e.derive_id(event.event_id, "planned"), at=event.at, alert_id=release.alert_id,
        version=release.version, kind="warning", groups=len(meant),
    )  # fmt: skip
    return [planned, *asked]


def _delivery(event: e.AlertReleased, group: e.Group) -> e.Event:
    release = event.release
    channel = SANDBOX if release.exercise else group.channel
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
    """The correction for each group that has or may have the warning. Pure."""
    owed = [(g, row) for g, row in sorted(ledger.items()) if row.state in MAY_HAVE_IT and g in groups]
    release = event.release
    planned = e.DeliveriesPlanned(
        event_id=e.derive_id(event.event_id, "planned"), at=event.at, alert_id=release.alert_id,
        version=release.version, kind="correction", groups=len(owed),
    )  # fmt: skip
    return [planned, *(_request(release, "correction", g, row.channel, event) for g, row in owed)]


def _request(
    release: e.Release, kind: str, group_id: str, channel: str, event: e.Event
) -> e.DeliveryRequested:
    delivery_id = delivery_of(release.alert_id, release.version, kind, group_id)
    return e.DeliveryRequested(
        event_id=e.derive_id(delivery_id, "1"), at=event.at, delivery_id=delivery_id,
        alert_id=release.alert_id,
        version=release.version, kind=kind, group_id=group_id, channel=channel,  # type: ignore[arg-type]
    )  # fmt: skip


def delivery_of(alert_id: AlertId, version: int, kind: str, group_id: str) -> str:
    """The id of the delivery of one alert version to one group: its idempotency key on every attempt."""
    return e.derive_id("delivery", alert_id, str(version), kind, group_id)


def correction_for(request: e.DeliveryRequested, at: datetime) -> e.DeliveryRequested:
    """The correction owed to a group whose warning left while the recall was on its way."""
    delivery_id = delivery_of(request.alert_id, request.version, "correction", request.group_id)
    return e.DeliveryRequested(
        event_id=e.derive_id(delivery_id, "1"), at=at, delivery_id=delivery_id, alert_id=request.alert_id,
        version=request.version, kind="correction", group_id=request.group_id, channel=request.channel,
    )  # fmt: skip


def begin(event: e.AlertReleased) -> e.DecisionMade:
    """The order that marks the alert as being broadcast."""
    release = event.release
    decision_id = e.derive_id("begin", release.alert_id, str(release.version))
    order = Order(
        decision_id=decision_id, alert_id=release.alert_id, action=Action.BEGIN, actor=SYSTEM,
        role=Role.SYSTEM, at=event.at,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=event.at, order=order)
