"""Waiting is escalated on a real Redis: one process at a time, each notice once, and the person is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from msgspec.structs import replace

from broadcast.channels.base import Message, MessageChannel, SendResult, SendStatus
from broadcast.channels.sandbox import Sandbox
from broadcast.leader_lease import LeaderLease
from broadcast.people.notices import NoticeSender
from broadcast.people.reminders import Reminders
from broadcast.people.taps import Taps
from fenghuo import clock
from fenghuo.commands.rebuild import exclusive_access
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.channels import NEEDS_TAP
from fenghuo.errors import Refused, Transient
from fenghuo.runtime.room import AnyTransport, open_desk, open_transport
from fenghuo.security.sealing import seal
from fenghuo.topics import NOTICES_REQUESTED
from fenghuo.transport.stage import Stage
from fenghuo.transport.stage_lease import new_token
from tests.browser.console_page import settings_at
from tests.browser.scenes import two_officers as s
from tests.support.builders import released
from tests.support.scripted_channels import Scripted
from tests.support.waiting import for_ever, until


class Mute:
    """A robot that hangs, or answers with an error; it notes what it was asked to send to."""

    name = "wecom_robot"
    idempotent = False

    def __init__(self) -> None:
        self.asked: list[Message] = []

    def per_second(self, credential: str) -> float:
        return 1

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        self.asked += messages
        if messages[0].target == "hangs":
            await for_ever()
        return [SendResult(SendStatus.REFUSED, "93000 invalid webhook url") for _ in messages]

    async def aclose(self) -> None:
        return None


@asynccontextmanager
async def room(
    redis_url: str, namespace: str, mute: Mute, **apps: MessageChannel
) -> AsyncIterator[tuple[Desk, AnyTransport]]:
    """The stage that sends notices, on a street whose officers have ways to be told; ``apps`` are channels
    that reach a person by the user id."""
    settings = settings_at(redis_url, namespace, public_url="https://fenghuo.example")
    desk = open_desk(settings)
    transport = open_transport(settings, "broadcast", desk)
    channels: dict[str, MessageChannel] = {
        "sandbox": Sandbox(desk.client, desk.keys, 100),
        "wecom_robot": mute,  # type: ignore[dict-item]
    }
    notices = NoticeSender(desk, channels | apps, dict.fromkeys(apps, "notices"), settings)
    stage = Stage(
        room="broadcast", name="notify", topic=NOTICES_REQUESTED, batch=50, fold_input=True,
        handle=notices.on_notices_requested,
    )  # fmt: skip
    await desk.project(s.street(clock.now()))
    await transport.start([stage])
    try:
        yield desk, transport
    finally:
        await transport.stop()
        await desk.client.aclose()


async def reachable(desk: Desk, **ways: e.Binding) -> None:
    for who, way in ways.items():
        person = await desk.directory.person(who)
        assert person is not None
        told = replace(person, notify=way)
        await desk.project([e.PersonChanged(event_id=f"way-{who}", at=clock.now(), person=told)])


async def said_to(desk: Desk, who: str) -> list[str]:
    wall = await desk.client.hvals(desk.keys.wall(who))
    return [json.loads(x)["text"] for x in wall]


def loop(desk: Desk, transport: AnyTransport, redis_url: str, namespace: str) -> Reminders:
    return Reminders(desk, transport, settings_at(redis_url, namespace))


async def told(desk: Desk, level: str) -> list[str]:
    return sorted(x.person_id for x in await desk.notices.sent(s.ALERT, 1) if x.level == level)


async def test_a_release_that_is_half_written_out_is_looked_at_again_at_once(
    redis_url: str, namespace: str
) -> None:
    """All that was asked for so far is settled, and who waits for an officer is in the next part."""
    now = clock.now()
    async with room(redis_url, namespace, Mute()) as (desk, transport):
        await desk.client.delete(desk.keys.ledger(s.ALERT, 1, "warning"))
        planned = e.DeliveriesPlanned(
            event_id="planned", at=now, alert_id=s.ALERT, version=1, kind="warning", groups=2
        )
        await desk.project([planned, *s.waiting(s.ALERT, ["s000"], now, state=e.DeliveryState.REFUSED)])
        reminders = loop(desk, transport, redis_url, namespace)
        assert await reminders.publish_due(now) == []
        await desk.project(s.waiting(s.ALERT, ["s001"], now))
        assert [x.level for x in await reminders.publish_due(now)] == ["todo"]


async def test_the_owner_then_the_deputy_then_the_station(redis_url: str, namespace: str) -> None:
    async with room(redis_url, namespace, Mute()) as (desk, transport):
        await reachable(desk, dong=e.Binding(channel="sandbox"), fang=e.Binding(channel="sandbox"))
        reminders, now = loop(desk, transport, redis_url, namespace), clock.now()
        first = await reminders.publish_due(now)
        assert {(x.level, x.person_id) for x in first} == {("todo", "dong"), ("station", "duty")}
        assert await reminders.publish_due(now) == [], "published, even if it is not on the desk yet"
        await until(lambda: told(desk, "todo"))
        title = "冒充市场监管、企业办事：您的企业法人信息已到期"
        assert await said_to(desk, "dong") == [
            f"【烽火】有 4 个群等您转发预警：{title}。打开 https://fenghuo.example/todo"
        ]
        other = loop(desk, transport, redis_url, namespace)
        assert await other.publish_due(now) == [], "another process finds it told"
        for minutes, level, who in ((6, "remind", "dong"), (6, "deputy", "fang"), (11, "station", "duty")):
            await other.publish_due(now + timedelta(minutes=minutes))
            assert who in await until(lambda level=level: told(desk, level))  # type: ignore[misc]
        assert set(await desk.notices.escalated(s.ALERT, 1, "warning")) == {f"s00{n}" for n in range(6)}
        assert len(await said_to(desk, "dong")) == 2 and len(await said_to(desk, "fang")) == 1
        assert await other.publish_due(now + timedelta(hours=2)) == []


async def test_a_way_that_hangs_or_refuses_holds_up_nobody_and_is_never_logged(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("broadcast.people.notices.SEND_S", 0.2)
    mute = Mute()
    async with room(redis_url, namespace, mute) as (desk, transport):
        sealed = seal("robot-key-77", "s" * 40)
        await reachable(
            desk,
            dong=e.Binding(channel="wecom_robot", target=sealed),
            duty=e.Binding(channel="wecom_robot", target="hangs"),
        )
        await loop(desk, transport, redis_url, namespace).publish_due(clock.now())
        await until(lambda: told(desk, "station"))
        await until(lambda: told(desk, "todo"))
        assert {x.target for x in mute.asked} == {"robot-key-77", "hangs"}
        assert len(mute.asked) == 2, "tried once"
        assert "93000" in str([x.__dict__ for x in caplog.records])
        assert "robot-key-77" not in str([x.__dict__ for x in caplog.records])


@pytest.mark.parametrize("channel", sorted(NEEDS_TAP))
async def test_whoever_taps_is_told_wherever_the_tap_is_made(
    redis_url: str, namespace: str, channel: str
) -> None:
    now, alert_id = clock.now(), AlertId("a9")
    async with room(redis_url, namespace, Mute()) as (desk, transport):
        text = {"channels": (channel,), "expires_at": now + timedelta(hours=1), "approved_at": now}
        waiting = s.waiting(alert_id, ["s000"], now, channel=channel)
        await desk.project([released(alert_id=alert_id, **text), *waiting])
        made = await loop(desk, transport, redis_url, namespace).publish_due(now)
    assert [(x.level, x.person_id) for x in made if x.alert_id == alert_id] == [("todo", "dong")]


async def test_a_person_without_a_way_of_their_own_is_told_by_the_user_id(
    redis_url: str, namespace: str
) -> None:
    mute, app = Mute(), Scripted("wecom_app", idempotent=False)
    async with room(redis_url, namespace, mute, wecom_app=app) as (desk, transport):
        for who, own in (("dong", None), ("duty", e.Binding(channel="wecom_robot", target="own"))):
            person = await desk.directory.person(who)
            assert person is not None
            known = replace(person, userid=f"U-{who}", notify=own)
            await desk.project([e.PersonChanged(event_id=who, at=clock.now(), person=known)])
        await loop(desk, transport, redis_url, namespace).publish_due(clock.now())
        await until(lambda: told(desk, "station"))
        await until(lambda: told(desk, "todo"))
    assert [(x.target, x.credential, x.kind) for x in app.asked] == [("U-dong", "notices", "notice")]
    assert [x.target for x in mute.asked] == ["own"]


async def test_what_is_tapped_settled_or_over_asks_for_nobody(redis_url: str, namespace: str) -> None:
    async with room(redis_url, namespace, Mute()) as (desk, transport):
        reminders = loop(desk, transport, redis_url, namespace)
        ids = [f"s00{n}" for n in range(6)]
        await desk.project(s.waiting(s.ALERT, ids, clock.now(), state=e.DeliveryState.SHOWN))
        assert await reminders.publish_due(clock.now()) == []
        alert = await desk.alerts.get(s.ALERT)
        assert alert is not None
        await desk.project(s.recalled(clock.now()))
        [correction] = [x for x in await reminders.publish_due(clock.now()) if x.kind == "correction"]
        assert (correction.person_id, correction.severity, correction.group_ids) == (
            "dong",
            "severe",
            ("s000",),
        )


async def test_one_process_works_at_a_time_and_another_takes_over(redis_url: str, namespace: str) -> None:
    async with room(redis_url, namespace, Mute()) as (desk, _):
        first, second = LeaderLease(desk, "reminders", 0.3), LeaderLease(desk, "reminders", 30)
        assert await first.acquire_or_renew()
        assert not await second.acquire_or_renew()
        assert await first.acquire_or_renew()
        assert await until(second.acquire_or_renew, within_s=5)
        assert not await first.acquire_or_renew()


async def test_the_turn_of_an_ended_loop_or_a_dead_process_hinders_nobody(
    redis_url: str, namespace: str
) -> None:
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    host, _, rest = new_token().split(":")
    desk = open_desk(settings_at(redis_url, namespace))
    first, second = LeaderLease(desk, "reminders", 30), LeaderLease(desk, "reminders", 30)
    async with first:
        assert await first.acquire_or_renew()
        with pytest.raises(Refused, match="reminders"):
            async with exclusive_access(desk):
                pytest.fail("a rebuild beside a room at work")
    assert await second.acquire_or_renew()
    await desk.client.set(desk.keys.lease("reminders"), f"{host}:{child.pid}:{rest}", px=60_000)
    async with exclusive_access(desk):
        assert [await second.acquire_or_renew(), await second.acquire_or_renew()] == [False, True]
    await desk.client.aclose()


async def test_nothing_is_judged_by_half_a_desk(redis_url: str, namespace: str) -> None:
    async with room(redis_url, namespace, Mute()) as (desk, transport):
        await desk.client.set(desk.keys.rebuilding, "1")
        assert await loop(desk, transport, redis_url, namespace).publish_due(clock.now()) == []
        with pytest.raises(Transient):
            await Taps(desk, 60).on_taps_made([])
