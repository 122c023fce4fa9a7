"""Messages of a WeCom app to one person: what is asked, and how each answer is judged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from broadcast.channels.access_tokens import RedisTokens
from broadcast.channels.base import SendStatus
from broadcast.channels.http.client import HttpClient
from broadcast.channels.wecom_app import WecomApp
from tests.support.http_platform import CannedReply, Cut, FakePlatform, answering, message
from tests.support.simulated_platform import ROSTER, simulation

OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok", "invaliduser": "", "unlicenseduser": "", "msgid": "m1"}
TOKEN = {"errcode": 0, "access_token": "T1", "expires_in": 7200}
RENEWED = TOKEN | {"access_token": "T2"}


@dataclass(frozen=True)
class App:
    corpid: str = "ww1"
    secret: str = "s3"
    url: str = ""
    agentid: int = 1000002


@asynccontextmanager
async def opened(redis_url: str, namespace: str, url: str, app: App | None = None) -> AsyncIterator[WecomApp]:
    client = Redis.from_url(redis_url)
    store = RedisTokens(client, lambda name: f"{namespace}:token:{name}")
    channel = WecomApp(HttpClient(0.6), {"notices": app or App()}, store, url)
    try:
        yield channel
    finally:
        await channel.aclose()
        await client.aclose()


@pytest.fixture
async def platform() -> AsyncIterator[FakePlatform]:
    async with answering(gettoken=TOKEN, send=OK) as found:
        yield found


@pytest.fixture
async def channel(redis_url: str, namespace: str, platform: FakePlatform) -> AsyncIterator[WecomApp]:
    async with opened(redis_url, namespace, platform.url) as found:
        yield found


def notice(target: str = "ZhouZheng", **changes: Any) -> Any:
    return message(target, **({"credential": "notices", "kind": "notice"} | changes))


async def test_a_person_is_sent_one_text_by_the_apps_agent(channel: WecomApp, platform: FakePlatform) -> None:
    [sent] = await channel.send([notice()])
    assert sent.verdict is SendStatus.SHOWN
    (asked,) = platform.asked_for("send")
    assert (asked.path, asked.query) == ("/cgi-bin/message/send", {"access_token": "T1"})
    assert asked.body == {
        "touser": "ZhouZheng", "msgtype": "text", "agentid": 1000002,
        "text": {"content": "预警：请勿转账。"},
    }  # fmt: skip
    assert b"\\u" not in asked.raw


@pytest.mark.parametrize(
    ("answer", "verdict", "throttled"),
    [
        (OK | {"invaliduser": "zhouzheng"}, SendStatus.REFUSED, False),
        (OK | {"unlicenseduser": "zhouzheng"}, SendStatus.REFUSED, False),
        ({"errcode": 81013, "invaliduser": "zhouzheng"}, SendStatus.REFUSED, False),
        ({"errcode": 40003}, SendStatus.REFUSED, False),
        ({"errcode": 45009}, SendStatus.RETRY, True),
        ({"errcode": 45033}, SendStatus.RETRY, True),
        ({"errcode": -1}, SendStatus.RETRY, False),
        ({"errcode": 40056}, SendStatus.MISCONFIGURED, False),
        ({"errcode": 48002}, SendStatus.MISCONFIGURED, False),
        ({"errcode": 60020}, SendStatus.MISCONFIGURED, False),
        ({"errcode": 12345}, SendStatus.UNKNOWN, False),
        ({}, SendStatus.UNKNOWN, False),
        (CannedReply(b"", 502), SendStatus.UNKNOWN, False),
        (CannedReply(OK, late_s=2), SendStatus.UNKNOWN, False),
        (Cut(), SendStatus.UNKNOWN, False),
    ],
)
async def test_an_answer_is_judged_by_its_code_and_by_whom_it_names(
    channel: WecomApp, platform: FakePlatform, answer: Any, verdict: SendStatus, throttled: bool
) -> None:
    platform.tell("send", answer)
    [sent] = await channel.send([notice()])
    assert (sent.verdict, sent.throttled) == (verdict, throttled)
    assert len(platform.asked_for("send")) == 1


@pytest.mark.parametrize("code", [40014, 42001, 41001])
async def test_a_refused_token_is_fetched_anew_once_and_the_message_sent_again(
    channel: WecomApp, platform: FakePlatform, code: int
) -> None:
    platform.tell("gettoken", TOKEN, RENEWED)
    platform.tell("send", {"errcode": code}, OK)
    [sent] = await channel.send([notice()])
    assert sent.verdict is SendStatus.SHOWN
    assert [x.query["access_token"] for x in platform.asked_for("send")] == ["T1", "T2"]
    platform.tell("send", {"errcode": code})
    [sent] = await channel.send([notice()])
    assert sent.verdict is SendStatus.RETRY and len(platform.asked_for("send")) == 4


@pytest.mark.parametrize("target", ["", "@all", "a|b", "周正", "x" * 65])
async def test_what_is_no_user_id_is_sent_to_nobody(
    channel: WecomApp, platform: FakePlatform, target: str
) -> None:
    [sent] = await channel.send([notice(target)])
    assert sent.verdict is SendStatus.REFUSED and platform.asked == []


async def test_a_long_text_is_cut_to_what_the_platform_takes(
    channel: WecomApp, platform: FakePlatform
) -> None:
    await channel.send([notice(text="预警。\n" + "请点开看。" * 400 + "\n提醒：请拨 96110。")])
    (asked,) = platform.asked_for("send")
    assert len(asked.body["text"]["content"].encode()) <= 2048


async def test_without_a_credential_or_an_agent_nothing_leaves(
    redis_url: str, namespace: str, platform: FakePlatform
) -> None:
    async with opened(redis_url, namespace, platform.url, App(agentid=0)) as channel:
        told = await channel.send([notice(), notice(credential="gone")])
    assert [x.verdict for x in told] == [SendStatus.MISCONFIGURED] * 2
    assert platform.asked_for("send") == []


async def test_the_simulated_platform_answers_as_the_real_one(redis_url: str, namespace: str) -> None:
    corps = [{"name": "district", "corpid": "ww1", "secret": "corp-secret", "agentid": 1000002}]
    async with simulation(ROSTER | {"corps": corps}) as sim:
        app = App(secret="corp-secret")
        async with opened(redis_url, namespace, sim.url, app) as channel:
            told = await channel.send([notice("wang"), notice("zhang"), notice("nobody")])
            assert [x.verdict for x in told] == [
                SendStatus.SHOWN, SendStatus.SHOWN, SendStatus.REFUSED,
            ]  # fmt: skip
        async with opened(redis_url, namespace, sim.url, App(secret="corp-secret", agentid=7)) as channel:
            [wrong] = await channel.send([notice("wang")])
        assert wrong.verdict is SendStatus.MISCONFIGURED
        assert sim.platform.notices == {"wang": 1}, "an owner works in WeCom, not on the to-do page"
