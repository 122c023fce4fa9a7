"""Does every group have it, and is anything owed? Reads receipts.recorded; writes decisions.made (the
completion) and deliveries.requested (what a group turns out to be owed after a recall or an update).
"""

from collections.abc import Iterable, Mapping, Sequence

from broadcast.deliveries.requests import Plan, requests
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import ENDED, SYSTEM, Action, AlertId, Order, Role, State
from fenghuo.domain.delivery import MAY_HAVE_ARRIVED, LedgerRow, ledger_rank
from fenghuo.domain.routing import correction_way, ways_to
from fenghuo.transport.stage import Outcome

OVER = ENDED | {State.COMPLETED}


class Completion:
    """Holds the receipts of an alert against its plan, and asks for its completion when all are settled."""

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
            if await self._settled(alert_id, version, plans, receipts):
                outcome.events.append(complete(alert_id, version, event))
        return outcome

    async def _settled(
        self,
        alert_id: AlertId,
        version: int,
        plans: Iterable[e.DeliveriesPlanned],
        receipts: Iterable[e.ReceiptRecorded],
    ) -> bool:
        """Whether as many groups as were planned are settled, by the desk and by this batch (not yet on
        it)."""
        here = [x.groups for x in plans if x.alert_id == alert_id and x.version == version]
        planned = here[0] if here else await self._desk.deliveries.planned_count(alert_id, version)
        ours = [x for x in receipts if x.alert_id == alert_id and x.version == version]
        now = {x.group_id for x in ours if x.state in e.SETTLED}
        if (
            planned is None
            or await self._desk.deliveries.settled_count(alert_id, version) + len(now) < planned
        ):
            return False
        latest: dict[str, e.ReceiptRecorded] = {}
        for x in ours:
            known = latest.get(x.group_id)
            if known is None or _rank(known) <= _rank(x):
                latest[x.group_id] = x
        settled = {group_id for group_id, x in latest.items() if x.state in e.SETTLED}
        async for page in self._desk.deliveries.ledger_pages(alert_id, version):
            for group_id, row in page.items():
                mine = latest.get(group_id)
                if mine is not None and _rank(row) <= _rank(mine):
                    continue
                (settled.add if row.state in e.SETTLED else settled.discard)(group_id)
        return len(settled) >= planned

    async def _owed(self, receipts: Sequence[e.ReceiptRecorded]) -> list[e.Event]:
        """What is owed to groups that turn out to have a warning that was recalled or replaced: the
        platform, or a person, told of it only now."""
        have = [x for x in receipts if x.state in MAY_HAVE_ARRIVED]
        standing = await self._desk.releases.latest(sorted({x.alert_id for x in have}))
        late: dict[tuple[AlertId, int, e.Kind], list[e.ReceiptRecorded]] = {}
        for x in have:
            version, said = standing.get(x.alert_id, (0, ""))
            if said == "recalled" and version >= x.version:
                late.setdefault((x.alert_id, version, "correction"), []).append(x)
            elif said != "expired" and version > x.version:
                late.setdefault((x.alert_id, version, "warning"), []).append(x)
        owed: list[e.Event] = []
        for (alert_id, version, kind), found in late.items():
            owed += await self._requests(alert_id, version, kind, found)
        return owed

    async def _requests(
        self, alert_id: AlertId, version: int, kind: e.Kind, late: Sequence[e.ReceiptRecorded]
    ) -> list[e.Event]:
        release = await self._desk.releases.get(alert_id, version)
        came = {x.group_id: x for x in late}
        known = await self._desk.deliveries.of_groups(alert_id, version, kind, list(came))
        groups = await self._desk.directory.groups_by_id([x for x in came if x not in known])
        if release is None:
            return []
        people = await self._desk.directory.people()
        plan = Plan(release, kind, late[0])
        return requests(plan, _ways(plan, groups, came, people))


def _rank(x: LedgerRow | e.ReceiptRecorded) -> int:
    return ledger_rank(x.state, x.attempt, x.word)


def _ways(
    plan: Plan,
    groups: Mapping[str, e.Group],
    came: Mapping[str, e.ReceiptRecorded],
    people: Mapping[str, e.Person],
) -> Iterable[tuple[e.Group, e.Binding]]:
    """Each group with the way of its correction (as the warning came) or of the newer warning."""
    for group_id, group in groups.items():
        if plan.kind == "correction":
            way = correction_way(group, plan.release, people, came[group_id].channel)
        else:
            ways = ways_to(group, plan.release.channels, people, exercise=plan.release.exercise)
            way = next(iter(ways), None)
        if way is not None and not group.gone:
            yield group, way


def complete(alert_id: AlertId, version: int, cause: e.Event) -> e.DecisionMade:
    """The order that completes an alert; the same however often it is found complete."""
    decision_id = e.derive_id("complete", alert_id, str(version))
    order = Order(
        decision_id=decision_id, alert_id=alert_id, action=Action.COMPLETE, actor=SYSTEM, role=Role.SYSTEM,
        at=cause.at, version=version,
    )  # fmt: skip
    return e.DecisionMade(event_id=decision_id, at=cause.at, order=order)
