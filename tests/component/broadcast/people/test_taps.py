"""A relayed warning through the real rooms: it waits, is tapped, completes, is recalled; each gets what it is
owed."""

from datetime import timedelta

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, AlertId, Origin, Role, State
from fenghuo.domain.taps import tap_id_of
from tests.support.builders import content, draft, group, order, settings
from tests.support.rooms_in_process import RunningRooms, running_rooms, seen_hash
from tests.support.waiting import until

A1 = AlertId("a1")
RELAYED = {"channel": "relay", "owner": "wang", "deputy": "li", "station": "东所"}


def officer(who: str, **more: object) -> e.Person:
    fields: dict[str, object] = {"name": who, "role": Role.OFFICER, "district": "示范区", "station": "东所"}
    return e.Person(person_id=who, **(fields | more))  # type: ignore[arg-type]


def tap(press: str, group_id: str, *, kind: e.TextKind = "warning", undo: bool = False) -> e.TapMade:
    now, tap_id = clock.now(), tap_id_of(press, A1, 1, kind, group_id)
    return e.TapMade(
        event_id=tap_id, at=now, tap_id=tap_id, person_id="wang", alert_id=A1, version=1, kind=kind,
        group_id=group_id, tapped_at=now, undo=undo,
    )  # fmt: skip


async def stands(running: RunningRooms, wanted: dict[str, str], kind: str = "warning") -> None:
    async def look() -> bool:
        rows = await running.desk.deliveries.ledger(A1, 1, kind)
        return {g: str(row.state) for g, row in rows.items()} == wanted

    await until(look, what=f"{kind} {wanted}")


async def state_is(running: RunningRooms, state: State) -> None:
    async def look() -> bool:
        alert = await running.desk.alerts.get(A1)
        return alert is not None and alert.state is state

    await until(look, what=state)


async def test_a_relayed_warning_waits_is_tapped_and_after_a_recall_owes_the_correction(
    redis_url: str, namespace: str
) -> None:
    now = clock.now()
    async with running_rooms(settings(redis_url=redis_url, namespace=namespace)) as running:
        await running.add_people([
            officer("wang"), officer("li"), officer("duty", duty=True),
            officer("analyst", role=Role.ANALYST), officer("boss", role=Role.APPROVER),
        ])  # fmt: skip
        await running.add_groups([group(n, **RELAYED) for n in (1, 2, 3)], now)
        text = content(channels=("relay",), expires_at=now + timedelta(hours=24))
        origin = Origin(first_report_at=now, fraud_type="BIZ")
        assert (await running.decide(draft(content=text, origin=origin, at=now)))[0] == "ok"
        assert (await running.decide(order(Action.SUBMIT, at=now)))[0] == "ok"
        seen = await seen_hash(running.desk)
        approve = order(Action.APPROVE, "boss", Role.APPROVER, at=now, seen_hash=seen)
        assert (await running.decide(approve))[0] == "ok"
        await stands(running, dict.fromkeys(("g0001", "g0002", "g0003"), "waiting"))

        async def told() -> bool:
            notices = await running.desk.notices.sent(A1, 1)
            return [(x.level, x.person_id) for x in notices] == [("todo", "wang")]

        await until(told, what="the owner's notice")
        await running.console.publish([tap("one", "g0001"), tap("two", "g0002")])
        await stands(running, {"g0001": "shown", "g0002": "shown", "g0003": "waiting"})
        await running.console.publish([tap("back", "g0002", undo=True), tap("two", "g0002")])
        await stands(running, {"g0001": "shown", "g0002": "waiting", "g0003": "waiting"})
        await state_is(running, State.BROADCASTING)
        recall = order(Action.RECALL, "boss", Role.APPROVER, at=clock.now(), reason="核实有误")
        assert (await running.decide(recall))[0] == "ok"
        await stands(running, {"g0001": "shown", "g0002": "unknown", "g0003": "superseded"})
        await stands(running, {"g0001": "waiting", "g0002": "waiting"}, "correction")
        await running.console.publish([tap("late", "g0003")])
        await stands(running, {"g0001": "shown", "g0002": "unknown", "g0003": "shown"})
        await stands(running, dict.fromkeys(("g0001", "g0002", "g0003"), "waiting"), "correction")
        await running.console.publish([tap("c", "g0003", kind="correction")])
        await stands(running, {"g0001": "waiting", "g0002": "waiting", "g0003": "shown"}, "correction")


async def test_all_tapped_completes_the_alert(redis_url: str, namespace: str) -> None:
    now = clock.now()
    async with running_rooms(settings(redis_url=redis_url, namespace=namespace)) as running:
        await running.add_people([
            officer("wang"), officer("analyst", role=Role.ANALYST), officer("boss", role=Role.APPROVER),
        ])  # fmt: skip
        await running.add_groups([group(1, **RELAYED)], now)
        text = content(channels=("relay",), expires_at=now + timedelta(hours=24))
        origin = Origin(first_report_at=now, fraud_type="BIZ")
        await running.decide(draft(content=text, origin=origin, at=now))
        await running.decide(order(Action.SUBMIT, at=now))
        seen = await seen_hash(running.desk)
        await running.decide(order(Action.APPROVE, "boss", Role.APPROVER, at=now, seen_hash=seen))
        await stands(running, {"g0001": "waiting"})
        await running.console.publish([tap("one", "g0001")])
        await state_is(running, State.COMPLETED)
