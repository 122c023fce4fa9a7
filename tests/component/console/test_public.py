"""What anyone may open: the feed, its documents, /warnings; and that nothing unapproved is ever there."""

import html
import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import feedparser
import pytest

from console.public import pages as public_pages
from console.public import warnings
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import warning_text
from fenghuo.domain.alert import check_code
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d

FEED = "/feeds/alerts.atom"
STANDING, RECALLED, EXPIRED, EXERCISE = (x * 24 for x in "abce")
UNSEEN = {
    "1" * 24: ["draft"],
    "2" * 24: ["draft", "submit"],
    "3" * 24: ["draft", "submit", "return"],
    "4" * 24: ["draft", "submit", "reject"],
    "5" * 24: ["draft", "expire"],
}
SENT = ["draft", "submit", "approve", "begin"]


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace, district_code="110000") as opened:
        yield opened


async def fill(desk: Desk) -> datetime:
    """A standing, a recalled, an expired alert, an exercise, and one in each state that nobody may see."""
    now = clock.now()
    hour, reach = now - timedelta(hours=1), (6, 600)
    old = now - timedelta(days=2)
    expired = d.content(old, title="过期的", text="过期的原文")
    exercise = d.content(now, title="演练的", exercise=True)
    events = [
        *d.life(STANDING, SENT, hour, reach=reach, body=d.content(now, title="有效的 A&B<C>")),
        *d.life(RECALLED, [*SENT, "recall"], hour, reach=reach, body=d.content(now, title="撤回的")),
        *d.life(EXPIRED, [*SENT, "complete", "expire"], old, reach=reach, body=expired),
        *d.life(EXERCISE, SENT, hour, reach=reach, body=exercise),
    ]
    for alert_id, steps in UNSEEN.items():
        body = d.content(now, title=f"没人批准 {alert_id[:1]}", text=f"草稿原文 {alert_id}")
        events += d.life(alert_id, steps, hour, reach=reach, body=body)
    await desk.project(events)
    return now


async def entries_of(console: Opened) -> list[str]:
    answer = await console.client.get(FEED)
    assert answer.status_code == 200
    return [x.title for x in feedparser.parse(answer.content).entries]


async def test_the_feed_has_what_stands_and_what_was_recalled_today(console: Opened) -> None:
    await fill(console.room.desk)
    found = sorted(await entries_of(console))
    assert found == sorted(["【撤回】撤回的", "【演练】演练的", "有效的 A&B<C>"])


async def test_each_entry_leads_to_its_document(console: Opened) -> None:
    await fill(console.room.desk)
    read = feedparser.parse((await console.client.get(FEED)).content)
    for entry in read.entries:
        (link,) = [x.href for x in entry.links if x.rel == "alternate"]
        document = await console.client.get(link)
        assert document.status_code == 200
        assert document.headers["content-type"].startswith("application/cap+xml")
        assert f"<headline>{html.escape(entry.title, quote=False)}</headline>" in document.text
        assert re.findall("<status>(.*)</status>", document.text) == [
            "Exercise" if "演练" in entry.title else "Actual"
        ]
    earlier = await console.client.get(f"/feeds/alerts/fenghuo-{RECALLED}-1.cap.xml")
    assert "<msgType>Alert</msgType>" in earlier.text
    cancel = await console.client.get(f"/feeds/alerts/fenghuo-{RECALLED}-2.cap.xml")
    assert f"fenghuo-{RECALLED}-1," in cancel.text


async def test_nothing_unapproved_is_ever_public(console: Opened) -> None:
    await fill(console.room.desk)
    paths = [FEED, "/warnings", *(f"/warnings?code={x[:8]}" for x in UNSEEN)]
    paths += [f"/warnings/{x[:8]}" for x in UNSEEN] + [f"/feeds/alerts/fenghuo-{x}-1.cap.xml" for x in UNSEEN]
    paths += [f"/warnings?code={check_code(x, 1, f'草稿原文 {x}')}" for x in UNSEEN]
    for path in paths:
        text = (await console.client.get(path)).text
        assert "没人批准" not in text, path
        assert "草稿原文" not in text, path
    # a correction is approved with its warning, but released only by a recall
    code = check_code(STANDING, 1, d.CORRECTION)
    assert "没有查到" in (await console.client.get(f"/warnings?code={code}")).text


@pytest.mark.parametrize(
    "name",
    [f"fenghuo-{STANDING}-2.cap.xml", f"fenghuo-{STANDING}-1", f"fenghuo-{STANDING}-1.xml", "x.cap.xml"],
)
async def test_a_document_that_there_is_not_is_not_found(console: Opened, name: str) -> None:
    await fill(console.room.desk)
    assert (await console.client.get(f"/feeds/alerts/{name}")).status_code == 404


@pytest.mark.parametrize("path", [FEED, f"/feeds/alerts/fenghuo-{STANDING}-1.cap.xml"])
async def test_who_has_the_latest_is_told_so_in_a_few_bytes(console: Opened, path: str) -> None:
    await fill(console.room.desk)
    first = await console.client.get(path)
    assert first.headers["cache-control"] == f"public, max-age={public_pages.MAX_AGE_S}"
    assert "set-cookie" not in first.headers
    for header, value in (
        ("if-none-match", first.headers["etag"]),
        ("if-none-match", f'"other", W/{first.headers["etag"]}'),
        ("if-modified-since", first.headers["last-modified"]),
    ):
        again = await console.client.get(path, headers={header: value})
        assert (again.status_code, again.content) == (304, b""), header
        assert again.headers["etag"] == first.headers["etag"]
    for header, value in (
        ("if-none-match", '"other"'),
        ("if-modified-since", "yesterday"),
        ("if-modified-since", format_datetime(clock.now().astimezone(UTC) - timedelta(days=9), usegmt=True)),
    ):
        assert (await console.client.get(path, headers={header: value})).status_code == 200, value


async def test_a_tag_counts_before_a_time() -> None:
    now = clock.now()
    later = format_datetime((now + timedelta(hours=1)).astimezone(UTC), usegmt=True)
    assert not public_pages.is_not_modified('"old"', later, '"new"', now)
    assert public_pages.is_not_modified(None, later, '"new"', now)
    assert public_pages.is_not_modified("*", None, '"new"', now)
    assert not public_pages.is_not_modified(None, None, '"new"', now)


async def test_a_recall_changes_the_feed_and_its_tag(
    console: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (public_pages, warnings):
        monkeypatch.setattr(module, "FRESH_S", 0)
    await fill(console.room.desk)
    first = await console.client.get(FEED)
    now = clock.now()
    body = d.content(now, title="有效的 A&B<C>")
    events = d.life(STANDING, [*SENT, "recall"], now - timedelta(hours=1), reach=(6, 600), body=body)
    await console.room.desk.project(events)
    again = await console.client.get(FEED, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 200
    assert "【撤回】有效的 A&amp;B&lt;C&gt;" in again.text


async def test_an_empty_system_has_a_feed_without_entries_and_says_so(console: Opened) -> None:
    first = await console.client.get(FEED)
    read = feedparser.parse(first.content)
    assert (first.status_code, read.bozo, read.entries) == (200, False, [])
    page = (await console.client.get("/warnings")).text
    assert "现在没有预警" in page


async def test_a_wrong_document_is_withheld_and_told_in_the_log(
    console: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    now = clock.now()
    body = d.content(now, title="正常的", text="请打开 http://pay.example.com 办理")
    await console.room.desk.project(
        [
            *d.life(STANDING, SENT, now, reach=(6, 600), body=body),
            *d.life(EXERCISE, SENT, now, reach=(6, 600), body=d.content(now, title="另一条")),
        ]
    )
    with caplog.at_level(logging.ERROR):
        assert await entries_of(console) == ["另一条"]
        document = await console.client.get(f"/feeds/alerts/fenghuo-{STANDING}-1.cap.xml")
    assert document.status_code == 500
    assert "withheld" in document.text
    assert document.headers["cache-control"] == "no-store"
    told = [str(getattr(x, "faults", x.exc_info)) for x in caplog.records]
    assert len(told) == 2
    assert all("a link that works: http://pay.example.com" in x for x in told), told
    assert "pay.example.com" in (await console.client.get("/warnings")).text  # it is what residents have


# ---------------------------------------------------------------- /warnings


async def page_of(console: Opened, path: str, status: int = 200) -> str:
    answer = await console.client.get(path)
    assert answer.status_code == status, path
    return html.unescape(answer.text)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (check_code(STANDING, 1, d.TEXT), "核验码是真的，预警仍然有效"),
        (check_code(STANDING, 1, d.TEXT).lower(), "核验码是真的，预警仍然有效"),
        (check_code(RECALLED, 1, d.TEXT), "这条预警已撤回，不要再转发"),
        (check_code(RECALLED, 1, d.CORRECTION), "核验码是真的：这是一条更正"),
        (check_code(EXPIRED, 1, "过期的原文"), "核验码是真的，但这条预警已过期"),
        (STANDING[:8], "有这个编号的预警"),
        (f"编号 {STANDING[:8]}，核验码 {check_code(STANDING, 1, d.TEXT)}", "核验码是真的，预警仍然有效"),
        (f"编号 {RECALLED[:8]}，核验码 {check_code(STANDING, 1, d.TEXT)}", "没有查到"),
        ("1234ABCD", "没有查到这个核验码或编号：1234ABCD"),
        ("真的吗", "这里面没有核验码，也没有编号"),
    ],
)
async def test_a_code_is_judged(console: Opened, code: str, verdict: str) -> None:
    await fill(console.room.desk)
    answer = await console.client.get("/warnings", params={"code": code})
    assert answer.status_code == 200
    assert verdict in html.unescape(answer.text)


async def test_a_pasted_warning_is_held_against_the_original(console: Opened) -> None:
    await fill(console.room.desk)
    genuine = warning_text.render(STANDING, 1, d.TEXT, exercise=False)
    for pasted, verdict in (
        (genuine, "您粘贴的文字与原文一致"),
        (genuine.replace("\n", " \n\n"), "您粘贴的文字与原文一致"),
        (genuine.replace("不要转账", "马上转账"), "您粘贴的文字与原文不一样"),
        (genuine + "加客服领补偿", "您粘贴的文字与原文不一样"),
    ):
        answer = await console.client.get("/warnings", params={"code": pasted})
        assert verdict in answer.text


async def test_the_list_shows_the_whole_text_and_corrections_first(console: Opened) -> None:
    await fill(console.room.desk)
    page = await page_of(console, "/warnings")
    assert warning_text.render(STANDING, 1, d.TEXT, exercise=False) in page
    places = [page.index(x) for x in ("【撤回】撤回的", "有效的 A&B<C>", "【演练】演练的")]
    assert places == sorted(places)
    assert "过期的" not in page
    assert page.index(warning_text.render(RECALLED, 1, d.CORRECTION, exercise=False)) < page.index(
        warning_text.render(RECALLED, 1, d.TEXT, exercise=False)
    )
    assert "演练，不是真的预警" in page


async def test_one_warning_has_its_own_page_even_after_its_expiry(console: Opened) -> None:
    await fill(console.room.desk)
    assert "过期的原文" in await page_of(console, f"/warnings/{EXPIRED[:8]}")
    assert "已撤回" in await page_of(console, f"/warnings/{RECALLED[:8].lower()}")
    assert "没有查到编号" in await page_of(console, "/warnings/00000000", 404)
    assert "没有查到编号" in await page_of(console, "/warnings/<script>", 404)


async def test_the_pages_stand_in_english_and_need_no_login(console: Opened) -> None:
    await fill(console.room.desk)
    page = await page_of(console, f"/warnings?lang=en&code={check_code(STANDING, 1, d.TEXT)}")
    assert '<html lang="en">' in page
    assert "The code is genuine and the warning is in force" in page
    assert '<a class="brand" href="/warnings">' in page
