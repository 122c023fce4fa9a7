"""Released alerts for the public: the status of a text, and looking up a code or a pasted text."""

from datetime import timedelta

import pytest

from console.public import cap
from console.public.warnings import PublishedAlert, codes_in, is_same_text, look_up
from console.web.status_icons import TextStatus
from fenghuo.domain import warning_text
from tests.support.cap_builders import ABOUT, AT, CORRECTION, ID, TEXT, whole_life


def life_of(steps: int) -> PublishedAlert:
    return PublishedAlert(ID, cap.documents(whole_life()[:steps], ABOUT))


def test_a_replaced_text_is_told_from_the_one_that_holds() -> None:
    one, now = life_of(2), AT + timedelta(hours=2, minutes=5)
    first, second = (x.code for x in one.documents)
    assert [x.status for x in look_up([one], [first], now)] == [TextStatus.REPLACED]
    assert [x.status for x in look_up([one], [second], now)] == [TextStatus.CURRENT]
    assert [x.by_code for x in look_up([one], [one.number], now)] == [False]
    assert look_up([one], [], now) == []


def test_after_a_recall_every_text_is_recalled_but_the_correction() -> None:
    one, now = life_of(3), AT + timedelta(hours=4)
    assert [look_up([one], [x.code], now)[0].status for x in one.documents] == [
        TextStatus.RECALLED,
        TextStatus.RECALLED,
        TextStatus.CORRECTION,
    ]
    assert one.last_warning.code == one.documents[1].code


def test_the_feed_tells_a_recall_for_a_day_and_says_when_that_ended() -> None:
    one, recalled_at = life_of(3), AT + timedelta(hours=3)
    end = recalled_at + cap.CANCEL_LIFE
    assert one.is_current(end - timedelta(seconds=1)) and not one.is_current(end)
    assert one.last_change(end - timedelta(seconds=1)) == recalled_at
    assert one.last_change(end + timedelta(days=1)) == end
    standing = life_of(1)
    assert standing.last_change(AT + timedelta(hours=30)) == AT + timedelta(hours=24)


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ("1a2b3c4d", ["1A2B3C4D"]),
        ("１Ａ２Ｂ３Ｃ４Ｄ", ["1A2B3C4D"]),
        ("1a2b 3c4d", ["1A2B3C4D"]),
        ("编号 11112222，核验码：33334444", ["11112222", "33334444"]),
        ("骗子的网址如 abcdefgh[.]example\n编号 11112222，核验码 33334444", ["11112222", "33334444"]),
        ("11112222 33334444", ["11112222", "33334444"]),
        ("123456789", []),
        ("", []),
    ],
)
def test_codes_are_found_in_what_people_type(asked: str, codes: list[str]) -> None:
    assert codes_in(asked) == codes


def test_only_a_pasted_text_is_compared() -> None:
    document = life_of(1).newest
    assert is_same_text(document.code, document) is None
    assert is_same_text(f"编号 {warning_text.number(ID)}，核验码 {document.code}", document) is None
    assert is_same_text(document.text, document) is True
    assert is_same_text(TEXT, document) is False
    assert is_same_text(CORRECTION + TEXT, document) is False
