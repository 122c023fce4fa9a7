"""The laws of showing where two messages differ."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.differences import Span, differences

EXEMPLAR = "【工商通知】您的企业法人信息已到期，请于今日24时前登录 gs-nianjian[.]example[.]com 完成认证。"


def shown(text: str, spans: tuple[Span, ...]) -> list[str]:
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("other", "gone", "new"),
    [
        (EXEMPLAR, [], []),
        (EXEMPLAR.replace("24", "２４").replace("企业", "企\u200b业").replace("，", "， "), [], []),
        (EXEMPLAR.replace("。", "！"), [], []),
        (
            EXEMPLAR.replace("gs-nianjian", "gs-nj"),
            ["gs-nianjian[.]example[.]com"],
            ["gs-nj[.]example[.]com"],
        ),
        (EXEMPLAR.replace("24时", "18时"), ["24"], ["18"]),
        (EXEMPLAR.replace("已到期", "到期了"), ["已"], ["了"]),
        ("刚收到的，是真的吗？" + EXEMPLAR, [], ["刚收到的，是真的吗？"]),
        (EXEMPLAR[:20], [EXEMPLAR[20:]], []),
        ("", [EXEMPLAR], []),
    ],
)
def test_what_differs_is_shown_and_nothing_else(other: str, gone: list[str], new: list[str]) -> None:
    found = differences(EXEMPLAR, other)
    assert shown(EXEMPLAR, found.exemplar) == gone
    assert shown(other, found.other) == new


def test_differences_with_one_character_between_them_are_one_run() -> None:
    mine, other = "请您今日办理认证", "请您明天办好手续"
    found = differences(mine, other)
    assert shown(mine, found.exemplar) == ["今日办理认证"]
    assert shown(other, found.other) == ["明天办好手续"]


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_spans_lie_in_their_texts_in_order_and_a_text_does_not_differ_from_itself(
    one: str, another: str
) -> None:
    found = differences(one, another)
    for text, spans in ((one, found.exemplar), (another, found.other)):
        ends = [0, *(place for span in spans for place in span), len(text)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in spans)
    assert differences(one, one) == ((), ())
