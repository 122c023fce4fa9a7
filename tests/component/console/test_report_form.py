"""A report from an officer: the form, the intake that takes it, and what is given back if it is not taken."""

import html
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from console.web.dependencies import Dependencies
from fenghuo import clock
from tests.browser.console_page import Opened, console_at, deps_of
from tests.browser.scenes import busy_night
from tests.browser.scenes import every_state as d


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(busy_night.busy_district(clock.now(), 140))
        await opened.issue_password(*d.PEOPLE)
        yield opened


@pytest.mark.parametrize("length", [10_001, 50_000])
async def test_a_report_that_is_too_long_is_given_back_in_its_field_with_the_message_beside_it(
    console: Opened, length: int
) -> None:
    await console.log_in("dong")
    given = await console.form("/report", "/report")
    text = "<b>\n" + "字" * (length - 4)
    page = await console.post("/report", {**given, "text": text, "stage": "clicked", "town": "西山镇"})
    assert page.status_code == 422
    field = page.text[page.text.index("<textarea") : page.text.index("</textarea>")]
    assert html.unescape(field.partition(">")[2]) == text
    assert 'aria-describedby="text-wrong"' in field
    beside = page.text[page.text.index("</textarea>") : page.text.index("<fieldset>")]
    assert 'id="text-wrong"' in beside
    assert f"现在有 {length:,} 个" in beside
    assert "<option selected>西山镇" in page.text
    assert given["key"] in page.text


async def test_no_pasted_text_is_cut_by_the_page(console: Opened) -> None:
    """A browser cuts what is pasted at maxlength, without a word."""
    await console.log_in("dong")
    page = (await console.client.get("/report")).text
    assert "maxlength" not in page[page.index("<textarea") : page.index("</textarea>")]


def intake_of(console: Opened, answer: Callable[[httpx.Request], httpx.Response]) -> Dependencies:
    """The console's dependencies with an intake that answers so."""
    deps = deps_of(console)
    deps.intake = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://intake.test")
    return deps


async def test_a_report_goes_to_the_intake_once_and_its_answer_is_shown(console: Opened) -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"report_id": "r0031", "status": "accepted"})

    intake_of(console, take)
    await console.log_in("dong")
    form = await console.form("/report", "/report")
    fields = form | {
        "text": " 点赞关注，每单返 5 元\r\n进群 ",
        "stage": "money_moving",
        "town": "西山镇",
        "group_id": "",
    }
    answer = await console.post("/report", fields)
    assert answer.headers["location"] == "/report/r0031"
    assert "这是骗局，请告诉居民" in (await console.client.get("/report/r0031")).text
    assert seen[0].headers["idempotency-key"] == form["key"]
    assert json.loads(seen[0].content) == {
        "text": "点赞关注，每单返 5 元\n进群", "district": d.DISTRICT, "town": "西山镇", "reporter": "dong",
        "reporter_kind": "officer", "stage": "money_moving",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "shown", "said"),
    [
        (0, 503, "暂时连不上"),
        (503, 503, "暂时连不上"),
        (429, 429, "太多"),
        (401, 503, "口令不一致"),
        (422, 422, "没有接受"),
    ],
)
async def test_a_report_that_is_not_taken_keeps_the_typed_text(
    console: Opened, status: int, shown: int, said: str
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        if not status:
            raise httpx.ConnectError("nobody there", request=request)
        return httpx.Response(status, json={})

    intake_of(console, refuse)
    await console.log_in("dong")
    form = await console.form("/report", "/report")
    answer = await console.post("/report", form | {"text": "请扫码领补贴", "stage": "paid"})
    assert answer.status_code == shown
    assert said in answer.text
    assert "请扫码领补贴" in answer.text
    assert f'name="key" value="{form["key"]}"' in answer.text
