"""What a person sees and does before and after a release: updates, shares, channels, the ledger's file."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from broadcast.commands import deliveries
from console.web.rendering import local
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId, State
from fenghuo.domain.audience import digest_of
from fenghuo.domain.ledger import COLUMNS
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d

DRAFT, SENT = "dra5t000000000000000aaaa", "5ent0000000000000000aaaa"
GROUPS = 12


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        now = clock.now()
        steps = ["draft", "edit", "submit", "approve", "begin"]
        await opened.room.desk.project([
            *d.people(now), *d.groups(now, GROUPS),
            *d.life(DRAFT, ["draft"], now, reach=(GROUPS, 1000)),
            *d.life(SENT, steps, now - timedelta(minutes=9), reach=(GROUPS, 1000), body=d.content(now)),
            *d.deliveries(SENT, now - timedelta(minutes=5), GROUPS, 0.5),
        ])  # fmt: skip
        await opened.issue_password(*d.PEOPLE)
        yield opened


def typed(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "title": "新的标题", "text": d.TEXT + "补充一句。", "correction": d.CORRECTION, "hours": "5",
        "reach": "all", "channels": ["sandbox", "webhook"], "severity": "severe", "override": "",
    }  # fmt: skip
    return fields | changes


async def started(console: Opened, who: str = "ana") -> None:
    """An update by ``who``, not submitted yet."""
    await console.log_in(who)
    form = await console.form(f"/alerts/{SENT}/update", f"/alerts/{SENT}/update")
    answer = await console.post(f"/alerts/{SENT}/update", form | typed())
    assert "新版本已保存" in (await console.client.get(answer.headers["location"])).text


async def press(console: Opened, action: str, alert_id: str = SENT, **more: str) -> str:
    """The page after a button of the alert's page."""
    form = await console.form(f"/alerts/{alert_id}", f"/alerts/{alert_id}/{action}")
    answer = await console.post(f"/alerts/{alert_id}/{action}", form | more)
    return (await console.client.get(answer.headers["location"])).text


async def test_an_update_is_written_submitted_and_approved_by_two_persons(console: Opened) -> None:
    await started(console)
    waiting = await console.room.desk.alerts.get(SENT)
    assert waiting is not None
    assert (waiting.state, waiting.version, waiting.content.text) == (State.BROADCASTING, 1, d.TEXT)
    assert "新版本已提交" in await press(console, "submit_update")
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{SENT}")).text
    assert "<mark>补充一句。</mark>" in page
    assert "第 2 版，等着替换" in page
    assert "居民现在看到的版本" in page
    assert "批准新版本并发送到 12 个群" in page
    assert "新版本已批准，正在发送" in await press(console, "approve_update")
    after = await console.room.desk.alerts.get(SENT)
    assert after is not None
    assert (after.state, after.version, after.update) == (State.APPROVED, 2, None)
    assert after.content.text == d.TEXT + "补充一句。"


async def test_the_one_who_submitted_the_update_is_told_to_ask_another(console: Opened) -> None:
    await started(console, "chen")
    await press(console, "submit_update")
    page = (await console.client.get(f"/alerts/{SENT}")).text
    assert f"/alerts/{SENT}/approve_update" not in page
    assert "不能自己批准" in page
    form = await console.form(f"/alerts/{SENT}", f"/alerts/{SENT}/drop_update")
    answer = await console.post(f"/alerts/{SENT}/approve_update", form)
    assert "不能自己批准" in (await console.client.get(answer.headers["location"])).text


async def test_a_stale_page_approves_no_update(console: Opened) -> None:
    await started(console)
    await press(console, "submit_update")
    await console.log_in("bo")
    old = await console.form(f"/alerts/{SENT}", f"/alerts/{SENT}/approve_update")
    await console.log_in("ana")
    form = await console.form(f"/alerts/{SENT}/update", f"/alerts/{SENT}/update")
    await console.post(f"/alerts/{SENT}/update", form | typed(text=d.TEXT + "又改了。"))
    await press(console, "submit_update")
    await console.log_in("bo")
    old["_csrf_token"] = (await console.form("/alerts", "/logout"))["_csrf_token"]
    answer = await console.post(f"/alerts/{SENT}/approve_update", old)
    assert answer.status_code == 409
    assert "<mark>又改了。</mark>" in answer.text
    alert = await console.room.desk.alerts.get(SENT)
    assert alert is not None
    assert alert.version == 1


async def test_an_update_is_dropped_with_a_reason_and_the_old_version_stands(console: Opened) -> None:
    await started(console)
    await press(console, "submit_update")
    await console.log_in("bo")
    assert "请写明理由" in await press(console, "drop_update")
    assert "已放弃新版本" in await press(console, "drop_update", reason="写错了")
    alert = await console.room.desk.alerts.get(SENT)
    assert alert is not None
    assert (alert.version, alert.update, alert.reason) == (1, None, "写错了")


async def test_a_recall_goes_through_while_an_update_waits(console: Opened) -> None:
    await started(console)
    await console.log_in("bo")
    assert "已撤回" in await press(console, "recall", reason="核实有误")


async def test_whoever_has_the_old_version_gets_the_update_wherever_it_goes(console: Opened) -> None:
    """Half of the groups have it; of the two in the new reach one is among them."""
    await console.log_in("ana")
    form = await console.form(f"/alerts/{SENT}/update", f"/alerts/{SENT}/update")
    await console.post(f"/alerts/{SENT}/update", form | typed(reach="towns", towns=["城关镇"]))
    page = (await console.client.get(f"/alerts/{SENT}")).text
    assert f"{GROUPS // 2 + 1} 个群，约" in page
    assert f"其中 {GROUPS // 2 - 1} 个群不在新范围内" in page
    assert "更新不受次数限额限制" in page


async def test_a_condition_chooses_the_groups(console: Opened) -> None:
    await console.log_in("ana")
    form = await console.form(f"/alerts/{DRAFT}/edit", f"/alerts/{DRAFT}/edit")
    chosen = typed(reach="expression", expression="镇=城关镇")
    assert (await console.post(f"/alerts/{DRAFT}/edit", form | chosen)).status_code == 303
    alert = await console.room.desk.alerts.get(DRAFT)
    assert alert is not None
    assert (alert.content.audience.expression, alert.reach_groups) == ("镇=城关镇", 2)


@pytest.mark.parametrize(
    ("written", "told"),
    [("镇=", "后面要写内容"), ("镇=城关", "是不是“城关镇”"), ("乡=甲", "没有叫“乡”的字段")],
)
async def test_a_condition_that_is_not_right_is_explained_and_kept(
    console: Opened, written: str, told: str
) -> None:
    await console.log_in("ana")
    form = await console.form(f"/alerts/{DRAFT}/edit", f"/alerts/{DRAFT}/edit")
    answer = await console.post(f"/alerts/{DRAFT}/edit", form | typed(reach="expression", expression=written))
    assert answer.status_code == 422
    assert told in answer.text
    assert f">{written}</textarea>" in answer.text
    alert = await console.room.desk.alerts.get(DRAFT)
    assert alert is not None
    assert alert.content.audience.expression == ""


async def test_unticked_channels_get_nothing_and_one_is_needed(console: Opened) -> None:
    await console.log_in("ana")
    form = await console.form(f"/alerts/{DRAFT}/edit", f"/alerts/{DRAFT}/edit")
    none = await console.post(f"/alerts/{DRAFT}/edit", form | typed(channels=[]))
    assert none.status_code == 422
    assert "至少要有一个发送通道" in none.text
    await console.post(f"/alerts/{DRAFT}/edit", form | typed(channels=["webhook"]))
    alert = await console.room.desk.alerts.get(DRAFT)
    assert alert is not None
    webhooks = sum(d.group(n).channel == "webhook" for n in range(GROUPS))
    assert (alert.content.channels, alert.reach_groups) == (("webhook",), webhooks)


async def shared_out(console: Opened, group_ids: range) -> None:
    """These groups have had their three warnings of today."""
    now = clock.now()
    await console.room.desk.project([
        replace(d.receipt(f"other{k}", n, e.DeliveryState.SHOWN, now), event_id=f"had{k}-{n}")
        for n in group_ids for k in range(3)
    ])  # fmt: skip


async def test_groups_that_had_their_share_are_shown_and_a_reason_overrides_it(console: Opened) -> None:
    await shared_out(console, range(4))
    await console.log_in("ana")
    page = (await console.client.get(f"/alerts/{DRAFT}")).text
    assert "4 个群这次不发" in page
    assert "今天已发够次数" in page
    assert d.group(0).name in page
    form = await console.form(f"/alerts/{DRAFT}/edit", f"/alerts/{DRAFT}/edit")
    short = await console.post(f"/alerts/{DRAFT}/edit", form | typed(override="太短"))
    assert "10 到 200 个字" in short.text
    mild = typed(override="诈骗团伙正在逐户打电话", severity="moderate")
    assert "只有严重预警能突破限额" in (await console.post(f"/alerts/{DRAFT}/edit", form | mild)).text
    why = "诈骗团伙正在逐户打电话"
    assert (await console.post(f"/alerts/{DRAFT}/edit", form | typed(override=why))).status_code == 303
    page = (await console.client.get(f"/alerts/{DRAFT}")).text
    assert "个群这次不发" not in page
    assert why in page
    alert = await console.room.desk.alerts.get(DRAFT)
    assert alert is not None
    assert alert.content.override == why


@pytest.mark.parametrize(("hours", "told"), [(8, "请改为严重"), (170, "一个群也收不到")])
async def test_an_approver_is_told_that_the_night_holds_it_back(
    console: Opened, monkeypatch: pytest.MonkeyPatch, hours: int, told: str
) -> None:
    morning = clock.now() + timedelta(hours=hours)
    monkeypatch.setattr("console.alerts.approval_preview.sending_starts_at", lambda *_: morning)
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{DRAFT}")).text
    assert f"等到 {local(morning):%H:%M} 才开始发" in page and told in page


async def test_what_came_and_went_since_the_submission_is_told(console: Opened) -> None:
    submitted, now = "5ubm1t0000000000000aaaa", clock.now()
    meant = [d.group(n).group_id for n in range(GROUPS)]
    gone = e.GroupChanged(event_id="gone", at=now, group=replace(d.group(0), gone=True))
    await console.room.desk.project([
        *d.life(submitted, ["draft", "submit"], now, reach=(GROUPS, 1000), frozen=meant),
        *d.groups(now, GROUPS + 3)[GROUPS:], gone,
    ])  # fmt: skip
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{submitted}")).text
    assert "提交后新增 3 个群符合条件" in page
    assert d.group(GROUPS + 2).name in page
    assert "提交后有 1 个群停用了" in page
    assert f"批准并发送到 {GROUPS - 1} 个群" in page
    await press(console, "approve", submitted)
    alert = await console.room.desk.alerts.get(submitted)
    assert alert is not None
    assert (alert.reach_groups, alert.content.audience.frozen) == (GROUPS - 1, digest_of(meant))


async def test_the_ledger_opens_in_a_spreadsheet(console: Opened) -> None:
    evil = replace(d.group(1), name="=HYPERLINK(1)", owner="@bo")
    await console.room.desk.project([e.GroupChanged(event_id="evil", at=clock.now(), group=evil)])
    await console.log_in("audit")
    answer = await console.client.get(f"/alerts/{SENT}/deliveries.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == GROUPS
    by_id = {x["group_id"]: x for x in lines}
    assert by_id["g0001"]["name"] == "'=HYPERLINK(1)"
    assert by_id["g0001"]["owner"] == "'@bo"
    assert by_id["g0000"]["state"] == "shown"
    assert by_id["g0000"]["settled_at"] > by_id["g0000"]["requested_at"] > ""
    waiting = [x for x in lines if x["state"] == "waiting"]
    assert waiting
    assert all(x["waiting_at"] and not x["settled_at"] for x in waiting)
    assert (await console.client.get("/alerts/nothing/deliveries.csv")).status_code == 404


async def test_the_page_and_the_command_give_the_same_file_byte_for_byte(
    console: Opened, redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recalled, now = AlertId("reca11ed00000000000aaaaa"), clock.now()
    evil = replace(d.group(1), name="=HYPERLINK(1)", owner="@bo")
    tapped = e.ReceiptRecorded(
        event_id="tap", at=now, delivery_id="t", alert_id=recalled, version=1, kind="warning",
        group_id="g0002", channel="relay", state=e.DeliveryState.SHOWN, attempt=1, cause="tap", by="ana",
        since=now - timedelta(minutes=3),
    )  # fmt: skip
    steps = ["draft", "submit", "approve", "begin", "recall"]
    await console.room.desk.project([
        e.GroupChanged(event_id="evil", at=now, group=evil), tapped,
        *d.life(recalled, steps, now - timedelta(minutes=9), reach=(GROUPS, 1000)),
        *d.deliveries(recalled, now - timedelta(minutes=5), 2, 0.5),
        replace(tapped, event_id="c", kind="correction", state=e.DeliveryState.WAITING, by=""),
    ])  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FENGHUO_REDIS_URL", redis_url)
    monkeypatch.setenv("FENGHUO_NAMESPACE", namespace)
    await console.log_in("audit")
    for kind, rows in (("warning", 3), ("correction", 1)):
        page = await console.client.get(f"/alerts/{recalled}/deliveries.csv?kind={kind}")
        asked = [recalled, "--csv", "--kind", kind]
        command = await asyncio.to_thread(CliRunner().invoke, deliveries, asked, catch_exceptions=False)
        assert page.content == command.stdout_bytes
        assert page.content.startswith(b"\xef\xbb\xbfgroup_id,")
        assert page.content.count(b"+08:00") >= rows and page.content.count(b"\r\n") == rows + 1
        assert (",安静," in page.text) is (kind == "warning"), "who tapped is called by name"


async def test_a_halted_channel_is_shown_and_resumed_with_a_reason(console: Opened) -> None:
    halted = e.ChannelChanged(
        event_id="halt", at=clock.now() - timedelta(minutes=1), name="webhook", halted=True, reason="失败太多"
    )
    await console.room.desk.project([halted])
    await console.log_in("ana")
    board = (await console.client.get("/queue")).text
    assert "网络回调：通道已停发" in board, "whoever watches the queue is told"
    where = re.search(
        r'href="(/alerts/\w+)">\s*<span class="item-top"><span class="badge tone-amber">', board
    )
    assert where is not None
    assert "网络回调：通道已停发" in (await console.client.get(where[1])).text, "and finds where to resume it"
    page = (await console.client.get(f"/alerts/{SENT}")).text
    assert "网络回调：通道已停发" in page
    assert "失败太多" in page
    assert "请审批人或管理员" in page
    form = await console.form("/alerts", "/logout")
    fields = form | {"decision_id": "0" * 32, "name": "webhook", "alert_id": SENT, "reason": "已换密钥"}
    assert (await console.post("/channels/resume", fields)).status_code == 403
    await console.log_in("bo")
    form = await console.form(f"/alerts/{SENT}", "/channels/resume")
    assert (await console.post("/channels/resume", form)).status_code == 422
    assert await console.room.desk.deliveries.halted()
    published: list[e.Event] = []
    publish = console.room.transport.publish

    async def noting(events: list[e.Event]) -> None:
        published.extend(events)
        await publish(events)

    console.room.transport.publish = noting  # type: ignore[method-assign,assignment]
    answer = await console.post("/channels/resume", form | {"reason": "已换密钥"})
    assert answer.headers["location"].startswith(f"/alerts/{SENT}?")
    (event,) = published
    assert isinstance(event, e.ChannelChanged)
    assert (event.name, event.halted, event.by, event.reason) == ("webhook", False, "bo", "已换密钥")


async def test_a_channel_that_holds_a_correction_can_be_resumed_where_it_is_looked_for(
    console: Opened,
) -> None:
    now = clock.now()
    halted = e.ChannelChanged(event_id="halt", at=now, name="webhook", halted=True, reason="失败太多")
    recalled = "reca11ed00000000000aaaaa"
    steps = ["draft", "submit", "approve", "begin", "recall"]
    planned = e.DeliveriesPlanned(
        event_id="planned", at=now, alert_id=AlertId(recalled), version=1, kind="correction", groups=5
    )
    await console.room.desk.project([*d.life(recalled, steps, now, reach=(5, 500)), planned, halted])
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{recalled}")).text
    assert page.count("网络回调：通道已停发") == 2, "beside the correction, and with the form"
    assert (await console.form(f"/alerts/{recalled}", "/channels/resume"))["name"] == "webhook"


async def test_the_live_part_says_who_is_still_to_tap(console: Opened) -> None:
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{SENT}")).text
    assert "还没点击的民警（4 人）" in page
    assert "预计什么时候看到" in page
    assert "各派出所" in page
    assert f"/alerts/{SENT}/deliveries.csv" in page


async def test_viewers_share_one_reading_of_the_ledger(
    console: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.alerts.delivery_progress.FIGURES_S", 60)
    asked: list[str] = []
    ledger = console.room.desk.deliveries.ledger

    async def counting(alert_id: str, version: int, kind: str = "warning") -> object:
        asked.append(kind)
        return await ledger(alert_id, version, kind)

    monkeypatch.setattr(console.room.desk.deliveries, "ledger", counting)
    await console.log_in("bo")
    for n in range(5):
        await console.client.get(f"/alerts/{SENT}?decision={n:032x}")
    assert asked == ["warning"]


async def test_nothing_is_foretold_of_a_release_that_is_half_written_out(console: Opened) -> None:
    """The first parts are not the district: those who are slow come later."""
    planned = e.DeliveriesPlanned(
        event_id="more", at=clock.now(), alert_id=AlertId(SENT), version=1, kind="warning", groups=GROUPS + 1
    )
    await console.log_in("ana")
    assert "预计什么时候看到" in (await console.client.get(f"/alerts/{SENT}")).text
    await console.room.desk.project([planned])
    assert "预计什么时候看到" not in (await console.client.get(f"/alerts/{SENT}")).text
