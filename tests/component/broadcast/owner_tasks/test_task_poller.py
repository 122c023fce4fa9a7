"""Owners' tasks on a real Redis: polled, reminded of, cancelled, and given up for another way."""

import asyncio
from datetime import datetime

from broadcast.channels.base import Progress, SendResult, SendStatus, Task
from broadcast.leader_lease import LeaderLease
from broadcast.owner_tasks.task_poller import TaskPoller
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.events import DeliveryState as State
from fenghuo.settings import Settings
from tests.support.builders import settings
from tests.support.delivery_builders import (
    Time,
    by_robot,
    closed,
    opened,
    owned,
    requested,
)
from tests.support.scripted_channels import (
    CUSTOMERS,
    Scripted,
    ScriptedTasks,
    receipts,
    room,
)
from tests.support.waiting import until

UNKNOWN = SendResult(SendStatus.UNKNOWN, "no answer")


async def test_a_tap_is_shown_by_the_platforms_time_and_all_settled_is_closed(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    async with room(told, tasks=people) as here:
        await opened(here, owned(1), owned(2))
        sent_at = time.go(30)
        people.tap("m1", "wr1", at=sent_at)
        time.go(60)
        events = await here.poll()
        (shown,) = receipts(events).values()
        assert (shown.group_id, shown.state, shown.at) == ("g0001", State.SHOWN, sent_at)
        assert (shown.by, shown.cause) == ("anna", "poll")
        assert closed(events) == []
        people.tap("m1", "wr2", at=time.at)
        time.go(16)
        assert len(closed(await here.poll())) == 1
        assert set((await here.states()).values()) == {State.SHOWN}
        time.go(100)
        assert await here.poll() == []


async def test_what_the_platform_refused_goes_on_and_what_it_never_told_of_is_refused(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding, tasks=people) as here:
        await opened(here, owned(1, also=by_robot()), owned(2), owned(3))
        people.tap("m1", "wr3", at=time.go(10))
        people.shown["m1"]["wr1"] = (SendResult(SendStatus.REFUSED, "the group's quota is used up"), time.at)
        await here.poll()
        assert await here.states() == {
            "g0001": State.RETRYING, "g0002": State.WAITING, "g0003": State.SHOWN,
        }  # fmt: skip
        await here.deliver(await here.retry())
        assert (await here.states())["g0001"] is State.SHOWN
        time.go(61)
        assert closed(await here.poll())
        assert (await here.states())["g0002"] is State.REFUSED
    assert ding.groups == ["g0001"]


async def test_a_recall_cancels_and_owes_the_correction_to_exactly_those_who_had_sent(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    async with room(told, tasks=people) as here:
        await opened(here, *(owned(n) for n in range(4)))
        people.tap("m1", "wr1", "wr3", at=time.go(5))
        assert await here.release("recalled") == [], "the platform has not told us yet"
        polled = await here.poll()
        assert await here.states() == {
            "g0000": State.SUPERSEDED, "g0001": State.SHOWN, "g0002": State.SUPERSEDED, "g0003": State.SHOWN,
        }  # fmt: skip
        assert await here.desk.deliveries.open_tasks() == {}
        owed = await here.owed(polled)
        (task,) = requested(owed)
        assert (task.kind, task.owner, set(task.group_ids)) == ("correction", "anna", {"g0001", "g0003"})
        assert requested(await here.owed(polled)) == [], "and only once"
        await here.deliver(owed)
        assert set((await here.states(kind="correction")).values()) == {State.WAITING}
        time.go(5)
        await here.poll()
        assert set((await here.states(kind="correction")).values()) == {State.WAITING}, "it stands"
    assert people.cancelled == ["m1"]
    assert people.created["m2"].text != people.created["m1"].text


async def test_a_platform_that_cannot_be_asked_leaves_the_task_to_be_taken_back(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    people.cancel_says = SendResult(SendStatus.RETRY, "HTTP 503")
    async with room(told, tasks=people) as here:
        await opened(here, owned(1))
        await here.release("recalled")
        await here.poll()
        assert await here.states() == {"g0001": State.WAITING}
        people.cancel_says = SendResult(SendStatus.SHOWN)
        time.go(3)
        await here.poll()
        assert await here.states() == {"g0001": State.SUPERSEDED}


async def test_a_group_that_went_on_is_not_taken_back_with_its_old_task(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    ding = Scripted("dingtalk", idempotent=False, answer=lambda _m: UNKNOWN)
    async with room(told, ding, tasks=people) as here:
        await opened(here, owned(1, also=by_robot()), owned(2))
        people.shown["m1"] = {"wr1": (SendResult(SendStatus.REFUSED, "not reachable"), time.go(5))}
        await here.poll()
        goes_on = await here.retry()
        await here.desk.project(goes_on)
        await here.release("recalled")
        polled = await here.poll()
        assert set(receipts(polled)) == {"g0002"}


async def test_an_update_cancels_the_older_versions_task(told: Settings, people: ScriptedTasks) -> None:
    async with room(told, tasks=people) as here:
        await opened(here, owned(1), owned(2))
        asked = await here.release("updated", version=2, text="更新后的预警")
        await here.deliver(asked)
        await here.poll()
        assert set((await here.states(1)).values()) == {State.SUPERSEDED}
        assert set((await here.states(2)).values()) == {State.WAITING}
        assert [x.version for x in (await here.desk.deliveries.open_tasks()).values()] == [2]
    assert people.cancelled == ["m1"]


async def test_an_owner_is_reminded_three_times_at_most(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    async with room(told, tasks=people) as here:
        await opened(here, owned(1))
        found = []
        for _ in range(100):
            time.go(30)
            await here.poll()
            found.append(len(people.reminded))
    assert found[8:10] == [0, 1], "at five minutes"
    assert found[-1] == 3
    assert found == sorted(found)


async def test_nobody_is_reminded_at_night_of_what_is_moderate(
    redis_url: str, namespace: str, people: ScriptedTasks, time: Time
) -> None:
    time.at = datetime.fromisoformat("2026-03-09T21:50:00+08:00")
    told = settings(redis_url=redis_url, namespace=namespace)
    async with room(told, tasks=people) as here:
        await here.know(owned(1))
        await here.deliver(await here.release(severity="moderate"))
        for _ in range(8):
            time.go(3600)
            await here.poll()
        assert people.reminded == []
        time.at = datetime.fromisoformat("2026-03-10T07:25:00+08:00")
        await here.poll()
        assert people.reminded == ["m1"]


async def test_a_halted_task_is_made_again_after_the_resume(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    people.create_says = SendResult(SendStatus.MISCONFIGURED, "invalid corpid")
    ding = Scripted("dingtalk", idempotent=False)
    name = f"{CUSTOMERS}/district"
    async with room(told, ding, tasks=people) as here:
        await here.know(owned(1, also=by_robot()), owned(2))
        events = await here.deliver(await here.release())
        assert [x.name for x in events if isinstance(x, e.ChannelChanged)] == [name]
        rows = await here.desk.deliveries.ledger("a1", 1)
        assert {k: (x.state, x.held) for k, x in rows.items()} == {
            "g0001": (State.RETRYING, ""), "g0002": (State.RETRYING, "halted"),
        }  # fmt: skip
        time.go(100)
        assert await here.poll() == []
        people.create_says = None
        resume = e.ChannelChanged(event_id="r", at=time.at, name=name, halted=False, reason="", by="ben")
        await here.desk.project([resume])
        await here.deliver(requested(await here.poll()))
        await here.deliver(await here.retry())
        assert await here.states() == {"g0001": State.SHOWN, "g0002": State.WAITING}
    assert [x.chats for x in people.created.values()] == [("wr2",)]
    assert ding.groups == ["g0001"]


async def test_a_task_that_a_halt_holds_is_superseded_by_the_recall(
    told: Settings, people: ScriptedTasks
) -> None:
    people.create_says = SendResult(SendStatus.MISCONFIGURED, "invalid corpid")
    async with room(told, tasks=people) as here:
        await opened(here, owned(1))
        await here.release("recalled")
        await here.poll()
        assert await here.states() == {"g0001": State.SUPERSEDED}
        assert await here.desk.deliveries.open_tasks() == {}
    assert people.cancelled == []


async def test_an_owner_who_does_not_tap_is_not_waited_for_where_there_is_a_next_way(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding, tasks=people) as here:
        await opened(here, owned(1, also=by_robot()), owned(2, also=by_robot()))
        for _ in range(29):
            time.go(30)
            await here.poll()
        assert set((await here.states()).values()) == {State.WAITING}
        people.shown["m1"] = {"wr2": (SendResult(SendStatus.SHOWN), time.at)}
        time.go(60)
        await here.poll()
        await here.deliver(await here.retry())
        assert set((await here.states()).values()) == {State.SHOWN}
        assert await here.desk.deliveries.open_tasks() == {}
    assert (ding.groups, people.cancelled) == (["g0001"], ["m1"])


async def test_one_of_two_pollers_works(told: Settings, people: ScriptedTasks) -> None:
    async with room(told, tasks=people) as here:
        first, second = (LeaderLease(here.desk, "polling", 0.2) for _ in range(2))
        assert [
            await first.acquire_or_renew(),
            await second.acquire_or_renew(),
            await first.acquire_or_renew(),
        ] == [True, False, True]
        await until(second.acquire_or_renew, what="the end of the first one's lease")
        assert not await first.acquire_or_renew()


async def test_two_pollers_at_once_lead_to_the_same(told: Settings, people: ScriptedTasks) -> None:
    """The lease proves nothing: what both do is safe to do twice."""
    async with room(told, tasks=people) as here:
        await opened(here, owned(1), owned(2))
        people.tap("m1", "wr1", at=clock.now())
        await here.release("recalled")
        other = TaskPoller(here.desk, here.wire, here.tasks, told)  # type: ignore[arg-type]
        await asyncio.gather(here.poller.cancel_recalled(), other.cancel_recalled())
        by_id = {x.event_id: x for x in here.wire.sent}
        await here.desk.project(here.wire.sent)
        assert await here.states() == {"g0001": State.SHOWN, "g0002": State.SUPERSEDED}
        assert len(by_id) == 3
        assert len(requested(await here.owed(here.wire.sent))) == 1


async def test_a_platform_that_is_slow_to_tell_does_not_hold_a_recall_up(told: Settings, time: Time) -> None:
    people, asked, gate = ScriptedTasks(), asyncio.Event(), asyncio.Event()
    progress = people.progress

    async def slow(task: Task, task_id: str) -> Progress:
        if not people.cancelled:
            asked.set()
            await gate.wait()
        return await progress(task, task_id)

    people.progress = slow  # type: ignore[method-assign]
    async with room(told, tasks=people) as here:
        await opened(here, owned(1))
        time.go(60)
        asking = asyncio.create_task(here.poller.poll_open())
        await asyncio.wait_for(asked.wait(), 5)
        await here.release("recalled")
        await asyncio.wait_for(here.poller.cancel_recalled(), 5)
        assert people.cancelled == ["m1"]
        gate.set()
        await asking
        await here.desk.project(here.wire.sent)
        assert await here.states() == {"g0001": State.SUPERSEDED}
