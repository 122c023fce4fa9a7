"""The coverage page and command on a real desk: whom a warning would not reach, and what to do."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from console.directory import commands
from console.directory.coverage_survey import unresponsive_owners
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.domain.events import DeliveryState as State
from fenghuo.runtime.room import open_desk
from tests.browser.console_page import Opened, console_at, settings_at
from tests.browser.scenes import every_state as d

NOW = clock.now()


def receipt(alert: str, group: e.Group, state: State, by: str = "") -> e.ReceiptRecorded:
    return e.ReceiptRecorded(
        event_id=f"{alert}{group.group_id}", at=NOW - timedelta(days=1), delivery_id="x", alert_id=alert,  # type: ignore[arg-type]
        version=1, kind="warning", group_id=group.group_id, channel="relay", state=state, attempt=1,
        since=NOW - timedelta(days=1, minutes=5), by=by, cause="tap" if by else "send",
    )  # fmt: skip


def district() -> list[e.Event]:
    """Groups of o0 (who never answers), o1 (who does), o2 (twice asked), o3 (told by notices alone), nobody
    and the sandbox."""
    owners = ("o0", "o1", "o2", "o3", "", "o1")
    groups = [
        replace(d.group(n), owner=owner, deputy="o9", channel="sandbox" if n == 5 else "relay")
        for n, owner in enumerate(owners)
    ]
    found: list[e.Event] = [*d.people(NOW)]
    for who in ("o0", "o1", "o2", "o3", "o9"):
        officer = e.Person(person_id=who, name=who, role=Role.OFFICER, district=d.DISTRICT)
        found.append(e.PersonChanged(event_id=who, at=NOW, person=officer))
    found += [e.GroupChanged(event_id=x.group_id, at=NOW, group=x) for x in groups]
    for n in range(3):
        alert = f"a1ert{n}00000000000000aaaa"
        found += d.life(alert, ["draft", "submit", "approve"], NOW - timedelta(days=n + 1), reach=(5, 500))
        found.append(receipt(alert, groups[0], State.WAITING))
        found.append(receipt(alert, groups[1], State.WAITING if n else State.SHOWN, by="" if n else "o1"))
        found += [receipt(alert, groups[2], State.WAITING)] if n else []
        found.append(
            e.NoticeRequested(
                event_id=f"n{n}", at=NOW, person_id="o3", alert_id=alert, version=1, kind="warning",  # type: ignore[arg-type]
                level="todo", group_ids=("g0003",),
            )
        )  # fmt: skip
    return found


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(district())
        await opened.issue_password("admin", "dong")
        yield opened


async def test_who_never_answers_is_known_from_ledgers_notices_and_taps(console: Opened) -> None:
    desk, now_ms = console.room.desk, clock.to_ms(NOW)
    groups = await desk.directory.groups()
    assert await unresponsive_owners(desk, groups, now_ms) == {"o0": 3, "o3": 3}
    late = replace(groups["g0000"], group_id="g0100")
    await desk.project([receipt("0ther", late, State.SHOWN, by="o0")])
    assert await unresponsive_owners(desk, groups, now_ms) == {"o3": 3}
    assert await unresponsive_owners(desk, groups, now_ms + 40 * 86_400_000) == {}


async def test_the_page_says_what_to_mend_and_which_groups(console: Opened) -> None:
    await console.log_in("admin")
    page = (await console.client.get("/groups/coverage")).text
    assert "群主从不回应" in page and "没有能用的通道" in page and "没有备岗</span>" not in page
    assert "只在演示群墙 1" in page
    silent = (await console.client.get("/groups/coverage?problem=silent")).text
    assert "o0：30 天内 3 次没点" in silent and "g0000" in silent and "g0001" not in silent
    english = (await console.client.get("/groups/coverage?problem=no_owner&lang=en")).text
    assert "g0004" in english and "Let the station name an officer" in english
    town = d.TOWNS[0]
    there = await console.client.get(
        "/groups/coverage", params={"problem": "no_way", "town": town, "lang": "zh"}
    )
    assert "没有这样的群" in there.text
    assert (await console.client.get("/groups/coverage?problem=x&page=x")).status_code == 200


async def test_officers_see_the_list_and_not_the_coverage(console: Opened) -> None:
    await console.log_in("dong")
    assert "/groups/coverage" not in (await console.client.get("/groups")).text
    assert (await console.client.get("/groups/coverage")).status_code == 403


async def test_credentials_that_cannot_be_read_are_told(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "credentials.toml"
    path.write_text("[x]\n")
    path.chmod(0o644)
    async with console_at(redis_url, namespace, credentials_file=str(path)) as opened:
        await opened.room.desk.project(district())
        await opened.issue_password("admin")
        await opened.log_in("admin")
        assert "没有核对平台凭据" in (await opened.client.get("/groups/coverage")).text


def test_the_command_tells_the_same(
    redis_url: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FENGHUO_REDIS_URL", redis_url)
    monkeypatch.setenv("FENGHUO_NAMESPACE", namespace)

    async def fill() -> None:
        desk = open_desk(settings_at(redis_url, namespace))
        await desk.project(district())
        await desk.client.aclose()

    asyncio.run(fill())
    told = CliRunner().invoke(commands.groups, ["coverage", "--json"], catch_exceptions=False)
    outcome = json.loads(told.stdout)
    assert (outcome["groups"], outcome["no_way"], outcome["no_owner"], outcome["silent"]) == (6, 1, 1, 2)
    assert outcome["no_way_because"] == {"sandbox": 1}
    assert outcome["silent_owners"] == {"o0": 3, "o3": 3}
    assert outcome["groups_with_problems"]["g0005"] == ["no_way", "sandbox"]
    plain = CliRunner().invoke(commands.groups, ["coverage"], catch_exceptions=False).stdout
    assert "1 groups (125 residents) have no channel that reaches" in plain
    assert "o0: 3 to-dos, none tapped" in plain
    assert f"{d.TOWNS[0]}" in plain and "not reached" in plain
