"""What time takes: alerts that expire, lists that age. Reads the desk; writes decisions.made."""

import asyncio

from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, Order, Role
from fenghuo.transport.stage import Transport

LOOK_EVERY_S = 20


class Expiry:
    """Looks every 20 s; two processes ask alike, and the second order changes nothing."""

    def __init__(self, desk: Desk, transport: Transport, cluster_hours: int) -> None:
        self._desk = desk
        self._transport = transport
        self._cluster_ms = cluster_hours * 3_600_000

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> int:
        """Ask for the expiry of every alert whose time has come (returns how many); clear the desk of old
        things."""
        now = clock.now()
        await self._desk.prune(clock.to_ms(now), self._cluster_ms)
        alerts = await self._desk.alerts.all()
        due = [a for a in alerts if a.state not in ENDED and a.content.expires_at <= now]
        await self._transport.publish([_order(a.alert_id, a.revision) for a in due])
        return len(due)


def _order(alert_id: str, revision: int) -> e.Event:
    """Named by the revision it is made for, so that asking twice is asking once."""
    decision_id = e.derive_id("expire", alert_id, str(revision))
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.EXPIRE, actor=SYSTEM,  # type: ignore[arg-type]
        role=Role.SYSTEM, at=clock.now(), seen_revision=revision,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=order.at, order=order)
