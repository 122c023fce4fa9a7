"""Halted channels: where they are shown, and how a person resumes them."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d
from tests.browser.scenes import half_delivered
from tests.browser.scenes.half_delivered import SENT


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(half_delivered.events(clock.now()))
        await opened.issue_password(*d.PEOPLE)
        yield opened


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
