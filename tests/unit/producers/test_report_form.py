"""The intake's pure parts: fields, rows, languages, rates, dead letters."""

from datetime import UTC, datetime, timedelta

import pytest

from fenghuo.domain import events as e
from fenghuo.domain.calendar import CHINA
from fenghuo.security.passwords import pseudonym
from fenghuo.spreadsheets.tables import BadRow, TableRow
from fenghuo.topics import TOPICS
from producers import problems
from producers.import_rows import COLUMNS, gather, report_of
from producers.rate_limit import Rate
from producers.replay import sort, writer_of
from producers.report_form import FIELDS, LONGEST_TEXT, Flaw, Report, check, clean

SECRET = "s" * 32
NOW = datetime(2025, 3, 8, 6, 30, tzinfo=UTC)
ZERO_WIDTH = "转\u200b账\u2060"


def passed(**fields: object) -> Report:
    report, flaws = check({"text": "转账", **fields}, district="示范区", reporter="token", secret=SECRET)
    assert report is not None, flaws
    return report


def flaws_of(**fields: object) -> list[Flaw]:
    report, flaws = check({"text": "转账", **fields}, district="示范区", reporter="token", secret=SECRET)
    assert report is None
    return flaws


def row(**cells: str) -> TableRow:
    return TableRow(7, {name: cells.get(name, "") for name in COLUMNS})


def taken(**cells: str) -> e.ReportReceived:
    event = report_of(row(**({"text": "转账"} | cells)), district="示范区", secret=SECRET, now=NOW)
    assert isinstance(event, e.ReportReceived), event
    return event


def test_missing_fields_take_their_defaults() -> None:
    report = passed()
    assert (report.district, report.town, report.group_id) == ("示范区", "", None)
    assert (report.reporter_kind, report.stage) == (e.ReporterKind.RESIDENT, e.ScamStage.RECEIVED)
    assert report.reporter == pseudonym(SECRET, "token")


def test_reporter_becomes_a_pseudonym() -> None:
    assert passed(reporter="13800001111").reporter == pseudonym(SECRET, "13800001111")


def test_null_stands_for_a_missing_field() -> None:
    assert passed(**dict.fromkeys(FIELDS[1:])) == passed()


def test_zero_width_characters_stay_as_evidence() -> None:
    assert passed(text=f"  {ZERO_WIDTH}\r\n请\x07点击\t \n").text == f"{ZERO_WIDTH}\n请点击"


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u2060", "\u3164", "\u2800", "\ufe0f", "\x07"])
def test_text_without_anything_visible_is_refused(text: str) -> None:
    assert [x.code for x in flaws_of(text=text)] == ["blank"]


@pytest.mark.parametrize("text", ["。", "😀", "\ue000", "a\u0301"])
def test_text_with_one_visible_character_passes(text: str) -> None:
    assert passed(text=text).text == text


@pytest.mark.parametrize("text", [None, 5, ["x"], {"a": 1}, True])
def test_text_must_be_a_string(text: object) -> None:
    assert [x.code for x in flaws_of(text=text)] == ["required"]


def test_text_of_10000_characters_passes_and_one_more_is_refused() -> None:
    assert passed(text=" " + "转" * LONGEST_TEXT).text == "转" * LONGEST_TEXT
    assert [x.code for x in flaws_of(text="转" * (LONGEST_TEXT + 1))] == ["too_long"]


@pytest.mark.parametrize("field", ["text", "district", "town", "group_id", "reporter"])
@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
def test_nul_and_lone_surrogates_are_refused(field: str, bad: str) -> None:
    assert [(x.field, x.code) for x in flaws_of(**{field: bad})] == [(field, "characters")]


@pytest.mark.parametrize("field", ["reporter_kind", "stage"])
@pytest.mark.parametrize("value", ["x", "", 1, [], {}])
def test_choices_list_what_is_possible(field: str, value: object) -> None:
    (flaw,) = flaws_of(**{field: value})
    assert (flaw.field, flaw.code) == (field, "choice")
    assert "received" in flaw.en or "resident" in flaw.en


def test_every_flaw_is_told_at_once() -> None:
    found = flaws_of(text="", town="x" * 101, stage="x", txet=1)
    assert [x.field for x in found] == ["txet", "text", "town", "stage"]
    assert "did you mean 'text'?" in found[0].en and "did you mean 'text'?" in found[0].zh


def test_flaws_quote_nothing_of_the_report() -> None:
    found = flaws_of(text="秘密" * 9_000, reporter="13800001111" * 20, stage="13800001111")
    assert not any("13800001111" in str(x) or "秘密" in str(x) for x in found)


def test_clean_is_the_same_done_twice() -> None:
    text = " \u200b a\r\r\n\x00b \x85"
    assert clean(clean(text)) == clean(text)


def test_a_row_keeps_its_id_whatever_stands_beside_it() -> None:
    again = report_of(row(text="转账"), district="他区", secret=SECRET, now=NOW + timedelta(days=1))
    assert isinstance(again, e.ReportReceived)
    assert again.report_id == taken().report_id and again.event_id == taken().event_id
    assert again.place.district == "他区"


def test_rows_of_the_same_id_with_other_cells_are_two_reports() -> None:
    assert taken(id="1").report_id != taken(id="1", text="另一条").report_id


def test_rows_without_a_reporter_are_one_persons() -> None:
    assert taken().reporter == taken(text="另一条").reporter
    assert taken().reporter != taken(reporter="x").reporter


def test_chinese_words_stand_for_values() -> None:
    event = taken(stage="正在转账", reporter_kind="民警")
    assert (event.stage, event.reporter_kind) == (e.ScamStage.MONEY_MOVING, e.ReporterKind.OFFICER)


@pytest.mark.parametrize(
    "moment",
    ["2025-03-08 09:05", "2025/3/8 9:05", "2025年3月8日 9:05", "2025-03-08T01:05:00Z", "20250308T0905"],
)
def test_times_are_read_as_people_write_them(moment: str) -> None:
    assert taken(at=moment).at == datetime(2025, 3, 8, 9, 5, tzinfo=CHINA)


@pytest.mark.parametrize(
    "moment", ["昨天", "2025-13-01", "2025-03-09", "1999-01-01", "0001-01-01", "2025-3-8 25:00"]
)
def test_times_that_are_none_are_refused(moment: str) -> None:
    found = report_of(row(text="x", at=moment), district="d", secret=SECRET, now=NOW)
    assert isinstance(found, BadRow) and found.line == 7 and "'at'" in found.reason


def test_repeated_rows_are_one_report_and_are_counted() -> None:
    batch = gather(
        [row(text="a"), row(text="a"), BadRow(9, "x"), row(text="")], district="d", secret=SECRET, now=NOW
    )
    assert (len(batch.events), batch.repeated, len(batch.refused), batch.rows) == (1, 1, 2, 4)
    assert batch.notes()[0].startswith("1 rows name no reporter")


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"), ("*", "zh"), ("en", "en"), ("en-GB,en;q=0.9", "en"), ("zh-CN,en;q=0.9", "zh"),
        ("zh;q=0.5,en;q=0.8", "en"), ("en;q=x", "zh"), ("fr", "zh"), ("en;q=0.9,zh", "zh"),
    ],
)  # fmt: skip
def test_language_follows_the_header_and_is_chinese_at_first(accept: str, language: str) -> None:
    assert problems.language_of(accept) == language


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda x: x.name)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_problem_says_what_to_do(kind: problems.ProblemKind, language: str) -> None:
    body = problems.Problem(kind, seconds=5, limit=7, where="").body(language).decode()
    assert kind.type in body and "{" not in body[1:]


def test_rate_lets_a_minutes_worth_pass_and_refills_steadily() -> None:
    now = [0.0]
    rate = Rate(3, lambda: now[0])
    assert [rate.wait_s("a") for _ in range(4)] == [0, 0, 0, 20]
    assert rate.wait_s("b") == 0
    now[0] = 19.0
    assert rate.wait_s("a") == 1
    now[0] = 20.0
    assert rate.wait_s("a") == 0
    now[0] = 10_000.0
    assert [rate.wait_s("a") for _ in range(4)] == [0, 0, 0, 20]


def letter(topic: str, value: bytes, position: str = "1") -> e.DeadLettered:
    return e.DeadLettered(
        event_id=position, at=NOW, topic=topic, stage="x", position=position, reason="x", key="k", value=value
    )


def test_letters_go_back_by_their_topics_writer_and_once() -> None:
    report = taken()
    sighting = e.SightingRecorded(event_id="1", at=NOW, alert_id="a", report_id="r", place=report.place)  # type: ignore[arg-type]
    good, other = e.encode(report), e.encode(sighting)
    found = sort(
        [
            letter("reports.received", good), letter("reports.received", good, "2"),
            letter("reports.sighted", other), letter("reports.sighted", good), letter("gone", good),
            letter("reports.received", b"{}"),
        ]
    )  # fmt: skip
    assert found.again == {"producers": [report], "consumers": [sighting]}
    assert found.repeated == 1
    assert sorted(x for x, _ in found.staying) == ["gone", "reports.received", "reports.sighted"]
    assert found.by_topic == {"reports.received": 1, "reports.sighted": 1}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda x: x.name)
def test_every_topic_has_a_room_to_replay_as(topic: object) -> None:
    assert writer_of(topic) in topic.writers  # type: ignore[arg-type, attr-defined]
