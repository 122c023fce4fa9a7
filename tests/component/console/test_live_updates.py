"""Live pages: fragments that have changed, and a heartbeat."""

from collections.abc import AsyncIterator

import pytest

from console import live_updates, sandbox_wall
from console.alerts import pages as alert_pages
from console.reports import queue
from console.web.authentication import Viewer
from console.web.words import Words
from fenghuo import clock
from fenghuo.domain.events import Person
from tests.browser.console_page import Opened, console_at, deps_of
from tests.browser.scenes import busy_night
from tests.browser.scenes import every_state as d


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(busy_night.busy_district(clock.now(), 140))
        await busy_night.fill_wall(opened.room.desk, clock.to_ms(clock.now()))
        await opened.issue_password(*d.PEOPLE)
        yield opened


async def test_the_live_list_marks_what_the_page_shows(console: Opened) -> None:
    await console.log_in("ana")
    page = (await console.client.get("/queue?show=report:r0020")).text
    assert 'data-live="/live/queue?show=report%3Ar0020"' in page
    fragment = (await queue.fragments(deps_of(console), Words("zh"), "report:r0020"))["board"]
    for shown in (page, fragment):
        assert 'href="/queue?show=report:r0020" aria-current="true"' in shown


async def test_a_live_page_gets_fragments_when_they_change_and_beats_in_between(console: Opened) -> None:
    deps = deps_of(console)
    token = await deps.sessions.open("bo")
    person = Person(person_id="bo", name="薄明", role=d.Role.APPROVER, district=d.DISTRICT)
    told = [
        "<p>1</p>",
        '<p>1<time datetime="x">1 分钟前</time></p>',
        '<p>1<time datetime="x">2 分钟前</time></p>',
    ]

    async def fragments() -> dict[str, str]:
        return {"board": told.pop(0)}

    stream = live_updates.events(deps, Viewer(person, token), fragments, every_s=0)
    got = [(await anext(stream)) for _ in range(5)]
    await stream.aclose()  # type: ignore[attr-defined]
    assert [x.event for x in got] == ["fragment", "beat", "fragment", "beat", "beat"]
    assert deps.streams == 0


async def test_the_live_parts_are_what_the_page_shows(console: Opened) -> None:
    deps = deps_of(console)
    parts = await alert_pages.fragments(deps, Words("zh"), "b5oadca5t00000000000aaaa", "other", "")
    assert set(parts) == {"status", "outcome", "delivery", "history"}
    assert "这条预警刚刚有变化" in parts["status"]
    same = await sandbox_wall.fragments(deps, Words("en"), "西山镇")
    assert "西山镇平安第" in same["screens"]
    assert "城关镇平安第" not in same["screens"]
