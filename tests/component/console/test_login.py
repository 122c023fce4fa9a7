"""Who may come in, and what may be opened by whom."""

import re
from collections.abc import AsyncIterator

import msgspec
import pytest

from console.web.permissions import PAGES
from fenghuo import clock
from fenghuo.domain.alert import ALLOWED_ROLES, Action, Role
from fenghuo.domain.events import PersonChanged
from fenghuo.security.passwords import LOGIN_TRIES
from tests.browser.console_page import Opened, console_at
from tests.browser.scenes import every_state as d

ALERT = "a5ubm1tted0000000000aaaa"
WHO = {role: person_id for person_id, (_, role) in d.PEOPLE.items()}
FORM_ACTIONS = [Action.EDIT, Action.SUBMIT, Action.APPROVE, Action.RETURN, Action.REJECT, Action.RECALL]


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        now = clock.now()
        steps = ["draft", "edit", "submit"]
        await opened.room.desk.project(
            [*d.people(now), *d.groups(now, 6), *d.life(ALERT, steps, now, reach=(6, 600))]
        )
        await opened.issue_password(*d.PEOPLE)
        yield opened


@pytest.mark.parametrize(
    ("person", "home"),
    [("ana", "/queue"), ("bo", "/queue"), ("dong", "/report"), ("admin", "/groups"), ("audit", "/alerts")],
)
async def test_each_role_is_led_to_its_own_page(console: Opened, person: str, home: str) -> None:
    assert (await console.log_in(person)).status_code == 303
    start = await console.client.get("/", follow_redirects=False)
    assert start.headers["location"] == home
    assert (await console.client.get(home)).status_code == 200


async def test_a_wrong_password_and_an_unknown_person_look_the_same(console: Opened) -> None:
    wrong = await console.log_in("ana", "not-her-password")
    nobody = await console.log_in("nobody", "not-a-password")
    assert wrong.status_code == nobody.status_code == 401
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", wrong.text) == strip.sub("", nobody.text)
    assert "fenghuo_session" not in wrong.headers.get("set-cookie", "")


async def test_after_too_many_wrong_passwords_the_door_is_shut_for_the_right_one_too(console: Opened) -> None:
    for _ in range(LOGIN_TRIES):
        assert (await console.log_in("ana", "not-her-password")).status_code == 401
    shut = await console.log_in("ana")
    assert shut.status_code == 429
    assert int(shut.headers["retry-after"]) > 0
    assert "五分钟后" in shut.text


async def test_a_form_without_its_csrf_token_does_nothing(console: Opened) -> None:
    await console.log_in("bo")
    form = await console.form(f"/alerts/{ALERT}", f"/alerts/{ALERT}/approve")
    del form["_csrf_token"]
    refused = await console.post(f"/alerts/{ALERT}/approve", form)
    assert refused.status_code == 403
    assert "刷新页面" in refused.text
    assert (await console.room.desk.alerts.get(ALERT)).state == "submitted"  # type: ignore[union-attr]


async def test_a_stranger_is_led_to_the_door_and_back(console: Opened) -> None:
    page = await console.client.get(f"/alerts/{ALERT}", follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, f"/login?next=/alerts/{ALERT}")
    assert (await console.client.get("/live/queue")).status_code == 401


async def test_the_door_leads_to_no_other_site(console: Opened) -> None:
    for path in ("https://evil.example", "//evil.example", "/\\evil.example"):
        page = await console.client.get("/login")
        token = re.findall(r'name="_csrf_token" value="([^"]+)"', page.text)[0]
        fields = {"_csrf_token": token, "person": "ana", "password": d.PASSWORD, "next": path}
        assert (await console.post("/login", fields)).headers["location"] == "/"
        console.client.cookies.clear()


async def test_a_log_out_ends_the_session_on_the_server(console: Opened) -> None:
    await console.log_in("ana")
    kept = dict(console.client.cookies)
    form = await console.form("/queue", "/logout")
    assert (await console.post("/logout", form)).status_code == 303
    console.client.cookies.update(kept)
    assert (await console.client.get("/queue", follow_redirects=False)).status_code == 303


async def test_a_departure_ends_what_the_person_may_do_at_once(console: Opened) -> None:
    await console.log_in("ana")
    person = await console.room.desk.directory.person("ana")
    assert person is not None
    left = PersonChanged(event_id="left", at=clock.now(), person=msgspec.structs.replace(person, gone=True))
    await console.room.desk.project([left])
    assert (await console.client.get("/queue", follow_redirects=False)).status_code == 303


@pytest.mark.parametrize("role", list(WHO))
async def test_each_page_opens_for_its_roles_only(console: Opened, role: Role) -> None:
    await console.log_in(WHO[role])
    for name, roles in PAGES.items():
        page = await console.client.get(f"/{name}", follow_redirects=True)
        assert page.status_code == (200 if role in roles else 403), name
    for name in ("queue", "clusters/c"):
        if role not in PAGES["queue"]:
            assert (await console.client.get(f"/live/{name}")).status_code == 403, name


@pytest.mark.parametrize("role", list(WHO))
async def test_each_action_is_refused_to_other_roles(console: Opened, role: Role) -> None:
    await console.log_in(WHO[role])
    token = (await console.form("/alerts", "/logout"))["_csrf_token"]
    for action in FORM_ACTIONS:
        answer = await console.post(f"/alerts/{ALERT}/{action}", {"_csrf_token": token})
        assert (answer.status_code == 403) == (role not in ALLOWED_ROLES[action]), action
    answer = await console.post("/clusters/none/draft", {"_csrf_token": token})
    assert answer.status_code == (404 if role in ALLOWED_ROLES[Action.DRAFT] else 403)
    assert (await console.room.desk.alerts.get(ALERT)).revision == 3  # type: ignore[union-attr]


async def test_every_answer_carries_the_safe_headers(console: Opened) -> None:
    for path in ("/login", "/nowhere"):
        headers = (await console.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    cookie = (await console.log_in("ana")).headers["set-cookie"]
    assert "HttpOnly" in cookie
