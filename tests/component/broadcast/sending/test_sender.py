"""The sender on a real Redis, with channels that answer as they are told and processes that die anywhere."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from broadcast.channels.base import Message, SendResult, SendStatus
from broadcast.deliveries.receipts import as_delivery
from fenghuo import clock
from fenghuo.desk.apply_script import Change
from fenghuo.desk.deliveries import sending_mark
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.domain.channels import ROBOTS
from fenghuo.domain.delivery import LatestRelease, next_attempt
from fenghuo.domain.events import DeliveryState as State
from fenghuo.errors import Transient
from fenghuo.security.sealing import seal
from fenghuo.settings import Settings
from tests.support.builders import DISTRICT, group, group_changed, person_changed, released, request, settings
from tests.support.delivery_builders import (
    halted,
    robots,
    way,
)
from tests.support.scripted_channels import (
    CUSTOMERS,
    BroadcastHarness,
    Scripted,
    ScriptedTasks,
    hang,
    receipts,
    room,
)

SHOWN, REFUSED = SendResult(SendStatus.SHOWN), SendResult(SendStatus.REFUSED, "not in the group")
NIGHT = datetime(2026, 3, 9, 15, 30, tzinfo=UTC)
"""23:30 in China."""
MORNING = datetime(2026, 3, 9, 23, 0, tzinfo=UTC)


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


async def test_what_a_recall_stops_in_the_last_moment_is_owed_no_correction(told: Settings) -> None:
    hook = Scripted("webhook")
    async with room(told, hook) as here:
        await here.know(*[group(n, channel="webhook", target=f"u{n}") for n in range(40)])
        asked = await here.release(groups=40)

        async def recall() -> None:
            await here.desk.project([released("recalled", expires_at=clock.now() + timedelta(hours=1))])

        Look(here, recall)
        await here.deliver(asked, commit=False)
        rows = await here.desk.deliveries.ledger("a1", 1)
        assert len(rows) == 40 and not any(x.may_have_arrived for x in rows.values())
        assert await here.release("recalled") == []
    assert hook.asked == []


async def test_a_duplicate_in_one_batch_is_sent_once(told: Settings) -> None:
    ding, hook = Scripted("dingtalk", idempotent=False), Scripted("webhook")
    async with room(told, ding, hook) as here:
        await here.know(*robots(2), group(7, channel="webhook", target="u"))
        asked = await here.release()
        await here.deliver([*asked, *asked, *asked])
        await here.deliver(asked)
    assert set(ding.times.values()) == set(hook.times.values()) == {1}


async def test_what_was_cut_off_on_a_channel_that_ignores_repeats_is_sent_again(told: Settings) -> None:
    hook = Scripted("webhook", answer=hang)
    async with room(told, hook) as here:
        await here.know(group(1, channel="webhook", target="u"))
        asked = await here.release()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await here.deliver(asked)
        hook.answer = lambda _m: SHOWN
        await here.deliver(asked)
        assert await here.states() == {"g0001": State.SHOWN}
    assert len({m.idempotency_key for m in hook.asked}) == 1


async def test_refused_for_good_goes_on_by_each_approved_way_in_turn(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False, answer=lambda _m: REFUSED)
    hook = Scripted("webhook", answer=lambda _m: REFUSED)
    fei = Scripted("feishu", idempotent=False)
    async with room(told, ding, hook, fei) as here:
        also = (way("feishu"), way("webhook"))
        await here.know(group(1, channel="dingtalk", target="t", also=also))
        asked = await here.release(channels=("dingtalk", "webhook"))
        await here.deliver(asked)
        assert await here.states() == {"g0001": State.RETRYING}
        (again,) = await here.retry()
        assert isinstance(again, e.DeliveryRequested) and again.channel == "webhook"
        await here.deliver([again])
        assert await here.states() == {"g0001": State.REFUSED}, "feishu was not approved"
        assert await here.retry() == []
        (row,) = (await here.desk.deliveries.ledger("a1", 1)).values()
        assert (row.channel, row.reason, row.may_have_arrived) == ("webhook", "not in the group", False)
    assert fei.asked == []
    assert len(ding.asked) == len(hook.asked) == 1


async def test_a_correction_whose_robot_is_gone_goes_by_the_groups_next_way(told: Settings) -> None:
    ding, hook = Scripted("dingtalk", idempotent=False), Scripted("webhook")
    async with room(told, ding, hook) as here:
        await here.know(group(1, channel="dingtalk", target="t", also=(way("webhook"),)))
        await here.deliver(await here.release(channels=("dingtalk", "webhook")))
        assert await here.states() == {"g0001": State.SHOWN}
        ding.answer = lambda _m: REFUSED
        await here.deliver(await here.release("recalled", channels=("dingtalk", "webhook")))
        await here.deliver(await here.retry())
        assert await here.states(kind="correction") == {"g0001": State.SHOWN}
    assert [m.kind for m in hook.asked] == ["correction"]


async def test_refused_after_a_timeout_is_unknown_and_never_goes_on(told: Settings) -> None:
    said = iter([SendResult(SendStatus.UNKNOWN, "no answer"), REFUSED])
    hook, ding = Scripted("webhook", answer=lambda _m: next(said)), Scripted("dingtalk", idempotent=False)
    async with room(told, hook, ding) as here:
        await here.know(group(1, channel="webhook", target="u", also=(way("dingtalk"),)))
        await here.deliver(await here.release())
        await here.hurry()
        await here.deliver(await here.retry())
        assert await here.states() == {"g0001": State.UNKNOWN}
        assert await here.retry() == []
    assert ding.asked == []


async def test_a_way_that_gave_out_leaves_the_next_one_all_its_attempts(told: Settings) -> None:
    hook = Scripted("webhook", answer=lambda _m: SendResult(SendStatus.RETRY, "HTTP 503"))
    ding = Scripted("dingtalk", idempotent=False, answer=lambda _m: SendResult(SendStatus.RETRY, "busy"))
    async with room(told.model_copy(update={"delivery_attempts": 3}), hook, ding) as here:
        await here.know(group(1, channel="webhook", target="u", also=(way("dingtalk"),)))
        asked = await here.release()
        while asked:
            await here.deliver(asked)
            await here.hurry()
            asked = await here.retry()
        assert await here.states() == {"g0001": State.REFUSED}
    assert (len(hook.asked), len(ding.asked)) == (3, 3)


async def test_a_group_goes_on_from_its_robot_by_its_owners_tap(told: Settings) -> None:
    ding, people = Scripted("dingtalk", idempotent=False, answer=lambda _m: REFUSED), ScriptedTasks()
    async with room(told, ding, tasks=people) as here:
        also = (e.Binding(channel=CUSTOMERS, target="wr1", credential="district"),)
        await here.know(group(1, channel="dingtalk", target="t", owner="o", also=also))
        await here.deliver(await here.release())
        asked = await here.retry()
        await here.deliver(asked)
        await here.deliver(asked)
        assert await here.states() == {"g0001": State.WAITING}
        (task,) = (await here.desk.deliveries.open_tasks()).values()
        assert (task.owner, task.credential, task.chats) == ("o", "district", (("g0001", "wr1"),))
    assert [x.chats for x in people.created.values()] == [("wr1",)]


@pytest.mark.parametrize(("officers", "ends_by"), [(("o",), "relay"), ((), "webhook")])
async def test_what_goes_on_passes_over_a_way_that_nobody_can_tap(
    told: Settings, officers: tuple[str, ...], ends_by: str
) -> None:
    ding, hook = Scripted("dingtalk", idempotent=False, answer=lambda _m: REFUSED), Scripted("webhook")
    relay = Scripted("relay", answer=lambda _m: SendResult(SendStatus.WAITING))
    async with room(told, ding, hook, relay) as here:
        people = [
            e.Person(person_id=x, name=x, role=Role.OFFICER, district=DISTRICT) for x in officers
        ]  # fmt: skip
        await here.desk.project([person_changed(x) for x in people])
        also = (way("relay"), way("webhook"))
        await here.know(group(1, channel="dingtalk", target="t", owner="o", deputy="d", also=also))
        await here.deliver(await here.release())
        await here.deliver(await here.retry())
        assert await here.states() == {"g0001": State.WAITING if officers else State.SHOWN}
    assert [x.groups for x in (relay, hook)] == [["g0001"][: ends_by == x.name] for x in (relay, hook)]


async def test_a_group_whose_only_way_lost_its_last_officer_is_refused_with_the_reason(
    told: Settings,
) -> None:
    relay = Scripted("relay", answer=lambda _m: SendResult(SendStatus.WAITING))
    async with room(told, relay) as here:
        officer = e.Person(person_id="o", name="o", role=Role.OFFICER, district=DISTRICT)
        await here.desk.project([person_changed(officer)])
        await here.know(group(1, channel="relay", owner="o"))
        asked = await here.release()
        left = msgspec.structs.replace(officer, gone=True)
        await here.desk.project([person_changed(left, clock.now())])
        events = await here.deliver(asked)
        assert {x.reason for x in receipts(events).values()} == {"nobody to tap"}
        assert await here.states() == {"g0001": State.REFUSED}
    assert relay.asked == []


async def test_an_exercise_that_the_sandbox_refuses_goes_nowhere_else(told: Settings) -> None:
    sandbox, hook = Scripted("sandbox", answer=lambda _m: REFUSED), Scripted("webhook")
    async with room(told, sandbox, hook) as here:
        await here.know(group(1, channel="sandbox", also=(way("webhook"),)))
        await here.deliver(await here.release(exercise=True))
        assert await here.states() == {"g0001": State.REFUSED}
        assert await here.retry() == []
    assert hook.asked == []


async def test_a_forged_request_of_an_exercise_reaches_no_real_channel(told: Settings) -> None:
    hook, people = Scripted("webhook"), ScriptedTasks()
    also = (e.Binding(channel=CUSTOMERS, target="wr1"),)
    async with room(told, hook, tasks=people) as here:
        await here.know(group(1, channel="webhook", owner="o", also=also), group(2, owner="o", also=also))
        await here.release(exercise=True)
        await here.deliver([request("g0001", channel="webhook"), request("g0002", channel=CUSTOMERS)])
        assert await here.states() == {"g0001": State.REFUSED, "g0002": State.REFUSED}
    assert (hook.asked, people.created) == ([], {})


@pytest.mark.parametrize("before", ["webhook", CUSTOMERS])
@pytest.mark.parametrize("begun", [False, True])
async def test_a_group_that_moved_to_another_way_meanwhile_goes_by_that(
    told: Settings, before: str, begun: bool
) -> None:
    hook, ding, people = Scripted("webhook"), Scripted("dingtalk", idempotent=False), ScriptedTasks()
    async with room(told, hook, ding, tasks=people) as here:
        await here.know(group(1, channel=before, target="wr1", owner="o"))
        asked = await here.release()
        if begun:
            await here.desk.apply([sending_mark(asked[0], "g0001", clock.now(), here.desk.keys)])  # type: ignore[arg-type]
        moved = group_changed(group(1, channel="dingtalk", target="token1"), clock.now())
        await here.desk.project([moved])
        await here.deliver(asked)
        await here.deliver(await here.retry())
        assert await here.states() == {"g0001": State.UNKNOWN if begun else State.SHOWN}
    assert (hook.asked, ding.groups, people.created) == ([], [] if begun else ["g0001"], {})


async def test_an_address_that_cannot_be_unsealed_stops_nobody_else(told: Settings) -> None:
    hook, ding = Scripted("webhook"), Scripted("dingtalk", idempotent=False)
    other = seal("https://example.com/hook", "another key")
    async with room(told, hook, ding) as here:
        await here.know(
            group(1, channel="webhook", target=other), group(2, channel="webhook", target="u"),
            group(3, channel="webhook", target=other, also=(way("dingtalk"),)),
        )  # fmt: skip
        await here.deliver(await here.release())
        await here.deliver(await here.retry())
        assert list((await here.states()).values()) == [State.REFUSED, State.SHOWN, State.SHOWN]
        assert "bring the groups in again" in (await here.desk.deliveries.ledger("a1", 1))["g0001"].reason
    assert (hook.groups, ding.groups) == (["g0002"], ["g0003"])


async def test_a_server_that_does_not_answer_holds_up_its_own_turn_alone(told: Settings) -> None:
    every, answered = asyncio.Event(), 0

    async def answer(message: Message) -> SendResult:
        nonlocal answered
        if message.group_id in ("g0000", "g0004"):
            await every.wait()
            return SHOWN
        answered += 1
        if answered == 58:
            every.set()
        return SHOWN

    hook = Scripted("webhook", answer=answer)
    async with room(told.model_copy(update={"webhook_at_once": 4}), hook) as here:
        await here.know(*(group(n, channel="webhook", target="u") for n in range(60)))
        async with asyncio.timeout(10):
            await here.deliver(await here.release())
        assert list((await here.states()).values()) == [State.SHOWN] * 60


@pytest.mark.parametrize("name", sorted(ROBOTS))
async def test_each_robot_has_a_rate_of_its_own(told: Settings, name: str) -> None:
    robot = Scripted(name, idempotent=False, per_second=1 / 3)
    async with room(told, robot) as here:
        await here.know(*robots(3, name))
        await here.deliver(await here.release(channels=(name,)))
        assert list((await here.states()).values()) == [State.SHOWN] * 3


@pytest.mark.parametrize(
    ("severity", "kind", "is_held"),
    [("moderate", "warning", True), ("severe", "warning", False), ("moderate", "correction", False)],
)
async def test_quiet_hours_hold_what_is_moderate_and_never_a_correction(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, severity: str, kind: str, is_held: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NIGHT)
    ding, hook = Scripted("dingtalk", idempotent=False), Scripted("webhook")
    async with room(settings(redis_url=redis_url, namespace=namespace), ding, hook) as here:
        await here.know(group(1, channel="dingtalk", target="t"), group(2, channel="webhook", target="t"))
        await here.release(severity=severity)
        asked = [
            request(f"g000{n}", kind=kind, channel=channel)
            for n, channel in ((1, "dingtalk"), (2, "webhook"))
        ]
        found = receipts(await here.deliver(asked))
    assert {x.held for x in found.values()} == ({"quiet"} if is_held else {""})
    assert {x.retry_at for x in found.values()} == ({MORNING} if is_held else {None})
    assert len(ding.asked) + len(hook.asked) == (0 if is_held else 2)
    assert {x.failures for x in found.values()} == {0}


async def test_expiry_is_looked_at_right_before_each_send(
    told: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime(2026, 3, 9, 4, 0, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    ding = Scripted("dingtalk", idempotent=False)

    def answer(_message: Message) -> SendResult:
        now[0] += timedelta(seconds=40)
        return SHOWN

    ding.answer = answer
    async with room(told, ding) as here:
        await here.know(*robots(4))
        await here.deliver(await here.release(expires_at=now[0] + timedelta(seconds=60)))
        states = list((await here.states()).values())
    assert len(ding.asked) == 2
    assert (states.count(State.SHOWN), states.count(State.SUPERSEDED)) == (2, 2)


async def test_a_recall_between_two_sends_of_a_batch_holds_the_rest(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False)
    async with room(told, ding) as here:

        async def answer(_message: Message) -> SendResult:
            await here.release("recalled")
            return SHOWN

        ding.answer = answer
        await here.know(*robots(3))
        await here.deliver(await here.release())
        states = list((await here.states()).values())
    assert len(ding.asked) == 1
    assert (states.count(State.SHOWN), states.count(State.SUPERSEDED)) == (1, 2)


async def test_being_put_off_by_the_rate_is_no_failure(told: Settings) -> None:
    ding = Scripted("dingtalk", idempotent=False, per_second=1 / 3)
    async with room(told, ding) as here:
        await here.know(*(group(n, channel="dingtalk", target="the same") for n in range(3)))
        events = await here.deliver(await here.release())
        held = [x for x in receipts(events).values() if x.held == "rate"]
        assert len(held) == 2 and len(ding.asked) == 1
        assert halted(events) == []
        now = clock.now()
        for x in held:
            assert x.failures == 0 and x.retry_at is not None
            assert timedelta(seconds=1) <= x.retry_at - now <= timedelta(seconds=3.1)
            assert next_attempt(x).failures == 0


async def test_the_time_that_a_platform_names_is_honoured(told: Settings) -> None:
    busy = SendResult(SendStatus.RETRY, "HTTP 429", 90.0, throttled=True)
    hook = Scripted("webhook", answer=lambda _m: busy)
    async with room(told, hook) as here:
        await here.know(*(group(n, channel="webhook", target="u") for n in range(30)))
        before = clock.now()
        events = await here.deliver(await here.release())
        assert halted(events) == [], "that we are too fast is no failure of the channel"
        for x in receipts(events).values():
            assert x.retry_at is not None and x.failures == 0
            assert 90 <= (x.retry_at - before).total_seconds() < 100
        assert await here.retry() == []


async def test_a_held_task_is_a_delivery_of_each_of_its_groups() -> None:
    task = e.TaskRequested(
        event_id="t", at=clock.now(), task_id="t", alert_id=request().alert_id, version=1, kind="warning",
        owner="o", channel=CUSTOMERS, credential="", group_ids=("g0001", "g0002"), attempt=3, failures=2,
    )  # fmt: skip
    part = as_delivery(task, "g0001")
    assert part.delivery_id == request("g0001").delivery_id
    assert (part.attempt, part.failures, part.may_have_arrived) == (3, 2, False)


async def test_what_is_requested_for_a_release_that_the_desk_lacks_waits(told: Settings) -> None:
    async with room(told, Scripted("sandbox")) as here:
        with pytest.raises(Transient, match="not on the desk yet"):
            await here.deliver([request()])
