"""From a button to a settled decision: what is published, and what the person is told."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from fenghuo import clock
from fenghuo.domain.alert import Action, content_hash
from fenghuo.domain.events import DecisionMade, Event
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d

ALERT = "a5ubm1tted0000000000aaaa"
DRAFT = "dra5t000000000000000aaaa"


async def fill(opened: Opened) -> None:
    now = clock.now()
    reach = (6, 600)
    await opened.room.desk.project([
        *d.people(now), *d.groups(now, 6),
        *d.life(ALERT, ["draft", "edit", "submit"], now, reach=reach),
        *d.life(DRAFT, ["draft"], now, reach=reach),
        *[event for n in range(3) for event in d.report(n, now, d.EXAMPLES[n])],
        *d.cluster("c-new", [now, now, now], 0),
    ])  # fmt: skip
    await opened.issue_password(*d.PEOPLE)


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await fill(opened)
        yield opened


@pytest.fixture
def published(console: Opened, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the console publishes, seen on its way to the broker."""
    seen: list[Event] = []
    publish = console.room.transport.publish

    async def noting(events: list[Event]) -> None:
        seen.extend(events)
        await publish(events)

    monkeypatch.setattr(console.room.transport, "publish", noting)
    return seen


async def test_an_approval_publishes_exactly_the_hash_that_was_shown(
    console: Opened, published: list[Event]
) -> None:
    await console.log_in("bo")
    alert = await console.room.desk.alerts.get(ALERT)
    assert alert is not None
    page = (await console.client.get(f"/alerts/{ALERT}")).text
    assert "批准并发送到 6 个群，约 645\u00a0居民" in page
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
    answer = await console.post(f"/alerts/{ALERT}/approve", form)
    assert answer.status_code == 303
    (event,) = published
    assert isinstance(event, DecisionMade)
    order = event.order
    assert (event.event_id, order.decision_id) == (form["decision_id"], form["decision_id"])
    assert order.seen_hash == form["seen_hash"] == content_hash(alert.content)
    assert (order.action, order.actor, order.seen_revision) == (Action.APPROVE, "bo", alert.revision)
    shown = (await console.client.get(answer.headers["location"])).text
    assert "已批准，正在发送" in shown
    after = await console.room.desk.alerts.get(ALERT)
    assert after is not None
    assert after.approved_hash == form["seen_hash"]


async def test_a_stale_page_is_refused_with_what_changed(console: Opened, published: list[Event]) -> None:
    await console.log_in("bo")
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
    await console.log_in("chen")
    edit = await console.form(f"/alerts/{ALERT}/edit", f"/alerts/{ALERT}/edit")
    fields = edit | {
        "title": "改过的标题",
        "text": d.TEXT + "新的一句。",
        "correction": d.CORRECTION,
        "hours": "5",
        "reach": "all",
        "channels": ["sandbox", "webhook"],
    }
    assert (await console.post(f"/alerts/{ALERT}/edit", fields)).status_code == 303
    published.clear()
    await console.log_in("bo")
    form["_csrf_token"] = (await console.form("/alerts", "/logout"))["_csrf_token"]
    answer = await console.post(f"/alerts/{ALERT}/approve", form)
    assert answer.status_code == 409
    assert published == []
    assert "<mark>新的一句。</mark>" in answer.text
    assert "陈岚" in answer.text
    assert "改过的标题" in answer.text


async def test_a_double_click_is_one_decision(console: Opened) -> None:
    await console.log_in("bo")
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
    first, second = await asyncio.gather(
        console.post(f"/alerts/{ALERT}/approve", form), console.post(f"/alerts/{ALERT}/approve", form)
    )
    third = await console.post(f"/alerts/{ALERT}/approve", form)
    assert {x.headers["location"] for x in (first, second, third)} == {
        f"/alerts/{ALERT}?decision={form['decision_id']}"
    }
    alert = await console.room.desk.alerts.get(ALERT)
    assert alert is not None
    assert alert.decisions.count(form["decision_id"]) == 1
    assert alert.revision == 4


async def test_whoever_submitted_is_told_why_they_may_not_approve(console: Opened) -> None:
    now = clock.now()
    mine = "m1ne0000000000000000aaaa"
    d_steps = d.STEPS | {"submit": ("bo", d.Role.APPROVER)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(d, "STEPS", d_steps)
        await console.room.desk.project(d.life(mine, ["draft", "submit"], now, reach=(6, 600)))
    await console.log_in("bo")
    page = (await console.client.get(f"/alerts/{mine}")).text
    assert "你提交了这条预警，不能自己批准" in page
    assert f"/alerts/{mine}/approve" not in page
    form = await console.form(f"/alerts/{mine}", f"/alerts/{mine}/return")
    answer = await console.post(f"/alerts/{mine}/approve", form)
    shown = (await console.client.get(answer.headers["location"])).text
    assert "没有执行" in shown
    assert "不能自己批准" in shown


async def test_what_was_typed_survives_a_refused_edit(console: Opened, published: list[Event]) -> None:
    await console.log_in("ana")
    form = await console.form(f"/alerts/{DRAFT}/edit", f"/alerts/{DRAFT}/edit")
    long = "很长的正文。" * 80
    fields = form | {
        "title": "题目",
        "text": long,
        "correction": d.CORRECTION,
        "hours": "3",
        "reach": "all",
        "channels": ["sandbox", "webhook"],
    }
    answer = await console.post(f"/alerts/{DRAFT}/edit", fields)
    assert answer.status_code == 422
    assert long in answer.text
    assert "1 到 310 个字" in answer.text
    assert published == []


async def test_an_edit_narrows_the_audience_to_the_ticked_towns(console: Opened) -> None:
    await console.log_in("ana")
    form = await console.form(f"/alerts/{DRAFT}/edit", f"/alerts/{DRAFT}/edit")
    fields = form | {
        "title": "题目", "text": d.TEXT, "correction": d.CORRECTION, "hours": "3", "reach": "towns",
        "channels": ["sandbox"], "towns": ["西山镇", "城关镇"], "severity": "moderate",
    }  # fmt: skip
    assert (await console.post(f"/alerts/{DRAFT}/edit", fields)).status_code == 303
    alert = await console.room.desk.alerts.get(DRAFT)
    assert alert is not None
    assert set(alert.content.audience.towns) == {"西山镇", "城关镇"}
    assert (alert.content.severity, alert.reach_groups, alert.edited_by) == ("moderate", 2, "ana")


async def test_a_return_needs_a_reason_and_shows_it_to_the_writer(console: Opened) -> None:
    await console.log_in("bo")
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/return")
    refused = await console.post(f"/alerts/{ALERT}/return", form)
    assert "请写明理由" in (await console.client.get(refused.headers["location"])).text
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/return")
    await console.post(f"/alerts/{ALERT}/return", form | {"reason": "居民看不懂"})
    await console.log_in("ana")
    assert "居民看不懂" in (await console.client.get(f"/alerts/{ALERT}")).text


async def test_a_recall_goes_through_although_sending_has_moved_on(console: Opened) -> None:
    await console.log_in("bo")
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
    await console.post(f"/alerts/{ALERT}/approve", form)
    recall = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/recall")
    later = d.life(ALERT, ["draft", "edit", "submit", "approve", "begin"], clock.now(), reach=(6, 600))
    await console.room.desk.project(later[-1:])
    alert = await console.room.desk.alerts.get(ALERT)
    assert alert is not None
    recall["seen_hash"] = content_hash(alert.content)
    answer = await console.post(f"/alerts/{ALERT}/recall", recall | {"reason": "核实有误"})
    assert "已撤回，正在发更正" in (await console.client.get(answer.headers["location"])).text


async def test_an_analyst_drafts_from_a_cluster_by_hand(console: Opened) -> None:
    await console.log_in("ana")
    form = await console.form("/clusters/c-new/draft", "/clusters/c-new/draft")
    fields = form | {
        "title": "法人信息到期",
        "text": d.TEXT,
        "correction": d.CORRECTION,
        "hours": "12",
        "reach": "all",
        "channels": ["sandbox", "webhook"],
    }
    answer = await console.post("/clusters/c-new/draft", fields)
    shown = (await console.client.get(answer.headers["location"])).text
    assert "已起草" in shown
    assert d.EXAMPLES[0] in shown
    alert_id = re.findall(r"/alerts/([0-9a-f]{24})", answer.headers["location"])[0]
    alert = await console.room.desk.alerts.get(alert_id)
    assert alert is not None
    assert (alert.origin.cluster_id, alert.created_by) == ("c-new", "ana")


@pytest.mark.parametrize("broken", [{"decision_id": "x"}, {"seen_revision": "many"}])
async def test_a_form_that_is_not_ours_does_nothing(
    console: Opened, published: list[Event], broken: dict[str, str]
) -> None:
    await console.log_in("bo")
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
    assert (await console.post(f"/alerts/{ALERT}/approve", form | broken)).status_code == 400
    assert published == []


async def test_a_decision_that_does_not_settle_is_said_to_be_under_way(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.web.submission.WAIT_S", 0.2)
    async with console_at(redis_url, namespace, deciding=False) as opened:
        await fill(opened)
        await opened.log_in("bo")
        form = await opened.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
        answer = await opened.post(f"/alerts/{ALERT}/approve", form)
        assert answer.status_code == 303
        page = (await opened.client.get(answer.headers["location"])).text
        assert "已收到你的决定，正在处理" in page
        assert f"decision={form['decision_id']}" in page
