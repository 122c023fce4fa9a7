"""``fenghuo groups`` and ``fenghuo people`` on a real desk, with a stand-in that folds what they publish."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.directory import command_steps, commands
from console.web.sessions import Sessions
from fenghuo.domain import events as e
from fenghuo.domain.alert import Role
from fenghuo.errors import Refused
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.security.passwords import Auth
from fenghuo.security.sealing import unseal
from fenghuo.topics import GROUPS_CHANGED, PEOPLE_CHANGED
from fenghuo.transport.stage import Outcome, Stage
from tests.browser.console_page import settings_at

KEY = "k" * 40
ROWS = """群编号,群名,街镇,派出所,负责人,人数,通道,地址
g1,城关一群,城关镇,城关所,o1,"1,200",sandbox,
g2,城关二群,城关镇,城关所,,98,webhook,https://example.com/hook
g3,城关三群,城关镇,城关所,o1,many,sandbox,
g1,城关一群,城关镇,城关所,o1,5,sandbox,
g4,城关四群,城关镇,城关所,o1,7,webhook,
"""


async def fold(_events: Sequence[e.Event]) -> Outcome:
    return Outcome()


@pytest.fixture
def folding(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """The room that folds groups and people onto the desk, in its own thread; the settings point to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FENGHUO_REDIS_URL", redis_url)
    monkeypatch.setenv("FENGHUO_NAMESPACE", namespace)
    monkeypatch.setenv("FENGHUO_SECRET_KEY", KEY)
    ready, halt = threading.Event(), threading.Event()

    async def room() -> None:
        settings = settings_at(redis_url, namespace)
        desk = open_desk(settings)
        transport = open_transport(settings, "consumers", desk)
        stages = [
            Stage(room="consumers", name=x.name, topic=x, handle=fold, fold_input=True)
            for x in (GROUPS_CHANGED, PEOPLE_CHANGED)
        ]
        await transport.start(stages)
        ready.set()
        await asyncio.to_thread(halt.wait)
        await transport.stop()
        await desk.client.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(room()))
    thread.start()
    assert ready.wait(20)
    yield
    halt.set()
    thread.join()


def run(*arguments: str, text: str | None = None) -> tuple[int, str]:
    group = commands.groups if arguments[0] == "groups" else commands.people
    result = CliRunner().invoke(group, list(arguments[1:]), input=text, catch_exceptions=False)
    return result.exit_code, result.stdout


@pytest.mark.usefixtures("folding")
def test_groups_are_brought_in_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(ROWS, "utf-8")
    status, out = run("groups", "import", str(file), "--dry-run", "--json")
    planned = json.loads(out)
    assert (status, planned["new"], planned["dry_run"]) == (1, 2, True)
    assert [x["line"] for x in planned["refused"]] == [4, 5, 6]
    assert json.loads(run("groups", "import", str(file), "--json")[1])["new"] == 2
    again = json.loads(run("groups", "import", str(file), "--json")[1])
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 2)
    file.write_text("group_id,name,town\ng1,城关新群,城关镇\n", "utf-8")
    status, out = run("groups", "import", str(file), "--json")
    assert (status, json.loads(out)["changed"], json.loads(out)["missing"]) == (0, 1, ["g2"])


def on_desk(redis_url: str, namespace: str) -> dict[str, e.Group]:
    async def look() -> dict[str, e.Group]:
        desk = open_desk(settings_at(redis_url, namespace))
        found = await desk.directory.groups()
        await desk.client.aclose()
        return found

    return asyncio.run(look())


@pytest.mark.usefixtures("folding")
def test_addresses_are_kept_sealed_and_never_shown(redis_url: str, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    robot = "https://oapi.dingtalk.com/robot/send?access_token=first1234"
    file.write_text(f"群编号,群名,通道,地址,密钥,通道2\ng1,一群,钉钉,{robot},SECabc,relay\n", "utf-8")
    result = CliRunner().invoke(commands.groups, ["import", str(file)])
    assert result.exit_code == 0, result.output
    group = on_desk(redis_url, namespace)["g1"]
    assert [x.channel for x in group.ways] == ["dingtalk", "relay"]
    assert (unseal(group.target, KEY), unseal(group.secret, KEY)) == ("first1234", "SECabc")
    file.write_text(file.read_text("utf-8").replace("first1234", "second567"), "utf-8")
    changed = CliRunner().invoke(commands.groups, ["import", str(file)])
    assert "g1: target changed" in changed.stderr
    assert "0 new, 1 changed" in changed.stdout
    for secret in ("first1234", "second567", "SECabc", "sealed:"):
        assert secret not in result.output + changed.output


@pytest.mark.usefixtures("folding")
def test_missing_groups_are_gone_only_when_their_number_is_confirmed(
    redis_url: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, less, bad = (tmp_path / f"{x}.csv" for x in ("all", "less", "bad"))
    file.write_text("group_id,name\ng1,一群\ng2,二群\ng3,三群\n", "utf-8")
    less.write_text("group_id,name\ng1,一群\n", "utf-8")
    bad.write_text("group_id,name,members\ng1,一群,\ng2,二群,x\n", "utf-8")
    runner = CliRunner()
    assert runner.invoke(commands.groups, ["import", str(file)]).exit_code == 0

    def gone(*more: str, typed: str | None = None) -> str:
        result = runner.invoke(commands.groups, ["import", "--gone", *more], input=typed)
        return result.output + str(result.exception or "")

    assert "would mark 2 groups as gone: give --yes" in gone(str(less))
    assert "2 would be gone" in gone(str(less), "--dry-run")
    assert "nobody knows who is gone" in gone(str(bad), "--yes")
    monkeypatch.setattr(command_steps, "is_at_terminal", lambda: True)
    assert "nothing was changed" in gone(str(less), typed="3\n")
    assert len(on_desk(redis_url, namespace)) == 3
    assert "2 gone" in gone(str(less), typed="2\n")
    assert list(on_desk(redis_url, namespace)) == ["g1"]
    asked = runner.invoke(commands.groups, ["import", str(file)], input="n\n")
    assert "2 will be new" in asked.output and "nothing was changed" in str(asked.exception)
    assert runner.invoke(commands.groups, ["import", str(file)], input="y\n").exit_code == 0
    assert len(on_desk(redis_url, namespace)) == 3


@pytest.mark.usefixtures("folding")
def test_without_a_key_nothing_that_wants_a_seal_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FENGHUO_SECRET_KEY")
    file = tmp_path / "groups.csv"
    file.write_text("group_id,name,channel,target\ng1,一群,webhook,https://groups.example.com\n", "utf-8")
    refused = CliRunner().invoke(commands.groups, ["import", str(file)])
    assert "set FENGHUO_SECRET_KEY" in str(refused.exception)


@pytest.mark.usefixtures("folding")
def test_a_person_keeps_what_a_change_does_not_name(redis_url: str, namespace: str) -> None:
    base = ("people", "add", "du", "--name", "值班", "--role", "officer", "--station", "东湖一所")
    notify = ("--notify", "webhook=https://notify.example.com/du")
    assert run(*base, "--duty", "--userid", "du1", *notify)[0] == 0
    assert run(*base, "--userid", "du2")[0] == 0

    async def look() -> e.Person | None:
        desk = open_desk(settings_at(redis_url, namespace))
        found = await desk.directory.person("du")
        await desk.client.aclose()
        return found

    person = asyncio.run(look())
    assert person is not None and person.notify is not None
    assert (person.duty, person.userid) == (True, "du2")
    assert unseal(person.notify.target, KEY) == "https://notify.example.com/du"


@pytest.mark.usefixtures("folding")
def test_a_person_gets_a_password_once_and_a_reset_ends_the_sessions(redis_url: str, namespace: str) -> None:
    status, out = run("people", "add", "ana", "--name", "安静", "--role", "研判员", "--district", "示范区")
    first = out.strip()
    assert status == 0
    assert len(first) >= 16
    assert (
        run("people", "add", "ana", "--name", "安静", "--role", "approver", "--district", "示范区")[1] == ""
    )

    async def look(password: str) -> tuple[bool, Role, str | None]:
        desk = open_desk(settings_at(redis_url, namespace))
        person = await desk.directory.person("ana")
        assert person is not None
        sessions = Sessions(desk.client, desk.keys)
        right = await Auth(desk.client, desk.keys).check_password("ana", password)
        kept = await sessions.find("old") if right else None
        await desk.client.aclose()
        return right, person.role, kept

    assert asyncio.run(look(first)) == (True, Role.APPROVER, None)

    async def log_in() -> str:
        desk = open_desk(settings_at(redis_url, namespace))
        token = await Sessions(desk.client, desk.keys).open("ana")
        await desk.client.aclose()
        return token

    async def who(token: str) -> str | None:
        desk = open_desk(settings_at(redis_url, namespace))
        found = await Sessions(desk.client, desk.keys).find(token)
        await desk.client.aclose()
        return found

    token = asyncio.run(log_in())
    assert asyncio.run(who(token)) == "ana"
    second = run("people", "reset", "ana")[1].strip()
    assert second != first
    assert asyncio.run(who(token)) is None
    assert asyncio.run(look(first))[0] is False
    assert asyncio.run(look(second))[0] is True


@pytest.mark.usefixtures("folding")
def test_who_leaves_is_out_at_once_and_comes_back_with_another_password(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    first = run("people", "add", "ana", "--name", "安静", "--role", "approver")[1].strip()
    file = tmp_path / "groups.csv"
    file.write_text("group_id,name,channel,owner\ng1,一群,relay,ana\ng2,二群,relay,bo\n", encoding="utf-8")
    assert run("groups", "import", str(file))[0] == 0
    settings = settings_at(redis_url, namespace)

    async def sessions(work: str) -> str | None:
        desk = open_desk(settings)
        try:
            kept = Sessions(desk.client, desk.keys)
            return await (kept.open("ana") if work == "open" else kept.find(work))
        finally:
            await desk.client.aclose()

    token = asyncio.run(sessions("open"))
    assert token and asyncio.run(sessions(token)) == "ana"
    result = CliRunner().invoke(commands.people, ["remove", "ana"], catch_exceptions=False)
    assert "1 groups still name ana as owner or deputy: g1" in result.stderr
    assert asyncio.run(sessions(token)) is None
    with pytest.raises(Refused, match="nobody called ana"):
        run("people", "remove", "ana")
    again = run("people", "add", "ana", "--name", "安静", "--role", "officer")[1].strip()
    assert again and again != first


@pytest.mark.usefixtures("folding")
def test_people_come_from_a_table_with_or_without_passwords(tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    rows = [
        {"id": "bo", "姓名": "薄明", "岗位": "审批人", "密码": "lamp-on-the-wall"},
        {"id": "chen", "姓名": "陈岚", "岗位": "approver"},
        {"id": "x", "姓名": "无名", "岗位": "boss"},
    ]
    file.write_text("\n".join(json.dumps(x, ensure_ascii=False) for x in rows), "utf-8")
    status, out = run("people", "import", str(file), "--json")
    outcome = json.loads(out)
    assert (status, outcome["new"]) == (1, 2)
    assert "lamp" not in out
    assert "known: resident" in outcome["refused"][0]["reason"]


@pytest.mark.usefixtures("folding")
def test_a_given_password_is_read_from_stdin_and_not_printed() -> None:
    given = ("people", "add", "dong", "--name", "董海", "--role", "officer", "--password-stdin")
    assert run(*given, text="lamp-on-the-wall\n") == (0, "")


def test_the_commands_start_without_the_web_framework() -> None:
    begins = "x.startswith('litestar')"
    code = f"import sys, console.directory.commands; print([x for x in sys.modules if {begins}])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
