"""The simulated robots and hooks answer as documented: every code that is documented for them comes up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.simulated_platform import Simulation, simulation

TEXT = {"msgtype": "text", "text": {"content": "预警：客服退款是骗局"}}


@pytest.fixture
async def sim() -> AsyncIterator[Simulation]:
    async with simulation() as running:
        yield running


async def robot(sim: Simulation, body: Any, key: str = "k1", more: str = "") -> dict[str, Any]:
    return await sim.post(f"/cgi-bin/webhook/send?key={key}{more}", body)


async def test_wecom_shows_a_text_and_says_ok(sim: Simulation) -> None:
    assert await robot(sim, TEXT) == {"errcode": 0, "errmsg": "ok"}
    assert sim.got("r1") == ["预警：客服退款是骗局"]


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("text", "警" * 682, 0),
        ("text", "警" * 683, 40058),
        ("markdown", "警" * 1365, 0),
        ("markdown", "警" * 1366, 40058),
        ("markdown_v2", "警" * 1365, 0),
        ("text", " ", 44004),
        ("text", 7, 44004),
        ("voice", "警", 40008),
    ],
)
async def test_wecom_holds_to_its_limits_in_bytes(
    sim: Simulation, kind: str, content: Any, code: int
) -> None:
    said = await robot(sim, {"msgtype": kind, kind: {"content": content}})
    assert said["errcode"] == code
    assert len(sim.got("r1")) == (code == 0)


async def test_wecom_shows_news_of_one_to_eight_articles(sim: Simulation) -> None:
    article = {"title": "预警", "url": "https://example.com/1"}
    assert (await robot(sim, {"msgtype": "news", "news": {"articles": [article]}}))["errcode"] == 0
    assert (await robot(sim, {"msgtype": "news", "news": {"articles": [article] * 9}}))["errcode"] == 40058
    assert sim.got("r1") == ["预警 https://example.com/1"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 40008),
        (b"[1]", 40008),
        (b"\xff", 40008),
        (b'{"msgtype":"text","text":{"content":"\\u9884"}}', 40033),
        (b'{"msgtype":"text","text":{"content":"C:\\\\u9884"}}', 0),
    ],
)
async def test_wecom_wants_json_in_plain_utf8(sim: Simulation, body: bytes, code: int) -> None:
    assert (await robot(sim, body))["errcode"] == code


async def test_wecom_refuses_an_unknown_key_and_a_foreign_address(sim: Simulation) -> None:
    said = await robot(sim, TEXT, "nobody")
    assert said["errcode"] == 93000
    assert "devtool/query?e=93000" in said["errmsg"]
    assert (await robot(sim, TEXT, "k9"))["errcode"] == 60020


async def test_wecom_takes_twenty_a_minute_and_then_blocks_for_one(sim: Simulation) -> None:
    codes = [(await robot(sim, TEXT))["errcode"] for _ in range(21)]
    assert codes == [0] * 20 + [45009]
    sim.watch.at = 59
    assert (await robot(sim, TEXT))["errcode"] == 45009
    sim.watch.at = 61
    assert (await robot(sim, TEXT))["errcode"] == 0


async def test_wecom_takes_five_a_minute_when_debugging(sim: Simulation) -> None:
    codes = [(await robot(sim, TEXT, more="&debug=1"))["errcode"] for _ in range(6)]
    assert codes == [0] * 5 + [45009]


async def test_dingtalk_shows_what_is_signed(sim: Simulation) -> None:
    assert await sim.dingtalk(TEXT) == {"errcode": 0, "errmsg": "ok"}
    said = await sim.dingtalk({"msgtype": "markdown", "markdown": {"title": "预警", "text": "**骗局**"}})
    assert said["errcode"] == 0
    assert sim.got("r2") == ["预警：客服退款是骗局", "**骗局**"]


async def test_dingtalk_refuses_a_wrong_or_old_signature(sim: Simulation) -> None:
    wrong = {"errcode": 310000, "errmsg": "sign not match"}
    assert await sim.dingtalk(TEXT, secret="SECabd") == wrong
    assert await sim.post("/robot/send?access_token=d1", TEXT) == wrong
    assert (await sim.dingtalk(TEXT, age_s=3590))["errcode"] == 0
    assert await sim.dingtalk(TEXT, age_s=3610) == {"errcode": 310000, "errmsg": "invalid timestamp"}
    assert len(sim.got("r2")) == 1


async def test_dingtalks_signature_is_that_of_the_published_example(sim: Simulation) -> None:
    """A right signature of a time long past: only the time is refused."""
    sign = "jcUpW0QmtKduN03n4JqQ0PBosVjqnM8gU7fIIvsDmCM%3D"
    said = await sim.post(f"/robot/send?access_token=d1&timestamp=1700000000000&sign={sign}", TEXT)
    assert said == {"errcode": 310000, "errmsg": "invalid timestamp"}


@pytest.mark.parametrize(
    ("token", "body", "code"),
    [
        ("d2", TEXT, 0),
        ("d2", {"msgtype": "text", "text": {"content": "没有那个词"}}, 310000),
        ("d2", b"{", 40035),
        ("d2", {"msgtype": "text", "text": {"content": ""}}, 400105),
        ("d2", {"msgtype": "feedCard"}, 400105),
        ("d2", {"msgtype": "text", "text": {"content": "预警" * 4000}}, 460101),
        ("d9", TEXT, 310000),
        ("nobody", TEXT, 300001),
    ],
)
async def test_dingtalk_says_what_is_wrong(sim: Simulation, token: str, body: Any, code: int) -> None:
    assert (await sim.post(f"/robot/send?access_token={token}", body))["errcode"] == code


async def test_dingtalk_blocks_for_ten_minutes(sim: Simulation) -> None:
    said = [await sim.post("/robot/send?access_token=d2", TEXT) for _ in range(21)]
    assert [x["errcode"] for x in said] == [0] * 20 + [130101]
    assert said[-1]["errmsg"] == "send too fast, exceed 20 times per minute"
    sim.watch.at = 599
    assert (await sim.post("/robot/send?access_token=d2", TEXT))["errcode"] == 130101
    sim.watch.at = 601
    assert (await sim.post("/robot/send?access_token=d2", TEXT))["errcode"] == 0


async def test_feishu_shows_what_is_signed(sim: Simulation) -> None:
    said = await sim.feishu("预警")
    assert said == {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}
    assert (await sim.feishu("预警", secret="other"))["code"] == 19021
    assert (await sim.feishu("预警", age_s=3610))["code"] == 19021
    assert sim.got("r4") == ["预警"]


async def test_feishu_shows_a_rich_text(sim: Simulation) -> None:
    pieces = [{"tag": "text", "text": "客服退款"}, {"tag": "text", "text": "是骗局"}]
    post = {"zh_cn": {"title": "预警", "content": [pieces, "not a line"]}}
    body = {"msg_type": "post", "content": {"post": post}}
    assert (await sim.post("/open-apis/bot/v2/hook/f2", body))["code"] == 0
    assert sim.got("r5") == ["预警\n客服退款是骗局"]


@pytest.mark.parametrize(
    ("token", "body", "code"),
    [
        ("f2", {"msg_type": "text", "content": {"text": "没有那个词"}}, 19024),
        ("f2", {"msg_type": "text", "content": {"text": ""}}, 9499),
        ("f2", {"msg_type": "image", "content": {"image_key": "x"}}, 9499),
        ("f2", {"msg_type": "text", "content": "预警"}, 9499),
        ("f2", {"msg_type": "text", "content": {"text": "预警" * 4000}}, 9499),
        ("f2", b"{", 9499),
        ("f9", {"msg_type": "text", "content": {"text": "预警"}}, 19022),
        ("nobody", {"msg_type": "text", "content": {"text": "预警"}}, 19001),
    ],
)
async def test_feishu_says_what_is_wrong(sim: Simulation, token: str, body: Any, code: int) -> None:
    assert (await sim.post(f"/open-apis/bot/v2/hook/{token}", body))["code"] == code


async def test_feishu_takes_five_a_second_and_a_hundred_a_minute(sim: Simulation) -> None:
    codes = [(await sim.feishu("预警"))["code"] for _ in range(6)]
    assert codes == [0] * 5 + [11232]
    for second in range(2, 21):
        sim.watch.at = second
        assert [(await sim.feishu("预警"))["code"] for _ in range(5)] == [0] * 5
    sim.watch.at = 22
    assert (await sim.feishu("预警"))["code"] == 11232
    sim.watch.at = 62.5
    assert (await sim.feishu("预警"))["code"] == 0


async def test_a_hook_shows_a_repeated_event_once_and_counts_the_repeat(sim: Simulation) -> None:
    body = {"text": "预警"}
    assert await sim.hook("h1", body, "e1") == (200, {"ok": True})
    assert await sim.hook("h1", body, "e1") == (200, {"ok": True})
    assert await sim.hook("h2", body, "e1") == (200, {"ok": True})
    assert sim.got("h1") == sim.got("h2") == ["预警"]
    assert (sim.platform.delivered.doubles, sim.platform.delivered.asked_again) == (0, 1)


async def test_a_hook_shows_the_same_text_twice_under_two_events(sim: Simulation) -> None:
    await sim.hook("h1", {"text": "预警"}, "e1")
    await sim.hook("h1", {"text": "预警"}, "e2")
    assert (sim.platform.delivered.doubles, sim.platform.delivered.asked_again) == (1, 0)


@pytest.mark.parametrize(
    ("group", "body", "more", "status"),
    [
        ("h1", {"text": "预警"}, {"secret": "other"}, 401),
        ("h1", {"text": "预警"}, {"age_s": 301}, 401),
        ("h1", {"text": "预警"}, {"age_s": 290}, 200),
        ("h1", {"text": " "}, {}, 400),
        ("h1", {"text": "预警"}, {"event": ""}, 400),
        ("h1", b"{", {}, 400),
        ("h1", {"text": "警" * 30_000}, {}, 413),
        ("nowhere", {"text": "预警"}, {}, 404),
    ],
)
async def test_a_hook_says_what_is_wrong_by_its_status(
    sim: Simulation, group: str, body: Any, more: dict[str, Any], status: int
) -> None:
    got, said = await sim.hook(group, body, **more)
    assert (got, said["ok"]) == (status, status == 200)


async def test_a_notice_tells_an_officer_and_nobody_else(sim: Simulation) -> None:
    assert await sim.hook("wang", {"text": "有新待办"}, place="notice") == (200, {"ok": True})
    assert await sim.hook("wang", {"text": "有新待办"}, place="notice") == (200, {"ok": True})
    assert (await sim.hook("nobody", {"text": "有新待办"}, place="notice"))[0] == 404
    assert sim.platform.notices == {"wang": 1}
    assert sim.platform.delivered.shown == 0


async def test_every_answer_says_that_it_is_a_simulation(sim: Simulation) -> None:
    for path in ("/sim/", "/sim/state", "/cgi-bin/gettoken"):
        async with sim.session.get(sim.url + path) as answer:
            assert answer.headers["X-Fenghuo-Simulation"] == "1"


async def test_posts_at_once_are_each_counted_once(sim: Simulation) -> None:
    await asyncio.gather(*[sim.hook(f"h{1 + n % 2}", {"text": f"预警{n}"}, f"e{n}") for n in range(200)])
    assert (sim.platform.delivered.shown, sim.platform.delivered.doubles) == (200, 0)
