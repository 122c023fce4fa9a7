"""Is every group settled, and is a group owed anything? Reads receipts.recorded; writes decisions.made (the
completion) and deliveries.requested (what a group turns out to be owed after a recall or an update).
"""

from collections.abc import Iterable, Sequence

from broadcast.deliveries.requests import Dispatch, requests
from broadcast.planning.recall import Owed, owed, owed_ways
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, AlertId, Order, Role, State
from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, LedgerRow, ledger_rank
from fenghuo.transport.stage import Outcome

OVER = ENDED | {State.COMPLETED}


class Completion:
    """Compares the receipts of a release with its plan, and orders its completion once all are settled."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_receipts_recorded(self, events: Sequence[e.Event]) -> Outcome:
        receipts = [x for x in events if isinstance(x, e.ReceiptRecorded) and x.kind == "warning"]
        plans = [x for x in events if isinstance(x, e.DeliveriesPlanned) and x.kind == "warning"]
        outcome = Outcome(await self._owed(receipts))
        last: dict[tuple[AlertId, int], e.DeliveriesPlanned | e.ReceiptRecorded] = {}
        for plan in plans:
            last[plan.alert_id, plan.version] = plan
        for receipt in receipts:
            last[receipt.alert_id, receipt.version] = receipt
        alerts = await self._desk.alerts.get_many([alert_id for alert_id, _ in last])
        for (alert_id, version), event in last.items():
            alert = alerts.get(alert_id)
            if alert is not None and (alert.state in OVER or alert.version > version):
                continue
            if await self._is_settled(alert_id, version, plans, receipts):
                outcome.events.append(complete(alert_id, version, event))
        return outcome

    async def _is_settled(
        self,
        alert_id: AlertId,
        version: int,
        plans: Iterable[e.DeliveriesPlanned],
        receipts: Iterable[e.ReceiptRecorded],
    ) -> bool:
        """Whether as many groups as were planned are settled, by the desk and by this batch, which is not on
        the desk yet."""
        in_batch = [x.groups for x in plans if x.alert_id == alert_id and x.version == version]
        planned = in_batch[0] if in_batch else await self._desk.deliveries.planned_count(alert_id, version)
        ours = [x for x in receipts if x.alert_id == alert_id and x.version == version]
        now = {x.group_id for x in ours if x.state in e.SETTLED}
        if planned is None:
            return False
        if await self._desk.deliveries.settled_count(alert_id, version) + len(now) < planned:
            return False  # the counts are enough to say so: the ledger need not be read
        return await self._settled_count(alert_id, version, ours) >= planned

    async def _settled_count(self, alert_id: AlertId, version: int, ours: Iterable[e.ReceiptRecorded]) -> int:
        """Number of groups that are settled once ``ours`` are on the ledger."""
        latest: dict[str, e.ReceiptRecorded] = {}
        for x in ours:
            known = latest.get(x.group_id)
            if known is None or _rank(known) <= _rank(x):
                latest[x.group_id] = x
        settled = {group_id for group_id, x in latest.items() if x.state in e.SETTLED}
        async for page in self._desk.deliveries.ledger_pages(alert_id, version):
            for group_id, row in page.items():
                receipt = latest.get(group_id)
                if receipt is not None and _rank(row) <= _rank(receipt):
                    continue
                (settled.add if row.state in e.SETTLED else settled.discard)(group_id)
        return len(settled)

    async def _owed(self, receipts: Sequence[e.ReceiptRecorded]) -> list[e.Event]:
        """The deliveries of what groups turn out to be owed (planning/recall.py)."""
        arrived = [x for x in receipts if x.state in MAY_HAVE_ARRIVED]
        latest = await self._desk.releases.latest(sorted({x.alert_id for x in arrived}))
        events: list[e.Event] = []
        for what, late in owed(arrived, latest).items():
            events += await self._requests(what, late)
        return events

    async def _requests(self, what: Owed, late: Sequence[e.ReceiptRecorded]) -> list[e.Event]:
        """Deliveries of ``what`` to those groups that have none of it on the ledger."""
        release = await self._desk.releases.get(what.alert_id, what.version)
        group_ids = list(dict.fromkeys(x.group_id for x in late))
        known = await self._desk.deliveries.of_groups(*what, group_ids)
        groups = await self._desk.directory.groups_by_id([x for x in group_ids if x not in known])
        if release is None:
            return []
        tappers = await self._desk.directory.tappers(groups.values())
        dispatch = Dispatch(release, what.kind, late[0])
        return requests(dispatch, owed_ways(dispatch, groups.values(), late, tappers))


def _rank(x: LedgerRow | e.ReceiptRecorded) -> int:
    return ledger_rank(x.state, x.attempt, x.word)


def complete(alert_id: AlertId, version: int, cause: e.Event) -> e.DecisionMade:
    """The order that completes an alert; the same however often it is found complete."""
    decision_id = e.derive_id("complete", alert_id, str(version))
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.COMPLETE, actor=SYSTEM, role=Role.SYSTEM,
        at=cause.at, version=version,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=cause.at, order=order)
