"""Where no repeat is harmless: one send at a time, its answer recorded, whatever is killed or lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from broadcast.channels.base import Message, SendResult, SendStatus
from broadcast.sending import answer_journal
from broadcast.sending.answer_journal import ANSWER_WAIT_S
from fenghuo import clock
from fenghuo.desk.apply_script import Change
from fenghuo.desk.deliveries import sending_mark
from fenghuo.domain import events as e
from fenghuo.domain.delivery import LatestRelease
from fenghuo.domain.events import DeliveryState as State
from fenghuo.errors import Unavailable
from fenghuo.settings import Settings
from tests.support.builders import group
from tests.support.delivery_builders import (
    robots,
)
from tests.support.scripted_channels import (
    BroadcastHarness,
    Redis,
    Scripted,
    hang,
    receipts,
    room,
)
from tests.support.waiting import until

SHOWN, REFUSED = SendResult(SendStatus.SHOWN), SendResult(SendStatus.REFUSED, "not in the group")


async def test_one_at_a_time_is_under_way_where_repeats_are_shown(told: Settings) -> None:
    async def slow(_message: Message) -> SendResult:
        await asyncio.sleep(0.01)
        return SHOWN

    ding, fei = (Scripted(x, idempotent=False, answer=slow) for x in ("dingtalk", "feishu"))
    under_way: list[int] = []
    for each in (ding, fei):
        each.answer = lambda m: (under_way.append(ding.at_once + fei.at_once), slow(m))[1]
    async with room(told, ding, fei) as here:
        groups = [*robots(4), *(group(n, channel="feishu", target=f"t{n}") for n in range(4, 8))]
        await here.know(*groups)
        await here.deliver(await here.release())
        assert set((await here.states()).values()) == {State.SHOWN}
    assert max(under_way) == told.unkeyed_at_once == 1


async def test_more_may_be_under_way_where_the_settings_say_so(told: Settings) -> None:
    async def with_two_others(_message: Message) -> SendResult:
        await until(lambda: ding.most_at_once == 3)
        return SHOWN

    ding = Scripted("dingtalk", idempotent=False, answer=with_two_others)
    async with room(told.model_copy(update={"unkeyed_at_once": 3}), ding) as here:
        await here.know(*robots(9))
        await here.deliver(await here.release())
    assert ding.most_at_once == 3


async def test_killed_between_answer_and_commit_nothing_is_sent_twice(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding) as here:
        await here.know(*robots(3))
        asked = await here.release()
        told_first = await here.deliver(asked, commit=False)
        here.begin_again()
        told_again = await here.deliver(asked)
        assert receipts(told_again) == receipts(told_first)
        assert await here.states() == dict.fromkeys(["g0000", "g0001", "g0002"], State.SHOWN)
        await here.deliver(asked)
    assert len(ding.asked) == 3


async def test_killed_between_send_and_answer_exactly_that_one_is_unknown(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    ding.answer = lambda m: hang(m) if m.group_id == "g0001" else SHOWN
    async with room(told, ding) as here:
        await here.know(*robots(4))
        asked = sorted(await here.release(), key=lambda x: x.group_id)  # type: ignore[attr-defined]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await here.deliver(asked)
        assert ding.groups == ["g0000", "g0001"]
        here.begin_again()
        ding.answer = lambda _m: SHOWN
        await here.deliver(asked)
        states = await here.states()
        assert [k for k, state in states.items() if state is State.UNKNOWN] == ["g0001"]
        assert set(states.values()) == {State.UNKNOWN, State.SHOWN}
        rows = await here.desk.deliveries.ledger("a1", 1)
        assert rows["g0001"].may_have_arrived, "a recall owes it the correction"
    assert set(ding.times.values()) == {1}


async def test_an_answer_that_redis_did_not_keep_is_remembered_until_it_does(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding) as here:
        await here.know(*robots(3))
        asked = await here.release()
        real = here.desk.client
        here.desk.client = Redis(real, "set")
        with pytest.raises(Unavailable):
            await here.deliver(asked)
        here.desk.client = real
        with contextlib.suppress(TimeoutError):
            await here.deliver(asked, commit=False)
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.SHOWN}
    assert set(ding.times.values()) == {1}


class Look:
    """The desk's ``mark_and_look``; the first ``times`` that it is asked, ``then`` happens when the mark
    stands and the answer is still on its way."""

    def __init__(self, here: BroadcastHarness, then: Callable[[], Awaitable[None]], times: int = 1) -> None:
        self._desk = here.desk
        self._real = here.desk.releases.mark_and_look
        self._then = then
        self.times = times
        here.desk.releases.mark_and_look = self  # type: ignore[method-assign, assignment]

    async def __call__(self, marks: Sequence[Change], alert_ids: Sequence[str]) -> dict[str, LatestRelease]:
        if self.times:
            self.times -= 1
            await self._desk.apply(marks)
            await self._then()
        return await self._real(marks, alert_ids)


async def away() -> None:
    raise Unavailable("Redis is away")


async def test_redis_lost_for_a_moment_holds_up_nothing(told: Settings) -> None:
    ding, hook = Scripted("dingtalk", idempotent=False), Scripted("webhook")
    async with room(told, ding, hook) as here:
        await here.know(*robots(3), group(7, channel="webhook", target="u"))
        asked = await here.release()
        Look(here, away, times=3)
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.SHOWN}
    assert set(ding.times.values()) == set(hook.times.values()) == {1}


async def test_what_never_left_as_redis_was_lost_is_sent_and_not_unknown(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding) as here:
        await here.know(*robots(3))
        asked = await here.release()
        look = Look(here, away, times=1000)
        with pytest.raises(Unavailable):
            await here.deliver(asked)
        look.times = 0
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.SHOWN}
    assert set(ding.times.values()) == {1}


async def test_what_another_process_marked_meanwhile_may_have_left(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding) as here:
        await here.know(*robots(1))
        [asked] = await here.release()
        assert isinstance(asked, e.DeliveryRequested)
        look = Look(here, away, times=1000)
        with pytest.raises(Unavailable):
            await here.deliver([asked])
        look.times = 0
        later = clock.now() + timedelta(seconds=1)
        await here.desk.apply([sending_mark(asked, asked.group_id, later, here.desk.keys)])
        await here.deliver([asked])
        assert await here.states() == {"g0000": State.UNKNOWN}
    assert ding.asked == []


@pytest.mark.parametrize("answers_after_s", [0.1, ANSWER_WAIT_S + 0.5])
async def test_an_answer_under_way_when_the_batch_fails_is_kept(
    told: Settings, answers_after_s: float
) -> None:
    begun = asyncio.Event()

    async def slow(_message: Message) -> SendResult:
        begun.set()
        await asyncio.sleep(answers_after_s)
        return SHOWN

    async def fails(_message: Message) -> SendResult:
        await begun.wait()
        raise Unavailable("Redis is away")

    ding, hook = Scripted("dingtalk", idempotent=False, answer=slow), Scripted("webhook", answer=fails)
    async with room(told, ding, hook) as here:
        await here.know(*robots(1), group(7, channel="webhook", target="u"))
        asked = await here.release()
        with pytest.raises(Unavailable):
            await here.deliver(asked)
        hook.answer = lambda _m: SHOWN
        await here.deliver(asked)
        assert set((await here.states()).values()) == {State.SHOWN}
    assert set(ding.times.values()) == {1}


@pytest.mark.parametrize(("answers_after_s", "state"), [(0.2, State.SHOWN), (60, State.UNKNOWN)])
async def test_whoever_is_ended_while_waiting_for_what_is_under_way_ends_nothing(
    told: Settings, monkeypatch: pytest.MonkeyPatch, answers_after_s: float, state: State
) -> None:
    """The message is left its time and no more: what never answers is unknown."""
    monkeypatch.setattr(answer_journal, "ANSWER_WAIT_S", 0.05)
    monkeypatch.setattr(answer_journal, "OUTLIVE_S", 0.3)
    begun = asyncio.Event()

    async def slow(_message: Message) -> SendResult:
        begun.set()
        await asyncio.sleep(answers_after_s)
        return SHOWN

    ding = Scripted("dingtalk", idempotent=False, answer=slow)
    async with room(told, ding) as here:
        await here.know(*robots(1))
        asked = await here.release()
        batch = asyncio.create_task(here.deliver(asked))
        await begun.wait()
        batch.cancel()
        await asyncio.gather(batch, return_exceptions=True)
        waiting = asyncio.create_task(here.deliver(asked))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(2):
            await here.deliver(asked)
        assert await here.states() == {"g0000": state}
    assert set(ding.times.values()) == {1}
