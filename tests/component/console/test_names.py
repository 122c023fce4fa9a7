"""Names in a warning: who clears them, why, and who sees it."""

from collections.abc import AsyncIterator

import pytest

from fenghuo import clock
from fenghuo.domain.alert import Alert, State
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d

NAMED = "4amed000000000000000aaaa"
RELEASED = "re1eased00000000000aaaaa"
REASON = "骗子冒充的名义，已向学校核实"
REACH = (6, 600)


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        now = clock.now()
        body = d.content(now, text=d.NAMED_TEXT)
        steps = ["draft", "submit", "approve"]
        await opened.room.desk.project([
            *d.people(now), *d.groups(now, 6),
            *d.life(NAMED, ["draft"], now, reach=REACH, body=body, mentions=d.mentions_in(body)),
            *d.life(RELEASED, steps, now, reach=REACH),
        ])  # fmt: skip
        await opened.issue_password(*d.PEOPLE)
        yield opened


async def on_desk(console: Opened, alert_id: str = NAMED) -> Alert:
    alert = await console.room.desk.alerts.get(alert_id)
    assert alert is not None
    return alert


async def clear(console: Opened, *, action: str = "clear", alert_id: str = NAMED, names: int = 2) -> str:
    """The page after a reason for the first ``names`` names was sent."""
    path = f"/alerts/{alert_id}/{action}"
    form = await console.form(f"/alerts/{alert_id}", path)
    alert = await on_desk(console, alert_id)
    mentions = (alert.update or alert).mentions[:names]
    answer = await console.post(path, form | {f"clear-{x.key}": REASON for x in mentions})
    return (await console.client.get(answer.headers["location"])).text


async def test_a_draft_with_names_shows_each_with_its_sentence_and_no_way_to_submit(console: Opened) -> None:
    await console.log_in("ana")
    page = (await console.client.get(f"/alerts/{NAMED}")).text
    assert "还有 2 个名称没有核实" in page
    assert "东湖小学二年级三班" in page and "张桂芳" in page
    assert "骗子自称东湖小学二年级三班的班主任张桂芳" in page
    assert f"/alerts/{NAMED}/submit" not in page
    assert "没有核实完，不能提交" in page


async def test_a_name_without_a_reason_stays_uncleared(console: Opened) -> None:
    await console.log_in("ana")
    assert "没有写理由，没有记下任何核实" in await clear(console, names=0)
    page = await clear(console, names=1)
    assert "还有 1 个名称没有核实" in page and f"/alerts/{NAMED}/submit" not in page


async def test_cleared_names_let_it_be_submitted_and_the_approver_sees_who_cleared_them_and_why(
    console: Opened,
) -> None:
    await console.log_in("ana")
    assert "已记下核实的名称" in await clear(console)
    form = await console.form(f"/alerts/{NAMED}", f"/alerts/{NAMED}/submit")
    await console.post(f"/alerts/{NAMED}/submit", form)
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{NAMED}")).text
    assert "名称都已核实" in page and REASON in page and "安静" in page
    form = await console.form(f"/alerts/{NAMED}", f"/alerts/{NAMED}/approve")
    await console.post(f"/alerts/{NAMED}/approve", form)
    alert = await on_desk(console)
    assert alert.state is State.APPROVED
    assert [(x.by, x.reason) for x in alert.content.clearances] == [("ana", REASON)] * 2


async def test_whoever_cleared_a_name_is_told_why_they_may_not_approve(console: Opened) -> None:
    await console.log_in("bo")
    await clear(console)
    await console.log_in("ana")
    form = await console.form(f"/alerts/{NAMED}", f"/alerts/{NAMED}/submit")
    await console.post(f"/alerts/{NAMED}/submit", form)
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{NAMED}")).text
    assert "名称是你核实的，不能自己批准" in page and f"/alerts/{NAMED}/approve" not in page


async def test_an_edit_of_the_sentence_takes_the_clearance_back(console: Opened) -> None:
    await console.log_in("ana")
    await clear(console)
    form = await console.form(f"/alerts/{NAMED}/edit", f"/alerts/{NAMED}/edit")
    fields = form | {
        "title": "题目", "text": d.NAMED_TEXT.replace("骗子自称", "有人自称"), "correction": d.CORRECTION,
        "hours": "3", "reach": "all", "channels": ["sandbox"],
    }  # fmt: skip
    answer = await console.post(f"/alerts/{NAMED}/edit", fields)
    assert "还有 2 个名称没有核实" in (await console.client.get(answer.headers["location"])).text


async def test_the_editor_shows_the_names_and_what_was_said_of_them(console: Opened) -> None:
    await console.log_in("ana")
    await clear(console, names=1)
    page = (await console.client.get(f"/alerts/{NAMED}/edit")).text
    assert "还有 1 个名称没有核实" in page and REASON in page
    assert "就要重新核实" in page


async def test_a_page_that_is_out_of_date_clears_nothing_and_gives_the_reasons_back(console: Opened) -> None:
    await console.log_in("ana")
    path = f"/alerts/{NAMED}/clear"
    form = await console.form(f"/alerts/{NAMED}", path)
    await clear(console, names=1)
    mention = (await on_desk(console)).mentions[1]
    answer = await console.post(path, form | {f"clear-{mention.key}": "这是我刚写的理由"})
    assert answer.status_code == 409 and "这是我刚写的理由" in answer.text
    assert len((await on_desk(console)).content.clearances) == 1


async def test_the_names_of_a_new_version_are_cleared_beside_the_one_that_stands(console: Opened) -> None:
    await console.log_in("ana")
    form = await console.form(f"/alerts/{RELEASED}/update", f"/alerts/{RELEASED}/update")
    fields = form | {
        "title": "题目", "text": d.NAMED_TEXT, "correction": d.CORRECTION, "hours": "3", "reach": "all",
        "channels": ["sandbox"],
    }  # fmt: skip
    await console.post(f"/alerts/{RELEASED}/update", fields)
    page = (await console.client.get(f"/alerts/{RELEASED}")).text
    assert "还有 2 个名称没有核实" in page and f"/alerts/{RELEASED}/submit_update" not in page
    page = await clear(console, action="clear_update", alert_id=RELEASED)
    assert "已记下新版本里核实的名称" in page and f"/alerts/{RELEASED}/submit_update" in page


async def test_an_officer_clears_nothing(console: Opened) -> None:
    await console.log_in("dong")
    page = (await console.client.get(f"/alerts/{NAMED}")).text
    assert "还没有人核实" in page and f"/alerts/{NAMED}/clear" not in page


async def test_what_stands_against_a_text_is_said_in_words(console: Opened) -> None:
    now = clock.now()
    found = ("link: http://chong.example", "no_issuer")
    body = d.content(now)
    other = "f1nd1ngs0000000000000aaa"
    await console.room.desk.project(d.life(other, ["draft"], now, reach=REACH, body=body, findings=found))
    await console.log_in("ana")
    page = (await console.client.get(f"/alerts/{other}")).text
    assert "链接或网址：<b>http://chong.example</b>" in page and "最后一行缺少发布单位" in page
