"""A recall in the worst moment: whoever may have the warning gets the correction, and the ledger says so."""

import json
from collections.abc import AsyncIterator

import pytest

from broadcast.app import open_channels
from broadcast.limits.circuit_breaker import FailureWindow
from broadcast.limits.rate_limiter import RateLimiter
from broadcast.owner_tasks.task_maker import TaskMaker
from broadcast.planning.planner import Planner
from broadcast.sending.answer_journal import AnswerJournal
from broadcast.sending.sender import Sender
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.events import DeliveryState as State
from fenghuo.errors import Transient
from fenghuo.runtime.room import open_desk
from tests.support.builders import NOON, content, group, group_changed, released, settings
from tests.support.scripted_channels import written_out

GROUPS = [group(n) for n in range(6)]
AHEAD = content().expires_at - NOON


class Stand:
    """A desk, a sender and a planner, driven by hand so that they can be cut off anywhere."""

    def __init__(self, desk: Desk, redis_url: str, namespace: str) -> None:
        told = settings(redis_url=redis_url, namespace=namespace)
        self.desk = desk
        self.channels = open_channels(told, desk)
        quota, tally = RateLimiter(desk.client, desk.keys), FailureWindow(told.halt_failures, told.halt_share)
        maker = TaskMaker(desk, quota, self.channels.tasks, told)
        self.sender = Sender(desk, quota, self.channels.direct, maker, AnswerJournal(desk), tally, told)
        self.planner = Planner(desk, told)
        self.release = {"expires_at": clock.now() + AHEAD, "groups": len(GROUPS)}

    async def approve(self) -> list[e.DeliveryRequested]:
        """The release on the desk, and the deliveries that follow."""
        event = released(**self.release)
        await self.desk.project([event])
        return await self._asked(event)

    async def recall(self) -> set[str]:
        """Recall on the desk; the groups that are owed the correction."""
        event = released("recalled", **self.release)
        await self.desk.project([event])
        return {x.group_id for x in await self._asked(event)}

    async def _asked(self, event: e.AlertReleased) -> list[e.DeliveryRequested]:
        planned = await self.planner.on_alerts_released([event])
        asked = await written_out(self.desk, planned.events)
        await self.desk.project([*planned.events, *asked])
        return [x for x in asked if isinstance(x, e.DeliveryRequested)]

    async def on_the_wall(self) -> set[str]:
        found = set()
        for each in GROUPS:
            shown = await self.desk.client.hvals(self.desk.keys.wall(each.group_id))
            if any(json.loads(message)["kind"] == "warning" for message in shown):
                found.add(each.group_id)
        return found


@pytest.fixture
async def stand(redis_url: str, namespace: str) -> AsyncIterator[Stand]:
    desk = open_desk(settings(redis_url=redis_url, namespace=namespace))
    await desk.project([group_changed(each) for each in GROUPS])
    built = Stand(desk, redis_url, namespace)
    yield built
    for channel in (*built.channels.direct.values(), *built.channels.tasks.values()):
        await channel.aclose()
    await desk.client.aclose()


async def test_a_sender_killed_after_sending_leaves_no_group_without_correction(stand: Stand) -> None:
    asked = await stand.approve()
    await stand.sender.on_deliveries_requested(asked)  # sent; killed before its outcome was committed
    owed = await stand.recall()
    assert owed == await stand.on_the_wall() == {each.group_id for each in GROUPS}
    redone = await stand.sender.on_deliveries_requested(asked)
    assert {x.state for x in redone.events if isinstance(x, e.ReceiptRecorded)} == {State.UNKNOWN}


async def test_a_recall_in_the_middle_corrects_those_who_have_it_and_no_others(stand: Stand) -> None:
    asked = await stand.approve()
    first = await stand.sender.on_deliveries_requested(asked[:2])
    await stand.desk.project(first.events)
    owed = await stand.recall()
    assert owed == await stand.on_the_wall() == {asked[0].group_id, asked[1].group_id}
    rest = await stand.sender.on_deliveries_requested(asked[2:])
    assert {x.state for x in rest.events if isinstance(x, e.ReceiptRecorded)} == {State.SUPERSEDED}
    assert await stand.on_the_wall() == owed


async def test_the_planner_waits_until_the_desk_shows_the_recall(stand: Stand) -> None:
    await stand.approve()
    with pytest.raises(Transient, match="not on the desk yet"):
        await stand.planner.on_alerts_released([released("recalled", **stand.release)])


async def test_an_answer_that_never_came_is_owed_the_correction_while_it_is_tried_again(stand: Stand) -> None:
    (asked, *_) = await stand.approve()
    retrying = e.ReceiptRecorded(
        event_id="x", at=clock.now(), delivery_id=asked.delivery_id, alert_id=asked.alert_id, version=1,
        kind="warning", group_id=asked.group_id, channel="webhook", state=State.RETRYING, attempt=1,
        retry_at=clock.now(), failures=1, may_have_arrived=True,
    )  # fmt: skip
    await stand.desk.project([retrying])
    assert await stand.recall() == {asked.group_id}


async def test_an_empty_desk_is_not_taken_for_an_empty_district(stand: Stand) -> None:
    await stand.desk.client.delete(stand.desk.keys.groups)
    with pytest.raises(Transient, match="rebuild"):
        await stand.planner.on_alerts_released([released(**stand.release)])
