"""The to-do page on a phone in the street: one thumb, a bad line, light and dark."""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.runtime.room import open_transport
from fenghuo.security.passwords import Auth
from tests.browser.console_page import settings_at
from tests.browser.scenes import every_state as d
from tests.browser.scenes import two_officers as s
from tests.browser.test_pages import Shots, Site, browser, log_in, serious, serving, shots, too_wide

__all__ = ["browser", "shots"]
PHONE = {"width": 390, "height": 844}
SCALE = float(os.environ.get("FENGHUO_SHOTS_SCALE", "1"))
UNSENT = "没有发出。网络断了，已存在本机，联网后自动发送。"


@contextlib.contextmanager
def in_street(url: str, namespace: str, events: list[Any], *, counting: bool = True) -> Iterator[Site]:
    """The console, and beside it the stage that counts taps."""
    with serving(url, namespace, events) as site:
        for who in s.PEOPLE:
            site.run(Auth(site.desk.client, site.desk.keys).set_password(who, d.PASSWORD))
        transport = open_transport(settings_at(url, namespace), "broadcast", site.desk)
        site.run(transport.start([s.taps_stage(site.desk)] if counting else []))
        yield site
        site.run(transport.stop())


def opened(browser: Browser, site: Site, who: str, **more: Any) -> tuple[BrowserContext, Page]:
    context = browser.new_context(viewport=PHONE, device_scale_factor=SCALE, **more)
    log_in(context, site, who)
    page = context.new_page()
    page.goto(f"{site.url}/todo")
    return context, page


def states(site: Site, alert_id: str = s.ALERT) -> dict[str, tuple[str, int]]:
    ledger = site.run(site.desk.deliveries.ledger(alert_id, 1))
    return {group_id: (row.state, row.word) for group_id, row in ledger.items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_thumb(
    browser: Browser, redis_url: str, namespace: str, shots: Shots, scheme: Any
) -> None:
    now = clock.now()
    opening = e.NoticeRequested(
        event_id="n1", at=now, person_id="fang", alert_id=s.ALERT, version=1, kind="warning", level="deputy",
        group_ids=("s001", "s002"),
    )  # fmt: skip
    events = [*s.street(now, 6), *s.recalled(now, 6), opening]
    with in_street(redis_url, namespace, events) as site:
        for who in ("dong", "fang", "duty", "gu"):
            context, page = opened(browser, site, who, color_scheme=scheme)
            shots.take(page, f"todo-{who}-{scheme}.png")
            shots.take(page, f"todo-{who}-{scheme}-whole.png", full_page=True)
            assert serious(page) == [], who
            page.set_viewport_size({"width": 360, "height": 740})
            assert not too_wide(page), who
            shots.take(page, f"todo-{who}-{scheme}-360.png")
            page.goto(f"{site.url}/todo/groups")
            shots.take(page, f"mine-{who}-{scheme}-360.png")
            assert serious(page) == [] and not too_wide(page), who
            context.close()


def test_taps_on_a_dead_line_are_kept_and_counted_once(
    browser: Browser, redis_url: str, namespace: str, shots: Shots
) -> None:
    with in_street(redis_url, namespace, s.street(clock.now(), 6)) as site:
        context, page = opened(browser, site, "dong")
        context.set_offline(True)
        page.click("text=全部已发（6 个群）")
        page.wait_for_selector("#todo-net:not([hidden])")
        assert page.inner_text("#todo-net") == f"{UNSENT}（6 个群待发）"
        assert page.locator("#todo-local li").count() == 6
        assert not page.is_visible(".todo"), "what was pressed asks for nothing more"
        assert serious(page) == []
        shots.take(page, "todo-offline.png")
        assert {x[0] for x in states(site).values()} == {"waiting"}
        context.set_offline(False)
        page.wait_for_selector("text=已发 6 个群", state="attached")
        page.wait_for_selector("#todo-net", state="hidden")
        assert [states(site)[f"s00{n}"] for n in range(6)] == [("shown", 1)] * 6
        shots.take(page, "todo-done.png")
        page.reload()
        page.wait_for_timeout(500)
        assert page.evaluate("localStorage.getItem('fenghuo.taps.dong')") in (None, "[]")
        context.close()


def test_a_press_is_taken_back_before_it_ever_left(browser: Browser, redis_url: str, namespace: str) -> None:
    with in_street(redis_url, namespace, s.street(clock.now())) as site:
        context, page = opened(browser, site, "dong")
        context.set_offline(True)
        page.click('[data-group="s000"] button')
        page.click("#todo-local button")
        assert page.is_visible('[data-group="s000"]')
        page.click('[data-group="s001"] button')
        page.wait_for_selector("#todo-net:not([hidden])")
        context.set_offline(False)
        page.wait_for_selector("#todo-net", state="hidden")
        page.wait_for_selector("text=已发 1 个群", state="attached")
        assert (states(site)["s000"], states(site)["s001"]) == (("waiting", 2), ("shown", 1))
        context.close()


def test_an_answer_that_got_lost_is_asked_for_again_and_counts_once(
    browser: Browser, redis_url: str, namespace: str
) -> None:
    with in_street(redis_url, namespace, s.street(clock.now())) as site:
        context, page = opened(browser, site, "dong")
        asked: list[str] = []

        def lose_the_first(route: Route) -> None:
            asked.append(route.request.post_data_json["press_id"])
            if len(asked) == 1:
                route.fetch()
                route.abort()
            else:
                route.continue_()

        page.route("**/api/taps", lose_the_first)
        page.click('[data-group="s000"] button')
        page.wait_for_selector("text=已发 1 个群", state="attached")
        page.wait_for_selector("#todo-net", state="hidden")
        assert len(asked) == 2 and len(set(asked)) == 1
        assert states(site)["s000"] == ("shown", 1)
        context.close()


def test_a_press_outlives_the_page_it_was_made_on(browser: Browser, redis_url: str, namespace: str) -> None:
    with in_street(redis_url, namespace, s.street(clock.now())) as site:
        context, page = opened(browser, site, "dong")
        page.route("**/api/taps", lambda route: route.abort())
        page.click('[data-group="s001"] button')
        page.wait_for_selector("#todo-net:not([hidden])")
        page.close()
        page = context.new_page()
        page.goto(f"{site.url}/todo")
        page.wait_for_selector("text=已发 1 个群", state="attached")
        assert states(site)["s001"] == ("shown", 1)
        context.close()


def test_some_are_ticked_one_is_taken_back_and_the_text_is_copied(
    browser: Browser, redis_url: str, namespace: str, shots: Shots
) -> None:
    with in_street(redis_url, namespace, s.street(clock.now())) as site:
        context, page = opened(browser, site, "dong", permissions=["clipboard-read", "clipboard-write"])
        page.click(".copy")
        page.wait_for_selector(".copy:has-text('已复制')")
        text = page.evaluate("navigator.clipboard.readText()")
        assert text.startswith("【反诈预警】") and "核验码" in text
        page.check('[data-group="s000"] input')
        page.check('[data-group="s002"] input')
        assert not page.is_visible(".all")
        shots.take(page, "todo-ticked.png", full_page=True)
        page.click("text=勾选的已发 (2)")
        page.wait_for_selector("text=已发 2 个群", state="attached")
        page.click("#todo-done summary")
        page.click('[data-done$="|s000"] button')
        page.wait_for_selector('[data-group="s000"]')
        assert (states(site)["s000"], states(site)["s002"]) == (("waiting", 2), ("shown", 1))
        context.close()


def test_what_was_recalled_under_the_thumb_asks_whether_it_had_been_sent(
    browser: Browser, redis_url: str, namespace: str, shots: Shots
) -> None:
    now = clock.now()
    with in_street(redis_url, namespace, s.street(now)) as site:
        context, page = opened(browser, site, "dong")
        page.route("**/api/todo/part", lambda route: route.abort())
        alert = site.run(site.desk.alerts.get(s.ALERT))
        gone = e.DeliveryState.SUPERSEDED
        site.run(site.desk.project([d.released(alert, "recalled", clock.now())]))
        site.run(site.desk.project(s.waiting(s.ALERT, ["s000"], now - timedelta(seconds=5), state=gone)))
        page.click('[data-group="s000"] button')
        page.wait_for_selector("#todo-said .toast")
        assert "已撤回，不要再发" in page.inner_text("#todo-said")
        assert serious(page) == []
        shots.take(page, "todo-recalled.png")
        page.click("#todo-said button")
        page.wait_for_selector("#todo-said .toast", state="detached")
        page.wait_for_timeout(800)
        assert states(site)["s000"] == ("shown", 1)
        context.close()


def test_it_works_without_javascript(browser: Browser, redis_url: str, namespace: str, shots: Shots) -> None:
    with in_street(redis_url, namespace, s.street(clock.now())) as site:
        context, page = opened(browser, site, "dong", java_script_enabled=False)
        shots.take(page, "todo-plain.png", full_page=True)
        page.click('[data-group="s000"] button')
        assert "已记下 1 个群" in page.inner_text("main")
        page.click("text=全部已发（3 个群）")
        assert "已记下 3 个群" in page.inner_text("main")
        assert {states(site)[f"s00{n}"] for n in range(4)} == {("shown", 1)}
        context.close()
