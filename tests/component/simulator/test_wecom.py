"""The simulated customer groups of WeCom: tokens, tasks, taps, results, every documented code."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.simulated_platform import ROSTER, Simulation, simulation

DAY = 86_400
TASK = {"chat_type": "group", "sender": "zhang", "chat_id_list": ["wr1"], "text": {"content": "预警"}}


@pytest.fixture
async def sim() -> AsyncIterator[Simulation]:
    async with simulation() as running:
        yield running


async def code(sim: Simulation, name: str, body: Any, token: str | None = None) -> int:
    return int((await sim.wecom(name, body, token))["errcode"])


async def test_a_token_is_given_for_the_right_secret_and_stays_the_same_while_it_lives(
    sim: Simulation,
) -> None:
    said = await sim.get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret")
    assert (said["errcode"], said["errmsg"], said["expires_in"]) == (0, "ok", 7200)
    assert 0 < len(said["access_token"]) <= 512
    sim.watch.at = 7000
    again = await sim.get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret")
    assert (again["access_token"], again["expires_in"]) == (said["access_token"], 200)
    sim.watch.at = 7200
    assert await sim.token() != said["access_token"]


async def test_a_wrong_corp_and_a_wrong_secret_are_told_apart(sim: Simulation) -> None:
    assert (await sim.get("/cgi-bin/gettoken?corpid=ww2&corpsecret=corp-secret"))["errcode"] == 40013
    assert (await sim.get("/cgi-bin/gettoken?corpid=ww1&corpsecret=other"))["errcode"] == 40001


async def test_a_token_that_is_missing_wrong_or_expired_is_told_apart(sim: Simulation) -> None:
    token = await sim.token()
    assert await code(sim, "add_msg_template", TASK, "") == 41001
    assert await code(sim, "add_msg_template", TASK, "invented") == 40014
    sim.watch.at = 7201
    assert await code(sim, "add_msg_template", TASK, token) == 42001


async def test_a_dead_credential_gets_no_token_and_its_tokens_end(sim: Simulation) -> None:
    token = await sim.token()
    await sim.post("/sim/faults", {"dead_credentials": ["district"]})
    assert (await sim.get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret"))["errcode"] == 40001
    assert await code(sim, "add_msg_template", TASK, token) == 40014
    await sim.post("/sim/faults", {})
    assert await code(sim, "add_msg_template", TASK, token) == 0


async def test_a_task_is_made_and_says_which_chats_it_cannot_reach(sim: Simulation) -> None:
    said = await sim.wecom("add_msg_template", {**TASK, "chat_id_list": ["wr1", "wr4", "wrX"]})
    assert (said["errcode"], said["fail_list"]) == (0, ["wr4", "wrX"])
    assert said["msgid"].startswith("msgGC")
    assert sim.platform.delivered.shown == 0


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"chat_type": "single"}, 40035),
        ({"sender": "no such name!"}, 40003),
        ({"sender": None}, 40003),
        ({"sender": "nobody"}, 60111),
        ({"text": {"content": "警" * 1333}}, 0),
        ({"text": {"content": "警" * 1334}}, 45002),
        ({"text": {"content": ""}}, 44004),
        ({"text": {"content": 7}}, 40035),
        ({"attachments": [{"msgtype": "image", "image": {}}] * 9}, 0),
        ({"attachments": [{"msgtype": "image", "image": {}}] * 10}, 40058),
        ({"attachments": [{"msgtype": "voice"}]}, 40008),
        ({"chat_id_list": ["wr4"]}, 41048),
        ({"chat_id_list": []}, 41048),
        ({"chat_id_list": "wr1"}, 40035),
        ({"chat_id_list": [["wr1"]]}, 40035),
        ({"chat_id_list": [f"wr{n}" for n in range(2000)]}, 0),
        ({"chat_id_list": [f"wr{n}" for n in range(2001)]}, 40058),
    ],
)
async def test_a_task_that_cannot_be_made_is_refused_with_the_documented_code(
    sim: Simulation, change: dict[str, Any], wanted: int
) -> None:
    assert await code(sim, "add_msg_template", {**TASK, **change}) == wanted


async def test_escapes_and_broken_json_are_refused(sim: Simulation) -> None:
    assert await code(sim, "add_msg_template", b'{"chat_type":"group","text":{"content":"\\u8b66"}}') == 40033
    assert await code(sim, "add_msg_template", b"{") == 40008


async def test_a_task_cannot_be_asked_about_right_after_it_was_made(sim: Simulation) -> None:
    msgid = await sim.mass_send()
    asked = {"msgid": msgid, "userid": "zhang"}
    assert await code(sim, "get_groupmsg_task", asked) == 41063
    assert await code(sim, "get_groupmsg_send_result", asked) == 41063
    sim.watch.at = 5
    assert await code(sim, "get_groupmsg_task", asked) == 0


async def test_an_owner_taps_all_groups_of_a_task_at_once(sim: Simulation) -> None:
    before = int(time.time())
    msgid = await sim.mass_send("zhang", "wr1", "wr2", "wr3")
    sim.watch.at = 5
    waiting = await sim.wecom("get_groupmsg_task", {"msgid": msgid})
    assert waiting["task_list"] == [{"userid": "zhang", "status": 0}]
    none = await sim.wecom("get_groupmsg_send_result", {"msgid": msgid, "userid": "zhang"})
    assert none["send_list"] == []
    sim.watch.at = DAY
    tapped = await sim.wecom("get_groupmsg_task", {"msgid": msgid})
    assert (tapped["task_list"][0]["status"], tapped["next_cursor"]) == (2, "")
    assert before + 5 <= tapped["task_list"][0]["send_time"] < before + DAY
    sent = await sim.wecom("get_groupmsg_send_result", {"msgid": msgid, "userid": "zhang"})
    assert [(x["chat_id"], x["status"]) for x in sent["send_list"]] == [("wr1", 1), ("wr2", 1), ("wr3", 1)]
    assert len({x["send_time"] for x in sent["send_list"]}) == 1
    assert sim.got("c1") == sim.got("c3") == ["预警"]
    assert sim.got("c4") == []


async def test_who_never_taps_never_does(sim: Simulation) -> None:
    msgid = await sim.mass_send("li")
    for _ in range(3):
        assert await code(sim, "remind_groupmsg_send", {"msgid": msgid}) == 0
    sim.watch.at = 30 * DAY
    assert (await sim.wecom("get_groupmsg_task", {"msgid": msgid}))["task_list"][0]["status"] == 0
    assert sim.got("c4") == []


async def test_a_fourth_reminder_within_a_day_is_refused(sim: Simulation) -> None:
    msgid = await sim.mass_send("li")
    codes = []
    for hour in (0, 8, 16, 23.9, 24.1):
        sim.watch.at = hour * 3600
        codes.append(await code(sim, "remind_groupmsg_send", {"msgid": msgid}))
    assert codes == [0, 0, 0, 45009, 0]


async def test_reminders_make_people_tap() -> None:
    profiles = {"deaf": {"median_s": 60, "sigma": 0.1, "night": 1.0, "taps": 0.0, "heeds": 1.0}}
    roster = {**ROSTER, "profiles": profiles, "owners": [{"userid": "zhang", "profile": "deaf"}]}
    async with simulation(roster) as sim:
        msgid = await sim.mass_send("zhang")
        sim.watch.at = DAY
        assert (await sim.wecom("get_groupmsg_task", {"msgid": msgid}))["task_list"][0]["status"] == 0
        await sim.wecom("remind_groupmsg_send", {"msgid": msgid})
        sim.watch.at = DAY + 60
        assert (await sim.wecom("get_groupmsg_task", {"msgid": msgid}))["task_list"][0]["status"] == 2


async def test_a_cancelled_task_cannot_be_tapped(sim: Simulation) -> None:
    msgid = await sim.mass_send()
    assert await code(sim, "cancel_groupmsg_send", {"msgid": msgid}) == 0
    sim.watch.at = DAY
    assert (await sim.wecom("get_groupmsg_task", {"msgid": msgid}))["task_list"][0]["status"] == 0
    assert sim.platform.delivered.shown == 0


async def test_cancelling_does_not_take_back_what_was_sent(sim: Simulation) -> None:
    msgid = await sim.mass_send("zhang", "wr1")
    sim.watch.at = DAY
    await sim.wecom("cancel_groupmsg_send", {"msgid": msgid})
    sent = await sim.wecom("get_groupmsg_send_result", {"msgid": msgid, "userid": "zhang"})
    assert [x["status"] for x in sent["send_list"]] == [1]
    assert sim.got("c1") == ["预警"]


@pytest.mark.parametrize(("quota", "most"), [("day", 1), ("week", 7), ("month", 31)])
async def test_a_chat_receives_no_more_than_its_quota(quota: str, most: int) -> None:
    async with simulation({**ROSTER, "corps": [{**ROSTER["corps"][0], "quota": quota}]}) as sim:
        for n in range(most + 1):
            last = await sim.mass_send("zhang", "wr1", text=f"预警{n}")
        sim.watch.at = 6 * 3600
        await sim.wecom("get_groupmsg_send_result", {"msgid": last, "userid": "zhang"})
        assert len(sim.got("c1")) == most
        tasks = sim.platform.mass_sends.of(sim.platform.by_name["district"])
        assert sorted(status for task in tasks for _, status in task.results) == [1] * most + [3]
        sim.watch.at = 31 * DAY
        await sim.mass_send("zhang", "wr1", text="下个月")
        sim.watch.at = 32 * DAY
        sim.platform.mass_sends.settle()
        assert sim.got("c1")[-1] == "下个月"


async def test_mass_sends_are_listed_by_span_and_creator_and_page(sim: Simulation) -> None:
    msgids = [await sim.mass_send(sender) for sender in ("zhang", "li", "zhang")]
    now = int(time.time())
    asked = {"chat_type": "group", "start_time": now - 60, "end_time": now + 60}
    said = await sim.wecom("get_groupmsg_list_v2", {**asked, "creator": "zhang", "filter_type": 0})
    assert [x["msgid"] for x in said["group_msg_list"]] == [msgids[0], msgids[2]]
    first = said["group_msg_list"][0]
    assert (first["creator"], first["create_type"], first["text"]) == ("zhang", 0, {"content": "预警"})
    page = await sim.wecom("get_groupmsg_list_v2", {**asked, "limit": 2})
    rest = await sim.wecom("get_groupmsg_list_v2", {**asked, "limit": 2, "cursor": page["next_cursor"]})
    assert [x["msgid"] for x in page["group_msg_list"] + rest["group_msg_list"]] == msgids
    assert rest["next_cursor"] == ""
    own = await sim.wecom("get_groupmsg_list_v2", {**asked, "filter_type": 1})
    past = await sim.wecom("get_groupmsg_list_v2", {**asked, "start_time": 0, "end_time": 60})
    later = await sim.wecom("get_groupmsg_list_v2", {**asked, "start_time": now + 60, "end_time": now + 90})
    assert own["group_msg_list"] == past["group_msg_list"] == later["group_msg_list"] == []


async def test_the_list_can_withhold_whom_a_task_is_for(sim: Simulation) -> None:
    await sim.mass_send()
    await sim.post("/sim/faults", {"withhold_creator": True})
    now = int(time.time())
    said = await sim.wecom(
        "get_groupmsg_list_v2", {"chat_type": "group", "start_time": now - 60, "end_time": now + 60}
    )
    assert "creator" not in said["group_msg_list"][0]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("get_groupmsg_list_v2", {"chat_type": "group", "start_time": 0, "end_time": 32 * DAY}),
        ("get_groupmsg_list_v2", {"chat_type": "group", "start_time": 9, "end_time": 0}),
        ("get_groupmsg_list_v2", {"chat_type": "group", "start_time": 0, "end_time": 9, "limit": 101}),
        ("get_groupmsg_list_v2", {"chat_type": "group", "start_time": 0, "end_time": 9, "filter_type": 3}),
        ("get_groupmsg_list_v2", {"chat_type": "single", "start_time": 0, "end_time": 9}),
        ("get_groupmsg_task", {"msgid": "msgX"}),
        ("get_groupmsg_task", {"msgid": ["a"]}),
        ("remind_groupmsg_send", {"msgid": "msgX"}),
        ("cancel_groupmsg_send", {}),
        ("groupchat/list", {"limit": 0}),
        ("groupchat/list", {"limit": 1001}),
        ("groupchat/list", {"cursor": "x"}),
        ("groupchat/list", {"status_filter": 4}),
        ("groupchat/list", {"owner_filter": {"userid_list": "zhang"}}),
    ],
)
async def test_what_makes_no_sense_is_an_invalid_parameter(
    sim: Simulation, name: str, body: dict[str, Any]
) -> None:
    assert await code(sim, name, body) == 40035


async def test_results_are_given_for_the_tasks_owner_only(sim: Simulation) -> None:
    msgid = await sim.mass_send()
    sim.watch.at = 5
    assert await code(sim, "get_groupmsg_send_result", {"msgid": msgid, "userid": "li"}) == 60111


async def test_results_come_in_pages(sim: Simulation) -> None:
    msgid = await sim.mass_send("zhang", "wr1", "wr2", "wr3")
    sim.watch.at = DAY
    asked = {"msgid": msgid, "userid": "zhang", "limit": 2}
    page = await sim.wecom("get_groupmsg_send_result", asked)
    rest = await sim.wecom("get_groupmsg_send_result", {**asked, "cursor": page["next_cursor"]})
    assert [x["chat_id"] for x in page["send_list"] + rest["send_list"]] == ["wr1", "wr2", "wr3"]
    assert rest["next_cursor"] == ""


async def test_chats_are_listed_by_owner(sim: Simulation) -> None:
    said = await sim.wecom("groupchat/list", {"owner_filter": {"userid_list": ["li"]}, "limit": 1})
    assert (said["group_chat_list"], said["next_cursor"]) == ([{"chat_id": "wr4", "status": 0}], "c1")
    assert len((await sim.wecom("groupchat/list", {}))["group_chat_list"]) == 5
    assert (await sim.wecom("groupchat/list", {"status_filter": 1}))["group_chat_list"] == []
    many = {"owner_filter": {"userid_list": ["li"] * 101}}
    assert await code(sim, "groupchat/list", many) == 40058


async def test_too_many_owners_need_a_filter() -> None:
    async with simulation({**ROSTER, "owners": [{"userid": f"u{n}"} for n in range(1001)]}) as sim:
        assert await code(sim, "groupchat/list", {}) == 81017
        assert await code(sim, "groupchat/list", {"owner_filter": {"userid_list": ["zhang"]}}) == 0


async def test_a_chat_is_told_with_its_owner(sim: Simulation) -> None:
    chat = (await sim.wecom("groupchat/get", {"chat_id": "wr4", "need_name": 0}))["group_chat"]
    assert (chat["chat_id"], chat["owner"], len(chat["member_list"])) == ("wr4", "li", 101)
    assert "name" not in chat["member_list"][1]
    assert await code(sim, "groupchat/get", {"chat_id": "wrX"}) == 40050


async def test_a_corp_asks_at_most_ten_thousand_times_a_minute(sim: Simulation) -> None:
    token = await sim.token()
    for _ in range(10_000):
        sim.platform.take("wecom_customer_group", "district/groupchat_list")
    assert await code(sim, "groupchat/list", {}, token) == 45009
    assert await code(sim, "groupchat/get", {"chat_id": "wr4"}, token) == 0


async def test_nobody_taps_what_is_still_being_handed_out() -> None:
    hasty = {"usual": {"median_s": 0.1, "sigma": 0.1, "night": 1.0}}
    async with simulation({**ROSTER, "owners": [], "profiles": hasty}) as sim:
        await sim.mass_send("zhang", "wr1")
        sim.watch.at = 4.9
        sim.platform.mass_sends.settle()
        assert sim.got("c1") == []
        sim.watch.at = 5
        sim.platform.mass_sends.settle()
        assert sim.got("c1") == ["预警"]


async def test_a_corp_sees_neither_the_tasks_nor_the_chats_of_another() -> None:
    other = {"name": "county", "corpid": "ww2", "secret": "x"}
    chats = [{**ROSTER["chats"][0], "corp": "district"}, {**ROSTER["chats"][1], "corp": "county"}]
    async with simulation({**ROSTER, "corps": [*ROSTER["corps"], other], "chats": chats}) as sim:
        msgid = await sim.mass_send("zhang", "wr1")
        theirs = (await sim.get("/cgi-bin/gettoken?corpid=ww2&corpsecret=x"))["access_token"]
        sim.watch.at = 5
        assert await code(sim, "get_groupmsg_task", {"msgid": msgid}) == 0
        assert await code(sim, "get_groupmsg_task", {"msgid": msgid}, theirs) == 40035
        assert await code(sim, "cancel_groupmsg_send", {"msgid": msgid}, theirs) == 40035
        assert await code(sim, "groupchat/get", {"chat_id": "wr1"}, theirs) == 40050
        assert await code(sim, "add_msg_template", TASK, theirs) == 41048
        listed = await sim.wecom("groupchat/list", {}, theirs)
        assert [chat["chat_id"] for chat in listed["group_chat_list"]] == ["wr2"]
