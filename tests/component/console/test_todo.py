"""The to-do: whose groups wait, what a press does however often it comes, what is too late."""

import re
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fenghuo import clock
from fenghuo.domain import events as e
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import two_officers as s
from tests.support.waiting import until

IDS = ["s000", "s001", "s002", "s003"]


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened, s.counting_taps(opened.room):
        await opened.room.desk.project(s.street(clock.now()))
        await opened.issue_password(*s.PEOPLE)
        yield opened


def tap(group_id: str, at: datetime | None = None, **more: Any) -> dict[str, Any]:
    at_ms = clock.to_ms(at or clock.now())
    release = {"alert_id": s.ALERT, "version": 1, "kind": "warning"} | more
    return {**release, "group_id": group_id, "tapped_at_ms": at_ms}


async def press(
    console: Opened, taps: Sequence[dict[str, Any]], press_id: str | None = None, **more: Any
) -> httpx.Response:
    body = {"press_id": press_id or secrets.token_hex(16), "taps": list(taps), **more}
    token = console.client.cookies["fenghuo_csrf"]
    return await console.client.post("/api/taps", json=body, headers={"x-csrftoken": token})


async def row(console: Opened, group_id: str, alert_id: str = s.ALERT, kind: str = "warning") -> Any:
    return (await console.room.desk.deliveries.ledger(alert_id, 1, kind))[group_id]


async def in_state(console: Opened, group_id: str, state: e.DeliveryState, alert_id: str = s.ALERT) -> Any:
    """The group's row, once it has the state."""

    async def reached() -> Any:
        found = await row(console, group_id, alert_id)
        return found if found.state is state else None

    return await until(reached, what=f"{group_id} {state}")


async def todo(console: Opened) -> Any:
    return (await console.client.get("/api/todo")).json()


async def test_an_officer_sees_his_own_groups_with_the_text_as_it_goes_out(console: Opened) -> None:
    await console.log_in("dong")
    [waiting] = (await todo(console))["todos"]
    assert [g["group_id"] for g in waiting["groups"]] == sorted(IDS, key=lambda x: s.group(int(x[1:])).name)
    assert {g["level"] for g in waiting["groups"]} == {"owner"}
    assert "核验码" in waiting["text"] and waiting["severity"] == "severe"
    page = (await console.client.get("/todo")).text
    assert "还有 4 个群等您转发" in page and "全部已发（4 个群）" in page and "4 分钟" in page


async def test_an_officer_with_something_to_send_is_led_there(console: Opened) -> None:
    await console.log_in("dong")
    assert (await console.client.get("/", follow_redirects=False)).headers["location"] == "/todo"
    assert '<b class="count">4</b>' in (await console.client.get("/report")).text
    await console.log_in("gu")
    assert (await console.client.get("/", follow_redirects=False)).headers["location"] == "/report"


async def test_a_press_that_comes_three_times_counts_once(console: Opened) -> None:
    await console.log_in("dong")
    answers = [await press(console, [tap(x) for x in IDS[:2]], "a" * 32) for _ in range(3)]
    assert [x.status_code for x in answers] == [202, 202, 202]
    assert answers[0].json() == {"taken": 2, "refused": []}
    shown = await in_state(console, "s000", e.DeliveryState.SHOWN)
    assert (shown.by, shown.cause, shown.word) == ("dong", "tap", 1)
    again = await press(console, [tap("s000")], "a" * 32)
    assert (again.status_code, again.json()["taken"]) == (202, 0)
    assert again.json()["refused"][0]["why"] == "done"
    assert (await row(console, "s000")).word == 1


async def test_a_tap_that_waited_on_the_phone_keeps_its_own_time(console: Opened) -> None:
    await console.log_in("dong")
    pressed = clock.now() - timedelta(minutes=2)
    await press(console, [tap("s000", pressed)])
    assert (await in_state(console, "s000", e.DeliveryState.SHOWN)).at_ms == clock.to_ms(pressed)
    await press(console, [tap("s001", clock.now() + timedelta(days=2))])
    late = await in_state(console, "s001", e.DeliveryState.SHOWN)
    assert late.at_ms <= clock.to_ms(clock.now()), "a phone whose clock is fast"
    await press(console, [tap("s002", clock.now() - timedelta(minutes=6))])
    early = await in_state(console, "s002", e.DeliveryState.SHOWN)
    assert early.at_ms == early.since_ms, "not before it began to wait"


async def test_owner_and_deputy_at_once_make_one_receipt(console: Opened) -> None:
    await console.log_in("dong")
    await press(console, [tap("s000")])
    await console.log_in("fang")
    await press(console, [tap("s000")])
    shown = await in_state(console, "s000", e.DeliveryState.SHOWN)
    assert (shown.by, shown.word) == ("dong", 1)


async def test_an_undo_brings_it_back_and_a_late_repeat_does_not_undo_that(console: Opened) -> None:
    await console.log_in("dong")
    first = "b" * 32
    await press(console, [tap("s000")], first)
    await in_state(console, "s000", e.DeliveryState.SHOWN)
    undone = await press(console, [tap("s000")], undo=True)
    assert undone.json()["taken"] == 1
    back = await in_state(console, "s000", e.DeliveryState.WAITING)
    assert (back.may_have_arrived, back.word) == (True, 2)
    assert (await press(console, [tap("s000")], first)).json()["taken"] == 1, "the console cannot know"
    await press(console, [tap("s001")])
    await in_state(console, "s001", e.DeliveryState.SHOWN)
    assert (await row(console, "s000")).state is e.DeliveryState.WAITING, "but the stage does"


async def test_an_undo_comes_too_late_after_a_minute(console: Opened) -> None:
    await console.log_in("dong")
    await press(console, [tap("s000", clock.now() - timedelta(minutes=2))])
    await in_state(console, "s000", e.DeliveryState.SHOWN)
    late = await press(console, [tap("s000")], undo=True)
    assert (late.status_code, late.json()["refused"][0]["why"]) == (409, "undo_late")


async def test_a_foreign_officer_can_tap_nothing(console: Opened) -> None:
    await console.log_in("gu")
    assert (await todo(console))["todos"] == []
    refused = await press(console, [tap("s000")])
    assert (refused.status_code, refused.json()["refused"][0]["why"]) == (403, "not_yours")
    assert (await row(console, "s000")).state is e.DeliveryState.WAITING


async def test_a_deputy_sees_groups_only_once_they_are_opened_to_him(console: Opened) -> None:
    await console.log_in("fang")
    assert (await todo(console))["todos"] == []
    notice = e.NoticeRequested(
        event_id="n1", at=clock.now(), person_id="fang", alert_id=s.ALERT, version=1, kind="warning",
        level="deputy", group_ids=("s001",),
    )  # fmt: skip
    await console.room.desk.project([notice])
    console.later()
    [waiting] = (await todo(console))["todos"]
    assert [(g["group_id"], g["level"]) for g in waiting["groups"]] == [("s001", "deputy")]
    page = (await console.client.get("/todo")).text
    assert "代 董海 转发" in page
    assert (await press(console, [tap("s001")])).json()["taken"] == 1
    assert (await in_state(console, "s001", e.DeliveryState.SHOWN)).by == "fang"


async def test_a_duty_account_sees_all_of_its_station_the_orphans_first(console: Opened) -> None:
    await console.log_in("duty")
    [waiting] = (await todo(console))["todos"]
    assert {g["group_id"] for g in waiting["groups"] if g["opened"]} == {"s004", "s005"}
    assert [g["opened"] for g in waiting["groups"]] == [True] * 2 + [False] * 4
    assert len(waiting["groups"]) == 6 and {g["level"] for g in waiting["groups"]} == {"station"}
    page = (await console.client.get("/todo")).text
    assert "全部已发（2 个群）" in page and "群主正在办的 4 个群" in page


async def test_the_page_needs_no_javascript(console: Opened) -> None:
    await console.log_in("dong")
    form = await console.form("/todo", "/todo")
    one = await console.post("/todo", form | {"do": "one:s000"})
    assert (one.status_code, one.headers["location"]) == (303, "/todo?taken=1")
    page = (await console.client.get(one.headers["location"])).text
    assert "已记下 1 个群" in page and "还有 3 个群等您转发" in page and "已发 1 个群" in page
    none = await console.post("/todo", await console.form("/todo", "/todo") | {"do": "some"})
    assert "一个群也没有勾选" in (await console.client.get(none.headers["location"])).text
    some = await console.post("/todo", form | {"do": "some", "group": ["s001", "s002"]})
    assert some.headers["location"] == "/todo?taken=2"
    page = (await console.client.get("/todo?taken=2")).text
    every = form | {"do": "all", "shown": re.findall(r'name="shown" value="(\w+)"', page)}
    assert (await console.post("/todo", every)).headers["location"] == "/todo?taken=1"
    undo = await console.post("/todo", form | {"do": "undo:s003", "press_id": "c" * 32})
    assert undo.headers["location"] == "/todo?taken=1&undo=1"
    assert "已撤销 1 个群" in (await console.client.get(undo.headers["location"])).text
    assert (await row(console, "s003")).state is e.DeliveryState.WAITING


async def test_what_was_recalled_is_asked_about_and_then_owed_the_truth(console: Opened) -> None:
    await console.room.desk.project(s.recalled(clock.now()))
    await console.log_in("dong")
    fresh = await todo(console)
    assert [(x["alert_id"], x["kind"]) for x in fresh["todos"]] == [
        (s.RECALLED, "correction"), (s.ALERT, "warning"),
    ], "the correction first"  # fmt: skip
    [stopped] = fresh["stopped"]
    assert [g["group_id"] for g in stopped["groups"]] == ["s001"]
    refused = await press(console, [tap("s001", alert_id=s.RECALLED)])
    assert (refused.status_code, refused.json()["refused"][0]["why"]) == (410, "recalled")
    assert "我已经发了" in refused.json()["refused"][0]["say"]
    said = await press(console, [tap("s001", alert_id=s.RECALLED)], already=True)
    assert said.json()["taken"] == 1
    shown = await in_state(console, "s001", e.DeliveryState.SHOWN, s.RECALLED)
    assert shown.may_have_arrived
    gone = await press(console, [tap("s001", alert_id=s.RECALLED)], undo=True)
    assert gone.json()["refused"][0]["why"] == "undo_gone"


async def test_a_tap_from_before_the_recall_is_taken_as_it_is(console: Opened) -> None:
    await console.room.desk.project(s.recalled(clock.now()))
    await console.log_in("dong")
    before = clock.now() - timedelta(minutes=6, seconds=30)
    assert (await press(console, [tap("s001", before, alert_id=s.RECALLED)])).json()["taken"] == 1
    await in_state(console, "s001", e.DeliveryState.SHOWN, s.RECALLED)


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]", b"{", b"\xff", b'{"press_id":"x","taps":[]}', b"[" * 5000,
        b'{"press_id":"' + b"a" * 32 + b'","taps":[]}',
    ],
)  # fmt: skip
async def test_what_is_no_press_is_refused(console: Opened, wrong: bytes) -> None:
    await console.log_in("dong")
    token = {"x-csrftoken": console.client.cookies["fenghuo_csrf"], "content-type": "application/json"}
    assert (await console.client.post("/api/taps", content=wrong, headers=token)).status_code == 400


@pytest.mark.parametrize("version", ["", "x", "9" * 5000, "²"])
async def test_a_form_with_a_version_that_is_none_changes_nothing(console: Opened, version: str) -> None:
    await console.log_in("dong")
    fields = {
        "press_id": "a" * 32, "alert_id": s.ALERT, "kind": "warning", "version": version, "do": "one:s000",
        "_csrf_token": console.client.cookies["fenghuo_csrf"],
    }  # fmt: skip
    answer = await console.client.post("/todo", data=fields, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/todo?taken=0&why=unknown")


async def test_limits_doors_and_the_token_hold(console: Opened) -> None:
    assert (await console.client.get("/api/todo", follow_redirects=False)).status_code == 401
    await console.log_in("dong")
    many = await press(console, [tap(f"s{n}") for n in range(501)])
    assert many.status_code == 400
    body = {"press_id": "a" * 32, "taps": [tap("s000")]}
    assert (await console.client.post("/api/taps", json=body)).status_code == 403
    token = {"x-csrftoken": console.client.cookies["fenghuo_csrf"], "content-type": "application/json"}
    big = await console.client.post("/api/taps", content=b" " * 200_000, headers=token)
    assert big.status_code == 413


async def test_an_officer_sees_how_his_groups_are_reached_and_what_they_have(console: Opened) -> None:
    await console.log_in("dong")
    tapped_at = clock.from_ms((await row(console, "s000")).at_ms) + timedelta(minutes=3)
    for n in (0, 1, 2):
        await press(console, [tap(f"s00{n}", tapped_at)])
        await in_state(console, f"s00{n}", e.DeliveryState.SHOWN)
    page = (await console.client.get("/todo/groups")).text
    assert page.count("居民已见") == 3 and page.count("等民警点击") == 1
    assert "没有备岗" not in page
    alone = e.GroupChanged(event_id="alone", at=clock.now(), group=s.group(3, deputy=""))
    await console.room.desk.project([alone])
    console.later()
    assert (await console.client.get("/todo/groups")).text.count("没有备岗") == 1
    assert "4 个群" in page and "备岗 方敏" in page and "您平时 3 分 0 秒转发一条（最近 3 次" in page
    await console.log_in("duty")
    page = (await console.client.get("/todo/groups")).text
    assert page.count("没有群主") == 2 and "没有备岗" not in page, "the station stands in for them"
    await console.log_in("gu")
    assert "您名下没有群" in (await console.client.get("/todo/groups")).text


async def test_the_live_part_is_sent_only_when_it_changed(console: Opened) -> None:
    await console.log_in("dong")
    first = await console.client.get("/api/todo/part")
    tag = {"if-none-match": first.headers["etag"]}
    assert (await console.client.get("/api/todo/part", headers=tag)).status_code == 304
    await press(console, [tap("s000")])
    await in_state(console, "s000", e.DeliveryState.SHOWN)
    console.later()
    changed = await console.client.get("/api/todo/part", headers=tag)
    assert changed.status_code == 200 and "已发 1 个群" in changed.text
