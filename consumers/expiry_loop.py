"""Expires alerts whose time is over, and prunes the desk. Reads the desk; writes decisions.made."""

import asyncio

from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, Order, Role
from fenghuo.transport.stage import Transport

POLL_S = 20


class Expiry:
    """Polls every 20 s. Safe in several processes: the order's id is deterministic."""

    def __init__(self, desk: Desk, transport: Transport, cluster_hours: int) -> None:
        self._desk = desk
        self._transport = transport
        self._cluster_ms = cluster_hours * 3_600_000

    async def run(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await self.expire_due()

    async def expire_due(self) -> int:
        """Prune the desk and order the expiry of every alert that is due; returns how many."""
        now = clock.now()
        await self._desk.prune(clock.to_ms(now), self._cluster_ms)
        alerts = await self._desk.alerts.all()
        due = [a for a in alerts if a.state not in ENDED and a.content.expires_at <= now]
        await self._transport.publish([_order(a.alert_id, a.revision) for a in due])
        return len(due)


def _order(alert_id: str, revision: int) -> e.Event:
    """The order's id is derived from the revision that it is for, so a repeat is the same order."""
    decision_id = e.derive_id("expire", alert_id, str(revision))
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.EXPIRE, actor=SYSTEM,  # type: ignore[arg-type]
        role=Role.SYSTEM, at=clock.now(), seen_revision=revision,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=order.at, order=order)
