"""Updates of a released warning: written, submitted, approved, dropped; and audiences by condition."""

from collections.abc import AsyncIterator

import pytest

from fenghuo import clock
from fenghuo.domain.alert import State
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d
from tests.browser.scenes import half_delivered
from tests.browser.scenes.half_delivered import DRAFT, GROUPS, SENT, press, typed


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(half_delivered.events(clock.now()))
        await opened.issue_password(*d.PEOPLE)
        yield opened


async def started(console: Opened, who: str = "ana") -> None:
    """An update by ``who``, not submitted yet."""
    await console.log_in(who)
    form = await console.form(f"/alerts/{SENT}/update", f"/alerts/{SENT}/update")
    answer = await console.post(f"/alerts/{SENT}/update", form | typed())
    assert "新版本已保存" in (await console.client.get(answer.headers["location"])).text


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
