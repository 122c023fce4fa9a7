"""Between which characters a text may be cut."""

import pytest

from patterns.text.language import foreign_language
from patterns.text.words import is_between_words

KNOWN = frozenset(("企业", "法人", "理赔"))


@pytest.mark.parametrize(
    ("text", "at"),
    [("法人信息", 0), ("法人信息", 4), ("您的法人", 2), ("企业法人", 2), ("收款ABC客服", 5), ("我的了", 1)],
)
def test_a_cut_is_allowed_at_the_ends_beside_a_function_word_and_between_known_words(
    text: str, at: int
) -> None:
    assert is_between_words(text, at, KNOWN)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("企业法人", 1),
        ("企业法人", 3),
        ("目的地", 1),
        ("了解情况", 1),
        ("丁丙理赔", 2),
        ("6800元", 2),
        ("6800元", 4),
        ("ABC", 1),
        ("30分钟", 2),
    ],
)
def test_a_cut_is_never_inside_a_word_a_number_or_where_nothing_speaks_for_it(text: str, at: int) -> None:
    assert not is_between_words(text, at, KNOWN)


def test_a_text_without_letters_has_no_language() -> None:
    assert foreign_language(["123 456", ""]) == foreign_language([]) == ""


def test_links_in_a_chinese_text_are_no_language() -> None:
    assert foreign_language(["请登录 https://www.example.com/very/long/path/of/letters 办理"]) == ""


def test_japanese_is_told_from_chinese_by_its_kana() -> None:
    assert foreign_language(["お客様の口座が停止されました。本日中に確認してください。"]) == "日文"
