"""What reaches a log line is masked: people's numbers, secrets and addresses; the hotlines stay readable."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

import consumers.app
from fenghuo.runtime.logs import JsonFormatter, mask, set_up
from tests.support.builders import settings

PHONE = "13912345678"
CITIZEN = "11010519491231002X"
CARD = "6222020200112233445"
TOKEN = "dGhpcy1pcy1hLXNlY3JldA"
HOOK = "https://oapi.example.com/robot/send?access_token=abc123def456"


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of one of our rooms, and what it wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("producers"))
    log = logging.getLogger("producers.of.the.test")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.DEBUG)
    yield log, stream
    log.handlers = []


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"call {PHONE} back", "1234"),
        (f"打电话给{PHONE}吧", "1234"),
        (f"+86{PHONE}", "1234"),
        (f"身份证{CITIZEN}", "19491231"),
        (f"身份证{CITIZEN.lower()}", "19491231"),
        (f"card {CARD}", "0200112233"),
        (f"卡号{CARD[:16]}，", "02020011"),
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"authorization: bearer {TOKEN}==", TOKEN),
        (f"token={TOKEN}", TOKEN),
        (f'{{"access_token": "{TOKEN}"}}', TOKEN),
        (f"secret_key: {TOKEN}", TOKEN),
        ("password=hunter2horse", "hunter2horse"),
        ("{'passwd': 'hunter2horse'}", "hunter2horse"),
        (f"posting to {HOOK}", "abc123def456"),
        (f"posting to {HOOK}", "robot/send"),
        ("redis://fenghuo:hunter2horse@10.0.0.7:6379/0", "hunter2horse"),
        ("redis://:hunter2horse@10.0.0.7:6379/0", "hunter2horse"),
    ],
)
def test_people_and_secrets_are_masked(text: str, hidden: str) -> None:
    assert hidden in text
    assert hidden not in mask(text)


def test_a_phones_ends_stay_so_that_two_lines_can_be_told_to_speak_of_one() -> None:
    assert mask(PHONE) == "139****5678"


def test_a_webhooks_host_stays_so_that_its_owner_can_be_found() -> None:
    assert mask(HOOK).startswith("https://oapi.example.com/[path]")


@pytest.mark.parametrize(
    "text",
    [
        "请拨打96110或110",
        "96110",
        "12381 and 12306 answer",
        "3162 groups, 426000 residents",
        "at 2026-01-02T03:04:05.678+00:00",
        "offset 4294967296",
        "fenghuo.reports.received.v1/3/1764000000000-0 acknowledged after 0.25 s",
    ],
)
def test_hotlines_counts_and_times_stay_readable(text: str) -> None:
    assert mask(text) in {text, text.replace("1764000000000", "[number]")}


def test_masking_twice_changes_nothing_more() -> None:
    once = mask(f"{PHONE} {CITIZEN} {CARD} Bearer {TOKEN} password=x {HOOK}")
    assert mask(once) == once


def test_the_message_and_its_arguments_are_masked(written: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = written
    log.info("reported by %s", PHONE)
    assert lines(stream)[0]["message"] == "reported by 139****5678"


def test_extras_are_masked_whatever_they_hold(written: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = written
    extra = {
        "who": PHONE,
        "nested": {"to": [HOOK]},
        "raw": f"Bearer {TOKEN}".encode(),
        "port": 8601,
        "ok": True,
    }
    log.warning("delivery refused", extra=extra)
    line = lines(stream)[0]
    assert (line["port"], line["ok"]) == (8601, True)
    assert not [word for word in (PHONE, "abc123def456", TOKEN) if word in stream.getvalue()]


def test_a_number_among_the_extras_is_no_way_round_the_mask(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    log, stream = written
    log.warning("reported", extra={"phone": int(PHONE)})
    assert PHONE not in stream.getvalue()


def test_a_secret_is_masked_when_only_the_extras_name_tells_it(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    log, stream = written
    log.warning("login refused", extra={"password": "hunter2horse"})
    assert "hunter2horse" not in stream.getvalue()


def refuse() -> None:
    raise ValueError(f"{HOOK} refused {PHONE}, password=hunter2horse")


def test_tracebacks_are_masked(written: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = written
    try:
        refuse()
    except ValueError:
        log.exception("batch failed")
    error = lines(stream)[0]["error"]
    assert "ValueError" in error
    assert not [word for word in (PHONE, "abc123def456", "hunter2horse") if word in error]


def test_each_record_is_one_line_of_json_that_says_when_where_and_how_bad(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    log, stream = written
    log.error("first\nsecond")
    assert len(stream.getvalue().splitlines()) == 1
    line = lines(stream)[0]
    assert (line["level"], line["room"], line["message"]) == ("ERROR", "producers", "first\nsecond")
    assert line["at"].endswith("+00:00")


def test_chinese_is_written_as_it_is(written: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = written
    log.info("示范区")
    assert "示范区" in stream.getvalue()


def test_set_up_writes_our_lines_and_leaves_libraries_their_warnings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        set_up("console", "DEBUG")
        logging.getLogger("console.pages").debug("ours")
        logging.getLogger("aiokafka").info("theirs")
        logging.getLogger("aiokafka").warning("%s is theirs", PHONE)
        said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        root.handlers, root.level = before
        for ours in ("fenghuo", "producers", "consumers", "broadcast", "console"):
            logging.getLogger(ours).setLevel(logging.NOTSET)
    assert [line["message"] for line in said] == ["ours", "139****5678 is theirs"]


@pytest.mark.parametrize(("why", "told"), [("", 0), ("/opt/compiled: Read-only file system", 1)])
def test_a_start_tells_once_that_the_recogniser_compiles_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: str, told: int
) -> None:
    monkeypatch.setattr(consumers.app, "cache_error", lambda: why)
    consumers.app.build(settings(redis_url="redis://127.0.0.1:1/0"))
    assert [x.why for x in caplog.records if "cannot be kept" in x.getMessage()] == [why] * told  # type: ignore[attr-defined]
