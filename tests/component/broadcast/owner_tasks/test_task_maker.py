"""Owners' tasks on a real Redis: created once, whatever is killed or lost."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from broadcast.channels.base import SendResult, SendStatus
from broadcast.owner_tasks.task_maker import STILL_COMING
from fenghuo import clock
from fenghuo.desk.deliveries import sending_mark
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.domain.events import DeliveryState as State
from fenghuo.settings import Settings
from tests.support.builders import group
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
    room,
)

UNKNOWN = SendResult(SendStatus.UNKNOWN, "no answer")


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
