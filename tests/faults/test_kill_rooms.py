"""kill -9 of any room in the middle of a fan-out: every group still gets exactly one message."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from fenghuo import clock
from fenghuo.commands.supervisor import Supervisor
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, AlertId, Order, Origin, Role, State
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.servers.ports import free_port
from fenghuo.settings import Settings
from tests.support.builders import PEOPLE, content, decision, draft, group, order, person_changed, settings
from tests.support.rooms_in_process import seen_hash
from tests.support.sandbox_wall import Wall, WallCount
from tests.support.waiting import until

GROUPS = 600
PER_SECOND = 120
"""So that a fan-out takes 5 s, long enough to be hit in its middle."""
BATCH = 500
"""What the sender may have under way when it is killed, and so may ask for a second time."""
GROUP_IDS = [f"g{n:04d}" for n in range(GROUPS)]


@pytest.fixture(scope="module", params=["redis", "kafka"])
def supervisor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Supervisor]:
    """The whole system as processes, with its groups on the desk."""
    ports = {f"{name}_port": free_port() for name in ("console", "intake", "consumers", "broadcast")}
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    told = settings(
        broker=request.param, kafka_servers=kafka, kafka_session_timeout_s=6, namespace=f"k{os.getpid()}",
        data_dir=tmp_path_factory.mktemp("system"), sandbox_per_s=PER_SECOND, secret_key="",
        webhook_secret="", **ports,
    )  # fmt: skip
    running = Supervisor(told)
    running.start()
    try:
        asyncio.run(with_publisher(running, bring_groups))
        yield running
    finally:
        running.stop()


class Publisher:
    """What the tests say to the system: the console's part, without a browser."""

    def __init__(self, told: Settings) -> None:
        self.desk = open_desk(told)
        self.transport = open_transport(told, "console", self.desk)

    async def decide(self, wanted: Order) -> tuple[str, str]:
        await self.transport.publish([decision(wanted)])
        outcomes = self.desk.order_outcomes
        return await until(lambda: outcomes.get(wanted.decision_id), 60, what=f"{wanted.action}")


async def with_publisher(supervisor: Supervisor, work: Callable[[Publisher], Awaitable[None]]) -> None:
    environment = supervisor.environment
    told = supervisor.settings.model_copy(
        update={
            "redis_url": environment["FENGHUO_REDIS_URL"],
            "kafka_servers": environment.get("FENGHUO_KAFKA_SERVERS", ""),
        }
    )
    publisher = Publisher(told)
    await publisher.transport.start()
    try:
        await work(publisher)
    finally:
        await publisher.transport.stop()
        await publisher.desk.client.aclose()


async def bring_groups(publisher: Publisher) -> None:
    """And the people who release warnings to them."""
    now = clock.now()
    await publisher.transport.publish([
        *[person_changed(x) for x in PEOPLE],
        *[e.GroupChanged(event_id=f"g{n}", at=now, group=group(n)) for n in range(GROUPS)],
    ])  # fmt: skip

    async def there() -> bool:
        people = await publisher.desk.directory.people()
        return len(people) == len(PEOPLE) and len(await publisher.desk.directory.groups()) == GROUPS

    await until(there, 60, "the groups on the desk")


async def release(publisher: Publisher, alert_id: AlertId) -> None:
    """Draft, submit, approve: three orders, two persons."""
    now = clock.now()
    text = content(expires_at=now + (content().expires_at - draft().at))
    same = {"alert_id": alert_id, "at": now}
    origin = Origin(first_report_at=now, fraud_type="BIZ")
    wanted = [
        draft(content=text, origin=origin, decision_id=f"d-{alert_id}", **same),
        order(Action.SUBMIT, decision_id=f"s-{alert_id}", **same),
    ]
    for each in wanted:
        assert await publisher.decide(each) == ("ok", "")
    seen = await seen_hash(publisher.desk, alert_id)
    approve = order(
        Action.APPROVE, "boss", Role.APPROVER, decision_id=f"a-{alert_id}", seen_hash=seen, **same
    )
    assert await publisher.decide(approve) == ("ok", "")


async def on_the_wall(supervisor: Supervisor, wall: Wall, alert_id: str, groups: int) -> WallCount:
    """How the alert stands once ``groups`` groups have it."""

    def shown() -> WallCount | None:
        assert supervisor.failure is None, supervisor.failure
        found = wall.count(alert_id, GROUP_IDS)
        return found if found.groups >= groups else None

    return await until(shown, 60, f"{groups} groups that have it")


@pytest.mark.parametrize("rooms", [("broadcast",), ("consumers",), ("producers", "console")], ids="-".join)
def test_killing_rooms_in_the_fan_out_costs_no_group_and_doubles_none(
    supervisor: Supervisor, rooms: tuple[str, ...]
) -> None:
    """Producers and console take no part in it, so one fan-out serves for both."""
    alert_id = AlertId(e.derive_id("killed", *rooms))
    wall = Wall(supervisor.environment["FENGHUO_REDIS_URL"], supervisor.settings.namespace)
    asked_twice = wall.repeats()
    before = {room: supervisor.rooms[room].process.pid for room in rooms}

    async def kill_in_the_middle(publisher: Publisher) -> None:
        await release(publisher, alert_id)
        await on_the_wall(supervisor, wall, alert_id, GROUPS // 10)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        assert wall.count(alert_id, GROUP_IDS).groups < GROUPS, "the fan-out was over before the kill"
        shown = await on_the_wall(supervisor, wall, alert_id, GROUPS)
        assert (shown.groups, shown.extra) == (GROUPS, 0)
        await completed(publisher, alert_id)
        assert wall.repeats() - asked_twice <= BATCH
        await back(supervisor, before)

    try:
        asyncio.run(with_publisher(supervisor, kill_in_the_middle))
    finally:
        wall.close()


async def back(supervisor: Supervisor, before: dict[str, int]) -> None:
    """Each killed room is there again, as another process, and can do its work."""

    async def all_back() -> bool:
        fresh = all(supervisor.rooms[room].process.pid != pid for room, pid in before.items())
        return fresh and not [room for room in before if await asyncio.to_thread(supervisor.ready, room)]

    await until(all_back, 60, "the killed rooms")


async def completed(publisher: Publisher, alert_id: AlertId) -> None:
    """The ledger agrees with the wall, and the alert's life goes on to its end."""

    async def done() -> bool:
        alert = await publisher.desk.alerts.get(alert_id)
        return alert is not None and alert.state is State.COMPLETED

    await until(done, 60, "the completion")
    ledger = await publisher.desk.deliveries.ledger(alert_id, 1)
    assert {row.state for row in ledger.values()} == {e.DeliveryState.SHOWN}
    assert len(ledger) == GROUPS


def test_the_house_ends_cleanly_and_starts_again_with_its_state(tmp_path: Path) -> None:
    ports = {f"{name}_port": free_port() for name in ("console", "intake", "consumers", "broadcast")}
    told = settings(data_dir=tmp_path / "data", secret_key="", webhook_secret="", **ports)
    first = Supervisor(told)
    first.start()
    asyncio.run(with_publisher(first, bring_groups))
    processes = [room.process for room in first.rooms.values()]
    first.stop()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    second = Supervisor(told)
    second.start()
    try:

        async def still_there(publisher: Publisher) -> None:
            assert len(await publisher.desk.directory.groups()) == GROUPS

        asyncio.run(with_publisher(second, still_there))
    finally:
        second.stop()
