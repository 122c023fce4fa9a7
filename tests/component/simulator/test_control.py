"""Faults on request, what the simulation tells about itself, its page, and the command as a process."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fenghuo.simulator.delivered_messages import text_id
from fenghuo.simulator.endpoints.wecom_codes import MESSAGES
from tests.support.simulated_platform import ROSTER, Simulation, simulation

ALL = {"rate_limited": 1.0}
DROPPED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
TASK = {"chat_type": "group", "sender": "zhang", "text": {"content": "预警"}}


async def every_way(sim: Simulation) -> list[Any]:
    """One good call of each platform; its code, or the exception's type."""

    async def hook() -> Any:
        status, said = await sim.hook("h1", {"text": "预警"})
        return 0 if said["ok"] else status

    async def robot() -> Any:
        return (
            await sim.post("/cgi-bin/webhook/send?key=k1", {"msgtype": "text", "text": {"content": "预警"}})
        )["errcode"]

    async def dingtalk() -> Any:
        return (await sim.dingtalk({"msgtype": "text", "text": {"content": "预警"}}))["errcode"]

    async def feishu() -> Any:
        return (await sim.feishu("预警"))["code"]

    found = await asyncio.gather(hook(), robot(), dingtalk(), feishu(), return_exceptions=True)
    return ["dropped" if isinstance(x, DROPPED) else x for x in found]


async def test_each_platform_says_in_its_own_words_that_it_is_too_fast() -> None:
    async with simulation(wrong={"ways": {"*": ALL}}) as sim:
        assert await every_way(sim) == [429, 45009, 130101, 11232]
        assert (await sim.get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret"))["errcode"] == 45009
        assert sim.platform.delivered.shown == 0
        async with sim.session.post(sim.url + "/hook/h1", data=b"") as answer:
            assert answer.headers["Retry-After"] == "1"


async def test_a_connection_that_breaks_before_shows_nothing() -> None:
    async with simulation(wrong={"ways": {"*": {"broken_before": 1.0}}}) as sim:
        assert await every_way(sim) == ["dropped"] * 4
        assert sim.platform.delivered.shown == 0


async def test_a_timeout_after_acceptance_has_shown_the_message() -> None:
    async with simulation(wrong={"ways": {"*": {"timeout_after": 1.0, "hang_s": 0.05}}}) as sim:
        assert await every_way(sim) == ["dropped"] * 4
        assert sim.platform.delivered.shown == 4
        assert sim.got("h1") == sim.got("r4") == ["预警"]


async def test_what_is_refused_is_answered_even_where_acceptances_time_out() -> None:
    async with simulation(wrong={"ways": {"*": {"timeout_after": 1.0, "hang_s": 60}}}) as sim:
        assert (await sim.hook("nowhere", {"text": "预警"}))[0] == 404
        assert (await sim.post("/cgi-bin/webhook/send?key=nobody", {}))["errcode"] == 93000


async def test_a_task_whose_answer_was_lost_is_found_by_asking() -> None:
    wrong = {"ways": {"wecom_customer_group/add_msg_template": {"timeout_after": 1.0, "hang_s": 0.05}}}
    async with simulation(wrong=wrong) as sim:
        with pytest.raises(DROPPED):
            await sim.wecom("add_msg_template", TASK)
        listed = await sim.wecom(
            "get_groupmsg_list_v2", {"chat_type": "group", "start_time": 1, "end_time": 31 * 86_400}
        )
        assert listed["errcode"] == 0
        (task,) = sim.platform.mass_sends.of(sim.platform.by_name["district"])
        assert task.text == "预警"


@pytest.mark.parametrize("code", sorted(set(MESSAGES)))
async def test_every_documented_code_of_wecom_can_be_provoked(code: int) -> None:
    async with simulation(wrong={"ways": {"wecom_robot": {"codes": {str(code): 1.0}}}}) as sim:
        said = await sim.post(
            "/cgi-bin/webhook/send?key=k1", {"msgtype": "text", "text": {"content": "预警"}}
        )
        assert said["errcode"] == code
        assert said["errmsg"].startswith(MESSAGES[code])
        assert sim.platform.delivered.shown == 0


async def test_revoked_robots_say_so_each_in_its_own_words() -> None:
    async with simulation(wrong={"ways": {"*": {"revoked": 1.0}}}) as sim:
        assert await every_way(sim) == [410, 93000, 300001, 19001]
        await sim.post("/sim/faults", {})
        assert await every_way(sim) == [0, 0, 0, 0]


async def test_the_same_seed_gives_the_same_luck_in_whatever_order() -> None:
    hooks = [f"h{n}" for n in range(60)]
    wrong = {"ways": {"webhook": {"rate_limited": 0.3}}}
    outcomes = []
    for seed, order in ((1, hooks), (1, hooks[::-1]), (2, hooks)):
        async with simulation({**ROSTER, "hooks": hooks}, wrong, seed) as sim:
            outcomes.append({name: (await sim.hook(name, {"text": "预警"}))[0] for name in order})
    assert outcomes[0] == outcomes[1] != outcomes[2]
    assert 8 <= sum(status == 429 for status in outcomes[0].values()) <= 28


async def test_roster_and_faults_change_while_it_runs_and_mistakes_change_nothing() -> None:
    async with simulation() as sim:
        assert (await sim.hook("new", {"text": "预警"}))[0] == 404
        said = await sim.post("/sim/roster", {**ROSTER, "hooks": ["new"]})
        assert (said["simulation"], said["hooks"], said["robots"]) == (True, 1, 8)
        assert (await sim.hook("new", {"text": "预警"}))[0] == 200
        status, wrong = await sim.ask("/sim/roster", {"hook": []})
        assert (status, "unknown field" in wrong["error"]) == (400, True)
        assert (await sim.ask("/sim/faults", b"{"))[0] == 400
        assert (await sim.ask("/sim/faults", {"ways": {"*": {"revoked": 2}}}))[0] == 400
        assert (await sim.hook("new", {"text": "预警"}, "e2"))[0] == 200


async def test_a_page_in_a_browser_cannot_change_the_simulation() -> None:
    async with simulation() as sim:
        await sim.hook("h1", {"text": "预警"}, "e1")
        status, said = await sim.ask("/sim/reset", {}, Origin="https://example.com")
        assert (status, "other sites" in said["error"]) == (400, True)
        assert sim.got("h1") == ["预警"]


async def test_each_answer_waits_for_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    monkeypatch.setattr(
        "fenghuo.simulator.server.latency_s", lambda wrong, draw: drawn.append(draw) or wrong.latency_ms / 1e6
    )
    async with simulation(wrong={"ways": {"webhook": {"latency_ms": 1}}}) as sim:
        for n in range(3):
            assert (await sim.hook("h1", {"text": "预警"}, f"e{n}"))[0] == 200
    assert len(set(drawn)) == 3
    assert all(0 <= draw < 1 for draw in drawn)


async def test_owners_take_as_long_whatever_the_order_of_tasks() -> None:
    moments = []
    for first, second in (("zhang", "zhao"), ("zhao", "zhang")):
        chats = [{"chat_id": x, "owner": x, "group_id": x} for x in ("zhang", "zhao")]
        async with simulation({**ROSTER, "chats": chats, "owners": []}) as sim:
            await sim.mass_send(first)
            await sim.mass_send(second)
            sim.watch.at = 3 * 86_400
            sim.platform.mass_sends.settle()
            tasks = sim.platform.mass_sends.of(sim.platform.by_name["district"])
            moments.append({task.owner: task.sent_s for task in tasks})
    assert moments[0] == moments[1]
    assert moments[0]["zhang"] != moments[0]["zhao"]


async def test_the_counts_tell_who_has_a_text_and_how_often() -> None:
    async with simulation() as sim:
        await sim.hook("h1", {"text": "预警甲 核对码1234"}, "e1")
        await sim.hook("h2", {"text": "预警甲 核对码1234"}, "e2")
        await sim.hook("h2", {"text": "预警甲 核对码1234"}, "e3")
        await sim.post(
            "/cgi-bin/webhook/send?key=k1", {"msgtype": "text", "text": {"content": "甲 核对码1234"}}
        )
        sha = text_id("预警甲 核对码1234")
        one = await sim.get(f"/sim/counts?text_sha={sha}&ids=1")
        assert (one["groups"], one["shown"], one["doubles"]) == (2, 3, 1)
        assert one["group_ids"] == ["h1", "h2"]
        assert one["first_ms"] <= one["last_ms"]
        cut = await sim.get("/sim/counts?contains=1234")
        assert (cut["groups"], cut["by_channel"]) == (3, {"webhook": 2, "wecom_robot": 1})
        assert (await sim.get("/sim/counts?text_sha=0"))["groups"] == 0
        groups = (await sim.get("/sim/groups"))["groups"]
        assert [x["text_sha"] for x in groups["h2"]] == [sha, sha]
        assert list((await sim.get("/sim/groups?group=h1"))["groups"]) == ["h1"]


async def test_the_log_goes_on_where_it_was_left() -> None:
    async with simulation() as sim:
        for n in range(3):
            await sim.hook("h1", {"text": f"预警{n}"}, f"e{n}")
        first = await sim.get("/sim/log")
        assert [first["texts"][x["text_sha"]] for x in first["shown"]] == ["预警0", "预警1", "预警2"]
        await sim.hook("h1", {"text": "预警3"}, "e3")
        rest = await sim.get(f"/sim/log?since={first['next']}")
        assert [x["number"] for x in rest["shown"]] == [4]
        assert (await sim.get("/sim/log?since=4"))["next"] is None
        assert "whole number" in (await sim.get("/sim/log?since=x"))["error"]


async def test_the_timeline_tells_when_which_share_of_residents_had_it() -> None:
    """h1 has 300 residents, h2 100, and the chats 500."""
    async with simulation() as sim:
        start = sim.platform.clock.real_ms(0)
        sim.watch.at = 10
        await sim.hook("h1", {"text": "预警"}, "e1")
        sim.watch.at = 40
        await sim.hook("h2", {"text": "预警"}, "e1")
        told = await sim.get(f"/sim/timeline?contains=&since_ms={start}&residents=400")
        assert told["at_s"] == {"50": 10.0, "90": 40.0, "99": 40.0}
        assert told["points"] == [[10.0, 0.75], [40.0, 1.0]]
        half = await sim.get(f"/sim/timeline?since_ms={start}&residents=600")
        assert half["at_s"] == {"50": 10.0, "90": None, "99": None}
        whole = await sim.get(f"/sim/timeline?since_ms={start}")
        assert (whole["residents"], whole["reached"]) == (900, 400)
        assert whole["at_s"] == {"50": None, "90": None, "99": None}


async def test_a_reset_forgets_what_was_shown_but_not_who_there_is() -> None:
    async with simulation() as sim:
        await sim.hook("h1", {"text": "预警"}, "e1")
        await sim.post("/sim/reset", {})
        assert (await sim.get("/sim/state"))["shown"] == 0
        assert (await sim.hook("h1", {"text": "预警"}, "e1"))[0] == 200
        assert sim.got("h1") == ["预警"]


async def test_the_page_shows_the_latest_messages_and_runs_nothing_of_theirs() -> None:
    async with simulation() as sim:
        await sim.hook("h1", {"text": "<script>alert(1)</script>&"}, "e1")
        async with sim.session.get(sim.url + "/sim/") as answer:
            page = await answer.text()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page
        assert "<script" not in page
        assert "这是模拟平台" in page
        assert "<h2>东街商户群 h1</h2>" in page
        assert "已显示 1 条" in page


async def test_a_message_of_a_megabyte_is_not_read() -> None:
    async with (
        simulation() as sim,
        sim.session.post(sim.url + "/hook/h1", data=b"x" * (1024 * 1024 + 1)) as answer,
    ):
        assert answer.status == 413


async def started(*words: str) -> tuple[asyncio.subprocess.Process, str]:
    """A process of ``fenghuo simulate``, and the URL it serves."""
    code = "from fenghuo.simulator import simulate; simulate()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "--port", "0", *words, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    return process, line.rpartition(" ")[2].strip().removesuffix("/sim/")


async def test_the_command_serves_its_files_and_ends_on_sigterm_though_a_connection_hangs(
    tmp_path: Path,
) -> None:
    roster, faults = tmp_path / "roster.json", tmp_path / "faults.toml"
    roster.write_text(json.dumps(ROSTER), encoding="utf-8")
    faults.write_text("[ways.wecom_robot]\ntimeout_after = 1.0\nhang_s = 600\n")
    process, url = await started("--roster", str(roster), "--faults", str(faults), "--starts-at", "09:30")
    async with aiohttp.ClientSession() as session:
        async with session.get(url + "/sim/state") as answer:
            state = await answer.json()
        assert state["simulation"] is True
        assert "T09:30:" in state["local_time"]
        body = {"msgtype": "text", "text": {"content": "预警"}}
        hanging = asyncio.create_task(
            session.post(
                url + "/cgi-bin/webhook/send?key=k1", data=json.dumps(body, ensure_ascii=False).encode()
            )
        )
        while not state["shown"]:
            async with session.get(url + "/sim/state") as answer:
                state = await answer.json()
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, errors) == (0, b"")
        with pytest.raises(DROPPED):
            await hanging


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--starts-at", "25:00"], b"--starts-at"),
        (["--speed", "0"], b"--speed"),
        (["--host", "192.0.2.1"], b"listen"),
    ],
)
async def test_the_command_says_what_it_cannot_do(words: list[str], why: bytes) -> None:
    code = "from fenghuo.simulator import simulate; simulate()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "--port", "0", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode
    assert why in errors
