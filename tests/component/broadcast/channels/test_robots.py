"""Robots of WeCom, DingTalk and Feishu against a server that answers as theirs do, with real HTTP."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from broadcast.channels.base import SendStatus
from broadcast.channels.dingtalk import Dingtalk
from broadcast.channels.feishu import Feishu
from broadcast.channels.http.client import HttpClient
from broadcast.channels.robot import Robot
from broadcast.channels.wecom_robot import WecomRobot
from tests.support.builders import SAFE_TEXT
from tests.support.http_platform import CannedReply, Cut, FakePlatform, answering, message

ROBOTS = (WecomRobot, Dingtalk, Feishu)
OK = {"errcode": 0, "errmsg": "ok", "code": 0, "StatusCode": 0, "msg": "success"}
LONG = (
    "【反诈预警】冒充市场监管\n"
    + "对方说年报过期要登录链接。" * 800
    + "\n提醒：拿不准的，拨打 96110。\n编号 1，核验码 2"
)


async def told(kind: type[Robot], platform: FakePlatform, *messages: Any, timeout_s: float = 2) -> list[Any]:
    robot = kind(HttpClient(timeout_s), platform.url)
    try:
        return await robot.send(messages)
    finally:
        await robot.aclose()


def everywhere(*answers: Any) -> dict[str, Any]:
    return {part: list(answers) for part in ("send", "KEY-1", "KEY-2")}


async def test_wecom_gets_a_text_message_for_the_key() -> None:
    async with answering(send=OK) as platform:
        (sent,) = await told(WecomRobot, platform, message("KEY-1", '预警 "a"\n行'))
    (asked,) = platform.asked
    assert sent.verdict is SendStatus.SHOWN
    assert (asked.path, asked.query) == ("/cgi-bin/webhook/send", {"key": "KEY-1"})
    assert asked.body == {"msgtype": "text", "text": {"content": '预警 "a"\n行'}}


async def test_dingtalk_gets_a_signed_text_message() -> None:
    async with answering(send=OK) as platform:
        await told(Dingtalk, platform, message("KEY-1", secret="SECabc"))
    (asked,) = platform.asked
    text = f"{asked.query['timestamp']}\nSECabc".encode()
    sign = base64.b64encode(hmac.new(b"SECabc", text, hashlib.sha256).digest()).decode()
    assert asked.path == "/robot/send"
    assert asked.query == {"access_token": "KEY-1", "timestamp": asked.query["timestamp"], "sign": sign}
    assert len(asked.query["timestamp"]) == 13
    assert asked.body["text"] == {"content": "预警：请勿转账。"}


async def test_feishu_gets_a_signed_text_message() -> None:
    async with answering(**everywhere(OK)) as platform:
        await told(Feishu, platform, message("KEY-1", secret="demo"))
    (asked,) = platform.asked
    at = asked.body["timestamp"]
    sign = base64.b64encode(hmac.new(f"{at}\ndemo".encode(), b"", hashlib.sha256).digest()).decode()
    assert (asked.path, asked.query) == ("/open-apis/bot/v2/hook/KEY-1", {})
    assert asked.body == {
        "timestamp": at, "sign": sign, "msg_type": "text", "content": {"text": "预警：请勿转账。"}
    }  # fmt: skip
    assert len(at) == 10


@pytest.mark.parametrize("kind", ROBOTS)
async def test_without_a_secret_nothing_is_signed_and_characters_are_never_escaped(kind: type[Robot]) -> None:
    async with answering(**everywhere(OK)) as platform:
        await told(kind, platform, message("KEY-1", SAFE_TEXT))
    (asked,) = platform.asked
    assert not {"sign", "timestamp"} & {*asked.query, *asked.body}
    assert json.dumps(SAFE_TEXT, ensure_ascii=False).encode() in asked.raw
    assert b"\\u" not in asked.raw


@pytest.mark.parametrize("kind", ROBOTS)
async def test_a_refusal_in_an_answer_of_http_200_is_a_refusal(kind: type[Robot]) -> None:
    refusal = {"errcode": 93000 if kind is WecomRobot else 300001, "code": 9499, "msg": "no"}
    async with answering(**everywhere(refusal)) as platform:
        (sent,) = await told(kind, platform, message("KEY-1"))
    assert sent.verdict is SendStatus.REFUSED


@pytest.mark.parametrize("kind", ROBOTS)
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Cut(), SendStatus.UNKNOWN),
        (CannedReply(OK, late_s=2), SendStatus.UNKNOWN),
        (CannedReply(b" " * 200_000), SendStatus.UNKNOWN),
        (CannedReply(b"<html>"), SendStatus.UNKNOWN),
        (CannedReply(OK, 502), SendStatus.UNKNOWN),
        (CannedReply(b"", 503, {"Retry-After": "3"}), SendStatus.RETRY),
        (CannedReply(b"", 404), SendStatus.REFUSED),
    ],
)
async def test_what_was_sent_and_not_answered_is_unknown_and_sent_once(
    kind: type[Robot], answer: Any, verdict: SendStatus
) -> None:
    async with answering(**everywhere(answer)) as platform:
        (sent,) = await told(kind, platform, message("KEY-1"), timeout_s=0.5)
    assert sent.verdict is verdict
    assert len(platform.asked) == 1


@pytest.mark.parametrize("kind", ROBOTS)
async def test_a_platform_that_is_away_has_taken_nothing(kind: type[Robot]) -> None:
    robot = kind(HttpClient(1), "http://127.0.0.1:9")
    (sent,) = await robot.send([message("KEY-1")])
    await robot.aclose()
    assert (sent.verdict, sent.may_have_arrived) == (SendStatus.RETRY, False)


@pytest.mark.parametrize("kind", ROBOTS)
@pytest.mark.parametrize(
    "target", ["", "../KEY-1", "KEY-1?x=1", "https://x.example/send?key=KEY-1", "键", "K" * 201]
)
async def test_a_target_that_is_no_key_is_refused_and_stops_nobody(kind: type[Robot], target: str) -> None:
    async with answering(**everywhere(OK)) as platform:
        bad, good = await told(kind, platform, message(target), message("KEY-1"))
    assert (bad.verdict, good.verdict) == (SendStatus.REFUSED, SendStatus.SHOWN)
    assert len(platform.asked) == 1


@pytest.mark.parametrize(("kind", "most"), [(WecomRobot, 2048), (Dingtalk, 20_000), (Feishu, 20_000)])
async def test_a_long_text_is_fitted_and_keeps_its_advice(kind: type[Robot], most: int) -> None:
    async with answering(**everywhere(OK)) as platform:
        (sent,) = await told(kind, platform, message("KEY-1", LONG))
    (asked,) = platform.asked
    text = asked.body.get("text", asked.body.get("content"))
    text = text.get("content", text.get("text"))
    assert sent.verdict is SendStatus.SHOWN
    assert len(text.encode() if kind is WecomRobot else asked.raw) <= most
    assert text.endswith("……\n提醒：拿不准的，拨打 96110。\n编号 1，核验码 2")


async def test_a_text_that_cannot_be_fitted_is_refused_before_it_leaves() -> None:
    async with answering(send=OK) as platform:
        (sent,) = await told(WecomRobot, platform, message("KEY-1", "长" * 3000))
    assert (sent.verdict, platform.asked) == (SendStatus.REFUSED, [])


@pytest.mark.parametrize(("kind", "a_minute"), [(WecomRobot, 20), (Dingtalk, 20), (Feishu, 100)])
def test_the_rate_stays_below_what_the_platform_takes_in_a_minute(kind: type[Robot], a_minute: int) -> None:
    robot = kind(HttpClient(1), "http://127.0.0.1:9")
    assert a_minute * 0.9 < robot.per_second("") * 60 < a_minute
    assert robot.per_second("") <= 5
    assert not robot.idempotent
