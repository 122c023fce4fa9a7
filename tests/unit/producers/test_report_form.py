"""The fields of a report: what is accepted, cleaned, refused."""

from datetime import UTC, datetime

import pytest

from fenghuo.domain import events as e
from fenghuo.security.passwords import pseudonym
from producers.report_form import FIELDS, IMPORTED, LONGEST_TEXT, Flaw, Report, check, clean

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


def test_an_urgent_stage_is_an_alarm_and_an_old_table_is_none() -> None:
    report, flaws = check({"text": "x", "stage": "paid"}, district="d", reporter="r", secret="s" * 32)
    assert report is not None and flaws == []
    assert isinstance(report.received("r1", NOW, "api"), e.AlarmReceived)
    assert not isinstance(report.received("r1", NOW, IMPORTED), e.AlarmReceived)
