"""Texts that are written to be read otherwise than from left to right."""

import pytest

from patterns.judgement.readings import other_orders, undisguised
from patterns.text.normalise import clean


def test_a_text_that_begins_with_its_end_is_read_backwards() -> None:
    assert other_orders("。号账的您")[0] == "您的账号。"


def test_columns_are_read_from_either_side() -> None:
    found = other_orders("一四七\n二五八\n三六九")
    assert "一二三四五六七八九" in found and "七八九四五六一二三" in found and "一四七二五八三六九" in found


@pytest.mark.parametrize(
    "text", ["", "收到", "明天开会\n三楼", "一行\n" + "很长的一行" * 9 + "\n又一行", "x" * 500]
)
def test_an_ordinary_text_has_no_other_reading(text: str) -> None:
    assert other_orders(text) == ()


def test_rare_characters_are_read_by_their_sound_and_signs_between_are_dropped() -> None:
    assert undisguised(clean("茴馈咾客户")) == "回馈老客户"
    assert undisguised("快|递#理@赔") == "快递理赔"
    assert undisguised("请加微信 abc_123") == "请加微信 abc_123"
