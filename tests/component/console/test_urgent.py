"""An urgent report is ticked off the queue: once, by whoever was first; the real consumers note it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from console.reports import urgent
from fenghuo import clock
from fenghuo.domain.events import ScamStage, UrgentHandled, UrgentOutcome
from tests.browser.console_page import Opened, console_at, settings_at
from tests.browser.scenes import every_state as d
from tests.support.builders import report, unmatched
from tests.support.rooms_in_process import RunningRooms, running_rooms


@dataclass(slots=True)
class Station:
    console: Opened
    running: RunningRooms

    async def press(self, report_id: str, outcome: str = UrgentOutcome.STOPPED) -> httpx.Response:
        page = f"/report/{report_id}"
        token = (await self.console.form("/report", "/report"))["_csrf_token"]
        return await self.console.post(f"{page}/handled", {"_csrf_token": token, "outcome": outcome})

    async def page(self, path: str) -> str:
        answer = await self.console.client.get(path)
        assert answer.status_code == 200, path
        return answer.text

    async def said(self, report_id: str) -> UrgentHandled | None:
        (view,) = await self.running.desk.reports.get_many([report_id])
        return view.handled


@pytest.fixture
async def station(redis_url: str, namespace: str) -> AsyncIterator[Station]:
    now = clock.now()
    stages = {"moving": ScamStage.MONEY_MOVING, "paid": ScamStage.PAID, "calm": ScamStage.RECEIVED}
    async with (
        console_at(redis_url, namespace, deciding=False) as console,
        running_rooms(settings_at(redis_url, namespace), "consumers") as running,
    ):
        await running.desk.project(d.people(now))
        for n, (report_id, stage) in enumerate(stages.items()):
            at = now - timedelta(minutes=n)
            await running.desk.project([unmatched(report_id, f"原文 {report_id}", at=at, stage=stage)])
        await console.issue_password(*d.PEOPLE)
        await console.log_in("ana")
        yield Station(console, running)


def alarm(page: str) -> str:
    """The part of the queue that rings."""
    return page[page.index('class="alarm"') : page.index("</section>")] if 'class="alarm"' in page else ""


async def test_what_is_handled_leaves_the_top_and_says_by_whom_and_how(station: Station) -> None:
    before = await station.page("/queue")
    assert "原文 moving" in alarm(before)
    assert 'action="/report/moving/handled"' in before, "the first on the list can be ticked off at once"
    answer = await station.press("moving")
    assert answer.status_code == 303
    after = await station.page(answer.headers["location"])
    assert "原文 moving" not in alarm(after)
    assert "原文 paid" in alarm(after)
    assert "近一小时处理了 1 条急报" in after
    assert "已处理：已止付 · 安静" in after
    assert 'action="/report/moving/handled"' not in after
    assert 'action="/report/paid/handled"' in await station.page("/queue")
    assert (await station.press("paid")).status_code == 303
    assert alarm(await station.page("/queue")) == ""


async def test_pressed_twice_is_once(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[Any] = []
    transport = station.console.room.transport
    publish = transport.publish

    async def noting(events: list[Any]) -> None:
        published.extend(events)
        await publish(events)

    monkeypatch.setattr(transport, "publish", noting)
    answers = [await station.press("moving") for _ in range(2)]
    assert [x.status_code for x in answers] == [303, 303]
    assert len(published) == 1


async def test_whoever_is_second_is_told_so_and_the_first_word_stands(station: Station) -> None:
    assert (await station.press("moving")).status_code == 303
    await station.console.log_in("dong")
    late = await station.press("moving", UrgentOutcome.FALSE_ALARM)
    assert late.status_code == 409
    assert "已经有人处理过了" in late.text
    assert "已处理：已止付 · 安静" in late.text
    said = await station.said("moving")
    assert said is not None
    assert (said.person_id, said.outcome) == ("ana", UrgentOutcome.STOPPED)


async def test_of_two_words_at_once_each_process_shows_the_first_on_the_broker(station: Station) -> None:
    words = [urgent.event_of("moving", who, UrgentOutcome.OTHER) for who in ("bo", "dong")]
    await station.running.console.publish(words)
    late = await station.press("moving")
    assert late.status_code == 409
    said = await station.said("moving")
    assert said is not None
    assert said.event_id == words[0].event_id
    await station.running.desk.project(words[::-1])
    again = await station.said("moving")
    assert again is not None
    assert again.event_id == words[0].event_id, "a word that comes again changes nothing"


async def test_an_officer_ticks_off_on_the_reports_own_page(station: Station) -> None:
    await station.console.log_in("dong")
    form = await station.console.form("/report/paid", "/report/paid/handled")
    answer = await station.console.post("/report/paid/handled", form | {"outcome": "contacted"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/report/paid")
    assert "已处理：已联系本人 · 董海" in await station.page("/report/paid")


async def test_the_report_stays_handled_when_it_is_judged_again(station: Station) -> None:
    await station.press("moving")
    desk = station.running.desk
    again = unmatched("moving", "原文 moving", at=clock.now(), stage=ScamStage.MONEY_MOVING)
    await desk.project([report("moving", "原文 moving", "who", at=again.at), again])
    assert "原文 moving" not in alarm(await station.page("/queue"))


@pytest.mark.parametrize(
    ("report_id", "outcome", "status", "says"),
    [
        ("moving", "", 422, "请先选处理得怎样"),
        ("moving", "whatever", 422, "请先选处理得怎样"),
        ("calm", "stopped", 409, "没有人在转账"),
        ("unknown", "stopped", 404, ""),
    ],
)
async def test_what_cannot_be_noted_is_said_and_changes_nothing(
    station: Station, report_id: str, outcome: str, status: int, says: str
) -> None:
    answer = await station.press(report_id, outcome)
    assert answer.status_code == status
    assert says in answer.text
    assert await station.said("moving") is None


async def test_a_word_that_takes_long_is_told_to_be_under_way(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: Any) -> None:
        return None

    monkeypatch.setattr(urgent, "publish_and_wait", slow)
    answer = await station.press("moving")
    assert answer.status_code == 202
    assert "还没有生效" in answer.text


async def test_who_only_reads_cannot_tick_off(station: Station) -> None:
    await station.console.log_in("audit")
    assert 'action="/report/moving/handled"' not in await station.page("/queue")
    page = await station.page("/queue?lang=zh")
    token = page.split('name="_csrf_token" value="')[1].split('"')[0]
    answer = await station.console.post(
        "/report/moving/handled", {"_csrf_token": token, "outcome": "stopped"}
    )
    assert answer.status_code == 403
    assert await station.said("moving") is None


async def test_what_the_words_say_rings_too_and_a_person_can_lower_it(station: Station) -> None:
    row = unmatched("told", "原文 told", at=clock.now(), stage=ScamStage.PAID, stage_by_text=True)
    fire = unmatched("fire", "原文 fire", at=clock.now(), matter="emergency")
    read = unmatched("read", "原文 read", at=clock.now(), stage=ScamStage.MONEY_MOVING, stage_by_model=True)
    await station.running.desk.project([row, fire, read])
    rings = alarm(await station.page("/queue"))
    assert "按内容判断" in rings and "险情" in rings and "模型判断" in rings
    assert "请选“误报”" in await station.page("/report/told")
    assert "模型读内容后判断" in await station.page("/report/read")
    assert (await station.press("read", UrgentOutcome.FALSE_ALARM)).status_code == 303
    assert (await station.press("told", UrgentOutcome.FALSE_ALARM)).status_code == 303
    assert (await station.press("fire", UrgentOutcome.FALSE_ALARM)).status_code == 303
    for report_id in ("told", "fire", "read"):
        (view,) = await station.running.desk.reports.get_many([report_id])
        assert view.lowered and view.stage is ScamStage.RECEIVED
        assert f"原文 {report_id}" not in alarm(await station.page("/queue"))
