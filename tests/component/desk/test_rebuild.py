"""The desk of a mixed district in the middle of a release, rebuilt: taps, tasks, halts and notices are as
they were, and what is owed goes on."""

from datetime import timedelta

import pytest

from fenghuo import clock
from fenghuo.commands.rebuild import drop_desk, fold_again
from fenghuo.domain.alert import Action, Origin, Role
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.settings import Settings
from tests.component.broadcast.people.test_taps import A1, officer, tap
from tests.component.test_stories import desk_dump
from tests.support.builders import content, draft, group, order, settings
from tests.support.rooms_in_process import RunningRooms, running_rooms, seen_hash
from tests.support.scripted_channels import CUSTOMERS
from tests.support.waiting import until

CHANNELS = ("relay", "webhook", CUSTOMERS, "sandbox")
OWNED = {"owner": "wang", "deputy": "li", "station": "东所"}


@pytest.fixture(params=["redis", "kafka"])
def in_force(request: pytest.FixtureRequest, redis_url: str, namespace: str) -> Settings:
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    return settings(
        broker=request.param, redis_url=redis_url, kafka_servers=kafka, namespace=namespace,
        kafka_session_timeout_s=6, retry_base_s=60, webhook_private=True, webhook_secret="",
        remind_s=(0.5, 1.0, 1.5),
    )  # fmt: skip


async def known(running: RunningRooms) -> None:
    await running.add_people([
        officer("wang"), officer("li"), officer("duty", duty=True),
        officer("analyst", role=Role.ANALYST), officer("boss", role=Role.APPROVER),
    ])  # fmt: skip
    await running.add_groups([
        *(group(n, channel="relay", **OWNED) for n in range(3)),
        group(3, channel="webhook", target="http://127.0.0.1:9/x", **OWNED),
        group(4, channel=CUSTOMERS, target="wr1234", credential="none", **OWNED),
        group(5, **OWNED),
    ], clock.now())  # fmt: skip


async def under_way(running: RunningRooms) -> None:
    """A release that is tapped, halted, tasked and reminded of; nothing of it is over."""
    now = clock.now()
    text = content(channels=CHANNELS, expires_at=now + timedelta(hours=24))
    origin = Origin(first_report_at=now, fraud_type="BIZ")
    assert (await running.decide(draft(content=text, origin=origin, at=now)))[0] == "ok"
    assert (await running.decide(order(Action.SUBMIT, at=now)))[0] == "ok"
    approve = order(Action.APPROVE, "boss", Role.APPROVER, at=now, seen_hash=await seen_hash(running.desk))
    assert (await running.decide(approve))[0] == "ok"
    await states(running, g0000="waiting", g0003="retrying", g0004="retrying", g0005="shown")
    await running.console.publish([tap("one", "g0000"), tap("two", "g0001"), tap("back", "g0001", undo=True)])
    await states(running, g0000="shown", g0001="waiting")

    async def all_told() -> bool:
        told = {x.level for x in await running.desk.notices.sent(A1, 1)}
        return told == {"todo", "remind", "deputy", "station"}

    await until(all_told, what="every level's notice")


async def states(running: RunningRooms, kind: str = "warning", **wanted: str) -> None:
    async def look() -> bool:
        rows = await running.desk.deliveries.ledger(A1, 1, kind)
        return all(x in rows and rows[x].state == state for x, state in wanted.items())

    await until(look, what=f"{kind} {wanted}")


async def test_a_release_under_way_is_rebuilt_as_it_stands_and_goes_on(in_force: Settings) -> None:
    async with running_rooms(in_force) as running:
        await known(running)
        await under_way(running)
    desk = open_desk(in_force)
    transport = open_transport(in_force, "console", desk)
    await transport.start()
    live = await desk_dump(desk)
    assert set(await desk.deliveries.halted()) == {"webhook", f"{CUSTOMERS}/none"}
    await drop_desk(desk)
    await fold_again(desk, transport)
    again = await desk_dump(desk)
    await transport.stop()
    await desk.client.aclose()
    assert again.keys() == live.keys()
    assert {k: (live[k], again[k]) for k in live if live[k] != again[k]} == {}
    async with running_rooms(in_force) as running:
        await running.console.publish([tap("three", "g0002")])
        await states(running, g0000="shown", g0001="waiting", g0002="shown")
        recall = order(Action.RECALL, "boss", Role.APPROVER, at=clock.now(), reason="核实有误")
        assert (await running.decide(recall))[0] == "ok"
        owed = {"g0000": "waiting", "g0001": "waiting", "g0002": "waiting", "g0005": "shown"}
        await states(running, "correction", **owed)
        assert set(await running.desk.deliveries.ledger(A1, 1, "correction")) == set(owed), (
            "whoever had it, or may have"
        )
        await states(running, g0001="unknown", g0003="superseded", g0004="superseded")
