"""The preview before an approval: limits, quiet hours, and what changed since the submission."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from console.web.rendering import local
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.audience import digest_of
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d
from tests.browser.scenes import half_delivered
from tests.browser.scenes.half_delivered import DRAFT, GROUPS, press, typed


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(half_delivered.events(clock.now()))
        await opened.issue_password(*d.PEOPLE)
        yield opened


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
