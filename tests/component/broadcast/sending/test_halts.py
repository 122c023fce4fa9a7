"""A channel or credential that fails is halted; what waits for it, and what goes another way."""

import asyncio

import pytest

from broadcast.channels.base import Message, SendResult, SendStatus
from broadcast.sending.sender import AHEAD
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.channels import ROBOTS
from fenghuo.domain.events import DeliveryState as State
from fenghuo.settings import Settings
from tests.support.builders import group
from tests.support.delivery_builders import (
    halted,
    resumed,
    robots,
    way,
)
from tests.support.scripted_channels import (
    Scripted,
    receipts,
    room,
)

SHOWN, REFUSED = SendResult(SendStatus.SHOWN), SendResult(SendStatus.REFUSED, "not in the group")


async def test_too_many_failures_halt_the_channel_and_what_follows_is_held_untried(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False, answer=lambda _m: SendResult(SendStatus.RETRY, "busy"))
    fei = Scripted("feishu", idempotent=False)
    async with room(told, ding, fei) as here:
        await here.know(*robots(20), group(30, channel="feishu", target="t"))
        events = await here.deliver(await here.release())
        assert halted(events) == ["dingtalk"]
        assert len(ding.asked) == 11
        held = [x for x in receipts(events).values() if x.held == "halted:dingtalk"]
        assert len(held) == 9
        assert {(x.state, x.retry_at) for x in held} == {(State.RETRYING, None)}
        assert fei.groups == ["g0030"], "others go on"

        await here.hurry()
        await here.deliver(await here.retry())
        assert len(ding.asked) == 11, "nor is what had failed tried"
        assert await here.retry() == []

        ding.answer = lambda _m: SHOWN
        await here.desk.project([resumed("dingtalk")])
        asked = await here.retry()
        assert len(asked) == 20
        assert {x.failures for x in asked if isinstance(x, e.DeliveryRequested)} == {0, 1}
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.SHOWN}
        assert await here.retry() == []


async def test_a_halted_channels_groups_go_by_their_next_way(told: Settings) -> None:
    hook, ding = Scripted("webhook"), Scripted("dingtalk", idempotent=False)
    async with room(told, hook, ding) as here:
        await here.know(group(1, channel="webhook", target="u", also=(way("dingtalk"),)))
        asked = await here.release()
        now = clock.now()
        stop = e.ChannelChanged(event_id="halt", at=now, name="webhook", halted=True, reason="by hand")
        await here.desk.project([stop])
        await here.deliver(asked)
        await here.deliver(await here.retry())
        assert await here.states() == {"g0001": State.SHOWN}
    assert (hook.asked, ding.groups) == ([], ["g0001"])


async def test_a_wrong_credential_is_halted_at_once_and_no_other(told: Settings) -> None:
    def answer(message: Message) -> SendResult:
        return SendResult(SendStatus.MISCONFIGURED, "bad secret") if message.credential == "bad" else SHOWN

    hook = Scripted("webhook", answer=answer)
    async with room(told, hook) as here:
        groups = [
            group(n, channel="webhook", target="u", credential="bad" if n % 2 else "good") for n in range(80)
        ]
        await here.know(*groups)
        events = await here.deliver(await here.release())
        assert halted(events) == ["webhook/bad"]
        states = list((await here.states()).values())
        assert (states.count(State.SHOWN), states.count(State.RETRYING)) == (40, 40)
        assert {x.held for x in receipts(events).values() if x.held} == {"halted:webhook/bad"}
        hook.answer = lambda _m: SHOWN
        await here.desk.project([resumed("webhook/bad")])
        await here.deliver(await here.retry())
        assert set((await here.states()).values()) == {State.SHOWN}


async def test_chunks_that_wait_behind_a_halt_are_not_tried(told: Settings) -> None:
    async def answer(_message: Message) -> SendResult:
        await asyncio.sleep(0.001)
        return SendResult(SendStatus.MISCONFIGURED, "bad secret")

    hook = Scripted("webhook", answer=answer)
    async with room(told.model_copy(update={"webhook_at_once": 16}), hook) as here:
        await here.know(*(group(n, channel="webhook", target="u") for n in range(100)))
        await here.deliver(await here.release())
    assert len(hook.asked) == AHEAD * 16


@pytest.mark.parametrize("name", sorted(ROBOTS))
async def test_a_robots_own_wrong_key_is_its_own_trouble(told: Settings, name: str) -> None:
    ding = Scripted(name, idempotent=False)
    ding.answer = lambda m: SendResult(SendStatus.MISCONFIGURED, "bad") if m.group_id == "g0000" else SHOWN
    async with room(told, ding) as here:
        await here.know(*robots(3, name))
        events = await here.deliver(await here.release(channels=(name,)))
        assert halted(events) == []
        assert await here.states() == {"g0000": State.REFUSED, "g0001": State.SHOWN, "g0002": State.SHOWN}


async def test_what_has_one_credential_for_all_is_halted_by_its_wrong_one(told: Settings) -> None:
    mail = Scripted(
        "apprise", idempotent=False, answer=lambda _m: SendResult(SendStatus.MISCONFIGURED, "bad")
    )
    async with room(told, mail) as here:
        await here.know(*robots(3, "apprise"))
        assert halted(await here.deliver(await here.release(channels=("apprise",)))) == ["apprise"]


async def test_what_a_halt_holds_is_superseded_once_its_alert_is_recalled(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding) as here:
        await here.know(group(1, channel="dingtalk", target="t"), group(2, channel="dingtalk", target="t"))
        asked = await here.release()
        stop = e.ChannelChanged(event_id="h", at=clock.now(), name="dingtalk", halted=True, reason="by hand")
        await here.desk.project([stop])
        await here.deliver(asked[:1])
        assert await here.release("recalled") == []
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.SUPERSEDED}
        await here.desk.project([resumed("dingtalk")])
        await here.deliver(await here.retry())
        assert set((await here.states()).values()) == {State.SUPERSEDED}
    assert ding.asked == []
