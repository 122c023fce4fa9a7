"""Every page in a real browser: accessible, no wider than a phone, usable without JavaScript, live with it.

With FENGHUO_SHOTS screenshots go to that folder: look at them before calling a page done.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.app import build
from fenghuo import clock
from fenghuo.domain import warning_text
from fenghuo.domain.alert import check_code
from fenghuo.runtime.room import open_transport
from fenghuo.security.passwords import Auth
from tests.browser.console_page import settings_at
from tests.browser.scenes import busy_night, every_channel
from tests.browser.scenes import every_state as d
from tests.support.waiting import until

CHROMIUM = os.environ.get("FENGHUO_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
AXE = Axe().axe_script
SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SUBMITTED, SENDING = "a5ubm1tted0000000000aaaa", "b5oadca5t00000000000aaaa"


def as_changed_by_a_fraudster() -> str:
    return warning_text.render(SENDING, 1, d.TEXT, exercise=False).replace("请不要点链接", "请加客服")


PAGES = [
    ("login", "", "/login"),
    ("queue", "ana", "/queue"),
    ("queue-cluster", "ana", "/queue?show=cluster:c-biz"),
    ("queue-report", "ana", "/queue?show=report:r0020"),
    ("queue-urgent", "ana", "/queue?show=report:r0006"),
    ("queue-handled", "ana", "/queue?show=report:r0022"),
    ("cluster", "ana", "/clusters/c-biz"),
    ("cluster-new", "ana", "/clusters/c-school"),
    ("cluster-split-off", "ana", "/clusters/c-5p1it"),
    ("cluster-merged", "ana", "/clusters/c-biz?from=c-gone"),
    ("cluster-read", "admin", "/clusters/c-biz"),
    ("drafting", "ana", "/clusters/c-school/draft"),
    ("alerts", "bo", "/alerts"),
    ("alert-draft", "ana", "/alerts/dra5t000000000000000aaaa"),
    ("alert-names", "ana", "/alerts/4amed000000000000000aaaa"),
    ("alert-names-cleared", "bo", f"/alerts/{busy_night.CLEARED}"),
    ("edit-names", "ana", "/alerts/4amed000000000000000aaaa/edit"),
    ("alert-submitted", "bo", f"/alerts/{SUBMITTED}"),
    ("alert-sending", "bo", f"/alerts/{SENDING}"),
    ("alert-done", "bo", "/alerts/c0mp1eted00000000000aaaa"),
    ("alert-recalled", "bo", "/alerts/recal1ed000000000000aaaa"),
    ("alert-exercise", "bo", "/alerts/exerc15e000000000000aaaa"),
    ("edit", "ana", "/alerts/re7urned000000000000aaaa/edit"),
    ("wall", "dong", "/wall"),
    ("todo-empty", "dong", "/todo"),
    ("report", "dong", "/report"),
    ("answer", "dong", "/report/r0031"),
    ("answer-urgent", "dong", "/report/r0006"),
    ("answer-waiting", "dong", "/report/notyet"),
    ("groups", "admin", "/groups"),
    ("coverage", "admin", "/groups/coverage?problem=no_owner"),
    ("people", "admin", "/people"),
    ("missing", "admin", "/nowhere"),
    ("warnings", "", "/warnings"),
    ("warnings-genuine", "", f"/warnings?code={check_code(SENDING, 1, d.TEXT)}"),
    ("warnings-changed", "", f"/warnings?code={quote(as_changed_by_a_fraudster())}"),
    ("warnings-unknown", "", "/warnings?code=1234ABCD"),
    ("warning-recalled", "", "/warnings/RECAL1ED"),
    ("warning-missing", "", "/warnings/00000000"),
]
MIXED = [
    ("mixed-before", "bo", f"/alerts/{every_channel.BEFORE}"),
    ("mixed-live", "bo", f"/alerts/{every_channel.LIVE}"),
    ("mixed-updating", "bo", f"/alerts/{every_channel.UPDATING}"),
    ("mixed-update", "ana", f"/alerts/{every_channel.UPDATING}/update"),
]
"""In the district with every channel."""


@dataclass(frozen=True, slots=True)
class Site:
    """A console that serves, and a way to change its desk from here."""

    url: str
    run: Callable[[Any], Any]
    desk: Any
    stop: Callable[[], None]


@contextlib.contextmanager
def serving(url: str, namespace: str, events: list[Any]) -> Iterator[Site]:
    """The console in a real uvicorn, in a thread of its own, on a desk made of ``events``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    async def open_room() -> tuple[Any, Any, uvicorn.Server, Any]:
        settings = settings_at(url, namespace, console_port=port)
        room = build(settings)
        await room.desk.project(events)
        await busy_night.fill_wall(room.desk, clock.to_ms(clock.now()))
        for person in d.PEOPLE:
            await Auth(room.desk.client, room.desk.keys).set_password(person, d.PASSWORD)
        others = open_transport(settings, "consumers", room.desk)
        await others.start([d.stand_in(room.desk)])
        await room.transport.start()
        room.started = True
        config = uvicorn.Config(
            room.asgi, port=port, lifespan="off", log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        task = asyncio.create_task(server.serve())
        await until(lambda: server.started, what="the server")
        return room, others, server, task

    async def close_room(room: Any, others: Any) -> None:
        await others.stop()
        await room.transport.stop()
        await room.desk.client.aclose()

    async def stop_serving(server: uvicorn.Server, task: Any) -> None:
        server.should_exit = True
        await task

    opened = run(open_room())
    stop = lambda: run(stop_serving(*opened[2:]))  # noqa: E731
    yield Site(f"http://127.0.0.1:{port}", run, opened[0].desk, stop)
    stop()
    run(close_room(*opened[:2]))
    loop.call_soon_threadsafe(loop.stop)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail("the browser tests need Chromium: apt-get install chromium fonts-noto-cjk", pytrace=False)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@pytest.fixture(scope="module")
def site(redis_url: str) -> Iterator[Site]:
    with serving(redis_url, "tpages", busy_night.busy_district(clock.now())) as opened:
        yield opened


@pytest.fixture(scope="module")
def mixed_site(redis_url: str) -> Iterator[Site]:
    with serving(redis_url, "tmixed", list(every_channel.mixed_district(clock.now()))) as opened:
        yield opened


class Shots:
    """Screenshots for people to look at, where they ask for them: taking them is a fifth of the time."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None

    def take(self, page: Page, name: str, **options: Any) -> None:
        """A picture of ``page`` called ``name``; nothing without a folder."""
        if self._folder is not None:
            page.screenshot(path=self._folder / name, **options)


@pytest.fixture(scope="module")
def shots() -> Shots:
    return Shots(os.environ.get("FENGHUO_SHOTS", ""))


def log_in(context: BrowserContext, site: Site, person: str) -> None:
    context.set_default_timeout(15_000)
    if not person:
        return
    page = context.new_page()
    page.goto(f"{site.url}/login")
    page.fill("[name=person]", person)
    page.fill("[name=password]", d.PASSWORD)
    page.click("button[type=submit].primary")
    page.wait_for_url(lambda url: "/login" not in url)
    page.close()


def too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def serious(page: Page) -> list[str]:
    """What axe-core finds to be serious or critical; it is loaded once a page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(x => x.violations)")
    return [
        f"{x['id']}: {x['nodes'][0]['html'][:160]} {x['nodes'][0].get('failureSummary', '')[:300]}"
        for x in found if x["impact"] in {"serious", "critical"}
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("person", ["", "ana", "bo", "dong", "admin"])
def test_pages_are_accessible_and_fit(
    browser: Browser, site: Site, shots: Shots, scheme: Any, person: str
) -> None:
    look_at(browser, site, shots, scheme, person, PAGES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("person", ["ana", "bo"])
def test_pages_with_every_channel_are_accessible_and_fit(
    browser: Browser, mixed_site: Site, shots: Shots, scheme: Any, person: str
) -> None:
    look_at(browser, mixed_site, shots, scheme, person, MIXED)


def look_at(
    browser: Browser, site: Site, shots: Shots, scheme: Any, person: str, pages: list[tuple[str, str, str]]
) -> None:
    """Screenshots of ``person``'s ``pages`` in both sizes, held against axe-core and the narrowest phone."""
    context = browser.new_context(color_scheme=scheme)
    log_in(context, site, person)
    errors: list[str] = []
    page = context.new_page()
    page.on("console", lambda m: errors.append(f"{page.url}: {m.text}") if m.type == "error" else None)
    for name, who, path in pages:
        if who != person:
            continue
        page.goto(site.url + path)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            shots.take(page, f"{name}-{size}-{scheme}.png", full_page=size == "desk")
            assert serious(page) == [], f"{name} {size} {scheme}"
        page.set_viewport_size({"width": 360, "height": 740})
        assert not too_wide(page), f"{name} is wider than 360 px"
    context.close()
    assert [x for x in errors if "404" not in x] == []


def test_a_decision_needs_no_javascript(browser: Browser, redis_url: str, shots: Shots) -> None:
    with serving(redis_url, "tplain", busy_night.busy_district(clock.now(), 40)) as site:
        context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
        log_in(context, site, "bo")
        page = context.new_page()
        page.goto(f"{site.url}/queue")
        page.click(".item:has-text('待批准') >> nth=0")
        page.click("text=打开并处理")
        page.click("text=批准并发送到 40 个群")
        assert "已批准，正在发送" in page.inner_text("main")
        shots.take(page, "approved-phone-plain.png")
        page.click("summary:has-text('撤回，并向')")
        page.fill("#do-recall textarea", "核实有误")
        page.click("#do-recall button")
        assert "已撤回，正在发更正" in page.inner_text("main")
        page.goto(f"{site.url}/alerts/dra5t000000000000000aaaa")
        page.click("a.button:has-text('修改')")
        page.fill("[name=title]", "改过的标题")
        page.click("text=保存修改")
        assert "已保存修改" in page.inner_text("main")
        assert page.inner_text("h1").startswith("改过的标题")
        context.close()


def test_ticks_and_words_outlive_what_comes_in_meanwhile(
    browser: Browser, redis_url: str, shots: Shots
) -> None:
    now = clock.now()
    with serving(redis_url, "tticks", busy_night.busy_district(now, 40)) as site:
        context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
        log_in(context, site, "ana")
        page = context.new_page()
        page.goto(f"{site.url}/clusters/c-biz")
        page.check("#pick-r0003")
        page.check("#pick-r0004")
        page.fill(".picking textarea", "这两条要的是对公账户")
        more = [*[now] * 11, clock.now()]
        site.run(site.desk.project(d.report(50, clock.now(), "新来的一条")))
        site.run(site.desk.project(d.cluster("c-biz", more, 39, reports=12, reporters=12, revision=90)[-1:]))
        page.wait_for_selector("#evidence .figures b:has-text('12')")
        assert page.inner_text(".picked") == "已勾选 2 条，留下 9 条"
        assert page.is_checked("#pick-r0003")
        assert page.input_value(".picking textarea") == "这两条要的是对公账户"
        assert not page.is_visible("#pick-r0050"), "the list stands still while reports are ticked"
        assert serious(page) == []
        shots.take(page, "ticked-phone-dark.png")
        page.uncheck("#pick-r0003")
        page.uncheck("#pick-r0004")
        page.wait_for_selector("#pick-r0050")
        first = page.inner_text("#evidence .clock")
        page.wait_for_function("x => document.querySelector('#evidence .clock').textContent !== x", arg=first)
        page.click(".picking button")
        page.wait_for_selector("text=一条也没有勾选")
        assert serious(page) == []
        shots.take(page, "refused-phone-dark.png")
        context.close()


def test_a_page_lives_and_says_when_the_line_drops(browser: Browser, redis_url: str, shots: Shots) -> None:
    now = clock.now()
    with serving(redis_url, "tlive", busy_night.busy_district(now, 40)) as site:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        log_in(context, site, "bo")
        queue = context.new_page()
        queue.goto(f"{site.url}/queue")
        site.run(
            site.desk.project(
                d.report(77, clock.now(), "请向安全账户转账核查资金", d.e.ScamStage.MONEY_MOVING)
            )
        )
        queue.wait_for_selector("text=请向安全账户转账核查资金")
        sending = context.new_page()
        sending.goto(f"{site.url}/alerts/{SENDING}")
        before = sending.inner_text("#delivery .headline")
        receipts = [d.receipt(SENDING, n, d.e.DeliveryState.SHOWN, clock.now()) for n in range(40)]
        site.run(site.desk.project(receipts))
        sending.wait_for_selector("text=40 / 40 个群的居民已见")
        assert before != sending.inner_text("#delivery .headline")
        site.stop()
        sending.wait_for_selector("#line:not([hidden])", timeout=20_000)
        assert "连接已断开" in sending.inner_text("#line")
        shots.take(sending, "line-dropped.png")
        context.close()
