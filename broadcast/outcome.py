"""Does every group have it? Reads receipts.recorded; writes decisions.made (the completion)."""

from collections.abc import Sequence

from fenghuo import events as e
from fenghuo.alerts import ENDED, SYSTEM, Action, AlertId, Order, Role, State
from fenghuo.stores.desk import Desk
from fenghuo.transport.pipeline import Outcome

OVER = ENDED | {State.COMPLETED}


class Completion:
    """Holds the receipts of an alert against its plan, and asks for its completion when all are settled."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_receipts_recorded(self, events: Sequence[e.Event]) -> Outcome:
        outcome = Outcome()
        last: dict[tuple[AlertId, int], e.Event] = {}
        for event in events:
            if isinstance(event, e.ReceiptRecorded | e.DeliveriesPlanned) and event.kind == "warning":
                last[event.alert_id, event.version] = event
        alerts = await self._desk.alerts_by_id([alert_id for alert_id, _ in last])
        for (alert_id, version), event in last.items():
            alert = alerts.get(alert_id)
            if alert is not None and alert.state in OVER:
                continue
            if await self._settled(alert_id, version, events):
                outcome.events.append(complete(alert_id, version, event))
        return outcome

    async def _settled(self, alert_id: AlertId, version: int, events: Sequence[e.Event]) -> bool:
        """Whether as many groups as were planned are settled, by the desk and by this batch (not yet on
        it)."""
        mine = [
            x
            for x in events
            if getattr(x, "alert_id", None) == alert_id and getattr(x, "version", 0) == version
        ]
        planned = next(
            (x.groups for x in mine if isinstance(x, e.DeliveriesPlanned) and x.kind == "warning"), None
        )
        if planned is None:
            planned = await self._desk.planned(alert_id, version)
        if planned is None:
            return False
        done = {
            g for g, row in (await self._desk.ledger(alert_id, version)).items() if row.state in e.SETTLED
        }
        done |= {
            x.group_id
            for x in mine
            if isinstance(x, e.ReceiptRecorded) and x.kind == "warning" and x.state in e.SETTLED
        }
        return len(done) >= planned


def complete(alert_id: AlertId, version: int, cause: e.Event) -> e.DecisionMade:
    """The order that completes an alert; the same however often it is found complete."""
    decision_id = e.derive_id("complete", alert_id, str(version))
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.COMPLETE, actor=SYSTEM, role=Role.SYSTEM,
        at=cause.at, version=version,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=cause.at, order=order)
