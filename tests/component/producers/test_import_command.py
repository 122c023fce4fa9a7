"""``fenghuo import``, ``replay`` and ``tokens`` as a person calls them, against a real Redis."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import openpyxl
import pytest
from click.testing import CliRunner, Result

from fenghuo.commands import main
from fenghuo.commands.session import known_settings, publishing_as
from fenghuo.desk.desk import Desk
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e
from fenghuo.errors import Crowded, Unavailable
from fenghuo.runtime.room import open_desk
from fenghuo.security.passwords import Auth, pseudonym
from fenghuo.topics import DEADLETTERS, REPORTS_RECEIVED, REPORTS_SIGHTED, Topic
from fenghuo.transport.redis import RedisTransport
from producers import commands

SECRET = "pseudonym-secret-of-at-least-32-characters"
Fenghuo = Callable[..., Result]
T = TypeVar("T")


@pytest.fixture(autouse=True)
def surroundings(
    redis_url: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The settings as variables, a folder of the test's own, and the root logger as it was."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"REDIS_URL": redis_url, "NAMESPACE": namespace, "SECRET_KEY": SECRET}.items():
        monkeypatch.setenv(f"FENGHUO_{name}", value)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


def fenghuo(*words: str) -> Result:
    result = CliRunner().invoke(main, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def at_desk(work: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
    """What ``work`` returns, given the desk of the test's settings."""

    async def go() -> T:
        desk = open_desk(known_settings())
        try:
            return await work(desk)
        finally:
            await desk.client.aclose()

    return asyncio.run(go())


def kept(topic: Topic) -> list[Any]:
    """Every event of ``topic``."""

    async def work(desk: Desk) -> list[Any]:
        settings = known_settings()
        rows = await desk.client.xrange(Keys(settings.namespace).stream(topic.address(settings.namespace)))
        return [topic.decoder().decode(row[b"v"]) for _, row in rows]

    return at_desk(work)


def publish(room: str, *events: e.Event) -> None:
    async def work(desk: Desk) -> None:
        async with publishing_as(room, desk, known_settings()) as transport:
            await transport.publish(events)

    at_desk(work)


def write(name: str, text: str, encoding: str = "utf-8") -> str:
    Path(name).write_text(text, encoding=encoding)
    return name


def test_gbk_table_goes_in_whole() -> None:
    table = "内容,镇街,举报人,阶段,时间\n法人信息到期，请点击,东关,张三,正在转账,2025/3/8 14:30\n中奖了,,,,\n"
    result = fenghuo("import", write("a.csv", table, "gbk"), "--district", "城东区")
    assert result.exit_code == 0, result.output
    assert "2 rows: 2 accepted, 0 refused" in result.stdout
    assert "note: read as GB18030 (GBK)" in result.stderr
    first, second = kept(REPORTS_RECEIVED)
    assert first.text == "法人信息到期，请点击" and first.place == e.ReportPlace(
        district="城东区", town="东关"
    )
    assert (first.reporter, first.stage) == (pseudonym(SECRET, "张三"), e.ScamStage.MONEY_MOVING)
    assert first.at.isoformat() == "2025-03-08T06:30:00+00:00"
    assert (second.source, second.place.district) == ("import", "城东区")


def test_import_twice_gives_the_same_ids() -> None:
    name = write("a.csv", "id,text\n1,中奖了\n,转账\n")
    assert [fenghuo("import", name).exit_code for _ in range(2)] == [0, 0]
    ids = [(x.report_id, x.event_id) for x in kept(REPORTS_RECEIVED)]
    assert len(ids) == 4 and ids[:2] == ids[2:] and ids[0] != ids[1]


def test_workbook_and_json_lines_go_in_as_well() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["内容"], ["中奖了"]):
        book.active.append(row)
    book.save("a.xlsx")
    lines = write("a.jsonl", json.dumps({"text": "中奖了"}) + "\n")
    assert [fenghuo("import", x).exit_code for x in ("a.xlsx", lines)] == [0, 0]
    first, second = kept(REPORTS_RECEIVED)
    assert first.report_id == second.report_id


def test_refused_rows_are_told_and_the_others_are_in() -> None:
    rows = "".join(f"x,{'y' * 101}\n" for _ in range(25))
    name = write("a.csv", f"text,town\nok,东关\n{rows}")
    result = fenghuo("import", name, "--refused", "bad.csv")
    assert result.exit_code == 1
    assert "line 3: 'town': at most 100 characters" in result.stderr
    assert "line 22:" in result.stderr and "line 23:" not in result.stderr
    assert "... and 5 more" in result.stderr
    assert "26 rows: 1 accepted, 25 refused" in result.stdout
    bad = Path("bad.csv").read_text("utf-8-sig").splitlines()
    assert bad[0] == "line,reason" and len(bad) == 26
    assert len(kept(REPORTS_RECEIVED)) == 1


def test_outcome_is_told_as_json() -> None:
    result = fenghuo("import", write("a.csv", "text,stage\nok,\nok,\nbad,x\n"), "--json")
    outcome = json.loads(result.stdout)
    assert (outcome["rows"], outcome["accepted"], outcome["repeated"]) == (3, 1, 1)
    assert [x["line"] for x in outcome["refused"]] == [4]
    assert "count as one person's" in outcome["notes"][0]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "is empty"),
        ("txet\nx\n", "unknown column 'txet'; did you mean 'text'?"),
        ("text\n", "0 rows"),
        ("text,stage\nx,x\n", "1 rows: 0 accepted, 1 refused"),
    ],
)
def test_table_that_gives_nothing_ends_with_2(table: str, says: str) -> None:
    result = fenghuo("import", write("a.csv", table))
    assert result.exit_code == 2
    assert says in result.output
    assert kept(REPORTS_RECEIVED) == []


def test_file_that_is_refused_late_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenghuo.spreadsheets.tables.MAX_ROWS", 1)
    assert fenghuo("import", write("a.csv", "text\na\nb\n")).exit_code == 2
    assert kept(REPORTS_RECEIVED) == []


def test_columns_may_be_ignored() -> None:
    name = write("a.csv", "text,备注\nx,y\n")
    assert fenghuo("import", name).exit_code == 2
    assert fenghuo("import", name, "--ignore", "备注").exit_code == 0


def test_without_a_secret_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FENGHUO_SECRET_KEY")
    result = fenghuo("import", write("a.csv", "text\nx\n"))
    assert result.exit_code == 2 and "FENGHUO_SECRET_KEY" in result.stderr


def test_secret_that_up_keeps_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FENGHUO_SECRET_KEY")
    Path(".fenghuo").mkdir()
    Path(".fenghuo/secrets").write_text(f"secret_key={SECRET}\nintake_token=t\nwebhook_secret=w\n")
    assert fenghuo("import", write("a.csv", "text,reporter\nx,张三\n")).exit_code == 0
    assert kept(REPORTS_RECEIVED)[0].reporter == pseudonym(SECRET, "张三")


def test_nothing_that_answers_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGHUO_REDIS_URL", "redis://:hidden-password@127.0.0.1:1/0")
    result = fenghuo("import", write("a.csv", "text\nx\n"))
    assert result.exit_code == 2
    assert "nothing answers at" in result.stderr and "fenghuo up" in result.stderr
    assert "hidden-password" not in result.output


def test_crowded_reader_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "CROWDED_WAIT_S", 0.01)
    publish_one, tries = RedisTransport.publish, [0]

    async def crowded_twice(self: RedisTransport, events: Any) -> None:
        tries[0] += 1
        if tries[0] <= 2:
            raise Crowded("a reader is behind")
        await publish_one(self, events)

    monkeypatch.setattr(RedisTransport, "publish", crowded_twice)
    result = fenghuo("import", write("a.csv", "text\nx\n"))
    assert result.exit_code == 0 and tries == [3]
    assert result.stderr.count("waiting, a reader is behind") == 1
    assert len(kept(REPORTS_RECEIVED)) == 1


def test_broker_lost_midway_tells_how_many_are_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "AT_ONCE", 2)
    publish_one, parts = RedisTransport.publish, [0]

    async def lost_later(self: RedisTransport, events: Any) -> None:
        parts[0] += 1
        if parts[0] > 2:
            raise Unavailable("Redis does not answer")
        await publish_one(self, events)

    name = write("a.csv", "text\n" + "".join(f"第{n}条\n" for n in range(7)))
    with monkeypatch.context() as broken:
        broken.setattr(RedisTransport, "publish", lost_later)
        result = fenghuo("import", name)
    assert result.exit_code == 3
    assert "4 of 7 are in for certain, and running it again is safe" in result.stderr
    assert fenghuo("import", name).exit_code == 0
    assert len({x.report_id for x in kept(REPORTS_RECEIVED)}) == 7


def test_token_is_shown_once_listed_and_revoked() -> None:
    token = fenghuo("tokens", "issue", "民警甲").stdout.strip()
    fenghuo("tokens", "issue", "民警甲")
    assert at_desk(lambda desk: Auth(desk.client, desk.keys).token_name(token)) == "民警甲"
    listed = fenghuo("tokens", "list")
    assert listed.stdout == "民警甲\t2\n" and token not in listed.output
    assert "revoked 2" in fenghuo("tokens", "revoke", "民警甲").stdout
    assert at_desk(lambda desk: Auth(desk.client, desk.keys).token_name(token)) is None
    assert fenghuo("tokens", "revoke", "民警甲").exit_code == 2


@pytest.mark.parametrize("name", [":intake", "a b", "", "x" * 65])
def test_token_names_that_could_mislead_are_refused(name: str) -> None:
    assert fenghuo("tokens", "issue", name).exit_code == 2


def dead(topic: str, value: bytes, n: int) -> e.DeadLettered:
    report = kept(REPORTS_RECEIVED)[0]
    return e.DeadLettered(
        event_id=f"{n}",
        at=report.at,
        topic=topic,
        stage="x",
        position=f"{n}",
        reason="x",
        key="k",
        value=value,
    )


def test_dead_letters_go_back_to_their_topics() -> None:
    fenghuo("import", write("a.csv", "text\nx\n"))
    (report,) = kept(REPORTS_RECEIVED)
    sighting = e.SightingRecorded(event_id="s", at=report.at, alert_id="a", report_id="r", place=report.place)  # type: ignore[arg-type]
    publish(
        "consumers", dead("reports.received", e.encode(report), 1), dead("reports.received", b"{bad", 2),
        dead("reports.sighted", e.encode(sighting), 3),
    )  # fmt: skip
    rehearsed = fenghuo("replay", "--dry-run")
    assert "reports.received: 1 would be published again" in rehearsed.stdout
    assert "3 letters: 2 would be published again, 1 stay" in rehearsed.stdout
    assert len(kept(REPORTS_RECEIVED)) == 1
    assert "1 letters: 1 published again" in fenghuo("replay", "--topic", "reports.sighted").stdout
    assert kept(REPORTS_SIGHTED) == [sighting] and len(kept(REPORTS_RECEIVED)) == 1
    assert "1 letters: 1 published again" in fenghuo("replay", "--limit", "1").stdout
    assert kept(REPORTS_RECEIVED) == [report, report]
    assert len(kept(DEADLETTERS)) == 3


def test_replay_of_an_unknown_topic_is_refused() -> None:
    result = fenghuo("replay", "--topic", "reports.recieved")
    assert result.exit_code == 2 and "did you mean 'reports.received'" in result.stderr
