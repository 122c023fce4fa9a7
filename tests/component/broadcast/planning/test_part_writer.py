"""Parts that come late, twice, or to a desk that is not whole, on a real Redis."""

from typing import Any

import pytest

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.events import DeliveryState as State
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from tests.support.builders import group, released, settings
from tests.support.scripted_channels import (
    AHEAD,
    CUSTOMERS,
    BroadcastHarness,
    ScriptedTasks,
    room,
    wanted,
    written_out,
)


@pytest.fixture
def told(redis_url: str, namespace: str) -> Settings:
    return settings(redis_url=redis_url, namespace=namespace, quiet_from=0, quiet_to=0)


def shown(kind: str = "approved", **changes: Any) -> e.AlertReleased:
    now = clock.now()
    fields = {"expires_at": now + AHEAD, "approved_at": now, "groups": 1}
    return released(kind, **fields, channels=("relay", "webhook", "dingtalk", CUSTOMERS), **changes)


async def planned(here: BroadcastHarness, event: e.AlertReleased) -> list[e.Event]:
    """The plan of a release that shows on the desk; committed, its parts not written out yet."""
    await here.desk.project([event])
    outcome = await here.planner.on_alerts_released([event])
    await here.desk.project(outcome.events)
    return outcome.events


async def test_a_desk_without_its_groups_is_waited_for(told: Settings) -> None:
    async with room(told) as here:
        await here.know(*(group(n, channel="webhook", target="u") for n in range(3)))
        parts = await planned(here, shown())
        await here.desk.client.delete(here.desk.keys.groups)
        with pytest.raises(Transient, match="rebuild"):
            await written_out(here.desk, parts)
        await here.know(*(group(n, channel="webhook", target="u") for n in range(2)))
        with pytest.raises(Transient, match="rebuild"):
            await written_out(here.desk, parts)
        await here.know(group(2, channel="webhook", target="u", gone=True))
        out = await written_out(here.desk, parts)
        assert len(wanted(out)) == 2
        assert [x.reason for x in out if isinstance(x, e.ReceiptRecorded)] == ["the group is gone"]


async def test_a_part_done_again_touches_nothing_that_is_under_way(told: Settings) -> None:
    """Its outputs were committed, its offset was not; meanwhile the groups were moved to another channel."""
    async with room(told) as here:
        await here.know(*(group(n, channel="webhook", target="t") for n in range(2)))
        parts = await planned(here, shown())
        first, _ = asked = wanted(await written_out(here.desk, parts))
        assert isinstance(first, e.DeliveryRequested)
        await here.desk.project(asked)
        unknown = e.ReceiptRecorded(
            event_id="u", at=clock.now(), delivery_id=first.delivery_id, alert_id=first.alert_id, version=1,
            kind="warning", group_id=first.group_id, channel="webhook", state=State.UNKNOWN, attempt=1,
            may_have_arrived=True,
        )  # fmt: skip
        await here.desk.project([unknown])
        await here.know(group(0, channel="feishu"), group(1, channel="dingtalk", target="d"))
        assert await written_out(here.desk, parts) == []
        recalled = await planned(here, shown("recalled"))
        owed = [x for x in recalled if isinstance(x, e.PartPlanned)]
        assert [x.group_ids for x in owed] == [(first.group_id,)], "the correction is owed all the same"


async def test_what_an_owner_is_owed_and_the_part_that_follows_are_tasks_of_their_own(told: Settings) -> None:
    """The owner has sent version 1 to one group when version 2 comes; the platform tells of it before the
    part of version 2 is written out. Both tasks are polled and both are cancelled by a recall."""
    people = ScriptedTasks()
    ours = [group(n, channel=CUSTOMERS, target=f"wr{n}", owner="anna") for n in range(3)]
    async with room(told, tasks=people) as here:
        await here.know(*ours)
        first = await planned(here, shown())
        asked = await written_out(here.desk, first)
        await here.desk.project(asked)
        await here.deliver(wanted(asked))
        (task,) = people.created
        second = shown("updated", version=2)
        await here.desk.project([second])
        people.tap(task, "wr0", at=clock.now())
        polled = await here.poll()
        plan = await planned(here, second)
        owed = await here.owed(polled)
        part = await written_out(here.desk, plan)
        await here.desk.project(part)
        await here.deliver([*wanted(owed), *wanted(part)])
        tasks = await here.desk.deliveries.open_tasks()
        current = sorted(sorted(chat for _, chat in x.chats) for x in tasks.values() if x.version == 2)
        assert current == [["wr0"], ["wr1", "wr2"]]
        await here.desk.project([shown("recalled", version=2)])
        await here.poll()
        assert len(people.cancelled) == 3
        assert State.WAITING not in (await here.desk.deliveries.ledger(AlertId("a1"), 2)).values()
