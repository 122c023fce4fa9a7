"""What a channel's limit leaves of a warning."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from broadcast.channels.text_truncation import GAP, truncate
from fenghuo.domain.channels import WECOM_ROBOT

HEADLINE = "【反诈预警】冒充市场监管"
ADVICE = "提醒：市场监管部门不会发链接要求年报。已付款的，马上拨打 110；拿不准的，拨打 96110。"
FOOT = "示范区反诈中心\n编号 1A2B3C4D，核验码 7F2A"


def warning(*middle: str) -> str:
    return "\n".join((HEADLINE, *middle, ADVICE, FOOT))


sentences = st.lists(
    st.tuples(st.text('骗子说你的店铺年报过期a"，、 😀\u200b', max_size=40), st.sampled_from("。！？；")).map(
        "".join
    ),
    max_size=12,
).map("".join)
warnings = st.lists(sentences, min_size=1, max_size=6).map(lambda middle: warning(*middle))


def test_what_fits_is_left_alone() -> None:
    text = warning("对方说年报过期。")
    assert truncate(text, len(text.encode())) == text


def test_the_middle_is_shortened_at_the_end_of_a_sentence() -> None:
    text = warning("第一句话。第二句话。第三句话。", "另一行。")
    fitted = truncate(text, len(text.encode()) - 1)
    assert fitted == warning("第一句话。第二句话。第三句话。", GAP)
    shorter = truncate(text, len(text.encode()) - 20)
    assert shorter == warning(f"第一句话。第二句话。{GAP}")


def test_the_least_is_headline_advice_and_foot_and_less_is_refused() -> None:
    text = warning("很长的一句话，" * 50 + "完。")
    least = "\n".join((HEADLINE, GAP, ADVICE, FOOT))
    assert truncate(text, len(least.encode())) == least
    with pytest.raises(ValueError, match="headline, advice and foot"):
        truncate(text, len(least.encode()) - 1)


def test_a_first_line_of_two_sentences_stays_whole_where_there_is_room() -> None:
    text = "【反诈预警】有人冒充客服！请勿转账。\n" + "他们说要退款。" * 30 + "\n" + ADVICE
    assert truncate(text, 250).startswith("【反诈预警】有人冒充客服！请勿转账。\n")
    least = f"【反诈预警】有人冒充客服！{GAP}\n{ADVICE}"
    assert truncate(text, len(least.encode())) == least


def test_a_first_line_that_is_the_whole_text_keeps_its_first_sentence_and_its_advice() -> None:
    text = "【预警】有人冒充客服。" + "他们说要退款。" * 30 + "咨询请拨 96110。\n编号 1A2B3C4D，核验码 7F2A"
    fitted = truncate(text, 200)
    assert fitted.startswith("【预警】有人冒充客服。他们说要退款。")
    assert fitted.endswith(f"{GAP}咨询请拨 96110。\n编号 1A2B3C4D，核验码 7F2A")


def test_a_number_that_only_holds_110_is_no_advice() -> None:
    text = HEADLINE + "\n" + "再说一遍。" * 40 + "\n咨询请拨 96110。\n" + "转了 11000 元，卡号 21109。" * 20
    assert "咨询请拨 96110。" in truncate(text, 150)


@given(warnings, st.integers(250, 1500))
def test_headline_advice_and_foot_stand_whole_within_the_limit(text: str, most: int) -> None:
    fitted = truncate(text, most)
    assert len(fitted.encode()) <= most
    lines = fitted.split("\n")
    assert lines[0] == HEADLINE
    assert fitted.endswith(f"\n{ADVICE}\n{FOOT}")


@given(warnings, st.integers(250, 1500))
def test_what_is_left_is_the_text_with_whole_sentences_taken_out(text: str, most: int) -> None:
    fitted = truncate(text, most)
    assume(fitted != text)
    parts = fitted.split(GAP)
    assert len(parts) == 2
    assert text.startswith(parts[0])
    assert text.endswith(parts[1].removeprefix("\n"))
    assert parts[0][-1] in '。！？；\n"' or parts[0].endswith(HEADLINE)


@given(st.text(max_size=300), st.integers(0, 400))
def test_any_text_at_all_is_fitted_or_refused(text: str, most: int) -> None:
    try:
        fitted = truncate(text, most)
    except ValueError:
        return
    assert len(fitted.encode()) <= most
    at = 0
    for part in fitted.split(GAP):
        found = text.find(part, at) if part.strip() else at
        assert found >= 0
        at = found


@given(warnings, st.integers(250, 900), st.integers(0, 600))
def test_more_room_never_leaves_less(text: str, most: int, more: int) -> None:
    kept = [len(re.sub(f"{GAP}\n?", "", truncate(text, room))) for room in (most, most + more)]
    assert kept[0] <= kept[1]


def test_a_long_text_is_fitted_in_a_moment() -> None:
    text = warning("短句。" * 20_000)
    assert len(truncate(text, WECOM_ROBOT.max_bytes).encode()) > WECOM_ROBOT.max_bytes - 20
