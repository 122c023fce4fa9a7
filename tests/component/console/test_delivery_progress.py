"""The delivery after an approval: figures, forecast, and the ledger's file."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from broadcast.commands import deliveries
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.ledger import COLUMNS
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d
from tests.browser.scenes import half_delivered
from tests.browser.scenes.half_delivered import GROUPS, SENT


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(half_delivered.events(clock.now()))
        await opened.issue_password(*d.PEOPLE)
        yield opened


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
