"""Owners' tasks on a real Redis: made once, asked about, taken back; on a platform that answers as told."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from broadcast.channels.base import Progress, SendResult, SendStatus, Task
from broadcast.leader_lease import LeaderLease
from broadcast.owner_tasks.task_maker import STILL_COMING
from broadcast.owner_tasks.task_poller import TaskPoller
from fenghuo import clock
from fenghuo.desk.deliveries import sending_mark
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.domain.events import DeliveryState as State
from fenghuo.settings import Settings
from tests.support.builders import group, settings
from tests.support.scripted_channels import (
    CUSTOMERS,
    BroadcastHarness,
    Scripted,
    ScriptedTasks,
    receipts,
    room,
)
from tests.support.waiting import until

UNKNOWN = SendResult(SendStatus.UNKNOWN, "no answer")


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = clock.now()

    def __call__(self) -> datetime:
        return self.at

    def go(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr(clock, "now", moved)
    return moved


@pytest.fixture
def told(redis_url: str, namespace: str) -> Settings:
    return settings(redis_url=redis_url, namespace=namespace, retry_base_s=1, quiet_from=0, quiet_to=0)


@pytest.fixture
def people() -> ScriptedTasks:
    return ScriptedTasks()


def owned(n: int, owner: str = "anna", **changes: Any) -> e.Group:
    return group(n, channel=CUSTOMERS, target=f"wr{n}", owner=owner, credential="district", **changes)


def by_robot() -> tuple[e.Binding, ...]:
    return (e.Binding(channel="dingtalk", target="t"),)


def requested(events: list[e.Event]) -> list[e.TaskRequested]:
    return [x for x in events if isinstance(x, e.TaskRequested)]


def closed(events: list[e.Event]) -> list[str]:
    return [x.task.task_id for x in events if isinstance(x, e.TaskChanged) and x.task.closed]


async def opened(here: BroadcastHarness, *groups: e.Group) -> list[e.Event]:
    """The task of ``groups``, made; returns what was requested."""
    await here.know(*groups)
    asked = await here.release()
    await here.deliver(asked)
    return asked


async def test_an_owner_gets_one_task_with_all_groups(told: Settings, people: ScriptedTasks) -> None:
    async with room(told, tasks=people) as here:
        asked = await opened(here, *(owned(n) for n in range(5)), owned(7, "ben"))
        await here.deliver([*asked, *asked])
        assert set((await here.states()).values()) == {State.WAITING}
        tasks = await here.desk.deliveries.open_tasks()
        assert {x.owner: len(x.chats) for x in tasks.values()} == {"anna": 5, "ben": 1}
    assert sorted(x.chats for x in people.created.values()) == [tuple(f"wr{n}" for n in range(5)), ("wr7",)]
    assert people.finds == 0


async def test_the_same_request_twice_in_a_batch_is_one_task(told: Settings, people: ScriptedTasks) -> None:
    async with room(told, tasks=people) as here:
        await here.know(owned(1))
        asked = await here.release()
        await here.deliver([*asked, *asked, *asked])
    assert (len(people.created), people.finds) == (1, 0)


async def test_the_owner_is_called_as_the_platform_does(told: Settings, people: ScriptedTasks) -> None:
    anna = e.Person(person_id="anna", name="安", role=Role.OFFICER, district="示范区", userid="AnnaW")
    async with room(told, tasks=people) as here:
        await here.desk.project([e.PersonChanged(event_id="p", at=clock.now(), person=anna)])
        await opened(here, owned(1))
    assert people.created["m1"].sender == "AnnaW"


async def test_a_group_that_the_platform_does_not_know_goes_by_its_next_way(
    told: Settings, people: ScriptedTasks
) -> None:
    people.refuses = frozenset({"wr1", "wr2"})
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding, tasks=people) as here:
        await opened(here, owned(0), owned(1, also=by_robot()), owned(2))
        assert await here.states() == {
            "g0000": State.WAITING,
            "g0001": State.RETRYING,
            "g0002": State.REFUSED,
        }
        (task,) = (await here.desk.deliveries.open_tasks()).values()
        assert task.chats == (("g0000", "wr0"),)
        await here.deliver(await here.retry())
        assert (await here.states())["g0001"] is State.SHOWN
    assert ding.groups == ["g0001"]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut off has reached the platform by now, or never will."""
    monkeypatch.setattr("broadcast.owner_tasks.task_maker.STILL_COMING", timedelta(0))


async def test_a_request_that_was_cut_off_is_not_asked_for_while_it_may_still_arrive(
    told: Settings, people: ScriptedTasks
) -> None:
    async with room(told, tasks=people) as here:
        await here.know(owned(1))
        asked = await here.release()
        await here.deliver(asked, commit=False)
        here.begin_again()
        await here.deliver(asked)
        assert (people.finds, await here.states()) == (0, {"g0001": State.RETRYING})
        (task,) = (await here.desk.deliveries.open_tasks()).values()
        assert task.due is not None and timedelta(seconds=3) < task.due - clock.now() <= STILL_COMING
    assert len(people.created) == 1


@pytest.mark.usefixtures("at_once")
async def test_killed_after_the_task_was_made_it_is_found_and_not_made_again(
    told: Settings, people: ScriptedTasks
) -> None:
    async with room(told, tasks=people) as here:
        await here.know(owned(1), owned(2))
        asked = await here.release()
        await here.deliver(asked, commit=False)
        here.begin_again()
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.WAITING}
        (task,) = (await here.desk.deliveries.open_tasks()).values()
        assert task.platform_id == "m1"
    assert len(people.created) == 1


@pytest.mark.usefixtures("at_once")
async def test_killed_before_the_task_was_made_it_is_made(told: Settings, people: ScriptedTasks) -> None:
    async def dies() -> None:
        raise asyncio.CancelledError

    people.on_create = dies
    async with room(told, tasks=people) as here:
        await here.know(owned(1))
        asked = await here.release()
        with contextlib.suppress(asyncio.CancelledError):
            await here.deliver(asked)
        here.begin_again()
        people.on_create = None
        await here.deliver(asked)
        assert await here.states() == {"g0001": State.WAITING}
    assert (len(people.created), people.finds) == (1, 1)


async def test_a_task_whose_answer_was_lost_is_found_and_nobody_is_owed_for_it(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    people.loses_answers = True
    async with room(told, tasks=people) as here:
        await opened(here, owned(1), owned(2))
        rows = await here.desk.deliveries.ledger("a1", 1)
        assert {(x.state, x.may_have_arrived) for x in rows.values()} == {(State.RETRYING, True)}
        assert await here.poll() == [], "not before its time"
        time.go(5)
        again = requested(await here.poll())
        assert [x.attempt for x in again] == [2]
        assert requested(await here.poll()) == [], "asked for once"
        await here.desk.project(again)  # as a rebuild does
        await here.deliver(again)
        rows = await here.desk.deliveries.ledger("a1", 1)
        assert {(x.state, x.may_have_arrived) for x in rows.values()} == {(State.WAITING, False)}
        assert await here.release("recalled") == [], "nobody has tapped"
    assert len(people.created) == 1


async def test_a_task_that_cannot_be_found_for_good_is_unknown(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    people.loses_answers, people.find_says = True, UNKNOWN
    async with room(told, tasks=people) as here:
        await opened(here, owned(1, also=by_robot()))
        for _ in range(told.delivery_attempts - 1):
            time.go(700)
            await here.deliver(requested(await here.poll()))
        assert await here.states() == {"g0001": State.UNKNOWN}
        time.go(700)
        assert len(closed(await here.poll())) == 1
        assert await here.desk.deliveries.open_tasks() == {}
        assert await here.retry() == []
    assert len(people.created) == 1


async def test_a_task_that_was_refused_after_a_retry_is_asked_for_no_more(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    people.create_says = SendResult(SendStatus.RETRY, "HTTP 503")
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding, tasks=people) as here:
        await opened(here, owned(1, also=by_robot()), owned(2))
        time.go(5)
        people.create_says = SendResult(SendStatus.REFUSED, "no such owner")
        await here.deliver(requested(await here.poll()))
        assert await here.states() == {"g0001": State.RETRYING, "g0002": State.REFUSED}
        time.go(5)
        assert closed(await here.poll())
        for _ in range(3):
            time.go(5)
            assert await here.poll() == []
        await here.deliver(await here.retry())
        assert (await here.states())["g0001"] is State.SHOWN


async def test_recalled_before_it_was_made_no_task_is_made(told: Settings, people: ScriptedTasks) -> None:
    async with room(told, tasks=people) as here:
        await here.know(owned(1))
        asked = await here.release()
        assert await here.release("recalled") == []
        await here.deliver(asked, commit=False)
        assert not (await here.desk.deliveries.ledger("a1", 1))["g0001"].may_have_arrived, (
            "nobody is owed a correction of it"
        )
        await here.deliver(asked)
        assert await here.states() == {"g0001": State.SUPERSEDED}
    assert people.created == {}


async def test_recalled_while_it_is_being_made_it_is_cancelled_by_the_poller(
    told: Settings, people: ScriptedTasks
) -> None:
    async with room(told, tasks=people) as here:
        owed: list[e.Event] = []

        async def recall() -> None:
            owed.extend(await here.release("recalled"))

        people.on_create = recall
        await opened(here, owned(1), owned(2))
        assert set((await here.states()).values()) == {State.WAITING}
        await here.poll()
        assert set((await here.states()).values()) == {State.SUPERSEDED}
        assert await here.desk.deliveries.open_tasks() == {}
        assert {x.owner for x in requested(owed)} == {"anna"}, "it may have left when the recall was planned"
    assert people.cancelled == ["m1"]


async def test_recalled_after_the_crash_that_made_it_it_is_found_and_cancelled(
    told: Settings, people: ScriptedTasks
) -> None:
    async with room(told, tasks=people) as here:
        await here.know(owned(1))
        asked = await here.release()
        await here.deliver(asked, commit=False)
        here.begin_again()
        await here.release("recalled")
        await here.deliver(asked)
        await here.poll()
        assert await here.states() == {"g0001": State.SUPERSEDED}
    assert (len(people.created), people.cancelled) == (1, ["m1"])


async def test_recalled_while_its_answer_is_lost_it_is_looked_for_and_cancelled(
    told: Settings, people: ScriptedTasks, time: Time
) -> None:
    people.loses_answers = True
    async with room(told, tasks=people) as here:
        await opened(here, owned(1), owned(2))
        people.tap("m1", "wr1", at=time.at)
        await here.release("recalled")
        people.find_says = UNKNOWN
        await here.poll()
        assert set((await here.states()).values()) == {State.RETRYING}, "not before the platform has told"
        people.find_says = None
        time.go(3)
        await here.poll()
        assert await here.states() == {"g0001": State.SHOWN, "g0002": State.SUPERSEDED}
        assert await here.desk.deliveries.open_tasks() == {}
    assert people.cancelled == ["m1"]


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


@pytest.mark.usefixtures("at_once")
async def test_an_owners_other_task_of_the_same_text_is_not_taken_for_this_one(
    told: Settings, people: ScriptedTasks
) -> None:
    """A group that came to its owner's tap by a detour has a task of its own, which was cut off."""
    ding = Scripted("dingtalk", idempotent=False, answer=lambda _m: SendResult(SendStatus.REFUSED, "gone"))
    also = (e.Binding(channel=CUSTOMERS, target="wr4", credential="district"),)
    async with room(told, ding, tasks=people) as here:
        await opened(here, owned(1), group(4, channel="dingtalk", target="t", owner="anna", also=also))
        (again,) = await here.retry()
        assert isinstance(again, e.DeliveryRequested)
        await here.desk.apply([sending_mark(again, "g0004", clock.now(), here.desk.keys)])
        await here.deliver([again])
        assert await here.states() == {"g0001": State.WAITING, "g0004": State.WAITING}
    assert [x.chats for x in people.created.values()] == [("wr1",), ("wr4",)]
